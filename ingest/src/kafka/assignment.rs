//! The partitions this member owns: how far each was consumed, settled and committed.
//!
//! It knows no client and no threads. A partition that is taken away is forgotten with everything that
//! was in flight, so a late settlement of it changes nothing; when it comes back it starts anew.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kelp_parser::record::RecordBatch;

use tracing::warn;

use super::batch_queue::Run;
use crate::source::{Limits, PartitionStats};
use crate::watermark::{SpanBytes, Watermark};
use kelp_parser::in_flight::Paused;

/// A partition whose watermark has not moved for so long stands still.
const STANDS_STILL_AFTER: Duration = Duration::from_secs(5);

/// The partitions owned now.
#[derive(Default)]
pub(super) struct Assignment {
    topics: HashMap<Arc<str>, BTreeMap<i32, Partition>>,
    /// Counts changes, so that whoever holds a batch notices that it may hold what is no longer owned.
    pub revision: u64,
    /// Records whose offset was below the position of their partition.
    pub repeated_records: u64,
}

#[derive(Default)]
struct Partition {
    /// The revision in which it was assigned.
    since: u64,
    position: Option<i64>,
    watermark: Watermark,
    requested: Option<i64>,
    committed: Option<i64>,
    /// Since when its watermark has stood still with something in flight.
    standing_since: Option<Instant>,
    paused: Option<Paused>,
}

/// A topic and the number of a partition of it.
pub(super) type Place = (Arc<str>, i32);

/// An offset to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
}

impl Assignment {
    /// A partition was assigned. Nothing is known of its position until its first message.
    pub fn add(&mut self, topic: &str, partition: i32) {
        self.revision += 1;
        let added = Partition {
            since: self.revision,
            ..Partition::default()
        };
        self.topics
            .entry(topic.into())
            .or_default()
            .insert(partition, added);
    }

    /// It is known where the consumption of a partition that was just assigned begins. Once that is committed, what is written
    /// while nobody has the partition is not passed over.
    pub fn start_at(&mut self, topic: &str, partition: i32, offset: i64) {
        if let Some(partition) = self.get_mut(topic, partition) {
            partition.position.get_or_insert(offset);
            partition.watermark.start_at(offset);
        }
    }

    /// The group has committed an offset of a partition that was just assigned: consumption goes on there.
    pub fn go_on_at(&mut self, topic: &str, partition: i32, offset: i64) {
        self.start_at(topic, partition, offset);
        if let Some(partition) = self.get_mut(topic, partition) {
            partition.requested = Some(offset);
            partition.committed = Some(offset);
        }
    }

    /// A partition was taken away. Returns how many of its records were not settled.
    pub fn remove(&mut self, topic: &str, partition: i32) -> u64 {
        self.revision += 1;
        let partitions = self.topics.get_mut(topic);
        let removed = partitions.and_then(|partitions| partitions.remove(&partition));
        removed.map_or(0, |removed| {
            removed.watermark.abandon();
            removed.watermark.unsettled_records()
        })
    }

    /// Takes messages just read into account.
    ///
    /// An offset below the last one is not dropped. Either the topic was made anew or truncated: then the
    /// record is new. Or librdkafka paused all partitions because of a rebalance just while messages were
    /// being read, and fetched some of them once more. What is sure is only that dropping could lose one. They are
    /// counted.
    pub fn accept(&mut self, runs: &[Run], offset: impl Fn(u32) -> i64) {
        let mut repeated = 0;
        for run in runs {
            let Some(partition) = self.get_mut(&run.topic, run.partition) else {
                debug_assert!(
                    false,
                    "messages of {}-{}, not owned",
                    run.topic, run.partition
                );
                continue;
            };
            let (first, last) = (offset(run.range.start), offset(run.range.end - 1));
            if let Some(position) = partition.position.filter(|position| first < *position) {
                warn!(topic = %run.topic, partition = run.partition, from = position, to = first,
                    "the offset went back: records are consumed again, or the topic was made anew");
                let below = run.range.clone().filter(|&index| offset(index) < position);
                repeated += below.count() as u64;
            }
            partition.position = Some(last + 1);
        }
        self.repeated_records += repeated;
    }

    /// Whether a run that was read when the assignment was in `revision` is still owned.
    pub fn owns(&self, run: &Run, revision: u64) -> bool {
        let owned = self.get(&run.topic, run.partition);
        owned.is_some_and(|partition| partition.since <= revision)
    }

    /// From now on waits for the settlement of records that were handed over; they take so many bytes together.
    pub fn track(&mut self, records: &Arc<dyn RecordBatch>, runs: &[Run], batch_bytes: usize) {
        for run in runs {
            if let Some(partition) = self.get_mut(&run.topic, run.partition) {
                let bytes = SpanBytes {
                    own: batch_bytes / records.len().max(1) * run.range.len(),
                    batch: batch_bytes,
                };
                let range = run.range.clone();
                partition.watermark.push(records.clone(), range, bytes);
            }
        }
    }

    /// Looks at what was settled meanwhile.
    pub fn advance(&mut self, now: Instant) {
        for partition in self.topics.values_mut().flat_map(BTreeMap::values_mut) {
            let has_moved = partition.watermark.advance().is_some();
            if partition.watermark.is_settled() {
                partition.standing_since = None;
            } else if has_moved || partition.standing_since.is_none() {
                partition.standing_since = Some(now);
            }
        }
    }

    /// Which partitions are to be paused, and which of the paused ones go on.
    ///
    /// A partition that stands still is paused when memory is full and it has much of it, so that the others
    /// go on; or when so much was consumed behind what it stands at that a crash would have more than the limit consumed
    /// again. It goes on when little of it is in flight, or when memory is free again: what is left of it may wait for what
    /// follows, as lines that are joined do.
    pub fn balance(&mut self, limits: &Limits, now: Instant) -> (Vec<Place>, Vec<Place>) {
        let (mut pause, mut resume) = (Vec::new(), Vec::new());
        let limit = limits.in_flight_bytes;
        let (is_full, is_free) = (limits.is_full(), !limits.is_half_full());
        // Far less than its fair share, of which bodies made of the records and other pipelines take a part, too.
        let much = limit / self.each().count().max(1) / 8;
        for (topic, partitions) in &mut self.topics {
            for (&number, partition) in partitions {
                let ahead = partition.watermark.ahead_bytes();
                if partition.paused.is_some() {
                    if ahead <= much / 2 || is_free && ahead <= limit {
                        partition.paused = None;
                        resume.push((topic.clone(), number));
                    }
                } else if partition.stands_still(now) && (ahead > limit || is_full && ahead > much)
                {
                    partition.paused = Some(limits.in_flight.pause());
                    pause.push((topic.clone(), number));
                }
            }
        }
        (pause, resume)
    }

    /// Whether a partition is paused.
    pub fn is_paused(&self, topic: &str, partition: i32) -> bool {
        let partition = self.get(topic, partition);
        partition.is_some_and(|partition| partition.paused.is_some())
    }

    /// The offsets that moved since the last call, to be committed now.
    pub fn take_commits(&mut self, wanted: impl FnMut(&str, i32) -> bool) -> Vec<Commit> {
        self.take(wanted, |partition| partition.requested)
    }

    /// The offsets that the broker is not known to have, those too that were sent and may still be refused: what is to be
    /// committed of partitions that are taken away.
    pub fn take_last_commits(&mut self, wanted: impl FnMut(&str, i32) -> bool) -> Vec<Commit> {
        self.take(wanted, |partition| partition.committed)
    }

    fn take(
        &mut self,
        mut wanted: impl FnMut(&str, i32) -> bool,
        done: impl Fn(&Partition) -> Option<i64>,
    ) -> Vec<Commit> {
        let mut commits = Vec::new();
        for (topic, partitions) in &mut self.topics {
            for (&number, partition) in partitions {
                let Some(offset) = partition.watermark.committable() else {
                    continue;
                };
                if done(partition) != Some(offset) && wanted(topic, number) {
                    partition.requested = Some(offset);
                    commits.push(Commit {
                        topic: topic.clone(),
                        partition: number,
                        offset,
                    });
                }
            }
        }
        commits
    }

    /// Whether an offset is due.
    pub fn has_commits(&self) -> bool {
        self.each().any(|(_, _, partition)| {
            let offset = partition.watermark.committable();
            offset.is_some() && offset != partition.requested
        })
    }

    /// The broker has the offset.
    pub fn committed(&mut self, topic: &str, partition: i32, offset: i64) {
        if let Some(partition) = self.get_mut(topic, partition) {
            partition.committed = Some(offset);
        }
    }

    /// The broker has not: the offset is due again.
    pub fn commit_failed(&mut self, topic: &str, partition: i32) {
        if let Some(partition) = self.get_mut(topic, partition) {
            partition.requested = partition.committed;
        }
    }

    /// Whether nothing of the partitions that are `wanted` is on its way.
    pub fn is_settled(&self, mut wanted: impl FnMut(&str, i32) -> bool) -> bool {
        self.each().all(|(topic, number, partition)| {
            !wanted(topic, number) || partition.watermark.is_settled()
        })
    }

    /// The partitions that are `wanted` are to be taken away: what waits for more of them is asked for.
    pub fn recall(&self, mut wanted: impl FnMut(&str, i32) -> bool) {
        for (topic, number, partition) in self.each() {
            if wanted(topic, number) {
                partition.watermark.recall();
            }
        }
    }

    /// Whether nothing more is to be waited for of the partitions that are `wanted`: it is settled or was given up.
    pub fn is_quiet(&self, mut wanted: impl FnMut(&str, i32) -> bool) -> bool {
        self.each().all(|(topic, number, partition)| {
            !wanted(topic, number) || partition.watermark.is_quiet()
        })
    }

    /// Records that are on their way, at most.
    pub fn unsettled_records(&self) -> u64 {
        self.each()
            .map(|(_, _, partition)| partition.watermark.unsettled_records())
            .sum()
    }

    /// Where each partition stands; the high watermarks are not known here.
    pub fn stats(&self) -> Vec<PartitionStats> {
        self.each()
            .map(|(topic, number, partition)| PartitionStats {
                topic: topic.clone(),
                partition: number,
                position: partition.position,
                settled: partition.watermark.committable(),
                committed: partition.committed,
                high_watermark: None,
                unsettled_records: partition.watermark.unsettled_records(),
                is_paused: partition.paused.is_some(),
            })
            .collect()
    }

    fn each(&self) -> impl Iterator<Item = (&Arc<str>, i32, &Partition)> {
        self.topics.iter().flat_map(|(topic, partitions)| {
            partitions
                .iter()
                .map(move |(&number, partition)| (topic, number, partition))
        })
    }

    fn get(&self, topic: &str, partition: i32) -> Option<&Partition> {
        self.topics.get(topic)?.get(&partition)
    }

    fn get_mut(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        self.topics.get_mut(topic)?.get_mut(&partition)
    }
}

impl Partition {
    fn stands_still(&self, now: Instant) -> bool {
        let since = self.standing_since;
        since.is_some_and(|since| now.duration_since(since) >= STANDS_STILL_AFTER)
    }
}

#[cfg(test)]
mod tests;
