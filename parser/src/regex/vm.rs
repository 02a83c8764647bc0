//! The matcher: runs a program over a text from one start position, with an explicit stack of choices.
//!
//! Positions are always at character boundaries. Nothing here recurses or allocates, but for the growth of the stack.

use super::BudgetExceeded;
use super::class::is_unicode_word;
use super::program::{Backref, FAIL, Op, Pc, Program, Run};
use super::search::{Meter, Scratch};

/// A slot that is not set.
pub(super) const NONE: u32 = u32::MAX;

/// What to do when the way taken fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    /// Go on at `pc` from `at`.
    Branch { pc: Pc, at: u32 },
    /// Give back from a greedy run: positions from `low` to before `end` are left to try.
    Greedy { pc: Pc, low: u32, end: u32 },
    /// Take more with a lazy run: it stands before `at` and may take `left` more characters.
    Lazy { pc: Pc, at: u32, left: u32 },
    /// Set a slot back.
    Restore { slot: u32, old: u32 },
}

pub(super) struct Machine<'a, 'm> {
    program: &'a Program,
    text: &'a str,
    bytes: &'a [u8],
    search_start: usize,
    stack: &'a mut Vec<Frame>,
    slots: &'a mut [u32],
    meter: &'a mut Meter<'m>,
}

impl<'a, 'm> Machine<'a, 'm> {
    pub(super) fn new(
        program: &'a Program,
        text: &'a str,
        search_start: usize,
        scratch: &'a mut Scratch,
        meter: &'a mut Meter<'m>,
    ) -> Machine<'a, 'm> {
        let Scratch { stack, slots, .. } = scratch;
        stack.clear();
        let slots = &mut slots[..program.slots];
        slots.fill(NONE);
        Machine {
            program,
            text,
            bytes: text.as_bytes(),
            search_start,
            stack,
            slots,
            meter,
        }
    }

    /// Whether the program matches from `start`; the spans are then in the slots.
    pub(super) fn run(&mut self, start: usize) -> Result<bool, BudgetExceeded> {
        let program = self.program;
        self.slots[0] = start as u32;
        let mut pc = FAIL + 1;
        let mut at = start;
        loop {
            let op = program.ops[pc as usize];
            let next = match op {
                Op::Match => {
                    self.slots[1] = at as u32;
                    // `\K` in a look-ahead can stand beyond the end.
                    self.slots[0] = self.slots[0].min(at as u32);
                    return Ok(true);
                }
                Op::Jump(to) => {
                    pc = to;
                    continue;
                }
                Op::Dispatch(table) => {
                    let entry = self.bytes.get(at).map_or(256, |&byte| usize::from(byte));
                    pc = Pc::from(program.dispatches[usize::from(table)][entry]);
                    continue;
                }
                Op::Split { first, second } => {
                    self.stack.push(Frame::Branch {
                        pc: second,
                        at: at as u32,
                    });
                    pc = first;
                    continue;
                }
                Op::IterationEnd { slot, exit } => {
                    pc = if self.slots[usize::from(slot)] == at as u32 {
                        exit
                    } else {
                        pc + 1
                    };
                    continue;
                }
                Op::NegativeEnd { slot, .. } => {
                    self.unwind(self.slots[usize::from(slot)] as usize);
                    None
                }
                op => self.step(op, pc, at),
            };
            match next {
                Some(next) => {
                    at = next;
                    pc += 1;
                }
                None => match self.backtrack()? {
                    Some((resume, position)) => (pc, at) = (resume, position),
                    None => return Ok(false),
                },
            }
        }
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
                let end = class.run_end(self.text, at, max);
                if min > 0 && (end == at || (min > 1 && class.skip(self.text, at, min).is_none())) {
                    return None;
                }
                Some(end)
            }
            Op::RunGreedy(run) => self.greedy(&program.runs[usize::from(run)], pc, at),
            Op::RunLazy(run) => {
                let run = &program.runs[usize::from(run)];
                let from = program.classes[usize::from(run.class)].skip(self.text, at, run.min)?;
                let left = if run.max == u32::MAX {
                    u32::MAX
                } else {
                    run.max - run.min
                };
                self.lazy(run, pc, from, left)
            }
            Op::Save(slot) => {
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
            Op::ScopeEnd { slot, look, .. } => {
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
                });
                Some(at)
            }
            Op::Backref(backref) => self.backref(&program.backrefs[usize::from(backref)], at),
            op => self.assertion(op, at),
        }
    }

    /// Conditions on the position. Operations that `run` and `step` handle do not get here.
    #[inline(always)]
    fn assertion(&self, op: Op, at: usize) -> Option<usize> {
        let bytes = self.bytes;
        let holds = match op {
            Op::LookClass {
                behind: false,
                negate,
                class,
            } => {
                self.program.classes[usize::from(class)]
                    .step(self.text, at)
                    .is_some()
                    != negate
            }
            Op::LookClass {
                behind: true,
                negate,
                class,
            } => {
                let class = &self.program.classes[usize::from(class)];
                self.before(at)
                    .is_some_and(|character| class.contains(character))
                    != negate
            }
            Op::LineStart => at == 0 || (bytes[at - 1] == b'\n' && at < bytes.len()),
            Op::LineEnd => at == bytes.len() || bytes[at] == b'\n',
            Op::TextStart => at == 0,
            Op::TextEnd => at == bytes.len(),
            Op::TextEndNewline => {
                at == bytes.len() || (at + 1 == bytes.len() && bytes[at] == b'\n')
            }
            Op::WordBoundary { negate } => {
                let before = self.before(at).is_some_and(is_unicode_word);
                let after = self.after(at).is_some_and(is_unicode_word);
                (before != after) != negate
            }
            Op::SearchStart => at == self.search_start,
            Op::StepBack(count) => return self.step_back(at, count),
            _ => false,
        };
        holds.then_some(at)
    }

    #[inline(always)]
    fn before(&self, at: usize) -> Option<char> {
        match self.bytes[..at].last() {
            Some(&byte) if byte < 0x80 => Some(char::from(byte)),
            _ => self.text[..at].chars().next_back(),
        }
    }

    #[inline(always)]
    fn after(&self, at: usize) -> Option<char> {
        match self.bytes.get(at) {
            Some(&byte) if byte < 0x80 => Some(char::from(byte)),
            _ => self.text[at..].chars().next(),
        }
    }

    fn step_back(&self, at: usize, count: u32) -> Option<usize> {
        match count {
            0 => Some(at),
            _ => self.text[..at]
                .char_indices()
                .rev()
                .nth(count as usize - 1)
                .map(|(position, _)| position),
        }
    }

    fn greedy(&mut self, run: &Run, pc: Pc, at: usize) -> Option<usize> {
        let class = &self.program.classes[usize::from(run.class)];
        let low = class.skip(self.text, at, run.min)?;
        let left = if run.max == u32::MAX {
            u32::MAX
        } else {
            run.max - run.min
        };
        let end = class.run_end(self.text, low, left);
        if end > low {
            self.stack.push(Frame::Greedy {
                pc,
                low: low as u32,
                end: end as u32,
            });
        }
        Some(end)
    }

    /// The last position from `low` to before `end` where the run may end.
    fn give_back(&self, run: &Run, low: usize, end: usize) -> Option<usize> {
        let next = &self.program.nexts[usize::from(run.next)];
        (low..end)
            .rev()
            .find(|&at| next.admits(self.bytes, at) && self.literal_follows(run, at))
    }

    fn literal_follows(&self, run: &Run, at: usize) -> bool {
        run.literal.is_none_or(|literal| {
            self.bytes[at..].starts_with(&self.program.literals[usize::from(literal)])
        })
    }

    /// Takes as few characters as what follows admits, and leaves a frame for taking more.
    fn lazy(&mut self, run: &Run, pc: Pc, mut at: usize, mut left: u32) -> Option<usize> {
        let class = &self.program.classes[usize::from(run.class)];
        let next = &self.program.nexts[usize::from(run.next)];
        loop {
            let here = next.admits(self.bytes, at) && self.literal_follows(run, at);
            let further = if left == 0 {
                None
            } else {
                class.step(self.text, at)
            };
            if here {
                if further.is_some() {
                    self.stack.push(Frame::Lazy {
                        pc,
                        at: at as u32,
                        left,
                    });
                }
                return Some(at);
            }
            at = further?;
            left -= u32::from(left != u32::MAX);
        }
    }

    fn backref(&self, backref: &Backref, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        backref.groups.iter().find_map(|&group| {
            let (begin, end) = (
                self.slots[2 * group as usize],
                self.slots[2 * group as usize + 1],
            );
            if begin == NONE || end == NONE {
                return None;
            }
            let text = self.text.get(begin as usize..end as usize)?;
            if !backref.ignore_case {
                return rest.starts_with(text).then(|| at + text.len());
            }
            let mut here = rest.chars();
            for wanted in text.chars() {
                let found = here.next()?;
                if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
                    return None;
                }
            }
            Some(self.text.len() - here.as_str().len())
        })
    }

    /// Sets a slot; if there is a choice to go back to, notes how to undo it.
    #[inline(always)]
    fn set(&mut self, slot: u16, value: u32) {
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

    /// Drops everything above `height` and undoes the slots.
    fn unwind(&mut self, height: usize) {
        for frame in self.stack.drain(height..).rev() {
            if let Frame::Restore { slot, old } = frame {
                self.slots[slot as usize] = old;
            }
        }
    }

    /// The next way on: where to continue, or `None` if all ways have failed.
    fn backtrack(&mut self) -> Result<Option<(Pc, usize)>, BudgetExceeded> {
        let program = self.program;
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::Restore { slot, old } => self.slots[slot as usize] = old,
                Frame::Branch { pc, at } => {
                    self.meter.spend(1)?;
                    return Ok(Some((pc, at as usize)));
                }
                Frame::Greedy { pc, low, end } => {
                    self.meter.spend(1)?;
                    let Op::RunGreedy(run) = program.ops[pc as usize] else {
                        continue;
                    };
                    let (low, end) = (low as usize, end as usize);
                    let Some(at) = self.give_back(&program.runs[usize::from(run)], low, end) else {
                        continue;
                    };
                    if at > low {
                        self.stack.push(Frame::Greedy {
                            pc,
                            low: low as u32,
                            end: at as u32,
                        });
                    }
                    return Ok(Some((pc + 1, at)));
                }
                Frame::Lazy { pc, at, left } => {
                    self.meter.spend(1)?;
                    let Op::RunLazy(run) = program.ops[pc as usize] else {
                        continue;
                    };
                    let run = &program.runs[usize::from(run)];
                    let class = &program.classes[usize::from(run.class)];
                    let Some(next) = class.step(self.text, at as usize) else {
                        continue;
                    };
                    let left = left - u32::from(left != u32::MAX);
                    if let Some(at) = self.lazy(run, pc, next, left) {
                        return Ok(Some((pc + 1, at)));
                    }
                }
            }
        }
        Ok(None)
    }
}
