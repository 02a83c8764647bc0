//! What has already failed: the memory that keeps hostile lines near-linear.
//!
//! Without back references, whether the rest of the pattern matches depends only on where in the program and in the text
//! the matcher stands. So a state that failed need not be tried again, from whichever way or start position it is
//! reached. Two memories hold such states: for runs without upper bound, per operation, the stretch of positions at
//! which the run was left in vain; for everything else a lossy table of fixed size, so memory stays bounded.
//!
//! Where an iteration of a loop that may be empty has begun matters too, but only whether it began right here: empty
//! iterations end their loop.
//!
//! Inside of atomic groups and look-arounds "failed" means "did not reach the end of the group". That holds until the
//! group is left by its end: what was on the way there did not fail, so then all that is known of the group is
//! forgotten (its epoch advances).

use super::program::{Pc, Program};

/// Most entries of the table, 16 bytes each.
const MAX_ENTRIES: usize = 1 << 19;

/// Entries of one position, as powers of two: how many more the table has for it, and over how many its states are spread,
/// which are then also those of the positions after it. Few, so that what a search looks at is in the cache of the
/// processor: that is what its steps cost.
const MAX_OWN_BITS: u32 = 3;
const SPREAD_BITS: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct Memo {
    /// State and the epoch in which it failed.
    entries: Vec<(u64, u64)>,
    /// How many entries are in use, less one: a power of two.
    mask: usize,
    /// Entries that a position has for itself, as a power of two.
    own_bits: u32,
    /// Per scope the epoch that holds now.
    epochs: Vec<u64>,
    last_epoch: u64,
    /// Per operation what is known of its run.
    runs: Vec<Stretch>,
}

/// A maximal run of a class, and the stretch of positions in it at which the run was left already. An empty stretch
/// has its `from` beyond its `to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    epoch: u64,
    pub(super) begin: u32,
    pub(super) end: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Stretch {
    const UNKNOWN: Stretch = Stretch {
        epoch: 0,
        begin: 1,
        end: 0,
        from: 1,
        to: 0,
    };

    /// Whether this is about the run around `at`.
    pub(super) fn covers(&self, at: usize) -> bool {
        self.begin as usize <= at && at <= self.end as usize
    }
}

impl Memo {
    /// Forgets everything, for a search in a text of this length.
    pub(super) fn begin(&mut self, program: &Program, length: usize) {
        // Positions close to each other have their entries close to each other, since a search goes through the text from
        // its beginning to its end. Of a long text, those far from each other share entries.
        self.own_bits = program
            .choices
            .next_power_of_two()
            .ilog2()
            .min(MAX_OWN_BITS);
        let wanted = ((length + 1) << self.own_bits) + (1 << SPREAD_BITS);
        let wanted = wanted.next_power_of_two().min(MAX_ENTRIES);
        self.mask = wanted - 1;
        if self.entries.len() < wanted {
            self.entries.clear();
            self.entries.resize(wanted, (0, 0));
        }
        self.epochs.clear();
        for _ in 0..program.scope_count {
            self.last_epoch += 1;
            self.epochs.push(self.last_epoch);
        }
        self.runs.clear();
        self.runs.resize(program.ops.len(), Stretch::UNKNOWN);
    }

    /// Notes that this state is tried; true if it was tried before, in vain. `empty` tells which of the iterations
    /// around it are empty so far.
    #[inline]
    pub(super) fn tried(&mut self, pc: Pc, at: usize, scope: u16, empty: u16) -> bool {
        let key = (at as u64) << 32 | u64::from(empty) << 16 | u64::from(pc as u16);
        let epoch = self.epochs[usize::from(scope)];
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let offset = spread >> (64 - SPREAD_BITS);
        let index = ((at << self.own_bits) + offset as usize) & self.mask;
        std::mem::replace(&mut self.entries[index], (key, epoch)) == (key, epoch)
    }

    /// The scope was left by its end.
    pub(super) fn left(&mut self, scope: u16) {
        self.last_epoch += 1;
        self.epochs[usize::from(scope)] = self.last_epoch;
    }

    /// What is known of the run of this operation. The run itself is known across epochs, what was tried is not.
    pub(super) fn run(&mut self, pc: Pc, scope: u16) -> &mut Stretch {
        let epoch = self.epochs[usize::from(scope)];
        let stretch = &mut self.runs[pc as usize];
        if stretch.epoch != epoch {
            *stretch = Stretch {
                epoch,
                from: 1,
                to: 0,
                ..*stretch
            };
        }
        stretch
    }
}
