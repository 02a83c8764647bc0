//! Dead letters as a source of records: followed by the input `dead_letter_queue`, or read once by
//! `kelp dlq replay`.
//!
//! A position is remembered only when everything before it is settled.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};
use kelp_ingest::{Batch, Drained, InputError, Limits, Source, SourceState, SourceStats};
use kelp_parser::record::RecordBatch;
use kelp_sink::dead_letter::{Entry, Position, ReadError, Reader, segments};
use kelp_sink::replace::replace;

use super::batch::{LetterBatch, OwnedRecord};

/// How often the store is asked for more, and whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the position is written.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// What is read, and how.
#[derive(Clone, Debug)]
pub struct Reading {
    /// A pipeline's directory.
    pub directory: PathBuf,
    /// Where to begin.
    pub from: Position,
    /// Entries from before are passed over; an ISO 8601 time.
    pub since: Option<String>,
    /// What becomes a record.
    pub what: What,
    /// Where the position is kept.
    pub sincedb: Option<PathBuf>,
    /// Whether segments that were read and settled are deleted.
    pub clean_consumed: bool,
}

/// What becomes a record, and when reading ends.
#[derive(Clone, Debug)]
pub enum What {
    /// Entries as they are, for ever.
    Entries,
    /// The original records of those entries that are chosen, up to a position.
    Originals(Choice, Position),
}

/// Which entries are meant.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Where they begin; empty for all.
    pub positions: Vec<Position>,
    /// The type of their reason.
    pub reason: Option<String>,
    /// The topic that they came from.
    pub topic: Option<String>,
    /// Not before this time, in ISO 8601.
    pub since: Option<String>,
}

impl Choice {
    /// Whether an entry is.
    pub fn contains(&self, at: Position, entry: &Entry) -> bool {
        use kelp_sink::dead_letter::Origin;
        let topic = match &entry.origin {
            Origin::Kafka { topic, .. } => Some(topic),
            Origin::Line { .. } => None,
        };
        (self.positions.is_empty() || self.positions.contains(&at))
            && self
                .reason
                .as_ref()
                .is_none_or(|reason| *reason == entry.reason.r#type)
            && self
                .topic
                .as_ref()
                .is_none_or(|wanted| topic == Some(wanted))
            && self
                .since
                .as_ref()
                .is_none_or(|since| *entry.time >= **since)
    }
}

/// A running source.
pub struct LetterSource {
    shared: Arc<Shared>,
    limits: Limits,
    thread: JoinHandle<Drained>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    deadline: OnceLock<Instant>,
    ended: AtomicBool,
    failure: OnceLock<Arc<InputError>>,
    records: AtomicU64,
    bytes: AtomicU64,
    unsettled: AtomicU64,
    is_stalled: AtomicBool,
}

struct Feed {
    shared: Arc<Shared>,
    limits: Limits,
    input: usize,
    output: Option<Sender<Batch>>,
    reading: Reading,
    reader: Reader,
    /// What was handed over and is not settled, with where each record's entry ends.
    unsettled: VecDeque<(Arc<dyn RecordBatch>, Vec<Position>)>,
    settled: Position,
    written: Position,
    last_commit: Instant,
}

impl LetterSource {
    /// Starts to read.
    pub fn start(
        reading: Reading,
        limits: Limits,
        input: usize,
        output: Sender<Batch>,
    ) -> Result<Self, InputError> {
        let from = match &reading.sincedb {
            Some(path) => read_position(path).map_err(|source| file_error(path, source))?,
            None => None,
        };
        let mut reading = reading;
        match from {
            // The start is for the first time only.
            Some(from) if !is_ahead(from, &reading.directory) => {
                (reading.from, reading.since) = (from, None);
            }
            Some(from) => tracing::warn!(
                directory = %reading.directory.display(), segment = from.segment, offset = from.offset,
                "the dead letters were read up to a place that is not there: they were made anew, and are read from their start"
            ),
            None => {}
        }
        let shared = Arc::new(Shared::default());
        let feed = Feed {
            reader: Reader::new(&reading.directory, reading.from),
            shared: Arc::clone(&shared),
            limits: limits.clone(),
            input,
            output: Some(output),
            unsettled: VecDeque::new(),
            settled: reading.from,
            written: reading.from,
            last_commit: Instant::now(),
            reading,
        };
        let thread = thread::Builder::new()
            .name("dead-letter-input".to_owned())
            .spawn(move || feed.run())
            .map_err(InputError::Thread)?;
        Ok(Self {
            shared,
            limits,
            thread,
        })
    }
}

impl Source for LetterSource {
    fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    fn drain(self: Box<Self>, deadline: Instant) -> Drained {
        let _ = self.shared.deadline.set(deadline);
        self.stop();
        self.thread.join().unwrap_or_default()
    }

    fn state(&self) -> SourceState {
        match self.shared.failure.get() {
            Some(failure) => SourceState::Failed(Arc::clone(failure)),
            None if self.shared.ended.load(Ordering::Acquire) => SourceState::Ended,
            None => SourceState::Running,
        }
    }

    fn stats(&self) -> SourceStats {
        let shared = &self.shared;
        SourceStats {
            consumed_records: shared.records.load(Ordering::Relaxed),
            consumed_bytes: shared.bytes.load(Ordering::Relaxed),
            in_flight_bytes: self.limits.in_flight.bytes(),
            is_stalled: shared.is_stalled.load(Ordering::Relaxed),
            unsettled_records: shared.unsettled.load(Ordering::Relaxed),
            ..SourceStats::default()
        }
    }
}

impl Feed {
    fn run(mut self) -> Drained {
        while !self.is_stopped() {
            self.advance();
            match self.read() {
                Ok(Some(records)) if records.is_empty() => self.wait(),
                Ok(Some(records)) => self.send(records),
                Ok(None) => break,
                Err(error) => {
                    let failed = InputError::File {
                        path: self.reading.directory.display().to_string(),
                        source: io::Error::other(error),
                    };
                    let _ = self.shared.failure.set(Arc::new(failed));
                    break;
                }
            }
        }
        self.output = None;
        self.shared.ended.store(true, Ordering::Release);
        self.drain()
    }

    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    fn wait(&self) {
        thread::sleep(LOOK_EVERY);
    }

    /// A batch of records and where each one's entry ends; empty if there is nothing for now, none at the end.
    fn read(&mut self) -> Result<Option<Vec<(OwnedRecord, Position)>>, ReadError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < self.limits.batch_records && bytes < self.limits.batch_bytes {
            let record = match &self.reading.what {
                What::Entries => {
                    let mut line = Vec::new();
                    let Some(began) = self.reader.next_line(&mut line)? else {
                        break;
                    };
                    if self.is_too_old(&line) {
                        continue;
                    }
                    let store = self.reading.directory.to_string_lossy();
                    OwnedRecord::of_line(line, began, &store)
                }
                What::Originals(choice, until) => {
                    let next = match self.reader.next_entry() {
                        // The line was passed over, as `kelp dlq list` does.
                        Err(error @ ReadError::Entry { .. }) => {
                            tracing::warn!("not replayed: {error}");
                            continue;
                        }
                        next => next?.filter(|(began, _)| began < until),
                    };
                    let Some((began, entry)) = next else {
                        return Ok((!records.is_empty()).then_some(records));
                    };
                    if !choice.contains(began, &entry) {
                        continue;
                    }
                    OwnedRecord::of_original(entry)
                }
            };
            bytes += record.bytes();
            records.push((record, self.reader.position()));
        }
        Ok(Some(records))
    }

    /// Whether an entry is from before the start; the first that is not ends the question.
    fn is_too_old(&mut self, line: &[u8]) -> bool {
        let Some(since) = &self.reading.since else {
            return false;
        };
        let entry = serde_json::from_slice::<Entry>(line);
        let too_old = entry.is_ok_and(|entry| *entry.time < **since);
        if !too_old {
            self.reading.since = None;
        }
        too_old
    }

    fn send(&mut self, records: Vec<(OwnedRecord, Position)>) {
        let (records, ends): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let bytes = records.iter().map(OwnedRecord::bytes).sum();
        while self.limits.is_full() && !self.is_stopped() {
            self.shared.is_stalled.store(true, Ordering::Relaxed);
            self.advance();
            thread::sleep(Duration::from_millis(5));
        }
        let count = records.len() as u64;
        let share = self.limits.in_flight.share(bytes);
        let records: Arc<dyn RecordBatch> = Arc::new(LetterBatch::new(records, share));
        let mut batch = Batch {
            records: Arc::clone(&records),
            input: self.input,
        };
        loop {
            let Some(output) = &self.output else { return };
            match output.send_timeout(batch, LOOK_EVERY) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(_)) if self.is_stopped() => return,
                Err(SendTimeoutError::Timeout(back)) => {
                    self.shared.is_stalled.store(true, Ordering::Relaxed);
                    batch = back;
                    self.advance();
                }
                Err(SendTimeoutError::Disconnected(_)) => {
                    self.shared.stop.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
        self.shared.is_stalled.store(false, Ordering::Relaxed);
        self.shared.records.fetch_add(count, Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.unsettled.push_back((records, ends));
    }

    /// Looks at what was settled, and writes the position when it is time.
    fn advance(&mut self) {
        while let Some((batch, ends)) = self.unsettled.front() {
            let open = batch.receipts().first_unsettled(0) as usize;
            if open > 0 {
                self.settled = ends[open - 1];
            }
            if open < ends.len() {
                break;
            }
            self.unsettled.pop_front();
        }
        let unsettled = self.unsettled.iter().map(|(_, ends)| ends.len() as u64);
        self.shared
            .unsettled
            .store(unsettled.sum(), Ordering::Relaxed);
        if self.last_commit.elapsed() >= COMMIT_EVERY {
            self.commit();
        }
    }

    /// Whether the position is kept, as far as it is to be.
    fn commit(&mut self) -> bool {
        self.last_commit = Instant::now();
        let Some(path) = &self.reading.sincedb else {
            return true;
        };
        if self.settled == self.written {
            return true;
        }
        if let Err(error) = write_position(path, self.settled) {
            tracing::warn!(path = %path.display(), %error, "the position in the dead letters cannot be kept; some are read again after a restart");
            return false;
        }
        self.written = self.settled;
        if self.reading.clean_consumed {
            self.delete_consumed();
        }
        true
    }

    fn delete_consumed(&self) {
        let consumed = segments(&self.reading.directory).unwrap_or_default();
        for segment in consumed {
            if segment.number < self.written.segment
                && let Err(error) = fs::remove_file(&segment.path)
            {
                tracing::warn!(path = %segment.path.display(), %error, "dead letters that were consumed cannot be deleted");
            }
        }
    }

    fn drain(mut self) -> Drained {
        loop {
            self.advance();
            let deadline = self.shared.deadline.get();
            let is_over = deadline
                .is_some_and(|deadline| self.unsettled.is_empty() || Instant::now() >= *deadline);
            if is_over {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let open = |batch: &Arc<dyn RecordBatch>| {
            let receipts = batch.receipts();
            let records = 0..batch.len() as u32;
            records
                .filter(|record| !receipts.is_settled(*record))
                .count() as u64
        };
        Drained {
            committed: self.commit(),
            unsettled_records: self.unsettled.iter().map(|(batch, _)| open(batch)).sum(),
        }
    }
}

fn file_error(path: &Path, source: io::Error) -> InputError {
    InputError::File {
        path: path.display().to_string(),
        source,
    }
}

/// Where reading was left; none the first time.
fn read_position(path: &Path) -> io::Result<Option<Position>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(segment)), Some(Ok(offset))) => Ok(Some(Position { segment, offset })),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is no position; delete the file to read from the start",
        )),
    }
}

/// Whether the store ends before a position in it, so that it is another store than the one that was read. One that is not
/// there, or that nothing was written to yet, says nothing.
fn is_ahead(position: Position, directory: &Path) -> bool {
    let all = segments(directory).unwrap_or_default();
    all.last().is_some_and(|last| {
        let end = Position {
            segment: last.number,
            offset: last.bytes,
        };
        position > end
    })
}

/// Replaces the file at once, so that a crash leaves the old position or the new one.
fn write_position(path: &Path, position: Position) -> io::Result<()> {
    replace(path, &format!("{} {}\n", position.segment, position.offset))
}

#[cfg(test)]
mod tests;
