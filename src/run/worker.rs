//! A worker: takes batches, runs each record through codec, filters and outputs, and hands the
//! outputs' requests over. Workers share nothing that is written.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvError, select};
use kelp_ingest::Batch;
use kelp_parser::codec::{DecodeContext, InvalidUtf8};
use kelp_parser::event::{Arena, Event, Object, Value, limit_fields};
use kelp_parser::flow::Position;
use kelp_parser::pipeline::WorkerState;
use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, Record, RecordBatch};
use kelp_parser::time::Timestamp;
use kelp_sink::dead_letter::{DeadLetter, DeadLetters};
use kelp_sink::{Provenance, Reason, Writer};

use super::poison::{EventLimits, Isolation, TOO_MANY_FIELDS, caught};
use super::stats::WorkerStats;
use super::topology::Topology;
use crate::clock::now;

/// How often filters are asked for what they hold back (as often as in Logstash).
const FLUSH_EVERY: Duration = Duration::from_secs(5);

/// One worker with its writers and its memory.
pub struct Worker {
    topology: Arc<Topology>,
    writers: Vec<Box<dyn Writer>>,
    stats: Arc<WorkerStats>,
    arena: Arena,
    state: WorkerState,
    flushes: bool,
    dead_letters: DeadLetters,
    limits: EventLimits,
    isolation: Isolation,
    poison: Vec<DeadLetter>,
    /// An output has panicked while it handed documents over.
    has_faulty_output: bool,
}

/// A record whose events took more memory than this leaves none of it to the next.
const ARENA_KEEPS_BYTES: usize = 4 << 20;
/// A writer that has so much is flushed at once.
const FLUSH_FROM_BYTES: usize = 10 << 20;

impl Worker {
    /// The first worker of a pipeline also flushes its filters.
    pub fn new(
        topology: Arc<Topology>,
        stats: Arc<WorkerStats>,
        dead_letters: DeadLetters,
        limits: EventLimits,
        flushes: bool,
    ) -> Self {
        let writers = topology
            .outputs
            .iter()
            .map(|output| output.writer())
            .collect();
        Self {
            topology,
            writers,
            stats,
            arena: limits.arena(),
            state: WorkerState::default(),
            flushes,
            dead_letters,
            limits,
            isolation: Isolation::default(),
            poison: Vec::new(),
            has_faulty_output: false,
        }
    }

    /// Works until every input has ended and the queue is empty, or `stop` is disconnected.
    pub fn run(mut self, batches: &Receiver<Batch>, stop: &Receiver<Infallible>) {
        limit_fields(self.limits.max_fields);
        loop {
            select! {
                recv(batches) -> batch => match batch {
                    Ok(batch) => self.process(&batch),
                    Err(RecvError) => break,
                },
                recv(stop) -> _ => break,
                default(FLUSH_EVERY) => {}
            }
            if self.flushes && self.stats.flush_is_due(FLUSH_EVERY) {
                self.flush_filters(false);
            }
        }
        if self.flushes {
            self.flush_filters(true);
        }
    }

    fn process(&mut self, batch: &Batch) {
        let begun = Instant::now();
        let receipts = batch.records.receipts();
        let now = now();
        for index in 0..batch.records.len() {
            let origin = || batch.records.record(index).origin;
            let mut isolation = std::mem::take(&mut self.isolation);
            let passed = isolation.run(origin, || self.process_record(batch, index, now));
            self.isolation = isolation;
            if self.has_faulty_output {
                std::panic::resume_unwind(Box::new("an output panicked"));
            }
            if let Err(reason) = passed {
                self.set_apart(&batch.records, index as u32, reason);
            }
            // The pass over the record is done; what was made of it has holds of its own.
            receipts.settle(index as u32);
            self.reset_arena();
        }
        batch.records.made();
        self.flush_writers(&batch.records);
        if !self.poison.is_empty() {
            // When the dead letters are closed the records stay held.
            let _ = self
                .dead_letters
                .submit_blocking(std::mem::take(&mut self.poison));
        }
        self.stats
            .publish(batch.records.len() as u64, begun, &self.state);
    }

    /// Hands over what was written.
    fn flush_writers(&mut self, batch: &Arc<dyn RecordBatch>) {
        flush(
            &self.topology,
            &mut self.writers,
            batch,
            0,
            &mut self.has_faulty_output,
        );
    }

    /// Readies the arena for the next record.
    fn reset_arena(&mut self) {
        match self.arena.allocated_bytes() > ARENA_KEEPS_BYTES {
            true => self.arena = self.limits.arena(),
            false => self.arena.reset(),
        }
    }

    /// The record is settled when it lies in the dead letters.
    fn set_apart(&mut self, batch: &Arc<dyn RecordBatch>, record: u32, reason: Reason) {
        self.state.scratch = Default::default();
        batch.receipts().hold(record);
        self.poison.push(DeadLetter {
            batch: Arc::clone(batch),
            record,
            document: Box::default(),
            reason,
        });
    }

    fn process_record(
        &mut self,
        batch: &Batch,
        index: usize,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let Self {
            topology,
            writers,
            stats,
            arena,
            state,
            limits,
            has_faulty_output,
            ..
        } = self;
        let input = &topology.inputs[batch.input];
        let record = &batch.records.record(index);
        let lineage = batch.records.lineage(index);
        let timestamp = input.timestamp_of(record, now);
        let invalid_utf8 = match record.origin {
            Origin::Kafka { .. } => InvalidUtf8::Replace,
            Origin::Line { .. } => InvalidUtf8::Escape,
        };
        let from = Provenance {
            record,
            index: index as u32,
            namespace: input.namespace(),
            receipts: batch.records.receipts(),
        };
        let (mut decoded, mut written) = (0, 0);
        // A field takes at least a byte, so that smaller messages have not too many.
        let is_large = record.payload.map_or(0, <[u8]>::len) >= limits.max_fields;
        let mut has_too_many_fields = false;
        let mut emit = |mut event: Event<'_>| {
            if is_large && !may_have(limits.max_fields, event.fields()) {
                has_too_many_fields = true;
                return;
            }
            event.set_lineage(lineage.then_decoded(decoded));
            decoded += 1;
            input.decorate(&mut event, record);
            topology
                .pipeline
                .run(event, now, state, &mut |event, state| {
                    if is_large && !may_have(limits.max_fields, event.fields()) {
                        has_too_many_fields = true;
                        return;
                    }
                    route(topology, writers, state, &event, &from);
                    flush(
                        topology,
                        writers,
                        &batch.records,
                        FLUSH_FROM_BYTES,
                        has_faulty_output,
                    );
                    written += 1;
                    // All of it lies in the arena: a walk through it to free nothing is spared.
                    std::mem::forget(event);
                });
        };
        input.decode(
            record,
            &mut DecodeContext {
                arena,
                timestamp,
                invalid_utf8,
                emit: &mut emit,
            },
        );
        stats.count_events(decoded.into(), written);
        if has_too_many_fields {
            return Err(Reason::unsent("event_too_large", TOO_MANY_FIELDS));
        }
        Ok(())
    }

    /// Lets filters give out what they hold back; `closing` when there is no next time. Such events belong to no record.
    fn flush_filters(&mut self, closing: bool) {
        let made: Arc<dyn RecordBatch> = Arc::new(NoRecord::default());
        let now = now();
        let Self {
            topology,
            writers,
            stats,
            arena,
            state,
            has_faulty_output,
            ..
        } = self;
        let mut written = 0;
        let record = made.record(0);
        let from = Provenance {
            record: &record,
            index: 0,
            namespace: "",
            receipts: made.receipts(),
        };
        let flushed = caught(|| {
            topology
                .pipeline
                .flush(arena, now, closing, state, &mut |event, state| {
                    route(topology, writers, state, &event, &from);
                    flush(
                        topology,
                        writers,
                        &made,
                        FLUSH_FROM_BYTES,
                        has_faulty_output,
                    );
                    written += 1;
                });
        });
        if *has_faulty_output {
            std::panic::resume_unwind(Box::new("an output panicked"));
        }
        stats.count_events(0, written);
        stats.publish_filters(state);
        if let Err(panicked) = flushed {
            tracing::error!(
                "a defect: the filters panicked ({panicked}) when asked for what they hold back; the pipeline goes on without it. Please report it"
            );
            state.scratch = Default::default();
        }
        made.receipts().settle(0);
        self.flush_writers(&made);
        self.reset_arena();
    }
}

/// Whether an object has at most `max` fields, those of objects within it included.
fn may_have(max: usize, object: &Object<'_>) -> bool {
    fn subtract(left: usize, value: &Value<'_>) -> Option<usize> {
        match value {
            Value::Object(object) => of_object(left, object),
            Value::Array(values) => values.iter().try_fold(left, subtract),
            _ => Some(left),
        }
    }
    fn of_object(left: usize, object: &Object<'_>) -> Option<usize> {
        let left = left.checked_sub(object.len())?;
        object
            .iter()
            .map(|(_, value)| value)
            .try_fold(left, subtract)
    }
    of_object(max, object).is_some()
}

/// Lets the writer of each output that the event reaches encode it.
pub(super) fn route(
    topology: &Topology,
    writers: &mut [Box<dyn Writer>],
    state: &mut WorkerState,
    event: &Event<'_>,
    from: &Provenance<'_>,
) {
    let mut position = Position::default();
    while let Some(output) = topology
        .output_flow
        .next(&mut position, event, &mut state.scratch)
    {
        writers[output as usize].write(event, from);
    }
}

/// Hands over what was written, by those writers that have at least `from_bytes` of it. A panic ends the worker, and the process with it:
/// what its writer had is held for ever, so that only a restart, which reads it again, is a way on.
fn flush(
    topology: &Topology,
    writers: &mut [Box<dyn Writer>],
    batch: &Arc<dyn RecordBatch>,
    from_bytes: usize,
    is_faulty: &mut bool,
) {
    for (number, writer) in writers.iter_mut().enumerate() {
        if writer.waiting_bytes() < from_bytes {
            continue;
        }
        if let Err(panicked) = caught(|| writer.flush(batch)) {
            let output = topology.output_names.get(number);
            let output = output.map_or("", |(name, _)| name.as_str());
            tracing::error!(
                output,
                "a defect: an output panicked ({panicked}) while it handed documents over; nothing behind them is committed, and kelp ends so that a restart reads them again. Please report it"
            );
            *is_faulty = true;
            std::panic::resume_unwind(Box::new("an output panicked"));
        }
    }
}

/// Stands for the record of events that no record was made into.
struct NoRecord {
    receipts: Receipts,
}

impl Default for NoRecord {
    fn default() -> Self {
        Self {
            receipts: Receipts::new(1),
        }
    }
}

impl RecordBatch for NoRecord {
    fn len(&self) -> usize {
        1
    }

    fn record(&self, _index: usize) -> Record<'_> {
        Record {
            payload: None,
            key: None,
            timestamp: None,
            origin: Origin::Line {
                source: "filters",
                number: 0,
            },
            headers: &(),
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }
}

#[cfg(test)]
mod tests;
