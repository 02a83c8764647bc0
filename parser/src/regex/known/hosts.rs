//! Matchers for addresses and names of hosts.

use super::super::block::{BLOCK, Block, Window, chunk, leading, lowest};
use super::{Found, LONGEST, after_word, as_far_as_looked};

/// The end of a dotted quad that no digit follows.
#[inline(always)]
fn quad_end(bytes: &[u8], at: usize) -> Option<usize> {
    let length = match chunk(bytes, at) {
        Some(chunk) => {
            let block = Block::new(chunk);
            quad_length(|set| set(block).bits().into())
        }
        None => {
            let window = Window::<1>::new(bytes, at);
            quad_length(|set| window.bits(set))
        }
    };
    length.map(|length| at + length)
}

/// The length of a dotted quad at the beginning of a block, whose sets the argument tells.
#[inline(always)]
fn quad_length(bits: impl Fn(fn(Block) -> Block) -> u64) -> Option<usize> {
    let digits = bits(Block::digits);
    // The three dots between the octets, from the first on; what is lacking is far away.
    let dots = bits(|block| block.is(b'.')) | 7 << 40;
    let after_first = dots & (dots - 1);
    let after_second = after_first & (after_first - 1);
    let [first, second, third] =
        [dots, after_first, after_second].map(|dots| dots.trailing_zeros() as usize);
    let end = third + 1 + leading(digits >> (third + 1));
    let begins = 1 | 1 << (first + 1) | 1 << (second + 1) | 1 << (third + 1);
    // An octet is one to three digits ...
    let one = digits & begins;
    let two = one & digits >> 1;
    let three = two & digits >> 2;
    let four = three & digits >> 3;
    // ... and of three digits not above 255.
    let above_two = bits(|block| block.between(b'3', b'9'));
    let exactly_two = bits(|block| block.is(b'2'));
    let above_five = bits(|block| block.between(b'6', b'9'));
    let exactly_five = bits(|block| block.is(b'5'));
    let above_55 = above_five >> 1 | exactly_five >> 1 & above_five >> 2;
    let too_large = three & (above_two | exactly_two & above_55);
    let separators = 1 << first | 1 << second | 1 << third;
    let clean = one == begins
        && four == 0
        && too_large == 0
        && end <= BLOCK
        && (digits | separators) & lowest(end) == lowest(end);
    clean.then_some(end)
}

pub(in super::super) fn ip_or_host(bytes: &[u8], at: usize) -> Found {
    if after_word(bytes, at) {
        return Found::Unsure;
    }
    let short = match chunk(bytes, at) {
        Some(chunk) => {
            let block = Block::new(chunk);
            host_within(bytes, at, BLOCK, |set| set(block).bits().into())
        }
        None => None,
    };
    short.unwrap_or_else(|| longer_host(bytes, at))
}

/// A host name or address that does not end within a block, or not long before the text.
#[inline(never)]
fn longer_host(bytes: &[u8], at: usize) -> Found {
    let window = Window::<2>::new(bytes, at);
    host_within(bytes, at, 2 * BLOCK, |set| window.bits(set))
        .unwrap_or_else(|| long_host(bytes, at))
}

/// A host name or address that ends within some bytes, whose sets the last argument tells.
#[inline(always)]
fn host_within(
    bytes: &[u8],
    at: usize,
    reach: usize,
    bits: impl Fn(fn(Block) -> Block) -> u64,
) -> Option<Found> {
    let alphanumeric = bits(Block::alphanumeric);
    let others = bits(|block| block.between(b'-', b'.'));
    let length = leading(alphanumeric | others);
    if length == reach {
        return None;
    }
    let end = at + length;
    let colon = bytes.get(end) == Some(&b':');
    let digit = bytes.get(at).is_some_and(u8::is_ascii_digit);
    let dots = bits(|block| block.is(b'.'));
    let label_begins = (dots << 1 | 1) & lowest(length);
    Some(if length == 0 && !colon {
        Found::Nothing
    } else if colon && length <= 4 {
        Found::Unsure // perhaps an IPv6 address
    } else if digit {
        match quad_end(bytes, at) == Some(end) {
            true => Found::End(end),
            false => Found::Unsure,
        }
    } else if label_begins & others == 0 {
        Found::End(end)
    } else {
        Found::Unsure
    })
}

/// A host name of 32 bytes or more.
#[cold]
fn long_host(bytes: &[u8], at: usize) -> Found {
    let bytes = as_far_as_looked(bytes, at);
    let member = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let end = at + bytes[at..].iter().take_while(member).count();
    if bytes[at].is_ascii_digit() || end == at + LONGEST {
        return Found::Unsure;
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

pub(super) fn ip(bytes: &[u8], at: usize) -> Found {
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
