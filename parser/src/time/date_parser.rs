//! Reading dates in the formats of the date filter: a Joda-Time pattern, `ISO8601`, `UNIX`, `UNIX_MS` or `TAI64N`.
//!
//! As `org.logstash.filters.parser` does, in milliseconds; what is smaller is cut off.

use super::joda::{JodaPattern, Now, PatternError};
use super::joda_iso;
use super::locale::Locale;
use super::timestamp::Timestamp;
use super::zone::Zone;
use crate::big_decimal::ascii_digits;

/// A date format, compiled.
#[derive(Clone, Debug)]
pub struct DateParser(Format);

#[derive(Clone, Debug)]
enum Format {
    Joda(Box<JodaPattern>),
    /// What `ISO8601` takes besides ISO 8601: with a dot before the fraction, and with a comma.
    Iso8601([Box<[JodaPattern; 2]>; 2]),
    Unix,
    UnixMillis,
    Tai64n,
}

/// The last second of 32 bits: `UNIX` takes no later one.
const LAST_UNIX_SECOND: i64 = i32::MAX as i64;

impl DateParser {
    /// Compiles a format as it stands in `match`. Names of months and weekdays are those of `locale`.
    pub fn new(format: &str, locale: &Locale) -> Result<Self, PatternError> {
        Ok(Self(match format {
            "ISO8601" => {
                let pattern = |pattern| JodaPattern::new(pattern, locale);
                Format::Iso8601([
                    Box::new([
                        pattern("yyyy-MM-dd HH:mm:ss.SSS")?,
                        pattern("yyyy-MM-dd HH:mm:ss.SSSZ")?,
                    ]),
                    Box::new([
                        pattern("yyyy-MM-dd HH:mm:ss,SSS")?,
                        pattern("yyyy-MM-dd HH:mm:ss,SSSZ")?,
                    ]),
                ])
            }
            "UNIX" => Format::Unix,
            "UNIX_MS" => Format::UnixMillis,
            "TAI64N" => Format::Tai64n,
            pattern => Format::Joda(Box::new(JodaPattern::new(pattern, locale)?)),
        }))
    }

    /// Whether the format counts from the epoch, so that no time zone plays a part.
    pub fn is_epoch(&self) -> bool {
        matches!(self.0, Format::Unix | Format::UnixMillis | Format::Tai64n)
    }

    /// Reads all of `text`. A date without a zone is in `zone`, one without a year is the one nearest to `now`.
    /// `None` if the text does not match, or the time does not exist in its zone.
    pub fn parse(&self, text: &str, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
        let millis = match &self.0 {
            Format::Joda(pattern) => pattern.parse_millis(text, zone, Now::from(now)),
            Format::Iso8601([dot, comma]) => joda_iso::parse_millis(text, zone).or_else(|| {
                let with_comma = text
                    .find(['.', ','])
                    .is_some_and(|at| text[at..].starts_with(','));
                let patterns = if with_comma { comma } else { dot };
                let mut patterns = patterns.iter();
                patterns.find_map(|pattern| pattern.parse_millis(text, zone, Now::from(now)))
            }),
            Format::Unix => parse_unix(text),
            Format::UnixMillis => parse_long(text),
            Format::Tai64n => parse_tai64n(text),
        };
        millis.map(Timestamp::from_millis)
    }

    /// Reads a whole number; `None` for formats that take text only.
    pub fn parse_integer(&self, number: i64) -> Option<Timestamp> {
        let millis = match &self.0 {
            Format::Unix => unix_millis(number),
            Format::UnixMillis => Some(number),
            _ => None,
        };
        millis.map(Timestamp::from_millis)
    }

    /// Reads a decimal number as JSON writes it; `None` for formats that take text only. Later than 32 bits of seconds
    /// is refused for milliseconds as well.
    pub fn parse_decimal(&self, number: &str) -> Option<Timestamp> {
        let millis = match &self.0 {
            Format::Unix => {
                decimal_millis(number, 3).filter(|millis| millis / 1000 <= LAST_UNIX_SECOND)
            }
            Format::UnixMillis => {
                decimal_millis(number, 0).filter(|millis| *millis <= LAST_UNIX_SECOND * 1000)
            }
            _ => None,
        };
        millis.map(Timestamp::from_millis)
    }

    /// Reads a number with a fraction; `None` for formats that take text only.
    pub fn parse_float(&self, number: f64) -> Option<Timestamp> {
        // Rust's casts stop at the bounds of the type, as Java's do.
        let millis = match &self.0 {
            Format::Unix if number as i64 > LAST_UNIX_SECOND => None,
            Format::Unix => Some((number * 1000.0) as i64),
            Format::UnixMillis => Some(number as i64),
            _ => None,
        };
        millis.map(Timestamp::from_millis)
    }
}

/// Milliseconds of a decimal number of units of `10^scale` milliseconds, cut off; `None` where it does not fit.
fn decimal_millis(number: &str, scale: i32) -> Option<i64> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let exponent = exponent
        .checked_sub(i32::try_from(fraction.len()).ok()?)?
        .checked_add(scale)?;
    let power = |exponent: u32| 10_i128.checked_pow(exponent);
    let millis = if exponent >= 0 {
        digits.checked_mul(power(exponent.unsigned_abs())?)?
    } else {
        power(exponent.unsigned_abs()).map_or(0, |power| digits / power)
    };
    i64::try_from(millis).ok()
}

/// Java's `Long.parseLong`, which reads the digits of all scripts.
fn parse_long(text: &str) -> Option<i64> {
    ascii_digits(text).parse().ok()
}

fn unix_millis(seconds: i64) -> Option<i64> {
    (seconds <= LAST_UNIX_SECOND).then(|| seconds.wrapping_mul(1000))
}

/// Seconds, with up to three digits of a fraction; more are ignored, whatever they are.
fn parse_unix(text: &str) -> Option<i64> {
    let Some((seconds, fraction)) = text.split_once('.') else {
        return unix_millis(parse_long(text)?);
    };
    let millis = unix_millis(parse_long(seconds)?)?;
    let length = fraction.chars().count().min(3);
    let kept = fraction
        .char_indices()
        .nth(3)
        .map_or(fraction, |(end, _)| &fraction[..end]);
    let fraction = parse_long(kept)?;
    let unit = [0, 100, 10, 1][length];
    Some(millis.wrapping_add(fraction * unit))
}

/// A TAI64N label: 16 hexadecimal digits of seconds, 8 of nanoseconds, with or without `@` in front. Takes UTC to be 10 seconds
/// behind, as Logstash does; leap seconds are not looked up.
fn parse_tai64n(text: &str) -> Option<i64> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let seconds = i64::from_str_radix(text.get(..16)?, 16).ok()?;
    let nanos = i32::from_str_radix(text.get(16..24)?, 16).ok()?;
    let seconds = (seconds & ((1 << 62) - 1)) - 10;
    Some(
        seconds
            .wrapping_mul(1000)
            .wrapping_add(i64::from(nanos / 1_000_000)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, text: &str) -> Option<String> {
        let parser = DateParser::new(format, &Locale::english()).unwrap();
        let now = Timestamp::from_millis(1_782_864_000_000);
        let timestamp = parser.parse(text, &Zone::UTC, now)?;
        let mut out = Vec::new();
        timestamp.write_iso8601(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn iso8601() {
        for (text, expected) in [
            ("2001-01-01T00:00:00-0800", "2001-01-01T08:00:00.000Z"),
            ("2001-12-07T23:54:54,123Z", "2001-12-07T23:54:54.123Z"),
            ("2001-11-06 20:45:45.123-0000", "2001-11-06T20:45:45.123Z"),
            ("2001-12-07 23:54:54,123Z", "2001-12-07T23:54:54.123Z"),
            ("2001-11-06 20:45:45.123", "2001-11-06T20:45:45.123Z"),
            ("2001-11-06 20:45:45,1", "2001-11-06T20:45:45.100Z"),
            ("2013-03-05T07:08:09.123456789Z", "2013-03-05T07:08:09.123Z"),
            ("2013-3-5T7:8:9Z", "2013-03-05T07:08:09.000Z"),
            ("2013", "2013-01-01T00:00:00.000Z"),
            ("2013-03", "2013-03-01T00:00:00.000Z"),
            ("2013-064", "2013-03-05T00:00:00.000Z"),
            ("2013-W10-2T07", "2013-03-05T07:00:00.000Z"),
            ("2013-W10", "2013-03-04T00:00:00.000Z"),
            ("+2013-03-05T00:00:00Z", "2013-03-05T00:00:00.000Z"),
            ("2013-03-05T", "2013-03-05T00:00:00.000Z"),
            ("2013-03-05T+01:00", "2013-03-04T23:00:00.000Z"),
            ("2013-03-05T07.5", "2013-03-05T07:30:00.000Z"),
            ("2013-03-05T07:08,25", "2013-03-05T07:08:15.000Z"),
            ("T07:08:09Z", "1970-01-01T07:08:09.000Z"),
        ] {
            assert_eq!(read("ISO8601", text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "garbage",
            "T",
            "2020-01-02 03:04:05",
            "2013-03-05T23:59:60Z",
            "2013-03-05T24:00:00Z",
            "2013-02-29",
            "2013-366",
            "2013-W53",
            "2013-03-",
            "2013-03-05Z",
            "2013-03-05T07:08:09.1234567890Z",
            "2013-03-05T07:08:",
            "2013-03-05T07:08:09 Z",
        ] {
            assert_eq!(read("ISO8601", text), None, "{text}");
        }
    }

    #[test]
    fn unix() {
        for (text, expected) in [
            ("0", "1970-01-01T00:00:00.000Z"),
            ("1350414944.123456", "2012-10-16T19:15:44.123Z"),
            ("1350414944.5", "2012-10-16T19:15:44.500Z"),
            ("-1.25", "1969-12-31T23:59:59.250Z"),
            ("2147483647", "2038-01-19T03:14:07.000Z"),
            ("1.123abc", "1970-01-01T00:00:01.123Z"),
        ] {
            assert_eq!(read("UNIX", text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "1.",
            ".5",
            "1478207457.",
            "2147483648",
            "%{bad}",
            "1.é",
            "1.ab",
        ] {
            assert_eq!(read("UNIX", text), None, "{text}");
        }
        let epoch = DateParser::new("UNIX", &Locale::english()).unwrap();
        let at = Timestamp::from_millis;
        assert_eq!(epoch.parse_integer(5), Some(at(5000)));
        assert_eq!(epoch.parse_integer(1 << 31), None);
        assert_eq!(
            epoch.parse_float(1_350_414_944.123_456),
            Some(at(1_350_414_944_123))
        );
        assert_eq!(
            epoch.parse_decimal("1350414944.1239"),
            Some(at(1_350_414_944_123))
        );
        assert_eq!(epoch.parse_decimal("-1.5e1"), Some(at(-15_000)));
        assert_eq!(epoch.parse_decimal("1e-400"), Some(at(0)));
        for number in ["2147483648.0", "1e30", "1e2147483647", "0.1e-2147483648"] {
            assert_eq!(epoch.parse_decimal(number), None, "{number}");
        }
        assert_eq!(epoch.parse_float(f64::NAN), Some(at(0)));
        assert_eq!(epoch.parse_float(f64::INFINITY), None);
    }

    #[test]
    fn unix_millis() {
        let read_millis = |text| read("UNIX_MS", text);
        assert_eq!(
            read_millis("1000000000123").unwrap(),
            "2001-09-09T01:46:40.123Z"
        );
        assert_eq!(read_millis("1478207457123.5"), None);
        let epoch = DateParser::new("UNIX_MS", &Locale::english()).unwrap();
        assert_eq!(epoch.parse_integer(456), Some(Timestamp::from_millis(456)));
        assert_eq!(epoch.parse_float(456.9), Some(Timestamp::from_millis(456)));
    }

    #[test]
    fn tai64n() {
        let expected = Some("2012-12-22T01:00:46.767Z".to_owned());
        assert_eq!(read("TAI64N", "4000000050d506482dbdf024"), expected);
        assert_eq!(read("TAI64N", "@4000000050d506482dbdf024"), expected);
        for text in [
            "",
            "@",
            "4000000050d506482dbdf02",
            "g000000050d506482dbdf024",
            "éééééééééééééééé",
        ] {
            assert_eq!(read("TAI64N", text), None, "{text}");
        }
    }

    #[test]
    fn only_epochs_take_numbers() {
        for format in ["ISO8601", "TAI64N", "yyyy"] {
            let parser = DateParser::new(format, &Locale::english()).unwrap();
            assert_eq!(parser.parse_integer(5), None);
            assert_eq!(parser.parse_float(5.0), None);
        }
    }
}
