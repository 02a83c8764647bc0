//! Reads dates by a compiled pattern.
//!
//! A pattern is a short list of steps, each of which reads one field into its slot. Which fields there are, and in which
//! order they are set, is known since the pattern was compiled; the usual ones need no more than a sum.

use super::Now;
use super::case::skip_ignoring_case;
use super::fields::{Civil, Field, Local, MAX_FIELDS};
use super::read::{
    read_fraction, read_number, read_offset, read_two_digit_year, read_two_digits, read_zone_id,
};
use super::text::TextTable;
use crate::time::zone::Zone;

/// A compiled pattern that reads dates.
#[derive(Clone, Debug)]
pub(crate) struct Parser {
    pub(super) steps: Vec<Step>,
    /// The fields in the order in which they are set; a step's slot is a place in it.
    pub(super) fields: Vec<Field>,
    pub(super) texts: Vec<TextTable>,
    pub(super) zone_names: Vec<(&'static str, Zone)>,
    pub(super) civil: Option<Civil>,
    /// The first field is a year that the pattern does not have.
    pub(super) lacks_year: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One ASCII character, without regard to case.
    Byte(u8),
    Literal(Box<str>),
    Field {
        slot: u8,
        reader: Reader,
        /// One ASCII character that follows, 0 for none.
        then: u8,
    },
    Zone(ZoneReader),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Reader {
    Number {
        max_digits: u8,
        signed: bool,
    },
    /// One or two digits.
    TwoDigits,
    /// Where `lenient`, other numbers of digits are taken as they are.
    TwoDigitYear {
        lenient: bool,
    },
    /// By the table with this index.
    Text(u8),
    /// Of the second, up to so many digits.
    Fraction(u8),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ZoneReader {
    Offset,
    Name,
    Id,
}

/// What was read: a local time, and its zone where the text has one.
#[derive(Debug)]
pub(crate) struct Parsed<'t> {
    pub local: Local,
    pub zone: Option<ParsedZone<'t>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ParsedZone<'t> {
    /// Milliseconds east of UTC.
    Offset(i32),
    Named(&'t Zone),
    /// The name of a place in the time zone database.
    Id(&'t str),
}

impl Parser {
    /// Reads all of `text`. The current year stands in for a missing one and is the middle of two-digit years.
    pub(crate) fn parse<'t>(&'t self, text: &'t str, now: Now) -> Option<Parsed<'t>> {
        let mut values = match &self.civil {
            Some(civil) => civil.defaults,
            None => [0; MAX_FIELDS],
        };
        if self.lacks_year {
            // The first field, and the first place.
            values[0] = now.year();
        }
        let mut zone = None;
        let bytes = text.as_bytes();
        let mut at = 0;
        for step in &self.steps {
            match step {
                Step::Byte(byte) => at = skip_byte(text, at, *byte)?,
                Step::Literal(literal) => {
                    let end = at + literal.len();
                    let same = bytes.get(at..end) == Some(literal.as_bytes());
                    at = if same {
                        end
                    } else {
                        skip_ignoring_case(text, at, literal)?
                    };
                }
                Step::Field { slot, reader, then } => {
                    let (value, end) = self.read_field(*reader, bytes, at, now)?;
                    values[usize::from(*slot) % MAX_FIELDS] = value;
                    at = match then {
                        0 => end,
                        byte => skip_byte(text, end, *byte)?,
                    };
                }
                Step::Zone(reader) => at = self.read_zone(*reader, text, at, &mut zone)?,
            }
        }
        if at != bytes.len() {
            return None;
        }
        let local = match &self.civil {
            Some(civil) => civil
                .local(&values)
                .or_else(|| Local::from_fields(&self.fields, &civil.in_order(&values)))?,
            None => Local::from_fields(&self.fields, &values)?,
        };
        Some(Parsed { local, zone })
    }

    #[inline(always)]
    fn read_field(&self, reader: Reader, text: &[u8], at: usize, now: Now) -> Option<(i32, usize)> {
        match reader {
            Reader::TwoDigits => read_two_digits(text, at),
            Reader::Number { max_digits, signed } => read_number(text, at, max_digits, signed),
            Reader::TwoDigitYear { lenient } => read_two_digit_year(text, at, lenient, now.year()),
            Reader::Text(table) => self.texts[usize::from(table)].find(text, at),
            Reader::Fraction(max_digits) => read_fraction(text, at, usize::from(max_digits), 1000),
        }
    }

    /// Returns where the zone ends. An offset wins over a name, wherever they stand.
    #[inline(always)]
    fn read_zone<'t>(
        &'t self,
        reader: ZoneReader,
        text: &'t str,
        at: usize,
        zone: &mut Option<ParsedZone<'t>>,
    ) -> Option<usize> {
        let (named, end) = match reader {
            ZoneReader::Offset => {
                let (millis, end) = read_offset(text.as_bytes(), at)?;
                *zone = Some(ParsedZone::Offset(millis));
                return Some(end);
            }
            ZoneReader::Name => {
                let (zone, end) = self.read_zone_name(text.as_bytes(), at)?;
                (ParsedZone::Named(zone), end)
            }
            ZoneReader::Id => {
                let end = read_zone_id(text, at)?;
                (ParsedZone::Id(&text[at..end]), end)
            }
        };
        if !matches!(zone, Some(ParsedZone::Offset(_))) {
            *zone = Some(named);
        }
        Some(end)
    }

    fn read_zone_name(&self, text: &[u8], at: usize) -> Option<(&Zone, usize)> {
        let rest = text.get(at..)?;
        let matching = self
            .zone_names
            .iter()
            .filter(|(name, _)| rest.starts_with(name.as_bytes()));
        let (name, zone) = matching.max_by_key(|(name, _)| name.len())?;
        Some((zone, at + name.len()))
    }
}

/// Skips one ASCII character, without regard to case.
#[inline(always)]
fn skip_byte(text: &str, at: usize, byte: u8) -> Option<usize> {
    let found = *text.as_bytes().get(at)?;
    if found == byte || found.eq_ignore_ascii_case(&byte) {
        return Some(at + 1);
    }
    skip_ignoring_case(text, at, char::from(byte).encode_utf8(&mut [0; 4]))
}
