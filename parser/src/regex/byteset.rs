//! Sets of bytes, and of the end of the text: what can come next at a position of a pattern.
//!
//! The bytes are those a character can begin with (ASCII and UTF-8 lead bytes), so that a position whose next byte
//! is in a set computed by the analyses is never inside a character.

use super::class::CharClass;

/// A set of first bytes; the end of the text may be a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ByteSet {
    bits: [u64; 4],
    end: bool,
}

impl ByteSet {
    pub(super) const EMPTY: ByteSet = ByteSet {
        bits: [0; 4],
        end: false,
    };
    /// Only the end of the text.
    pub(super) const END: ByteSet = ByteSet {
        bits: [0; 4],
        end: true,
    };
    /// Every byte a character can begin with, and the end of the text.
    pub(super) const ALL: ByteSet = ByteSet {
        bits: [!0, !0, 0, !0],
        end: true,
    };

    /// The first bytes of the members of a class.
    pub(super) fn of_class(class: &CharClass) -> ByteSet {
        let lead = |character: char| match u32::from(character) {
            code @ ..0x80 => code as u8,
            code @ ..0x800 => 0xc0 | (code >> 6) as u8,
            code @ ..0x1_0000 => 0xe0 | (code >> 12) as u8,
            code => 0xf0 | (code >> 18) as u8,
        };
        let mut set = ByteSet::EMPTY;
        for (first, last) in class.ranges() {
            set.insert_range(lead(first), lead(last));
        }
        // No character begins with these.
        set.bits[2] = 0;
        set
    }

    pub(super) fn insert_range(&mut self, first: u8, last: u8) {
        for (word, bits) in (first >> 6..=last >> 6).zip(&mut self.bits[usize::from(first >> 6)..])
        {
            let from = first.saturating_sub(word << 6);
            let to = (last - (word << 6)).min(63);
            *bits |= (!0 << from) & (!0 >> (63 - to));
        }
    }

    pub(super) fn of_byte(byte: u8) -> ByteSet {
        let mut set = ByteSet::EMPTY;
        set.insert(byte);
        set
    }

    pub(super) fn insert(&mut self, byte: u8) {
        self.bits[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.bits[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    pub(super) fn contains_end(&self) -> bool {
        self.end
    }

    /// The bytes at which the set begins or ends: those that are members where the byte before is none, or the other way round.
    pub(super) fn edges(self) -> ByteSet {
        let mut before = 0;
        let bits = self.bits.map(|word| {
            let edges = word ^ (word << 1 | before);
            before = word >> 63;
            edges
        });
        ByteSet { bits, end: false }
    }

    pub(super) fn union(mut self, other: ByteSet) -> ByteSet {
        self.bits
            .iter_mut()
            .zip(other.bits)
            .for_each(|(mine, theirs)| *mine |= theirs);
        self.end |= other.end;
        self
    }

    pub(super) fn intersect(mut self, other: ByteSet) -> ByteSet {
        self.bits
            .iter_mut()
            .zip(other.bits)
            .for_each(|(mine, theirs)| *mine &= theirs);
        self.end &= other.end;
        self
    }

    /// What is left without the members of `other`.
    pub(super) fn without(mut self, other: ByteSet) -> ByteSet {
        self.bits
            .iter_mut()
            .zip(other.bits)
            .for_each(|(mine, theirs)| *mine &= !theirs);
        self.end &= !other.end;
        self
    }

    /// The members that are characters of their own.
    pub(super) fn ascii(mut self) -> ByteSet {
        (self.bits[2], self.bits[3]) = (0, 0);
        self
    }

    /// How many bytes are members, the end of the text left out.
    pub(super) fn len(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == ByteSet::EMPTY
    }

    pub(super) fn is_disjoint(&self, other: ByteSet) -> bool {
        self.intersect(other).is_empty()
    }

    /// The member bytes, the end of the text left out.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let words = [0u8, 64, 128, 192].into_iter().zip(self.bits);
        words.flat_map(|(first, mut word)| {
            std::iter::from_fn(move || {
                let lowest = word.trailing_zeros() as u8;
                word &= word.checked_sub(1)?;
                Some(first + lowest)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_where_membership_changes() {
        let sets = [
            CharClass::range('a', 'z'),
            CharClass::range('\0', '\x3f'),
            CharClass::range('\x3f', '\x40'),
            CharClass::range('\u{7f}', 'é'),
            CharClass::any(),
        ];
        for set in sets.map(|class| ByteSet::of_class(&class)) {
            let is_edge = |byte: &u8| {
                let before = byte
                    .checked_sub(1)
                    .is_some_and(|before| set.contains(before));
                set.contains(*byte) != before
            };
            let edges: Vec<u8> = (0..=u8::MAX).filter(is_edge).collect();
            assert_eq!(set.edges().bytes().collect::<Vec<_>>(), edges);
            assert!(!edges.is_empty());
        }
    }

    #[test]
    fn classes_contribute_their_first_bytes() {
        let set = ByteSet::of_class(&CharClass::range('a', 'é'));
        assert!(
            set.contains(b'a') && set.contains(b'z') && set.contains(0xc2) && set.contains(0xc3)
        );
        assert!(!set.contains(0x80) && !set.contains(0xc4) && !set.contains_end());
        assert!(
            ByteSet::of_class(&CharClass::any())
                .without(ByteSet::ALL)
                .is_empty()
        );
        for (first, last) in [
            (0, 0),
            (0, 63),
            (63, 64),
            (10, 127),
            (1, 255),
            (192, 255),
            (255, 255),
        ] {
            let mut set = ByteSet::EMPTY;
            set.insert_range(first, last);
            assert!(set.bytes().eq(first..=last), "{first} to {last}");
        }
    }
}
