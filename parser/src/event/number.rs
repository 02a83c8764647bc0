//! How numbers are printed: as Java does in JSON and templates, as Ruby does in `convert`.

use std::io::Write;

/// Appends a double as `Double.toString` prints it: `1.0`, `1.0E20`, `1.0E-5`.
pub fn push_float(out: &mut Vec<u8>, value: f64) {
    push_scientific(out, value, -3, 7, "E");
}

/// Appends a double as JRuby's `Float#to_s` prints it: `1.0`, `1.0e+20`, `1.0e-05`. It goes through a
/// format of twenty digits, so that plain digits end later than in other Rubies, and the numbers that
/// fill all twenty, leaving none behind the point, lose those after the fifteenth (seen in JRuby 9.4).
pub fn push_float_ruby(out: &mut Vec<u8>, value: f64) {
    if (1e19..1e20).contains(&value.abs()) {
        let text = format!("{value:.14e}");
        let mantissa = text
            .split('e')
            .next()
            .unwrap_or_default()
            .trim_end_matches('0');
        let zero = if mantissa.ends_with('.') { "0" } else { "" };
        let _ = write!(out, "{mantissa}{zero}e+19");
        return;
    }
    push_scientific(out, value, -4, 19, "e");
}

/// Plain digits while 10^low <= |value| < 10^high, else a mantissa and an exponent.
fn push_scientific(out: &mut Vec<u8>, value: f64, low: i32, high: i32, mark: &str) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        let text: &[u8] = if value > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        };
        return out.extend_from_slice(text);
    }
    if value == 0.0 {
        let text: &[u8] = if value.is_sign_negative() {
            b"-0.0"
        } else {
            b"0.0"
        };
        return out.extend_from_slice(text);
    }
    // Rust prints the shortest digits that read back as the same double: d.ddde±x.
    let start = out.len();
    let _ = write!(out, "{value:e}");
    let Some(e) = out[start..].iter().position(|&byte| byte == b'e') else {
        return;
    };
    let exponent: i32 = std::str::from_utf8(&out[start + e + 1..])
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    if (low..high).contains(&exponent) {
        out.truncate(start);
        let _ = write!(out, "{value}");
        if !out[start..].contains(&b'.') {
            out.extend_from_slice(b".0");
        }
        return;
    }
    out.truncate(start + e);
    if !out[start..].contains(&b'.') {
        out.extend_from_slice(b".0");
    }
    let _ = if mark == "e" {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.abs())
    } else {
        write!(out, "E{exponent}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java(value: f64) -> String {
        let mut out = Vec::new();
        push_float(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    fn ruby(value: f64) -> String {
        let mut out = Vec::new();
        push_float_ruby(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_print_as_in_java() {
        let cases = [
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (9_999_999.0, "9999999.0"),
            (12_345_678.9, "1.23456789E7"),
            (1e20, "1.0E20"),
            (-0.0, "-0.0"),
        ];
        for (value, text) in cases {
            assert_eq!(java(value), text);
        }
    }

    #[test]
    fn doubles_print_as_in_ruby() {
        let cases = [
            (1e20, "1.0e+20"),
            (1e15, "1000000000000000.0"),
            (1e16, "10000000000000000.0"),
            (1.234_567_890_123_456_8e17, "123456789012345680.0"),
            (9e18, "9000000000000000000.0"),
            (1e19, "1.0e+19"),
            (1.234_567_890_123_456_7e19, "1.23456789012346e+19"),
            (-1.25e19, "-1.25e+19"),
            (1.234_567_890_123_456_8e20, "1.2345678901234568e+20"),
            (0.0001, "0.0001"),
            (0.00001, "1.0e-05"),
            (12.5, "12.5"),
        ];
        for (value, text) in cases {
            assert_eq!(ruby(value), text);
        }
    }
}
