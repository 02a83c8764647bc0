//! Compiles a Joda-Time pattern to what is printed.

use super::PatternError;
use super::syntax::{Token, tokens};
use crate::time::date_format::{Item, Value, names};

/// What a pattern prints, in UTC and in English.
pub(in crate::time) fn print_items(pattern: &str) -> Result<Vec<Item>, PatternError> {
    let items = tokens(pattern)?.into_iter().map(|token| match token {
        Token::Literal(text) => Item::Literal(text.into()),
        Token::Letter(letter, count) => field(letter, count),
    });
    Ok(items.collect())
}

fn field(letter: u8, count: usize) -> Item {
    let number = |value| Item::Number(value, count.min(255) as u8);
    let literal = |text: &str| Item::Literal(text.into());
    match letter {
        b'G' => Item::Name(Value::Era, names::ERAS),
        b'C' => number(Value::CenturyOfEra),
        b'x' if count == 2 => Item::TwoDigits(Value::IsoWeekyear),
        b'x' => number(Value::IsoWeekyear),
        b'y' | b'Y' if count == 2 => Item::TwoDigits(Value::Year),
        b'y' => number(Value::Year),
        b'Y' => number(Value::YearOfEra),
        b'M' if count >= 4 => Item::Name(Value::Month, names::MONTHS),
        b'M' if count == 3 => Item::ShortName(Value::Month, names::MONTHS, 3),
        b'M' => number(Value::Month),
        b'd' => number(Value::DayOfMonth),
        b'a' => Item::Name(Value::HalfDay, names::HALF_DAYS),
        b'h' => number(Value::HalfDayClockHour),
        b'H' => number(Value::Hour),
        b'k' => number(Value::ClockHour),
        b'K' => number(Value::HalfDayHour),
        b'm' => number(Value::Minute),
        b's' => number(Value::Second),
        b'S' => Item::JodaFraction(count.min(18) as u8),
        b'e' => number(Value::Weekday),
        b'E' if count >= 4 => Item::Name(Value::Weekday, names::WEEKDAYS),
        b'E' => Item::ShortName(Value::Weekday, names::WEEKDAYS, 3),
        b'D' => number(Value::DayOfYear),
        b'w' => number(Value::IsoWeek),
        b'z' if count >= 4 => literal("Coordinated Universal Time"),
        b'Z' if count == 1 => literal("+0000"),
        b'Z' if count == 2 => literal("+00:00"),
        // `z`, `ZZZ`
        _ => literal("UTC"),
    }
}
