//! The dead letters: documents that can never be indexed, kept with all that is needed to see why
//! and to send them again.
//!
//! One thread writes them. It gives back a document's hold on its record only after the entry is
//! durable; when it cannot write, it keeps trying, loudly, and everything behind it waits, so that
//! consumption stops rather than a message be lost. It does not know where documents go.

mod entry;
mod read;
mod segments;
mod store;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use kelp_parser::record::{Record, RecordBatch};
use tokio::sync::{Notify, mpsc};

use crate::reason::Reason;
pub use read::{Blob, Entry, Origin, Position, ReadError, Reader, Why};
pub use segments::{Segment, segments};
use store::Store;
pub use store::{DeadLetterSettings, StoragePolicy, purge};

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

/// A dead letter on its way to a [`Medium`].
pub struct Letter<'l> {
    /// When it was rejected.
    pub time: SystemTime,
    /// The pipeline's id.
    pub pipeline: &'l str,
    /// The `id` of the output that gave the document up, else the output's name; empty when it was none.
    pub output: &'l str,
    /// The document.
    pub letter: &'l DeadLetter,
}

impl Letter<'_> {
    /// The record that the document was made of.
    pub fn record(&self) -> Record<'_> {
        self.letter.batch.record(self.letter.record as usize)
    }

    /// The action line and the source line, where there are.
    pub fn lines(&self) -> (Option<&[u8]>, Option<&[u8]>) {
        let lines = self.letter.document.split(|byte| *byte == b'\n');
        let mut lines = lines.filter(|line| !line.is_empty());
        (lines.next(), lines.next())
    }

    /// About how much there is to write.
    fn bytes(&self) -> usize {
        let payload = self.record().payload.map_or(0, <[u8]>::len);
        payload + self.letter.document.len()
    }

    /// When it was rejected, in ISO 8601.
    pub fn time(&self) -> String {
        entry::system_time(self.time)
    }
}

/// What dead letters are written to: a directory, or a topic.
pub trait Medium: Send {
    /// Makes letters durable, all of them or, after an error, none: they come again.
    fn append(&mut self, letters: &[Letter<'_>]) -> io::Result<Appended>;

    /// Called now and then while there is nothing to write.
    fn look_after(&mut self) -> io::Result<()>;

    /// Where they lie, for people.
    fn place(&self) -> String;
}

/// What became of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// They are durable.
    pub written: u64,
    /// The configuration says to drop them ([`StoragePolicy::DropNewer`]).
    pub dropped: u64,
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
    time: SystemTime,
    letters: Vec<DeadLetter>,
}

#[derive(Default)]
struct State {
    written: AtomicU64,
    dropped: AtomicU64,
    failing: AtomicBool,
    give_up: AtomicBool,
    close: Notify,
}

/// Parcels that may wait. A bulk rejects few documents, so this is plenty unless writing fails.
const QUEUE_PARCELS: usize = 16;
/// About how much is made durable at a time.
const APPEND_BYTES: usize = 4 << 20;
/// How long to wait before a failed write is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// How often a fault that lasts is told again.
const REMIND_EVERY: u32 = 15;
/// How often the medium is looked after.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(60);

impl DeadLetterStore {
    /// Opens or makes the local store and starts its thread.
    pub fn open(settings: DeadLetterSettings) -> io::Result<(Self, DeadLetters)> {
        Self::start(Box::new(Store::open(settings)?))
    }

    /// Starts the thread that writes to `medium`.
    pub fn start(medium: Box<dyn Medium>) -> io::Result<(Self, DeadLetters)> {
        let (parcels, queue) = mpsc::channel(QUEUE_PARCELS);
        let state = Arc::new(State::default());
        let writer = Writer {
            medium,
            state: Arc::clone(&state),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = thread::Builder::new()
            .name("dead-letters".to_owned())
            .spawn(move || writer.run(&runtime, queue))?;
        let handle = DeadLetters {
            parcels,
            state: Arc::clone(&state),
            pipeline: "main".into(),
            output: "".into(),
        };
        Ok((Self { thread, state }, handle))
    }

    /// Waits until everything handed over is durable, and takes nothing more: what comes later stays held.
    /// With `give_up` a write that fails is not tried again, and its documents stay held.
    pub fn close(self, give_up: bool) {
        self.state.give_up.store(give_up, Ordering::Relaxed);
        self.state.close.notify_one();
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
            time: SystemTime::now(),
            letters,
        }
    }

    /// Documents written since the start.
    pub fn written(&self) -> u64 {
        self.state.written.load(Ordering::Relaxed)
    }

    /// Documents that were dropped since the start, because the store was full and its policy says so.
    pub fn dropped(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }

    /// Whether the last write failed, so that consumption is about to stop or has stopped.
    pub fn is_failing(&self) -> bool {
        self.state.failing.load(Ordering::Relaxed)
    }
}

struct Writer {
    medium: Box<dyn Medium>,
    state: Arc<State>,
}

impl Writer {
    fn run(mut self, runtime: &tokio::runtime::Runtime, mut queue: mpsc::Receiver<Parcel>) {
        let mut parcels = Vec::new();
        loop {
            let state = Arc::clone(&self.state);
            let received = runtime.block_on(async {
                tokio::select! {
                    biased;
                    received = queue.recv_many(&mut parcels, QUEUE_PARCELS) => Some(received),
                    () = state.close.notified() => {
                        // What was handed over is still written.
                        queue.close();
                        None
                    }
                    () = tokio::time::sleep(LOOK_AFTER_EVERY) => None,
                }
            });
            match received {
                Some(0) => return,
                Some(_) if !self.persist(&parcels) => return,
                Some(_) => parcels.clear(),
                None => self.look_after(),
            }
        }
    }

    /// Makes the parcels durable and gives back the holds; `false` when told to give up.
    fn persist(&mut self, parcels: &[Parcel]) -> bool {
        let each = parcels.iter().flat_map(|parcel| {
            parcel.letters.iter().map(|letter| Letter {
                time: parcel.time,
                pipeline: &parcel.pipeline,
                output: &parcel.output,
                letter,
            })
        });
        let letters: Vec<Letter<'_>> = each.collect();
        let mut rest = letters.as_slice();
        while !rest.is_empty() {
            // One at least. All at once may be more than the medium has room for, ever.
            let mut bytes = 0;
            let fits = rest.iter().take_while(|letter| {
                bytes += letter.bytes();
                bytes <= APPEND_BYTES
            });
            let (chunk, later) = rest.split_at(fits.count().max(1));
            if !self.append(chunk) {
                return false;
            }
            for Letter { letter, .. } in chunk {
                letter.batch.receipts().settle(letter.record);
            }
            rest = later;
        }
        true
    }

    /// Makes letters durable, for as long as it takes; `false` when told to give up.
    fn append(&mut self, letters: &[Letter<'_>]) -> bool {
        let mut attempts = 0;
        loop {
            let error = match self.medium.append(letters) {
                Ok(appended) => {
                    self.appended(appended);
                    return true;
                }
                Err(error) => error,
            };
            self.state.failing.store(true, Ordering::Relaxed);
            if attempts % REMIND_EVERY == 0 {
                tracing::error!(
                    %error,
                    place = %self.medium.place(),
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

    fn appended(&self, appended: Appended) {
        let state = &self.state;
        state.written.fetch_add(appended.written, Ordering::Relaxed);
        let dropped = state.dropped.fetch_add(appended.dropped, Ordering::Relaxed);
        if appended.dropped > 0 {
            tracing::error!(
                documents = appended.dropped,
                since_start = dropped + appended.dropped,
                place = %self.medium.place(),
                "the dead letters are full and dead_letter_queue.storage_policy is drop_newer: documents are lost"
            );
        }
        if state.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the dead letters can be written again");
        }
    }

    fn look_after(&mut self) {
        if let Err(error) = self.medium.look_after() {
            tracing::warn!(%error, place = %self.medium.place(), "old dead letters cannot be deleted");
        }
    }
}

#[cfg(test)]
mod tests;
