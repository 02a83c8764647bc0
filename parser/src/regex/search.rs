//! The search: which start positions are tried, with which memory and within which budget.

use super::BudgetExceeded;
use super::memo::Memo;
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
    pub(super) memo: Memo,
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

/// Why a match stops without an answer.
pub(super) enum Stop {
    /// It backtracks enough for a memory of failed states to be worth its cost: start over with it.
    Memoize,
    Budget,
}

/// The steps left, and the question to ask.
pub(super) struct Meter<'a> {
    left: u64,
    /// Steps until something is to be looked after.
    until_check: u64,
    /// Whether the first check asks for memoisation.
    memoize: bool,
    keep_going: Option<&'a mut dyn FnMut() -> bool>,
}

impl<'a> Meter<'a> {
    /// With `memoize_after` steps [`Stop::Memoize`] is returned, once.
    fn new(budget: Budget<'a>, memoize_after: Option<u64>) -> Meter<'a> {
        let until_check = memoize_after
            .unwrap_or(STEPS_PER_QUESTION)
            .min(budget.steps);
        Meter {
            left: budget.steps - until_check,
            until_check,
            memoize: memoize_after.is_some(),
            keep_going: budget.keep_going,
        }
    }

    /// Takes some steps.
    #[inline(always)]
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), Stop> {
        match self.until_check.checked_sub(steps) {
            Some(rest) => {
                self.until_check = rest;
                Ok(())
            }
            None => self.check(steps),
        }
    }

    /// Takes some steps, as far as that is possible before the next check.
    #[inline(always)]
    pub(super) fn owe(&mut self, steps: u64) {
        let owed = steps.min(self.until_check);
        self.until_check -= owed;
    }

    #[cold]
    fn check(&mut self, steps: u64) -> Result<(), Stop> {
        let over = steps - self.until_check;
        if over > self.left {
            return Err(Stop::Budget);
        }
        self.left -= over;
        self.until_check = STEPS_PER_QUESTION.min(self.left);
        self.left -= self.until_check;
        if std::mem::take(&mut self.memoize) {
            return Err(Stop::Memoize);
        }
        match self
            .keep_going
            .as_mut()
            .is_none_or(|keep_going| keep_going())
        {
            true => Ok(()),
            false => Err(Stop::Budget),
        }
    }
}

/// Steps after which a search memoizes, beside one per byte of text.
const STEPS_BEFORE_MEMO: u64 = 256;

pub(super) fn search(
    program: &Program,
    haystack: &str,
    start: usize,
    scratch: &mut Scratch,
    budget: Budget<'_>,
) -> Result<bool, BudgetExceeded> {
    let Some(at) = (start..=haystack.len()).find(|&at| haystack.is_char_boundary(at)) else {
        return Ok(false);
    };
    if haystack.len() >= NONE as usize {
        return Err(BudgetExceeded); // positions are 32 bits wide
    }
    if scratch.slots.len() < program.slots {
        scratch.slots.resize(program.slots, NONE);
    }
    scratch.groups = program.groups;
    let memoize_after = STEPS_BEFORE_MEMO + haystack.len() as u64;
    let mut meter = Meter::new(budget, program.memoizable.then_some(memoize_after));
    let mut search = Search {
        program,
        haystack,
        begin: at,
        at,
    };
    let outcome = match search.run::<false>(scratch, &mut meter) {
        Err(Stop::Memoize) => {
            scratch.memo.begin(program, haystack.len());
            search.run::<true>(scratch, &mut meter)
        }
        outcome => outcome,
    };
    outcome.map_err(|_| BudgetExceeded)
}

/// A search under way: all starts before `at` have failed.
struct Search<'a> {
    program: &'a Program,
    haystack: &'a str,
    begin: usize,
    at: usize,
}

impl Search<'_> {
    fn run<const MEMO: bool>(
        &mut self,
        scratch: &mut Scratch,
        meter: &mut Meter<'_>,
    ) -> Result<bool, Stop> {
        let Search {
            program, haystack, ..
        } = *self;
        loop {
            match program.first.find(haystack.as_bytes(), self.at) {
                Some(found) => self.at = found,
                None => return Ok(false),
            }
            if program.anchored && self.at > 0 {
                return Ok(false);
            }
            meter.spend(1)?;
            let mut machine = Machine::<MEMO>::new(program, haystack, self.begin, scratch, meter);
            if machine.run(self.at)? {
                return Ok(true);
            }
            if program.first_only || self.at >= haystack.len() {
                return Ok(false);
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::{Options, Regex, test_cases};

    /// The outcome of a search that memoizes from the first step, or never.
    fn spans<const MEMO: bool>(
        regex: &Regex,
        text: &str,
        scratch: &mut Scratch,
    ) -> Option<Vec<Option<(usize, usize)>>> {
        let program = &regex.0.program;
        scratch
            .slots
            .resize(program.slots.max(scratch.slots.len()), NONE);
        scratch.groups = program.groups;
        scratch.memo.begin(program, text.len());
        let mut meter = Meter::new(Budget::default(), None);
        let mut search = Search {
            program,
            haystack: text,
            begin: 0,
            at: 0,
        };
        let found = search
            .run::<MEMO>(scratch, &mut meter)
            .ok()
            .expect("within the budget");
        found.then(|| {
            (0..program.groups)
                .map(|group| scratch.span(group))
                .collect()
        })
    }

    #[test]
    fn memoising_changes_no_answer() {
        let mut generator = test_cases::Generator(0x2545_f491_4f6c_dd1d);
        let mut scratch = Scratch::default();
        let mut compared = 0;
        for _ in 0..1500 {
            let pattern = generator.pattern();
            let options = Options {
                multiline: true,
                ..Options::default()
            };
            let Ok(regex) = Regex::new(&pattern, options) else {
                continue;
            };
            if !regex.0.program.memoizable {
                continue;
            }
            for _ in 0..5 {
                let text = generator.text();
                let plain = spans::<false>(&regex, &text, &mut scratch);
                let memoized = spans::<true>(&regex, &text, &mut scratch);
                assert_eq!(plain, memoized, "/{pattern}/ on {text:?}");
                compared += 1;
            }
        }
        assert!(compared > 3_000);
    }
}
