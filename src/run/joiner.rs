//! Joins the records of an input whose codec makes events of several, such as `multiline`.
//!
//! It stands between an input and the workers, on a thread of its own, because the order of a partition's records
//! is known only before workers share them. What it hands on is a batch like any other: each of its records is one
//! event's text, and has a hold on every record it was made of. Those holds are given back when the batch is
//! dropped, if its record was settled by then; so an offset is committed when all that its lines became part of is
//! acknowledged, and a line that is held back holds its offset. Lines of a partition that was taken away are dropped:
//! its new owner reads them again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use kelp_ingest::{Batch, Limits};
use kelp_parser::codec::{Codec, InvalidUtf8};
use kelp_parser::event::Lineage;
use kelp_parser::join::{Held, Join};
use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, Record, RecordBatch};
use kelp_parser::regex::Scratch;

/// How often to look whether something is held for too long.
const TICK: Duration = Duration::from_millis(100);
/// Streams of which lines may be held at once; beyond, the one that has waited longest ends its event.
const STREAMS_MAX: usize = 20_000;

/// A joiner's thread; it ends with its input.
pub(super) struct JoinerThread {
    thread: JoinHandle<()>,
    /// Set when it came to its end, other than by a panic.
    ended: Arc<AtomicBool>,
}

impl JoinerThread {
    /// Starts a joiner that takes from `batches`.
    pub fn start(joiner: Joiner, batches: Receiver<Batch>) -> std::io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new()
            .name(format!("joiner-{}", joiner.input))
            .spawn({
                let ended = Arc::clone(&ended);
                move || {
                    joiner.run(&batches);
                    ended.store(true, Ordering::Release);
                }
            })?;
        Ok(Self { thread, ended })
    }

    /// Whether it has died, which is a defect: what it held stays uncommitted.
    pub fn is_lost(&self) -> bool {
        self.thread.is_finished() && !self.ended.load(Ordering::Acquire)
    }
}

/// The joiner of one input.
pub(super) struct Joiner {
    codec: Arc<dyn Codec>,
    input: usize,
    limits: Limits,
    /// Whether a record without text is an empty line; Logstash's inputs differ in that.
    keeps_empty: bool,
    streams: HashMap<Stream, Open>,
    scratch: Scratch,
    output: Sender<Batch>,
    made: Made,
    looked: Instant,
    /// How many batches the workers and the outputs have.
    handed_on: Arc<AtomicUsize>,
}

/// What lines are joined within.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stream {
    Partition(Box<str>, i32),
    Source(Box<str>),
}

/// The lines of an event that has not ended.
struct Open {
    text: String,
    held: Held,
    /// Where the first line is among those of its record.
    first_line: u32,
    parts: Vec<Part>,
    touched: Instant,
}

/// A record that the event has lines of; there is a hold on it.
#[derive(Clone)]
struct Part {
    batch: Arc<dyn RecordBatch>,
    record: u32,
}

/// Joined records, each with what it was made of.
#[derive(Default)]
struct Made(Vec<Open>);

/// Joined records as a batch.
struct JoinedBatch {
    made: Made,
    receipts: Receipts,
    handed_on: Arc<AtomicUsize>,
}

impl Joiner {
    /// Joins what comes for input number `input`, whose codec must have a [`Join`].
    pub fn new(
        codec: Arc<dyn Codec>,
        (input, keeps_empty): (usize, bool),
        limits: Limits,
        output: Sender<Batch>,
    ) -> Self {
        Self {
            codec,
            input,
            limits,
            keeps_empty,
            streams: HashMap::new(),
            scratch: Scratch::default(),
            output,
            made: Made::default(),
            looked: Instant::now(),
            handed_on: Arc::default(),
        }
    }

    /// Joins until the input has ended; then all that is held ends too.
    fn run(mut self, batches: &Receiver<Batch>) {
        loop {
            match batches.recv_timeout(TICK) {
                Ok(batch) => self.take(&batch.records),
                Err(RecvTimeoutError::Timeout) => self.relieve(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_held();
            if !self.hand_on() {
                return;
            }
        }
        self.flush_where(|_| true);
        self.hand_on();
    }

    fn take(&mut self, batch: &Arc<dyn RecordBatch>) {
        // What is made of it here is text of its own.
        batch.made();
        let codec = Arc::clone(&self.codec);
        let Some(join) = codec.join() else { return };
        let mut stream: Option<Stream> = None;
        for index in 0..batch.len() {
            let record = batch.record(index);
            let stream = match &mut stream {
                Some(stream) if stream.has(record.origin) => stream,
                other => other.insert(Stream::of(record.origin)),
            };
            let invalid_utf8 = match record.origin {
                Origin::Kafka { .. } => InvalidUtf8::Replace,
                Origin::Line { .. } => InvalidUtf8::Escape,
            };
            let text = join.text(record.payload.unwrap_or_default(), invalid_utf8);
            let part = Part {
                batch: Arc::clone(batch),
                record: index as u32,
            };
            for (number, line) in (0..).zip(lines(&text, self.keeps_empty)) {
                self.add(join, stream, (number, line), &part);
            }
            // Each event has a hold of its own now.
            batch.receipts().settle(index as u32);
        }
    }

    fn add(&mut self, join: &dyn Join, stream: &Stream, (number, line): (u32, &str), part: &Part) {
        let mut held = Held::default();
        if let Some(open) = self.streams.get(stream) {
            if open.is_abandoned() {
                self.streams.remove(stream);
            } else {
                held = open.held;
            }
        }
        let place = join.place(line, held, &mut self.scratch);
        if place.ends_before {
            self.end(stream);
        }
        match self.streams.get_mut(stream) {
            Some(open) => open.append(line, part),
            None => {
                self.make_room();
                let open = Open::begin(line, number, part);
                self.streams.insert(stream.clone(), open);
            }
        }
        if place.ends_behind {
            self.end(stream);
        }
    }

    fn end(&mut self, stream: &Stream) {
        if let Some(open) = self.streams.remove(stream) {
            self.made.push(open);
        }
    }

    fn make_room(&mut self) {
        if self.streams.len() >= STREAMS_MAX {
            let oldest = self.streams.values().map(|open| open.touched).min();
            self.flush_where(|open| Some(open.touched) == oldest);
        }
    }

    /// Nothing comes: if that is because the memory is full of what is held here, or its partitions are paused for that, it ends, or
    /// nothing would ever come.
    fn relieve(&mut self) {
        if self.limits.is_half_full() && self.handed_on.load(Ordering::Acquire) == 0 {
            self.flush_where(|_| true);
        }
    }

    fn look_at_held(&mut self) {
        let after = self.codec.join().and_then(Join::flush_after);
        if self.looked.elapsed() < after.map_or(TICK, |after| TICK.min(after)) {
            return;
        }
        self.looked = Instant::now();
        self.give_back();
        if let Some(after) = after {
            self.flush_where(|open| open.touched.elapsed() >= after);
        }
    }

    /// Gives up lines of partitions that are being taken away: their new owner reads them with what follows.
    fn give_back(&mut self) {
        for (_, open) in self.streams.extract_if(|_, open| open.is_recalled()) {
            for part in &open.parts {
                part.batch.receipts().abandon(part.record);
            }
        }
    }

    fn flush_where(&mut self, ends: impl Fn(&Open) -> bool) {
        for (_, open) in self.streams.extract_if(|_, open| ends(open)) {
            self.made.push(open);
        }
    }

    /// Hands the events that have ended to the workers; returns whether there are any workers.
    fn hand_on(&mut self) -> bool {
        if self.made.0.is_empty() {
            return true;
        }
        let made = std::mem::take(&mut self.made);
        self.handed_on.fetch_add(1, Ordering::AcqRel);
        let records = Arc::new(JoinedBatch {
            receipts: Receipts::new(made.0.len()),
            made,
            handed_on: Arc::clone(&self.handed_on),
        });
        let input = self.input;
        self.output.send(Batch { records, input }).is_ok()
    }
}

/// The lines of a record as Ruby's `split("\n")` gives them: what is empty at the end is no line.
fn lines(text: &str, keeps_empty: bool) -> impl Iterator<Item = &str> {
    let trimmed = text.trim_end_matches('\n');
    let none = trimmed.is_empty() && !(keeps_empty && text.is_empty());
    trimmed.split('\n').filter(move |_| !none)
}

impl Stream {
    fn of(origin: Origin<'_>) -> Self {
        match origin {
            Origin::Kafka {
                topic, partition, ..
            } => Self::Partition(topic.into(), partition),
            Origin::Line { source, .. } => Self::Source(source.into()),
        }
    }

    fn has(&self, origin: Origin<'_>) -> bool {
        match (self, origin) {
            (
                Self::Partition(own, number),
                Origin::Kafka {
                    topic, partition, ..
                },
            ) => **own == *topic && *number == partition,
            (Self::Source(own), Origin::Line { source, .. }) => **own == *source,
            _ => false,
        }
    }
}

impl Open {
    fn begin(line: &str, number: u32, part: &Part) -> Self {
        part.batch.receipts().hold(part.record);
        Self {
            text: line.to_owned(),
            held: Held {
                lines: 1,
                bytes: line.len(),
            },
            first_line: number,
            parts: vec![part.clone()],
            touched: Instant::now(),
        }
    }

    fn append(&mut self, line: &str, part: &Part) {
        let is_held = self.parts.last().is_some_and(|last| last.is(part));
        if !is_held {
            part.batch.receipts().hold(part.record);
            self.parts.push(part.clone());
        }
        self.text.push('\n');
        self.text.push_str(line);
        self.held.lines += 1;
        self.held.bytes += line.len();
        self.touched = Instant::now();
    }

    /// Whether its partition is being taken away. Lines are asked for in order, so that all were when the last one was.
    fn is_recalled(&self) -> bool {
        let last = self.parts.last();
        last.is_some_and(|part| part.batch.receipts().is_recalled(part.record))
    }

    /// Whether its partition was taken away: somebody else reads its lines. All of them are abandoned at once.
    fn is_abandoned(&self) -> bool {
        let last = self.parts.last();
        last.is_some_and(|part| part.batch.receipts().is_abandoned(part.record))
    }
}

impl Part {
    fn is(&self, other: &Self) -> bool {
        self.record == other.record && Arc::ptr_eq(&self.batch, &other.batch)
    }
}

impl Made {
    fn push(&mut self, mut open: Open) {
        if !open.is_abandoned() {
            open.parts.shrink_to_fit();
            self.0.push(open);
        }
    }
}

impl RecordBatch for JoinedBatch {
    fn len(&self) -> usize {
        self.made.0.len()
    }

    /// The event's text with the coordinates of its first line.
    fn record(&self, index: usize) -> Record<'_> {
        let open = &self.made.0[index];
        let first = &open.parts[0];
        Record {
            payload: Some(open.text.as_bytes()),
            ..first.batch.record(first.record as usize)
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    fn lineage(&self, index: usize) -> Lineage {
        let open = &self.made.0[index];
        let lines = u32::try_from(open.held.lines).unwrap_or(u32::MAX);
        Lineage::joined(open.first_line, lines)
    }
}

impl Drop for JoinedBatch {
    /// Gives the holds back. What was not settled stays held: it was not delivered.
    fn drop(&mut self) {
        for (record, open) in self.made.0.iter().enumerate() {
            if self.receipts.is_settled(record as u32) {
                for part in &open.parts {
                    part.batch.receipts().settle(part.record);
                }
            }
        }
        self.handed_on.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
