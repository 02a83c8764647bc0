//! Compiles a Joda-Time pattern to the steps that read it.

use super::PatternError;
use super::fields::{Civil, Field, MAX_FIELDS};
use super::parse::{Parser, Reader, Step, ZoneReader};
use super::syntax::{Token, tokens};
use super::text::TextTable;
use crate::time::locale::Locale;
use crate::time::zone::Zone;

impl Parser {
    pub(crate) fn new(pattern: &str, locale: &Locale) -> Result<Self, PatternError> {
        let tokens = tokens(pattern)?;
        let mut compiler = Compiler::default();
        for (index, token) in tokens.iter().enumerate() {
            let next_is_numeric = tokens.get(index + 1).is_some_and(Token::is_numeric);
            match token {
                Token::Literal(literal) => compiler.literal(literal),
                Token::Letter(b'z', 4..) => {
                    return Err(PatternError::LongZoneName(pattern.to_owned()));
                }
                Token::Letter(letter, count) => {
                    compiler.letter(*letter, *count, next_is_numeric, locale);
                }
            }
        }
        compiler.finish(pattern)
    }
}

/// Steps and fields as they are collected; slots still count in the order of the pattern.
#[derive(Default)]
struct Compiler {
    steps: Vec<Step>,
    fields: Vec<Field>,
    texts: Vec<TextTable>,
    has_zone_name: bool,
}

impl Compiler {
    fn literal(&mut self, literal: &str) {
        match (literal.as_bytes(), self.steps.last_mut()) {
            // Most fields have one separator behind them.
            ([byte], Some(Step::Field { then, .. })) if *byte != 0 => *then = *byte,
            ([byte], _) => self.steps.push(Step::Byte(*byte)),
            _ => self.steps.push(Step::Literal(literal.into())),
        }
    }

    fn letter(&mut self, letter: u8, count: usize, next_is_numeric: bool, locale: &Locale) {
        match letter {
            b'G' => self.text(Field::Era, TextTable::eras(locale)),
            b'C' => self.number(Field::Century, count, true),
            b'x' | b'y' | b'Y' => self.year(letter, count, next_is_numeric),
            b'M' if count >= 3 => self.text(Field::Month, TextTable::months(locale)),
            b'M' => self.number(Field::Month, 2, false),
            b'd' => self.number(Field::DayOfMonth, count.max(2), false),
            b'a' => self.text(Field::HalfDay, TextTable::half_days(locale)),
            b'h' => self.number(Field::HalfDayClockHour, count.max(2), false),
            b'H' => self.number(Field::Hour, count.max(2), false),
            b'k' => self.number(Field::ClockHour, count.max(2), false),
            b'K' => self.number(Field::HalfDayHour, count.max(2), false),
            b'm' => self.number(Field::Minute, count.max(2), false),
            b's' => self.number(Field::Second, count.max(2), false),
            b'S' => self.field(Field::Milli, Reader::Fraction(count.min(18) as u8)),
            b'e' => self.number(Field::Weekday, count, false),
            b'E' => self.text(Field::Weekday, TextTable::weekdays(locale)),
            b'D' => self.number(Field::DayOfYear, count.max(3), false),
            b'w' => self.number(Field::Week, count.max(2), false),
            b'z' => {
                self.has_zone_name = true;
                self.steps.push(Step::Zone(ZoneReader::Name));
            }
            b'Z' if count >= 3 => self.steps.push(Step::Zone(ZoneReader::Id)),
            _ => self.steps.push(Step::Zone(ZoneReader::Offset)),
        }
    }

    fn year(&mut self, letter: u8, count: usize, next_is_numeric: bool) {
        let (field, signed) = match letter {
            b'x' => (Field::Weekyear, true),
            b'Y' if count != 2 => (Field::YearOfEra, false),
            _ => (Field::Year, true),
        };
        if count == 2 {
            let lenient = !next_is_numeric;
            self.field(field, Reader::TwoDigitYear { lenient });
        } else {
            let max_digits = if next_is_numeric { count } else { count.max(9) };
            self.number(field, max_digits, signed);
        }
    }

    fn number(&mut self, field: Field, max_digits: usize, signed: bool) {
        let reader = match (max_digits, signed) {
            (2, false) => Reader::TwoDigits,
            _ => Reader::Number {
                max_digits: max_digits.min(255) as u8,
                signed,
            },
        };
        self.field(field, reader);
    }

    fn text(&mut self, field: Field, table: TextTable) {
        let index = self.texts.len().min(255) as u8;
        self.texts.push(table);
        self.field(field, Reader::Text(index));
    }

    fn field(&mut self, field: Field, reader: Reader) {
        let slot = self.fields.len().min(255) as u8;
        self.fields.push(field);
        self.steps.push(Step::Field {
            slot,
            reader,
            then: 0,
        });
    }

    fn finish(mut self, pattern: &str) -> Result<Parser, PatternError> {
        if self.fields.len() >= MAX_FIELDS {
            return Err(PatternError::TooManyFields(pattern.to_owned()));
        }
        // Stable: of two fields of the same kind the later one is set later, and wins.
        let mut order: Vec<usize> = (0..self.fields.len()).collect();
        order.sort_by_key(|slot| self.fields[*slot].order());
        let mut fields: Vec<Field> = order.iter().map(|slot| self.fields[*slot]).collect();
        let lacks_year = fields.first().is_some_and(|field| field.needs_year());
        if lacks_year {
            fields.insert(0, Field::Year);
        }
        let civil = Civil::new(&fields);
        for step in &mut self.steps {
            if let Step::Field { slot, .. } = step {
                let place = order
                    .iter()
                    .position(|before| *before == usize::from(*slot));
                let place = place.unwrap_or(0) + usize::from(lacks_year);
                *slot = civil
                    .as_ref()
                    .map_or(place as u8, |civil| civil.places[place]);
            }
        }
        let zone_names = if self.has_zone_name {
            zone_names()
        } else {
            Vec::new()
        };
        Ok(Parser {
            civil,
            steps: self.steps,
            fields,
            texts: self.texts,
            zone_names,
            lacks_year,
        })
    }
}

/// The zone names that Joda-Time reads for `z`.
fn zone_names() -> Vec<(&'static str, Zone)> {
    let places = [
        ("EST", "America/New_York"),
        ("EDT", "America/New_York"),
        ("CST", "America/Chicago"),
        ("CDT", "America/Chicago"),
        ("MST", "America/Denver"),
        ("MDT", "America/Denver"),
        ("PST", "America/Los_Angeles"),
        ("PDT", "America/Los_Angeles"),
    ];
    let mut names: Vec<_> = ["UT", "UTC", "GMT"].map(|name| (name, Zone::UTC)).into();
    names.extend(
        places
            .iter()
            .filter_map(|(name, id)| Some((*name, Zone::place(id)?))),
    );
    names
}
