//! What a delivery counts, and what it tells people when it is in trouble.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::output::Responses;

/// Counters of one output. Every document ends in exactly one of `indexed`, `duplicates`,
/// `conflicts`, `dropped` and `rejected`.
#[derive(Default)]
pub struct Stats {
    /// Documents stored or removed.
    pub indexed: AtomicU64,
    /// Documents that were stored before.
    pub duplicates: AtomicU64,
    /// Documents of which another version was stored.
    pub conflicts: AtomicU64,
    /// Documents dropped because the configuration says so.
    pub dropped: AtomicU64,
    /// Documents that went to the dead letters.
    pub rejected: AtomicU64,
    /// Documents sent again because their own item failed.
    pub retried: AtomicU64,
    /// Bulk requests that were answered with items.
    pub requests: AtomicU64,
    /// Bulk requests that were not.
    pub failed_requests: AtomicU64,
    /// Time spent waiting for answers, in milliseconds.
    pub request_ms: AtomicU64,
    /// Bytes of request bodies as they went over the wire.
    pub sent_bytes: AtomicU64,
    /// Documents handed over and not yet done.
    pub in_flight: AtomicU64,
    responses: Mutex<Responses>,
    trouble: Mutex<Option<Held>>,
    told: Mutex<[Option<Told>; FAULTS]>,
}

/// Why documents are held, and since when.
#[derive(Clone, Debug)]
pub struct Held {
    /// Since when nothing got through.
    pub since: Instant,
    /// The last thing that went wrong.
    pub text: String,
}

/// Kinds of faults; each is told at most once in [`TELL_EVERY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NoAnswer,
    BadAnswer,
    Busy,
    Unavailable,
    Denied,
    Unexpected,
    Rejected,
    Conflict,
    TooLarge,
}

const FAULTS: usize = Fault::TooLarge as usize + 1;
const TELL_EVERY: Duration = Duration::from_secs(30);

#[derive(Clone, Copy)]
struct Told {
    at: Instant,
    silent: u64,
}

impl Stats {
    /// Why documents are held, where they are.
    pub fn held(&self) -> Option<Held> {
        lock(&self.trouble).clone()
    }

    /// The answers to bulk requests, by their HTTP status.
    pub fn responses(&self) -> Responses {
        *lock(&self.responses)
    }

    pub(super) fn answered(&self, status: u16) {
        lock(&self.responses).add(status);
    }

    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn subtract(counter: &AtomicU64, count: usize) {
        counter.fetch_sub(count as u64, Ordering::Relaxed);
    }

    pub(super) fn hold(&self, text: &str) {
        let mut trouble = lock(&self.trouble);
        let since = trouble
            .as_ref()
            .map_or_else(Instant::now, |held| held.since);
        *trouble = Some(Held {
            since,
            text: text.to_owned(),
        });
    }

    /// Something got through; gives for how long nothing had.
    pub(super) fn release(&self) -> Option<Duration> {
        lock(&self.trouble).take().map(|held| held.since.elapsed())
    }

    /// Whether to tell of this fault now; if so, how often it happened untold since the last time.
    pub(super) fn tell(&self, fault: Fault) -> Option<u64> {
        let mut told = lock(&self.told);
        let slot = &mut told[fault as usize];
        match slot {
            Some(told) if told.at.elapsed() < TELL_EVERY => {
                told.silent += 1;
                None
            }
            _ => {
                let silent = slot.map_or(0, |told| told.silent);
                *slot = Some(Told {
                    at: Instant::now(),
                    silent: 0,
                });
                Some(silent)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fault_that_lasts_is_told_now_and_then_with_its_count() {
        let stats = Stats::default();
        assert_eq!(stats.tell(Fault::Busy), Some(0));
        for _ in 0..5 {
            assert_eq!(stats.tell(Fault::Busy), None);
        }
        assert_eq!(stats.tell(Fault::Denied), Some(0));
        tokio::time::advance(TELL_EVERY).await;
        assert_eq!(stats.tell(Fault::Busy), Some(5));
        assert_eq!(stats.tell(Fault::Busy), None);
    }

    #[test]
    fn answers_are_counted_by_status() {
        let stats = Stats::default();
        [200, 429, 200]
            .iter()
            .for_each(|status| stats.answered(*status));
        let counted: Vec<_> = stats.responses().iter().collect();
        assert_eq!(counted, [(200, 2), (429, 1)]);
        (500..700).for_each(|status| stats.answered(status));
        assert_eq!(stats.responses().iter().count(), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn documents_are_held_since_the_first_fault_until_something_gets_through() {
        let stats = Stats::default();
        stats.hold("refused");
        tokio::time::advance(Duration::from_secs(3)).await;
        stats.hold("timeout");
        assert_eq!(stats.held().unwrap().text, "timeout");
        assert_eq!(stats.release(), Some(Duration::from_secs(3)));
        assert!(stats.held().is_none() && stats.release().is_none());
    }
}
