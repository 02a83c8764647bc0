//! How a decimal number prints that was read from JSON: as it was written, unless Java's `BigDecimal` writes it
//! another way (source: `BigDecimal.toString`).

use crate::event::Arena;

/// The number as Java prints it: `1.50` stays, `15e-1` is `1.5`, `0.1e1` is `1`, `1e5` is `1E+5`, and `0.0000001` is `1E-7`.
pub(super) fn canonical<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (sign, unsigned) = match mantissa.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", mantissa),
    };
    let is_small = unsigned.starts_with("0.000000");
    if exponent.is_none() && sign.is_empty() && !is_small {
        return text;
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = [whole, fraction].concat();
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    // There is no negative zero.
    let sign = if digits == "0" { "" } else { sign };
    let Ok(exponent) = exponent.map_or(Ok(0), str::parse::<i32>) else {
        return text;
    };
    let scale = fraction.len() as i64 - i64::from(exponent);
    let adjusted = digits.len() as i64 - 1 - scale;
    let printed = if scale == 0 {
        format!("{sign}{digits}")
    } else if scale > 0 && adjusted >= -6 {
        let scale = scale as usize;
        let zeros = "0".repeat((scale + 1).saturating_sub(digits.len()));
        let all = [&zeros, digits].concat();
        let (whole, fraction) = all.split_at(all.len() - scale);
        format!("{sign}{whole}.{fraction}")
    } else {
        let (first, others) = digits.split_at(1);
        let point = if others.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{others}E{adjusted:+}")
    };
    if printed == text {
        return text;
    }
    arena.alloc_str(&printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_as_in_java() {
        let arena = Arena::new();
        for (text, printed) in [
            ("1.50", "1.50"),
            ("-1.50", "-1.50"),
            ("0.1e1", "1"),
            ("1.5e1", "15"),
            ("1e0", "1"),
            ("15e-1", "1.5"),
            ("1E5", "1E+5"),
            ("-1.5e3", "-1.5E+3"),
            ("1e-6", "0.000001"),
            ("1e-7", "1E-7"),
            ("0.0000001", "1E-7"),
            ("0.000001", "0.000001"),
            ("0.00000012", "1.2E-7"),
            ("123e-2", "1.23"),
            ("-0.0", "0.0"),
            ("0e0", "0"),
            ("0e5", "0E+5"),
            ("0.0e3", "0E+2"),
            ("1e99999999999", "1e99999999999"),
        ] {
            assert_eq!(canonical(text, &arena), printed, "{text}");
        }
    }
}
