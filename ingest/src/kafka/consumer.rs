//! One member of the consumer group, on a thread of its own.
//!
//! The thread never blocks for long: whatever the workers do, it keeps polling librdkafka, so that it
//! is not taken for dead (`max.poll.interval.ms`). When the workers' channel is full or too much is in
//! flight, it just leaves the messages in their queue: librdkafka stops fetching at the bounds of that
//! queue and goes on by itself. Nothing is paused, so nothing prefetched is thrown away and fetched
//! again; only a partition that stands still while others could go on is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender, TrySendError};
use kelp_parser::record::RecordBatch;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, warn};

use super::batch_queue::{Client, MessageBatch, PartitionError, Run};
use super::context::SETTLING_INTERVAL;
use crate::source::{Batch, Drained, Limits};

/// How long to wait for workers or for messages before the next look at librdkafka's events.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long to sleep while too much is in flight.
const STALL_INTERVAL: Duration = Duration::from_millis(5);
/// How often to look which partitions stand still.
const BALANCE_INTERVAL: Duration = Duration::from_millis(250);
/// How often to look at what was settled, at least.
const ADVANCE_INTERVAL: Duration = Duration::from_millis(20);
/// Events served in a row; whether there was one, librdkafka's binding does not tell.
const EVENTS_AT_ONCE: usize = 8;
/// How long to wait before a last commit that failed is repeated.
const COMMIT_RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// What committing and leaving the group may take beyond the deadline.
const GRACE: Duration = Duration::from_secs(2);

/// What the thread shares with its handle.
#[derive(Default)]
pub(super) struct Shared {
    pub stop: AtomicBool,
    pub ended: AtomicBool,
    deadline: Mutex<Option<Instant>>,
    pub consumed_records: AtomicU64,
    pub consumed_bytes: AtomicU64,
    pub stalls: AtomicU64,
    pub stalled_ms: AtomicU64,
    pub is_stalled: AtomicBool,
}

impl Shared {
    /// Asks the thread to end, at `deadline` at the latest.
    pub fn drain(&self, deadline: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
        self.stop.store(true, Ordering::Relaxed);
    }

    fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own state.
pub(super) struct ConsumerThread {
    client: Arc<Client>,
    shared: Arc<Shared>,
    limits: Limits,
    commit_interval: Duration,
    input: usize,
    /// Gone once nothing more is to be handed over.
    output: Option<Sender<Batch>>,
    pending: Option<Pending>,
    /// Memory of a message, as seen last: how many fit into a batch.
    message_bytes: usize,
    errors: Vec<PartitionError>,
    last_advance: Instant,
    last_balance: Instant,
    last_commit: Instant,
    stalled_since: Option<Instant>,
}

/// A batch that the workers had no room for yet.
struct Pending {
    batch: Arc<MessageBatch>,
    runs: Vec<Run>,
    revision: u64,
}

impl ConsumerThread {
    pub fn new(
        client: Arc<Client>,
        shared: Arc<Shared>,
        limits: Limits,
        commit_interval: Duration,
        (input, output): (usize, Sender<Batch>),
    ) -> Self {
        let now = Instant::now();
        let batch_bytes = limits.batch_bytes.max(1);
        Self {
            client,
            shared,
            limits,
            commit_interval,
            input,
            output: Some(output),
            pending: None,
            // The first batch is of one message, from which on it is known.
            message_bytes: batch_bytes,
            errors: Vec::new(),
            last_advance: now,
            last_balance: now,
            last_commit: now,
            stalled_since: None,
        }
    }

    /// Consumes until stopped, then drains.
    pub fn run(mut self) -> Drained {
        while !self.shared.stop.load(Ordering::Relaxed) && self.is_healthy() {
            self.serve_events();
            self.maintain();
            if self.pending.is_some() {
                self.offer(PATIENCE);
            } else if self.limits.is_full() {
                self.stalled();
                thread::sleep(STALL_INTERVAL);
            } else {
                self.unstalled();
                self.consume();
            }
        }
        self.output = None;
        self.pending = None;
        self.unstalled();
        self.shared.ended.store(true, Ordering::Relaxed);
        self.drain()
    }

    fn is_healthy(&self) -> bool {
        self.client.consumer().context().errors().fatal().is_none()
    }

    /// Rebalances, results of commits, errors, logs.
    fn serve_events(&mut self) {
        let consumer = self.client.consumer();
        let errors = consumer.context().errors();
        for _ in 0..EVENTS_AT_ONCE {
            match consumer.poll(Duration::ZERO) {
                None => {}
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    errors.fail(
                        code,
                        "the consumer cannot go on",
                        "see the errors before this one",
                    );
                }
                // Already reported to the context.
                Some(Err(error)) => debug!("kafka: {error}"),
                Some(Ok(_)) => errors.fail(
                    RDKafkaErrorCode::Inconsistent,
                    "a message came past its queue",
                    "this is a defect of kelp: please report it",
                ),
            }
        }
    }

    /// Looks at what was settled, and commits when it is time.
    fn maintain(&mut self) {
        let now = Instant::now();
        let context = self.client.consumer().context();
        // A batch stays in memory until it is seen to be settled, so at high rates look more often.
        let much = self.limits.in_flight.bytes() > self.limits.in_flight_bytes / 4;
        if much || now.duration_since(self.last_advance) >= ADVANCE_INTERVAL {
            context.state().assignment.advance(now);
            self.last_advance = now;
        }
        if now.duration_since(self.last_balance) >= BALANCE_INTERVAL {
            context.balance(self.client.consumer(), &self.limits, now);
            if context.state().brokers.is_search_due(now) {
                warn!("kafka: no broker answers; those of `bootstrap_servers` are asked again");
                self.client.add_bootstrap_servers();
            }
            self.last_balance = now;
        }
        if now.duration_since(self.last_commit) >= self.commit_interval {
            context.commit_settled(self.client.consumer());
            self.last_commit = now;
        }
        self.discard_revoked();
    }

    /// Drops what was read but not handed over of partitions that were taken away meanwhile.
    fn discard_revoked(&mut self) {
        let Some(pending) = &mut self.pending else {
            return;
        };
        let state = self.client.consumer().context().state();
        if state.assignment.revision == pending.revision {
            return;
        }
        // Nobody else has it: the channel gave back what it did not take.
        if let Some(batch) = Arc::get_mut(&mut pending.batch) {
            let runs = batch.runs();
            let mut keep = vec![false; batch.len()];
            for run in &runs {
                let owned = state.assignment.owns(run, pending.revision);
                keep[run.range.start as usize..run.range.end as usize].fill(owned);
            }
            batch.retain(|index| keep[index as usize]);
            pending.runs = batch.runs();
            pending.revision = state.assignment.revision;
        }
        if pending.runs.is_empty() {
            drop(state);
            self.pending = None;
        }
    }

    fn consume(&mut self) {
        let fitting = self.limits.batch_bytes / self.message_bytes;
        let max = fitting.clamp(1, self.limits.batch_records.max(1));
        let patience = (PATIENCE, self.limits.batch_delay);
        let in_flight = &self.limits.in_flight;
        let read = MessageBatch::read(&self.client, max, patience, in_flight, &mut self.errors);
        let context = self.client.consumer().context();
        for error in self.errors.drain(..) {
            let place = format!("{}-{}: {}", error.topic, error.partition, error.text);
            context.errors().report(error.code, &place);
        }
        let Some(batch) = read else { return };
        self.message_bytes = (batch.memory_bytes() / batch.len()).max(1);
        self.shared
            .consumed_records
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.shared
            .consumed_bytes
            .fetch_add(batch.memory_bytes() as u64, Ordering::Relaxed);
        let runs = batch.runs();
        let mut state = context.state();
        state.brokers.found();
        state.assignment.accept(&runs, |index| batch.offset(index));
        if !state.holes.is_empty() {
            for run in &runs {
                let ends = (
                    batch.offset(run.range.start),
                    batch.offset(run.range.end - 1),
                );
                state.holes.came(&run.topic, run.partition, ends);
            }
        }
        let revision = state.assignment.revision;
        drop(state);
        self.pending = Some(Pending {
            batch: Arc::new(batch),
            runs,
            revision,
        });
        self.offer(Duration::ZERO);
    }

    /// Hands the pending batch over, if there is room for it before `patience` ends.
    fn offer(&mut self, patience: Duration) {
        let (Some(pending), Some(output)) = (self.pending.take(), &self.output) else {
            return;
        };
        let records: Arc<dyn RecordBatch> = pending.batch.clone();
        let batch = Batch {
            records: records.clone(),
            input: self.input,
        };
        let sent = match output.try_send(batch) {
            Err(TrySendError::Full(batch)) if !patience.is_zero() => {
                self.stalled();
                output_again(&self.output, batch, patience)
            }
            Err(TrySendError::Full(_)) => Sent::NoRoom,
            Err(TrySendError::Disconnected(_)) => Sent::NobodyThere,
            Ok(()) => Sent::Taken,
        };
        match sent {
            Sent::Taken => {
                self.client.consumer().context().state().assignment.track(
                    &records,
                    &pending.runs,
                    pending.batch.memory_bytes(),
                );
                self.unstalled();
            }
            Sent::NoRoom => {
                drop(records);
                self.pending = Some(pending);
            }
            Sent::NobodyThere => {
                warn!("the workers are gone; nothing more is consumed");
                self.shared.stop.store(true, Ordering::Relaxed);
            }
        }
    }

    fn stalled(&mut self) {
        if self.stalled_since.is_none() {
            self.stalled_since = Some(Instant::now());
            self.shared.stalls.fetch_add(1, Ordering::Relaxed);
            self.shared.is_stalled.store(true, Ordering::Relaxed);
        }
    }

    fn unstalled(&mut self) {
        if let Some(since) = self.stalled_since.take() {
            let stalled_ms = since.elapsed().as_millis() as u64;
            self.shared
                .stalled_ms
                .fetch_add(stalled_ms, Ordering::Relaxed);
            self.shared.is_stalled.store(false, Ordering::Relaxed);
        }
    }
}

enum Sent {
    Taken,
    NoRoom,
    NobodyThere,
}

fn output_again(output: &Option<Sender<Batch>>, batch: Batch, patience: Duration) -> Sent {
    let Some(output) = output else {
        return Sent::NobodyThere;
    };
    match output.send_timeout(batch, patience) {
        Ok(()) => Sent::Taken,
        Err(SendTimeoutError::Timeout(_)) => Sent::NoRoom,
        Err(SendTimeoutError::Disconnected(_)) => Sent::NobodyThere,
    }
}

/// The end.
impl ConsumerThread {
    /// Still a member of the group, waits for what is in flight; once asked to, commits and leaves.
    fn drain(mut self) -> Drained {
        let deadline = self.settle();
        let committed = self.commit_all(deadline + GRACE);
        let state = self.client.consumer().context().state();
        let drained = Drained {
            unsettled_records: state.assignment.unsettled_records(),
            committed,
        };
        drop(state);
        self.leave(deadline + GRACE);
        drained
    }

    /// Until a deadline is known and either all is settled or the deadline has come.
    fn settle(&mut self) -> Instant {
        loop {
            self.serve_events();
            self.maintain();
            let mut state = self.client.consumer().context().state();
            state.assignment.advance(Instant::now());
            let is_settled = state.assignment.is_settled(|_, _| true);
            drop(state);
            match self.shared.deadline() {
                Some(deadline) if is_settled || Instant::now() >= deadline => return deadline,
                _ => thread::sleep(SETTLING_INTERVAL),
            }
        }
    }

    /// Commits what is settled, again and again while the group is being rebalanced.
    fn commit_all(&mut self, deadline: Instant) -> bool {
        self.client.consumer().context().state().lost_commits = 0;
        loop {
            self.client
                .consumer()
                .context()
                .commit_settled(self.client.consumer());
            while self.client.consumer().context().state().commits_under_way > 0 {
                if Instant::now() >= deadline {
                    return false;
                }
                self.serve_events();
                thread::sleep(SETTLING_INTERVAL);
            }
            let state = self.client.consumer().context().state();
            if !state.assignment.has_commits() {
                return state.lost_commits == 0;
            }
            drop(state);
            thread::sleep(COMMIT_RETRY_INTERVAL);
        }
    }

    /// Leaves the group and destroys the client, once nobody holds a message of it any more.
    fn leave(mut self, deadline: Instant) {
        self.client.consumer().context().state().is_closing = true;
        let closing = self.client.consumer().close_queue();
        let is_closing = closing.is_ok();
        while is_closing && !self.client.consumer().closed() && Instant::now() < deadline {
            self.serve_events();
            thread::sleep(SETTLING_INTERVAL);
        }
        if is_closing && !self.client.consumer().closed() {
            warn!("kafka: the group was not left in time; its coordinator will notice");
            // Destroying the client would wait for that, possibly for ever.
            std::mem::forget(self.client);
            return;
        }
        while Arc::strong_count(&self.client) > 1 && Instant::now() < deadline {
            thread::sleep(SETTLING_INTERVAL);
        }
    }
}
