//! One pass over a text that says which of several patterns may match it: a lazy DFA of their supersets.
//!
//! Its states are made as lines ask for them and kept by each thread, within bounds. Where lines are so varied that
//! making states costs more than it saves, the automaton stands back for a while and rejects nothing.

use super::ast::Node;
use super::superset::{Precision, found_with};
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::{Input, MatchKind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// An automaton that needs more memory than this, in bytes, is not made.
const MAX_NFA_BYTES: usize = 4 << 20;
/// The most memory a thread keeps for the states of one automaton, in bytes.
const CACHE_BYTES: usize = 4 << 20;
/// The most memory a thread keeps for the states of all automata, in bytes; beyond it, those not in use are forgotten.
const ALL_CACHES_BYTES: usize = 32 << 20;
/// States that serve fewer bytes of text than this, in the mean, are not worth making.
const MIN_BYTES_PER_STATE: usize = 100;
/// How many texts an automaton stands back for at first, and at most.
const PAUSE_TEXTS: u32 = 1_000;
const MAX_PAUSE_TEXTS: u32 = 1_000_000;

/// A set of patterns, by their numbers in the automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidates(u64);

impl Candidates {
    /// How many patterns one automaton may have.
    pub(super) const MOST: usize = 64;
    pub(super) const NONE: Candidates = Candidates(0);

    pub(super) fn all(count: usize) -> Candidates {
        Candidates(u64::MAX >> (Self::MOST - count))
    }

    pub(super) fn contains(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
    }

    pub(super) fn insert(&mut self, number: usize) {
        self.0 |= 1 << number;
    }

    /// Those that are in both.
    pub(super) fn and(self, other: Candidates) -> Candidates {
        Candidates(self.0 & other.0)
    }
}

/// What rejects texts for up to [`Candidates::MOST`] patterns.
#[derive(Debug)]
pub(super) struct Automaton {
    trees: Vec<Arc<Node>>,
    precision: Precision,
    /// Built when a pattern first misses: many never do.
    dfa: OnceLock<Option<DFA>>,
    place: Place,
}

/// Where threads keep the states of an automaton. Of automata that are gone others have the place, so that as many are
/// kept as there are automata at a time, however many a process makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Index in [`Caches`].
    index: usize,
    /// Which of all automata has it. None is 0.
    owner: u64,
}

/// The places that are given away, and those that came back.
#[derive(Debug)]
struct Places {
    free: Vec<usize>,
    next: usize,
    owners: u64,
}

static PLACES: Mutex<Places> = Mutex::new(Places::NEW);

/// What a thread keeps for the automata that it uses.
#[derive(Debug, Default)]
pub(super) struct Caches {
    kept: Vec<Kept>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    /// The automaton that this is of.
    owner: u64,
    states: Option<Box<Cache>>,
    bytes: usize,
    /// The pattern that matched last.
    last: usize,
    /// Texts that are still to be let through unseen, and how many it will be the next time.
    paused: u32,
    pause: u32,
}

/// The states need more memory than they may have, again and again.
struct Thrashing;

impl Automaton {
    pub(super) fn new(trees: Vec<Arc<Node>>, precision: Precision) -> Automaton {
        debug_assert!((1..=Candidates::MOST).contains(&trees.len()));
        Automaton {
            trees,
            precision,
            dfa: OnceLock::new(),
            place: PLACES.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }

    /// The patterns of which a match may begin at byte `from` or later; `None` when it cannot tell now.
    pub(super) fn candidates(
        &self,
        text: &str,
        from: usize,
        caches: &mut Caches,
    ) -> Option<Candidates> {
        let dfa = self
            .dfa
            .get_or_init(|| build(&self.trees, self.precision))
            .as_ref()?;
        let kept = caches.of(self.place);
        if kept.paused > 0 {
            kept.paused -= 1;
            return None;
        }
        let states = kept
            .states
            .get_or_insert_with(|| Box::new(dfa.create_cache()));
        let found = scan(dfa, states, text, from, Candidates::all(self.trees.len()));
        let bytes = states.memory_usage();
        if found.is_err() {
            kept.pause = (kept.pause * 2).clamp(PAUSE_TEXTS, MAX_PAUSE_TEXTS);
            kept.paused = kept.pause;
            states.reset(dfa);
        }
        caches.note_size(self.place.index, bytes);
        found.ok()
    }

    /// The patterns.
    pub(super) fn trees(&self) -> &[Arc<Node>] {
        &self.trees
    }

    /// The pattern that matched last in this thread: a guess at which one will next.
    pub(super) fn last_matched(&self, caches: &mut Caches) -> usize {
        caches.of(self.place).last
    }

    pub(super) fn note_match(&self, number: usize, caches: &mut Caches) {
        caches.of(self.place).last = number;
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        places.free.push(self.place.index);
    }
}

impl Places {
    const NEW: Places = Places {
        free: Vec::new(),
        next: 0,
        owners: 0,
    };

    fn take(&mut self) -> Place {
        let index = self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        self.owners += 1;
        Place {
            index,
            owner: self.owners,
        }
    }
}

impl Caches {
    fn of(&mut self, Place { index, owner }: Place) -> &mut Kept {
        if self.kept.len() <= index {
            self.kept.resize_with(index + 1, Kept::default);
        }
        let kept = &mut self.kept[index];
        if kept.owner != owner {
            self.bytes -= kept.bytes;
            *kept = Kept {
                owner,
                ..Kept::default()
            };
        }
        kept
    }

    /// Notes how much memory an automaton's states have now, and keeps the sum within its bound.
    fn note_size(&mut self, index: usize, bytes: usize) {
        let kept = &mut self.kept[index];
        if kept.bytes == bytes {
            return;
        }
        self.bytes = self.bytes - kept.bytes + bytes;
        kept.bytes = bytes;
        if self.bytes <= ALL_CACHES_BYTES {
            return;
        }
        for (other, kept) in self.kept.iter_mut().enumerate() {
            if other != index {
                (kept.states, kept.bytes) = (None, 0);
            }
        }
        self.bytes = bytes;
    }
}

/// The patterns of which a match ends somewhere in the text.
fn scan(
    dfa: &DFA,
    states: &mut Cache,
    text: &str,
    from: usize,
    all: Candidates,
) -> Result<Candidates, Thrashing> {
    let input = Input::new(text).span(from..text.len());
    let mut state = dfa
        .start_state_forward(states, &input)
        .map_err(|_| Thrashing)?;
    let mut found = Candidates::NONE;
    // The match states seen last: there is nothing new in them unless states were forgotten since.
    let mut seen = Seen::default();
    states.search_start(from);
    for (at, &byte) in text.as_bytes().iter().enumerate().skip(from) {
        state = match dfa.next_state(states, state, byte) {
            Ok(next) => next,
            Err(_) => {
                states.search_finish(at);
                return Err(Thrashing);
            }
        };
        if state.is_tagged() {
            if state.is_match() {
                if seen.is_new(state, states.clear_count()) {
                    found.add_matches(dfa, states, state);
                    if found == all {
                        states.search_finish(at);
                        return Ok(found);
                    }
                }
            } else if state.is_dead() {
                states.search_finish(at);
                return Ok(found);
            } else if state.is_quit() {
                states.search_finish(at);
                return Err(Thrashing);
            }
        }
    }
    states.search_finish(text.len());
    let state = dfa.next_eoi_state(states, state).map_err(|_| Thrashing)?;
    if state.is_match() {
        found.add_matches(dfa, states, state);
    }
    Ok(found)
}

/// The last few match states of a scan: a text that repeats itself goes round between them.
#[derive(Default)]
struct Seen {
    states: [Option<(LazyStateID, usize)>; 4],
    oldest: usize,
}

impl Seen {
    /// Notes a state, as it is numbered since states were forgotten so many times; false if it is among those noted.
    #[inline]
    fn is_new(&mut self, state: LazyStateID, clear_count: usize) -> bool {
        let this = Some((state, clear_count));
        if self.states.contains(&this) {
            return false;
        }
        self.states[self.oldest] = this;
        self.oldest = (self.oldest + 1) % self.states.len();
        true
    }
}

impl Candidates {
    fn add_matches(&mut self, dfa: &DFA, states: &Cache, state: LazyStateID) {
        for index in 0..dfa.match_len(states, state) {
            self.insert(dfa.match_pattern(states, state, index).as_usize());
        }
    }
}

fn build(trees: &[Arc<Node>], precision: Precision) -> Option<DFA> {
    let supersets = trees.iter().map(|tree| found_with(tree, precision));
    let supersets: Vec<_> = supersets.collect();
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(MAX_NFA_BYTES))
                .which_captures(WhichCaptures::None),
        )
        .build_many_from_hir(&supersets)
        .ok()?;
    let config = DFA::config()
        .match_kind(MatchKind::All)
        .cache_capacity(CACHE_BYTES)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(2))
        .minimum_bytes_per_state(Some(MIN_BYTES_PER_STATE));
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_again() {
        let mut places = Places::NEW;
        let first = places.take();
        assert_eq!(places.take().index, 1);
        places.free.push(first.index);
        let again = places.take();
        assert_eq!(again.index, first.index);
        assert_ne!(again.owner, first.owner);
        assert_eq!(places.take().index, 2);
    }

    #[test]
    fn states_of_an_automaton_that_is_gone_are_forgotten() {
        let of = |literal: &str| {
            let tree = Arc::new(Node::Literal(literal.into()));
            Automaton::new(vec![tree], Precision::Fine)
        };
        let mut caches = Caches::default();
        let finds = |automaton: &Automaton, text, caches: &mut Caches| {
            let found = automaton.candidates(text, 0, caches);
            found.expect("it can tell").contains(0)
        };
        let (old, mut new) = (of("abc"), of("xyz"));
        assert!(finds(&old, "an abc", &mut caches) && !finds(&old, "an xyz", &mut caches));
        old.note_match(0, &mut caches);
        let spare = std::mem::replace(&mut new.place.index, old.place.index);
        assert!(finds(&new, "an xyz", &mut caches) && !finds(&new, "an abc", &mut caches));
        let bytes = caches.of(new.place).bytes;
        assert!(bytes > 0 && caches.bytes == bytes);
        new.place.index = spare;
    }
}
