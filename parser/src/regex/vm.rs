//! The matcher: runs a program over a text from one start position, with an explicit stack of choices.
//!
//! Positions are always at character boundaries. Nothing here recurses or allocates, but for the growth of the stack.

use super::known::Found;
use super::memo::Memo;
use super::program::{AT_END, FAIL, Known, NO_BYTE, Op, Pc, Program};
use super::search::{Meter, Scratch, Stop};

/// A slot that is not set.
pub(super) const NONE: u32 = u32::MAX;

/// What to do when the way taken fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    /// Go on at `pc` from `at`; no slot from `reset` on had been set.
    Branch { pc: Pc, at: u32, reset: u16 },
    /// Give back from a greedy run: positions from `low` to before `end` are left to try.
    Greedy {
        run: u16,
        pc: Pc,
        low: u32,
        end: u32,
    },
    /// Take more with a lazy run: it ended at `at` in vain and may take up to `left` more characters from there.
    Lazy {
        run: u16,
        pc: Pc,
        at: u32,
        left: u32,
    },
    /// Set a slot back.
    Restore { slot: u32, old: u32 },
}

/// Where to go on: small enough for a register.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pc: Pc,
    at: u32,
}

impl Way {
    pub(super) const FAILED: Way = Way { pc: FAIL, at: 0 };

    #[inline(always)]
    pub(super) fn to(pc: Pc, at: usize) -> Way {
        Way { pc, at: at as u32 }
    }

    /// With the operation after this one, if there is a position.
    #[inline(always)]
    fn after(pc: Pc, at: Option<usize>) -> Way {
        at.map_or(Way::FAILED, |at| Way::to(pc + 1, at))
    }
}

/// As many slots as are set at once, without a call.
const FEW_SLOTS: usize = 32;

/// The first so many slots, none of them set.
#[inline(always)]
fn unset(slots: &mut Vec<u32>, count: usize) -> &mut [u32] {
    if slots.len() < count.max(FEW_SLOTS) {
        slots.resize(count.max(FEW_SLOTS), NONE);
    }
    if let Some((few, others)) = slots.split_first_chunk_mut::<FEW_SLOTS>() {
        *few = [NONE; FEW_SLOTS];
        if count > FEW_SLOTS {
            others[..count - FEW_SLOTS].fill(NONE);
        }
    }
    &mut slots[..count]
}

/// With `MEMO` it remembers what failed; without, it is faster as long as little fails.
pub(super) struct Machine<'a, 'm, const MEMO: bool> {
    pub(super) program: &'a Program,
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) search_start: usize,
    pub(super) stack: &'a mut Vec<Frame>,
    pub(super) slots: &'a mut [u32],
    pub(super) meter: &'a mut Meter<'m>,
    pub(super) memo: &'a mut Memo,
}

impl<'a, 'm, const MEMO: bool> Machine<'a, 'm, MEMO> {
    pub(super) fn new(
        program: &'a Program,
        text: &'a str,
        search_start: usize,
        scratch: &'a mut Scratch,
        meter: &'a mut Meter<'m>,
    ) -> Machine<'a, 'm, MEMO> {
        let Scratch {
            stack, slots, memo, ..
        } = scratch;
        stack.clear();
        let slots = unset(slots, program.slots);
        Machine {
            program,
            text,
            bytes: text.as_bytes(),
            search_start,
            stack,
            slots,
            meter,
            memo,
        }
    }

    /// Whether the program matches from `start`; the spans are then in the slots.
    #[inline(always)]
    pub(super) fn run(&mut self, start: usize) -> Result<bool, Stop> {
        self.slots[0] = start as u32;
        // Most lines that match are fields up to their end.
        let way = self.through_fields(Way::to(FAIL + 1, start));
        match self.is_match(way) {
            true => Ok(true),
            false => self.go_on(way),
        }
    }

    /// The same from here.
    #[inline(never)]
    fn go_on(&mut self, mut way: Way) -> Result<bool, Stop> {
        let program = self.program;
        loop {
            if self.meter.is_overdue() {
                self.meter.ask()?;
            } else {
                if way.pc != FAIL {
                    way = self.other(&program.ops[way.pc as usize], way.pc, way.at as usize);
                }
                if way.pc == FAIL {
                    match self.backtrack()? {
                        Some(back) => way = back,
                        None => return Ok(false),
                    }
                }
            }
            way = self.through_fields(way);
            if self.is_match(way) {
                return Ok(true);
            }
        }
    }

    /// Past the fields that come next, if what failed is not remembered: that is by states of the operations joined.
    #[inline(always)]
    fn through_fields(&mut self, way: Way) -> Way {
        match MEMO {
            true => way,
            false => self.fields(way.pc, way.at as usize),
        }
    }

    /// Whether this is the end; then the span of the match is noted.
    #[inline(always)]
    fn is_match(&mut self, way: Way) -> bool {
        let matched = matches!(self.program.ops[way.pc as usize], Op::Match);
        if matched {
            self.slots[1] = way.at;
            // `\K` in a look-ahead can stand beyond the end.
            self.slots[0] = self.slots[0].min(way.at);
        }
        matched
    }

    /// An operation, when what failed is remembered; else one that few lines come by often.
    #[inline(never)]
    fn other(&mut self, op: &Op, pc: Pc, at: usize) -> Way {
        let program = self.program;
        match *op {
            Op::Field => match program.fields[pc as usize].joined {
                Op::Known(_) => Way::to(pc + 1, at),
                joined => Way::after(pc, self.step(joined, pc, at)),
            },
            Op::Known(known) => {
                let known = &program.knowns[usize::from(known)];
                match self.known(known, pc + 1, at) {
                    Found::End(end) => Way::to(known.next, end),
                    Found::Nothing => Way::FAILED,
                    Found::Unsure => Way::to(pc + 1, at),
                }
            }
            Op::Jump(to) => Way::to(to, at),
            Op::Dispatch(table) => Way::to(self.dispatched(table, at), at),
            Op::Loop(table) => {
                self.meter.owe(1);
                if MEMO && self.tried(pc, at) {
                    return Way::FAILED;
                }
                Way::to(self.dispatched(table, at), at)
            }
            Op::Split { first, second } => {
                if MEMO && self.tried(pc, at) {
                    return Way::FAILED;
                }
                self.choose(pc, second, at);
                Way::to(first, at)
            }
            Op::IterationEnd { slot, exit } => match self.slots[usize::from(slot)] == at as u32 {
                true => Way::to(exit, at),
                false => Way::to(pc + 1, at),
            },
            Op::NegativeEnd { slot, scope } => {
                if MEMO {
                    self.memo.left(scope);
                }
                self.unwind(self.slots[usize::from(slot)] as usize);
                Way::FAILED
            }
            op => Way::after(pc, self.step(op, pc, at)),
        }
    }

    /// Where a dispatch on the next byte leads.
    #[inline(always)]
    pub(super) fn dispatched(&self, table: u16, at: usize) -> Pc {
        let entry = self
            .bytes
            .get(at)
            .map_or(NO_BYTE, |&byte| usize::from(byte));
        Pc::from(self.program.dispatches[usize::from(table)][entry])
    }

    /// Notes that the choice at `pc` may also go on at `second`.
    #[inline(always)]
    pub(super) fn choose(&mut self, pc: Pc, second: Pc, at: usize) {
        self.stack.push(Frame::Branch {
            pc: second,
            at: at as u32,
            reset: self.program.resets[pc as usize],
        });
    }

    /// An operation that goes on with the next one, at the position returned, or fails.
    #[inline(always)]
    fn step(&mut self, op: Op, pc: Pc, at: usize) -> Option<usize> {
        let program = self.program;
        match op {
            Op::Byte(byte) => (self.bytes.get(at) == Some(&byte)).then_some(at + 1),
            Op::Literal(literal) => {
                let literal = &program.literals[usize::from(literal)];
                self.bytes
                    .get(at..)?
                    .starts_with(literal)
                    .then(|| at + literal.len())
            }
            Op::Class(class) => program.classes[usize::from(class)].step(self.text, at),
            Op::Run { class, min, max } => {
                let class = &program.classes[usize::from(class)];
                let end = self.run_end(class, pc, at, max);
                if min > 0 && (end == at || (min > 1 && class.skip(self.text, at, min).is_none())) {
                    return None;
                }
                Some(end)
            }
            Op::RunGreedy(run) => self.enter_greedy(run, pc, at),
            Op::RunLazy(run) => self.enter_lazy(run, pc, at),
            Op::Save(slot) => {
                self.slots[usize::from(slot)] = at as u32;
                Some(at)
            }
            Op::SaveUndo(slot) => {
                self.set(slot, at as u32);
                Some(at)
            }
            Op::IterationStart(slot) => {
                self.set(slot, at as u32);
                Some(at)
            }
            Op::Keep => {
                self.set(0, at as u32);
                Some(at)
            }
            Op::ScopeStart { slot, look } => {
                self.slots[usize::from(slot)] = self.stack.len() as u32;
                if look {
                    self.slots[usize::from(slot) + 1] = at as u32;
                }
                Some(at)
            }
            Op::ScopeEnd { slot, scope, look } => {
                if MEMO {
                    self.memo.left(scope);
                }
                self.commit(self.slots[usize::from(slot)] as usize);
                Some(if look {
                    self.slots[usize::from(slot) + 1] as usize
                } else {
                    at
                })
            }
            Op::NegativeStart { slot, otherwise } => {
                self.slots[usize::from(slot)] = self.stack.len() as u32;
                self.stack.push(Frame::Branch {
                    pc: otherwise,
                    at: at as u32,
                    reset: program.resets[pc as usize],
                });
                Some(at)
            }
            Op::Backref(backref) => self.backref(&program.backrefs[usize::from(backref)], at),
            op => self.assertion(op, at),
        }
    }

    /// A known sub-pattern at `at`. Where it may have other ends, the generic code is what to go back to.
    #[inline(always)]
    pub(super) fn known(&mut self, known: &Known, generic: Pc, at: usize) -> Found {
        let found = self.known_without_captures(known, generic, at);
        if let Found::End(end) = found {
            for &(slot, offset) in &known.inside {
                let place = match offset {
                    AT_END => end,
                    _ => at + usize::from(offset),
                };
                self.slots[usize::from(slot)] = place as u32;
            }
        }
        found
    }

    #[inline(always)]
    pub(super) fn known_without_captures(
        &mut self,
        known: &Known,
        generic: Pc,
        at: usize,
    ) -> Found {
        // What failed is remembered by states of the generic code.
        if MEMO {
            return Found::Unsure;
        }
        let found = known.matcher.find(self.text, at);
        if let Found::End(end) = found {
            self.owe_for(end - at);
        }
        if matches!(found, Found::End(_)) && !known.settled {
            self.stack.push(Frame::Branch {
                pc: generic,
                at: at as u32,
                reset: self.program.resets[generic as usize],
            });
        }
        found
    }

    /// Whether this state failed before; from now on it counts as tried.
    #[inline]
    pub(super) fn tried(&mut self, pc: Pc, at: usize) -> bool {
        let empty = self.empty_iterations(pc, at);
        self.memo
            .tried(pc, at, self.program.scopes[pc as usize], empty)
    }

    /// Which of the loop iterations around the operation began right here, as bits.
    #[inline]
    pub(super) fn empty_iterations(&self, pc: Pc, at: usize) -> u16 {
        let Some(slots) = &self.program.iterations[pc as usize] else {
            return 0;
        };
        slots.iter().fold(0, |bits, &slot| {
            bits << 1 | u16::from(self.slots[usize::from(slot)] == at as u32)
        })
    }

    /// Sets a slot; if there is a choice to go back to, notes how to undo it.
    #[inline(always)]
    pub(super) fn set(&mut self, slot: u16, value: u32) {
        let place = &mut self.slots[usize::from(slot)];
        let old = std::mem::replace(place, value);
        if !self.stack.is_empty() {
            self.stack.push(Frame::Restore {
                slot: u32::from(slot),
                old,
            });
        }
    }

    /// Drops the choices above `height`, not the notes that undo slots.
    fn commit(&mut self, height: usize) {
        let mut kept = height;
        for at in height..self.stack.len() {
            if let frame @ Frame::Restore { .. } = self.stack[at] {
                self.stack[kept] = frame;
                kept += 1;
            }
        }
        self.stack.truncate(kept);
    }

    /// Drops everything above `height` and undoes the slots. The lowest frame is that of the look-around.
    fn unwind(&mut self, height: usize) {
        let mut lowest = u16::MAX;
        for frame in self.stack.drain(height..).rev() {
            match frame {
                Frame::Restore { slot, old } => self.slots[slot as usize] = old,
                Frame::Branch { reset, .. } => lowest = reset,
                _ => {}
            }
        }
        self.reset(lowest);
    }

    /// Makes the captures unset that come later in the pattern than a choice gone back to.
    #[inline]
    fn reset(&mut self, from: u16) {
        let captures = 2 * self.program.groups;
        if let Some(later) = self.slots.get_mut(usize::from(from)..captures) {
            later.fill(NONE);
        }
    }

    /// The next way on: where to continue, or `None` if all ways have failed.
    fn backtrack(&mut self) -> Result<Option<Way>, Stop> {
        let program = self.program;
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::Restore { slot, old } => self.slots[slot as usize] = old,
                Frame::Branch { pc, at, reset } => {
                    self.meter.spend(1)?;
                    self.reset(reset);
                    return Ok(Some(Way { pc, at }));
                }
                Frame::Greedy { run, pc, low, end } => {
                    self.meter.spend(1)?;
                    self.reset(program.resets[pc as usize]);
                    if let Some(at) = self.leave_greedy(run, pc, low as usize, end as usize) {
                        return Ok(Some(Way::to(pc + 1, at)));
                    }
                }
                Frame::Lazy { run, pc, at, left } => {
                    self.meter.spend(1)?;
                    self.reset(program.resets[pc as usize]);
                    if let Some(at) = self.leave_lazy_later(run, pc, at as usize, left) {
                        return Ok(Some(Way::to(pc + 1, at)));
                    }
                }
            }
        }
        Ok(None)
    }
}
