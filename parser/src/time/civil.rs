//! The proleptic Gregorian calendar: days since 1970-01-01 to dates and ISO weeks, and back.
//!
//! Plain arithmetic without a notion of time zones; total for every day an `i64` of milliseconds can hold.

pub(crate) const MILLIS_PER_DAY: i64 = 86_400_000;

/// A date of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub year: i64,
    /// 1 to 12
    pub month: u32,
    /// 1 to 31
    pub day: u32,
}

impl Date {
    /// The date of a day counted from 1970-01-01.
    pub(crate) fn from_days(days: i64) -> Self {
        // Counting from 0000-03-01 puts the leap day at the end of a year.
        let shifted = days + 719_468;
        if let Ok(days) = u32::try_from(shifted) {
            let (era, day_of_era) = (days / 146_097, days % 146_097);
            return Self::from_era(i64::from(era), day_of_era);
        }
        let era = shifted.div_euclid(146_097);
        Self::from_era(era, shifted.rem_euclid(146_097) as u32)
    }

    fn from_era(era: i64, day_of_era: u32) -> Self {
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: era * 400 + i64::from(year_of_era) + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }

    /// Days since 1970-01-01.
    pub(crate) fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let shifted_month = if self.month > 2 {
            self.month - 3
        } else {
            self.month + 9
        };
        let day_of_year = (153 * shifted_month + 2) / 5 + self.day - 1;
        let (era, year_of_era) = match u32::try_from(year) {
            Ok(year) => (i64::from(year / 400), year % 400),
            Err(_) => (year.div_euclid(400), year.rem_euclid(400) as u32),
        };
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + i64::from(day_of_era) - 719_468
    }

    /// 1 for January 1st
    pub(crate) fn day_of_year(self) -> u32 {
        (self.days() - year_start(self.year)) as u32 + 1
    }
}

/// The day on which a year starts.
pub(crate) fn year_start(year: i64) -> i64 {
    Date {
        year,
        month: 1,
        day: 1,
    }
    .days()
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// 28 to 31; `month` must be 1 to 12.
pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(crate) fn days_in_year(year: i64) -> u32 {
    365 + u32::from(is_leap(year))
}

/// 1 for Monday to 7 for Sunday
pub(crate) fn weekday(days: i64) -> u32 {
    (days + 3).rem_euclid(7) as u32 + 1
}

/// The Monday on which an ISO week year starts.
pub(crate) fn weekyear_start(weekyear: i64) -> i64 {
    // January 4th always lies in the first week.
    let fourth = year_start(weekyear) + 3;
    fourth - i64::from(weekday(fourth)) + 1
}

/// ISO week year and week of a day.
pub(crate) fn iso_week(days: i64) -> (i64, u32) {
    // The Thursday of a week lies in the year that the week belongs to.
    let thursday = days - i64::from(weekday(days)) + 4;
    let weekyear = Date::from_days(thursday).year;
    let week = (thursday - year_start(weekyear)) / 7 + 1;
    (weekyear, week as u32)
}

pub(crate) fn weeks_in_weekyear(weekyear: i64) -> u32 {
    ((weekyear_start(weekyear + 1) - weekyear_start(weekyear)) / 7) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_round_trip() {
        for days in (-800_000..3_000_000).step_by(17) {
            let date = Date::from_days(days);
            assert_eq!(date.days(), days, "{date:?}");
        }
        let date = Date::from_days(0);
        assert_eq!((date.year, date.month, date.day), (1970, 1, 1));
        let date = Date::from_days(-1);
        assert_eq!((date.year, date.month, date.day), (1969, 12, 31));
        assert_eq!(Date::from_days(11_016).day_of_year(), 60);
    }

    #[test]
    fn far_dates_do_not_overflow() {
        let days = i64::MAX / MILLIS_PER_DAY;
        assert_eq!(Date::from_days(days).days(), days);
        assert_eq!(Date::from_days(-days).days(), -days);
    }

    #[test]
    fn weeks_follow_iso_8601() {
        let day = |year, month, day| Date { year, month, day }.days();
        assert_eq!(iso_week(day(2021, 1, 3)), (2020, 53));
        assert_eq!(iso_week(day(2018, 12, 31)), (2019, 1));
        assert_eq!(weekday(day(2018, 12, 31)), 1);
        assert_eq!(weeks_in_weekyear(2020), 53);
        assert_eq!(weeks_in_weekyear(2021), 52);
        assert_eq!(weekyear_start(2019), day(2018, 12, 31));
    }
}
