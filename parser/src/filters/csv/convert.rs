//! The types that columns can have, as the converters of Ruby's CSV library make them. A value that
//! is none of the type stays text.

use std::borrow::Cow;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::event::{Arena, Value};
use crate::filters::mutate::without_underscores;
use crate::time::Timestamp;

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    None,
    Integer,
    Float,
    Boolean,
    Date,
    DateTime,
}

impl Conversion {
    pub(crate) const NAMES: &[&str] = &["integer", "float", "boolean", "date", "date_time"];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "integer" => Self::Integer,
            "float" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "date_time" => Self::DateTime,
            _ => return None,
        })
    }

    /// `None` where Logstash fails: it cannot make a boolean of nothing.
    pub(crate) fn apply<'a>(self, value: Option<&'a str>, arena: &'a Arena) -> Option<Value<'a>> {
        let Some(text) = value else {
            return (self != Self::Boolean).then_some(Value::Null);
        };
        let converted = match self {
            Self::None => None,
            Self::Integer => integer(text, arena),
            Self::Float => float(text),
            Self::Boolean => return Some(boolean(text, arena)),
            Self::Date => date(text).map(|date| midnight_of(date, Time::midnight())),
            Self::DateTime => date_time(text),
        };
        Some(converted.unwrap_or(Value::Str(text)))
    }
}

/// Ruby's `Integer()`: white space around, underscores between digits, prefixes for other bases.
pub(in crate::filters) fn integer<'a>(text: &str, arena: &'a Arena) -> Option<Value<'a>> {
    let text = text.trim_matches(is_space);
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !unsigned.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'd' | b'D', ..] => (10, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    let digits = without_underscores(digits)?;
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    match i128::from_str_radix(&digits, radix) {
        Ok(number) => {
            let number = if negative { -number } else { number };
            Some(match i64::try_from(number) {
                Ok(number) => Value::Int(number),
                Err(_) => Value::BigInt(arena.alloc_str(&number.to_string())),
            })
        }
        Err(_) if radix == 10 => {
            let sign = if negative { "-" } else { "" };
            Some(Value::BigInt(arena.alloc_str(&format!("{sign}{digits}"))))
        }
        Err(_) => None,
    }
}

/// Ruby's `Float()`.
pub(in crate::filters) fn float<'a>(text: &str) -> Option<Value<'a>> {
    let text = text.trim_end_matches(is_space);
    let hexadecimal = text.strip_prefix('-').unwrap_or(text);
    if let Some(digits) = hexadecimal
        .strip_prefix("0x")
        .or(hexadecimal.strip_prefix("0X"))
    {
        let value = hexadecimal_float(digits)?;
        let negative = hexadecimal.len() < text.len() && value != 0.0;
        return Some(Value::Float(if negative { -value } else { value }));
    }
    let text = text.trim_start_matches(is_space);
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c == '.' || c.is_ascii_digit()) {
        return None;
    }
    let text = between_digits(text, 10)?;
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let bytes = text.as_bytes();
    let mut points = (0..bytes.len()).filter(|&at| bytes[at] == b'.');
    // Digits are needed behind a point.
    let bare_point = points.any(|at| !bytes.get(at + 1).is_some_and(u8::is_ascii_digit));
    if bare_point || !bytes.iter().copied().all(plain) {
        return None;
    }
    text.parse().ok().map(Value::Float)
}

/// A number without its underscores; `None` where one does not stand between two digits.
fn between_digits(text: &str, radix: u32) -> Option<Cow<'_, str>> {
    let mut parts = text.split('_').peekable();
    while let Some(part) = parts.next() {
        if let Some(next) = parts.peek()
            && !(part.ends_with(|c: char| c.is_digit(radix))
                && next.starts_with(|c: char| c.is_digit(radix)))
        {
            return None;
        }
    }
    without_underscores(text)
}

/// What follows `0x`: digits, and a point among them only where a power of two follows, as in `1.8p1`.
fn hexadecimal_float(text: &str) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let text = between_digits(text, 16)?;
    let (digits, power) = match text.split_once(['p', 'P']) {
        Some((digits, power)) => (digits, Some(power.parse::<i32>().ok()?)),
        None => (text.as_ref(), None),
    };
    let (whole, fraction) = match (digits.split_once('.'), power) {
        (Some((_, "")), _) | (Some(_), None) => return None,
        (Some((whole, fraction)), _) => (whole, fraction),
        (None, _) => (digits, ""),
    };
    let mut value = 0.0;
    let mut exponent = i64::from(power.unwrap_or(0)) - 4 * fraction.len() as i64;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = digit.to_digit(16)?;
        // Digits beyond what a float holds only count.
        match value < 1e30 {
            true => value = value * 16.0 + f64::from(digit),
            false => exponent += 4,
        }
    }
    // In two steps, neither of which is infinite: nothing times that would be no number.
    let half = exponent.clamp(-2000, 2000) as i32 / 2;
    let rest = exponent.clamp(-2000, 2000) as i32 - half;
    Some(value * 2f64.powi(half) * 2f64.powi(rest))
}

fn boolean<'a>(text: &'a str, arena: &'a Arena) -> Value<'a> {
    let text = text.trim_matches(|c| is_space(c) || c == '\0');
    match text.to_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        other => Value::Str(arena.alloc_str(other)),
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// `2026-11-24` or `Tue, November 24, 2026`.
fn date(text: &str) -> Option<Date> {
    if text.as_bytes().first()?.is_ascii_digit() {
        return (text.len() == 10).then(|| text.parse().ok()).flatten();
    }
    match named_date(text)? {
        (date, None) => date,
        (_, Some(_)) => None,
    }
}

/// `2026-11-24`, `2026-11-24 10:15`, `2026-11-24T10:15:30.5+01:00` or `Tue November 24 10:15:30 2026`.
fn date_time<'a>(text: &str) -> Option<Value<'a>> {
    if !text.as_bytes().first()?.is_ascii_digit() {
        let (date, time) = named_date(text)?;
        return Some(midnight_of(date?, time?));
    }
    let (day, rest) = text.split_at_checked(10)?;
    let day: Date = day.parse().ok()?;
    if rest.is_empty() {
        return Some(midnight_of(day, Time::midnight()));
    }
    let clock = rest.strip_prefix(['T', ' ', '\t'])?;
    let zone_at = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let without_seconds = clock.len() == 5 && zone.is_empty();
    if !without_seconds && clock.len() < 8 {
        return None;
    }
    let time: Time = clock.parse().ok()?;
    let offset = match zone {
        "" | "Z" => 0,
        _ => offset_seconds(zone)?,
    };
    let local = day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
    let local = local.timestamp();
    let seconds = local.as_second() - offset;
    Some(Value::Timestamp(Timestamp::new(
        seconds,
        local.subsec_nanosecond().unsigned_abs(),
    )))
}

/// `+01:30` as seconds.
fn offset_seconds(zone: &str) -> Option<i64> {
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let two_digits = |text: &str| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten();
    let seconds = i64::from(two_digits(hours)?) * 3600 + i64::from(two_digits(minutes)?) * 60;
    Some(if zone.starts_with('-') {
        -seconds
    } else {
        seconds
    })
}

/// A date with the month's name in English, with a time of day between day and year if it has one,
/// and without space around it.
fn named_date(text: &str) -> Option<(Option<Date>, Option<Time>)> {
    if text.len() != text.trim().len() {
        return None;
    }
    let mut words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_end_matches(','))
        .collect();
    let time = words.iter().position(|word| word.contains(':'));
    let time = time.map(|at| words.remove(at));
    let [.., month, day, year] = words[..] else {
        return None;
    };
    let month = month_number(month)?;
    let year: i16 = match (year.len(), year.parse().ok()?) {
        (2, year @ 0..=68) => 2000 + year,
        (2, year) => 1900 + year,
        (_, year) => year,
    };
    let date = Date::new(year, month, day.parse().ok()?).ok();
    match time {
        None => Some((date, None)),
        Some(time) => Some((date, Some(time.parse().ok()?))),
    }
}

fn month_number(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let name = name.to_ascii_lowercase();
    let at = MONTHS
        .iter()
        .position(|month| *month == name || (name.len() == 3 && month.starts_with(&name)))?;
    Some(at as i8 + 1)
}

/// The time of that day in UTC.
fn midnight_of<'a>(date: Date, time: Time) -> Value<'a> {
    let days = i64::from((date - Date::constant(1970, 1, 1)).get_days());
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Value::Timestamp(Timestamp::new(
        days * 86_400 + seconds,
        time.subsec_nanosecond().unsigned_abs(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(conversion: Conversion, text: &str) -> String {
        let arena = Arena::new();
        let mut out = Vec::new();
        conversion
            .apply(Some(text), &arena)
            .unwrap()
            .write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_become_what_ruby_makes_of_them() {
        let cases = [
            (Conversion::None, "1", "\"1\""),
            (Conversion::Integer, " 1_000 ", "1000"),
            (Conversion::Integer, "0x1F", "31"),
            (Conversion::Integer, "-010", "-8"),
            (Conversion::Integer, "1.5", "\"1.5\""),
            (
                Conversion::Integer,
                "99999999999999999999",
                "99999999999999999999",
            ),
            (Conversion::Integer, "1__0", "\"1__0\""),
            (Conversion::Float, "1", "1.0"),
            (Conversion::Float, "1e3", "1000.0"),
            (Conversion::Float, "-.5", "-0.5"),
            (Conversion::Float, "1_e3", "\"1_e3\""),
            (Conversion::Float, "1_0.2_5", "10.25"),
            (Conversion::Float, "0x1F", "31.0"),
            (Conversion::Float, "-0x1.8p1", "-3.0"),
            (Conversion::Float, "0x1.8", "\"0x1.8\""),
            (Conversion::Float, "+0xff", "\"+0xff\""),
            (Conversion::Float, " 0x10", "\" 0x10\""),
            (Conversion::Float, "0x_1", "\"0x_1\""),
            (Conversion::Float, "0x0p2147483647", "0.0"),
            (Conversion::Float, "0x1p-2147483648", "0.0"),
            (Conversion::Float, "1.", "\"1.\""),
            (Conversion::Float, "inf", "\"inf\""),
            (Conversion::Boolean, " TRUE ", "true"),
            (Conversion::Boolean, "False", "false"),
            (Conversion::Boolean, "Yes", "\"yes\""),
            (
                Conversion::Date,
                "2026-11-24",
                "\"2026-11-24T00:00:00.000Z\"",
            ),
            (
                Conversion::Date,
                "Tue, November 24, 2026",
                "\"2026-11-24T00:00:00.000Z\"",
            ),
            (Conversion::Date, "24.11.2026", "\"24.11.2026\""),
            (Conversion::Date, "2026-02-30", "\"2026-02-30\""),
            (
                Conversion::DateTime,
                "2026-11-24",
                "\"2026-11-24T00:00:00.000Z\"",
            ),
            (
                Conversion::DateTime,
                "2026-11-24 10:15:30",
                "\"2026-11-24T10:15:30.000Z\"",
            ),
            (
                Conversion::DateTime,
                "2026-11-24T10:15:30.5+01:30",
                "\"2026-11-24T08:45:30.500Z\"",
            ),
            (
                Conversion::DateTime,
                "Tue Nov 24 10:15:30 2026",
                "\"2026-11-24T10:15:30.000Z\"",
            ),
            (Conversion::DateTime, "never", "\"never\""),
        ];
        for (conversion, text, want) in cases {
            assert_eq!(converted(conversion, text), want, "{conversion:?} {text:?}");
        }
    }

    #[test]
    fn nothing_stays_nothing_but_is_no_boolean() {
        let arena = Arena::new();
        assert_eq!(Conversion::Integer.apply(None, &arena), Some(Value::Null));
        assert_eq!(Conversion::Boolean.apply(None, &arena), None);
    }
}
