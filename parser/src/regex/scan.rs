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
    table: [bool; 256],
    ranges: Ranges,
    /// All ones where the ranges are those of the bytes that are not in the set.
    inverted: u32,
}

/// Ranges as first byte and width, each repeated for a whole block; padded by repeating one of them.
#[derive(Debug)]
enum Ranges {
    /// The set is empty.
    None,
    Two([Range; 2]),
    Four([Range; 4]),
    Six([Range; 6]),
    Many,
}

/// A range of bytes, ready to be compared with a block.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: Block,
    width: Block,
}

impl Scan {
    pub(super) fn new(table: [bool; 256]) -> Scan {
        let (of_set, of_rest) = (ranges(&table, true), ranges(&table, false));
        let inverted = of_rest.len() < of_set.len();
        let ranges = if inverted { of_rest } else { of_set };
        let padded = |at: usize| {
            let (first, width) = ranges[at.min(ranges.len() - 1)];
            Range {
                first: Block::splat(first),
                width: Block::splat(width),
            }
        };
        let ranges = match ranges.len() {
            0 if !inverted => Ranges::None,
            1 | 2 => Ranges::Two(std::array::from_fn(padded)),
            3 | 4 => Ranges::Four(std::array::from_fn(padded)),
            5 | 6 => Ranges::Six(std::array::from_fn(padded)),
            _ => Ranges::Many,
        };
        Scan {
            table,
            ranges,
            inverted: if inverted { u32::MAX } else { 0 },
        }
    }

    /// The first position from `at` whose byte is in the set, else the length of the text.
    #[inline(always)]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> usize {
        match &self.ranges {
            Ranges::None => bytes.len(),
            Ranges::Two(ranges) => self.find_in(ranges, bytes, at),
            Ranges::Four(ranges) => self.find_in(ranges, bytes, at),
            Ranges::Six(ranges) => self.find_in(ranges, bytes, at),
            Ranges::Many => self.find_by_table(bytes, at),
        }
    }

    /// How many ranges are compared, if that is how the set is found.
    pub(super) fn ranges(&self) -> Option<usize> {
        match &self.ranges {
            Ranges::None => Some(0),
            Ranges::Many => None,
            Ranges::Two(_) => Some(2),
            Ranges::Four(_) => Some(4),
            Ranges::Six(_) => Some(6),
        }
    }

    /// The same as [`Scan::find`], for a set of two ranges.
    #[inline(always)]
    pub(super) fn find_by_two(&self, bytes: &[u8], at: usize) -> usize {
        match &self.ranges {
            Ranges::Two(ranges) => self.find_in(ranges, bytes, at),
            _ => self.find_by_table(bytes, at),
        }
    }

    /// The same as [`Scan::find`], for a set of four ranges.
    #[inline(always)]
    pub(super) fn find_by_four(&self, bytes: &[u8], at: usize) -> usize {
        match &self.ranges {
            Ranges::Four(ranges) => self.find_in(ranges, bytes, at),
            _ => self.find_by_table(bytes, at),
        }
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

/// The ranges of bytes whose entry is `wanted`.
fn ranges(table: &[bool; 256], wanted: bool) -> Vec<(u8, u8)> {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for byte in (0..=u8::MAX).filter(|&byte| table[usize::from(byte)] == wanted) {
        match ranges.last_mut() {
            Some((first, width))
                if usize::from(*first) + usize::from(*width) + 1 == usize::from(byte) =>
            {
                *width += 1
            }
            _ => ranges.push((byte, 0)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_tables_agree() {
        let sets: [&dyn Fn(u8) -> bool; 7] = [
            &|_| false,
            &|_| true,
            &|byte| byte == b'"',
            &|byte| byte.is_ascii_whitespace(),
            &|byte| !byte.is_ascii_alphanumeric(),
            &|byte| !(byte.is_ascii_alphanumeric() || b"._-".contains(&byte)),
            &|byte| byte % 3 == 0,
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
