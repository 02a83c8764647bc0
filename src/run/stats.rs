//! What the workers count. Each worker writes its own counters, at the end of a batch; readers add them up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kelp_parser::pipeline::{FilterCounters, WorkerState};

/// The counters of one worker.
pub struct WorkerStats {
    records: AtomicU64,
    events_in: AtomicU64,
    events_out: AtomicU64,
    busy_us: AtomicU64,
    filters: Mutex<Published>,
    last_flush: Mutex<Instant>,
}

/// What the filters of one worker have counted.
#[derive(Default)]
struct Published {
    counters: Vec<FilterCounters>,
    counts: Vec<Vec<u64>>,
}

/// The counters of all workers.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Records processed.
    pub records: u64,
    /// Events that codecs made of them.
    pub events_in: u64,
    /// Events that left the filters.
    pub events_out: u64,
    /// For how long workers were at work or waited for outputs, in milliseconds.
    pub busy_ms: u64,
    /// For each filter, in the order of the configuration.
    pub filters: Vec<FilterCounters>,
    /// What each filter has counted for itself.
    pub counts: Vec<Vec<u64>>,
}

impl Default for WorkerStats {
    fn default() -> Self {
        Self {
            records: AtomicU64::new(0),
            events_in: AtomicU64::new(0),
            events_out: AtomicU64::new(0),
            busy_us: AtomicU64::new(0),
            filters: Mutex::default(),
            last_flush: Mutex::new(Instant::now()),
        }
    }
}

impl WorkerStats {
    /// Counts the events of one record.
    pub fn count_events(&self, made: u64, left: u64) {
        // Only this worker writes, so plain additions are enough; readers may see them a little late.
        add(&self.events_in, made);
        add(&self.events_out, left);
    }

    /// Makes the counts of a batch visible, which was begun at `begun`.
    pub fn publish(&self, records: u64, begun: Instant, state: &WorkerState) {
        add(&self.records, records);
        add(&self.busy_us, begun.elapsed().as_micros() as u64);
        self.publish_filters(state);
    }

    /// Makes the counts of the filters visible.
    pub fn publish_filters(&self, state: &WorkerState) {
        let mut published = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        published.counters.clone_from(&state.counters);
        published.counts.clone_from(&state.counts);
    }

    /// Whether `every` has passed since this last said so.
    pub fn flush_is_due(&self, every: Duration) -> bool {
        let mut last = self
            .last_flush
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = last.elapsed() >= every;
        if due {
            *last = Instant::now();
        }
        due
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
}

impl Totals {
    /// Adds up the workers' counters.
    pub fn of<'w>(workers: impl Iterator<Item = &'w WorkerStats>) -> Self {
        let mut totals = Self::default();
        let mut busy_us = 0;
        for worker in workers {
            totals.records += worker.records.load(Ordering::Relaxed);
            totals.events_in += worker.events_in.load(Ordering::Relaxed);
            totals.events_out += worker.events_out.load(Ordering::Relaxed);
            busy_us += worker.busy_us.load(Ordering::Relaxed);
            let published = worker
                .filters
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            add_counts(&mut totals.counts, &published.counts);
            let filters = &published.counters;
            if totals.filters.len() < filters.len() {
                totals
                    .filters
                    .resize(filters.len(), FilterCounters::default());
            }
            for (total, counted) in totals.filters.iter_mut().zip(filters.iter()) {
                total.events_in += counted.events_in;
                total.events_out += counted.events_out;
                total.matched += counted.matched;
                total.busy_nanos += counted.busy_nanos;
            }
        }
        totals.busy_ms = busy_us / 1000;
        totals
    }
}

fn add_counts(totals: &mut Vec<Vec<u64>>, counted: &[Vec<u64>]) {
    if totals.len() < counted.len() {
        totals.resize_with(counted.len(), Vec::new);
    }
    for (total, counted) in totals.iter_mut().zip(counted) {
        if total.len() < counted.len() {
            total.resize(counted.len(), 0);
        }
        for (total, counted) in total.iter_mut().zip(counted) {
            *total += counted;
        }
    }
}
