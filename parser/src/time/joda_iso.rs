//! The ISO 8601 dates of the date filter: calendar dates, ordinal dates and week dates, times with fractions of any unit.
//!
//! Joda-Time's `ISODateTimeFormat.dateTimeParser`. Digits may be fewer than usual (`2013-3-5T7:8:9Z`), everything after
//! the year may be missing, and a time without a date is one of 1970-01-01.

use super::civil::{
    Date, days_in_month, days_in_year, weeks_in_weekyear, weekyear_start, year_start,
};
use super::joda::{read_fraction, read_number, read_offset};
use super::zone::Zone;

/// Reads all of `text` as an instant in milliseconds since the epoch; without an offset it is in `zone`. `None` for text
/// that does not match, and for times that daylight saving skipped.
pub(super) fn parse_millis(text: &str, zone: &Zone) -> Option<i64> {
    let text = text.as_bytes();
    let (days, mut at) = match text.first()? {
        b'T' | b't' => (0, 0),
        _ => read_date(text)?,
    };
    let mut millis = 0;
    let mut offset = None;
    if let Some(b'T' | b't') = text.get(at) {
        at += 1;
        match read_time(text, at) {
            Some((time, end)) => (millis, at) = (time, end),
            // The time may be missing after a date, but not where it is all there is.
            None if at == 1 => return None,
            None => {}
        }
        if at < text.len() {
            let (found, end) = read_offset(text, at)?;
            offset = Some(found);
            at = end;
        }
    }
    if at != text.len() {
        return None;
    }
    let local = days.checked_mul(86_400_000)?.checked_add(millis)?;
    match offset {
        Some(offset) => local.checked_sub(i64::from(offset)),
        None => zone.instant(local),
    }
}

/// The day, and where the date ends. Of the readings that are possible, the longest.
fn read_date(text: &[u8]) -> Option<(i64, usize)> {
    let (year, end) = read_number(text, 0, 9, true)?;
    let year = i64::from(year);
    match text.get(end..) {
        Some([b'-', b'W' | b'w', ..]) => {
            // Only a whole week date can go on here.
            read_week_date(text, end + 2, year)
        }
        Some([b'-', b'0'..=b'9', ..]) => {
            let (_, month_end) = read_number(text, end + 1, 2, false)?;
            let (_, ordinal_end) = read_number(text, end + 1, 3, false)?;
            if ordinal_end > month_end {
                let (day, _) = read_number(text, end + 1, 3, false)?;
                let in_range = (1..=days_in_year(year) as i32).contains(&day);
                return in_range.then(|| (year_start(year) + i64::from(day) - 1, ordinal_end));
            }
            read_month_date(text, end + 1, year)
        }
        _ => Some((year_start(year), end)),
    }
}

fn read_month_date(text: &[u8], at: usize, year: i64) -> Option<(i64, usize)> {
    let (month, end) = read_number(text, at, 2, false)?;
    let (day, end) = match text.get(end) {
        Some(b'-') => match read_number(text, end + 1, 2, false) {
            Some(day) => day,
            None => (1, end),
        },
        _ => (1, end),
    };
    let (month, day) = (month as u32, day as u32);
    let valid = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    valid.then(|| (Date { year, month, day }.days(), end))
}

fn read_week_date(text: &[u8], at: usize, weekyear: i64) -> Option<(i64, usize)> {
    let (week, end) = read_number(text, at, 2, false)?;
    let (day, end) = match text.get(end) {
        Some(b'-') => match read_number(text, end + 1, 1, false) {
            Some(day) => day,
            None => (1, end),
        },
        _ => (1, end),
    };
    let valid = (1..=weeks_in_weekyear(weekyear) as i32).contains(&week) && (1..=7).contains(&day);
    let days = weekyear_start(weekyear) + i64::from(week - 1) * 7 + i64::from(day - 1);
    valid.then_some((days, end))
}

/// Milliseconds of the day, and where the time ends.
fn read_time(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let (hour, mut at) = read_number(text, at, 2, false)?;
    let mut millis = i64::from(hour) * 3_600_000;
    let mut valid = hour < 24;
    let mut unit_millis = 3_600_000;
    for unit in [60_000, 1000] {
        let Some(b':') = text.get(at) else { break };
        let Some((value, end)) = read_number(text, at + 1, 2, false) else {
            return valid.then_some((millis, at));
        };
        valid &= value < 60;
        millis += i64::from(value) * unit;
        unit_millis = unit;
        at = end;
    }
    if let Some(b'.' | b',') = text.get(at)
        && let Some((fraction, end)) = read_fraction(text, at + 1, 9, unit_millis)
    {
        millis += i64::from(fraction);
        at = end;
    }
    valid.then_some((millis, at))
}
