//! The inner loop of runs: finds the next byte of a set, 16 or 32 bytes at a time.
//!
//! Sets that come to a few ranges (or whose complement does) are compared range by range over whole blocks; others,
//! and short texts, go through a table.

use super::block::{BLOCK, Block, chunk};

/// Bytes compared at once where a run turns out to be longer than a block.
const STRIDE: usize = 2 * BLOCK;

/// A set of bytes to be found.
#[derive(Debug)]
pub(super) struct Scan {
    /// The ranges that are compared; those that are too many repeat another.
    ranges: [Range; 8],
    /// All ones where the ranges are those of the bytes that are not in the set.
    inverted: u32,
    how: How,
    table: [bool; 256],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The set is empty.
    Never,
    /// With so many of the ranges.
    Two,
    Four,
    Six,
    Eight,
    ByTable,
}

/// A range of bytes, ready to be compared with a block.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: Block,
    width: Block,
}

impl Scan {
    pub(super) fn new(table: [bool; 256]) -> Scan {
        let members = members(&table);
        let (of_set, of_rest) = (ranges(members), ranges(members.map(|word| !word)));
        let inverted = of_rest.len() < of_set.len();
        let ranges = if inverted { of_rest } else { of_set };
        let how = match ranges.len() {
            0 if !inverted => How::Never,
            1 | 2 => How::Two,
            3 | 4 => How::Four,
            5 | 6 => How::Six,
            7 | 8 => How::Eight,
            _ => How::ByTable,
        };
        let range = |at: usize| {
            let (first, width) = ranges.get(at).or(ranges.last()).copied().unwrap_or((0, 0));
            Range {
                first: Block::splat(first),
                width: Block::splat(width),
            }
        };
        Scan {
            ranges: std::array::from_fn(range),
            inverted: if inverted { u32::MAX } else { 0 },
            how,
            table,
        }
    }

    /// The first position from `at` whose byte is in the set, else the length of the text.
    #[inline(always)]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> usize {
        match self.how {
            How::Never => bytes.len(),
            How::Two => self.find_in(self.some_ranges::<2>(), bytes, at),
            How::Four => self.find_in(self.some_ranges::<4>(), bytes, at),
            How::Six => self.find_in(self.some_ranges::<6>(), bytes, at),
            How::Eight => self.find_in(&self.ranges, bytes, at),
            How::ByTable => self.find_by_table(bytes, at),
        }
    }

    /// How many ranges are compared, if that is how the set is found.
    pub(super) fn ranges(&self) -> Option<usize> {
        match self.how {
            How::Never => Some(0),
            How::Two => Some(2),
            How::Four => Some(4),
            How::Six => Some(6),
            How::Eight => Some(8),
            How::ByTable => None,
        }
    }

    /// The same as [`Scan::find`], for a set of two ranges, where it is hard to say whether a block will do.
    #[inline(always)]
    pub(super) fn find_by_two(&self, bytes: &[u8], at: usize) -> usize {
        let ranges = self.some_ranges::<2>();
        match chunk(bytes, at) {
            Some(chunk) => match self.hits(ranges, chunk) {
                0 => self.find_further(ranges, bytes, at + STRIDE),
                hits => at + hits.trailing_zeros() as usize,
            },
            None => self.find_near_end(ranges, bytes, at),
        }
    }

    /// How many bytes from `at` on are not in the set of `N` ranges, if that is clear within a block.
    #[inline(always)]
    pub(super) fn within_a_block<const N: usize>(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let block = Block::new(chunk(bytes, at)?);
        match inside(self.some_ranges::<N>(), block) ^ (self.inverted & 0xffff) {
            0 => None,
            hits => Some(hits.trailing_zeros() as usize),
        }
    }

    /// The same as [`Scan::find`] where it is not clear within a block.
    #[inline(always)]
    pub(super) fn beyond_a_block<const N: usize>(&self, bytes: &[u8], at: usize) -> usize {
        match bytes.len() - at >= BLOCK {
            true => self.find_further(self.some_ranges::<N>(), bytes, at + BLOCK),
            false => self.find_near_end(self.some_ranges::<N>(), bytes, at),
        }
    }

    #[inline(always)]
    fn some_ranges<const N: usize>(&self) -> &[Range; N] {
        const { assert!(N <= 8) };
        self.ranges.first_chunk().expect("there are eight")
    }

    #[inline(always)]
    fn find_in<const N: usize>(&self, ranges: &[Range; N], bytes: &[u8], at: usize) -> usize {
        match chunk(bytes, at) {
            Some(chunk) => match inside(ranges, Block::new(chunk)) ^ (self.inverted & 0xffff) {
                0 => self.find_further(ranges, bytes, at + BLOCK),
                hits => at + hits.trailing_zeros() as usize,
            },
            None => self.find_near_end(ranges, bytes, at),
        }
    }

    #[inline(never)]
    fn find_further<const N: usize>(
        &self,
        ranges: &[Range; N],
        bytes: &[u8],
        mut at: usize,
    ) -> usize {
        while let Some(chunk) = chunk(bytes, at) {
            let hits = self.hits(ranges, chunk);
            if hits != 0 {
                return at + hits.trailing_zeros() as usize;
            }
            at += STRIDE;
        }
        self.find_near_end(ranges, bytes, at)
    }

    /// With the last whole chunk of the text, of which the beginning was seen.
    #[inline(never)]
    fn find_near_end<const N: usize>(&self, ranges: &[Range; N], bytes: &[u8], at: usize) -> usize {
        let Some(chunk) = bytes.last_chunk::<STRIDE>() else {
            return self.find_by_table(bytes, at);
        };
        if at >= bytes.len() {
            return bytes.len();
        }
        let seen = at + STRIDE - bytes.len();
        match self.hits(ranges, chunk) >> seen {
            0 => bytes.len(),
            hits => at + hits.trailing_zeros() as usize,
        }
    }

    /// A bit for each byte of the chunk that is in the set.
    #[inline(always)]
    fn hits<const N: usize>(&self, ranges: &[Range; N], chunk: &[u8; STRIDE]) -> u32 {
        let (low, high) = chunk.split_at(BLOCK);
        let [low, high] = [low, high].map(|half| match half.first_chunk() {
            Some(block) => Block::new(block),
            None => Block::splat(0),
        });
        (inside(ranges, low) | inside(ranges, high) << BLOCK) ^ self.inverted
    }

    #[inline(never)]
    fn find_by_table(&self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        at + rest
            .iter()
            .position(|&byte| self.table[usize::from(byte)])
            .unwrap_or(rest.len())
    }
}

/// A bit for each byte that is in one of the ranges.
#[inline(always)]
fn inside<const N: usize>(ranges: &[Range; N], block: Block) -> u32 {
    let [first, others @ ..] = &ranges[..] else {
        return 0;
    };
    let inside = others
        .iter()
        .fold(block.within(first.first, first.width), |inside, range| {
            inside.or(block.within(range.first, range.width))
        });
    inside.bits()
}

/// A bit for each byte of the set: compiling a pattern makes many sets, and most of their words are seen through at once.
fn members(table: &[bool; 256]) -> [u64; 4] {
    let (words, _) = table.as_chunks::<64>();
    std::array::from_fn(|word| {
        let entries = words[word].iter().enumerate();
        entries.fold(0, |bits, (at, &entry)| bits | u64::from(entry) << at)
    })
}

/// The ranges of a set of bytes: the first, and how many follow it.
fn ranges(members: [u64; 4]) -> Vec<(u8, u8)> {
    let others = members.map(|word| !word);
    let (mut ranges, mut at) = (Vec::new(), 0);
    while let Some(first) = next(&members, at) {
        at = next(&others, first).unwrap_or(256);
        ranges.push((first as u8, (at - 1 - first) as u8));
    }
    ranges
}

/// The first bit from `at` that is set.
fn next(bits: &[u64; 4], at: usize) -> Option<usize> {
    (at / 64..4).find_map(|word| {
        let begin = at.max(64 * word);
        let rest = bits[word] >> (begin - 64 * word);
        (rest != 0).then(|| begin + rest.trailing_zeros() as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_table() {
        let of = |set: &dyn Fn(u8) -> bool| {
            let table = std::array::from_fn(|byte| set(byte as u8));
            ranges(members(&table))
        };
        assert_eq!(of(&|_| false), []);
        assert_eq!(of(&|_| true), [(0, 255)]);
        assert_eq!(of(&|byte| byte == 255), [(255, 0)]);
        assert_eq!(of(&|byte| byte == 0 || byte > 62), [(0, 0), (63, 192)]);
        let runs = of(&|byte| matches!(byte, 60..=63 | 65..=127 | 129..=191));
        assert_eq!(runs, [(60, 3), (65, 62), (129, 62)]);
        assert_eq!(of(&|byte| byte % 2 == 1).len(), 128);
    }

    #[test]
    fn blocks_and_tables_agree() {
        let sets: [&dyn Fn(u8) -> bool; 8] = [
            &|_| false,
            &|_| true,
            &|byte| byte == b'"',
            &|byte| byte.is_ascii_whitespace(),
            &|byte| !byte.is_ascii_alphanumeric(),
            &|byte| !(byte.is_ascii_alphanumeric() || b"._-".contains(&byte)),
            &|byte| byte % 3 == 0,
            &|byte| byte % 16 == 0 && byte < 0x80,
        ];
        let text: Vec<u8> = (0..400u32).map(|at| (at * at / 7 % 251) as u8).collect();
        for (number, set) in sets.iter().enumerate() {
            let scan = Scan::new(std::array::from_fn(|byte| set(byte as u8)));
            for at in 0..=text.len() {
                let expected = text[at..]
                    .iter()
                    .position(|&byte| set(byte))
                    .map_or(text.len(), |offset| at + offset);
                assert_eq!(scan.find(&text, at), expected, "set {number} from {at}");
            }
        }
    }
}
