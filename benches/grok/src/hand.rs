//! A scanner for the combined access log, written by hand: what could at best be hoped for. It notes where the twelve
//! captures are, checks of each no more than where it ends, and returns false for a line that it is not sure of.

use std::hint::black_box;

/// Whether the line is one of the combined access log.
pub fn combined(line: &str) -> bool {
    let bytes = line.as_bytes();
    let mut spans = [(0usize, 0usize); 12];
    let found = scan(bytes, &mut spans).is_some();
    black_box(&spans);
    found
}

fn scan(bytes: &[u8], spans: &mut [(usize, usize); 12]) -> Option<()> {
    let mut at = 0;
    for span in &mut spans[..3] {
        *span = until(bytes, at, b' ')?;
        at = span.1 + 1;
    }
    at = expect(bytes, at, b"[")?;
    spans[3] = date(bytes, at)?;
    at = expect(bytes, spans[3].1, b"] \"")?;
    spans[4] = until(bytes, at, b' ')?;
    let verb = &bytes[spans[4].0..spans[4].1];
    if !verb
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        return None;
    }
    spans[5] = until(bytes, spans[4].1 + 1, b' ')?;
    at = expect(bytes, spans[5].1, b" HTTP/")?;
    spans[6] = until(bytes, at, b'"')?;
    at = expect(bytes, spans[6].1, b"\" ")?;
    spans[7] = number(bytes, at)?;
    at = expect(bytes, spans[7].1, b" ")?;
    spans[8] = match bytes.get(at) {
        Some(b'-') => (at, at + 1),
        _ => number(bytes, at)?,
    };
    at = expect(bytes, spans[8].1, b" ")?;
    spans[9] = quoted(bytes, at)?;
    at = expect(bytes, spans[9].1, b" ")?;
    spans[10] = quoted(bytes, at)?;
    spans[11] = (0, spans[10].1);
    Some(())
}

fn expect(bytes: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    bytes[at..]
        .starts_with(literal)
        .then_some(at + literal.len())
}

/// One byte or more, up to `end`.
fn until(bytes: &[u8], at: usize, end: u8) -> Option<(usize, usize)> {
    let len = bytes[at..].iter().position(|&byte| byte == end)?;
    (len > 0).then_some((at, at + len))
}

fn number(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let len = bytes[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    (len > 0).then_some((at, at + len))
}

/// `23/Nov/2026:10:15:30 +0100`
fn date(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let text = bytes.get(at..at + 26)?;
    let digits = [0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 22, 23, 24, 25];
    let separators = [
        (2, b'/'),
        (6, b'/'),
        (11, b':'),
        (14, b':'),
        (17, b':'),
        (20, b' '),
    ];
    let well_formed = digits.iter().all(|&at| text[at].is_ascii_digit())
        && separators.iter().all(|&(at, byte)| text[at] == byte);
    well_formed.then_some((at, at + 26))
}

/// A string in quotes, with them.
fn quoted(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = expect(bytes, at, b"\"")?;
    let mut end = start;
    loop {
        match bytes.get(end)? {
            b'"' => return Some((at, end + 1)),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}
