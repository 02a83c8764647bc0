//! The assignment against a naive model: partitions come and go, batches of several partitions are read, handed over or
//! discarded, settled in any order, committed or not.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::testing::{Offsets, batch};
use kelp_parser::in_flight::InFlight;

const PARTITIONS: i32 = 3;

#[derive(Debug, Clone)]
enum Step {
    /// A partition is assigned; it may be known where it begins.
    Assign(i32, bool),
    Revoke(i32),
    /// A batch is read: so many records of each of these partitions in turn, of those that are owned.
    Read(Vec<(i32, u32)>),
    /// The batch that was read is handed over, without what is not owned any more.
    HandOver,
    Settle(prop::sample::Index),
    Advance,
    /// Offsets are committed; the broker takes those of the partitions for which it says so.
    Commit([bool; PARTITIONS as usize]),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..PARTITIONS, any::<bool>()).prop_map(|(partition, known)| Step::Assign(partition, known)),
        1 => (0..PARTITIONS).prop_map(Step::Revoke),
        4 => prop::collection::vec((0..PARTITIONS, 1..4u32), 1..4).prop_map(Step::Read),
        4 => Just(Step::HandOver),
        8 => any::<prop::sample::Index>().prop_map(Step::Settle),
        3 => Just(Step::Advance),
        2 => any::<[bool; PARTITIONS as usize]>().prop_map(Step::Commit),
    ]
}

/// A partition as the model has it.
#[derive(Default)]
struct Owned {
    next: i64,
    /// Where it begins, if that is known.
    start: Option<i64>,
    /// All that was handed over since it was assigned.
    tracked: Vec<(i64, Arc<Offsets>, u32)>,
    seen: Option<i64>,
    requested: Option<i64>,
    committed: Option<i64>,
}

impl Owned {
    fn committable(&self) -> Option<i64> {
        let open = self.tracked.iter().find(|(_, batch, record)| {
            let holds = batch.receipts.is_settled(*record);
            !holds
        });
        match open {
            Some((offset, ..)) => Some(*offset),
            None => {
                let last = self.tracked.last();
                last.map(|(offset, ..)| offset + 1).or(self.start)
            }
        }
    }
}

/// A batch that was read and not handed over.
struct Reading {
    batch: Arc<Offsets>,
    runs: Vec<Run>,
    revision: u64,
    /// How often each partition had been assigned then.
    assigned: [u32; PARTITIONS as usize],
}

#[derive(Default)]
struct World {
    assignment: Assignment,
    owned: BTreeMap<i32, Owned>,
    assigned: [u32; PARTITIONS as usize],
    reading: Option<Reading>,
    open: Vec<(Arc<Offsets>, u32)>,
    /// What the broker has.
    broker: [i64; PARTITIONS as usize],
}

impl World {
    fn read(&mut self, wanted: &[(i32, u32)]) {
        let (mut offsets, mut runs) = (Vec::new(), Vec::<Run>::new());
        for &(partition, count) in wanted {
            let is_next = runs.last().is_some_and(|run| run.partition == partition);
            let Some(owned) = self.owned.get_mut(&partition).filter(|_| !is_next) else {
                continue;
            };
            let start = offsets.len() as u32;
            offsets.extend(owned.next..owned.next + i64::from(count));
            owned.next += i64::from(count);
            runs.push(Run {
                topic: "t".into(),
                partition,
                range: start..start + count,
            });
        }
        if runs.is_empty() {
            return;
        }
        let batch = batch(offsets);
        let offset = |index: u32| batch.offsets[index as usize];
        self.assignment.accept(&runs, offset);
        self.reading = Some(Reading {
            batch,
            runs,
            revision: self.assignment.revision,
            assigned: self.assigned,
        });
    }

    fn hand_over(&mut self) -> Result<(), TestCaseError> {
        let Some(reading) = self.reading.take() else {
            return Ok(());
        };
        let mut kept = Vec::new();
        for run in reading.runs {
            let at = run.partition as usize;
            let is_owned = self.owned.contains_key(&run.partition)
                && self.assigned[at] == reading.assigned[at];
            prop_assert_eq!(self.assignment.owns(&run, reading.revision), is_owned);
            if is_owned {
                kept.push(run);
            }
        }
        for run in &kept {
            let owned = self.owned.get_mut(&run.partition).unwrap();
            for record in run.range.clone() {
                let offset = reading.batch.offsets[record as usize];
                owned.tracked.push((offset, reading.batch.clone(), record));
                self.open.push((reading.batch.clone(), record));
            }
        }
        let records: Arc<dyn RecordBatch> = reading.batch;
        self.assignment.track(&records, &kept, 100);
        Ok(())
    }

    fn advance(&mut self) -> Result<(), TestCaseError> {
        self.assignment.advance(Instant::now());
        for stats in self.assignment.stats() {
            let owned = self.owned.get_mut(&stats.partition).unwrap();
            owned.seen = owned.committable();
            prop_assert_eq!(stats.settled, owned.seen);
        }
        let nothing_open = |owned: &Owned| {
            let mut tracked = owned.tracked.iter();
            tracked.all(|(_, batch, record)| batch.receipts.is_settled(*record))
        };
        for (&partition, owned) in &self.owned {
            let is_settled = self.assignment.is_settled(|_, number| number == partition);
            prop_assert_eq!(is_settled, nothing_open(owned));
        }
        Ok(())
    }

    fn commit(&mut self, taken: [bool; PARTITIONS as usize]) -> Result<(), TestCaseError> {
        let due = self
            .owned
            .values()
            .any(|owned| owned.seen.is_some() && owned.seen != owned.requested);
        prop_assert_eq!(self.assignment.has_commits(), due);
        let mut commits = BTreeMap::new();
        for commit in self.assignment.take_commits(|_, _| true) {
            commits.insert(commit.partition, commit.offset);
        }
        for (&partition, owned) in &mut self.owned {
            let expected = owned.seen.filter(|_| owned.seen != owned.requested);
            prop_assert_eq!(commits.remove(&partition), expected);
            let Some(offset) = expected else { continue };
            if taken[partition as usize] {
                self.assignment.committed("t", partition, offset);
                (owned.requested, owned.committed) = (Some(offset), Some(offset));
                self.broker[partition as usize] = offset;
            } else {
                self.assignment.commit_failed("t", partition);
                owned.requested = owned.committed;
            }
        }
        prop_assert!(commits.is_empty(), "of partitions that are not owned");
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Assign(partition, is_known) if !self.owned.contains_key(&partition) => {
                self.assignment.add("t", partition);
                self.assigned[partition as usize] += 1;
                let next = self.broker[partition as usize];
                let start = is_known.then_some(next);
                if is_known {
                    self.assignment.start_at("t", partition, next);
                }
                let owned = Owned {
                    next,
                    start,
                    seen: start,
                    ..Owned::default()
                };
                self.owned.insert(partition, owned);
            }
            Step::Revoke(partition) => {
                if let Some(owned) = self.owned.remove(&partition) {
                    self.assignment.remove("t", partition);
                    for (_, batch, record) in owned.tracked {
                        let abandoned = batch.receipts.is_abandoned(record);
                        let is_settled = batch.receipts.is_settled(record);
                        prop_assert!(abandoned || is_settled);
                    }
                }
            }
            Step::Read(wanted) if self.reading.is_none() => self.read(&wanted),
            Step::HandOver => self.hand_over()?,
            Step::Settle(which) if !self.open.is_empty() => {
                let (batch, record) = self.open.swap_remove(which.index(self.open.len()));
                batch.receipts.settle(record);
            }
            Step::Advance => self.advance()?,
            Step::Commit(taken) => self.commit(taken)?,
            Step::Assign(..) | Step::Read(_) | Step::Settle(_) => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn agrees_with_a_naive_model(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::default();
        for step in steps {
            world.step(step)?;
        }
        // Once all that is owned was handed over and settled, all of it is committed.
        world.hand_over()?;
        for (batch, record) in world.open.drain(..) {
            batch.receipts.settle(record);
        }
        world.advance()?;
        world.commit([true; PARTITIONS as usize])?;
        for (&partition, owned) in &world.owned {
            if !owned.tracked.is_empty() {
                prop_assert_eq!(world.broker[partition as usize], owned.tracked.last().unwrap().0 + 1);
            }
        }
    }
}

#[test]
fn what_was_sent_and_may_be_refused_is_committed_again_before_the_partition_goes() {
    let mut assignment = Assignment::default();
    assignment.add("t", 0);
    let records = batch(0..2);
    let shared: Arc<dyn RecordBatch> = records.clone();
    assignment.track(&shared, &[run(0, 0..2)], 10);
    (0..2).for_each(|record| {
        records.receipts.settle(record);
    });
    assignment.advance(Instant::now());
    let sent = assignment.take_commits(|_, _| true);
    assert_eq!(sent[0].offset, 2);
    assert!(assignment.take_commits(|_, _| true).is_empty());
    assert_eq!(assignment.take_last_commits(|_, _| true), sent);
    assignment.committed("t", 0, 2);
    assert!(assignment.take_last_commits(|_, _| true).is_empty());
}

#[test]
fn what_the_group_has_committed_is_not_committed_again() {
    let mut assignment = Assignment::default();
    assignment.add("t", 0);
    assignment.go_on_at("t", 0, 7);
    assert!(!assignment.has_commits());
    assert!(assignment.take_last_commits(|_, _| true).is_empty());
    let stats = &assignment.stats()[0];
    assert_eq!((stats.position, stats.committed), (Some(7), Some(7)));
}

fn run(partition: i32, range: std::ops::Range<u32>) -> Run {
    Run {
        topic: "t".into(),
        partition,
        range,
    }
}

#[test]
fn a_partition_that_stands_still_is_paused_once_memory_is_full_of_it() {
    let limits = Limits {
        in_flight: InFlight::default(),
        in_flight_bytes: 1000,
        ..Limits::default()
    };
    let start = Instant::now();
    let later = start + STANDS_STILL_AFTER;
    let mut assignment = Assignment::default();
    (0..2).for_each(|partition| assignment.add("t", partition));
    let [stuck, moving] = [batch(0..10), batch(0..10)];
    let track = |assignment: &mut Assignment, batch: &Arc<Offsets>, partition, bytes| {
        let records: Arc<dyn RecordBatch> = batch.clone();
        assignment.track(&records, &[run(partition, 0..10)], bytes);
    };
    let held = limits.in_flight.share(499);
    track(&mut assignment, &stuck, 0, 700);
    track(&mut assignment, &moving, 1, 49);
    assignment.advance(start);
    assert_eq!(
        assignment.balance(&limits, later),
        (vec![], vec![]),
        "there is room"
    );
    let more = limits.in_flight.share(1);
    assert_eq!(
        assignment.balance(&limits, start),
        (vec![], vec![]),
        "it may move yet"
    );
    let place: Place = ("t".into(), 0);
    assert_eq!(
        assignment.balance(&limits, later),
        (vec![place.clone()], vec![])
    );
    assert!(assignment.is_paused("t", 0) && !limits.is_full());
    assert_eq!(assignment.balance(&limits, later), (vec![], vec![]));
    drop((held, more));
    (0..10).for_each(|record| stuck.receipts.settle(record));
    assignment.advance(later);
    assert_eq!(assignment.balance(&limits, later), (vec![], vec![place]));
}

/// The last line of a partition may be held until the next one comes, and its whole batch with it.
#[test]
fn a_partition_of_which_a_record_waits_for_the_next_goes_on_once_memory_is_free() {
    let limits = Limits {
        in_flight: InFlight::default(),
        in_flight_bytes: 1000,
        ..Limits::default()
    };
    let start = Instant::now();
    let later = start + STANDS_STILL_AFTER;
    let mut assignment = Assignment::default();
    assignment.add("t", 0);
    let records = batch(0..10);
    assignment.track(
        &(records.clone() as Arc<dyn RecordBatch>),
        &[run(0, 0..10)],
        400,
    );
    let own = limits.in_flight.share(400);
    let others = limits.in_flight.share(100);
    assignment.advance(start);
    let place: Place = ("t".into(), 0);
    assert_eq!(
        assignment.balance(&limits, later),
        (vec![place.clone()], vec![])
    );
    (0..9).for_each(|record| records.receipts.settle(record));
    assignment.advance(later);
    assert_eq!(
        assignment.balance(&limits, later),
        (vec![], vec![]),
        "memory is full"
    );
    drop(others);
    assert_eq!(assignment.balance(&limits, later), (vec![], vec![place]));
    assert_eq!(assignment.balance(&limits, later), (vec![], vec![]));
    drop(own);
}

#[test]
fn what_is_consumed_behind_a_record_that_is_not_acknowledged_is_bounded() {
    let limits = Limits {
        in_flight_bytes: 1000,
        ..Limits::default()
    };
    let start = Instant::now();
    let mut assignment = Assignment::default();
    assignment.add("t", 0);
    for first in 0..11 {
        let records = batch(first * 10..first * 10 + 10);
        let settled = u32::from(first == 0)..10;
        settled.for_each(|record| records.receipts.settle(record));
        let records: Arc<dyn RecordBatch> = records;
        assignment.track(&records, &[run(0, 0..10)], 100);
        assignment.advance(start);
    }
    let (paused, _) = assignment.balance(&limits, start + STANDS_STILL_AFTER);
    assert_eq!(paused.len(), 1);
    assignment.remove("t", 0);
    assert!(!limits.is_full());
}

#[test]
fn what_is_read_again_is_counted_and_what_a_new_owner_reads_is_not() {
    let read = |assignment: &mut Assignment, first: i64| {
        assignment.accept(&[run(0, 0..3)], |index| first + i64::from(index));
    };
    let mut assignment = Assignment::default();
    assignment.add("t", 0);
    read(&mut assignment, 5);
    read(&mut assignment, 8);
    assert_eq!(assignment.repeated_records, 0);
    read(&mut assignment, 9);
    assert_eq!(assignment.repeated_records, 2);
    assignment.remove("t", 0);
    assignment.add("t", 0);
    read(&mut assignment, 5);
    assert_eq!(assignment.repeated_records, 2);
}
