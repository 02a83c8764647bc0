//! What every input offers to whoever wires a pipeline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kelp_parser::record::RecordBatch;

use kelp_parser::in_flight::InFlight;

/// Records on their way to a worker.
#[derive(Clone)]
pub struct Batch {
    /// The records.
    pub records: Arc<dyn RecordBatch>,
    /// Which input of the pipeline they come from, as numbered by whoever started it.
    pub input: usize,
}

/// What bounds an input.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Counts the bytes that are in flight; clones of one count share the limit.
    pub in_flight: InFlight,
    /// So many bytes may be in flight; what an input prefetches comes on top. Near it nothing more is consumed
    /// ([`is_full`](Self::is_full)).
    pub in_flight_bytes: usize,
    /// Records in a batch, at most.
    pub batch_records: usize,
    /// Bytes in a batch, about; a single record may be larger.
    pub batch_bytes: usize,
    /// How long to wait for a batch to become full once it has a record (`pipeline.batch.delay`).
    pub batch_delay: Duration,
    /// How long to wait for what is in flight of a partition that is taken away, before its new owner
    /// may start and read again what was not settled.
    pub revoke_timeout: Duration,
}

impl Limits {
    /// Whether so much is in flight that nothing more is to be consumed.
    pub fn is_full(&self) -> bool {
        self.in_flight.is_full(self.in_flight_bytes)
    }

    /// Whether so much is in flight that nothing more would be consumed if no partition were paused.
    pub fn is_half_full(&self) -> bool {
        self.in_flight.with_expected() >= self.in_flight_bytes / 2
    }
}

impl Default for Limits {
    /// 64 MiB in flight, batches of 2,048 records or 2 MiB, 50 ms for a batch (Logstash's default), 5 s
    /// for a revocation.
    fn default() -> Self {
        Self {
            in_flight: InFlight::default(),
            in_flight_bytes: 64 << 20,
            batch_records: 2_048,
            batch_bytes: 2 << 20,
            batch_delay: Duration::from_millis(50),
            revoke_timeout: Duration::from_secs(5),
        }
    }
}

/// A running input.
///
/// It drops its sender when it has ended or was stopped: once all inputs have, the workers' channel is
/// disconnected.
pub trait Source: Send {
    /// Consumes nothing more. What was handed over is still waited for.
    fn stop(&self);

    /// Stops, waits until everything handed over is settled or `deadline` has come, commits what is
    /// settled and ends.
    fn drain(self: Box<Self>, deadline: Instant) -> Drained;

    /// What it is doing.
    fn state(&self) -> SourceState;

    /// A snapshot of its counters; cheap enough for every second.
    fn stats(&self) -> SourceStats;
}

/// What an input is doing.
#[derive(Clone, Debug)]
pub enum SourceState {
    /// Consuming, or waiting for something to consume.
    Running,
    /// Stopped or at its end; nothing more will come.
    Ended,
    /// It cannot go on; everything settled before stays safe.
    Failed(Arc<InputError>),
}

/// How draining went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Records that were handed over but not settled; they will be consumed again.
    pub unsettled_records: u64,
    /// Whether everything settled was also committed.
    pub committed: bool,
}

/// Counters of an input.
#[derive(Clone, Debug, Default)]
pub struct SourceStats {
    /// Records consumed since the start.
    pub consumed_records: u64,
    /// Bytes of their payloads and keys, with what is needed to keep them in memory.
    pub consumed_bytes: u64,
    /// Bytes in flight, of everything that shares the limit.
    pub in_flight_bytes: usize,
    /// Whether it waits for workers or outputs right now.
    pub is_stalled: bool,
    /// Whether its servers cannot be reached right now.
    pub is_unreachable: bool,
    /// How often it had to wait for them.
    pub stalls: u64,
    /// For how long altogether.
    pub stalled_time: Duration,
    /// Rebalances of the consumer group seen by its members here.
    pub rebalances: u64,
    /// Partitions taken away without notice, as a member was taken for gone: what was in flight of them is consumed again.
    pub lost_partitions: u64,
    /// Records that were not settled when their partition was taken away: its new owner consumes them again.
    pub abandoned_records: u64,
    /// For how long altogether partitions that were to be taken away were kept for what was in flight of them.
    pub revoking_time: Duration,
    /// Commits acknowledged by the broker.
    pub commits: u64,
    /// Commits refused or lost; what they held is committed with the next.
    pub commit_failures: u64,
    /// How often an offset was not there any more and `auto_offset_reset` was followed.
    pub offset_resets: u64,
    /// Records that were gone before they were consumed.
    pub skipped_records: u64,
    /// Records read again, as the offset went back without a change of the assignment.
    pub repeated_records: u64,
    /// Records consumed that were not settled when last looked at.
    pub unsettled_records: u64,
    /// The partitions assigned now.
    pub partitions: Vec<PartitionStats>,
}

/// Where the consumption of a partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStats {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The next offset to consume; unknown before the first record.
    pub position: Option<i64>,
    /// The offset below which everything is settled.
    pub settled: Option<i64>,
    /// The offset last committed by this member.
    pub committed: Option<i64>,
    /// The offset after the partition's last record, as of the last fetch.
    pub high_watermark: Option<i64>,
    /// Records consumed of it that were not settled when last looked at.
    pub unsettled_records: u64,
    /// Whether it stands still and is not consumed, so that the others go on.
    pub is_paused: bool,
}

impl PartitionStats {
    /// Records not consumed yet.
    pub fn lag(&self) -> Option<i64> {
        Some((self.high_watermark? - self.position?).max(0))
    }

    /// Records not committed yet: what would be consumed again after a crash, and what is yet to come.
    pub fn committed_lag(&self) -> Option<i64> {
        Some((self.high_watermark? - self.committed?).max(0))
    }
}

/// Why an input cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// An option that cannot be honoured.
    #[error("`{option}`: {message}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// librdkafka refused to make a client.
    #[error("cannot create a kafka consumer: {0}")]
    Client(String),
    /// Something that trying again does not cure.
    #[error("{message} ({code}); {help}")]
    Fatal {
        /// Kafka's or librdkafka's name for it.
        code: String,
        /// What happened.
        message: String,
        /// The next step.
        help: &'static str,
    },
    /// A file that cannot be read.
    #[error("cannot read `{path}`: {source}")]
    File {
        /// Its path, or the pattern.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system refused to start a thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}
