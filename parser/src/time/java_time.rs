//! Compiles a `java.time` pattern to what is printed.
//!
//! As `DateTimeFormatterBuilder.appendPattern` of Java 21 with English names and UTC: each letter takes only some
//! numbers of repetitions, and letters that mean nothing are refused.

use super::PatternError;
use super::date_format::{Item, Value, names};

/// What a pattern prints.
pub(super) fn print_items(pattern: &str) -> Result<Vec<Item>, PatternError> {
    let invalid = |reason: String| PatternError::Invalid {
        pattern: pattern.to_owned(),
        reason,
    };
    let mut items = Vec::new();
    let mut chars = pattern.chars().peekable();
    let mut open = 0_usize;
    // The width that a `p` asks for, for the next field.
    let mut padding = None;
    while let Some(char) = chars.next() {
        let mut count = 1;
        if char.is_ascii_alphabetic() {
            while chars.next_if_eq(&char).is_some() {
                count += 1;
            }
        }
        let item = match char {
            'p' if padding.is_none() && chars.peek().is_some_and(char::is_ascii_alphabetic) => {
                padding = Some(count.min(255) as u8);
                continue;
            }
            'p' => {
                return Err(invalid(
                    "`p` must be followed by one letter to pad".to_owned(),
                ));
            }
            'a'..='z' | 'A'..='Z' => field(char, count).ok_or_else(|| {
                let letters = char.to_string().repeat(count.min(40));
                invalid(format!("`{letters}` stands for nothing"))
            })?,
            '\'' => quoted(&mut chars).ok_or_else(|| invalid("a `'` is not closed".to_owned()))?,
            '[' => {
                open += 1;
                continue;
            }
            ']' if open == 0 => return Err(invalid("`]` closes nothing".to_owned())),
            ']' => {
                open -= 1;
                continue;
            }
            '{' | '}' | '#' => return Err(invalid(format!("`{char}` is reserved"))),
            _ => Item::Literal(char.to_string().into()),
        };
        items.push(match padding.take() {
            Some(width) => Item::Padded(width, vec![item]),
            None => item,
        });
    }
    Ok(items)
}

/// Text up to the closing quote; two quotes are one.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Item> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => break,
            char => text.push(char),
        }
    }
    if text.is_empty() {
        text.push('\'');
    }
    Some(Item::Literal(text.into()))
}

fn field(letter: char, count: usize) -> Option<Item> {
    let width = u8::try_from(count).ok().filter(|width| *width <= 19)?;
    let literal = |text: &str| Some(Item::Literal(text.into()));
    let number = |value, most: u8| (width <= most).then_some(Item::Number(value, width));
    match letter {
        'u' => year(Value::Year, width),
        'y' => year(Value::YearOfEra, width),
        'Y' => year(Value::UsWeekyear, width),
        'M' | 'L' => number(Value::Month, 2).or_else(|| name(Value::Month, names::MONTHS, width)),
        'Q' | 'q' => match width {
            1 | 2 => number(Value::Quarter, 2),
            3 => Some(Item::Name(Value::Quarter, names::QUARTERS)),
            4 => Some(Item::Name(Value::Quarter, names::LONG_QUARTERS)),
            5 => Some(Item::Number(Value::Quarter, 1)),
            _ => None,
        },
        'E' => name(Value::Weekday, names::WEEKDAYS, width.max(3)),
        'c' if width == 2 => None,
        'e' | 'c' => {
            number(Value::UsWeekday, 2).or_else(|| name(Value::Weekday, names::WEEKDAYS, width))
        }
        'G' => match width {
            1..=3 => Some(Item::Name(Value::Era, names::ERAS)),
            4 => Some(Item::Name(Value::Era, names::LONG_ERAS)),
            5 => Some(Item::ShortName(Value::Era, names::ERAS, 1)),
            _ => None,
        },
        'a' if width == 1 => Some(Item::Name(Value::HalfDay, names::HALF_DAYS)),
        'B' if matches!(width, 1 | 4 | 5) => Some(Item::DayPeriod { narrow: width == 5 }),
        'w' => number(Value::UsWeek, 2),
        'W' => number(Value::UsWeekOfMonth, 1),
        'D' => number(Value::DayOfYear, 3),
        'd' => number(Value::DayOfMonth, 2),
        'F' => number(Value::AlignedWeekOfMonth, 1),
        'g' => number(Value::ModifiedJulianDay, 19),
        'h' => number(Value::HalfDayClockHour, 2),
        'H' => number(Value::Hour, 2),
        'k' => number(Value::ClockHour, 2),
        'K' => number(Value::HalfDayHour, 2),
        'm' => number(Value::Minute, 2),
        's' => number(Value::Second, 2),
        'S' => (width <= 9).then_some(Item::Fraction(width)),
        'n' => number(Value::Nano, 19),
        'A' => number(Value::MilliOfDay, 19),
        'N' => number(Value::NanoOfDay, 19),
        'V' if width == 2 => literal("Z"),
        'v' if matches!(width, 1 | 4) => literal("Z"),
        'z' if width <= 4 => literal("Z"),
        'O' if matches!(width, 1 | 4) => literal("GMT"),
        'X' if width <= 5 => literal("Z"),
        'x' => match width {
            1 => literal("+00"),
            2 | 4 => literal("+0000"),
            3 | 5 => literal("+00:00"),
            _ => None,
        },
        'Z' => match width {
            1..=3 => literal("+0000"),
            4 => literal("GMT"),
            5 => literal("Z"),
            _ => None,
        },
        _ => None,
    }
}

fn year(value: Value, width: u8) -> Option<Item> {
    Some(match width {
        2 => Item::TwoDigits(value),
        1 | 3 => Item::Number(value, width),
        _ => Item::SignedIfWider(value, width),
    })
}

/// Short, long and narrow names by the number of letters.
fn name(value: Value, names: &'static [&'static str], width: u8) -> Option<Item> {
    match width {
        3 => Some(Item::ShortName(value, names, 3)),
        4 => Some(Item::Name(value, names)),
        5 => Some(Item::ShortName(value, names, 1)),
        _ => None,
    }
}
