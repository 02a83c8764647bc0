//! The part of the matcher that runs over classes: how far, and where it leaves a run that may end in several places.

use super::program::{Pc, Run, UNBOUNDED};
use super::table::ClassTable;
use super::vm::{Frame, Machine};

/// Scans count as steps by this many bytes.
const BYTES_PER_STEP: usize = 32;

impl<'a, const MEMO: bool> Machine<'a, '_, MEMO> {
    /// The end of the run at `at`, of the operation at `pc`.
    #[inline(always)]
    pub(super) fn run_end(&mut self, class: &ClassTable, pc: Pc, at: usize, max: u32) -> usize {
        if MEMO && max == UNBOUNDED {
            return self.known_run_end(class, pc, at);
        }
        let end = class.run_end(self.text, at, max);
        self.owe_for(end - at);
        end
    }

    /// The end of an unbounded run: scanned once for all positions in it.
    fn known_run_end(&mut self, class: &ClassTable, pc: Pc, at: usize) -> usize {
        let stretch = self.memo.run(pc, self.program.scopes[pc as usize]);
        if !stretch.covers(at) {
            let known = stretch.begin <= stretch.end && at < stretch.begin as usize;
            // Only up to the stretch that is known.
            let text = if known {
                &self.text[..stretch.begin as usize]
            } else {
                self.text
            };
            let end = class.run_end(text, at, UNBOUNDED);
            if !known || end < text.len() {
                (stretch.end, stretch.from, stretch.to) = (end as u32, 1, 0);
            }
            stretch.begin = at as u32;
        }
        let end = stretch.end as usize;
        self.meter.owe(((end - at) / BYTES_PER_STEP).min(1) as u64);
        end
    }

    #[inline(always)]
    pub(super) fn owe_for(&mut self, scanned: usize) {
        if scanned >= BYTES_PER_STEP {
            self.meter.owe((scanned / BYTES_PER_STEP) as u64);
        }
    }

    #[inline(always)]
    pub(super) fn enter_greedy(&mut self, index: u16, pc: Pc, at: usize) -> Option<usize> {
        let program = self.program;
        let run = &program.runs[usize::from(index)];
        let class = &program.classes[usize::from(run.class)];
        let low = class.skip(self.text, at, run.min)?;
        if !MEMO && run.max == 1 {
            let next = &program.nexts[usize::from(run.next)];
            if let Some(end) = class.step(self.text, low).filter(|_| run.min == 0)
                && next.admits(self.bytes, end)
                && self.literal_follows(run, end)
            {
                self.may_give_back(index, pc, low, end);
                return Some(end);
            }
            return (next.admits(self.bytes, low) && self.literal_follows(run, low)).then_some(low);
        }
        let left = if run.max == UNBOUNDED {
            UNBOUNDED
        } else {
            run.max - run.min
        };
        let end = self.run_end(class, pc, low, left);
        self.leave_greedy(index, pc, low, end + 1)
    }

    /// The last position from `low` to before `top` where the run may end; leaves a frame for those before it.
    #[inline(always)]
    pub(super) fn leave_greedy(
        &mut self,
        index: u16,
        pc: Pc,
        low: usize,
        top: usize,
    ) -> Option<usize> {
        let run = &self.program.runs[usize::from(index)];
        let at = if MEMO {
            self.leave_greedy_once(run, pc, low, top)?
        } else {
            self.give_back(run, low, top)?
        };
        if at > low {
            self.may_give_back(index, pc, low, at);
        }
        Some(at)
    }

    #[inline(always)]
    pub(super) fn may_give_back(&mut self, run: u16, pc: Pc, low: usize, end: usize) {
        self.stack.push(Frame::Greedy {
            run,
            pc,
            low: low as u32,
            end: end as u32,
        });
    }

    /// The same without the positions at which this run was left before, in vain.
    fn leave_greedy_once(
        &mut self,
        run: &Run,
        pc: Pc,
        low: usize,
        mut top: usize,
    ) -> Option<usize> {
        if run.max != UNBOUNDED {
            loop {
                let at = self.give_back(run, low, top)?;
                if !self.tried(pc, at) {
                    return Some(at);
                }
                top = at;
            }
        }
        // Where taking nothing makes an empty iteration, that is a state of its own.
        let empty = self.empty_iterations(pc, low) != 0;
        let class = &self.program.classes[usize::from(run.class)];
        let floor = match empty {
            true => class.step(self.text, low).unwrap_or(low + 1),
            false => low,
        };
        let scope = self.program.scopes[pc as usize];
        let stretch = *self.memo.run(pc, scope);
        let mut below = top;
        if stretch.covers(low) && stretch.from <= stretch.to {
            below = below.min(stretch.from as usize);
        }
        let at = self.give_back(run, floor, below);
        let stretch = self.memo.run(pc, scope);
        if stretch.covers(low) && floor <= stretch.end as usize {
            let tried = at.unwrap_or(floor) as u32;
            let known = stretch.from <= stretch.to;
            stretch.from = if known {
                tried.min(stretch.from)
            } else {
                tried
            };
            stretch.to = stretch.end;
        }
        if at.is_some() || !empty {
            return at;
        }
        let at = self.give_back(run, low, floor.min(top))?;
        (!self.tried(pc, at)).then_some(at)
    }

    /// The last position from `low` to before `top` that what follows admits.
    #[inline(always)]
    fn give_back(&mut self, run: &Run, low: usize, top: usize) -> Option<usize> {
        let next = &self.program.nexts[usize::from(run.next)];
        let mut below = top;
        loop {
            let at = next.find_last(self.bytes, low, below);
            match at {
                Some(at) if !self.literal_follows(run, at) => below = at,
                _ => {
                    self.owe_for(top.saturating_sub(at.unwrap_or(low)));
                    return at;
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn literal_follows(&self, run: &Run, at: usize) -> bool {
        run.literal.length == 0 || run.literal.skip(self.bytes, at).is_some()
    }

    #[inline(always)]
    pub(super) fn enter_lazy(&mut self, index: u16, pc: Pc, at: usize) -> Option<usize> {
        let run = &self.program.runs[usize::from(index)];
        let from = self.program.classes[usize::from(run.class)].skip(self.text, at, run.min)?;
        let left = if run.max == UNBOUNDED {
            UNBOUNDED
        } else {
            run.max - run.min
        };
        self.leave_lazy(index, pc, from, left)
    }

    /// The same for a run that ended at `at` in vain.
    pub(super) fn leave_lazy_later(
        &mut self,
        index: u16,
        pc: Pc,
        at: usize,
        left: u32,
    ) -> Option<usize> {
        let run = &self.program.runs[usize::from(index)];
        let further = self.program.classes[usize::from(run.class)].step(self.text, at)?;
        let left = left - u32::from(left != UNBOUNDED);
        self.leave_lazy(index, pc, further, left)
    }

    /// The first position from `at` where the run may end, within `left` characters; leaves a frame for those after it.
    #[inline(always)]
    pub(super) fn leave_lazy(&mut self, index: u16, pc: Pc, at: usize, left: u32) -> Option<usize> {
        let run = &self.program.runs[usize::from(index)];
        let (end, left) = match MEMO {
            true => self.leave_lazy_once(run, pc, at, left)?,
            false => self.take_more(run, at, left).ok()?,
        };
        if left > 0 {
            self.may_take_more(index, pc, end, left);
        }
        Some(end)
    }

    #[inline(always)]
    pub(super) fn may_take_more(&mut self, run: u16, pc: Pc, at: usize, left: u32) {
        self.stack.push(Frame::Lazy {
            run,
            pc,
            at: at as u32,
            left,
        });
    }

    fn leave_lazy_once(
        &mut self,
        run: &Run,
        pc: Pc,
        mut at: usize,
        mut left: u32,
    ) -> Option<(usize, u32)> {
        let program = self.program;
        let class = &program.classes[usize::from(run.class)];
        let scope = program.scopes[pc as usize];
        if run.max != UNBOUNDED {
            loop {
                let (end, rest) = self.take_more(run, at, left).ok()?;
                if !self.tried(pc, end) {
                    return Some((end, rest));
                }
                if rest == 0 {
                    return None;
                }
                (at, left) = (class.step(self.text, end)?, rest - 1);
            }
        }
        // Where taking nothing makes an empty iteration, that is a state of its own.
        if self.empty_iterations(pc, at) != 0 {
            if self.take_more(run, at, 0).is_ok() && !self.tried(pc, at) {
                return Some((at, left));
            }
            at = class.step(self.text, at)?;
        }
        let begin = at as u32;
        let stretch = *self.memo.run(pc, scope);
        let mut inside = stretch.from <= begin && begin <= stretch.to;
        if stretch.from <= stretch.to && stretch.from <= begin {
            let after = class.step(self.text, stretch.to as usize);
            if inside {
                at = after?;
            }
            inside |= after == Some(at);
        }
        let outcome = self.take_more(run, at, left);
        let stretch = self.memo.run(pc, scope);
        stretch.from = if inside { stretch.from } else { begin };
        stretch.to = match outcome {
            Ok((end, _)) => end as u32,
            Err(end) => end as u32,
        };
        outcome.ok()
    }

    /// Takes as few characters from `at` as what follows admits: where that is, and how many more may be taken. If
    /// nothing is admitted, where the run ended.
    #[inline(always)]
    fn take_more(
        &mut self,
        run: &Run,
        mut at: usize,
        mut left: u32,
    ) -> Result<(usize, u32), usize> {
        let class = &self.program.classes[usize::from(run.class)];
        let next = &self.program.nexts[usize::from(run.next)];
        let begin = at;
        loop {
            if left == UNBOUNDED {
                at = run.stops.find(self.bytes, at);
            }
            if next.admits(self.bytes, at) && self.literal_follows(run, at) {
                self.owe_for(at - begin);
                return Ok((at, left));
            }
            let further = if left == 0 {
                None
            } else {
                class.step(self.text, at)
            };
            let Some(further) = further else {
                self.owe_for(at - begin);
                return Err(at);
            };
            at = further;
            left -= u32::from(left != UNBOUNDED);
        }
    }
}
