//! Matchers for dates and times.

use super::super::block::{BLOCK, Block};
use super::{Found, after_word, digits_end, is_wordlike};

/// The value of two digits.
#[inline(always)]
fn two(bytes: &[u8], at: usize) -> Option<u32> {
    let pair = bytes.get(at..at + 2)?;
    let (tens, ones) = (pair[0].wrapping_sub(b'0'), pair[1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// The value of two digits, known to be ones.
#[inline(always)]
fn value(tens: u8, ones: u8) -> u8 {
    (tens & 15) * 10 + (ones & 15)
}

/// `hh:mm:ss`, two digits each.
#[inline(always)]
fn is_clock(bytes: &[u8]) -> bool {
    bytes.len() == 8
        && bytes[2] == b':'
        && bytes[5] == b':'
        && two(bytes, 0).is_some_and(|hour| hour < 24)
        && two(bytes, 3).is_some_and(|minute| minute < 60)
        && two(bytes, 6).is_some_and(|second| second < 60)
}

/// An English month of three letters, the first of which may be a capital.
#[inline(always)]
fn is_month(bytes: &[u8]) -> bool {
    let &[first, second, third] = bytes else {
        return false;
    };
    let name = u32::from_le_bytes([first | 0x20, second, third, 0]);
    MONTHS[month_hash(name)] == name
}

/// Where a name is in [`MONTHS`]: no two months are at the same place.
const fn month_hash(name: u32) -> usize {
    (name.wrapping_mul(0x3b6f_e507) >> 28) as usize
}

const MONTHS: [u32; 16] = {
    const NAMES: [&[u8; 3]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let mut table = [0; 16];
    let mut month = 0;
    while month < NAMES.len() {
        let &[first, second, third] = NAMES[month];
        let name = u32::from_le_bytes([first, second, third, 0]);
        assert!(table[month_hash(name)] == 0);
        table[month_hash(name)] = name;
        month += 1;
    }
    table
};

/// Whether each byte is in the range that the two texts give for its place.
#[inline(always)]
fn fits(bytes: &[u8], from: &[u8; BLOCK], to: &[u8; BLOCK]) -> bool {
    let Some(chunk) = bytes.first_chunk() else {
        return false;
    };
    let width = std::array::from_fn(|at| to[at] - from[at]);
    let inside = Block::new(chunk).within(Block::new(from), Block::new(&width));
    inside.bits() == 0xffff
}

/// Whether a text of 16 bytes or more begins as `01/Feb/2003:04:0` does.
#[inline(always)]
fn is_day_and_hour(date: &[u8]) -> bool {
    fits(date, b"00/AAA/0000:00:0", b"39/zzz/9999:29:5")
        && (1..=31).contains(&value(date[0], date[1]))
        && value(date[12], date[13]) < 24
        && is_month(&date[3..6])
}

/// `01/Feb/2003:04:05:06 +0700`
pub(super) fn http_date(bytes: &[u8], at: usize) -> Found {
    let Some(date) = bytes.get(at..).and_then(|rest| rest.first_chunk::<26>()) else {
        return Found::Unsure;
    };
    let clean = is_day_and_hour(date)
        && fits(&date[10..], b"0:00:00:00 +0000", b"9:29:59:59 -9999")
        && date[21] != b',';
    if clean {
        Found::End(digits_end(bytes, at + 26))
    } else {
        Found::Unsure
    }
}

/// `01/Feb/2003:04:05:06.789`
pub(super) fn haproxy_date(bytes: &[u8], at: usize) -> Found {
    let Some(date) = bytes.get(at..).and_then(|rest| rest.first_chunk::<22>()) else {
        return Found::Unsure;
    };
    if !is_day_and_hour(date) || !fits(&date[6..], b"/0000:00:00:00.0", b"/9999:29:59:59.9") {
        return Found::Unsure;
    }
    let end = digits_end(bytes, at + 21);
    // The fraction is first taken for one of the second; then a character and a number are to come after it.
    match (bytes.get(end), bytes.get(end + 1)) {
        (_, Some(b'0'..=b'9' | b'+' | b'-')) => Found::Unsure,
        (Some(byte), _) if !byte.is_ascii() => Found::Unsure,
        _ => Found::End(end),
    }
}

/// The lengths of the parts of a date of HAProxy: day, `/`, a look, month, a look, `/`, year, `:`, a look, hour, `:`, the two
/// digits of the minute, `:`, second, its fraction, a look, any character, a sign, digits.
pub(super) const HAPROXY_DATE_PARTS: [u8; 20] =
    [2, 1, 0, 3, 0, 1, 4, 1, 0, 2, 1, 1, 1, 1, 2, 0, 0, 1, 0, 0];

/// `2003-02-01T04:05:06.789Z`; with a space for the `T`, without the fraction or the zone.
pub(in super::super) fn iso_timestamp(bytes: &[u8], at: usize) -> Found {
    let Some(date) = bytes.get(at..).and_then(|rest| rest.first_chunk::<19>()) else {
        return Found::Unsure;
    };
    let clean = fits(date, b"0000-00-00 00:00", b"9999-19-39T29:59")
        && fits(&date[3..], b"0-00-00 00:00:00", b"9-19-39T29:59:59")
        && (1..=12).contains(&value(date[5], date[6]))
        && (1..=31).contains(&value(date[8], date[9]))
        && (date[10] == b'T' || date[10] == b' ')
        && value(date[11], date[12]) < 24;
    if !clean {
        return if date[0].is_ascii_digit() {
            Found::Unsure
        } else {
            Found::Nothing
        };
    }
    let mut end = at + 19;
    if matches!(bytes.get(end), Some(b'.' | b',' | b':')) {
        let fraction = digits_end(bytes, end + 1);
        if fraction == end + 1 {
            return Found::Unsure;
        }
        end = fraction;
    }
    match bytes.get(end) {
        Some(b'Z') => Found::End(end + 1),
        Some(b'+' | b'-') => {
            let minutes = end + 3 + usize::from(bytes.get(end + 3) == Some(&b':'));
            let hour = two(bytes, end + 1).is_some_and(|hour| hour < 24);
            match hour && two(bytes, minutes).is_some_and(|minute| minute < 60) {
                true => Found::End(minutes + 2),
                false => Found::Unsure,
            }
        }
        _ => Found::End(end),
    }
}

/// `Feb  1 04:05:06`
pub(super) fn syslog_timestamp(bytes: &[u8], at: usize) -> Found {
    let Some(&first) = bytes.get(at) else {
        return Found::Nothing;
    };
    if !first.is_ascii_alphabetic() {
        return Found::Nothing;
    }
    let Some(date) = bytes.get(at..).and_then(|rest| rest.first_chunk::<15>()) else {
        return Found::Unsure;
    };
    // A space counts as a zero: its lower half is one.
    let day = (date[4] == b' ' || date[4].is_ascii_digit())
        && date[5].is_ascii_digit()
        && (1..=31).contains(&value(date[4], date[5]));
    let clean = !after_word(bytes, at)
        && is_month(&date[..3])
        && date[3] == b' '
        && day
        && date[6] == b' '
        && is_clock(&date[7..]);
    match bytes.get(at + 15) {
        Some(b'0'..=b'9' | b':' | b'.' | b',') => Found::Unsure,
        _ if clean => Found::End(at + 15),
        _ => Found::Unsure,
    }
}

pub(super) fn month(bytes: &[u8], at: usize) -> Found {
    let Some(&first) = bytes.get(at) else {
        return Found::Nothing;
    };
    if !first.is_ascii_alphabetic() {
        return Found::Nothing;
    }
    let name = bytes.get(at..at + 3).is_some_and(is_month);
    let ends = !bytes.get(at + 3).is_some_and(|&byte| is_wordlike(byte));
    if name && ends && !after_word(bytes, at) {
        Found::End(at + 3)
    } else {
        Found::Unsure
    }
}

pub(super) fn month_day(bytes: &[u8], at: usize) -> Found {
    let second = bytes.get(at + 1).copied().unwrap_or(0);
    let length = match bytes.get(at) {
        Some(b'0') if (b'1'..=b'9').contains(&second) => 2,
        Some(b'1' | b'2') if second.is_ascii_digit() => 2,
        Some(b'3') if second == b'0' || second == b'1' => 2,
        Some(b'1'..=b'9') => 1,
        _ => return Found::Nothing,
    };
    Found::End(at + length)
}

pub(super) fn year(bytes: &[u8], at: usize) -> Found {
    match (two(bytes, at), two(bytes, at + 2)) {
        (Some(_), Some(_)) => Found::End(at + 4),
        (Some(_), None) => Found::End(at + 2),
        _ => Found::Nothing,
    }
}

pub(super) fn hour(bytes: &[u8], at: usize) -> Found {
    let second = bytes.get(at + 1).copied().unwrap_or(0);
    match bytes.get(at) {
        Some(b'2') if (b'0'..=b'3').contains(&second) => Found::End(at + 2),
        Some(b'0' | b'1') if second.is_ascii_digit() => Found::End(at + 2),
        Some(b'0'..=b'9') => Found::End(at + 1),
        _ => Found::Nothing,
    }
}
