//! Lookup tables of a compiled pattern: character classes and byte filters, and the scans over runs of a class.

use super::block::{Block, chunk};
use super::byteset::ByteSet;
use super::class::CharClass;
use super::scan::Scan;

/// A character class, ready to be matched against UTF-8 text.
#[derive(Debug)]
pub(super) struct ClassTable {
    /// By byte: for ASCII exact; for bytes from 0x80 true only if every character beyond ASCII is a member.
    bytes: [bool; 256],
    wide: Wide,
    /// Finds what ends a run.
    pub(super) end: Scan,
}

/// The members beyond ASCII.
#[derive(Debug)]
enum Wide {
    None,
    All,
    Some(Box<[(char, char)]>),
}

impl ClassTable {
    pub(super) fn new(class: &CharClass) -> ClassTable {
        let beyond = CharClass::range('\u{80}', char::MAX);
        let wide = class.clone().intersect(&beyond);
        let wide = if wide.is_empty() {
            Wide::None
        } else if wide == beyond {
            Wide::All
        } else {
            Wide::Some(wide.ranges().collect())
        };
        let mut bytes = [false; 256];
        bytes[0x80..].fill(matches!(wide, Wide::All));
        for (first, last) in class.ranges().take_while(|(first, _)| first.is_ascii()) {
            bytes[first as usize..=(last as usize).min(0x7f)].fill(true);
        }
        ClassTable {
            end: Scan::new(bytes.map(|member| !member)),
            bytes,
            wide,
        }
    }

    /// Whether every byte of the text decides alone: then runs need not look at whole characters.
    pub(super) fn bytewise(&self) -> bool {
        !matches!(self.wide, Wide::Some(_))
    }

    pub(super) fn contains(&self, character: char) -> bool {
        match &self.wide {
            Wide::Some(ranges) if !character.is_ascii() => {
                let at = ranges.partition_point(|&(_, last)| last < character);
                ranges.get(at).is_some_and(|&(first, _)| first <= character)
            }
            Wide::All if !character.is_ascii() => true,
            _ => character.is_ascii() && self.bytes[character as usize],
        }
    }

    /// The position after the character at `at`, if it is a member.
    #[inline(always)]
    pub(super) fn step(&self, text: &str, at: usize) -> Option<usize> {
        let &byte = text.as_bytes().get(at)?;
        if byte < 0x80 {
            self.bytes[usize::from(byte)].then_some(at + 1)
        } else {
            self.step_wide(text, at)
        }
    }

    /// The position after the ASCII character at `at`, if it is a member.
    #[inline(always)]
    pub(super) fn step_ascii(&self, text: &[u8], at: usize) -> Option<usize> {
        let &byte = text.get(at)?;
        (byte < 0x80 && self.bytes[usize::from(byte)]).then_some(at + 1)
    }

    #[cold]
    fn step_wide(&self, text: &str, at: usize) -> Option<usize> {
        let character = text.get(at..)?.chars().next()?;
        self.contains(character).then(|| at + character.len_utf8())
    }

    /// The position after exactly `count` members.
    #[inline(always)]
    pub(super) fn skip(&self, text: &str, mut at: usize, count: u32) -> Option<usize> {
        for _ in 0..count {
            at = self.step(text, at)?;
        }
        Some(at)
    }

    /// The end of the run of at most `max` members that begins at `at`.
    #[inline(always)]
    pub(super) fn run_end(&self, text: &str, at: usize, max: u32) -> usize {
        if max == u32::MAX {
            if !self.bytewise() {
                return self.run_end_wide(text, at);
            }
            return self.end.find(text.as_bytes(), at);
        }
        self.run_end_counted(text, at, max)
    }

    #[cold]
    fn run_end_wide(&self, text: &str, mut at: usize) -> usize {
        loop {
            at = self.end.find(text.as_bytes(), at);
            match self.step(text, at) {
                Some(next) => at = next,
                None => return at,
            }
        }
    }

    fn run_end_counted(&self, text: &str, mut at: usize, max: u32) -> usize {
        let mut left = max;
        while left > 0 {
            match self.step(text, at) {
                Some(next) => at = next,
                None => break,
            }
            left -= 1;
        }
        at
    }
}

/// A filter on what comes next.
#[derive(Debug)]
pub(super) struct NextTable {
    bytes: [bool; 256],
    end: bool,
    scan: Scan,
    /// The only byte admitted, or the only two.
    few: Few,
}

#[derive(Debug)]
enum Few {
    One(u8),
    Two(u8, u8),
    More,
}

impl NextTable {
    pub(super) fn new(set: &ByteSet) -> NextTable {
        let mut bytes = [false; 256];
        set.bytes().for_each(|byte| bytes[usize::from(byte)] = true);
        let few = match set.bytes().take(3).collect::<Vec<_>>()[..] {
            [one] => Few::One(one),
            [one, two] => Few::Two(one, two),
            _ => Few::More,
        };
        NextTable {
            scan: Scan::new(bytes),
            bytes,
            end: set.contains_end(),
            few,
        }
    }

    #[inline(always)]
    pub(super) fn admits(&self, text: &[u8], at: usize) -> bool {
        match text.get(at) {
            Some(&byte) => self.bytes[usize::from(byte)],
            None => self.end,
        }
    }

    /// The first position from `at` whose next byte is admitted; the end of the text if admitted, else `None`.
    #[inline(always)]
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<usize> {
        let found = self.scan.find(text, at);
        (found < text.len() || self.end).then_some(found)
    }

    /// How far from `at` the last byte admitted is, if only one is and it comes within a block, from `low` to before `top`.
    #[inline(always)]
    pub(super) fn last_in_a_block(
        &self,
        text: &[u8],
        at: usize,
        low: usize,
        top: usize,
    ) -> Option<usize> {
        let Few::One(byte) = self.few else {
            return None;
        };
        let here = Block::new(chunk(text, at)?).is(byte).bits();
        let here = here & ((1 << top) - (1 << low));
        here.checked_ilog2().map(|last| last as usize)
    }

    /// The last position from `low` to before `top` whose next byte is admitted.
    #[inline(always)]
    pub(super) fn find_last(&self, text: &[u8], low: usize, top: usize) -> Option<usize> {
        // Mostly the very last one will do.
        if top > low && top <= text.len() && self.bytes[usize::from(text[top - 1])] {
            return Some(top - 1);
        }
        if top > text.len() && low <= text.len() && self.end {
            return Some(text.len());
        }
        let stretch = text.get(low..top.min(text.len()))?;
        let found = match self.few {
            Few::One(byte) if stretch.len() > SHORT => memchr::memrchr(byte, stretch),
            Few::Two(one, two) if stretch.len() > SHORT => memchr::memrchr2(one, two, stretch),
            _ => stretch
                .iter()
                .rposition(|&byte| self.bytes[usize::from(byte)]),
        };
        found.map(|offset| low + offset)
    }
}

/// Below this many bytes a simple loop beats a vectorised search.
const SHORT: usize = 16;

/// The bytes at which a lazy run stops to look: those that what follows admits, and those that may end the run.
pub(super) fn lazy_stops(class: &ClassTable, next: &NextTable) -> Scan {
    Scan::new(std::array::from_fn(|byte| {
        !class.bytes[byte] || next.bytes[byte]
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_count_characters() {
        let table = ClassTable::new(&CharClass::range('a', 'é'));
        assert_eq!(table.run_end("aéñ", 0, u32::MAX), 3);
        assert_eq!(table.run_end("ééé", 0, 2), 4);
        assert_eq!(table.skip("aé", 0, 2), Some(3));
        assert_eq!(table.skip("aé", 0, 3), None);
        let any = ClassTable::new(&CharClass::any());
        assert_eq!(any.run_end("aéñ", 0, u32::MAX), 5);
        assert_eq!(any.run_end("éñ", 0, 1), 2);
    }
}
