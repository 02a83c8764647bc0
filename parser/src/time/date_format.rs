//! Printing points in time in the patterns of templates: `%{+YYYY.MM.dd}` is Joda-Time's, `%{{yyyy-MM-dd}}` Java's.
//!
//! Always in UTC and in English, as Logstash prints them. A pattern becomes a list of items when it is compiled;
//! printing neither allocates nor fails.

use super::civil::{Date, iso_week, weekday, year_start};
use super::digits::{pair, push_padded};
use super::{PatternError, Timestamp, java_time, joda};

/// A compiled pattern that prints points in time in UTC.
#[derive(Clone, Debug)]
pub struct DateFormat {
    items: Vec<Item>,
}

/// A pattern that cannot be compiled.
pub type DateFormatError = PatternError;

impl DateFormat {
    /// A Joda-Time pattern, as in `%{+YYYY.MM.dd}`. It prints no more than milliseconds.
    pub fn joda(pattern: &str) -> Result<Self, DateFormatError> {
        let items = joda::print_items(pattern)?;
        Ok(Self { items })
    }

    /// A `java.time` pattern, as in `%{{yyyy-MM-dd}}`. Weeks are those of the United States, the locale that
    /// Logstash runs with: they start on Sunday, the first one holds January 1st.
    pub fn java(pattern: &str) -> Result<Self, DateFormatError> {
        let items = java_time::print_items(pattern)?;
        Ok(Self { items })
    }

    /// Appends the printed form.
    pub fn write(&self, timestamp: Timestamp, out: &mut Vec<u8>) {
        let moment = Moment::new(timestamp);
        for item in &self.items {
            item.write(&moment, out);
        }
    }
}

/// A part of what is printed.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Literal(Box<str>),
    /// With zeros to this width; a sign is not counted.
    Number(Value, u8),
    /// As `Number`, with a plus sign where it is wider.
    SignedIfWider(Value, u8),
    /// The last two digits.
    TwoDigits(Value),
    /// A name by a value that starts with 1.
    Name(Value, &'static [&'static str]),
    /// The name by a value, cut to a number of letters.
    ShortName(Value, &'static [&'static str], u8),
    /// So many digits of the fraction of the second.
    Fraction(u8),
    /// As `Fraction`, of the milliseconds; Joda-Time prints at most 15 digits unless all are zero.
    JodaFraction(u8),
    /// The items with spaces in front up to a width in characters.
    Padded(u8, Vec<Item>),
    /// `in the morning`
    DayPeriod {
        narrow: bool,
    },
}

/// A number that can be printed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// 1 before Christ, 2 after.
    Era,
    CenturyOfEra,
    Year,
    YearOfEra,
    IsoWeekyear,
    IsoWeek,
    UsWeekyear,
    UsWeek,
    UsWeekOfMonth,
    Quarter,
    Month,
    DayOfYear,
    DayOfMonth,
    AlignedWeekOfMonth,
    ModifiedJulianDay,
    /// 1 is Monday.
    Weekday,
    /// 1 is Sunday.
    UsWeekday,
    /// 1 for the morning, 2 for the afternoon.
    HalfDay,
    /// 0 to 23
    Hour,
    /// 1 to 24
    ClockHour,
    /// 0 to 11
    HalfDayHour,
    /// 1 to 12
    HalfDayClockHour,
    Minute,
    Second,
    Nano,
    MilliOfDay,
    NanoOfDay,
}

struct Moment {
    days: i64,
    date: Date,
    second_of_day: u32,
    nanos: u32,
}

impl Moment {
    fn new(timestamp: Timestamp) -> Self {
        let days = timestamp.seconds().div_euclid(86_400);
        Self {
            days,
            date: Date::from_days(days),
            second_of_day: timestamp.seconds().rem_euclid(86_400) as u32,
            nanos: timestamp.subsec_nanos(),
        }
    }

    fn value(&self, value: Value) -> i64 {
        let year = self.date.year;
        let hour = self.second_of_day / 3600;
        let clock = |hour: u32, hours: u32| if hour == 0 { hours } else { hour };
        match value {
            Value::Era => 1 + i64::from(year > 0),
            Value::CenturyOfEra => year.abs() / 100,
            Value::Year => year,
            Value::YearOfEra if year <= 0 => 1 - year,
            Value::YearOfEra => year,
            Value::IsoWeekyear => iso_week(self.days).0,
            Value::IsoWeek => i64::from(iso_week(self.days).1),
            Value::UsWeekyear => self.us_week().0,
            Value::UsWeek => self.us_week().1,
            Value::UsWeekOfMonth => {
                let first = self.days - i64::from(self.date.day) + 1;
                (self.days - us_week_start(first)) / 7 + 1
            }
            Value::Quarter => i64::from((self.date.month - 1) / 3 + 1),
            Value::Month => i64::from(self.date.month),
            Value::DayOfYear => self.days - year_start(year) + 1,
            Value::DayOfMonth => i64::from(self.date.day),
            Value::AlignedWeekOfMonth => i64::from((self.date.day - 1) / 7 + 1),
            Value::ModifiedJulianDay => self.days + 40_587,
            Value::Weekday => i64::from(weekday(self.days)),
            Value::UsWeekday => i64::from(weekday(self.days) % 7 + 1),
            Value::HalfDay => i64::from(hour / 12 + 1),
            Value::Hour => i64::from(hour),
            Value::ClockHour => i64::from(clock(hour, 24)),
            Value::HalfDayHour => i64::from(hour % 12),
            Value::HalfDayClockHour => i64::from(clock(hour % 12, 12)),
            Value::Minute => i64::from(self.second_of_day / 60 % 60),
            Value::Second => i64::from(self.second_of_day % 60),
            Value::Nano => i64::from(self.nanos),
            Value::MilliOfDay => {
                i64::from(self.second_of_day) * 1000 + i64::from(self.nanos / 1_000_000)
            }
            Value::NanoOfDay => {
                i64::from(self.second_of_day) * 1_000_000_000 + i64::from(self.nanos)
            }
        }
    }

    /// Week year and week, where weeks start on Sunday and the first one holds January 1st.
    fn us_week(&self) -> (i64, i64) {
        let next = us_week_start(year_start(self.date.year + 1));
        if self.days >= next {
            return (self.date.year + 1, 1);
        }
        let start = us_week_start(year_start(self.date.year));
        (self.date.year, (self.days - start) / 7 + 1)
    }

    fn day_period(&self, narrow: bool) -> &'static str {
        match (self.second_of_day / 3600, self.second_of_day / 60 % 60) {
            (0, 0) if narrow => "mi",
            (12, 0) if narrow => "n",
            (0, 0) => "midnight",
            (12, 0) => "noon",
            (6..12, _) => "in the morning",
            (12..18, _) => "in the afternoon",
            (18..21, _) => "in the evening",
            _ => "at night",
        }
    }
}

/// The Sunday on or before a day.
fn us_week_start(day: i64) -> i64 {
    day - i64::from(weekday(day) % 7)
}

impl Item {
    fn write(&self, moment: &Moment, out: &mut Vec<u8>) {
        match self {
            Self::Literal(text) => match text.as_bytes() {
                [byte] => out.push(*byte),
                text => out.extend_from_slice(text),
            },
            Self::Number(value, width) => {
                push_padded(out, moment.value(*value), usize::from(*width));
            }
            Self::SignedIfWider(value, width) => {
                let number = moment.value(*value);
                if number >= 0 && digits(number) > u32::from(*width) {
                    out.push(b'+');
                }
                push_padded(out, number, usize::from(*width));
            }
            Self::TwoDigits(value) => {
                let number = moment.value(*value).unsigned_abs() % 100;
                out.extend_from_slice(&pair(number as u32));
            }
            Self::Name(value, names) => out.extend_from_slice(name(moment, *value, names)),
            Self::ShortName(value, names, length) => {
                let name = name(moment, *value, names);
                out.extend_from_slice(&name[..name.len().min(usize::from(*length))]);
            }
            Self::Fraction(digits) => write_fraction(moment.nanos, usize::from(*digits), out),
            Self::JodaFraction(digits) => {
                let nanos = moment.nanos / 1_000_000 * 1_000_000;
                let digits = if nanos == 0 {
                    *digits
                } else {
                    (*digits).min(15)
                };
                write_fraction(nanos, usize::from(digits), out);
            }
            Self::Padded(width, items) => {
                let start = out.len();
                for item in items {
                    item.write(moment, out);
                }
                let missing = usize::from(*width).saturating_sub(out.len() - start);
                out.splice(start..start, std::iter::repeat_n(b' ', missing));
            }
            Self::DayPeriod { narrow } => {
                out.extend_from_slice(moment.day_period(*narrow).as_bytes());
            }
        }
    }
}

fn name(moment: &Moment, value: Value, names: &'static [&'static str]) -> &'static [u8] {
    let index = moment.value(value) as usize;
    names
        .get(index.wrapping_sub(1))
        .map_or(&[], |name| name.as_bytes())
}

fn digits(number: i64) -> u32 {
    number.checked_ilog10().unwrap_or(0) + 1
}

fn write_fraction(nanos: u32, digits: usize, out: &mut Vec<u8>) {
    let start = out.len();
    push_padded(out, i64::from(nanos), 9);
    out.resize(start + digits, b'0');
}

/// The names of English.
pub(super) mod names {
    pub(crate) const MONTHS: &[&str] = &[
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    /// From Monday.
    pub(crate) const WEEKDAYS: &[&str] = &[
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    pub(in crate::time) const HALF_DAYS: &[&str] = &["AM", "PM"];
    pub(in crate::time) const ERAS: &[&str] = &["BC", "AD"];
    pub(in crate::time) const LONG_ERAS: &[&str] = &["Before Christ", "Anno Domini"];
    pub(in crate::time) const QUARTERS: &[&str] = &["Q1", "Q2", "Q3", "Q4"];
    pub(in crate::time) const LONG_QUARTERS: &[&str] =
        &["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Result<DateFormat, DateFormatError>, timestamp: &str, expected: &str) {
        let mut out = Vec::new();
        let timestamp = Timestamp::parse_iso8601(timestamp).unwrap();
        format.unwrap().write(timestamp, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn joda_patterns() {
        for (pattern, expected) in [
            ("YYYY.MM.dd", "2013.03.05"),
            ("xxxx.ww", "2013.10"),
            ("xxxx-'W'ww e", "2013-W10 2"),
            ("H-k-K-h a", "7-7-7-7 AM"),
            (
                "yy MMM MMMM E EEEE D DDD",
                "13 Mar March Tue Tuesday 64 064",
            ),
            ("S SS SSS SSSSSS", "0 01 012 012000"),
            (
                "z zzzz Z ZZ ZZZ",
                "UTC Coordinated Universal Time +0000 +00:00 UTC",
            ),
            ("G C CCCC y yyyyyy", "AD 20 0020 2013 002013"),
            ("%ss", "%09"),
        ] {
            check(
                DateFormat::joda(pattern),
                "2013-03-05T07:08:09.012345Z",
                expected,
            );
        }
        check(
            DateFormat::joda("YYYY yyyy yy G H k K h"),
            "-0043-01-01T00:00:00Z",
            "0044 -0043 43 BC 0 24 0 12",
        );
        assert!(DateFormat::joda("YYYYT").is_err());
    }

    #[test]
    fn java_patterns() {
        for (pattern, expected) in [
            ("uuuu.MM.dd", "2021.08.11"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2021-08-11T07:08:09.012Z"),
            ("yyyy-MM-dd HH:mm:ss.SSSSSS", "2021-08-11 07:08:09.012345"),
            ("YYYY-'W'ww e c", "2021-W33 4 4"),
            ("ccc E EEEE EEEEE ee eee", "Wed Wed Wednesday W 04 Wed"),
            ("M MM MMM MMMM MMMMM L", "8 08 Aug August A 8"),
            ("a B G GGGG GGGGG", "AM in the morning AD Anno Domini A"),
            ("Q QQ QQQ QQQQ QQQQQ", "3 03 Q3 3rd quarter 3"),
            ("VV v z zzzz O OOOO", "Z Z Z Z GMT GMT"),
            (
                "X XXX x xx xxx xxxx xxxxx",
                "Z Z +00 +0000 +00:00 +0000 +00:00",
            ),
            ("Z ZZZ ZZZZ ZZZZZ", "+0000 +0000 GMT Z"),
            ("D DDD d h H k K m s W F", "223 223 11 7 7 7 7 8 9 2 2"),
            ("n N A g", "12345000 25689012345000 25689012 59437"),
            ("y yy yyy yyyyy u", "2021 21 2021 02021 2021"),
            ("pppH[ mm]''", "  7 08'"),
        ] {
            check(
                DateFormat::java(pattern),
                "2021-08-11T07:08:09.012345Z",
                expected,
            );
        }
        check(
            DateFormat::java("yyyy yyyyy YYYY-ww"),
            "+12021-01-01T00:00:00Z",
            "+12021 12021 +12021-01",
        );
        check(
            DateFormat::java("YYYY-ww"),
            "2018-12-30T00:00:00Z",
            "2019-01",
        );
        check(
            DateFormat::java("B BBBBB"),
            "2021-01-01T12:00:59Z",
            "noon n",
        );
        for pattern in [
            "J",
            "'",
            "]",
            "{",
            "#",
            "ddd",
            "cc",
            "V",
            "p",
            "p-",
            "SSSSSSSSSS",
            "MMMMMM",
            "aa",
            "www",
        ] {
            assert!(DateFormat::java(pattern).is_err(), "{pattern}");
        }
    }
}
