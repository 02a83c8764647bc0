//! The search: which start positions are tried, with which memory and within which budget.

use super::BudgetExceeded;
use super::program::Program;
use super::vm::{Frame, Machine, NONE};

/// What a match may cost.
pub struct Budget<'a> {
    /// Steps of backtracking, a few nanoseconds each.
    pub steps: u64,
    /// Asked now and then (every few dozen microseconds) whether to go on; `false` gives the match up.
    pub keep_going: Option<&'a mut dyn FnMut() -> bool>,
}

/// Steps between two questions to [`Budget::keep_going`].
const STEPS_PER_QUESTION: u64 = 4096;

impl Default for Budget<'_> {
    /// Twenty million steps, which is on the order of a tenth of a second.
    fn default() -> Self {
        Budget {
            steps: 20_000_000,
            keep_going: None,
        }
    }
}

/// The memory of a matcher, reused from match to match: nothing is allocated once it is warm. One per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) stack: Vec<Frame>,
    pub(super) slots: Vec<u32>,
    groups: usize,
}

impl Scratch {
    /// The byte span of a group in the last match, `None` if it took no part in it; group 0 is the whole match. What
    /// it holds after a search that found nothing is of no meaning.
    pub fn span(&self, group: usize) -> Option<(usize, usize)> {
        if group >= self.groups {
            return None;
        }
        let (begin, end) = (self.slots[2 * group], self.slots[2 * group + 1]);
        (begin != NONE && end != NONE).then_some((begin as usize, end as usize))
    }
}

/// The steps left, and the question to ask.
pub(super) struct Meter<'a> {
    left: u64,
    until_question: u64,
    keep_going: Option<&'a mut dyn FnMut() -> bool>,
}

impl<'a> Meter<'a> {
    fn new(budget: Budget<'a>) -> Meter<'a> {
        let until_question = STEPS_PER_QUESTION.min(budget.steps);
        Meter {
            left: budget.steps - until_question,
            until_question,
            keep_going: budget.keep_going,
        }
    }

    /// Takes some steps.
    #[inline(always)]
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), BudgetExceeded> {
        match self.until_question.checked_sub(steps) {
            Some(rest) => {
                self.until_question = rest;
                Ok(())
            }
            None => self.refill(steps),
        }
    }

    #[cold]
    fn refill(&mut self, steps: u64) -> Result<(), BudgetExceeded> {
        let over = steps - self.until_question;
        if over > self.left
            || self
                .keep_going
                .as_mut()
                .is_some_and(|keep_going| !keep_going())
        {
            return Err(BudgetExceeded);
        }
        self.left -= over;
        self.until_question = STEPS_PER_QUESTION.min(self.left);
        self.left -= self.until_question;
        Ok(())
    }
}

pub(super) fn search(
    program: &Program,
    haystack: &str,
    start: usize,
    scratch: &mut Scratch,
    budget: Budget<'_>,
) -> Result<bool, BudgetExceeded> {
    let Some(mut at) = (start..=haystack.len()).find(|&at| haystack.is_char_boundary(at)) else {
        return Ok(false);
    };
    if haystack.len() >= NONE as usize {
        return Err(BudgetExceeded); // positions are 32 bits wide
    }
    if scratch.slots.len() < program.slots {
        scratch.slots.resize(program.slots, NONE);
    }
    scratch.groups = program.groups;
    let mut meter = Meter::new(budget);
    let begin = at;
    loop {
        match program.first.find(haystack.as_bytes(), at) {
            Some(found) => at = found,
            None => return Ok(false),
        }
        if program.anchored && at > 0 {
            return Ok(false);
        }
        meter.spend(1)?;
        let mut machine = Machine::new(program, haystack, begin, scratch, &mut meter);
        if machine.run(at)? {
            return Ok(true);
        }
        if program.first_only || at >= haystack.len() {
            return Ok(false);
        }
        at += 1;
    }
}
