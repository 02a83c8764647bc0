//! The fast lane of the matcher: fields one after the other, as most of a line that matches is.
//!
//! Nothing that a field does needs to be undone but by what is on the stack anyway: spans of captures are noted at once,
//! and count for nothing if the match goes another way.

use super::known::{self, Found};
use super::program::{Field, FieldKind, NO_FIELD, Pc, UNBOUNDED};
use super::vm::{Machine, Way};

impl<const MEMO: bool> Machine<'_, '_, MEMO> {
    /// Goes on from this operation as long as fields come, and what stands between them: the first operation that is
    /// neither, or where it failed.
    #[inline(never)]
    pub(super) fn fields(&mut self, mut pc: Pc, mut at: usize) -> Way {
        let program = self.program;
        let bytes = self.bytes;
        loop {
            let field = &program.fields[pc as usize];
            // The end that a matcher found, or on the way on without one.
            macro_rules! end_of {
                ($found:expr) => {
                    match $found {
                        Found::End(end) => end,
                        Found::Nothing => return Way::FAILED,
                        Found::Unsure => return self.in_generic_code(field, at),
                    }
                };
            }
            let end = match field.kind {
                FieldKind::Operation => return Way::to(pc, at),
                FieldKind::Save => {
                    self.slots[usize::from(field.slot)] = at as u32;
                    pc = field.next;
                    continue;
                }
                FieldKind::Split => {
                    self.choose(pc, field.pc, at);
                    pc = field.next;
                    continue;
                }
                FieldKind::Dispatch | FieldKind::Loop => {
                    if field.kind == FieldKind::Loop {
                        self.meter.owe(1);
                        if self.meter.is_overdue() {
                            return Way::to(self.next_of(field, at), at);
                        }
                    }
                    pc = self.next_of(field, at);
                    continue;
                }
                FieldKind::Jump => {
                    pc = field.next;
                    continue;
                }
                FieldKind::Ahead => {
                    let class = &program.classes[usize::from(field.index)];
                    if class.step(self.text, at).is_some() == (field.min == 1) {
                        return Way::FAILED;
                    }
                    pc += 1;
                    continue;
                }
                FieldKind::Condition => {
                    if !self.holds(pc, at) {
                        return Way::FAILED;
                    }
                    pc += 1;
                    continue;
                }
                FieldKind::Text => at,
                FieldKind::One => {
                    let class = &program.classes[usize::from(field.index)];
                    match class.step_ascii(bytes, at) {
                        Some(end) => end,
                        None => match class.step(self.text, at) {
                            Some(end) => end,
                            None => return Way::FAILED,
                        },
                    }
                }
                FieldKind::Maybe => {
                    let class = &program.classes[usize::from(field.index)];
                    class.step(self.text, at).unwrap_or(at)
                }
                FieldKind::FewRanges => match self.run_by::<2>(field, at) {
                    Some(end) => end,
                    None => return Way::FAILED,
                },
                FieldKind::SomeRanges => match self.run_by::<4>(field, at) {
                    Some(end) => end,
                    None => return Way::FAILED,
                },
                FieldKind::ManyRanges => match self.run_by::<8>(field, at) {
                    Some(end) => end,
                    None => return Way::FAILED,
                },
                FieldKind::Int => end_of!(known::int(bytes, at)),
                FieldKind::Number => end_of!(known::number(bytes, at)),
                FieldKind::Host => end_of!(known::ip_or_host(bytes, at)),
                FieldKind::Timestamp => end_of!(known::iso_timestamp(bytes, at)),
                FieldKind::Known => {
                    let known = &program.knowns[usize::from(field.index)];
                    end_of!(self.known_without_captures(known, field.pc, at))
                }
                FieldKind::KnownWithCaptures => end_of!(self.known_with_captures(field, at)),
                FieldKind::GreedyFew => match self.greedy_by::<2>(field, at) {
                    Some(end) => end,
                    None => return Way::FAILED,
                },
                FieldKind::GreedySome => match self.greedy_by::<4>(field, at) {
                    Some(end) => end,
                    None => return Way::FAILED,
                },
                FieldKind::KnownInLoop => match self.known_in_loop(field, at) {
                    Found::End(end) => end,
                    Found::Nothing => return Way::FAILED,
                    Found::Unsure => return Way::to(field.pc, at),
                },
                FieldKind::LazyFew => match self.lazy_by_two(field, at) {
                    Some(end) => end,
                    None => return Way::FAILED,
                },
                FieldKind::Everything => bytes.len(),
                FieldKind::Run | FieldKind::Greedy | FieldKind::Lazy => {
                    match self.run_of(field, at) {
                        Some(end) => end,
                        None => return Way::FAILED,
                    }
                }
            };
            let slot = usize::from(field.slot);
            if let Some([first, last]) = self.slots.get_mut(slot..slot + 2) {
                *first = at as u32;
                *last = end as u32;
            }
            at = match field.literal.skip(bytes, end) {
                Some(after) => after,
                None => return Way::FAILED,
            };
            if field.follow != NO_FIELD {
                pc = Pc::from(field.follow);
                continue;
            }
            if let Some(byte) = field.more
                && bytes.get(at) == Some(&byte)
            {
                at = self.more_of(byte, at);
            }
            pc = self.next_of(field, at);
        }
    }

    /// The operation after a field, by what comes next where there are several.
    #[inline(always)]
    fn next_of(&self, field: &Field, at: usize) -> Pc {
        match field.dispatch {
            Some(table) => self.dispatched(table, at),
            None => field.next,
        }
    }

    #[inline(never)]
    fn holds(&self, pc: Pc, at: usize) -> bool {
        self.assertion(self.program.ops[pc as usize], at).is_some()
    }

    /// The end of a run of a set of `N` ranges.
    #[inline(always)]
    fn run_by<const N: usize>(&mut self, field: &Field, at: usize) -> Option<usize> {
        let class = &self.program.classes[usize::from(field.index)];
        match class.end.within_a_block::<N>(self.bytes, at) {
            Some(length) => (length >= usize::from(field.min)).then_some(at + length),
            None => {
                let end = class.end.beyond_a_block::<N>(self.bytes, at);
                self.owe_for(end - at);
                (end - at >= usize::from(field.min)).then_some(end)
            }
        }
    }

    /// A known sub-pattern that its matcher is not sure of.
    #[cold]
    fn in_generic_code(&mut self, field: &Field, at: usize) -> Way {
        self.slots[usize::from(field.slot)] = at as u32;
        Way::to(field.pc, at)
    }

    /// The end of an unbounded run that may give back, of at least `field.min` bytes.
    #[inline(always)]
    fn greedy_by<const N: usize>(&mut self, field: &Field, at: usize) -> Option<usize> {
        let run = &self.program.runs[usize::from(field.index)];
        let class = &self.program.classes[usize::from(run.class)];
        let next = &self.program.nexts[usize::from(run.next)];
        let min = usize::from(field.min);
        let Some(length) = class.end.within_a_block::<N>(self.bytes, at) else {
            return self.run_of(field, at);
        };
        // The first character may be longer than a byte.
        if length < min || (min > 0 && self.bytes[at] >= 0x80) {
            return self.run_of(field, at);
        }
        let length = match next.admits(self.bytes, at + length) {
            true => length,
            false => match next.last_in_a_block(self.bytes, at, min, length) {
                Some(length) => length,
                None => return self.run_of(field, at),
            },
        };
        if !self.literal_follows(run, at + length) {
            return self.run_of(field, at);
        }
        if length > min {
            self.may_give_back(field.index, field.pc, at + min, at + length);
        }
        Some(at + length)
    }

    #[inline(never)]
    fn known_with_captures(&mut self, field: &Field, at: usize) -> Found {
        let known = &self.program.knowns[usize::from(field.index)];
        self.known(known, field.pc, at)
    }

    #[inline(never)]
    fn known_in_loop(&mut self, field: &Field, at: usize) -> Found {
        self.set(field.restored, at as u32);
        let known = &self.program.knowns[usize::from(field.index)];
        let found = self.known(known, field.pc, at);
        if let Found::End(end) = found {
            self.set(field.restored + 1, end as u32);
        }
        found
    }

    /// The end of an unbounded run that may take more.
    #[inline(always)]
    fn lazy_by_two(&mut self, field: &Field, at: usize) -> Option<usize> {
        let run = &self.program.runs[usize::from(field.index)];
        let end = run.stops.find_by_two(self.bytes, at);
        let next = &self.program.nexts[usize::from(run.next)];
        if !next.admits(self.bytes, end) || !self.literal_follows(run, end) {
            return self.run_of(field, at);
        }
        self.owe_for(end - at);
        self.may_take_more(field.index, field.pc, end, UNBOUNDED);
        Some(end)
    }

    /// The end of a run that may be long, or may have others.
    #[inline(never)]
    fn run_of(&mut self, field: &Field, at: usize) -> Option<usize> {
        match field.kind {
            FieldKind::Greedy | FieldKind::GreedyFew | FieldKind::GreedySome => {
                self.enter_greedy(field.index, field.pc, at)
            }
            FieldKind::Lazy | FieldKind::LazyFew => self.enter_lazy(field.index, field.pc, at),
            _ => {
                let class = &self.program.classes[usize::from(field.index)];
                let end = class.run_end(self.text, at, UNBOUNDED);
                self.owe_for(end - at);
                (end - at >= usize::from(field.min)).then_some(end)
            }
        }
    }

    #[inline(never)]
    fn more_of(&mut self, byte: u8, at: usize) -> usize {
        let more = self.bytes[at..].iter().take_while(|&&more| more == byte);
        let more = more.count();
        self.owe_for(more);
        at + more
    }
}
