//! The `kafka` input: a member of a consumer group, or several (`consumer_threads`).
//!
//! Offsets are committed only when everything made of a message has arrived or was dropped on purpose,
//! whatever `enable_auto_commit` says. Back-pressure is described in `consumer`, the way of the messages
//! in `batch_queue`, rebalances in `context`.

mod assignment;
mod batch_queue;
mod brokers;
mod client_config;
mod consumer;
mod context;
mod errors;
mod holes;
mod options;
mod security;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::Offset;
use tracing::{error, info};

use self::batch_queue::Client;
use self::consumer::{ConsumerThread, Shared};
use self::context::GroupContext;
pub use self::options::{
    DecorateEvents, IsolationLevel, KafkaInputOptions, SecurityProtocol, TimestampSource,
};
use crate::source::{Batch, Drained, InputError, Limits, Source, SourceState, SourceStats};
pub use batch_queue::add_bootstrap_servers;
pub use brokers::LostBrokers;

/// A running `kafka` input.
pub struct KafkaInput {
    limits: Limits,
    members: Vec<Member>,
}

/// One consumer and its thread.
struct Member {
    shared: Arc<Shared>,
    /// Weak, so that the thread can tell when nobody holds messages of the client any more.
    client: Weak<Client>,
    context: Arc<GroupContext>,
    thread: JoinHandle<Drained>,
}

impl KafkaInput {
    /// Starts as many consumers as `consumer_threads` says. Does not wait for the broker.
    pub fn start(
        options: &KafkaInputOptions,
        limits: Limits,
        input: usize,
        output: Sender<Batch>,
    ) -> Result<Self, InputError> {
        if options.enable_auto_commit == Some(true) {
            info!(
                "kafka: `enable_auto_commit` is not needed: offsets are committed once their documents are stored"
            );
        }
        let count = options.consumer_threads.0.max(1);
        let members = (0..count)
            .map(|number| Member::start(options, &limits, number, (input, output.clone())))
            .collect::<Result<_, _>>()?;
        Ok(Self { limits, members })
    }
}

impl KafkaInputOptions {
    /// Refuses what cannot be honoured, without a broker.
    pub fn check(&self) -> Result<(), InputError> {
        client_config::client_config(self, 0)?;
        client_config::subscription(self)?;
        Ok(())
    }

    /// As [`check`](Self::check), and has librdkafka look at everything, certificates too, by making a client
    /// that joins no group.
    pub fn probe(&self) -> Result<(), InputError> {
        client_config::subscription(self)?;
        let client: Result<BaseConsumer, _> = client_config::client_config(self, 0)?.create();
        match client {
            Ok(_) => Ok(()),
            Err(error) => Err(InputError::Client(error.to_string())),
        }
    }
}

impl Member {
    fn start(
        options: &KafkaInputOptions,
        limits: &Limits,
        number: u64,
        to: (usize, Sender<Batch>),
    ) -> Result<Self, InputError> {
        let config = client_config::client_config(options, number)?;
        let reset = match config.get("auto.offset.reset") {
            None | Some("latest" | "largest" | "end") => Some(Offset::End),
            Some("earliest" | "smallest" | "beginning") => Some(Offset::Beginning),
            Some(_) => None,
        };
        let group_id = options.group_id.clone();
        let bootstrap_servers = config
            .get("bootstrap.servers")
            .unwrap_or_default()
            .to_owned();
        let context = GroupContext::new(group_id, limits.revoke_timeout, reset);
        let consumer: BaseConsumer<GroupContext> = config
            .create_with_context(context)
            .map_err(|error| InputError::Client(error.to_string()))?;
        let client = Client::new(consumer, &bootstrap_servers)
            .ok_or_else(|| InputError::Client("librdkafka gave no queue".to_owned()))?;
        let client = Arc::new(client);
        let topics = client_config::subscription(options)?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        client
            .consumer()
            .subscribe(&topics)
            .map_err(|error| InputError::Client(error.to_string()))?;
        let shared = Arc::new(Shared::default());
        let commit_interval = Duration::from_millis(options.auto_commit_interval_ms.0);
        let limits = Limits {
            batch_records: limits.batch_records.min(
                options
                    .max_poll_records
                    .map_or(usize::MAX, |max| max.0 as usize),
            ),
            ..limits.clone()
        };
        let context = client.consumer().context().clone();
        let weak = Arc::downgrade(&client);
        let consumer = ConsumerThread::new(client, shared.clone(), limits, commit_interval, to);
        let thread = thread::Builder::new()
            .name(format!("kafka-{number}"))
            .spawn(move || consumer.run())
            .map_err(InputError::Thread)?;
        Ok(Self {
            shared,
            client: weak,
            context,
            thread,
        })
    }

    fn add_stats(&self, stats: &mut SourceStats) {
        let shared = &self.shared;
        stats.consumed_records += shared.consumed_records.load(Ordering::Relaxed);
        stats.consumed_bytes += shared.consumed_bytes.load(Ordering::Relaxed);
        stats.is_stalled |= shared.is_stalled.load(Ordering::Relaxed);
        stats.stalls += shared.stalls.load(Ordering::Relaxed);
        stats.stalled_time += Duration::from_millis(shared.stalled_ms.load(Ordering::Relaxed));
        let state = self.context.state();
        stats.is_unreachable |= state.brokers.is_lost();
        stats.rebalances += state.rebalances;
        stats.lost_partitions += state.lost_partitions;
        stats.abandoned_records += state.abandoned_records;
        stats.revoking_time += state.revoking_time;
        stats.commits += state.commits;
        stats.commit_failures += state.commit_failures;
        stats.offset_resets += state.holes.resets;
        stats.skipped_records += state.holes.skipped_records;
        stats.repeated_records += state.assignment.repeated_records;
        stats.unsettled_records += state.assignment.unsettled_records();
        let mut partitions = state.assignment.stats();
        drop(state);
        if let Some(client) = self.client.upgrade() {
            for partition in &mut partitions {
                let watermarks = client.cached_watermarks(&partition.topic, partition.partition);
                partition.high_watermark = watermarks.map(|(_, high)| high);
            }
        }
        stats.partitions.append(&mut partitions);
    }
}

impl Source for KafkaInput {
    fn stop(&self) {
        for member in &self.members {
            member.shared.stop.store(true, Ordering::Relaxed);
        }
    }

    fn drain(self: Box<Self>, deadline: Instant) -> Drained {
        for member in &self.members {
            member.shared.drain(deadline);
        }
        let mut all = Drained {
            unsettled_records: 0,
            committed: true,
        };
        for member in self.members {
            let drained = member.thread.join().unwrap_or_else(|_| {
                error!("a kafka consumer's thread panicked; what it had not committed is consumed again");
                Drained::default()
            });
            all.unsettled_records += drained.unsettled_records;
            all.committed &= drained.committed;
        }
        all
    }

    fn state(&self) -> SourceState {
        let failure = self
            .members
            .iter()
            .find_map(|member| member.context.errors().fatal());
        if let Some(failure) = failure {
            return SourceState::Failed(failure);
        }
        match self
            .members
            .iter()
            .all(|member| member.shared.ended.load(Ordering::Relaxed))
        {
            true => SourceState::Ended,
            false => SourceState::Running,
        }
    }

    fn stats(&self) -> SourceStats {
        let mut stats = SourceStats {
            in_flight_bytes: self.limits.in_flight.bytes(),
            ..SourceStats::default()
        };
        for member in &self.members {
            member.add_stats(&mut stats);
        }
        stats
    }
}
