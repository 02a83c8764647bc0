//! Patterns that are tried on the same texts one after the other.
//!
//! One pass over a text says which of them may match, so that the tenth of ten costs about one match: at first sight by
//! necessary factors, at a closer look by an automaton. Patterns are taken in groups, and a group's pass is made only when
//! a pattern of it is asked for.

use super::automaton::{Automaton, Caches, Candidates};
use super::search::{self, Budget, Scratch};
use super::shift_and::Factors;
use super::superset::Precision;
use super::{BudgetExceeded, Regex};

/// How many patterns one pass serves.
const GROUP: usize = 32;

/// A list of patterns.
#[derive(Debug)]
pub struct RegexList {
    regexes: Vec<Regex>,
    /// For every [`GROUP`] patterns. A pattern that is alone has no use for one.
    groups: Vec<Group>,
}

/// What tells which of some patterns may match.
#[derive(Debug)]
struct Group {
    factors: Factors,
    automaton: Automaton,
}

/// A list on its way over one text.
#[derive(Debug)]
pub struct Attempts<'l> {
    list: &'l RegexList,
    text: &'l str,
    /// The group that was asked for last, and what is known of its patterns.
    asked: Option<(usize, Sight)>,
}

/// Which patterns of a group may match a text.
#[derive(Clone, Copy, Debug)]
struct Sight {
    candidates: Candidates,
    look: Look,
}

/// How closely a text was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    First,
    Closer,
    /// The automaton could not tell.
    InVain,
}

impl RegexList {
    /// Makes a list of these patterns.
    pub fn new(regexes: Vec<Regex>) -> RegexList {
        let groups = regexes.chunks(GROUP).filter(|_| regexes.len() > 1);
        RegexList {
            groups: groups.map(Group::new).collect(),
            regexes,
        }
    }

    /// Whether any of the patterns matches. A search that runs out of its budget counts as no match.
    pub fn any_matches(&self, text: &str, scratch: &mut Scratch) -> bool {
        let matches =
            |regex: &Regex, scratch: &mut Scratch| regex.is_match(text, scratch).unwrap_or(false);
        if self.groups.is_empty() {
            return self.regexes.iter().any(|regex| matches(regex, scratch));
        }
        let mut groups = self.groups.iter().zip(self.regexes.chunks(GROUP));
        groups.any(|(group, regexes)| {
            let mut sight = group.first_sight(text);
            if sight.candidates != Candidates::NONE {
                group.look_closer(&mut sight, text, scratch.caches());
            }
            let mut members = regexes.iter().enumerate();
            members
                .any(|(member, regex)| sight.candidates.contains(member) && matches(regex, scratch))
        })
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.regexes.is_empty()
    }

    /// Begins with a text.
    pub fn on<'l>(&'l self, text: &'l str) -> Attempts<'l> {
        Attempts {
            list: self,
            text,
            asked: None,
        }
    }
}

impl Attempts<'_> {
    /// As [`Regex::captures_within`] from the start of the text, of the pattern with this number in the list. Quickest
    /// where patterns are asked for in their order.
    ///
    /// # Errors
    /// When the match took more than the budget.
    pub fn captures_within(
        &mut self,
        number: usize,
        scratch: &mut Scratch,
        budget: Budget<'_>,
    ) -> Result<bool, BudgetExceeded> {
        let text = self.text;
        let regex = &self.list.regexes[number];
        let (index, member) = (number / GROUP, number % GROUP);
        let Some(group) = self.list.groups.get(index) else {
            return regex.captures_within(text, 0, scratch, budget);
        };
        if self.asked.is_some_and(|(asked, _)| asked != index) {
            self.asked = None;
        }
        // Most lines are like the one before. The pattern that matched that is tried without further ado, if it is the first,
        // and without a closer look if it is another.
        let last = group.automaton.last_matched(scratch.caches());
        if self.asked.is_none() && (member > 0 || last > 0) {
            self.asked = Some((index, group.first_sight(text)));
        }
        if let Some((_, sight)) = &mut self.asked {
            if sight.candidates.contains(member) && member != last {
                group.look_closer(sight, text, scratch.caches());
            }
            if !sight.candidates.contains(member) {
                return Ok(false);
            }
        }
        let program = &regex.0.program;
        let asked = &mut self.asked;
        let mut may_match = |from: usize, caches: &mut Caches| {
            let (_, sight) = asked.get_or_insert_with(|| (index, group.first_sight(text)));
            if sight.candidates.contains(member) {
                group.look_closer(sight, text, caches);
            }
            sight.candidates.contains(member)
                && (sight.look == Look::Closer || program.prefilter.may_match(text, from, caches))
        };
        let found = search::search(program, text, 0, scratch, budget, &mut may_match)?;
        if found {
            group.automaton.note_match(member, scratch.caches());
        }
        Ok(found)
    }
}

impl Group {
    fn new(regexes: &[Regex]) -> Group {
        let trees = regexes.iter();
        let trees = trees.map(|regex| regex.0.program.prefilter.tree.clone());
        Group {
            factors: Factors::default(),
            automaton: Automaton::new(trees.collect(), Precision::Rough),
        }
    }

    fn first_sight(&self, text: &str) -> Sight {
        let trees = self.automaton.trees();
        let candidates = self.factors.candidates(trees, text.as_bytes());
        Sight {
            candidates,
            look: Look::First,
        }
    }

    /// Asks the automaton, if it was not asked before.
    fn look_closer(&self, sight: &mut Sight, text: &str, caches: &mut Caches) {
        if sight.look != Look::First {
            return;
        }
        match self.automaton.candidates(text, 0, caches) {
            Some(candidates) => {
                sight.candidates = sight.candidates.and(candidates);
                sight.look = Look::Closer;
            }
            None => sight.look = Look::InVain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grok::{Grok, Library, PatternSet};
    use crate::regex::test_cases::Generator;
    use crate::regex::{Options, test_samples, test_texts};

    type Spans = Option<Vec<Option<(usize, usize)>>>;

    fn spans(regex: &Regex, found: bool, scratch: &Scratch) -> Spans {
        found.then(|| {
            (0..=regex.group_count())
                .map(|group| scratch.span(group))
                .collect()
        })
    }

    /// What the matcher finds when nothing is rejected beforehand.
    fn unfiltered(regex: &Regex, text: &str, scratch: &mut Scratch) -> Spans {
        let budget = Budget::default();
        let program = &regex.0.program;
        let found = search::search(program, text, 0, scratch, budget, &mut |_, _| true);
        spans(regex, found.expect("within the budget"), scratch)
    }

    /// Tries a list on a text, and each of its patterns alone; returns how many patterns match.
    fn check(list: &RegexList, text: &str, scratch: &mut Scratch) -> usize {
        let mut matched = 0;
        let mut attempts = list.on(text);
        for (number, regex) in list.regexes.iter().enumerate() {
            let want = unfiltered(regex, text, scratch);
            let filter = &regex.0.program.prefilter;
            let may_match = filter.may_match(text, 0, scratch.caches())
                && filter.may_well_match(text, 0, scratch.caches());
            assert!(may_match || want.is_none(), "{regex:?} on {text:?}");
            let alone = regex.captures_at(text, 0, scratch).expect("as above");
            assert_eq!(spans(regex, alone, scratch), want, "{regex:?} on {text:?}");
            let found = attempts.captures_within(number, scratch, Budget::default());
            let found = spans(regex, found.expect("as above"), scratch);
            assert_eq!(found, want, "{regex:?} in {list:?} on {text:?}");
            matched += usize::from(want.is_some());
        }
        assert_eq!(
            list.any_matches(text, scratch),
            matched > 0,
            "{list:?} on {text:?}"
        );
        matched
    }

    fn rounds(default: usize) -> usize {
        let given = std::env::var("KELP_FILTER_ROUNDS").ok();
        given.map_or(default, |rounds| rounds.parse().expect("a number"))
    }

    #[test]
    fn no_text_that_matches_is_rejected() {
        let mut generator = Generator(0x6c62_272e_07bb_0142);
        let mut scratch = Scratch::default();
        let options = Options {
            multiline: true,
            ..Options::default()
        };
        let (mut tried, mut matched) = (0, 0);
        for _ in 0..rounds(400) {
            let patterns = (0..=generator.below(5)).map(|_| generator.pattern());
            let regexes = patterns.filter_map(|pattern| Regex::new(&pattern, options).ok());
            let list = RegexList::new(regexes.collect());
            for _ in 0..6 {
                let text: String = (0..=generator.below(3)).map(|_| generator.text()).collect();
                tried += list.regexes.len();
                matched += check(&list, &text, &mut scratch);
            }
        }
        assert!(matched > tried / 10 && tried - matched > tried / 10);
    }

    #[test]
    fn no_line_that_a_stock_pattern_matches_is_rejected() {
        let mut generator = Generator(0x51ed_270b_7f4a_7c15);
        let mut scratch = Scratch::default();
        let (mut tried, mut matched) = (0, 0);
        for (set, name) in [
            (PatternSet::Legacy, "legacy"),
            (PatternSet::EcsV1, "ecs-v1"),
        ] {
            let library = Library::new(set);
            let samples = test_samples::samples(name);
            let names: Vec<&str> = library.names().collect();
            let pool = samples.values().flatten().map(|(text, _)| text.as_str());
            let pool: Vec<&str> = pool.collect();
            for _ in 0..rounds(8) {
                let chosen: Vec<&str> = (0..2 + generator.below(4))
                    .map(|_| names[generator.below(names.len())])
                    .collect();
                let groks = chosen.iter().map(|name| {
                    Grok::compile(&format!("%{{{name}}}"), &library, true).expect("a stock pattern")
                });
                let groks: Vec<Grok> = groks.collect();
                let list = crate::grok::list(&groks);
                let mut lines = Vec::new();
                for (name, grok) in chosen.iter().zip(&groks) {
                    let own = samples.get(*name).map_or(&[][..], Vec::as_slice);
                    let own: Vec<&str> = own.iter().map(|(text, _)| text.as_str()).collect();
                    let source = test_texts::without_look_around(grok.regex().pattern());
                    let shape = regex_syntax::parse(&source).ok();
                    for _ in 0..6 {
                        let shape = shape.as_ref();
                        lines.push(test_texts::text(&mut generator, &own, &pool, shape));
                    }
                }
                for line in lines {
                    tried += list.regexes.len();
                    matched += check(&list, &line, &mut scratch);
                }
            }
        }
        assert!(matched > tried / 10 && tried - matched > tried / 10);
    }

    #[test]
    fn which_pattern_matched_last_changes_nothing() {
        let patterns = ["b", "a+", "."];
        let regexes = patterns.map(|pattern| Regex::new(pattern, Options::default()).unwrap());
        let list = RegexList::new(regexes.to_vec());
        let mut scratch = Scratch::default();
        let mut first = |text: &str| {
            let mut attempts = list.on(text);
            (0..3).find(|&number| {
                let budget = Budget::default();
                attempts.captures_within(number, &mut scratch, budget) == Ok(true)
            })
        };
        for _ in 0..3 {
            for (text, want) in [("aa", Some(1)), ("ab", Some(0)), ("x", Some(2)), ("", None)] {
                assert_eq!(first(text), want, "{text}");
            }
        }
    }
}
