//! The text form of events' timestamps: how `@timestamp` is printed, and what is read as one.
//!
//! Logstash's `org.logstash.Timestamp`: prints `DateTimeFormatter.ISO_INSTANT` with at least milliseconds, reads a
//! lenient `java.time` form. The `ISO8601` of the date filter is another one, see `joda_iso`.

use super::civil::{Date, MILLIS_PER_DAY, days_in_month};
use super::digits::pair;
use super::zone::{Zone, parse_offset};
use super::{Timestamp, digits};

impl Timestamp {
    /// Appends the instant in UTC, as in `2013-03-05T07:08:09.012Z`: three digits of fraction where the instant is
    /// whole milliseconds, else six or nine. Years beyond 9999 have a sign, as in Java.
    pub fn write_iso8601(self, out: &mut Vec<u8>) {
        let days = self.seconds().div_euclid(86_400);
        let second_of_day = self.seconds().rem_euclid(86_400) as u32;
        let date = Date::from_days(days);
        if !(0..=9999).contains(&date.year) {
            return self.write_far(date, second_of_day, out);
        }
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let year = date.year as u32;
        text[0..2].copy_from_slice(&pair(year / 100));
        text[2..4].copy_from_slice(&pair(year));
        text[5..7].copy_from_slice(&pair(date.month));
        text[8..10].copy_from_slice(&pair(date.day));
        text[11..13].copy_from_slice(&pair(second_of_day / 3600));
        text[14..16].copy_from_slice(&pair(second_of_day / 60 % 60));
        text[17..19].copy_from_slice(&pair(second_of_day % 60));
        let end = write_fraction(self.subsec_nanos(), &mut text);
        out.extend_from_slice(&text[..end]);
    }

    fn write_far(self, date: Date, second_of_day: u32, out: &mut Vec<u8>) {
        if date.year > 9999 {
            out.push(b'+');
        }
        digits::push_padded(out, date.year, 4);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        text[5..7].copy_from_slice(&pair(date.month));
        text[8..10].copy_from_slice(&pair(date.day));
        text[11..13].copy_from_slice(&pair(second_of_day / 3600));
        text[14..16].copy_from_slice(&pair(second_of_day / 60 % 60));
        text[17..19].copy_from_slice(&pair(second_of_day % 60));
        let end = write_fraction(self.subsec_nanos(), &mut text);
        out.extend_from_slice(&text[4..end]);
    }

    /// Reads what Logstash takes as a timestamp in JSON: `yyyy-MM-dd`, then `T` and a time with or without seconds
    /// and fraction, then a zone (`Z`, `+02`, `+0200`, `+02:00`, `Europe/Paris`), UTC where there is none.
    ///
    /// As in Java's `SMART` style, a day past the end of a month is its last, and `T24:00` is the next day's midnight.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        let (date, at) = read_date(text)?;
        let bytes = text.as_bytes();
        let (time, at) = match bytes.get(at) {
            Some(b'T' | b't') => read_time(bytes, at + 1)?,
            _ => (TimeOfDay::default(), at),
        };
        let local = date
            .days()
            .checked_mul(MILLIS_PER_DAY)?
            .checked_add(i64::from(time.second_of_day) * 1000)?;
        let millis = read_zone(&text[at..])?.instant_lenient(local)?;
        Some(Self::new(millis.div_euclid(1000), time.nanos))
    }
}

/// Writes three, six or nine digits and the `Z`; returns where the text ends.
fn write_fraction(nanos: u32, text: &mut [u8; 30]) -> usize {
    let (millis, rest) = (nanos / 1_000_000, nanos % 1_000_000);
    write_three(millis, text, 20);
    let end = if rest == 0 {
        23
    } else {
        let (micros, nanos) = (rest / 1000, rest % 1000);
        write_three(micros, text, 23);
        if nanos == 0 {
            26
        } else {
            write_three(nanos, text, 26);
            29
        }
    };
    text[end] = b'Z';
    end + 1
}

fn write_three(number: u32, text: &mut [u8; 30], at: usize) {
    text[at] = b'0' + (number / 100) as u8;
    text[at + 1..at + 3].copy_from_slice(&pair(number));
}

#[derive(Default)]
struct TimeOfDay {
    /// Up to 86,400.
    second_of_day: u32,
    nanos: u32,
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u32> {
    let digits = bytes.get(at..at + width)?;
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
}

/// `yyyy-MM-dd`; years of more than four digits need a sign.
fn read_date(text: &str) -> Option<(Date, usize)> {
    let bytes = text.as_bytes();
    let sign = bytes
        .first()
        .copied()
        .filter(|byte| matches!(byte, b'+' | b'-'));
    let start = usize::from(sign.is_some());
    let width = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let valid = match sign {
        None => width == 4,
        Some(b'-') => (4..=9).contains(&width),
        Some(_) => (5..=9).contains(&width),
    };
    if !valid {
        return None;
    }
    let mut year = i64::from(number(bytes, start, width)?);
    if sign == Some(b'-') {
        year = -year;
    }
    let mut at = start + width;
    let mut parts = [0; 2];
    for part in &mut parts {
        if bytes.get(at) != Some(&b'-') {
            return None;
        }
        *part = number(bytes, at + 1, 2)?;
        at += 3;
    }
    let [month, day] = parts;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let day = day.min(days_in_month(year, month));
    Some((Date { year, month, day }, at))
}

/// `HH:mm`, `HH:mm:ss` or `HH:mm:ss.` with up to nine digits.
fn read_time(bytes: &[u8], start: usize) -> Option<(TimeOfDay, usize)> {
    let hour = number(bytes, start, 2)?;
    if bytes.get(start + 2) != Some(&b':') {
        return None;
    }
    let minute = number(bytes, start + 3, 2)?;
    let mut at = start + 5;
    let mut second = 0;
    let mut nanos = 0;
    if bytes.get(at) == Some(&b':') {
        second = number(bytes, at + 1, 2)?;
        at += 3;
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            let mut unit = 100_000_000;
            while let Some(digit @ b'0'..=b'9') = bytes.get(at).filter(|_| unit > 0) {
                nanos += u32::from(digit - b'0') * unit;
                unit /= 10;
                at += 1;
            }
        }
    }
    let midnight = hour == 24 && minute == 0 && second == 0 && nanos == 0;
    if (hour > 23 && !midnight) || minute > 59 || second > 59 {
        return None;
    }
    let second_of_day = hour * 3600 + minute * 60 + second;
    Some((
        TimeOfDay {
            second_of_day,
            nanos,
        },
        at,
    ))
}

fn read_zone(text: &str) -> Option<Zone> {
    if matches!(text, "" | "Z" | "z") {
        return Some(Zone::UTC);
    }
    if text.starts_with(['+', '-']) {
        let (millis, end) = parse_offset(text.as_bytes(), 0)?;
        // Java knows no fractions of seconds, and no more than 18 hours.
        let valid = end == text.len() && millis % 1000 == 0 && millis.abs() <= 18 * 3_600_000;
        return valid.then(|| Zone::fixed(millis));
    }
    Zone::new(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(seconds: i64, nanos: u32) -> String {
        let mut out = Vec::new();
        Timestamp::new(seconds, nanos).write_iso8601(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn prints_three_six_or_nine_digits() {
        assert_eq!(printed(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            printed(1_362_467_289, 12_000_000),
            "2013-03-05T07:08:09.012Z"
        );
        assert_eq!(
            printed(1_362_467_289, 12_340_000),
            "2013-03-05T07:08:09.012340Z"
        );
        assert_eq!(printed(1_362_467_289, 1), "2013-03-05T07:08:09.000000001Z");
        assert_eq!(printed(-1, 999_000_000), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn prints_far_years_with_a_sign() {
        assert_eq!(printed(253_402_300_800, 0), "+10000-01-01T00:00:00.000Z");
        assert_eq!(printed(-62_167_219_201, 0), "-0001-12-31T23:59:59.000Z");
        assert!(printed(i64::MAX, 0).starts_with('+'));
        assert!(printed(i64::MIN, 0).starts_with('-'));
    }

    #[test]
    fn reads_what_logstash_takes() {
        for (text, expected) in [
            ("2013-03-05T07:08:09.012Z", "2013-03-05T07:08:09.012Z"),
            (
                "2013-03-05T07:08:09.123456789Z",
                "2013-03-05T07:08:09.123456789Z",
            ),
            ("2013-03-05t07:08:09z", "2013-03-05T07:08:09.000Z"),
            ("2013-03-05T07:08", "2013-03-05T07:08:00.000Z"),
            ("2013-03-05", "2013-03-05T00:00:00.000Z"),
            ("2013-03-05T07:08:09.", "2013-03-05T07:08:09.000Z"),
            ("2013-03-05T07:08:09+02", "2013-03-05T05:08:09.000Z"),
            ("2013-03-05T07:08:09+0200", "2013-03-05T05:08:09.000Z"),
            ("2013-03-05T07:08:09.5+02:00", "2013-03-05T05:08:09.500Z"),
            (
                "2013-03-05T07:08:09Europe/Paris",
                "2013-03-05T06:08:09.000Z",
            ),
            ("2013-02-31T00:00:00Z", "2013-02-28T00:00:00.000Z"),
            ("2013-02-28T24:00:00Z", "2013-03-01T00:00:00.000Z"),
            ("+12013-02-28T00:00:00Z", "+12013-02-28T00:00:00.000Z"),
            ("-0001-02-28T00:00:00Z", "-0001-02-28T00:00:00.000Z"),
        ] {
            let mut out = Vec::new();
            Timestamp::parse_iso8601(text)
                .unwrap_or_else(|| panic!("{text}"))
                .write_iso8601(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_logstash_refuses() {
        for text in [
            "",
            "garbage",
            "2013",
            "2013-03",
            "2013-3-5",
            "2013-13-05",
            "2013-00-05",
            "2013-03-32",
            "2013-03-05 07:08:09",
            "2013-03-05T",
            "2013-03-05T07",
            "2013-03-05T07:08:60Z",
            "2013-03-05T24:00:01Z",
            "2013-03-05T07:08:09,123Z",
            "2013-03-05T07:08:09.1234567890Z",
            "2013-03-05T07:08:09Zx",
            "+2013-03-05T07:08:09Z",
            "12013-03-05T07:08:09Z",
            "2013-03-05T07:08:09+19:00",
            "2013-03-05T07:08:09é",
        ] {
            assert_eq!(Timestamp::parse_iso8601(text), None, "{text}");
        }
    }
}
