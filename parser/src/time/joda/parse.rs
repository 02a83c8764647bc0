//! Reads dates by a compiled pattern.
//!
//! A pattern is a short list of steps, each of which reads one field into its slot. Which fields there are, and in which
//! order they are set, is known since the pattern was compiled; the usual ones need no more than a sum.

use super::case::skip_ignoring_case;
use super::fields::{Civil, Field, Local, MAX_FIELDS};
use super::read::{read_fraction, read_number, read_offset, read_two_digit_year, read_zone_id};
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
    },
    Zone(ZoneReader),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Reader {
    Number {
        max_digits: u8,
        signed: bool,
    },
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
pub(crate) struct Parsed {
    pub local: Local,
    pub zone: Option<ParsedZone>,
}

#[derive(Debug)]
pub(crate) enum ParsedZone {
    /// Milliseconds east of UTC.
    Offset(i32),
    Named(Zone),
}

impl Parser {
    /// Reads all of `text`. `current_year` stands in for a missing year and is the middle of two-digit years.
    pub(crate) fn parse(&self, text: &str, current_year: i32) -> Option<Parsed> {
        let mut values = [0_i32; MAX_FIELDS];
        if self.lacks_year {
            values[0] = current_year;
        }
        let mut zone = None;
        let bytes = text.as_bytes();
        let mut at = 0;
        for step in &self.steps {
            match step {
                Step::Byte(byte) => {
                    let same = bytes.get(at)?.eq_ignore_ascii_case(byte);
                    at = if same {
                        at + 1
                    } else {
                        skip_ignoring_case(text, at, char::from(*byte).encode_utf8(&mut [0; 4]))?
                    };
                }
                Step::Literal(literal) => {
                    let end = at + literal.len();
                    let same = bytes.get(at..end) == Some(literal.as_bytes());
                    at = if same {
                        end
                    } else {
                        skip_ignoring_case(text, at, literal)?
                    };
                }
                Step::Field { slot, reader } => {
                    let (value, end) = self.read_field(*reader, bytes, at, current_year)?;
                    values[usize::from(*slot) % MAX_FIELDS] = value;
                    at = end;
                }
                Step::Zone(reader) => at = self.read_zone(*reader, text, at, &mut zone)?,
            }
        }
        if at != bytes.len() {
            return None;
        }
        let local = self
            .civil
            .as_ref()
            .and_then(|civil| civil.local(&values))
            .or_else(|| Local::from_fields(&self.fields, &values))?;
        Some(Parsed { local, zone })
    }

    #[inline(always)]
    fn read_field(
        &self,
        reader: Reader,
        text: &[u8],
        at: usize,
        current_year: i32,
    ) -> Option<(i32, usize)> {
        match reader {
            Reader::Number { max_digits, signed } => read_number(text, at, max_digits, signed),
            Reader::TwoDigitYear { lenient } => {
                read_two_digit_year(text, at, lenient, current_year)
            }
            Reader::Text(table) => self.texts[usize::from(table)].find(text, at),
            Reader::Fraction(max_digits) => read_fraction(text, at, usize::from(max_digits), 1000),
        }
    }

    /// Returns where the zone ends. An offset wins over a name, wherever they stand.
    #[inline(always)]
    fn read_zone(
        &self,
        reader: ZoneReader,
        text: &str,
        at: usize,
        zone: &mut Option<ParsedZone>,
    ) -> Option<usize> {
        let (named, end) = match reader {
            ZoneReader::Offset => {
                let (millis, end) = read_offset(text.as_bytes(), at)?;
                *zone = Some(ParsedZone::Offset(millis));
                return Some(end);
            }
            ZoneReader::Name => self.read_zone_name(text.as_bytes(), at)?,
            ZoneReader::Id => read_zone_id(text, at)?,
        };
        if !matches!(zone, Some(ParsedZone::Offset(_))) {
            *zone = Some(ParsedZone::Named(named));
        }
        Some(end)
    }

    fn read_zone_name(&self, text: &[u8], at: usize) -> Option<(Zone, usize)> {
        let rest = text.get(at..)?;
        let matching = self
            .zone_names
            .iter()
            .filter(|(name, _)| rest.starts_with(name.as_bytes()));
        let (name, zone) = matching.max_by_key(|(name, _)| name.len())?;
        Some((zone.clone(), at + name.len()))
    }
}
