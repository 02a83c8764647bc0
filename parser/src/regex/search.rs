//! The search: which start positions are tried, with which memory and within which budget.

use super::BudgetExceeded;
use super::automaton::Caches;
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
    caches: Caches,
    groups: usize,
    steps: u64,
}

impl Scratch {
    /// How many steps the last search took.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn caches(&mut self) -> &mut Caches {
        &mut self.caches
    }

    /// The byte span of a group in the last match, `None` if it took no part in it; group 0 is the whole match. What
    /// it holds after a search that found nothing is of no meaning.
    pub fn span(&self, group: usize) -> Option<(usize, usize)> {
        if group >= self.groups {
            return None;
        }
        // Where no attempt was made there may be none.
        let &[begin, end] = self.slots.get(2 * group..)?.first_chunk()?;
        (begin != NONE && end != NONE).then_some((begin as usize, end as usize))
    }
}

/// Why a match stops without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It backtracks more than lines that match do: ask the prefilter whether there is a match at all.
    Filter,
    /// It backtracks enough for a closer look to be worth its cost, and for a memory of failed states: start over with it.
    Memoize,
    Budget,
}

/// Steps after which a search asks the prefilter, if it has not before.
const STEPS_BEFORE_FILTER: u64 = 40;

/// Steps after which a search memoizes, beside one per byte of text.
const STEPS_BEFORE_MEMO: u64 = 256;

/// The steps left, and what to do when some are spent.
pub(super) struct Meter<'a> {
    /// Beyond those until the next check.
    left: u64,
    /// Steps until the next check.
    until_check: u64,
    /// Steps owed since it was due.
    overdue: u64,
    /// What is to be stopped for, and how many steps after the next check.
    stop: Option<(Stop, u64)>,
    keep_going: Option<&'a mut dyn FnMut() -> bool>,
}

impl<'a> Meter<'a> {
    fn new(budget: Budget<'a>) -> Meter<'a> {
        Meter {
            left: budget.steps,
            until_check: 0,
            overdue: 0,
            stop: None,
            keep_going: budget.keep_going,
        }
    }

    fn left(&self) -> u64 {
        self.left + self.until_check
    }

    /// Stops for this after so many steps.
    fn stop_after(&mut self, steps: u64, stop: Stop) {
        self.left += self.until_check;
        self.stop = Some((stop, steps));
        self.go_on();
    }

    /// Says when the next check is.
    #[inline(always)]
    fn go_on(&mut self) {
        let until_stop = self.stop.map_or(u64::MAX, |(_, steps)| steps);
        self.until_check = until_stop.min(STEPS_PER_QUESTION).min(self.left);
        self.overdue = 0;
        self.left -= self.until_check;
        if let Some((_, steps)) = &mut self.stop {
            *steps -= self.until_check;
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

    /// Takes some steps; that they were too many is found out when others are taken, or by [`is_overdue`](Self::is_overdue).
    #[inline(always)]
    pub(super) fn owe(&mut self, steps: u64) {
        match self.until_check.checked_sub(steps) {
            Some(rest) => self.until_check = rest,
            None => {
                self.take_beyond_check(steps);
            }
        }
    }

    /// Takes more steps than there are until the check; false if there are not as many.
    #[cold]
    fn take_beyond_check(&mut self, steps: u64) -> bool {
        let over = steps - self.until_check;
        let enough = over <= self.left;
        self.overdue = self.overdue.saturating_add(over);
        self.left = self.left.saturating_sub(over);
        self.until_check = 0;
        if let Some((_, steps)) = &mut self.stop {
            *steps = steps.saturating_sub(over);
        }
        enough
    }

    /// Whether so much is owed that the question cannot wait for the next choice to fail.
    #[inline(always)]
    pub(super) fn is_overdue(&self) -> bool {
        self.overdue >= STEPS_PER_QUESTION
    }

    /// Asks whether to go on. What the search is to be stopped for waits for the next choice to fail: up to here nothing was in vain.
    #[cold]
    pub(super) fn ask(&mut self) -> Result<(), Stop> {
        self.overdue = 0;
        match self.left() {
            0 => Err(Stop::Budget),
            _ => self.question(),
        }
    }

    fn question(&mut self) -> Result<(), Stop> {
        let keep_going = self.keep_going.as_mut();
        match keep_going.is_none_or(|keep_going| keep_going()) {
            true => Ok(()),
            false => Err(Stop::Budget),
        }
    }

    #[cold]
    fn check(&mut self, steps: u64) -> Result<(), Stop> {
        if !self.take_beyond_check(steps) {
            return Err(Stop::Budget);
        }
        if let Some((stop, 0)) = self.stop {
            self.stop = None;
            self.go_on();
            return Err(stop);
        }
        self.go_on();
        self.question()
    }
}

/// Asked when the first attempt has failed, or has taken long: whether a match may begin at this byte or later.
pub(super) type MayMatch<'f> = &'f mut dyn FnMut(usize, &mut Caches) -> bool;

pub(super) fn search(
    program: &Program,
    haystack: &str,
    start: usize,
    scratch: &mut Scratch,
    budget: Budget<'_>,
    may_match: MayMatch<'_>,
) -> Result<bool, BudgetExceeded> {
    let Some(at) = (start..=haystack.len()).find(|&at| haystack.is_char_boundary(at)) else {
        return Ok(false);
    };
    if haystack.len() >= NONE as usize {
        return Err(BudgetExceeded); // positions are 32 bits wide
    }
    scratch.groups = program.groups;
    let steps = budget.steps;
    let mut meter = Meter::new(budget);
    let search = Search {
        program,
        haystack,
        begin: at,
        at,
    };
    let outcome = search.find(scratch, &mut meter, may_match);
    scratch.steps = steps - meter.left();
    outcome
}

/// A search under way: all starts before `at` have failed.
#[derive(Clone, Copy)]
struct Search<'a> {
    program: &'a Program,
    haystack: &'a str,
    begin: usize,
    at: usize,
}

impl Search<'_> {
    /// The first attempt; then, unless there cannot be a match, all others, in the end with a memory of what failed.
    fn find(
        mut self,
        scratch: &mut Scratch,
        meter: &mut Meter<'_>,
        may_match: MayMatch<'_>,
    ) -> Result<bool, BudgetExceeded> {
        meter.stop_after(STEPS_BEFORE_FILTER, Stop::Filter);
        let mut outcome = self.first_attempt(scratch, meter);
        if matches!(outcome, Ok(None) | Err(Stop::Filter)) {
            if !may_match(self.at, &mut scratch.caches) {
                return Ok(false);
            }
            let memoize_after = STEPS_BEFORE_MEMO + self.haystack.len() as u64;
            meter.stop_after(memoize_after, Stop::Memoize);
            outcome = self.run::<false>(scratch, meter).map(Some);
        }
        if outcome == Err(Stop::Memoize) {
            let filter = &self.program.prefilter;
            if !filter.may_well_match(self.haystack, self.at, &mut scratch.caches) {
                return Ok(false);
            }
            outcome = match self.program.memoizable {
                true => self.run_with_memory(scratch, meter).map(Some),
                false => self.run::<false>(scratch, meter).map(Some),
            };
        }
        match outcome {
            Ok(found) => Ok(found == Some(true)),
            Err(_) => Err(BudgetExceeded),
        }
    }

    /// The first attempt only: most lines match at their start. `None` if it failed and others are to be made.
    fn first_attempt(
        &mut self,
        scratch: &mut Scratch,
        meter: &mut Meter<'_>,
    ) -> Result<Option<bool>, Stop> {
        if !self.next_start() {
            return Ok(Some(false));
        }
        let attempt = self.attempt::<false>(scratch, meter)?;
        Ok(if attempt {
            Some(true)
        } else if self.advance() {
            None
        } else {
            Some(false)
        })
    }

    /// Attempts from all starts that are left.
    #[inline(never)]
    fn run<const MEMO: bool>(
        &mut self,
        scratch: &mut Scratch,
        meter: &mut Meter<'_>,
    ) -> Result<bool, Stop> {
        while self.next_start() {
            meter.spend(1)?;
            if self.attempt::<MEMO>(scratch, meter)? {
                return Ok(true);
            }
            if !self.advance() {
                break;
            }
        }
        Ok(false)
    }

    /// The same with a memory of what failed, beginning where an easier program matches.
    fn run_with_memory(
        &mut self,
        scratch: &mut Scratch,
        meter: &mut Meter<'_>,
    ) -> Result<bool, Stop> {
        if let Some(program) = self.program.relaxed() {
            scratch.memo.begin(program, self.haystack.len());
            let mut search = Search { program, ..*self };
            if !search.run::<true>(scratch, meter)? {
                return Ok(false);
            }
            self.at = search.at;
        }
        scratch.memo.begin(self.program, self.haystack.len());
        self.run::<true>(scratch, meter)
    }

    #[inline(always)]
    fn attempt<const MEMO: bool>(
        &self,
        scratch: &mut Scratch,
        meter: &mut Meter<'_>,
    ) -> Result<bool, Stop> {
        let mut machine =
            Machine::<MEMO>::new(self.program, self.haystack, self.begin, scratch, meter);
        machine.run(self.at)
    }

    /// Goes to the next start where the pattern can begin.
    #[inline(always)]
    fn next_start(&mut self) -> bool {
        let bytes = self.haystack.as_bytes();
        if !self.program.first.admits(bytes, self.at) {
            match self.program.first.find(bytes, self.at) {
                Some(at) => self.at = at,
                None => return false,
            }
        }
        !(self.program.anchored && self.at > 0)
    }

    /// Goes past a start that failed; false if no later one need be tried.
    fn advance(&mut self) -> bool {
        let program = self.program;
        let more = !program.first_only && !program.anchored && self.at < self.haystack.len();
        self.at += 1;
        more
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
        scratch.groups = program.groups;
        scratch.memo.begin(program, text.len());
        let mut meter = Meter::new(Budget::default());
        let mut search = Search {
            program,
            haystack: text,
            begin: 0,
            at: 0,
        };
        let found = search
            .run::<MEMO>(scratch, &mut meter)
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

    /// A search that memoizes does without the matchers for known sub-patterns: both must agree.
    #[test]
    fn known_sub_patterns_match_as_their_generic_code() {
        use crate::grok::{Grok, Library, PatternSet};
        const NAMES: [&str; 18] = [
            "IPORHOST",
            "IP",
            "HTTPDATE",
            "TIMESTAMP_ISO8601",
            "SYSLOGTIMESTAMP",
            "MONTH",
            "MONTHDAY",
            "YEAR",
            "HOUR",
            "NUMBER",
            "INT",
            "QS",
            "HTTPDUSER",
            "JAVACLASS",
            "HAPROXYDATE",
            "WORD",
            "LOGLEVEL",
            "POSINT",
        ];
        const TEXTS: [&str; 28] = [
            "192.0.2.7",
            "1.2.3.256",
            "1.2.3.4.example.com",
            "a.b-c.example.",
            "::1",
            "fe80::1:2",
            "23/Nov/2026:10:15:60 +0100",
            "3/May/26:1:02:03 -1",
            "2026-11-23T10:15:30.123+01:00",
            "26-1-3 1015Z",
            "Nov 23 10:15:30",
            "Mai  3 01:02:03.5",
            "-12.5",
            "+.5",
            "\"a \\\" b\"",
            "''",
            "`x",
            "j.doe@example.org",
            "frank",
            "org.example.Main$1",
            "org.example.consumer.internals.and.others.of.it.9th",
            "org.example.consumer.internals.and.others.of.its.Main_and_its_name_is_long",
            "é",
            "03/Dec/2026:23:59:59.001",
            "INFO and so on without end",
            "Warning: of what is to come",
            "4711",
            "error",
        ];
        const AFTER: [&str; 7] = ["", " ", ":", "(.*)", "[0-9.]", "(\\w*) ", "$"];
        let mut generator = test_cases::Generator(0x1234_5678_9abc_def1);
        let mut scratch = Scratch::default();
        let mut matched = 0;
        for set in [PatternSet::Legacy, PatternSet::EcsV1] {
            let library = Library::new(set);
            for name in NAMES {
                for after in AFTER {
                    let pattern = format!("(?<x>x| )?%{{{name}:field}}{after}");
                    let grok = Grok::compile(&pattern, &library, true).expect("a pattern");
                    let regex = grok.regex();
                    for _ in 0..20 {
                        let mut text = String::new();
                        for _ in 0..=generator.below(2) {
                            text += TEXTS[generator.below(TEXTS.len())];
                            text += ["", " ", ":", "."][generator.below(4)];
                        }
                        mutate(&mut text, &mut generator);
                        let plain = spans::<false>(regex, &text, &mut scratch);
                        let memoized = spans::<true>(regex, &text, &mut scratch);
                        assert_eq!(plain, memoized, "{pattern} on {text:?}");
                        matched += usize::from(plain.is_some());
                    }
                }
            }
        }
        assert!(matched > 1_500, "{matched}");
    }

    fn mutate(text: &mut String, generator: &mut test_cases::Generator) {
        const PIECES: [&str; 14] = [
            "1", "0", "9", ".", ":", "-", " ", "a", "@", "\\", "\"", "é", "+", "/",
        ];
        for _ in 0..generator.below(3) {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                return;
            }
            let at = places[generator.below(places.len())];
            match generator.below(2) {
                0 => drop(text.remove(at)),
                _ => text.insert_str(at, PIECES[generator.below(PIECES.len())]),
            }
        }
    }
}
