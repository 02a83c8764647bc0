//! `:int` and `:float`: what Ruby's `String#to_i` and `String#to_f` make of a text.
//!
//! Both take the longest number the text starts with and never fail: `12.7` is 12 and `abc` is 0.

use std::borrow::Cow;

/// An integer, however large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integer<'t> {
    /// It fits 64 bits.
    Small(i64),
    /// It does not: its decimal digits with their sign, without leading zeros.
    Big(Cow<'t, str>),
}

/// What `String#to_i` makes of `text`: optional white space, a sign, then decimal digits, between
/// which single underscores may stand. `0x1F` is 0.
pub fn to_i(text: &str) -> Integer<'_> {
    let text = text.trim_start_matches(is_ruby_space);
    let length = integer_length(text);
    let digits = &text[..length];
    if let Ok(small) = digits.parse() {
        return Integer::Small(small);
    }
    let digits = without_underscores(digits);
    match digits.parse() {
        Ok(small) => Integer::Small(small),
        Err(_) => match big(digits) {
            Some(digits) => Integer::Big(digits),
            None => Integer::Small(0),
        },
    }
}

/// What `String#to_f` makes of `text`: like [`to_i`], with a fraction and an exponent where each has digits.
pub fn to_f(text: &str) -> f64 {
    let text = text.trim_start_matches(is_ruby_space);
    let mut end = integer_length(text);
    let bytes = text.as_bytes();
    if bytes.get(end) == Some(&b'.') {
        let digits = digits_length(&bytes[end + 1..]);
        if digits > 0 {
            end += 1 + digits;
        }
    }
    if end > 0 && matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let digits = digits_length(&bytes[(end + 1 + sign).min(bytes.len())..]);
        if digits > 0 {
            end += 1 + sign + digits;
        }
    }
    without_underscores(&text[..end]).parse().unwrap_or(0.0)
}

/// The digits of an integer beyond 64 bits, as they are printed; `None` where there are none.
fn big(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, &text[..]),
    };
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return None;
    }
    if digits.len() == text.len() || (negative && digits.len() + 1 == text.len()) {
        return Some(text);
    }
    Some(Cow::Owned(format!(
        "{}{digits}",
        if negative { "-" } else { "" }
    )))
}

/// How much of `text` is a sign and digits; only a sign that a fraction may follow counts alone.
fn integer_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    sign + digits_length(&bytes[sign..])
}

/// Digits, with single underscores between them.
fn digits_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let between = *byte == b'_'
            && length > 0
            && bytes[length - 1] != b'_'
            && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_digit() && !between {
            break;
        }
        length += 1;
    }
    length
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    }
}

fn is_ruby_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_ruby_reads_them() {
        let cases = [
            ("42", 42),
            ("-7", -7),
            ("+7", 7),
            ("  12", 12),
            ("12.7", 12),
            ("12abc", 12),
            ("abc", 0),
            ("", 0),
            ("-", 0),
            ("0x1F", 0),
            ("1_000", 1000),
            ("1__0", 1),
            ("_1", 0),
            ("1_", 1),
            ("007", 7),
            ("9223372036854775807", i64::MAX),
        ];
        for (text, number) in cases {
            assert_eq!(to_i(text), Integer::Small(number), "{text:?}");
        }
    }

    #[test]
    fn integers_beyond_64_bits_are_kept() {
        let cases = [
            ("9223372036854775808", "9223372036854775808"),
            ("-99999999999999999999", "-99999999999999999999"),
            ("+99999999999999999999x", "99999999999999999999"),
            ("00099999999999999999999", "99999999999999999999"),
            ("99_999_999_999_999_999_999", "99999999999999999999"),
        ];
        for (text, digits) in cases {
            assert_eq!(to_i(text), Integer::Big(digits.into()), "{text:?}");
        }
        assert_eq!(to_i("0000000000000000000000"), Integer::Small(0));
    }

    #[test]
    fn floats_are_read_as_ruby_reads_them() {
        let cases = [
            ("1.5", 1.5),
            ("-.5", -0.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1e", 1.0),
            ("1e+", 1.0),
            ("1E-2x", 0.01),
            ("1_000.2_5", 1000.25),
            ("abc", 0.0),
            ("", 0.0),
            ("-", 0.0),
            ("Infinity", 0.0),
            ("nan", 0.0),
            ("0x1F", 0.0),
        ];
        for (text, number) in cases {
            assert_eq!(to_f(text), number, "{text:?}");
        }
    }
}
