//! `convert`: texts and numbers to other types, as strictly as Ruby's `Float()` and `BigDecimal()`.

use std::borrow::Cow;

use super::Failed;
use super::text::strip;
use crate::big_decimal;
use crate::event::{Arena, Array, Event, FieldRef, Value, ruby_text};

/// What a field is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    String,
    Integer,
    IntegerEu,
    Float,
    FloatEu,
    Boolean,
}

impl Conversion {
    pub(super) const NAMES: &'static [&'static str] = &[
        "string",
        "integer",
        "float",
        "boolean",
        "integer_eu",
        "float_eu",
    ];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "integer" => Self::Integer,
            "integer_eu" => Self::IntegerEu,
            "float" => Self::Float,
            "float_eu" => Self::FloatEu,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// The converted value of a field, of an array all its elements; `None` where it stays as it is.
    pub(super) fn convert_field<'a>(
        self,
        event: &Event<'a>,
        field: FieldRef<'_>,
    ) -> Result<Option<Value<'a>>, Failed> {
        let arena = event.arena();
        match event.get(field) {
            None | Some(Value::Null | Value::Object(_)) => Ok(None),
            Some(Value::Array(values)) => {
                let mut converted = Array::with_capacity_in(values.len(), arena);
                for value in values {
                    converted.push(match value {
                        Value::Null => Value::Null,
                        value => self.convert(value, arena)?,
                    });
                }
                Ok(Some(Value::Array(converted)))
            }
            Some(value) => self.convert(value, arena).map(Some),
        }
    }

    fn convert<'a>(self, value: &Value<'a>, arena: &'a Arena) -> Result<Value<'a>, Failed> {
        match self {
            Self::String => Ok(Value::Str(ruby_text(value, arena))),
            Self::Boolean => Ok(boolean(value, arena)),
            Self::Integer => integer(value, arena),
            Self::Float => float(value),
            Self::IntegerEu => match value {
                Value::Str(text) => integer_of_text(&european(text), arena),
                other => integer(other, arena),
            },
            Self::FloatEu => match value {
                Value::Str(text) => float_of_text(&european(text)).map(Value::Float),
                other => float(other),
            },
        }
    }
}

/// Swaps points and commas.
fn european(text: &str) -> String {
    let swap = |letter| match letter {
        ',' => '.',
        '.' => ',',
        other => other,
    };
    text.chars().map(swap).collect()
}

/// What is neither true nor false stays. Every line of a text is looked at, as `^` and `$` do in Ruby.
fn boolean<'a>(value: &Value<'a>, arena: &'a Arena) -> Value<'a> {
    let text = ruby_text(value, arena);
    let is_one_of = |words: &[&str], digit: u8| {
        text.split('\n').any(|line| {
            let number = matches!(line.as_bytes(), [whole, _, b'0'] if *whole == digit);
            number || words.iter().any(|word| line.eq_ignore_ascii_case(word))
        })
    };
    if is_one_of(&["true", "t", "yes", "y", "1"], b'1') {
        Value::Bool(true)
    } else if text.is_empty() || is_one_of(&["false", "f", "no", "n", "0"], b'0') {
        Value::Bool(false)
    } else {
        value.clone()
    }
}

fn integer<'a>(value: &Value<'a>, arena: &'a Arena) -> Result<Value<'a>, Failed> {
    match value {
        Value::Str(text) => integer_of_text(text, arena),
        Value::Bool(yes) => Ok(Value::Int(i64::from(*yes))),
        Value::Int(_) | Value::BigInt(_) => Ok(value.clone()),
        Value::Float(number) => truncate(*number, arena),
        Value::Decimal(text) => big_decimal::to_integer(text, arena).ok_or(Failed),
        Value::Timestamp(timestamp) => Ok(Value::Int(timestamp.seconds())),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Failed),
    }
}

fn truncate<'a>(number: f64, arena: &'a Arena) -> Result<Value<'a>, Failed> {
    if !number.is_finite() {
        return Err(Failed);
    }
    // Casting saturates, so only what is well inside is cast.
    if number.abs() < 9e18 {
        return Ok(Value::Int(number as i64));
    }
    Ok(integer_value(&format!("{:.0}", number.trunc()), arena))
}

/// An integer of decimal digits with an optional sign.
fn integer_value<'a>(digits: &str, arena: &'a Arena) -> Value<'a> {
    let (sign, rest) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits.strip_prefix('+').unwrap_or(digits)),
    };
    let rest = rest.trim_start_matches('0');
    if rest.is_empty() {
        return Value::Int(0);
    }
    let digits = format!("{sign}{rest}");
    match digits.parse() {
        Ok(small) => Value::Int(small),
        Err(_) => Value::BigInt(arena.alloc_str(&digits)),
    }
}

/// Without space around it and commas in it, in lower case.
fn normalized(text: &str) -> Cow<'_, str> {
    let text = strip(text);
    if text
        .bytes()
        .any(|byte| byte == b',' || byte.is_ascii_uppercase())
    {
        Cow::Owned(text.replace(',', "").to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn integer_of_text<'a>(text: &str, arena: &'a Arena) -> Result<Value<'a>, Failed> {
    let text = normalized(text);
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(small) = text.parse()
    {
        return Ok(Value::Int(small));
    }
    match hexadecimal(&text) {
        None => decimal_integer(&text, arena),
        Some((negative, digits)) if digits.contains('.') => {
            truncate(hexadecimal_float(negative, digits)?, arena)
        }
        Some((negative, digits)) => {
            let digits = without_underscores(digits).ok_or(Failed)?;
            let number = i128::from_str_radix(&digits, 16).map_err(|_| Failed)?;
            let sign = if negative { "-" } else { "" };
            Ok(integer_value(&format!("{sign}{number}"), arena))
        }
    }
}

/// The sign and the digits of `0x1f`.
fn hexadecimal(text: &str) -> Option<(bool, &str)> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    unsigned.strip_prefix("0x").map(|digits| (negative, digits))
}

/// `1.edcdp6`: digits before and after the point, and an exponent of two.
fn hexadecimal_float(negative: bool, text: &str) -> Result<f64, Failed> {
    let (mantissa, exponent) = match text.split_once('p') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| Failed)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let whole = without_underscores(whole).ok_or(Failed)?;
    let fraction = without_underscores(fraction).ok_or(Failed)?;
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = digit.to_digit(16).ok_or(Failed)?;
        value = value * 16.0 + f64::from(digit);
    }
    let shift = exponent.saturating_sub(4 * i32::try_from(fraction.len()).unwrap_or(i32::MAX));
    let value = value * 2f64.powi(shift);
    Ok(if negative { -value } else { value })
}

/// Digits between which single underscores may stand; `None` where there are none, or the underscores stand elsewhere.
pub(crate) fn without_underscores(digits: &str) -> Option<Cow<'_, str>> {
    if !digits.contains('_') {
        return (!digits.is_empty()).then_some(Cow::Borrowed(digits));
    }
    let misplaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    (!misplaced).then(|| Cow::Owned(digits.replace('_', "")))
}

/// A decimal number such as `-1_2.5e3`, without the underscores that may stand between its digits; `None` where the text is none.
/// `bare_point` also takes `12.`.
fn decimal(text: &str, bare_point: bool) -> Option<Cow<'_, str>> {
    let is_number = |digits| {
        without_underscores(digits)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        None => is_number(mantissa),
        Some((whole, "")) if bare_point => is_number(whole),
        Some(("", fraction)) => is_number(fraction),
        Some((whole, fraction)) => is_number(whole) && is_number(fraction),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        is_number(unsigned)
    });
    if !mantissa_fits || !exponent_fits {
        return None;
    }
    Some(if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    })
}

/// What stands before what JRuby's `BigDecimal` passes over although it should refuse it: a single character, with space before it
/// or not, as in `95%` and `12.5 s`, and a sign with digits behind a number without an exponent, as in `10-20`.
fn before_junk(text: &str) -> Option<&str> {
    if text.contains('_') {
        // Only alone is one junk.
        return text.strip_suffix('_').filter(|rest| !rest.contains('_'));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.contains('e')
        && let Some(sign) = unsigned.rfind(['+', '-'])
    {
        let behind = unsigned[sign + 1..].trim_start_matches(|digit: char| digit.is_ascii_digit());
        let number = &text[..text.len() - unsigned.len() + sign];
        return (behind.chars().count() <= 1).then_some(number);
    }
    let last = text.chars().next_back()?;
    let number = &text[..text.len() - last.len_utf8()];
    (last != 'e').then(|| number.trim_ascii_end())
}

/// The whole part of a decimal number of any size, as `BigDecimal(text).to_i`.
fn decimal_integer<'a>(text: &str, arena: &'a Arena) -> Result<Value<'a>, Failed> {
    // Ruby takes `d` for the exponent too. Java takes `12.` there.
    let text = text.to_ascii_lowercase().replace('d', "e");
    let number = decimal(&text, true)
        .or_else(|| decimal(before_junk(&text)?, false))
        .ok_or(Failed)?;
    match big_decimal::to_integer(&number, arena) {
        Some(value) => Ok(value),
        // Ruby takes a number for zero that is nearer to it than Java can say.
        None if number.contains("e-") => Ok(Value::Int(0)),
        None => Err(Failed),
    }
}

fn float<'a>(value: &Value<'a>) -> Result<Value<'a>, Failed> {
    let number = match value {
        Value::Str(text) => float_of_text(text)?,
        Value::Bool(yes) => f64::from(u8::from(*yes)),
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        Value::BigInt(digits) | Value::Decimal(digits) => digits.parse().map_err(|_| Failed)?,
        Value::Timestamp(timestamp) => {
            timestamp.seconds() as f64 + f64::from(timestamp.subsec_nanos()) / 1e9
        }
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(Failed),
    };
    Ok(Value::Float(number))
}

/// As strict as `Float(text)`.
fn float_of_text(text: &str) -> Result<f64, Failed> {
    let text = normalized(text);
    if let Some((negative, digits)) = hexadecimal(&text) {
        return hexadecimal_float(negative, digits);
    }
    let number = decimal(&text, false).ok_or(Failed)?;
    number.parse().map_err(|_| Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Fractions, parse};

    /// The converted value as JSON; `None` where the conversion fails.
    fn convert(conversion: Conversion, json: &str) -> Option<String> {
        let arena = Arena::new();
        let value = parse(json, &arena, Fractions::Double).unwrap();
        let mut out = Vec::new();
        let converted = conversion.convert(&value, &arena).ok()?;
        converted.write_json(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn integers_are_read_as_bigdecimal_does() {
        let cases = [
            (r#""1,234.9""#, Some("1234")),
            (r#"" 5 ""#, Some("5")),
            (r#""1e3""#, Some("1000")),
            (r#""1.5e-1""#, Some("0")),
            (r#""-3.7""#, Some("-3")),
            (r#""1d2""#, Some("100")),
            (r#"".5""#, Some("0")),
            (r#""5.""#, Some("5")),
            (r#""010""#, Some("10")),
            (r#""1_000""#, Some("1000")),
            (r#""1__0""#, None),
            (r#""_1""#, None),
            (r#""0x1F""#, Some("31")),
            (r#""-0x1.8p1""#, Some("-3")),
            (r#""0x""#, None),
            (r#""1e999999999999""#, None),
            (r#""1e-999999999999""#, Some("0")),
            (r#""1_2.5_0e0_2""#, Some("1250")),
            (r#""abc""#, None),
            (r#""""#, None),
            (r#""-""#, None),
            (r#""nan""#, None),
            (r#""95%""#, Some("95")),
            (r#""1024B""#, Some("1024")),
            (r#""-1.5s""#, Some("-1")),
            (r#""12.5 s""#, Some("12")),
            (r#""12 3""#, Some("12")),
            (r#""1e5x""#, Some("100000")),
            (r#""12é""#, Some("12")),
            (r#""10-20""#, Some("10")),
            (r#""12+""#, Some("12")),
            (r#""1024-b""#, Some("1024")),
            (r#""12_""#, Some("12")),
            (r#""95 ms""#, None),
            (r#""12xx""#, None),
            (r#""12 34""#, None),
            (r#""1-2-3""#, None),
            (r#""5+-""#, None),
            (r#""5-+3""#, None),
            (r#""12--""#, None),
            (r#""5.x""#, None),
            (r#""1e""#, None),
            (r#""1ex""#, None),
            (r#""1e5-3""#, None),
            (r#""1_2x""#, None),
            (r#""1_x""#, None),
            (r#""+x""#, None),
            (r#""10:20""#, None),
            (r#""2020-01-02""#, None),
            ("1e20", Some("100000000000000000000")),
            ("[1]", None),
            ("true", Some("1")),
            (
                "\"680564693277057720000000000000000000000.9\"",
                Some("680564693277057720000000000000000000000"),
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(
                convert(Conversion::Integer, json).as_deref(),
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn floats_are_read_as_strictly_as_in_ruby() {
        let cases = [
            (r#""3,141.5926""#, Some("3141.5926")),
            (r#"".5""#, Some("0.5")),
            (r#""5.""#, None),
            (r#""1e5""#, Some("100000.0")),
            (r#""1e""#, None),
            (r#""0x10""#, Some("16.0")),
            (r#""1_0.5""#, Some("10.5")),
            (r#""Infinity""#, None),
            (r#""1 2""#, None),
            ("5", Some("5.0")),
            ("false", Some("0.0")),
        ];
        for (json, expected) in cases {
            assert_eq!(
                convert(Conversion::Float, json).as_deref(),
                expected,
                "{json}"
            );
        }
        assert_eq!(
            convert(Conversion::FloatEu, r#""1.234,5""#).unwrap(),
            "1234.5"
        );
        assert_eq!(convert(Conversion::IntegerEu, r#""1.9""#).unwrap(), "19");
    }

    #[test]
    fn booleans_are_found_in_any_line() {
        let cases = [
            (r#""Y""#, "true"),
            (r#""1.0""#, "true"),
            (r#""1x0""#, "true"),
            (r#""x\nTRUE\ny""#, "true"),
            (r#""""#, "false"),
            ("0.0", "false"),
            ("2", "2"),
            (r#""maybe""#, r#""maybe""#),
        ];
        for (json, expected) in cases {
            assert_eq!(
                convert(Conversion::Boolean, json).unwrap(),
                expected,
                "{json}"
            );
        }
    }
}
