//! How many bytes are on their way, as records and as what outputs made of them: what back-pressure goes by.
//!
//! It lies here, as receipts do, because `ingest` and `sink` both count and do not know each other; nothing in this crate counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A count of bytes shared by all inputs, by every batch they handed out and by what outputs have not delivered.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicUsize,
    /// Of what is still to be made of records.
    expected: AtomicUsize,
    /// Partitions that are paused because what is in flight of them does not move.
    paused: AtomicUsize,
}

/// What is made of a record takes so many times its bytes, about: with `event.original`, which the usual codecs add, a document holds a
/// message twice.
const MADE_OF_RECORDS: usize = 2;

impl InFlight {
    /// Counts `bytes` until the returned share is dropped.
    pub fn share(&self, bytes: usize) -> Share {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        Share {
            total: self.clone(),
            bytes,
            expected: AtomicUsize::new(0),
        }
    }

    /// Counts the `bytes` of records, and, until [`Share::made`], what is expected to be made of them.
    pub fn share_of_records(&self, bytes: usize) -> Share {
        let expected = bytes * MADE_OF_RECORDS;
        self.0.expected.fetch_add(expected, Ordering::Relaxed);
        let mut share = self.share(bytes);
        share.expected = AtomicUsize::new(expected);
        share
    }

    /// Bytes of all shares that are alive.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of all shares that are alive, and those that are still to be made of records.
    pub fn with_expected(&self) -> usize {
        self.bytes() + self.0.expected.load(Ordering::Relaxed)
    }

    /// Whether nothing more is to be consumed when `limit` bytes may be in flight.
    ///
    /// That is at half of it, with what is expected to be made of records. When a partition comes to a stand
    /// and is paused, half of what is left is for the others, and half of what is left then when another one does: what stands still
    /// must not keep the rest from going on.
    pub fn is_full(&self, limit: usize) -> bool {
        let paused = self.0.paused.load(Ordering::Relaxed).min(16) as u32;
        self.with_expected() >= limit - (limit >> (paused + 1))
    }

    /// Counts a partition that is paused until what is returned is dropped.
    pub fn pause(&self) -> Paused {
        self.0.paused.fetch_add(1, Ordering::Relaxed);
        Paused(self.clone())
    }
}

/// A partition is paused as long as this lives.
#[derive(Debug)]
pub struct Paused(InFlight);

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.0.paused.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Some bytes, counted as long as this lives.
#[derive(Debug)]
pub struct Share {
    total: InFlight,
    bytes: usize,
    expected: AtomicUsize,
}

impl Share {
    /// How many bytes these are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What was to be made of the records was made: it has shares of its own, if it is anywhere.
    pub fn made(&self) {
        let expected = self.expected.swap(0, Ordering::Relaxed);
        if expected > 0 {
            let all = &self.total.0.expected;
            all.fetch_sub(expected, Ordering::Relaxed);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.made();
        self.total.0.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_still_leaves_room_for_the_rest() {
        let in_flight = InFlight::default();
        let share = in_flight.share(511);
        assert!(!in_flight.is_full(1024));
        let one_more = in_flight.share(1);
        assert!(in_flight.is_full(1024));
        let mut paused = vec![in_flight.pause()];
        assert!(!in_flight.is_full(1024));
        let most = in_flight.share(256);
        assert!(in_flight.is_full(1024));
        paused.push(in_flight.pause());
        assert!(!in_flight.is_full(1024));
        paused.extend((0..40).map(|_| in_flight.pause()));
        let rest = in_flight.share(256);
        assert_eq!(in_flight.bytes(), 1024);
        assert!(in_flight.is_full(1024), "never beyond the limit");
        drop((share, most, rest, paused));
        assert_eq!(in_flight.bytes(), one_more.bytes());
        assert!(!in_flight.is_full(4) && in_flight.is_full(1));
    }

    #[test]
    fn what_is_to_be_made_of_records_counts_until_it_is_made() {
        let in_flight = InFlight::default();
        let records = in_flight.share_of_records(100);
        assert_eq!((in_flight.bytes(), in_flight.with_expected()), (100, 300));
        assert!(in_flight.is_full(600) && !in_flight.is_full(602));
        records.made();
        let body = in_flight.share(150);
        assert_eq!((in_flight.bytes(), in_flight.with_expected()), (250, 250));
        drop((records, body));
        drop(in_flight.share_of_records(7));
        assert_eq!((in_flight.bytes(), in_flight.with_expected()), (0, 0));
    }
}
