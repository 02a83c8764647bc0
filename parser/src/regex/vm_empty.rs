//! The part of the matcher that says what an empty iteration of a loop means.
//!
//! It ends its loop, lest that goes on for ever. Where the loop holds captures, Oniguruma looks at what those that the
//! iteration has set had captured before: if that was nothing at all or some text, the iteration counts and the loop goes
//! on; if it was an empty text at another place, the way taken fails.

use super::program::{Pc, Watched};
use super::vm::{Frame, Machine, NONE};

/// What comes after an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Iteration {
    /// Another one, or what follows the loop.
    Goes,
    /// What follows the loop.
    Empty,
    /// Nothing.
    Fails,
}

impl Watched {
    /// Bits for each capture and each loop around an operation in what tells states apart, of the 24 that a memory takes.
    const BITS: u32 = 2;
    /// Each multiplies the states that there may be by three: with more, hostile lines would not be bounded well.
    pub(super) const MOST_GROUPS: usize = 3;
    pub(super) const MOST_LOOPS: usize = 2;
}

impl<const MEMO: bool> Machine<'_, '_, MEMO> {
    #[inline]
    pub(super) fn begin_iteration(&mut self, slot: u16, captures: bool, at: usize) {
        let old = std::mem::replace(&mut self.slots[usize::from(slot)], at as u32);
        // What an iteration has captured is told by what is on the stack since it began.
        if captures || !self.stack.is_empty() {
            let slot = u32::from(slot);
            self.stack.push(Frame::Restore { slot, old });
        }
    }

    #[inline]
    pub(super) fn iteration(&self, slot: u16, captures: bool, at: usize) -> Iteration {
        match self.slots[usize::from(slot)] == at as u32 {
            false => Iteration::Goes,
            true if captures => self.empty_iteration(slot, at),
            true => Iteration::Empty,
        }
    }

    /// What the captures say that were set since the iteration began, which was here.
    fn empty_iteration(&self, slot: u16, at: usize) -> Iteration {
        let captures = 2 * self.program.groups as u32;
        let begins = |frame: &Frame| matches!(frame, Frame::Restore { slot: begun, .. } if *begun == u32::from(slot));
        let since = self.stack.iter().rposition(begins).unwrap_or(0);
        let frames = &self.stack[since..];
        let mut outcome = Iteration::Empty;
        for (number, frame) in frames.iter().enumerate() {
            let Frame::Restore { slot, old: begin } = *frame else {
                continue;
            };
            if !(2..captures).contains(&slot) || slot % 2 == 1 {
                continue;
            }
            let end = frames[number..].iter().find_map(|frame| match *frame {
                Frame::Restore { slot: end, old } if end == slot + 1 => Some(old),
                _ => None,
            });
            let end = end.unwrap_or(self.slots[slot as usize + 1]);
            if end == NONE || begin != end {
                return Iteration::Goes;
            }
            if end != at as u32 {
                outcome = Iteration::Fails;
            }
        }
        outcome
    }

    /// What of the captures in loops tells this state from others at the same place; `None` where that cannot be told.
    #[inline]
    pub(super) fn captured(&self, pc: Pc, at: usize) -> Option<u32> {
        match &self.program.watched[pc as usize] {
            None => Some(0),
            Some(watched) => self.captured_of(watched, at, true),
        }
    }

    /// The same for all ends of a run that begins at `at` but its beginning.
    #[inline]
    pub(super) fn captured_beyond(&self, pc: Pc, at: usize) -> Option<u32> {
        match &self.program.watched[pc as usize] {
            None => Some(0),
            Some(watched) => self.captured_of(watched, at, false),
        }
    }

    fn captured_of(&self, watched: &Watched, at: usize, is_here: bool) -> Option<u32> {
        let mut bits = 0;
        for &slot in &watched.groups[..] {
            let slot = usize::from(slot);
            let (begin, end) = (self.slots[slot], self.slots[slot + 1]);
            if begin != NONE && begin > at as u32 {
                return None; // of a look-ahead
            }
            let begins_here = is_here && begin == at as u32;
            let is_empty = begin == end && begin != NONE;
            bits = bits << Watched::BITS | u32::from(begins_here) << 1 | u32::from(is_empty);
        }
        for &slot in &watched.loops[..] {
            let iteration = match is_here {
                true => self.iteration(slot, true, at),
                false => Iteration::Goes,
            };
            bits = bits << Watched::BITS | iteration as u32;
        }
        Some(bits)
    }

    /// Whether a state of a run that takes nothing at `at` is another than those of a run that takes something.
    pub(super) fn is_special(&self, pc: Pc, at: usize) -> bool {
        let watched = self.program.watched[pc as usize].as_deref();
        let mut groups = watched.iter().flat_map(|watched| &watched.groups[..]);
        self.empty_iterations(pc, at) != 0
            || groups.any(|&slot| self.slots[usize::from(slot)] == at as u32)
    }
}
