//! Counters of outputs that write at once, and the holds of what they have not written yet.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kelp_parser::receipt::Receipts;

use crate::output::{OutputStats, Provenance};

/// Counters of an output that writes at once.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    documents: AtomicU64,
    held: AtomicU64,
    is_stalled: AtomicBool,
}

impl Counters {
    /// Events were written.
    pub(crate) fn written(&self, events: u64) {
        self.documents.fetch_add(events, Ordering::Relaxed);
        self.is_stalled.store(false, Ordering::Relaxed);
    }

    /// Events could not be written and stay held.
    pub(crate) fn given_up(&self, events: u64) {
        self.held.fetch_add(events, Ordering::Relaxed);
        self.stalled();
    }

    /// Writing fails for now.
    pub(crate) fn stalled(&self) {
        self.is_stalled.store(true, Ordering::Relaxed);
    }

    /// Events that stay held.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn stats(&self) -> OutputStats {
        let acknowledged = self.documents.load(Ordering::Relaxed);
        OutputStats {
            documents: acknowledged + self.held(),
            acknowledged,
            in_flight: self.held(),
            is_stalled: self.is_stalled.load(Ordering::Relaxed),
            ..OutputStats::default()
        }
    }
}

/// Records whose events lie in a buffer, in the order of their events.
#[derive(Debug, Default)]
pub(crate) struct Pending(Vec<u32>);

impl Pending {
    /// An event lies in the buffer now.
    pub(crate) fn hold(&mut self, from: &Provenance<'_>) {
        from.receipts.hold(from.index);
        self.0.push(from.index);
    }

    /// The buffer was written; gives the number of its events.
    pub(crate) fn settle(&mut self, receipts: &Receipts) -> u64 {
        let events = self.0.len() as u64;
        self.0.drain(..).for_each(|record| receipts.settle(record));
        events
    }

    /// The buffer cannot be written: its events stay held; gives their number.
    pub(crate) fn forget(&mut self) -> u64 {
        let events = self.0.len() as u64;
        self.0.clear();
        events
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
