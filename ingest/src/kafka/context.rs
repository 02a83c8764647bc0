//! What librdkafka calls back: rebalances, results of commits, errors and log lines.
//!
//! All of it happens on the consumer's own thread, within `BaseConsumer::poll`. Only the statistics look
//! in from other threads, so the locks here are uncontended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, error, info, warn};

use super::assignment::{Assignment, Commit, Place};
use super::batch_queue::{self, Queue};
use super::brokers::{self, LostBrokers};
use super::errors::Errors;
use super::holes::Holes;
use crate::source::Limits;

/// How long to sleep between looks at what a revocation or the end waits for.
pub(super) const SETTLING_INTERVAL: Duration = Duration::from_millis(2);

/// How long to wait for the answer when the broker is asked where a new group begins.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// The state that the callbacks of one consumer share with its thread.
pub(super) struct GroupContext {
    queue: Mutex<Option<Arc<Queue>>>,
    state: Mutex<GroupState>,
    errors: Errors,
    group_id: String,
    revoke_timeout: Duration,
    /// Where a partition of which nothing was ever committed is consumed from; `None` if that is refused.
    reset: Option<Offset>,
}

/// What the callbacks change.
#[derive(Default)]
pub(super) struct GroupState {
    pub assignment: Assignment,
    pub holes: Holes,
    pub brokers: LostBrokers,
    pub rebalances: u64,
    pub lost_partitions: u64,
    pub abandoned_records: u64,
    pub revoking_time: Duration,
    pub commits: u64,
    pub commit_failures: u64,
    /// Commits sent whose results are not known yet.
    pub commits_under_way: u64,
    /// Settled work of partitions taken away that could not be committed any more.
    pub lost_commits: u64,
    /// Closing: what is in flight was waited for already.
    pub is_closing: bool,
}

impl GroupContext {
    /// For a member of the group `group_id`, which begins at `reset`, the beginning or the end, of partitions that are new to it.
    pub fn new(group_id: String, revoke_timeout: Duration, reset: Option<Offset>) -> Self {
        Self {
            queue: Mutex::new(None),
            state: Mutex::default(),
            errors: Errors::default(),
            group_id,
            revoke_timeout,
            reset,
        }
    }

    /// Where the messages of assigned partitions are to go.
    pub fn set_queue(&self, queue: Option<Arc<Queue>>) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = queue;
    }

    /// The state; to be held briefly.
    pub fn state(&self) -> MutexGuard<'_, GroupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The errors seen so far.
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    /// Commits what was settled since the last time; the result comes to `commit_callback`.
    pub fn commit_settled(&self, consumer: &BaseConsumer<Self>) {
        let commits = self.state().assignment.take_commits(|_, _| true);
        if commits.is_empty() {
            return;
        }
        self.state().commits_under_way += 1;
        if let Err(code) = batch_queue::commit(consumer, &list(&commits)) {
            self.state().commits_under_way -= 1;
            self.commit_failed(&commits, &KafkaError::ConsumerCommit(code));
        }
    }

    fn commit_failed(&self, commits: &[Commit], error: &KafkaError) {
        let mut state = self.state();
        state.commit_failures += 1;
        for commit in commits {
            state
                .assignment
                .commit_failed(&commit.topic, commit.partition);
        }
        drop(state);
        self.errors
            .commit_failed(&self.group_id, &error.to_string());
    }

    /// Pauses partitions that stand still while others could go on, and lets those go on that move again.
    pub fn balance(&self, consumer: &BaseConsumer<Self>, limits: &Limits, now: Instant) {
        let (pause, resume) = self.state().assignment.balance(limits, now);
        if !pause.is_empty() {
            warn!(
                group = %self.group_id, partitions = %names(&places(&pause)),
                "what is in flight of these partitions is not acknowledged: they are paused so that the others go on"
            );
            if let Err(error) = consumer.pause(&places(&pause)) {
                error!(group = %self.group_id, "librdkafka did not pause: {error}");
            }
        }
        if !resume.is_empty() {
            info!(group = %self.group_id, partitions = %names(&places(&resume)), "partitions go on");
            self.resume(consumer, &resume);
        }
    }

    fn resume(&self, consumer: &BaseConsumer<Self>, partitions: &[Place]) {
        if let Err(error) = consumer.resume(&places(partitions)) {
            error!(group = %self.group_id, "librdkafka did not resume: {error}");
        }
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, partitions: &mut TopicPartitionList) {
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for partition in partitions.elements() {
            let (topic, number) = (partition.topic(), partition.partition());
            // Without a queue the client is being dropped: nobody reads any more.
            if let Some(queue) = &queue
                && !queue.forward(consumer, topic, number)
            {
                error!(
                    "partition {topic}-{number} has no message queue; its messages will not be consumed"
                );
            }
            self.state().assignment.add(topic, number);
        }
        info!(group = %self.group_id, partitions = %names(partitions), "partitions assigned");
        if let Err(error) = self.settle_starts(consumer, partitions) {
            warn!(
                group = %self.group_id,
                "where partitions begin is not known ({error}): librdkafka looks it up, and until a message of those that are new to the group was consumed, a restart looks for their beginning again"
            );
        }
    }

    /// Looks up where partitions begin, and says so to librdkafka.
    ///
    /// Left to itself librdkafka (as of 2.12) looks up the beginning or the end of a partition that is new to the group, and when
    /// the partition is taken away meanwhile it asks again after a while and fetches from there, owned or not; when the partition
    /// comes back, those messages come before the ones that are due, or instead of them. It does not with an offset that it knows.
    ///
    /// The place where a partition begins that is new to the group is committed at once: otherwise the next owner, or this one after
    /// a restart, would look for the end again and pass over what was written meanwhile.
    fn settle_starts(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &mut TopicPartitionList,
    ) -> KafkaResult<()> {
        if partitions.count() == 0 {
            return Ok(());
        }
        let committed = consumer.committed_offsets(partitions.clone(), START_TIMEOUT)?;
        let mut unknown = TopicPartitionList::new();
        for element in committed.elements() {
            element.error()?;
            let (topic, number) = (element.topic(), element.partition());
            match (element.offset(), self.reset) {
                (Offset::Offset(offset), _) => {
                    partitions.set_partition_offset(topic, number, Offset::Offset(offset))?;
                    self.state().assignment.go_on_at(topic, number, offset);
                }
                // In place of a time, it asks for the beginning or the end.
                (_, Some(reset)) => unknown.add_partition_offset(topic, number, reset)?,
                (_, None) => {}
            }
        }
        if unknown.count() == 0 {
            return Ok(());
        }
        let starts = consumer.offsets_for_times(unknown, START_TIMEOUT)?;
        for element in starts.elements() {
            element.error()?;
            let (topic, number) = (element.topic(), element.partition());
            if let Offset::Offset(offset) = element.offset() {
                partitions.set_partition_offset(topic, number, Offset::Offset(offset))?;
                self.state().assignment.start_at(topic, number, offset);
            }
        }
        self.commit_settled(consumer);
        Ok(())
    }

    /// Waits for what is in flight, commits it, and forgets the partitions.
    fn revoked(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        if consumer.assignment_lost() {
            // Others own them already: a commit would be refused, waiting would only delay.
            warn!(
                group = %self.group_id, partitions = %names(partitions),
                "partitions lost: this member was considered gone; what is in flight of them is consumed again by their new owners"
            );
            self.count_lost(partitions);
        } else {
            let begun = Instant::now();
            self.settle(partitions);
            self.commit_revoked(consumer, partitions);
            self.state().revoking_time += begun.elapsed();
        }
        let mut abandoned = 0;
        for partition in partitions.elements() {
            let (topic, number) = (partition.topic(), partition.partition());
            if self.state().assignment.is_paused(topic, number) {
                // librdkafka would remember it until the partition comes back.
                self.resume(consumer, &[(topic.into(), number)]);
            }
            let mut state = self.state();
            abandoned += state.assignment.remove(topic, number);
            state.holes.forget(topic, number);
        }
        self.state().abandoned_records += abandoned;
        info!(
            group = %self.group_id, partitions = %names(partitions), unsettled = abandoned,
            "partitions revoked"
        );
    }

    fn count_lost(&self, partitions: &TopicPartitionList) {
        let wanted = |topic: &str, number| partitions.find_partition(topic, number).is_some();
        let mut state = self.state();
        state.lost_partitions += partitions.count() as u64;
        state.assignment.advance(Instant::now());
        state.lost_commits += state.assignment.take_commits(wanted).len() as u64;
    }

    fn settle(&self, partitions: &TopicPartitionList) {
        let deadline = Instant::now() + self.revoke_timeout;
        let wanted = |topic: &str, number| partitions.find_partition(topic, number).is_some();
        self.state().assignment.recall(wanted);
        loop {
            let mut state = self.state();
            state.assignment.advance(Instant::now());
            if state.is_closing || state.assignment.is_quiet(wanted) || Instant::now() >= deadline {
                return;
            }
            drop(state);
            thread::sleep(SETTLING_INTERVAL);
        }
    }

    fn commit_revoked(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        let wanted = |topic: &str, number| partitions.find_partition(topic, number).is_some();
        let commits = self.state().assignment.take_last_commits(wanted);
        if commits.is_empty() {
            return;
        }
        match consumer.commit(&list(&commits), CommitMode::Sync) {
            Ok(()) => self.state().commits += 1,
            Err(error) => {
                self.state().lost_commits += 1;
                self.commit_failed(&commits, &error);
            }
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let mut state = self.state();
        state.rebalances += 1;
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            state.brokers.found();
        }
        drop(state);
        let is_cooperative = matches!(
            consumer.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        );
        let done = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assigned(consumer, partitions);
            match is_cooperative {
                true => consumer.incremental_assign(partitions),
                false => consumer.assign(partitions),
            }
        } else {
            self.revoked(consumer, partitions);
            match is_cooperative {
                true => consumer.incremental_unassign(partitions),
                false => consumer.unassign(),
            }
        };
        if let Err(error) = done {
            error!(group = %self.group_id, "librdkafka refused a change of the assignment: {error}");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let mut state = self.state();
        state.commits_under_way = state.commits_under_way.saturating_sub(1);
        let refused_as_a_whole = result.is_err();
        let mut failure = result.err();
        for element in offsets.elements() {
            match (element.error(), element.offset()) {
                (Ok(()), Offset::Offset(offset)) if !refused_as_a_whole => {
                    state
                        .assignment
                        .committed(element.topic(), element.partition(), offset);
                }
                (outcome, _) => {
                    state
                        .assignment
                        .commit_failed(element.topic(), element.partition());
                    failure = failure.or(outcome.err());
                }
            }
        }
        let code = failure.as_ref().map(KafkaError::rdkafka_error_code);
        match code {
            None => {
                state.commits += 1;
                state.brokers.found();
            }
            Some(Some(code)) if is_passing(code) => {
                debug!(group = %self.group_id, ?code, "commit put off");
                return;
            }
            Some(_) => state.commit_failures += 1,
        }
        drop(state);
        if let Some(error) = failure {
            self.errors
                .commit_failed(&self.group_id, &error.to_string());
        }
    }
}

impl ClientContext for GroupContext {
    /// The same errors come as log lines and as errors; the latter are the better ones.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                error!(facility, "librdkafka: {line}");
            }
            // Retention or truncation overtook us; the line says from where to where.
            RDKafkaLogLevel::Warning if facility == "OFFSET" => self.state().holes.reset(line),
            _ => debug!(facility, "librdkafka: {line}"),
        }
    }

    /// A group that has nothing to do shows no other sign of life.
    fn stats_raw(&self, statistics: &[u8]) {
        if brokers::is_connected(statistics) {
            self.state().brokers.found();
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error
            .rdkafka_error_code()
            .unwrap_or(RDKafkaErrorCode::Unknown);
        if code == RDKafkaErrorCode::AllBrokersDown {
            self.state().brokers.lost(Instant::now());
        }
        self.errors.report(code, reason);
    }
}

/// Nothing was wrong: there was nothing to commit after all, or a rebalance goes on, during which a broker
/// takes no commits of members that keep their partitions. They go with the next.
fn is_passing(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::NoOffset
            | RDKafkaErrorCode::RebalanceInProgress
            | RDKafkaErrorCode::IllegalGeneration
    )
}

fn list(commits: &[Commit]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for commit in commits {
        // Fails for offsets below 0 only.
        let _ = list.add_partition_offset(
            &commit.topic,
            commit.partition,
            Offset::Offset(commit.offset),
        );
    }
    list
}

fn places(partitions: &[Place]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}

fn names(partitions: &TopicPartitionList) -> String {
    let name = |partition: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        format!("{}-{}", partition.topic(), partition.partition())
    };
    partitions
        .elements()
        .iter()
        .map(name)
        .collect::<Vec<_>>()
        .join(" ")
}
