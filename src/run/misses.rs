//! Says in the log why lines were not matched: a few lines, now and then, beside the workers.
//!
//! A change of a format is a place where a pattern has never stopped before, and is told within a second or two. What
//! is known already is told again only after a while.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender};
use kelp_parser::grok::{Miss, Misses};
use kelp_parser::pipeline::Pipeline;

/// How often it looks at what was missed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between two looks it rests this many times as long as the last one took: many patterns take long to explain, and
/// lines may miss for days.
const REST: u32 = 19;

/// The longest that it rests.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How long the last look may hold the end of a pipeline up.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// After what time a place is told again.
const REPEAT_AFTER: Duration = Duration::from_secs(600);

/// How many lines a filter may write within [`WINDOW`].
const LINES: u32 = 6;
const WINDOW: Duration = Duration::from_secs(60);

/// How many places are remembered for each filter.
const PLACES: usize = 1_000;

/// A thread that looks at what the filters of a pipeline missed.
pub(super) struct MissWatch {
    stop: Sender<Infallible>,
    thread: JoinHandle<()>,
}

impl MissWatch {
    /// Starts it; `None` where no filter keeps what it misses, or there is no thread to be had.
    pub fn start(pipeline: &Pipeline) -> Option<Self> {
        let filters = pipeline.filter_names().zip(pipeline.misses()).enumerate();
        let mut watched: Vec<Watched> = filters
            .filter_map(|(at, ((name, id), misses))| {
                let id = id.map_or_else(|| format!("{name}_{at}"), str::to_owned);
                misses.map(|misses| Watched::new(id, Arc::clone(misses)))
            })
            .collect();
        if watched.is_empty() {
            return None;
        }
        let (stop, stopped) = crossbeam_channel::bounded::<Infallible>(0);
        let work = move || {
            let mut rest = LOOK_EVERY;
            loop {
                let ends = stopped.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected);
                let begun = Instant::now();
                watched.iter_mut().for_each(Watched::look);
                if ends {
                    break;
                }
                rest = rest_after(begun.elapsed());
            }
        };
        let thread = thread::Builder::new().name("misses".to_owned()).spawn(work);
        let thread = thread.ok()?;
        Some(Self { stop, thread })
    }

    /// Looks a last time, and ends; nobody waits long for it.
    pub fn end(self) {
        drop(self.stop);
        let begun = Instant::now();
        while !self.thread.is_finished() && begun.elapsed() < LAST_LOOK {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// How long to rest after a look that took so long.
fn rest_after(look: Duration) -> Duration {
    look.saturating_mul(REST).clamp(LOOK_EVERY, LONGEST_REST)
}

/// One filter, and what was told of it.
struct Watched {
    id: String,
    misses: Arc<Misses>,
    told: HashMap<(String, String), Instant>,
    window: Instant,
    lines: u32,
}

impl Watched {
    fn new(id: String, misses: Arc<Misses>) -> Self {
        Self {
            id,
            misses,
            told: HashMap::new(),
            window: Instant::now(),
            lines: 0,
        }
    }

    fn look(&mut self) {
        for miss in self.misses.look() {
            if self.is_to_be_told(&miss, Instant::now()) {
                tracing::warn!(filter = self.id, "{}", sentence(&miss));
            }
        }
    }

    fn is_to_be_told(&mut self, miss: &Miss, now: Instant) -> bool {
        if now.duration_since(self.window) >= WINDOW {
            (self.window, self.lines) = (now, 0);
        }
        let place = (miss.pattern.clone(), miss.place.clone());
        let is_fresh = self
            .told
            .get(&place)
            .is_some_and(|told| now.duration_since(*told) < REPEAT_AFTER);
        if is_fresh || self.lines >= LINES {
            return false;
        }
        if self.told.len() >= PLACES {
            self.told.clear();
        }
        self.told.insert(place, now);
        self.lines += 1;
        true
    }
}

/// One line for the log.
fn sentence(miss: &Miss) -> String {
    let Miss {
        field,
        pattern,
        explanation,
        ..
    } = miss;
    match miss.patterns {
        1 => format!("`{field}` does not match `{pattern}`: {explanation}"),
        count => format!(
            "`{field}` matches none of {count} patterns; `{pattern}` came furthest: {explanation}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kelp_parser::grok::{Grok, Library, PatternSet};

    fn miss(place: &str) -> Miss {
        Miss {
            field: "message".to_owned(),
            patterns: 1,
            pattern: "%{WORD:w}".to_owned(),
            place: place.to_owned(),
            explanation: "column 1: expected `%{WORD:w}`".to_owned(),
        }
    }

    fn watched() -> Watched {
        let library = Arc::new(Library::new(PatternSet::EcsV1));
        let grok = Grok::compile("%{WORD:w}", &library, true).unwrap();
        let lists = vec![("message".to_owned(), vec![Arc::new(grok)])];
        Watched::new("grok_0".to_owned(), Arc::new(Misses::new(library, lists)))
    }

    #[test]
    fn a_place_is_told_once_in_a_while() {
        let mut watched = watched();
        let now = Instant::now();
        assert!(watched.is_to_be_told(&miss("a"), now));
        assert!(!watched.is_to_be_told(&miss("a"), now + WINDOW));
        assert!(watched.is_to_be_told(&miss("b"), now + WINDOW));
        assert!(watched.is_to_be_told(&miss("a"), now + REPEAT_AFTER));
    }

    #[test]
    fn looks_that_take_long_are_rare() {
        assert_eq!(rest_after(Duration::ZERO), LOOK_EVERY);
        assert_eq!(rest_after(Duration::from_millis(5)), LOOK_EVERY);
        assert_eq!(rest_after(Duration::from_millis(500)).as_millis(), 9_500);
        assert_eq!(rest_after(Duration::MAX), LONGEST_REST);
    }

    #[test]
    fn many_places_make_few_lines() {
        let mut watched = watched();
        let now = Instant::now();
        let told = (0..5_000).filter(|place| watched.is_to_be_told(&miss(&place.to_string()), now));
        assert_eq!(told.count(), LINES as usize);
        assert!(watched.is_to_be_told(&miss("later"), now + WINDOW));
        assert!(watched.told.len() <= PLACES);
    }

    #[test]
    fn the_line_says_which_pattern() {
        assert_eq!(
            sentence(&miss("WORD:w")),
            "`message` does not match `%{WORD:w}`: column 1: expected `%{WORD:w}`"
        );
        let several = Miss {
            patterns: 3,
            ..miss("WORD:w")
        };
        assert!(sentence(&several).contains("none of 3 patterns; `%{WORD:w}` came furthest: "));
    }
}
