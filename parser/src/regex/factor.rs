//! A short sequence of byte sets, and how often it is found in log lines.

use super::byteset::ByteSet;
use std::sync::LazyLock;

/// The longest factor, in bytes.
pub(super) const LONGEST: usize = 6;

/// The sets of a factor's bytes, one after the other. An empty one says nothing.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    sets: [ByteSet; LONGEST],
    length: usize,
}

impl Factor {
    pub(super) const EMPTY: Factor = Factor {
        sets: [ByteSet::EMPTY; LONGEST],
        length: 0,
    };

    pub(super) fn sets(&self) -> &[ByteSet] {
        &self.sets[..self.length]
    }

    /// Its first sets, so many at most.
    pub(super) fn first(&self, sets: usize) -> Factor {
        let length = self.length.min(sets);
        Factor { length, ..*self }
    }

    /// Whether it is found wherever the other is.
    pub(super) fn covers(&self, other: &Factor) -> bool {
        let mut sets = self.sets().iter().zip(other.sets());
        self.length <= other.length && sets.all(|(mine, theirs)| theirs.without(*mine).is_empty())
    }

    /// Whether the two differ in one set alone, so that together they are found nowhere else.
    pub(super) fn is_one_with(&self, other: &Factor) -> bool {
        let sets = self.sets().iter().zip(other.sets());
        self.length == other.length && sets.filter(|(mine, theirs)| mine != theirs).count() == 1
    }

    /// What is found wherever one of the two is.
    pub(super) fn or(&self, other: &Factor) -> Factor {
        let sets = self.sets().iter().zip(other.sets());
        sets.map(|(mine, theirs)| mine.union(*theirs)).collect()
    }

    /// How many bytes the two together have that only one of them has; those that are cut off count most.
    pub(super) fn bytes_beside(&self, other: &Factor) -> u32 {
        let sets = self.sets().iter().zip(other.sets());
        let beside =
            sets.map(|(mine, theirs)| 2 * mine.union(*theirs).len() - mine.len() - theirs.len());
        beside.sum::<u32>() + 256 * self.length.abs_diff(other.length) as u32
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        let is_here = |bytes: &[u8]| {
            let mut sets = self.sets().iter().zip(bytes);
            sets.all(|(set, &byte)| set.contains(byte))
        };
        self.length == 0 || text.windows(self.length).any(is_here)
    }

    /// At how many of the bytes of log lines it begins, roughly: the share.
    pub(super) fn frequency(&self) -> f32 {
        /// Characters of a kind mostly come several at a time.
        const AGAIN: f32 = 0.6;
        let mut before = ByteSet::EMPTY;
        let share = |&set: &ByteSet| {
            let share = share(set);
            let is_more_of_it = !set.is_disjoint(before);
            before = set;
            if is_more_of_it {
                share.max(AGAIN)
            } else {
                share
            }
        };
        self.sets().iter().map(share).product()
    }
}

impl FromIterator<ByteSet> for Factor {
    /// Of the first sets, as many as a factor may have.
    fn from_iter<I: IntoIterator<Item = ByteSet>>(sets: I) -> Factor {
        let mut factor = Factor::EMPTY;
        for (place, set) in factor.sets.iter_mut().zip(sets) {
            *place = set;
            factor.length += 1;
        }
        factor
    }
}

/// Of a hundred thousand bytes of log lines, how many are one of these: of the order of it. Other bytes are rare.
const FREQUENCIES: [(&[u8], u32); 8] = [
    (b" ", 9_000),
    (b"aeinorst", 2_800),
    (b"0123456789", 2_500),
    (b"./-:", 2_300),
    (b"bcdfghjklmpquvwxyz", 1_000),
    (b"\"=_,", 800),
    (b"()[];", 450),
    (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 350),
];

/// Of the bytes of log lines, the share that is in the set.
fn share(set: ByteSet) -> f32 {
    static SETS: LazyLock<[(ByteSet, u32); 8]> = LazyLock::new(|| {
        FREQUENCIES.map(|(bytes, each)| {
            let sets = bytes.iter().map(|&byte| ByteSet::of_byte(byte));
            (sets.fold(ByteSet::EMPTY, ByteSet::union), each)
        })
    });
    let known = SETS
        .iter()
        .map(|(bytes, each)| each * set.intersect(*bytes).len());
    let share = (known.sum::<u32>() + 10 * set.len()) as f32 / 100_000.0;
    share.min(1.0)
}
