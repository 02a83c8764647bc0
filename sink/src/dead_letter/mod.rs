//! The dead letters: documents that can never be indexed, kept with all that is needed to see why
//! and to send them again.
//!
//! One thread writes them. It gives back a document's hold on its record only after the entry is
//! durable; when it cannot write, it keeps trying, loudly, and everything behind it waits, so that
//! consumption stops rather than a message be lost. It does not know where documents go.

mod entry;
mod segment;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use kelp_parser::record::RecordBatch;
use tokio::sync::mpsc;

use crate::reason::Reason;
use segment::Segment;

/// Where and how much.
#[derive(Clone, Debug)]
pub struct DeadLetterSettings {
    /// A directory; made where there is none.
    pub path: PathBuf,
    /// The most that all entries may take (Logstash's `dead_letter_queue.max_bytes`).
    pub max_bytes: u64,
}

/// A document that can never be indexed.
pub struct DeadLetter {
    /// The batch of the record that it was made of.
    pub batch: Arc<dyn RecordBatch>,
    /// That record's index. The document's hold on it is given back when the entry is durable.
    pub record: u32,
    /// As it was, or would have been, sent: the action line and, where there is one, the source line.
    pub document: Box<[u8]>,
    /// Why.
    pub reason: Reason,
}

/// The dead letters were closed: what was handed over is held for ever, so nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the dead letters are closed")]
pub struct Closed;

/// Where an output puts its dead letters. Cheap to clone.
#[derive(Clone)]
pub struct DeadLetters {
    parcels: mpsc::Sender<Parcel>,
    state: Arc<State>,
    pipeline: Arc<str>,
    output: Arc<str>,
}

/// The thread that writes, to be ended when all outputs are done.
pub struct DeadLetterStore {
    thread: thread::JoinHandle<()>,
    state: Arc<State>,
}

struct Parcel {
    pipeline: Arc<str>,
    output: Arc<str>,
    letters: Vec<DeadLetter>,
}

#[derive(Default)]
struct State {
    written: AtomicU64,
    failing: AtomicBool,
    give_up: AtomicBool,
}

/// Parcels that may wait. A bulk rejects few documents, so this is plenty unless writing fails.
const QUEUE_PARCELS: usize = 16;
/// How long to wait before a failed write is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// How often a fault that lasts is told again.
const REMIND_EVERY: u32 = 15;

impl DeadLetterStore {
    /// Opens or makes the store and starts its thread.
    pub fn open(settings: DeadLetterSettings) -> io::Result<(Self, DeadLetters)> {
        let segment = Segment::open(&settings)?;
        let (parcels, queue) = mpsc::channel(QUEUE_PARCELS);
        let state = Arc::new(State::default());
        let writer = Writer {
            segment,
            state: Arc::clone(&state),
            buffer: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("dead-letters".to_owned())
            .spawn(move || writer.run(queue))?;
        let handle = DeadLetters {
            parcels,
            state: Arc::clone(&state),
            pipeline: "main".into(),
            output: "".into(),
        };
        Ok((Self { thread, state }, handle))
    }

    /// Waits until everything handed over is durable. Call it when every [`DeadLetters`] is dropped;
    /// with `give_up` a write that fails is not tried again, and its documents stay held.
    pub fn close(self, give_up: bool) {
        self.state.give_up.store(give_up, Ordering::Relaxed);
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

impl DeadLetters {
    /// The same store for an output of a pipeline: entries name them.
    pub fn for_output(&self, pipeline: &str, output: &str) -> Self {
        Self {
            pipeline: pipeline.into(),
            output: output.into(),
            ..self.clone()
        }
    }

    /// Hands documents over, waiting while the store is behind. They are settled when they are durable.
    pub async fn submit(&self, letters: Vec<DeadLetter>) -> Result<(), Closed> {
        let parcel = self.parcel(letters);
        self.parcels.send(parcel).await.map_err(|_| Closed)
    }

    /// Like [`submit`](Self::submit), for threads outside of the runtime.
    pub fn submit_blocking(&self, letters: Vec<DeadLetter>) -> Result<(), Closed> {
        let parcel = self.parcel(letters);
        self.parcels.blocking_send(parcel).map_err(|_| Closed)
    }

    fn parcel(&self, letters: Vec<DeadLetter>) -> Parcel {
        Parcel {
            pipeline: Arc::clone(&self.pipeline),
            output: Arc::clone(&self.output),
            letters,
        }
    }

    /// Documents written since the start.
    pub fn written(&self) -> u64 {
        self.state.written.load(Ordering::Relaxed)
    }

    /// Whether the last write failed, so that consumption is about to stop or has stopped.
    pub fn is_failing(&self) -> bool {
        self.state.failing.load(Ordering::Relaxed)
    }
}

struct Writer {
    segment: Segment,
    state: Arc<State>,
    buffer: Vec<u8>,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Parcel>) {
        let mut parcels = Vec::new();
        while queue.blocking_recv_many(&mut parcels, QUEUE_PARCELS) > 0 {
            self.buffer.clear();
            for parcel in &parcels {
                for letter in &parcel.letters {
                    let now = SystemTime::now();
                    entry::write(&mut self.buffer, parcel, letter, now);
                }
            }
            if !self.persist() {
                return;
            }
            for letter in parcels.drain(..).flat_map(|parcel| parcel.letters) {
                letter.batch.receipts().settle(letter.record);
                self.state.written.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Makes the buffer durable, for as long as it takes; `false` when told to give up.
    fn persist(&mut self) -> bool {
        let mut attempts = 0;
        loop {
            let Err(error) = self.segment.append(&self.buffer) else {
                if self.state.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the dead letters can be written again");
                }
                return true;
            };
            self.state.failing.store(true, Ordering::Relaxed);
            if attempts % REMIND_EVERY == 0 {
                tracing::error!(
                    %error,
                    path = %self.segment.path().display(),
                    "the dead letters cannot be written; consumption stops until they can"
                );
            }
            attempts += 1;
            if self.state.give_up.load(Ordering::Relaxed) {
                return false;
            }
            thread::park_timeout(RETRY_EVERY);
        }
    }
}

#[cfg(test)]
mod tests;
