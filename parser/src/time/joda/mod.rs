//! Joda-Time's date patterns, as the date filter reads them.
//!
//! A pattern is compiled once; reading a date by it then neither allocates nor looks at a clock. Reproduces
//! `org.joda.time.format.DateTimeFormat` and what `org.logstash.filters.parser.JodaParser` makes of it.

mod case;
mod compile;
mod fields;
mod parse;
mod print;
mod read;
mod syntax;
mod text;

pub(super) use print::print_items;
pub(super) use read::{read_fraction, read_number, read_offset};

use super::civil::Date;
use super::locale::Locale;
use super::zone::Zone;
use fields::Local;
use parse::{Parsed, ParsedZone, Parser};

/// A pattern that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing is written.
    #[error("a date pattern must not be empty")]
    Empty,
    /// A letter that means nothing.
    #[error(
        "`{letters}` in the date pattern `{pattern}` stands for nothing: put text in single quotes, as in `'T'`"
    )]
    UnknownLetter {
        /// The letter as often as it is repeated.
        letters: String,
        /// As written.
        pattern: String,
    },
    /// `zzzz`, which can only be printed.
    #[error(
        "`zzzz` in the date pattern `{0}` cannot be read: `z` reads short names, `Z` offsets and `ZZZ` names as in `Europe/Paris`"
    )]
    LongZoneName(String),
    /// More fields than a date can have.
    #[error("the date pattern `{0}` has too many fields")]
    TooManyFields(String),
    /// A syntax error of a `java.time` pattern.
    #[error("the date pattern `{pattern}` cannot be used: {reason}")]
    Invalid {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A Joda-Time pattern, compiled to read dates.
#[derive(Clone, Debug)]
pub struct JodaPattern {
    parser: Parser,
    // Logstash looks for these letters anywhere in the pattern, quoted or not.
    has_year: bool,
    has_offset: bool,
}

impl JodaPattern {
    /// Compiles a pattern; names of months, weekdays and half days are those of `locale`.
    pub fn new(pattern: &str, locale: &Locale) -> Result<Self, PatternError> {
        Ok(Self {
            parser: Parser::new(pattern, locale)?,
            has_year: pattern.contains(['y', 'Y']),
            has_offset: pattern.contains('Z'),
        })
    }

    /// Reads all of `text` as an instant in milliseconds since the epoch. A date without a zone is in `zone`; one
    /// without a year lies in the year that makes it nearest to `now`, looking over the end of the year only.
    ///
    /// `None` for text that does not match, and for times that daylight saving skipped.
    pub fn parse_millis(&self, text: &str, zone: &Zone, now: Now) -> Option<i64> {
        let parsed = self.parser.parse(text, now)?;
        if self.has_year {
            return instant(&parsed, zone);
        }
        self.guess_year(&parsed, zone, now)
    }

    fn guess_year(&self, parsed: &Parsed<'_>, zone: &Zone, now: Now) -> Option<i64> {
        let instant = if self.has_offset {
            instant(parsed, zone)?
        } else {
            // A zone name without an offset in the pattern is read and ignored.
            zone.instant(parsed.local.as_millis()?)?
        };
        let offset = zone.offset_at(instant);
        let local = Local::from_millis(instant.checked_add(i64::from(offset))?);
        let date = Date::from_days(local.days);
        let today = now.date();
        let year = match (date.month, today.month) {
            (12, 1) => today.year - 1,
            (1, 12) => today.year + 1,
            _ => today.year,
        };
        if year == date.year {
            return Some(instant);
        }
        let local = local.with_year(year).as_millis()?;
        // Joda-Time keeps the offset where it can.
        let kept = local.checked_sub(i64::from(offset))?;
        if zone.offset_at(kept) == offset {
            return Some(kept);
        }
        zone.instant_lenient(local)
    }
}

fn instant(parsed: &Parsed<'_>, zone: &Zone) -> Option<i64> {
    let local = parsed.local.as_millis()?;
    match &parsed.zone {
        Some(ParsedZone::Offset(offset)) => local.checked_sub(i64::from(*offset)),
        Some(ParsedZone::Named(zone)) => zone.instant(local),
        Some(ParsedZone::Id(id)) => Zone::place(id)?.instant(local),
        None => zone.instant(local),
    }
}

/// The current time, as the year that is missing in a date hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now(super::Timestamp);

impl From<super::Timestamp> for Now {
    fn from(now: super::Timestamp) -> Self {
        Self(now)
    }
}

impl Now {
    fn date(self) -> Date {
        Date::from_days(self.0.seconds().div_euclid(86_400))
    }

    fn year(self) -> i32 {
        self.date().year.clamp(-200_000_000, 200_000_000) as i32
    }
}

#[cfg(test)]
mod tests;
