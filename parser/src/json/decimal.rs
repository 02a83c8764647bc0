//! How a decimal number prints that was read from JSON: as it was written, unless Java's `BigDecimal` writes it
//! another way (source: `BigDecimal.toString`).

use crate::big_decimal;
use crate::event::Arena;

/// The number as Java prints it: `1.50` stays, `15e-1` is `1.5`, `0.1e1` is `1`, `1e5` is `1E+5`, and `0.0000001` is `1E-7`.
/// What Java cannot hold stays.
pub(super) fn canonical<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_small = unsigned.starts_with("0.000000");
    let is_negative_zero =
        unsigned.len() < text.len() && unsigned.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    // Most are written as they print.
    if !(is_small || is_negative_zero || unsigned.contains(['e', 'E'])) {
        return text;
    }
    match big_decimal::printed(text) {
        Some(printed) if printed != text => arena.alloc_str(&printed),
        _ => text,
    }
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
            ("-0.05", "-0.05"),
            ("-0.00000012", "-1.2E-7"),
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
