//! The timestamps of CEF: milliseconds, or texts such as `Jul 19 2017 10:50:21.127 UTC`
//! (source: logstash-codec-cef, `timestamp_normalizer.rb`; `java.time.format.DateTimeFormatter`).

use crate::time::{CivilDate, Locale, Timestamp, Zone, days_in_month};

const MILLIS_PER_DAY: i64 = 86_400_000;
/// The last millisecond of the year 9999.
const LAST: i64 = 253_402_300_799_999;

/// Reads timestamps in the names of a locale.
pub(super) struct TimeReader {
    pub(super) locale: Locale,
    /// Of timestamps that name no zone and come from a device that names none.
    pub(super) zone: Zone,
}

impl TimeReader {
    /// `device_zone` is what the message says of the device. `None` where there is no such time.
    pub(super) fn read(
        &self,
        text: &str,
        device_zone: Option<&str>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if text.starts_with(|first: char| ('1'..='9').contains(&first)) {
            return read_millis(text);
        }
        let zone = match device_zone {
            Some(id) => &java_zone(id)?,
            None => &self.zone,
        };
        self.read_text(text, zone, now)
    }

    /// `MMM dd[ yyyy] HH:mm:ss[.fraction][ zone]`, the fraction of 3, 6 or 9 digits.
    fn read_text(&self, text: &str, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
        let names = self.locale.short_months.iter().enumerate();
        let named = names.filter(|(_, name)| text.starts_with(**name));
        let (month, name) = named.max_by_key(|(_, name)| name.len())?;
        let month = month as u32 + 1;
        let rest = text[name.len()..].strip_prefix(' ')?;
        let (day, rest) = two_digits(rest)?;
        let rest = rest.strip_prefix(' ')?;
        let (year, rest) = match rest.split_once(' ') {
            Some((year, after)) if is_year(year) => (Some(year.parse().ok()?), after),
            _ => (None, rest),
        };
        let (hour, rest) = two_digits(rest)?;
        let (minute, rest) = two_digits(rest.strip_prefix(':')?)?;
        let (second, rest) = two_digits(rest.strip_prefix(':')?)?;
        let (nanos, rest) = fraction(rest)?;
        let named = match rest.strip_prefix(' ') {
            Some(id) => Some(named_zone(id)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        if hour > 23 || minute > 59 || second > 59 || !(1..=31).contains(&day) {
            return None;
        }
        let of_day = i64::from((hour * 60 + minute) * 60 + second) * 1000;
        let zone = named.as_ref().unwrap_or(zone);
        let at = |year: i64| {
            let day = day.min(days_in_month(year, month));
            let date = CivilDate { year, month, day };
            zone.instant_lenient(date.days() * MILLIS_PER_DAY + of_day)
        };
        let millis = match year {
            Some(0) => return None,
            Some(year) => at(year)?,
            // The 30th of February is in no year.
            None if day > days_in_month(2000, month) => return None,
            None => near(at, zone, now)?,
        };
        if millis > LAST {
            return None;
        }
        Some(Timestamp::new(millis.div_euclid(1000), nanos))
    }
}

/// A time without a year is of this one, or of the last if that would be more than two days ahead, or of the
/// next if that is at most two days ahead.
fn near(at: impl Fn(i64) -> Option<i64>, zone: &Zone, now: Timestamp) -> Option<i64> {
    let local = now.millis() + i64::from(zone.offset_seconds_at(now)) * 1000;
    let today = CivilDate::from_days(local.div_euclid(MILLIS_PER_DAY));
    let latest = now.millis() + 2 * MILLIS_PER_DAY;
    let this = at(today.year)?;
    if this > latest {
        return at(today.year - 1);
    }
    match at(today.year + 1)? {
        next if today.month == 12 && next <= latest => Some(next),
        _ => Some(this),
    }
}

/// Milliseconds since 1970, maybe with decimal places.
fn read_millis(text: &str) -> Option<Timestamp> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(places) {
        return None;
    }
    let millis: i64 = whole.parse().ok().filter(|millis| *millis <= LAST)?;
    let places = places.bytes().chain(std::iter::repeat(b'0')).take(6);
    let nanos = places.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    Some(Timestamp::new(
        millis / 1000,
        (millis % 1000) as u32 * 1_000_000 + nanos,
    ))
}

fn two_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| all)?, rest))
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Nanoseconds, and what follows them.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match end {
        3 => 1_000_000,
        6 => 1000,
        9 => 1,
        _ => return None,
    };
    Some((rest[..end].parse::<u32>().ok()? * unit, &rest[end..]))
}

/// A zone at the end of a timestamp: an identifier, or one of the usual abbreviations, which stand for a place,
/// so that `EST` in July is summer time.
fn named_zone(id: &str) -> Option<Zone> {
    const ABBREVIATIONS: &[(&str, &str)] = &[
        ("EST", "America/New_York"),
        ("EDT", "America/New_York"),
        ("CST", "America/Chicago"),
        ("CDT", "America/Chicago"),
        ("MST", "America/Denver"),
        ("MDT", "America/Denver"),
        ("PST", "America/Los_Angeles"),
        ("PDT", "America/Los_Angeles"),
        ("AKST", "America/Anchorage"),
        ("AKDT", "America/Anchorage"),
        ("HST", "Pacific/Honolulu"),
        ("BRT", "America/Sao_Paulo"),
        ("WET", "Europe/Lisbon"),
        ("WEST", "Europe/Lisbon"),
        ("BST", "Europe/London"),
        ("CET", "Europe/Paris"),
        ("CEST", "Europe/Paris"),
        ("EET", "Europe/Athens"),
        ("EEST", "Europe/Athens"),
        ("MSK", "Europe/Moscow"),
        ("SAST", "Africa/Johannesburg"),
        ("IST", "Asia/Kolkata"),
        ("SGT", "Asia/Singapore"),
        ("HKT", "Asia/Hong_Kong"),
        ("KST", "Asia/Seoul"),
        ("JST", "Asia/Tokyo"),
        ("AWST", "Australia/Perth"),
        ("AEST", "Australia/Sydney"),
        ("AEDT", "Australia/Sydney"),
        ("NZST", "Pacific/Auckland"),
        ("NZDT", "Pacific/Auckland"),
    ];
    let place = ABBREVIATIONS.iter().find(|(name, _)| *name == id);
    match place {
        Some((_, place)) => Zone::place(place),
        None => Zone::new(id).ok(),
    }
}

/// A zone as `java.time.ZoneId.of` reads it, which takes hours of one digit, too: `GMT+3`.
pub(super) fn java_zone(id: &str) -> Option<Zone> {
    if let Ok(zone) = Zone::new(id) {
        return Some(zone);
    }
    let (sign, hour) = id.split_at_checked(id.len().checked_sub(1)?)?;
    let prefix = sign.strip_suffix(['+', '-'])?;
    let is_offset = matches!(prefix, "" | "UTC" | "GMT" | "UT") && hour.parse::<u8>().is_ok();
    is_offset.then(|| Zone::new(&format!("{sign}0{hour}")).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of what is read on that day.
    fn read_on(today: &str, text: &str, device_zone: Option<&str>) -> Option<i64> {
        let reader = TimeReader {
            locale: Locale::english(),
            zone: Zone::UTC,
        };
        let now = Timestamp::parse_iso8601(today).unwrap();
        reader.read(text, device_zone, now).map(Timestamp::millis)
    }

    fn millis(text: &str) -> Option<i64> {
        Timestamp::parse_iso8601(text).map(Timestamp::millis)
    }

    #[test]
    fn times_in_every_form() {
        for (text, zone, want) in [
            ("1500464384997", None, "2017-07-19T11:39:44.997Z"),
            (
                "1500464384997.5",
                Some("no zone"),
                "2017-07-19T11:39:44.997Z",
            ),
            ("Jul 19 2017 10:50:21.127", None, "2017-07-19T10:50:21.127Z"),
            (
                "Jul 19 2017 10:50:21",
                Some("Europe/Moscow"),
                "2017-07-19T07:50:21.000Z",
            ),
            (
                "Jul 19 2017 10:50:21",
                Some("GMT+3"),
                "2017-07-19T07:50:21.000Z",
            ),
            (
                "Jul 19 2017 10:50:21.127456 UTC",
                Some("Europe/Moscow"),
                "2017-07-19T10:50:21.127Z",
            ),
            (
                "Jul 19 2017 10:50:21.127456789 EST",
                None,
                "2017-07-19T14:50:21.127Z",
            ),
            (
                "Jul 19 2017 10:50:21 +02:00",
                None,
                "2017-07-19T08:50:21.000Z",
            ),
            ("Feb 30 2017 00:00:00", None, "2017-02-28T00:00:00.000Z"),
        ] {
            assert_eq!(
                read_on("2026-01-01T00:00:00Z", text, zone),
                millis(want),
                "{text}"
            );
        }
        for text in [
            "Jul  9 2017 10:50:21",
            "Jul 19 17 10:50:21",
            "jul 19 2017 10:50:21",
            "Jul 19 2017 24:50:21",
            "Jul 19 2017 10:50:21.1",
            "Jul 19 2017 10:50:21 NOPE",
            "Jul 00 2017 10:50:21",
            "Jul 19 0000 10:50:21",
            "Feb 30 10:50:21",
            "15004643849970000",
            "0",
            "1.",
            "Jul",
        ] {
            assert_eq!(read_on("2026-01-01T00:00:00Z", text, None), None, "{text}");
        }
        assert_eq!(
            read_on("2026-01-01T00:00:00Z", "Jul 19 2017 10:50:21", Some("x")),
            None
        );
    }

    #[test]
    fn a_time_without_a_year_is_a_near_one() {
        for (today, text, want) in [
            (
                "2026-05-12T00:00:00Z",
                "May 13 00:00:00",
                "2026-05-13T00:00:00Z",
            ),
            (
                "2026-05-12T00:00:00Z",
                "May 15 00:00:00",
                "2025-05-15T00:00:00Z",
            ),
            (
                "2026-05-12T00:00:00Z",
                "Feb 29 00:00:00",
                "2026-02-28T00:00:00Z",
            ),
            (
                "2026-12-31T00:00:00Z",
                "Jan 01 00:00:00",
                "2027-01-01T00:00:00Z",
            ),
            (
                "2026-12-31T00:00:00Z",
                "Jan 03 00:00:00",
                "2026-01-03T00:00:00Z",
            ),
            (
                "2026-01-01T00:00:00Z",
                "Dec 31 23:00:00",
                "2025-12-31T23:00:00Z",
            ),
        ] {
            assert_eq!(
                read_on(today, text, None),
                millis(want),
                "{text} on {today}"
            );
        }
    }
}
