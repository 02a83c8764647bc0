//! The fields of a date, and what setting one does to a date.
//!
//! As Joda-Time's `DateTimeParserBucket` with the ISO chronology: fields are set from the largest to the smallest
//! on 1970-01-01, each rounding down what is smaller, then set once more. That is how a wrong weekday moves the date.

use crate::time::civil::{
    Date, MILLIS_PER_DAY, days_in_month, days_in_year, is_leap, iso_week, weekday,
    weeks_in_weekyear, weekyear_start, year_start,
};

/// A field that a pattern can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Era,
    Century,
    YearOfEra,
    Year,
    Weekyear,
    Month,
    DayOfYear,
    Week,
    DayOfMonth,
    Weekday,
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
    Milli,
}

/// More fields than any date has.
pub(super) const MAX_FIELDS: usize = 24;

/// The years that Joda-Time's 64-bit milliseconds can hold, and one more at each end.
const YEARS: std::ops::RangeInclusive<i64> = -292_275_055..=292_278_994;

impl Field {
    /// The order in which fields are set: by the length of their range, then of their unit.
    pub(crate) fn order(self) -> (u8, u8) {
        match self {
            Self::Era => (0, 0),
            Self::Century => (0, 1),
            Self::YearOfEra | Self::Year | Self::Weekyear => (0, 2),
            Self::Month => (2, 3),
            Self::Week => (2, 4),
            Self::DayOfYear => (2, 5),
            Self::DayOfMonth => (3, 5),
            Self::Weekday => (4, 5),
            Self::HalfDay => (5, 6),
            Self::Hour | Self::ClockHour => (5, 7),
            Self::HalfDayHour | Self::HalfDayClockHour => (6, 7),
            Self::Minute => (7, 8),
            Self::Second => (8, 9),
            Self::Milli => (9, 10),
        }
    }

    /// Whether a date whose largest field is this one lacks a year, so that the current one is taken.
    pub(crate) fn needs_year(self) -> bool {
        (3..=5).contains(&self.order().1)
    }
}

/// A local date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub days: i64,
    /// Below 86,400,000.
    pub millis: i64,
}

impl Local {
    const EPOCH: Self = Self { days: 0, millis: 0 };

    /// Sets all fields, which must be in order. `None` if one is out of its range.
    pub(crate) fn from_fields(fields: &[Field], values: &[i32]) -> Option<Self> {
        let fields = || fields.iter().zip(values);
        let mut local = Self::EPOCH;
        for (field, value) in fields() {
            local = local.set(*field, i64::from(*value))?.floor(*field);
        }
        for (field, value) in fields() {
            local = local.set(*field, i64::from(*value))?;
        }
        let last = fields().next_back().map(|(field, _)| *field);
        Some(last.map_or(local, |field| local.floor(field)))
    }

    /// Milliseconds since the epoch, as if this were UTC.
    pub(crate) fn as_millis(self) -> Option<i64> {
        self.days
            .checked_mul(MILLIS_PER_DAY)?
            .checked_add(self.millis)
    }

    pub(crate) fn from_millis(millis: i64) -> Self {
        Self {
            days: millis.div_euclid(MILLIS_PER_DAY),
            millis: millis.rem_euclid(MILLIS_PER_DAY),
        }
    }

    /// The same day of another year; February 29th becomes the 28th.
    pub(crate) fn with_year(self, year: i64) -> Self {
        let date = Date::from_days(self.days);
        let mut day_of_year = i64::from(date.day_of_year());
        if day_of_year > 59 {
            day_of_year += i64::from(is_leap(year)) - i64::from(is_leap(date.year));
        }
        Self {
            days: year_start(year) + day_of_year - 1,
            ..self
        }
    }

    fn year(self) -> i64 {
        Date::from_days(self.days).year
    }

    fn set(self, field: Field, value: i64) -> Option<Self> {
        let date = Date::from_days(self.days);
        let within = |range: std::ops::RangeInclusive<i64>| range.contains(&value).then_some(());
        let days = match field {
            Field::Era => {
                let year = date.year;
                let same = (year > 0) == (value == 1);
                return Some(if same { self } else { self.with_year(-year) });
            }
            Field::Century => {
                within(0..=YEARS.end() / 100)?;
                let year = value * 100 + date.year.abs() % 100;
                return Some(self.with_year(if date.year < 0 { -year } else { year }));
            }
            Field::YearOfEra => {
                within(1..=*YEARS.end())?;
                return Some(self.with_year(if date.year <= 0 { 1 - value } else { value }));
            }
            Field::Year => {
                within(YEARS)?;
                return Some(self.with_year(value));
            }
            Field::Weekyear => {
                within(YEARS)?;
                self.days_in_weekyear(value)
            }
            Field::Month => {
                within(1..=12)?;
                let month = value as u32;
                let day = date.day.min(days_in_month(date.year, month));
                Date { month, day, ..date }.days()
            }
            Field::DayOfYear => {
                within(1..=i64::from(days_in_year(date.year)))?;
                year_start(date.year) + value - 1
            }
            Field::Week => {
                let (weekyear, week) = iso_week(self.days);
                within(1..=i64::from(weeks_in_weekyear(weekyear)))?;
                self.days + (value - i64::from(week)) * 7
            }
            Field::DayOfMonth => {
                within(1..=i64::from(days_in_month(date.year, date.month)))?;
                self.days + value - i64::from(date.day)
            }
            Field::Weekday => {
                within(1..=7)?;
                self.days + value - i64::from(weekday(self.days))
            }
            _ => return self.set_time(field, value),
        };
        Some(Self { days, ..self })
    }

    /// The same week and weekday of another week year.
    fn days_in_weekyear(self, weekyear: i64) -> i64 {
        let (_, week) = iso_week(self.days);
        let week = week.min(weeks_in_weekyear(weekyear));
        weekyear_start(weekyear) + i64::from(week - 1) * 7 + i64::from(weekday(self.days)) - 1
    }

    fn set_time(self, field: Field, value: i64) -> Option<Self> {
        let (unit, count, first) = match field {
            Field::HalfDay => (43_200_000, 2, 0),
            Field::Hour => (3_600_000, 24, 0),
            Field::ClockHour => (3_600_000, 24, 1),
            Field::HalfDayHour => (3_600_000, 12, 0),
            Field::HalfDayClockHour => (3_600_000, 12, 1),
            Field::Minute => (60_000, 60, 0),
            Field::Second => (1000, 60, 0),
            _ => (1, 1000, 0),
        };
        if !(first..count + first).contains(&value) {
            return None;
        }
        let current = self.millis / unit % count;
        // The clock hour that ends a range starts it: 24 is 0, 12 is 0.
        let millis = self.millis + (value % count - current) * unit;
        Some(Self { millis, ..self })
    }

    /// Drops what is smaller than a field.
    fn floor(self, field: Field) -> Self {
        let millis = match field {
            Field::HalfDay => self.millis - self.millis % 43_200_000,
            Field::Hour | Field::ClockHour | Field::HalfDayHour | Field::HalfDayClockHour => {
                self.millis - self.millis % 3_600_000
            }
            Field::Minute => self.millis - self.millis % 60_000,
            Field::Second => self.millis - self.millis % 1000,
            Field::Milli => self.millis,
            _ => 0,
        };
        let days = match field {
            Field::Era if self.year() > 0 => year_start(1),
            Field::Era => year_start(*YEARS.start()),
            Field::Century => year_start(self.year() - self.year().rem_euclid(100)),
            Field::Year | Field::YearOfEra => year_start(self.year()),
            Field::Weekyear => weekyear_start(iso_week(self.days).0),
            Field::Month => {
                let date = Date::from_days(self.days);
                self.days - i64::from(date.day) + 1
            }
            Field::Week => self.days - i64::from(weekday(self.days)) + 1,
            _ => self.days,
        };
        Self { days, millis }
    }
}

/// A date made of year, month and day and a time of day, each at most once. Values lie in fixed places, those of
/// fields that are not there hold defaults.
#[derive(Clone, Debug)]
pub(super) struct Civil {
    /// Where the fields' values are, in the order of the fields.
    pub(super) places: Vec<u8>,
    pub(super) defaults: [i32; MAX_FIELDS],
    lowest_year: i32,
    has_weekday: bool,
    /// 24, or 12 with half days.
    hours: i32,
    /// Whether hours start with 1.
    clock_hours: bool,
}

const YEAR: usize = 0;
const MONTH: usize = 1;
const DAY: usize = 2;
const HOUR: usize = 3;
const MINUTE: usize = 4;
const SECOND: usize = 5;
const MILLI: usize = 6;
const HALF_DAY: usize = 7;
const WEEKDAY: usize = 8;

impl Civil {
    /// `None` for other fields.
    pub(super) fn new(fields: &[Field]) -> Option<Self> {
        let mut defaults = [0; MAX_FIELDS];
        (defaults[YEAR], defaults[MONTH], defaults[DAY]) = (1970, 1, 1);
        let mut civil = Self {
            places: Vec::new(),
            defaults,
            lowest_year: -9999,
            has_weekday: fields.contains(&Field::Weekday),
            hours: 24,
            clock_hours: false,
        };
        for field in fields {
            let place = match field {
                Field::Year => YEAR,
                Field::YearOfEra => {
                    civil.lowest_year = 1;
                    YEAR
                }
                Field::Month => MONTH,
                Field::DayOfMonth => DAY,
                Field::Weekday => WEEKDAY,
                Field::HalfDay => HALF_DAY,
                Field::Hour | Field::ClockHour => {
                    civil.clock_hours = *field == Field::ClockHour;
                    HOUR
                }
                Field::HalfDayHour | Field::HalfDayClockHour => {
                    civil.hours = 12;
                    civil.clock_hours = *field == Field::HalfDayClockHour;
                    HOUR
                }
                Field::Minute => MINUTE,
                Field::Second => SECOND,
                Field::Milli => MILLI,
                Field::Era | Field::Century | Field::Weekyear | Field::Week | Field::DayOfYear => {
                    return None;
                }
            } as u8;
            if civil.places.contains(&place) {
                return None;
            }
            civil.places.push(place);
        }
        let half_days_fit = !fields.contains(&Field::HalfDay) || civil.hours == 12;
        let weekday_can_be_checked = !civil.has_weekday || fields.contains(&Field::DayOfMonth);
        (half_days_fit && weekday_can_be_checked).then_some(civil)
    }

    /// `None` where a value is out of its range, or the weekday is not that of the date.
    #[inline]
    pub(super) fn local(&self, values: &[i32; MAX_FIELDS]) -> Option<Local> {
        let year = values[YEAR];
        let (month, day) = (values[MONTH] as u32, values[DAY] as u32);
        let mut hour = values[HOUR];
        if self.clock_hours {
            if !(1..=self.hours).contains(&hour) {
                return None;
            }
            hour %= self.hours;
        }
        let (minute, second, milli) = (values[MINUTE], values[SECOND], values[MILLI]);
        let valid = (self.lowest_year..=9999).contains(&year)
            && month.wrapping_sub(1) < 12
            && day.wrapping_sub(1) < 31
            && (0..self.hours).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..1000).contains(&milli)
            && (day <= 28 || day <= days_in_month(i64::from(year), month));
        if !valid {
            return None;
        }
        let days = Date {
            year: i64::from(year),
            month,
            day,
        }
        .days();
        if self.has_weekday && values[WEEKDAY] as u32 != weekday(days) {
            return None;
        }
        let seconds = ((values[HALF_DAY] * 12 + hour) * 60 + minute) * 60 + second;
        let millis = i64::from(seconds * 1000 + milli);
        Some(Local { days, millis })
    }

    /// The values in the order of the fields.
    pub(super) fn in_order(&self, values: &[i32; MAX_FIELDS]) -> [i32; MAX_FIELDS] {
        let mut ordered = [0; MAX_FIELDS];
        for (value, place) in ordered.iter_mut().zip(&self.places) {
            *value = values[usize::from(*place) % MAX_FIELDS];
        }
        ordered
    }
}
