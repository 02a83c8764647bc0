//! A record that makes a codec, a filter or an output's writer panic, which is a defect of theirs, is set
//! apart: the others go on.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;
use std::time::{Duration, Instant};

use kelp_parser::event::{Arena, TooManyFields};
use kelp_parser::record::Origin;
use kelp_sink::Reason;

/// How often records set apart are told of.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Why a record is set apart of which an event has too many fields.
pub(super) const TOO_MANY_FIELDS: &str =
    "an event has more fields than kelp.event.max_fields allows";
/// What the arena and its collections say when it may not grow any more.
const ARENA_IS_FULL: [&str; 2] = ["out of memory", "encountered allocation error"];

/// What one record may become.
#[derive(Clone, Copy, Debug)]
pub struct EventLimits {
    /// Memory for the events made of it, in bytes (`kelp.event.max_bytes`).
    pub max_bytes: usize,
    /// Fields of one event, nested ones included (`kelp.event.max_fields`).
    pub max_fields: usize,
}

impl Default for EventLimits {
    /// 128 MiB and 50,000 fields: far beyond what Elasticsearch takes, and little enough for a worker.
    fn default() -> Self {
        Self {
            max_bytes: 128 << 20,
            max_fields: 50_000,
        }
    }
}

impl EventLimits {
    /// An arena for events. Beyond the limit an allocation panics, which [`caught`] tells from a defect.
    pub fn arena(self) -> Arena {
        let arena = Arena::new();
        arena.set_allocation_limit(Some(self.max_bytes));
        arena
    }
}

/// What stands between one worker's records, and tells of those that are set apart.
#[derive(Default)]
pub(super) struct Isolation {
    told: Option<Instant>,
    silent: u64,
}

impl Isolation {
    /// Runs `pass` over one record; a panic becomes the reason for the dead letters, as does the reason
    /// that `pass` gives.
    ///
    /// Whatever `pass` changes must be fit for the next record after it was left half way: the caller resets it.
    pub(super) fn run<'r>(
        &mut self,
        origin: impl FnOnce() -> Origin<'r>,
        pass: impl FnOnce() -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        let (is_defect, reason) = match caught(pass) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => (false, reason),
            Err(Panicked {
                too_large: Some(why),
                ..
            }) => (false, Reason::unsent("event_too_large", why)),
            Err(panicked) => (true, Reason::unsent("panic", panicked.to_string())),
        };
        if self.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            self.silent += 1;
            return Err(reason);
        }
        let silent = std::mem::take(&mut self.silent);
        self.told = Some(Instant::now());
        let origin = origin();
        match is_defect {
            true => tracing::error!(
                ?origin,
                silent,
                "a defect: a record made the pipeline panic ({}); it goes to the dead letters and the others go on. Please report it",
                reason.text
            ),
            false => tracing::warn!(
                ?origin,
                silent,
                %reason,
                "a record is set apart; it goes to the dead letters and the others go on"
            ),
        }
        Err(reason)
    }
}

/// What was said when something panicked, and where.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}{}{place}", if place.is_empty() { "" } else { ", at " })]
pub struct Panicked {
    text: String,
    place: String,
    /// What was too large, where it was no defect but a limit.
    too_large: Option<&'static str>,
}

impl Panicked {
    /// What to tell whoever gave the event: which limit it went beyond, or that this is a defect.
    pub fn advice(&self) -> String {
        match self.too_large {
            Some(why) => why.to_owned(),
            None => format!("a defect: the filters panicked ({self}). Please report it"),
        }
    }
}

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `pass`; gives what it said when it panicked.
pub fn caught<T>(pass: impl FnOnce() -> T) -> Result<T, Panicked> {
    note_places();
    // An output is flushed in the middle of a record.
    let is_within = IS_CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(pass));
    IS_CAUGHT.set(is_within);
    done.map_err(|panic| Panicked {
        text: text_of(&*panic).to_owned(),
        place: PLACE.take(),
        too_large: too_large(&*panic),
    })
}

fn too_large(panic: &(dyn Any + Send)) -> Option<&'static str> {
    let text = text_of(panic);
    if panic.is::<TooManyFields>() {
        Some(TOO_MANY_FIELDS)
    } else if ARENA_IS_FULL.iter().any(|words| text.starts_with(words)) {
        Some("what is made of the message takes more memory than kelp.event.max_bytes allows")
    } else {
        None
    }
}

/// Panics that are caught are told of by whoever caught them, so the hook only notes where they happened.
fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if !IS_CAUGHT.get() {
                return usual(info);
            }
            let place = info.location().map(ToString::to_string);
            PLACE.set(place.unwrap_or_default());
        }));
    });
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_reason_that_says_where_it_was() {
        let origin = Origin::Kafka {
            topic: "t",
            partition: 0,
            offset: 7,
        };
        let mut isolation = Isolation::default();
        let mut passed = 0;
        let pass = || {
            passed += 1;
            Ok(())
        };
        assert_eq!(isolation.run(|| origin, pass), Ok(()));
        assert_eq!(passed, 1);
        let index = passed + 1;
        let reason = isolation
            .run(|| origin, || panic!("no element {index}"))
            .unwrap_err();
        assert_eq!(reason.kind, "panic");
        assert!(
            reason
                .text
                .starts_with("no element 2, at src/run/poison.rs:"),
            "{reason}"
        );
        let given = Reason::unsent("x", "y");
        assert_eq!(isolation.run(|| origin, || Err(given.clone())), Err(given));
        assert_eq!(isolation.silent, 1);
    }

    #[test]
    fn too_many_fields_are_no_defect() {
        let origin = Origin::Line {
            source: "s",
            number: 0,
        };
        let pass = || std::panic::panic_any(TooManyFields);
        let reason = Isolation::default().run(|| origin, pass).unwrap_err();
        assert_eq!(
            (&reason.kind[..], &reason.text[..]),
            ("event_too_large", TOO_MANY_FIELDS)
        );
    }

    #[test]
    fn an_arena_that_is_full_is_no_defect() {
        let origin = Origin::Line {
            source: "s",
            number: 0,
        };
        let arena = Arena::new();
        arena.set_allocation_limit(Some(1 << 20));
        let mut text = "x".to_owned();
        let pass = || loop {
            text = arena.alloc_str(&text.repeat(2)).to_owned();
        };
        let reason = Isolation::default().run(|| origin, pass).unwrap_err();
        assert_eq!(reason.kind, "event_too_large");
        assert!(arena.allocated_bytes() <= 1 << 20);
    }
}
