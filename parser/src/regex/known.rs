//! Matchers written by hand for sub-patterns that nearly every log pattern is made of: addresses, dates, numbers, quoted
//! strings.
//!
//! A sub-pattern is recognised by its tree, so one that a configuration redefines is not taken for the stock one. A
//! matcher answers for the common, clean form of its text and is unsure about anything else, which then goes through
//! the generic code. Where it names an end, that is the end which backtracking would try first, and the longest; every
//! other end has a byte of `interior` after it. So if what follows the sub-pattern cannot begin with any of those, no
//! other end needs to be tried.

mod captures;
mod dates;
mod hosts;
mod levels;
mod stock;

use super::analysis::resolve_boundaries;
use super::ast::Node;
use super::block::{BLOCK, Block, Window, chunk, leading, lowest};
use super::byteset::ByteSet;
use super::{Options, parse};
pub(super) use dates::iso_timestamp;
pub(super) use hosts::ip_or_host;
use std::sync::OnceLock;
use stock::STOCK;

/// What a matcher says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    End(usize),
    /// The sub-pattern does not match here.
    Nothing,
    /// The generic code must decide.
    Unsure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matcher {
    IpOrHost,
    Ip,
    HttpDate,
    HaproxyDate,
    IsoTimestamp,
    SyslogTimestamp,
    Month,
    MonthDay,
    Year,
    Hour,
    Number,
    Int,
    QuotedString,
    HttpdUser,
    JavaClass,
    LogLevel,
    PositiveInt,
}

/// A sub-pattern that has a matcher.
#[derive(Debug)]
pub(super) struct Recognized {
    node: Node,
    pub(super) matcher: Matcher,
    pub(super) interior: ByteSet,
}

fn stock() -> &'static [Recognized] {
    static TREES: OnceLock<Vec<Recognized>> = OnceLock::new();
    TREES.get_or_init(|| {
        let options = Options {
            multiline: true,
            ..Options::default()
        };
        let trees = STOCK.iter().filter_map(|&(matcher, pattern, interior)| {
            let mut node = parse::parse(pattern, options).ok()?.node;
            resolve_boundaries(&mut node);
            Some(Recognized {
                node,
                matcher,
                interior: interior_set(interior),
            })
        });
        trees.collect()
    })
}

/// A set written as in a class: `0-9a.-`.
fn interior_set(written: &str) -> ByteSet {
    let mut set = ByteSet::EMPTY;
    let bytes = written.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let last = match bytes.get(at + 1..at + 3) {
            Some(&[b'-', last]) => last,
            _ => bytes[at],
        };
        (bytes[at]..=last).for_each(|byte| set.insert(byte));
        at += if last == bytes[at] { 1 } else { 3 };
    }
    set
}

/// The stock sub-pattern that this is, if it is one, and the slots of captures in it, see [`captures::inside`].
pub(super) fn recognize(node: &Node) -> Option<(&'static Recognized, Vec<(u16, u8)>)> {
    if !matches!(
        node,
        Node::Concat(_) | Node::Alternate(_) | Node::Atomic(_) | Node::Repeat(_)
    ) {
        return None;
    }
    if let Some(stock) = stock().iter().find(|stock| stock.node == *node) {
        return Some((stock, Vec::new()));
    }
    let Node::Concat(nodes) = node else {
        return None;
    };
    stock().iter().find_map(|stock| {
        let inside = match stock.matcher {
            Matcher::HaproxyDate => {
                captures::inside(nodes, &stock.node, &dates::HAPROXY_DATE_PARTS)?
            }
            _ => return None,
        };
        Some((stock, inside))
    })
}

impl Matcher {
    #[inline(always)]
    pub(super) fn find(self, text: &str, at: usize) -> Found {
        let bytes = text.as_bytes();
        match self {
            Matcher::IpOrHost => ip_or_host(bytes, at),
            Matcher::Ip => hosts::ip(bytes, at),
            Matcher::HttpDate => dates::http_date(bytes, at),
            Matcher::HaproxyDate => dates::haproxy_date(bytes, at),
            Matcher::IsoTimestamp => iso_timestamp(bytes, at),
            Matcher::SyslogTimestamp => dates::syslog_timestamp(bytes, at),
            Matcher::Month => dates::month(bytes, at),
            Matcher::MonthDay => dates::month_day(bytes, at),
            Matcher::Year => dates::year(bytes, at),
            Matcher::Hour => dates::hour(bytes, at),
            Matcher::Number => any_number_here(bytes, at),
            Matcher::Int => any_int(bytes, at),
            Matcher::QuotedString => quoted_string(text, at),
            Matcher::HttpdUser => httpd_user(bytes, at),
            Matcher::JavaClass => java_class(bytes, at),
            Matcher::LogLevel => levels::log_level(bytes, at),
            Matcher::PositiveInt => positive_int(bytes, at),
        }
    }
}

/// The end of the digits at `at`.
#[inline(always)]
fn digits_end(bytes: &[u8], at: usize) -> usize {
    let digits = match chunk(bytes, at) {
        Some(chunk) => leading(Block::new(chunk).digits().bits().into()),
        None => leading(Window::<1>::new(bytes, at).bits(Block::digits)),
    };
    if digits < BLOCK {
        return at + digits;
    }
    let more = bytes[at + BLOCK..].iter();
    at + BLOCK + more.take_while(|byte| byte.is_ascii_digit()).count()
}

/// Numbers and names that are longer than this, in bytes, are left to the generic code, which counts its steps.
const LONGEST: usize = 256;

/// As many of the bytes from `at` on as a matcher looks at.
fn as_far_as_looked(bytes: &[u8], at: usize) -> &[u8] {
    &bytes[..bytes.len().min(at + LONGEST)]
}

/// Whether a word may reach up to `at`; beyond ASCII, that is assumed.
#[inline(always)]
fn after_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_wordlike(bytes[at - 1])
}

#[inline(always)]
fn is_wordlike(byte: u8) -> bool {
    WORDLIKE[usize::from(byte)]
}

const WORDLIKE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let letter = byte as u8;
        table[byte] = letter.is_ascii_alphanumeric() || letter == b'_' || letter >= 0x80;
        byte += 1;
    }
    table
};

/// A number; what is longer than a block takes longer.
#[inline(always)]
pub(super) fn number(bytes: &[u8], at: usize) -> Found {
    if at > 0 && matches!(bytes[at - 1], b'0'..=b'9' | b'.' | b'+' | b'-') {
        return Found::Nothing;
    }
    let length = match chunk(bytes, at) {
        Some(chunk) => {
            let block = Block::new(chunk);
            number_length(chunk[0], block.digits().bits(), block.is(b'.').bits())
        }
        None => number_length_near_end(bytes, at),
    };
    match length {
        Some(0) => Found::Nothing,
        Some(length) => Found::End(at + length),
        None => any_number(bytes, at),
    }
}

#[inline(never)]
fn number_length_near_end(bytes: &[u8], at: usize) -> Option<usize> {
    let window = Window::<1>::new(bytes, at);
    let dots = window.bits(|block| block.is(b'.'));
    number_length(
        *bytes.get(at)?,
        window.bits(Block::digits) as u32,
        dots as u32,
    )
}

/// The length of a number that begins with this byte, 0 if it is none, `None` if the block may end before it. Given is
/// where in the block there are digits and dots.
#[inline(always)]
fn number_length(first: u8, digits: u32, dots: u32) -> Option<usize> {
    let signs = sign(first);
    let whole = (!(digits | signs)).trailing_zeros();
    if whole as usize + 1 >= BLOCK {
        return None;
    }
    let fraction = (!(digits >> whole >> 1)).trailing_zeros();
    let length = match dots >> whole & 1 == 1 && fraction > 0 {
        true => whole + 1 + fraction,
        false if whole > signs => whole,
        false => 0,
    };
    (length as usize).lt(&BLOCK).then_some(length as usize)
}

#[inline(never)]
fn any_number_here(bytes: &[u8], at: usize) -> Found {
    number(bytes, at)
}

#[inline(never)]
fn any_number(bytes: &[u8], at: usize) -> Found {
    let bytes = as_far_as_looked(bytes, at);
    let begin = at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let end = digits_end(bytes, begin);
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits_end(bytes, end + 1);
        if fraction == at + LONGEST {
            return Found::Unsure;
        }
        if fraction > end + 1 {
            return Found::End(fraction);
        }
    }
    if end + 1 >= at + LONGEST {
        Found::Unsure
    } else if end > begin {
        Found::End(end)
    } else {
        Found::Nothing
    }
}

/// A whole number; what is longer than a block takes longer.
#[inline(always)]
pub(super) fn int(bytes: &[u8], at: usize) -> Found {
    let Some(chunk) = chunk(bytes, at) else {
        return any_int(bytes, at);
    };
    let signs = sign(chunk[0]);
    let length = (!(Block::new(chunk).digits().bits() | signs)).trailing_zeros();
    if length as usize >= BLOCK {
        return any_int(bytes, at);
    }
    match length > signs {
        true => Found::End(at + length as usize),
        false => Found::Nothing,
    }
}

#[inline(never)]
fn any_int(bytes: &[u8], at: usize) -> Found {
    let bytes = as_far_as_looked(bytes, at);
    let begin = at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let end = digits_end(bytes, begin);
    if end == at + LONGEST {
        Found::Unsure
    } else if end > begin {
        Found::End(end)
    } else {
        Found::Nothing
    }
}

/// A whole number that is a word.
fn positive_int(bytes: &[u8], at: usize) -> Found {
    let digits = leading(Window::<1>::new(bytes, at).bits(Block::digits));
    if digits == 0 || bytes[at] == b'0' {
        return Found::Nothing;
    }
    let end = at + digits;
    match bytes.get(end) {
        _ if digits == BLOCK || after_word(bytes, at) => Found::Unsure,
        Some(&byte) if is_wordlike(byte) => Found::Unsure,
        _ => Found::End(end),
    }
}

/// 1 for a sign.
#[inline(always)]
fn sign(byte: u8) -> u32 {
    u32::from(matches!(byte, b'+' | b'-'))
}

fn quoted_string(text: &str, at: usize) -> Found {
    let bytes = text.as_bytes();
    let Some(&quote @ (b'"' | b'\'' | b'`')) = bytes.get(at) else {
        return Found::Nothing;
    };
    if at > 0 && bytes[at - 1] == b'\\' {
        return Found::Nothing;
    }
    let mut from = at + 1;
    loop {
        let Some(found) = quote_or_escape(bytes, from, quote) else {
            return Found::Nothing;
        };
        if bytes[found] == quote {
            return Found::End(found + 1);
        }
        match text[found + 1..].chars().next() {
            Some(escaped) => from = found + 1 + escaped.len_utf8(),
            None => return Found::Nothing,
        }
    }
}

#[inline(always)]
fn quote_or_escape(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        let stops = Window::<2>::new(bytes, at).bits(|block| block.is(quote).or(block.is(b'\\')));
        if stops != 0 {
            return Some(at + stops.trailing_zeros() as usize);
        }
        at += 2 * BLOCK;
        if at >= bytes.len() {
            return None;
        }
    }
}

fn httpd_user(bytes: &[u8], at: usize) -> Found {
    let window = Window::<2>::new(bytes, at);
    let others = |block: Block| block.is(b'.').or(block.is(b'_')).or(block.is(b'-'));
    let length = leading(window.bits(|block| block.alphanumeric().or(others(block))));
    let end = at + length;
    // An address would go on: with `@`, or with another byte of its local part.
    match bytes.get(end) {
        None | Some(b' ' | b'\t' | b'"' | b']' | b')') if length > 0 => Found::End(end),
        _ => Found::Unsure,
    }
}

fn java_class(bytes: &[u8], at: usize) -> Found {
    let mut begin = at;
    // Whether a part of the name begins with the next byte.
    let mut begins = 1;
    while begin < at + LONGEST {
        let window = Window::<3>::new(bytes, begin);
        let digits = window.bits(Block::digits);
        let dots = window.bits(|block| block.is(b'.'));
        let others = window.bits(|block| block.letters().or(block.is(b'_')).or(block.is(b'$')));
        let length = leading(digits | dots | others);
        begins |= dots << 1;
        // Every part begins with a letter, also what is no part but comes after a dot.
        if begins & lowest(length + 1) & lowest(3 * BLOCK) & !others != 0 {
            return Found::Unsure;
        }
        if length < 3 * BLOCK {
            return Found::End(begin + length);
        }
        begins >>= 3 * BLOCK;
        begin += 3 * BLOCK;
    }
    Found::Unsure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stock_definition_is_valid() {
        assert_eq!(stock().len(), STOCK.len());
    }

    #[test]
    fn clean_texts_have_an_end() {
        let cases = [
            (Matcher::IpOrHost, "192.0.2.7 -", 9),
            (Matcher::IpOrHost, "db-3.example.com. x", 17),
            (Matcher::Ip, "192.0.2.7:80", 9),
            (Matcher::HttpDate, "01/Feb/2003:04:05:06 +0700]", 26),
            (Matcher::HaproxyDate, "01/Feb/2003:04:05:06.789] ", 24),
            (Matcher::IsoTimestamp, "2003-02-01T04:05:06.789+02:00 x", 29),
            (Matcher::SyslogTimestamp, "Feb  1 04:05:06 x", 15),
            (Matcher::Number, "-12.5.", 5),
            (Matcher::Number, "123456789012345.75.", 18),
            (Matcher::Number, "1.2345678901234567890 ", 21),
            (Matcher::QuotedString, r#""a \"b\" é" x"#, 12),
            (Matcher::HttpdUser, "j.doe [", 5),
            (Matcher::JavaClass, "org.example.Main -", 16),
            (Matcher::LogLevel, "Warning: so much for that", 7),
            (Matcher::PositiveInt, "4711]", 4),
        ];
        for (matcher, text, end) in cases {
            assert_eq!(matcher.find(text, 0), Found::End(end), "{text}");
        }
    }
}
