//! The inner loop of runs: finds the next byte of a set, sixteen bytes at a time.
//!
//! Sets that come to a few ranges (or whose complement does) are compared range by range over whole blocks, in a form
//! that the compiler turns into vector instructions; others, and the last few bytes, go through a table.

/// Bytes compared at once.
const BLOCK: usize = 16;

/// A set of bytes to be found.
#[derive(Debug)]
pub(super) struct Scan {
    table: [bool; 256],
    ranges: Ranges,
    /// The ranges are those of the bytes that are not in the set.
    inverted: bool,
}

/// Ranges as first byte and width, each repeated for a whole block; padded by repeating one of them.
#[derive(Debug)]
enum Ranges {
    /// The set is empty.
    None,
    One([Range; 1]),
    Two([Range; 2]),
    Four([Range; 4]),
    Six([Range; 6]),
    Many,
}

/// A range of bytes, ready to be compared with a block.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: [u8; BLOCK],
    width: [u8; BLOCK],
}

impl Scan {
    pub(super) fn new(table: [bool; 256]) -> Scan {
        let (of_set, of_rest) = (ranges(&table, true), ranges(&table, false));
        let inverted = of_rest.len() < of_set.len();
        let ranges = if inverted { of_rest } else { of_set };
        let padded = |at: usize| {
            let (first, width) = ranges[at.min(ranges.len() - 1)];
            Range {
                first: [first; BLOCK],
                width: [width; BLOCK],
            }
        };
        let ranges = match ranges.len() {
            0 if !inverted => Ranges::None,
            1 => Ranges::One([padded(0)]),
            2 => Ranges::Two(std::array::from_fn(padded)),
            3 | 4 => Ranges::Four(std::array::from_fn(padded)),
            5 | 6 => Ranges::Six(std::array::from_fn(padded)),
            _ => Ranges::Many,
        };
        Scan {
            table,
            ranges,
            inverted,
        }
    }

    /// The first position from `at` whose byte is in the set, else the length of the text.
    #[inline(always)]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> usize {
        match &self.ranges {
            Ranges::None => bytes.len(),
            Ranges::One(ranges) => self.find_in(ranges, bytes, at),
            Ranges::Two(ranges) => self.find_in(ranges, bytes, at),
            Ranges::Four(ranges) => self.find_in(ranges, bytes, at),
            Ranges::Six(ranges) => self.find_in(ranges, bytes, at),
            Ranges::Many => self.find_by_table(bytes, at),
        }
    }

    #[inline(always)]
    fn find_in<const N: usize>(&self, ranges: &[Range; N], bytes: &[u8], mut at: usize) -> usize {
        while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
            let hits = hits(ranges, block, self.inverted);
            if hits != 0 {
                return at + hits.trailing_zeros() as usize / 8;
            }
            at += BLOCK;
        }
        // The end of the text: the last whole block, of which the beginning was seen.
        let Some(block) = bytes.last_chunk::<BLOCK>() else {
            return self.find_by_table(bytes, at);
        };
        if at >= bytes.len() {
            return bytes.len();
        }
        let seen = at + BLOCK - bytes.len();
        let hits = hits(ranges, block, self.inverted) >> (8 * seen);
        match hits {
            0 => bytes.len(),
            _ => at + hits.trailing_zeros() as usize / 8,
        }
    }

    #[inline(always)]
    fn find_by_table(&self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        at + rest
            .iter()
            .position(|&byte| self.table[usize::from(byte)])
            .unwrap_or(rest.len())
    }
}

/// One byte of the result for each byte of the block, 1 where it is in the set. Compiled to vector instructions.
#[inline(always)]
fn hits<const N: usize>(ranges: &[Range; N], block: &[u8; BLOCK], inverted: bool) -> u128 {
    let mut hits = [u8::from(inverted); BLOCK];
    let mut inside = [0; BLOCK];
    for range in ranges {
        for at in 0..BLOCK {
            inside[at] |= u8::from(block[at].wrapping_sub(range.first[at]) <= range.width[at]);
        }
    }
    for at in 0..BLOCK {
        hits[at] ^= inside[at];
    }
    u128::from_le_bytes(hits)
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
