//! Matchers written by hand for sub-patterns that nearly every log pattern is made of: addresses, dates, numbers, quoted
//! strings.
//!
//! A sub-pattern is recognised by its tree, so one that a configuration redefines is not taken for the stock one. A
//! matcher answers for the common, clean form of its text and is unsure about anything else, which then goes through
//! the generic code. Where it names an end, that is the end which backtracking would try first, and the longest; every
//! other end has a byte of `interior` after it. So if what follows the sub-pattern cannot begin with any of those, no
//! other end needs to be tried.

use super::analysis::resolve_boundaries;
use super::ast::Node;
use super::byteset::ByteSet;
use super::scan::Scan;
use super::{Options, parse};
use std::sync::OnceLock;

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
}

/// A sub-pattern that has a matcher.
#[derive(Debug)]
pub(super) struct Recognized {
    node: Node,
    pub(super) matcher: Matcher,
    pub(super) interior: ByteSet,
}

macro_rules! monthday {
    () => {
        "(?:(?:0[1-9])|(?:[12][0-9])|(?:3[01])|[1-9])"
    };
}
macro_rules! month { () => { r"\b(?:[Jj]an(?:uary|uar)?|[Ff]eb(?:ruary|ruar)?|[Mm](?:a|ä)?r(?:ch|z)?|[Aa]pr(?:il)?|[Mm]a(?:y|i)?|[Jj]un(?:e|i)?|[Jj]ul(?:y|i)?|[Aa]ug(?:ust)?|[Ss]ep(?:tember)?|[Oo](?:c|k)?t(?:ober)?|[Nn]ov(?:ember)?|[Dd]e(?:c|z)(?:ember)?)\b" } }
macro_rules! year {
    () => {
        r"(?>\d\d){1,2}"
    };
}
macro_rules! hour {
    () => {
        "(?:2[0123]|[01]?[0-9])"
    };
}
macro_rules! minute {
    () => {
        "(?:[0-5][0-9])"
    };
}
macro_rules! second {
    () => {
        "(?:(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?)"
    };
}
macro_rules! time {
    () => {
        concat!(
            "(?!<[0-9])",
            hour!(),
            ":",
            minute!(),
            "(?::",
            second!(),
            ")(?![0-9])"
        )
    };
}
macro_rules! int {
    () => {
        "(?:[+-]?(?:[0-9]+))"
    };
}
macro_rules! ipv4 { () => { "(?<![0-9])(?:(?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])[.](?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])[.](?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])[.](?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]))(?![0-9])" } }
macro_rules! quad {
    () => {
        r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3})"
    };
}
macro_rules! h {
    () => {
        "[0-9A-Fa-f]{1,4}"
    };
}
macro_rules! ipv6_some {
    ($groups:literal, $tail:literal) => {
        concat!(
            "(?:(?:",
            h!(),
            ":){",
            $groups,
            "}(?:(?:(?::",
            h!(),
            "){1,",
            $tail,
            "})|"
        )
    };
}
macro_rules! ipv6 {
    () => {
        concat!(
            "(?:(?:(?:",
            h!(),
            ":){7}(?:",
            h!(),
            "|:))",
            "|(?:(?:",
            h!(),
            ":){6}(?::",
            h!(),
            "|",
            quad!(),
            "|:))",
            "|",
            ipv6_some!("5", "2"),
            ":",
            quad!(),
            "|:))",
            "|",
            ipv6_some!("4", "3"),
            "(?:(?::",
            h!(),
            ")?:",
            quad!(),
            ")|:))",
            "|",
            ipv6_some!("3", "4"),
            "(?:(?::",
            h!(),
            "){0,2}:",
            quad!(),
            ")|:))",
            "|",
            ipv6_some!("2", "5"),
            "(?:(?::",
            h!(),
            "){0,3}:",
            quad!(),
            ")|:))",
            "|",
            ipv6_some!("1", "6"),
            "(?:(?::",
            h!(),
            "){0,4}:",
            quad!(),
            ")|:))",
            "|(?::(?:(?:(?::",
            h!(),
            "){1,7})|(?:(?::",
            h!(),
            "){0,5}:",
            quad!(),
            ")|:)))(?:%.+)?"
        )
    };
}
macro_rules! hostname {
    () => {
        r"\b(?:[0-9A-Za-z][0-9A-Za-z-]{0,62})(?:\.(?:[0-9A-Za-z][0-9A-Za-z-]{0,62}))*(?:\.?|\b)"
    };
}
macro_rules! ip {
    () => {
        concat!("(?:(?:", ipv6!(), ")|(?:", ipv4!(), "))")
    };
}
macro_rules! local_part_ecs {
    () => {
        r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]{1,64}(?:\.[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]{1,62}){0,63}"
    };
}

/// The stock definitions, written out.
const STOCK: &[(Matcher, &str, &str)] = &[
    (
        Matcher::IpOrHost,
        concat!("(?:", ip!(), "|", hostname!(), ")"),
        "0-9A-Za-z.-",
    ),
    (Matcher::Ip, ip!(), ""),
    (
        Matcher::HttpDate,
        concat!(
            monthday!(),
            "/(?:",
            month!(),
            ")/(?:",
            year!(),
            "):(?:",
            time!(),
            ") ",
            int!()
        ),
        "0-9",
    ),
    (
        Matcher::IsoTimestamp,
        concat!(
            "(?:",
            year!(),
            ")-(?:0?[1-9]|1[0-2])-",
            monthday!(),
            "[T ]",
            hour!(),
            ":?",
            minute!(),
            "(?::?",
            second!(),
            ")?(?:Z|[+-]",
            hour!(),
            "(?::?",
            minute!(),
            "))?"
        ),
        "0-9:.,+Z-",
    ),
    (
        Matcher::SyslogTimestamp,
        concat!("(?:", month!(), ") +", monthday!(), " (?:", time!(), ")"),
        "",
    ),
    (Matcher::Month, month!(), ""),
    (Matcher::MonthDay, monthday!(), "0-9"),
    (Matcher::Year, year!(), "0-9"),
    (Matcher::Hour, hour!(), "0-9"),
    (
        Matcher::Number,
        r"(?<![0-9.+-])(?>[+-]?(?:(?:[0-9]+(?:\.[0-9]+)?)|(?:\.[0-9]+)))",
        "",
    ),
    (Matcher::Int, int!(), "0-9"),
    (
        Matcher::QuotedString,
        r#"(?>(?<!\\)(?>"(?>\\.|[^\\"]+)+"|""|(?>'(?>\\.|[^\\']+)+')|''|(?>`(?>\\.|[^\\`]+)+`)|``))"#,
        "",
    ),
    (
        Matcher::HttpdUser,
        concat!(
            "(?:[a-zA-Z][a-zA-Z0-9_.+-=:]+@(?:",
            hostname!(),
            ")|[a-zA-Z0-9._-]+)"
        ),
        "0-9A-Za-z._-",
    ),
    (
        Matcher::HttpdUser,
        concat!(
            "(?:(?:",
            local_part_ecs!(),
            ")@(?:",
            hostname!(),
            ")|[a-zA-Z0-9._-]+)"
        ),
        "0-9A-Za-z._-",
    ),
    (
        Matcher::JavaClass,
        r"(?:[a-zA-Z$_][a-zA-Z$_0-9]*\.)*[a-zA-Z$_][a-zA-Z$_0-9]*",
        "0-9A-Za-z$_.",
    ),
];

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

/// The stock sub-pattern that this is, if it is one.
pub(super) fn recognize(node: &Node) -> Option<&'static Recognized> {
    if !matches!(
        node,
        Node::Concat(_) | Node::Alternate(_) | Node::Atomic(_) | Node::Repeat(_)
    ) {
        return None;
    }
    stock().iter().find(|stock| stock.node == *node)
}

impl Matcher {
    #[inline(always)]
    pub(super) fn find(self, text: &str, at: usize) -> Found {
        let bytes = text.as_bytes();
        match self {
            Matcher::IpOrHost => ip_or_host(bytes, at),
            Matcher::Ip => ip(bytes, at),
            Matcher::HttpDate => http_date(bytes, at),
            Matcher::IsoTimestamp => iso_timestamp(bytes, at),
            Matcher::SyslogTimestamp => syslog_timestamp(bytes, at),
            Matcher::Month => month(bytes, at),
            Matcher::MonthDay => month_day(bytes, at),
            Matcher::Year => year(bytes, at),
            Matcher::Hour => hour(bytes, at),
            Matcher::Number => number(bytes, at),
            Matcher::Int => int(bytes, at),
            Matcher::QuotedString => quoted_string(text, at),
            Matcher::HttpdUser => httpd_user(bytes, at),
            Matcher::JavaClass => java_class(bytes, at),
        }
    }
}

/// Finds the end of a run of the bytes that `member` names.
#[inline(always)]
fn run_end(cell: &OnceLock<Scan>, member: fn(u8) -> bool, bytes: &[u8], at: usize) -> usize {
    let scan = cell.get_or_init(|| Scan::new(std::array::from_fn(|byte| !member(byte as u8))));
    scan.find(bytes, at)
}

#[inline(always)]
fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Whether a word may reach up to `at`; beyond ASCII, that is assumed.
#[inline(always)]
fn after_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_wordlike(bytes[at - 1])
}

#[inline(always)]
fn is_wordlike(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The end of a dotted quad that no digit follows.
#[inline(always)]
fn quad_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    for octet in 0..4 {
        if octet > 0 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let begin = at;
        let mut value = 0u32;
        while at - begin < 4
            && let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit())
        {
            value = value * 10 + u32::from(digit - b'0');
            at += 1;
        }
        if at == begin || at - begin > 3 || value > 255 {
            return None;
        }
    }
    Some(at)
}

fn ip_or_host(bytes: &[u8], at: usize) -> Found {
    static HOST: OnceLock<Scan> = OnceLock::new();
    if after_word(bytes, at) {
        return Found::Unsure;
    }
    let member = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let end = run_end(&HOST, member, bytes, at);
    let colon = bytes.get(end) == Some(&b':');
    if end == at {
        return if colon { Found::Unsure } else { Found::Nothing };
    }
    if colon && end - at <= 4 {
        return Found::Unsure; // perhaps an IPv6 address
    }
    if bytes[at].is_ascii_digit() {
        return match quad_end(bytes, at) == Some(end) {
            true => Found::End(end),
            false => Found::Unsure,
        };
    }
    let (mut label, mut before) = (at, b'.');
    for (offset, &byte) in bytes[at..end].iter().enumerate() {
        let position = at + offset;
        if before == b'.' && !byte.is_ascii_alphanumeric() {
            return Found::Unsure;
        }
        if byte == b'.' {
            if position - label > 63 {
                return Found::Unsure;
            }
            label = position + 1;
        }
        before = byte;
    }
    if end - label > 63 {
        Found::Unsure
    } else {
        Found::End(end)
    }
}

fn ip(bytes: &[u8], at: usize) -> Found {
    match bytes.get(at) {
        Some(byte) if byte.is_ascii_hexdigit() || *byte == b':' => {}
        _ => return Found::Nothing,
    }
    if at > 0 && bytes[at - 1].is_ascii_digit() {
        return Found::Unsure;
    }
    match quad_end(bytes, at) {
        Some(end) => Found::End(end),
        _ => Found::Unsure,
    }
}

/// The value of two digits.
#[inline(always)]
fn two(bytes: &[u8], at: usize) -> Option<u32> {
    let pair = bytes.get(at..at + 2)?;
    let (tens, ones) = (pair[0].wrapping_sub(b'0'), pair[1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
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

/// An English month of three letters.
#[inline(always)]
fn is_month(bytes: &[u8]) -> bool {
    let &[first, second, third] = bytes else {
        return false;
    };
    matches!(
        &[first | 0x20, second, third],
        b"jan"
            | b"feb"
            | b"mar"
            | b"apr"
            | b"may"
            | b"jun"
            | b"jul"
            | b"aug"
            | b"sep"
            | b"oct"
            | b"nov"
            | b"dec"
    )
}

/// `01/Feb/2003:04:05:06 +0700`
fn http_date(bytes: &[u8], at: usize) -> Found {
    let Some(date) = bytes.get(at..).and_then(|rest| rest.first_chunk::<26>()) else {
        return Found::Unsure;
    };
    let clean = two(date, 0).is_some_and(|day| (1..=31).contains(&day))
        && date[2] == b'/'
        && is_month(&date[3..6])
        && date[6] == b'/'
        && two(date, 7).is_some()
        && two(date, 9).is_some()
        && date[11] == b':'
        && is_clock(&date[12..20])
        && date[20] == b' '
        && (date[21] == b'+' || date[21] == b'-')
        && two(date, 22).is_some()
        && two(date, 24).is_some();
    if clean {
        Found::End(digits_end(bytes, at + 26))
    } else {
        Found::Unsure
    }
}

/// `2003-02-01T04:05:06.789Z`; with a space for the `T`, without the fraction or the zone.
fn iso_timestamp(bytes: &[u8], at: usize) -> Found {
    let Some(date) = bytes.get(at..).and_then(|rest| rest.first_chunk::<19>()) else {
        return Found::Unsure;
    };
    let clean = two(date, 0).is_some()
        && two(date, 2).is_some()
        && date[4] == b'-'
        && two(date, 5).is_some_and(|month| (1..=12).contains(&month))
        && date[7] == b'-'
        && two(date, 8).is_some_and(|day| (1..=31).contains(&day))
        && (date[10] == b'T' || date[10] == b' ')
        && is_clock(&date[11..19]);
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
fn syslog_timestamp(bytes: &[u8], at: usize) -> Found {
    let Some(&first) = bytes.get(at) else {
        return Found::Nothing;
    };
    if !first.is_ascii_alphabetic() {
        return Found::Nothing;
    }
    let Some(date) = bytes.get(at..).and_then(|rest| rest.first_chunk::<15>()) else {
        return Found::Unsure;
    };
    let day = match date[4] {
        b' ' => (b'1'..=b'9').contains(&date[5]),
        _ => {
            two(date, 4).is_some_and(|day| (10..=31).contains(&day) || (date[4] == b'0' && day > 0))
        }
    };
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

fn month(bytes: &[u8], at: usize) -> Found {
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

fn month_day(bytes: &[u8], at: usize) -> Found {
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

fn year(bytes: &[u8], at: usize) -> Found {
    match (two(bytes, at), two(bytes, at + 2)) {
        (Some(_), Some(_)) => Found::End(at + 4),
        (Some(_), None) => Found::End(at + 2),
        _ => Found::Nothing,
    }
}

fn hour(bytes: &[u8], at: usize) -> Found {
    let second = bytes.get(at + 1).copied().unwrap_or(0);
    match bytes.get(at) {
        Some(b'2') if (b'0'..=b'3').contains(&second) => Found::End(at + 2),
        Some(b'0' | b'1') if second.is_ascii_digit() => Found::End(at + 2),
        Some(b'0'..=b'9') => Found::End(at + 1),
        _ => Found::Nothing,
    }
}

fn number(bytes: &[u8], at: usize) -> Found {
    if at > 0 && matches!(bytes[at - 1], b'0'..=b'9' | b'.' | b'+' | b'-') {
        return Found::Nothing;
    }
    let begin = at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let end = digits_end(bytes, begin);
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits_end(bytes, end + 1);
        if fraction > end + 1 {
            return Found::End(fraction);
        }
    }
    if end > begin {
        Found::End(end)
    } else {
        Found::Nothing
    }
}

fn int(bytes: &[u8], at: usize) -> Found {
    let begin = at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let end = digits_end(bytes, begin);
    if end > begin {
        Found::End(end)
    } else {
        Found::Nothing
    }
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
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(offset) = memchr::memchr2(quote, b'\\', rest) else {
            return Found::Nothing;
        };
        let found = from + offset;
        if bytes[found] == quote {
            return Found::End(found + 1);
        }
        match text[found + 1..].chars().next() {
            Some(escaped) => from = found + 1 + escaped.len_utf8(),
            None => return Found::Nothing,
        }
    }
}

fn httpd_user(bytes: &[u8], at: usize) -> Found {
    static USER: OnceLock<Scan> = OnceLock::new();
    let member = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let end = if bytes.get(at) == Some(&b'-') && bytes.get(at + 1) == Some(&b' ') {
        at + 1
    } else {
        run_end(&USER, member, bytes, at)
    };
    // An address would go on: with `@`, or with another byte of its local part.
    match bytes.get(end) {
        None | Some(b' ' | b'\t' | b'"' | b']' | b')') if end > at => Found::End(end),
        _ => Found::Unsure,
    }
}

fn java_class(bytes: &[u8], at: usize) -> Found {
    static NAME: OnceLock<Scan> = OnceLock::new();
    let member = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
    let end = run_end(&NAME, member, bytes, at);
    let mut before = b'.';
    for &byte in &bytes[at..end] {
        if before == b'.' && (byte == b'.' || byte.is_ascii_digit()) {
            return Found::Unsure;
        }
        before = byte;
    }
    if before == b'.' {
        Found::Unsure
    } else {
        Found::End(end)
    }
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
            (Matcher::IsoTimestamp, "2003-02-01T04:05:06.789+02:00 x", 29),
            (Matcher::SyslogTimestamp, "Feb  1 04:05:06 x", 15),
            (Matcher::Number, "-12.5.", 5),
            (Matcher::QuotedString, r#""a \"b\" é" x"#, 12),
            (Matcher::HttpdUser, "j.doe [", 5),
            (Matcher::JavaClass, "org.example.Main -", 16),
        ];
        for (matcher, text, end) in cases {
            assert_eq!(matcher.find(text, 0), Found::End(end), "{text}");
        }
    }
}
