//! Explanations in production: a few of the texts that no pattern matched, and where each pattern stopped.
//!
//! A worker hands over a text only while somebody waits for one, so that misses cost it next to nothing. Whoever looks
//! ([`Misses::look`]) does so now and then, beside the workers: an explanation takes as long as thousands of matches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::compile::Grok;
use super::explain::{Explainer, Explanation, Step};
use super::library::Library;

/// How many texts are taken between two looks.
const TEXTS: usize = 4;

/// How much of a text is looked at, in bytes.
const TEXT_BYTES: usize = 8 << 10;

/// How many patterns of a list are explained.
const PATTERNS: usize = 16;

/// How many places are counted by name for each pattern; the others are counted together.
const PLACES: usize = 32;

/// How many bytes of an expression make up the name of a place.
const NAME_BYTES: usize = 60;

/// The texts that were missed lately, and where patterns stopped.
pub struct Misses {
    lists: Vec<List>,
    library: Arc<Library>,
    /// How many texts are still asked for.
    wanted: AtomicUsize,
    texts: Mutex<Vec<Text>>,
    stops: Mutex<Vec<Vec<Stops>>>,
}

/// A text that no pattern of a list matched.
struct Text {
    list: usize,
    text: String,
    /// It went on, but no more of it is looked at.
    is_cut: bool,
}

/// Patterns that are tried on one field.
struct List {
    field: String,
    patterns: Vec<Arc<Grok>>,
}

/// Where one pattern stopped in the texts that were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// How many texts were looked at.
    pub sampled: u64,
    /// How often it stopped in which sub-pattern. Of texts that stop elsewhere than in the first few dozen places,
    /// the sum is under `(other)`.
    pub places: BTreeMap<String, u64>,
    /// The last explanation.
    pub last: String,
}

/// A text that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The field.
    pub field: String,
    /// How many patterns were tried on it.
    pub patterns: usize,
    /// The pattern that came furthest.
    pub pattern: String,
    /// Where it stopped.
    pub place: String,
    /// How far it came, and what was expected there.
    pub explanation: String,
}

impl Misses {
    /// Of these patterns, by the field that they are tried on.
    pub fn new(library: Arc<Library>, lists: Vec<(String, Vec<Arc<Grok>>)>) -> Self {
        let stops = lists
            .iter()
            .map(|(_, patterns)| vec![Stops::default(); patterns.len()])
            .collect();
        let lists = lists
            .into_iter()
            .map(|(field, patterns)| List { field, patterns });
        Self {
            lists: lists.collect(),
            library,
            wanted: AtomicUsize::new(TEXTS),
            texts: Mutex::default(),
            stops: Mutex::new(stops),
        }
    }

    /// Whether texts are asked for.
    #[inline]
    pub fn are_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// Hands a text over that no pattern of a list matched.
    #[cold]
    pub fn hand_over(&self, list: usize, text: &str) {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= TEXTS {
            return;
        }
        let start = start_of(text, TEXT_BYTES);
        texts.push(Text {
            list,
            text: start.to_owned(),
            is_cut: start.len() < text.len(),
        });
        self.wanted.store(TEXTS - texts.len(), Ordering::Relaxed);
    }

    /// Where each pattern has stopped so far, in the order of the configuration.
    pub fn stops(&self) -> Vec<Stops> {
        let stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        stops.iter().flatten().cloned().collect()
    }

    /// Explains the texts that were handed over since the last look, counts where patterns stopped, and asks for new
    /// texts. Takes milliseconds.
    pub fn look(&self) -> Vec<Miss> {
        let texts = std::mem::take(&mut *self.texts.lock().unwrap_or_else(PoisonError::into_inner));
        let misses = texts.iter().filter_map(|text| self.explain(text)).collect();
        self.wanted.store(TEXTS, Ordering::Relaxed);
        misses
    }

    fn explain(&self, missed: &Text) -> Option<Miss> {
        let Text { list, text, is_cut } = missed;
        let (number, list) = (*list, self.lists.get(*list)?);
        let describe = |explanation: &Explanation| match is_cut {
            true => explanation.describe_start(text),
            false => explanation.describe(text),
        };
        let mut furthest: Option<(Explanation, usize, String)> = None;
        for (at, pattern) in list.patterns.iter().take(PATTERNS).enumerate() {
            let explanation = Explainer::in_haste(&self.library).explain(pattern, text);
            if explanation.expected.is_empty() {
                continue; // It matches what is left of a text that was cut off.
            }
            let place = place_of(&explanation);
            self.count(number, at, &place, describe(&explanation));
            let end = explanation.matched_prefix.end;
            let is_furthest = furthest
                .as_ref()
                .is_none_or(|(best, ..)| end > best.matched_prefix.end);
            if is_furthest {
                furthest = Some((explanation, at, place));
            }
        }
        let (explanation, at, place) = furthest?;
        Some(Miss {
            field: list.field.clone(),
            patterns: list.patterns.len(),
            pattern: list.patterns[at].source().to_owned(),
            place,
            explanation: describe(&explanation),
        })
    }

    /// Counts a text that a pattern stopped in.
    fn count(&self, list: usize, pattern: usize, place: &str, explanation: String) {
        let mut stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        let stops = &mut stops[list][pattern];
        stops.sampled += 1;
        stops.last = explanation;
        if let Some(count) = stops.places.get_mut(place) {
            *count += 1;
            return;
        }
        let has_room = stops.places.len() < PLACES;
        let place = if has_room { place } else { "(other)" };
        *stops.places.entry(place.to_owned()).or_default() += 1;
    }
}

/// The name of the place: of the innermost field that it is part of, else of the innermost pattern, else what was
/// expected.
fn place_of(explanation: &Explanation) -> String {
    let Some(expected) = explanation.expected.first() else {
        return String::new();
    };
    let path = &expected.path;
    let step = path.iter().rfind(|step| step.field.is_some());
    match step.or(path.last()).map(Step::to_string) {
        Some(step) => step,
        None => {
            format!("`{}`", start_of(&expected.text, NAME_BYTES))
        }
    }
}

/// As many whole characters of a text as fit in so many bytes.
fn start_of(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rfind(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::super::library::PatternSet;
    use super::*;

    fn misses(patterns: &[&str]) -> Misses {
        let library = Arc::new(Library::new(PatternSet::EcsV1));
        let groks = patterns
            .iter()
            .map(|pattern| Arc::new(Grok::compile(pattern, &library, true).unwrap()));
        let groks = groks.collect();
        Misses::new(library, vec![("message".to_owned(), groks)])
    }

    #[test]
    fn the_pattern_that_came_furthest_is_named() {
        let misses = misses(&["^%{INT:n}$", "^%{WORD:verb} %{URIPATH:path}$"]);
        misses.hand_over(0, "GET nowhere");
        let found = misses.look();
        assert_eq!(found.len(), 1);
        let miss = &found[0];
        assert_eq!(miss.pattern, "^%{WORD:verb} %{URIPATH:path}$");
        assert_eq!(miss.place, "URIPATH:path");
        assert!(miss.explanation.starts_with("column 5: after `GET `"));

        misses.hand_over(0, "PUT it");
        assert_eq!(misses.look().len(), 1);
        let stops = misses.stops();
        assert_eq!(stops[1].places["URIPATH:path"], 2);
        assert_eq!(stops[0].places["INT:n"], 2);
        assert!(misses.look().is_empty());
    }

    #[test]
    fn no_more_texts_are_taken_than_were_asked_for() {
        let misses = misses(&["^%{INT:n}$"]);
        for _ in 0..10 {
            if misses.are_wanted() {
                misses.hand_over(0, &"ä".repeat(100_000));
            }
        }
        assert!(!misses.are_wanted());
        assert_eq!(misses.look().len(), TEXTS);
        assert!(misses.are_wanted());
    }

    #[test]
    fn a_text_that_was_cut_is_not_said_to_end() {
        let misses = misses(&["^%{GREEDYDATA:start} END$"]);
        misses.hand_over(0, &"x ".repeat(TEXT_BYTES));
        let explanation = &misses.look()[0].explanation;
        assert!(
            explanation.ends_with("of the line only the 8192 bytes up to there were looked at"),
            "{explanation}"
        );
        misses.hand_over(0, "x ");
        let explanation = &misses.look()[0].explanation;
        assert!(
            explanation.ends_with("the line ends there"),
            "{explanation}"
        );
    }

    #[test]
    fn places_are_bounded() {
        let misses = misses(&["x"]);
        for number in 0..100 {
            misses.count(0, 0, &number.to_string(), String::new());
        }
        let stops = &misses.stops()[0];
        assert_eq!(stops.places.len(), PLACES + 1);
        assert_eq!(stops.places["(other)"], 100 - PLACES as u64);
    }
}
