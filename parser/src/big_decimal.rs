//! Numbers as Java's `BigDecimal` reads and prints them.

use std::borrow::Cow;

use crate::event::{Arena, Value};

/// How many digits a number may have when it is written out, unless it was given with more, so that `1e999999999` does not fill
/// the memory.
const DIGITS_MAX: usize = 10_000;

/// The integer part of a decimal number; `None` where the text is none.
pub(crate) fn to_integer<'a>(text: &str, arena: &'a Arena) -> Option<Value<'a>> {
    let number = Decimal::parse(text)?;
    let digits = number.integer_digits()?;
    if let Ok(small) = digits.parse() {
        return Some(Value::Int(small));
    }
    Some(Value::BigInt(arena.alloc_str(&digits)))
}

/// A decimal number as it prints; `None` where the text is none.
pub(crate) fn to_decimal<'a>(text: &str, arena: &'a Arena) -> Option<Value<'a>> {
    Some(Value::Decimal(arena.alloc_str(&printed(text)?)))
}

/// How a decimal number prints; `None` where the text is none.
pub(crate) fn printed(text: &str) -> Option<String> {
    Some(Decimal::parse(text)?.print())
}

/// The zeros of the scripts that have digits of their own. Java reads 16 bits at a time, so those beyond are none to it.
const ZEROS: [u16; 36] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
    0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// The text with the digits of all scripts as those of ASCII, as Java's numbers take them.
pub(crate) fn ascii_digits(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let ascii = |letter: char| {
        let value = |zero: &u16| u32::from(letter).checked_sub(u32::from(*zero));
        match ZEROS.iter().filter_map(value).min() {
            Some(value @ 0..=9) => char::from(b'0' + value as u8),
            _ => letter,
        }
    };
    text.chars().map(ascii).collect()
}

/// `digits` times ten to the power of minus `scale`.
struct Decimal {
    negative: bool,
    /// Without leading zeros; zero is "0".
    digits: String,
    scale: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let text = &*ascii_digits(text);
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = all.trim_start_matches('0');
        Some(Self {
            negative,
            digits: if digits.is_empty() { "0" } else { digits }.to_owned(),
            scale: fraction.len() as i64 - i64::from(exponent),
        })
    }

    /// The digits before the point, with their sign.
    fn integer_digits(&self) -> Option<String> {
        let length = self.digits.len() as i64 - self.scale;
        if self.digits == "0" || length <= 0 {
            return Some("0".to_owned());
        }
        let length = length as usize;
        if length > DIGITS_MAX.max(self.digits.len()) {
            return None;
        }
        let kept = &self.digits[..length.min(self.digits.len())];
        let sign = if self.negative { "-" } else { "" };
        // The width of a format has 16 bits.
        let zeros = "0".repeat(length - kept.len());
        Some(format!("{sign}{kept}{zeros}"))
    }

    /// As `BigDecimal.toString` prints it.
    fn print(&self) -> String {
        let sign = if self.negative && self.digits != "0" {
            "-"
        } else {
            ""
        };
        let digits = &self.digits;
        let count = digits.len() as i64;
        let exponent = count - 1 - self.scale;
        if self.scale == 0 {
            return format!("{sign}{digits}");
        }
        if self.scale > 0 && exponent >= -6 {
            let point = count - self.scale;
            if point > 0 {
                let (whole, fraction) = digits.split_at(point as usize);
                return format!("{sign}{whole}.{fraction}");
            }
            let zeros = "0".repeat(point.unsigned_abs() as usize);
            return format!("{sign}0.{zeros}{digits}");
        }
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}E{exponent:+}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_are_given_are_kept_however_many() {
        let arena = Arena::new();
        let digits = "7".repeat((1 << 16) + 5);
        for (text, kept) in [
            (digits.clone(), digits.len()),
            (format!("{digits}.5"), digits.len()),
            (format!("{digits}e-3"), digits.len() - 3),
        ] {
            assert_eq!(
                to_integer(&text, &arena),
                Some(Value::BigInt(&digits[..kept]))
            );
        }
        assert_eq!(to_integer(&format!("{digits}e1"), &arena), None);
    }

    #[test]
    fn integers_are_cut_off_at_the_point() {
        let arena = Arena::new();
        let cases = [
            ("12", Some(Value::Int(12))),
            ("-12.99", Some(Value::Int(-12))),
            ("+0.5", Some(Value::Int(0))),
            ("-0", Some(Value::Int(0))),
            (".5", Some(Value::Int(0))),
            ("5.", Some(Value::Int(5))),
            ("1e3", Some(Value::Int(1000))),
            ("1234e-2", Some(Value::Int(12))),
            (
                "99999999999999999999.5",
                Some(Value::BigInt("99999999999999999999")),
            ),
            ("1e999999999", None),
            ("١٢.٩", Some(Value::Int(12))),
            ("𝟙", None),
            (" 7", None),
            ("", None),
            (".", None),
            ("1e", None),
            ("0x1F", None),
        ];
        for (text, want) in cases {
            assert_eq!(to_integer(text, &arena), want, "{text:?}");
        }
    }

    #[test]
    fn decimals_print_as_in_java() {
        let arena = Arena::new();
        let cases = [
            ("12.340", Some("12.340")),
            ("0012", Some("12")),
            ("-.5", Some("-0.5")),
            ("0.0000001", Some("1E-7")),
            ("0.00000123", Some("0.00000123")),
            ("1e3", Some("1E+3")),
            ("12.5e10", Some("1.25E+11")),
            ("0.00", Some("0.00")),
            ("abc", None),
        ];
        for (text, want) in cases {
            let want = want.map(Value::Decimal);
            assert_eq!(to_decimal(text, &arena), want, "{text:?}");
        }
    }
}
