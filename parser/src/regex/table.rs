//! Lookup tables of a compiled pattern: character classes and byte filters, and the scans over runs of a class.

use super::byteset::ByteSet;
use super::class::CharClass;

/// A character class, ready to be matched against UTF-8 text.
#[derive(Debug)]
pub(super) struct ClassTable {
    /// By byte: for ASCII exact; for bytes from 0x80 true only if every character beyond ASCII is a member.
    bytes: [bool; 256],
    wide: Wide,
    /// Every character is a member.
    any: bool,
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
        let mut bytes = [matches!(wide, Wide::All); 256];
        for ascii in 0..0x80u8 {
            bytes[usize::from(ascii)] = class.contains(char::from(ascii));
        }
        ClassTable {
            any: *class == CharClass::any(),
            bytes,
            wide,
        }
    }

    /// Whether every byte of the text decides alone: then runs need not look at whole characters.
    fn bytewise(&self) -> bool {
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
        if max == u32::MAX && self.bytewise() {
            return self.run_end_bytewise(text.as_bytes(), at);
        }
        self.run_end_counted(text, at, max)
    }

    #[inline(always)]
    fn run_end_bytewise(&self, bytes: &[u8], at: usize) -> usize {
        if self.any {
            return bytes.len();
        }
        let rest = bytes.get(at..).unwrap_or_default();
        at + rest
            .iter()
            .position(|&byte| !self.bytes[usize::from(byte)])
            .unwrap_or(rest.len())
    }

    fn run_end_counted(&self, text: &str, mut at: usize, max: u32) -> usize {
        let mut left = max;
        while left > 0 {
            match self.step(text, at) {
                Some(next) => at = next,
                None => break,
            }
            left -= u32::from(max != u32::MAX);
        }
        at
    }
}

/// A filter on what comes next.
#[derive(Debug)]
pub(super) struct NextTable {
    bytes: [bool; 256],
    end: bool,
}

impl NextTable {
    pub(super) fn new(set: &ByteSet) -> NextTable {
        let mut bytes = [false; 256];
        set.bytes().for_each(|byte| bytes[usize::from(byte)] = true);
        NextTable {
            bytes,
            end: set.contains_end(),
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
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        match rest.iter().position(|&byte| self.bytes[usize::from(byte)]) {
            Some(offset) => Some(at + offset),
            None => self.end.then_some(text.len()),
        }
    }
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
