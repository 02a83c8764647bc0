//! The matcher for log levels.

use super::super::block::{BLOCK, Block, chunk, leading};
use super::Found;

/// The levels that are common, in lower case.
const LEVELS: [&[u8]; 12] = [
    b"alert", b"trace", b"debug", b"notice", b"info", b"warn", b"warning", b"err", b"error",
    b"fatal", b"severe", b"crit",
];

/// `INFO`, `Info`, `info`
pub(super) fn log_level(bytes: &[u8], at: usize) -> Found {
    let Some(chunk) = chunk::<BLOCK>(bytes, at) else {
        return Found::Unsure;
    };
    let block = Block::new(chunk);
    let small = block.between(b'a', b'z').bits();
    let length = leading(block.letters().bits().into());
    if !(3..8).contains(&length) {
        return Found::Unsure;
    }
    let whole = (1 << length) - 1;
    let one_case = small & whole == 0 || (small | 1) & whole == whole;
    let mut word = [0; 8];
    word.copy_from_slice(&chunk[..8]);
    let letters = u64::MAX >> (64 - 8 * length);
    let word = (u64::from_le_bytes(word) | 0x2020_2020_2020_2020) & letters;
    if one_case && WORDS[word_hash(word)] == word {
        Found::End(at + length)
    } else {
        Found::Unsure
    }
}

/// Where a word is in [`WORDS`]: no two levels are at the same place.
const fn word_hash(word: u64) -> usize {
    (word.wrapping_mul(0x062e_2b10_48cb_c657) >> 60) as usize
}

const WORDS: [u64; 16] = {
    let mut table = [0; 16];
    let mut level = 0;
    while level < LEVELS.len() {
        let mut word = 0;
        let mut at = 0;
        while at < LEVELS[level].len() {
            word |= (LEVELS[level][at] as u64) << (8 * at);
            at += 1;
        }
        assert!(table[word_hash(word)] == 0);
        table[word_hash(word)] = word;
        level += 1;
    }
    table
};
