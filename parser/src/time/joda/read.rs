//! Reads numbers, fractions, offsets and zones at a place in a text; each returns the value and where it ends.

use crate::time::zone::{Zone, parse_offset};

/// One or two digits.
#[inline(always)]
pub(crate) fn read_two_digits(text: &[u8], at: usize) -> Option<(i32, usize)> {
    let digit = |at: usize| text.get(at).map_or(u8::MAX, |byte| byte.wrapping_sub(b'0'));
    let (tens, ones) = (digit(at), digit(at + 1));
    if tens > 9 {
        return None;
    }
    if ones > 9 {
        return Some((i32::from(tens), at + 1));
    }
    Some((i32::from(tens * 10 + ones), at + 2))
}

/// Up to `max_digits` digits, and a sign that is not counted.
#[inline]
pub(crate) fn read_number(
    text: &[u8],
    at: usize,
    max_digits: u8,
    signed: bool,
) -> Option<(i32, usize)> {
    let digit = |at: usize| text.get(at).map_or(u8::MAX, |byte| byte.wrapping_sub(b'0'));
    let first = digit(at);
    if first > 9 {
        return if signed {
            read_signed(text, at, max_digits)
        } else {
            None
        };
    }
    let mut value = u32::from(first);
    let mut end = at + 1;
    let limit = at + usize::from(max_digits.min(9));
    while end < limit {
        let digit = digit(end);
        if digit > 9 {
            return Some((value as i32, end));
        }
        value = value * 10 + u32::from(digit);
        end += 1;
    }
    if max_digits > 9 && digit(end) <= 9 {
        return read_long(text, at, max_digits);
    }
    Some((value as i32, end))
}

#[cold]
fn read_signed(text: &[u8], at: usize, max_digits: u8) -> Option<(i32, usize)> {
    let sign = match text.get(at)? {
        b'-' => -1,
        b'+' => 1,
        _ => return None,
    };
    let (value, end) = read_number(text, at + 1, max_digits, false)?;
    Some((sign * value, end))
}

/// A number of more digits than are sure to fit.
#[cold]
fn read_long(text: &[u8], at: usize, max_digits: u8) -> Option<(i32, usize)> {
    let digits = text[at..].iter().take(usize::from(max_digits));
    let digits = digits.take_while(|byte| byte.is_ascii_digit());
    let mut value = 0_i32;
    let mut end = at;
    for digit in digits {
        value = value
            .checked_mul(10)?
            .checked_add(i32::from(digit - b'0'))?;
        end += 1;
    }
    Some((value, end))
}

/// Two digits are a year from 80 years before the current one to 19 after it; where `lenient`, a sign or another number
/// of digits make it a plain year.
pub(crate) fn read_two_digit_year(
    text: &[u8],
    at: usize,
    lenient: bool,
    current_year: i32,
) -> Option<(i32, usize)> {
    if lenient {
        let (value, end) = read_number(text, at, u8::MAX, true)?;
        let plain = !text[at].is_ascii_digit() || end - at != 2;
        if plain {
            return Some((value, end));
        }
    }
    let [tens, ones] = text.get(at..at + 2)? else {
        return None;
    };
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    let year = i32::from((tens - b'0') * 10 + (ones - b'0'));
    let lowest = current_year.checked_sub(80)?;
    let offset = (year - lowest).rem_euclid(100);
    Some((lowest.checked_add(offset)?, at + 2))
}

/// Digits of a fraction of a unit of so many milliseconds, in milliseconds rounded down.
pub(crate) fn read_fraction(
    text: &[u8],
    at: usize,
    max_digits: usize,
    unit_millis: i64,
) -> Option<(i32, usize)> {
    let mut place = unit_millis * 10;
    let mut value = 0;
    let mut end = at;
    for digit in text.get(at..)?.iter().take(max_digits) {
        if !digit.is_ascii_digit() {
            break;
        }
        place /= 10;
        value += i64::from(digit - b'0') * place;
        end += 1;
    }
    (end > at).then_some(((value / 10) as i32, end))
}

/// `Z` in either case, or a sign and digits.
#[inline]
pub(crate) fn read_offset(text: &[u8], at: usize) -> Option<(i32, usize)> {
    match text.get(at..)? {
        [b'Z' | b'z', ..] => Some((0, at + 1)),
        [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            // The usual form, at the end of the text.
            let digits = [h1, h2, m1, m2].map(|digit| i32::from(digit.wrapping_sub(b'0')));
            let [h1, h2, m1, m2] = digits;
            let (hours, minutes) = (h1 * 10 + h2, m1 * 10 + m2);
            if digits.iter().all(|digit| *digit <= 9) && hours < 24 && minutes < 60 {
                let millis = (hours * 60 + minutes) * 60_000;
                return Some((if *sign == b'-' { -millis } else { millis }, at + 5));
            }
            parse_offset(text, at)
        }
        _ => parse_offset(text, at),
    }
}

/// Where the longest name of the time zone database ends.
pub(crate) fn read_zone_id(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let length = rest
        .bytes()
        .take(40)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte))
        .count();
    let length = (1..=length)
        .rev()
        .find(|length| Zone::place(&rest[..*length]).is_some())?;
    Some(at + length)
}
