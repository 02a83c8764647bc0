//! Small inputs for trying a pipeline out: `stdin`, `generator`, and `file` in read mode.
//!
//! They read lines in blocks: one buffer and where each line lies. They end; nothing is remembered of
//! what was read, so a restart reads everything again.

mod batch;
mod file;
mod generator;
mod split;
mod stdin;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};
use kelp_parser::record::RecordBatch;

use self::batch::{LINE_OVERHEAD_BYTES, LineBatch, Numbering};
pub use self::file::{FileInputOptions, FileMode};
pub use self::generator::GeneratorInputOptions;
pub use self::stdin::StdinInputOptions;
use crate::source::{Batch, Drained, InputError, Limits, Source, SourceState, SourceStats};

/// How long to wait before looking whether to stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// A running input of lines.
pub struct LineInput {
    shared: Arc<Shared>,
    limits: Limits,
}

/// What the input's threads share with its handle.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    threads: AtomicU64,
    failure: OnceLock<Arc<InputError>>,
    records: AtomicU64,
    bytes: AtomicU64,
    stalls: AtomicU64,
    stalled_ms: AtomicU64,
    is_stalled: AtomicBool,
    /// What was handed over, in order, and not settled when last looked at.
    unsettled: Mutex<VecDeque<Arc<dyn RecordBatch>>>,
}

impl Shared {
    /// Forgets what is settled, and returns the rest.
    fn unsettled(&self) -> MutexGuard<'_, VecDeque<Arc<dyn RecordBatch>>> {
        let mut unsettled = self
            .unsettled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unsettled.retain(|batch| batch.receipts().first_unsettled(0) < batch.len() as u32);
        unsettled
    }

    fn unsettled_records(&self) -> u64 {
        let open = |batch: &Arc<dyn RecordBatch>| {
            let receipts = batch.receipts();
            (0..batch.len() as u32)
                .filter(|&record| !receipts.is_settled(record))
                .count() as u64
        };
        self.unsettled().iter().map(open).sum()
    }
}

impl LineInput {
    /// Runs each of the `jobs` on a thread of its own.
    fn start(
        name: &str,
        limits: Limits,
        (input, output): (usize, Sender<Batch>),
        jobs: Vec<impl FnOnce(Feed) -> Result<(), InputError> + Send + 'static>,
    ) -> Result<Self, InputError> {
        let shared = Arc::new(Shared::default());
        shared.threads.store(jobs.len() as u64, Ordering::Relaxed);
        for (number, job) in jobs.into_iter().enumerate() {
            let feed = Feed {
                shared: shared.clone(),
                limits: limits.clone(),
                input,
                output: output.clone(),
            };
            let shared = shared.clone();
            let run = move || {
                if let Err(error) = job(feed) {
                    let _ = shared.failure.set(Arc::new(error));
                }
                shared.threads.fetch_sub(1, Ordering::Release);
            };
            let builder = thread::Builder::new().name(format!("{name}-{number}"));
            builder.spawn(run).map_err(InputError::Thread)?;
        }
        Ok(Self { shared, limits })
    }
}

impl Source for LineInput {
    fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    fn drain(self: Box<Self>, deadline: Instant) -> Drained {
        self.stop();
        let is_done = || {
            self.shared.threads.load(Ordering::Acquire) == 0 && self.shared.unsettled().is_empty()
        };
        while !is_done() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        let unsettled_records = self.shared.unsettled_records();
        Drained {
            unsettled_records,
            committed: unsettled_records == 0,
        }
    }

    fn state(&self) -> SourceState {
        match (
            self.shared.failure.get(),
            self.shared.threads.load(Ordering::Acquire),
        ) {
            (Some(failure), _) => SourceState::Failed(failure.clone()),
            (None, 0) => SourceState::Ended,
            (None, _) => SourceState::Running,
        }
    }

    fn stats(&self) -> SourceStats {
        let shared = &self.shared;
        SourceStats {
            consumed_records: shared.records.load(Ordering::Relaxed),
            consumed_bytes: shared.bytes.load(Ordering::Relaxed),
            in_flight_bytes: self.limits.in_flight.bytes(),
            is_stalled: shared.is_stalled.load(Ordering::Relaxed),
            stalls: shared.stalls.load(Ordering::Relaxed),
            stalled_time: Duration::from_millis(shared.stalled_ms.load(Ordering::Relaxed)),
            unsettled_records: shared.unsettled_records(),
            ..SourceStats::default()
        }
    }
}

/// The way of one thread's lines to the workers.
struct Feed {
    shared: Arc<Shared>,
    limits: Limits,
    input: usize,
    output: Sender<Batch>,
}

impl Feed {
    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Hands lines over, waiting for room. Returns whether to go on.
    fn send(&self, (buffer, spans): (Arc<[u8]>, Arc<[Range<u32>]>), numbering: Numbering) -> bool {
        let started = Instant::now();
        let memory = buffer.len() + spans.len() * LINE_OVERHEAD_BYTES;
        while self.limits.is_full() {
            if self.is_stopped() {
                return false;
            }
            self.stalled();
            // Settled batches must be let go, or nothing would ever change.
            drop(self.shared.unsettled());
            thread::sleep(Duration::from_millis(5));
        }
        let share = self.limits.in_flight.share(memory);
        let records: Arc<dyn RecordBatch> =
            Arc::new(LineBatch::new(buffer, spans, numbering, share));
        self.shared
            .records
            .fetch_add(records.len() as u64, Ordering::Relaxed);
        self.shared
            .bytes
            .fetch_add(memory as u64, Ordering::Relaxed);
        self.shared.unsettled().push_back(records.clone());
        let mut batch = Batch {
            records,
            input: self.input,
        };
        loop {
            match self.output.send_timeout(batch, PATIENCE) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(back)) if self.is_stopped() => {
                    self.withdraw(&back.records);
                    return false;
                }
                Err(SendTimeoutError::Timeout(back)) => {
                    self.stalled();
                    batch = back;
                }
                Err(SendTimeoutError::Disconnected(back)) => {
                    self.withdraw(&back.records);
                    return false;
                }
            }
        }
        if self.shared.is_stalled.swap(false, Ordering::Relaxed) {
            let stalled_ms = started.elapsed().as_millis() as u64;
            self.shared
                .stalled_ms
                .fetch_add(stalled_ms, Ordering::Relaxed);
        }
        !self.is_stopped()
    }

    /// Nobody took the batch, so nobody will settle it.
    fn withdraw(&self, records: &Arc<dyn RecordBatch>) {
        let is_other = |batch: &Arc<dyn RecordBatch>| !Arc::ptr_eq(batch, records);
        self.shared.unsettled().retain(is_other);
        self.shared
            .records
            .fetch_sub(records.len() as u64, Ordering::Relaxed);
    }

    fn stalled(&self) {
        if !self.shared.is_stalled.swap(true, Ordering::Relaxed) {
            self.shared.stalls.fetch_add(1, Ordering::Relaxed);
        }
    }
}
