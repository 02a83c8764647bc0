//! Time zones by the identifiers that Joda-Time takes, and the offset they have at a moment.
//!
//! Reads the time zone database that is compiled in, never the machine's.

use super::civil::MILLIS_PER_DAY;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use std::sync::LazyLock;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone: UTC, a fixed offset, or the rules of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Milliseconds east of UTC.
    Fixed(i32),
    Place(TimeZone),
}

/// An identifier that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone: write a name as in `Europe/Paris`, or an offset as in `+02:00`")]
pub struct UnknownZone(pub String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Kind::Fixed(0));

    /// By identifier: `UTC`, `Europe/Paris`, `EST5EDT`, `+02:00`, `GMT+02` (not `GMT+2`).
    ///
    /// As Joda-Time's `DateTimeZone.forID`; names are case-sensitive.
    pub fn new(id: &str) -> Result<Self, UnknownZone> {
        if id == "UTC" {
            return Ok(Self::UTC);
        }
        if let Some(zone) = Self::place(id) {
            return Ok(zone);
        }
        if matches!(id, "UT" | "GMT" | "Z") {
            return Ok(Self::UTC);
        }
        let offset = ["UTC", "GMT", "UT"]
            .iter()
            .find_map(|prefix| {
                let rest = id.strip_prefix(prefix)?;
                rest.starts_with(['+', '-']).then_some(rest)
            })
            .unwrap_or(id);
        match parse_offset(offset.as_bytes(), 0) {
            Some((millis, end)) if end == offset.len() => Ok(Self::fixed(millis)),
            _ => Err(UnknownZone(id.to_owned())),
        }
    }

    /// A fixed offset, in milliseconds east of UTC.
    pub(crate) fn fixed(millis: i32) -> Self {
        Self(Kind::Fixed(millis))
    }

    /// By a name of the time zone database, in its exact case.
    pub(crate) fn place(name: &str) -> Option<Self> {
        let zone = DATABASE.get(name).ok()?;
        if zone.iana_name() != Some(name) {
            return None;
        }
        Some(match zone.to_fixed_offset() {
            Ok(offset) => Self::fixed(offset.seconds() * 1000),
            Err(_) => Self(Kind::Place(zone)),
        })
    }

    /// The offset at an instant, in milliseconds east of UTC.
    pub(crate) fn offset_at(&self, millis: i64) -> i32 {
        match &self.0 {
            Kind::Fixed(offset) => *offset,
            Kind::Place(zone) => zone.to_offset(in_range(millis)).seconds() * 1000,
        }
    }

    /// The offset at an instant, in seconds east of UTC.
    pub(crate) fn offset_seconds_at(&self, at: super::Timestamp) -> i32 {
        self.offset_at(at.millis()) / 1000
    }

    /// The instant of a local time; `None` where the clock was put forward over it. A time that occurred
    /// twice is the earlier one. Milliseconds since the epoch, as if the local time were UTC.
    pub(crate) fn instant(&self, local: i64) -> Option<i64> {
        let (offset, exists) = self.local_offset(local);
        if !exists {
            return None;
        }
        local.checked_sub(i64::from(offset))
    }

    /// As `instant`, but a time that the clock skipped is moved to after the gap.
    pub(crate) fn instant_lenient(&self, local: i64) -> Option<i64> {
        local.checked_sub(i64::from(self.local_offset(local).0))
    }

    /// The offset at a local time (the one before a change, where there are two or none), and whether there
    /// is such a local time.
    fn local_offset(&self, local: i64) -> (i32, bool) {
        let zone = match &self.0 {
            Kind::Fixed(offset) => return (*offset, true),
            Kind::Place(zone) => zone,
        };
        let civil = Offset::UTC.to_datetime(in_range(local));
        let (offset, exists) = match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, true),
            AmbiguousOffset::Fold { before, .. } => (before, true),
            AmbiguousOffset::Gap { before, .. } => (before, false),
        };
        (offset.seconds() * 1000, exists)
    }
}

/// An instant with the same rules that `jiff` can hold: beyond the year 9000, before -9000, the rules of 400 years
/// earlier or later apply.
fn in_range(millis: i64) -> jiff::Timestamp {
    const CYCLE: i64 = 146_097 * MILLIS_PER_DAY;
    const LIMIT: i64 = 17 * CYCLE;
    let shifted = if millis.abs_diff(0) > LIMIT.unsigned_abs() {
        millis.rem_euclid(CYCLE) + 16 * CYCLE * millis.signum()
    } else {
        millis
    };
    jiff::Timestamp::from_millisecond(shifted).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Reads `+hh`, `+hhmm`, `+hh:mm` and further with seconds and milliseconds at `start`: milliseconds east of
/// UTC, and where it ends. As Joda-Time does: the first separator decides whether more are expected.
pub(crate) fn parse_offset(text: &[u8], start: usize) -> Option<(i32, usize)> {
    let sign = match text.get(start)? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut at = start + 1;
    let hours = two_digits(text, at).filter(|hours| *hours < 24)?;
    at += 2;
    let mut millis = hours * 3_600_000;
    let separated = match text.get(at) {
        Some(b':') => true,
        Some(b'0'..=b'9') => false,
        _ => return Some((sign * millis, at)),
    };
    for unit in [60_000, 1000] {
        if separated {
            // Only what follows the hours is certain to be there once a colon was seen.
            if text.get(at) != Some(&b':') {
                return Some((sign * millis, at));
            }
            at += 1;
        } else if !text.get(at).is_some_and(u8::is_ascii_digit) {
            return Some((sign * millis, at));
        }
        millis += two_digits(text, at).filter(|value| *value < 60)? * unit;
        at += 2;
    }
    if separated {
        if !matches!(text.get(at), Some(b'.' | b',')) {
            return Some((sign * millis, at));
        }
        at += 1;
    }
    let digits = text[at..]
        .iter()
        .take(3)
        .take_while(|byte| byte.is_ascii_digit());
    let mut unit = 100;
    for digit in digits {
        millis += i32::from(digit - b'0') * unit;
        unit /= 10;
        at += 1;
    }
    if separated && unit == 100 {
        return None;
    }
    Some((sign * millis, at))
}

fn two_digits(text: &[u8], at: usize) -> Option<i32> {
    match text.get(at..at + 2)? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(i32::from((a - b'0') * 10 + (b - b'0'))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for (id, offset) in [
            ("UTC", 0),
            ("GMT", 0),
            ("Z", 0),
            ("+02:00", 7_200_000),
            ("-0530", -19_800_000),
            ("UTC+01", 3_600_000),
            ("GMT-03:00", -10_800_000),
            ("Asia/Kolkata", 19_800_000),
            ("EST5EDT", -18_000_000),
            ("America/New_York", -18_000_000),
        ] {
            let zone = Zone::new(id).unwrap();
            assert_eq!(zone.offset_at(1_579_000_000_000), offset, "{id}");
        }
        for id in [
            "",
            "utc",
            "america/new_york",
            "+2",
            "Mars/Olympus",
            "+02:00x",
        ] {
            assert!(Zone::new(id).is_err(), "{id}");
        }
    }

    #[test]
    fn gaps_and_overlaps() {
        let prague = Zone::new("Europe/Prague").unwrap();
        // 2020-03-29 02:30 does not exist
        assert_eq!(prague.instant(1_585_449_000_000), None);
        assert_eq!(
            prague.instant_lenient(1_585_449_000_000),
            Some(1_585_445_400_000)
        );
        // 2020-10-25 02:30 exists twice: the earlier one, in summer time
        assert_eq!(prague.instant(1_603_593_000_000), Some(1_603_585_800_000));
    }

    #[test]
    fn far_years_follow_the_rules_of_their_place_in_the_400_year_cycle() {
        let zone = Zone::new("America/New_York").unwrap();
        assert_eq!(zone.offset_at(i64::MAX / 2).rem_euclid(3_600_000), 0);
        assert!(zone.instant(i64::MAX / 2).is_some());
        assert_eq!(zone.instant(i64::MAX), None);
    }

    #[test]
    fn offsets_with_and_without_separators() {
        let parse = |text: &str| parse_offset(text.as_bytes(), 0);
        assert_eq!(parse("+0200"), Some((7_200_000, 5)));
        assert_eq!(parse("+02:00"), Some((7_200_000, 6)));
        assert_eq!(parse("+02 x"), Some((7_200_000, 3)));
        assert_eq!(parse("-01:02:03.045"), Some((-3_723_045, 13)));
        assert_eq!(parse("+010203045"), Some((3_723_045, 10)));
        for text in [
            "+", "+2", "+24", "+02:", "+02:6", "+0260", "+020", "0200", "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
