//! Sixteen bytes at a time: which of them belong to a set, as one bit each.
//!
//! On x86-64 these are a few SSE2 instructions; elsewhere loops that the compiler may turn into vector instructions.
//! Here is all the `unsafe` of the engine: calls of those instructions, which every x86-64 processor has.

/// Bytes of a [`Block`].
pub(super) const BLOCK: usize = 16;

#[cfg(target_arch = "x86_64")]
pub(super) use sse2::Block;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::Block;

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "the compiler has no safe way to these instructions outside of functions that it cannot inline"
)]
mod sse2 {
    use super::BLOCK;
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8, _mm_sub_epi8,
    };

    /// Sixteen bytes; as a set, those that are 0xff are the members.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Block(__m128i);

    impl Block {
        #[inline(always)]
        pub(in super::super) fn new(bytes: &[u8; BLOCK]) -> Block {
            // SAFETY: SSE2 is part of x86-64; the pointer is to 16 bytes, which need not be aligned.
            Block(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        }

        #[inline(always)]
        pub(in super::super) fn splat(byte: u8) -> Block {
            // SAFETY: SSE2 is part of x86-64.
            Block(unsafe { _mm_set1_epi8(byte as i8) })
        }

        /// Those of the bytes that are the same in `other`.
        #[inline(always)]
        pub(in super::super) fn same(self, other: Block) -> Block {
            // SAFETY: SSE2 is part of x86-64.
            Block(unsafe { _mm_cmpeq_epi8(self.0, other.0) })
        }

        /// Those of the bytes that are from `first` to `first + width`, byte by byte.
        #[inline(always)]
        pub(in super::super) fn within(self, first: Block, width: Block) -> Block {
            // SAFETY: SSE2 is part of x86-64.
            Block(unsafe {
                let offset = _mm_sub_epi8(self.0, first.0);
                _mm_cmpeq_epi8(_mm_min_epu8(offset, width.0), offset)
            })
        }

        #[inline(always)]
        pub(in super::super) fn or(self, other: Block) -> Block {
            // SAFETY: SSE2 is part of x86-64.
            Block(unsafe { _mm_or_si128(self.0, other.0) })
        }

        /// The members of a set as bits, the first byte lowest.
        #[inline(always)]
        pub(in super::super) fn bits(self) -> u32 {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_movemask_epi8(self.0) as u32 }
        }
    }
}

#[cfg(any(not(target_arch = "x86_64"), test))]
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
mod portable {
    use super::BLOCK;

    /// Sixteen bytes; as a set, those that are 0xff are the members.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Block([u8; BLOCK]);

    impl Block {
        #[inline(always)]
        pub(in super::super) fn new(bytes: &[u8; BLOCK]) -> Block {
            Block(*bytes)
        }

        #[inline(always)]
        pub(in super::super) fn splat(byte: u8) -> Block {
            Block([byte; BLOCK])
        }

        /// Those of the bytes that are the same in `other`.
        #[inline(always)]
        pub(in super::super) fn same(self, other: Block) -> Block {
            Block(std::array::from_fn(|at| {
                0u8.wrapping_sub(u8::from(self.0[at] == other.0[at]))
            }))
        }

        /// Those of the bytes that are from `first` to `first + width`, byte by byte.
        #[inline(always)]
        pub(in super::super) fn within(self, first: Block, width: Block) -> Block {
            Block(std::array::from_fn(|at| {
                let inside = self.0[at].wrapping_sub(first.0[at]) <= width.0[at];
                0u8.wrapping_sub(u8::from(inside))
            }))
        }

        #[inline(always)]
        pub(in super::super) fn or(self, other: Block) -> Block {
            Block(std::array::from_fn(|at| self.0[at] | other.0[at]))
        }

        /// The members of a set as bits, the first byte lowest.
        #[inline(always)]
        pub(in super::super) fn bits(self) -> u32 {
            // Eight bytes of 0 or 1 each to eight bits: the product gathers them in its highest byte.
            let half = |bytes: &[u8]| {
                let eight = bytes
                    .iter()
                    .rev()
                    .fold(0u64, |all, byte| all << 8 | u64::from(byte & 1));
                (eight.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
            };
            half(&self.0[..8]) | half(&self.0[8..]) << 8
        }
    }
}

impl Block {
    /// Those of the bytes that are this one.
    #[inline(always)]
    pub(super) fn is(self, byte: u8) -> Block {
        self.same(Block::splat(byte))
    }

    /// Those of the bytes that are in this range.
    #[inline(always)]
    pub(super) fn between(self, first: u8, last: u8) -> Block {
        self.within(Block::splat(first), Block::splat(last - first))
    }

    /// The ASCII digits.
    #[inline(always)]
    pub(super) fn digits(self) -> Block {
        self.between(b'0', b'9')
    }

    /// The ASCII letters and digits.
    #[inline(always)]
    pub(super) fn alphanumeric(self) -> Block {
        self.letters().or(self.digits())
    }

    /// The ASCII letters.
    #[inline(always)]
    pub(super) fn letters(self) -> Block {
        self.or(Block::splat(0x20)).between(b'a', b'z')
    }
}

/// `N` bytes of the text from a position on, if it has as many. Positions are below 4 GiB.
#[inline(always)]
pub(super) fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    let at = at as u32 as usize; // so that the compiler sees that no sum overflows
    bytes.get(at..at + N)?.first_chunk()
}

/// The text from a position on, as far as `N` blocks reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<const N: usize> {
    blocks: [Block; N],
    /// So many bytes of the blocks come before the position, or after the text.
    before: u32,
    /// The bits of bytes that are text.
    text: u64,
}

impl<const N: usize> Window<N> {
    #[inline(always)]
    pub(super) fn new(bytes: &[u8], at: usize) -> Window<N> {
        if let Some((chunks, _)) = bytes
            .get(at..)
            .and_then(|rest| rest.split_at_checked(N * BLOCK))
        {
            return Window {
                blocks: blocks(chunks),
                before: 0,
                text: u64::MAX,
            };
        }
        Window::at_end(bytes, at)
    }

    #[inline(never)]
    fn at_end(bytes: &[u8], at: usize) -> Window<N> {
        let rest = bytes.get(at..).unwrap_or_default();
        if let Some(begin) = bytes.len().checked_sub(N * BLOCK)
            && !rest.is_empty()
        {
            return Window {
                blocks: blocks(&bytes[begin..]),
                before: (at - begin) as u32,
                text: u64::MAX,
            };
        }
        let mut padded = [0; 4 * BLOCK];
        padded[..rest.len()].copy_from_slice(rest);
        Window {
            blocks: blocks(&padded),
            before: 0,
            text: (1 << rest.len()) - 1,
        }
    }

    /// Which of the bytes are in a set: a bit each, that of the position lowest. Beyond the text no bit is set.
    #[inline(always)]
    pub(super) fn bits(&self, set: impl Fn(Block) -> Block) -> u64 {
        let mut bits = 0;
        for (number, block) in self.blocks.iter().enumerate() {
            bits |= u64::from(set(*block).bits()) << (number * BLOCK);
        }
        bits >> self.before & self.text
    }
}

#[inline(always)]
fn blocks<const N: usize>(bytes: &[u8]) -> [Block; N] {
    std::array::from_fn(|number| {
        match bytes
            .get(number * BLOCK..)
            .and_then(|rest| rest.first_chunk())
        {
            Some(chunk) => Block::new(chunk),
            None => Block::splat(0),
        }
    })
}

/// How many of the lowest bits are set without a gap.
#[inline(always)]
pub(super) fn leading(bits: u64) -> usize {
    (!bits).trailing_zeros() as usize
}

/// The lowest `count` bits; `count` is below 64.
#[inline(always)]
pub(super) fn lowest(count: usize) -> u64 {
    (1 << count) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_blocks_agree() {
        let text: Vec<u8> = (0..=255).collect();
        for chunk in text.windows(BLOCK) {
            let chunk: &[u8; BLOCK] = chunk.try_into().expect("a block");
            let (fast, plain) = (Block::new(chunk), portable::Block::new(chunk));
            for (first, width) in [(b'0', 9), (b'a', 25), (0, 255), (250, 10), (7, 0)] {
                let plain =
                    plain.within(portable::Block::splat(first), portable::Block::splat(width));
                let fast = fast.within(Block::splat(first), Block::splat(width));
                assert_eq!(fast.bits(), plain.bits());
            }
            let same = plain.same(portable::Block::splat(b'z'));
            assert_eq!(fast.is(b'z').bits(), same.bits());
            assert_eq!(
                fast.is(b'z').or(fast.is(b'y')).bits(),
                same.or(plain.same(portable::Block::splat(b'y'))).bits()
            );
        }
    }

    #[test]
    fn windows_end_with_the_text() {
        for length in 0..80 {
            let text: Vec<u8> = (0..length).map(|at| b"a1.\0"[at * 5 % 7 % 4]).collect();
            for at in 0..=length {
                let digits = Window::<1>::new(&text, at).bits(Block::digits);
                let any = Window::<2>::new(&text, at).bits(|block| block.between(0, 255));
                let expected = text[at..]
                    .iter()
                    .take(BLOCK)
                    .enumerate()
                    .fold(0, |bits, (bit, byte)| {
                        bits | u64::from(byte.is_ascii_digit()) << bit
                    });
                assert_eq!(digits, expected, "{length} {at}");
                assert_eq!(leading(any), (length - at).min(2 * BLOCK), "{length} {at}");
            }
        }
    }
}
