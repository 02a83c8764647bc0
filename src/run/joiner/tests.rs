//! Lines in, events out, and what that does to the receipts of the lines.

use std::sync::atomic::AtomicUsize;

use kelp_ingest::Limits;
use kelp_parser::config::ast::{Literal, Plugin, Statement};
use kelp_parser::config::{ParseOptions, SourceMap, parse};
use kelp_parser::spec::{CodecName, EcsCompatibility};

use super::*;

/// The codec in `output { x { codec => TEXT } }`.
fn codec(text: &str) -> Arc<dyn Codec> {
    let mut sources = SourceMap::default();
    sources.add("test", format!("output {{ x {{ codec => {text} }} }}"));
    let (config, _) = parse(&sources, &ParseOptions::default());
    let Statement::Plugin(Plugin { settings, .. }) = &config.sections[0].body[0] else {
        panic!("no plugin");
    };
    let Literal::Plugin(plugin) = &settings[0].value.node else {
        panic!("no codec");
    };
    let mut found = Vec::new();
    let name = CodecName(plugin.clone());
    let ecs = EcsCompatibility::default();
    let built = kelp_parser::codec::build_input_codec(Some(&name), "plain", ecs, &mut found);
    built.unwrap_or_else(|| panic!("{found:?}")).into()
}

const STACK_TRACE: &str = r#"multiline { pattern => "^ " what => "previous" }"#;

/// Records of a topic: partition, offset, payload.
struct Lines(Vec<(i32, i64, String)>, Receipts);

impl Lines {
    fn batch(lines: &[(i32, i64, &str)]) -> Arc<Self> {
        let lines: Vec<_> = lines
            .iter()
            .map(|&(partition, offset, text)| (partition, offset, text.to_owned()))
            .collect();
        let receipts = Receipts::new(lines.len());
        Arc::new(Self(lines, receipts))
    }
}

impl RecordBatch for Lines {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        let (partition, offset, text) = &self.0[index];
        Record {
            payload: Some(text.as_bytes()),
            key: None,
            timestamp: None,
            origin: Origin::Kafka {
                topic: "t",
                partition: *partition,
                offset: *offset,
            },
            headers: &(),
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.1
    }
}

struct Bench {
    joiner: Joiner,
    output: Receiver<Batch>,
}

/// An event: partition, offset of its first record, name, text.
type Joined = (i32, i64, u64, String);

impl Bench {
    fn new(text: &str) -> Self {
        let (sender, output) = crossbeam_channel::unbounded();
        let joiner = Joiner::new(codec(text), (0, false), Limits::default(), sender);
        Self { joiner, output }
    }

    fn take(&mut self, lines: &Arc<Lines>) -> Vec<Joined> {
        let batch: Arc<dyn RecordBatch> = Arc::<Lines>::clone(lines);
        self.joiner.take(&batch);
        self.joiner.look_at_held();
        self.joiner.hand_on();
        self.settled()
    }

    fn end(&mut self) -> Vec<Joined> {
        self.joiner.flush_where(|_| true);
        self.joiner.hand_on();
        self.settled()
    }

    /// What was handed on; all of it is delivered.
    fn settled(&self) -> Vec<Joined> {
        let mut joined = Vec::new();
        for batch in self.output.try_iter() {
            for index in 0..batch.records.len() {
                joined.push(describe(&*batch.records, index));
                batch.records.receipts().settle(index as u32);
            }
        }
        joined
    }
}

fn describe(batch: &dyn RecordBatch, index: usize) -> Joined {
    let record = batch.record(index);
    let Origin::Kafka {
        partition, offset, ..
    } = record.origin
    else {
        panic!("not of Kafka");
    };
    let text = String::from_utf8_lossy(record.payload.unwrap()).into_owned();
    (partition, offset, batch.lineage(index).number(), text)
}

fn name(line: u32, lines: u32) -> u64 {
    Lineage::joined(line, lines).number()
}

fn unsettled(lines: &Lines) -> Vec<u32> {
    let all = 0..lines.len() as u32;
    all.filter(|&record| !lines.1.is_settled(record)).collect()
}

#[test]
fn lines_are_joined_within_their_partition_and_across_batches() {
    let mut bench = Bench::new(STACK_TRACE);
    let first = Lines::batch(&[(0, 10, "a"), (1, 5, "x"), (0, 11, " b"), (1, 6, "y")]);
    assert_eq!(bench.take(&first), [(1, 5, 0, "x".to_owned())]);
    assert_eq!(unsettled(&first), [0, 2, 3]);
    let second = Lines::batch(&[(0, 12, " c"), (0, 13, "d"), (1, 7, " z")]);
    let joined = "a\n b\n c".to_owned();
    assert_eq!(bench.take(&second), [(0, 10, name(0, 3), joined)]);
    assert_eq!(unsettled(&first), [3]);
    assert_eq!(unsettled(&second), [1, 2]);
    let mut rest = bench.end();
    rest.sort();
    let joined = "y\n z".to_owned();
    assert_eq!(
        rest,
        [(0, 13, 0, "d".to_owned()), (1, 6, name(0, 2), joined)]
    );
    assert!(unsettled(&first).is_empty() && unsettled(&second).is_empty());
}

#[test]
fn an_event_that_was_not_delivered_keeps_all_its_lines() {
    let mut bench = Bench::new(STACK_TRACE);
    let lines = Lines::batch(&[(0, 0, "a"), (0, 1, " b"), (0, 2, "c"), (0, 3, "d")]);
    let batch: Arc<dyn RecordBatch> = Arc::<Lines>::clone(&lines);
    bench.joiner.take(&batch);
    bench.joiner.hand_on();
    let handed = bench.output.try_recv().unwrap();
    assert_eq!(handed.records.len(), 2);
    // Only the second event arrives before the batch is let go.
    handed.records.receipts().settle(1);
    drop(handed);
    assert_eq!(unsettled(&lines), [0, 1, 3]);
}

#[test]
fn a_message_may_hold_parts_of_several_events() {
    let mut bench = Bench::new(STACK_TRACE);
    let lines = Lines::batch(&[(0, 0, "a\n b\nc\n\n"), (0, 1, " d\n e\nf"), (0, 2, "")]);
    let joined = bench.take(&lines);
    let event = |offset, line, lines, text: &str| (0, offset, name(line, lines), text.to_owned());
    assert_eq!(
        joined,
        [event(0, 0, 2, "a\n b"), event(0, 2, 3, "c\n d\n e")]
    );
    assert_eq!(unsettled(&lines), [1]);
    assert_eq!(bench.end(), [event(1, 2, 1, "f")]);
    assert!(unsettled(&lines).is_empty());
}

#[test]
fn next_holds_a_line_until_the_one_that_ends_the_event() {
    let mut bench = Bench::new(r#"multiline { pattern => "\\$" what => "next" }"#);
    let lines = Lines::batch(&[(0, 0, "a\\"), (0, 1, "b\\"), (0, 2, "c"), (0, 3, "d\\")]);
    let joined = "a\\\nb\\\nc".to_owned();
    assert_eq!(bench.take(&lines), [(0, 0, name(0, 3), joined)]);
    assert_eq!(unsettled(&lines), [3]);
}

#[test]
fn negate_grok_patterns_and_limits() {
    let mut bench = Bench::new(
        r#"multiline { pattern => "^%{TIMESTAMP_ISO8601} " negate => true what => "previous" max_lines => 2 }"#,
    );
    let lines = Lines::batch(&[
        (0, 0, "2026-01-01T00:00:00 a"),
        (0, 1, "b"),
        (0, 2, "c"),
        (0, 3, "d"),
        (0, 4, "2026-01-01T00:00:01 e"),
    ]);
    let texts: Vec<String> = bench.take(&lines).into_iter().map(|one| one.3).collect();
    assert_eq!(texts, ["2026-01-01T00:00:00 a\nb\nc", "d"]);
}

#[test]
fn a_line_that_nothing_follows_is_handed_on_in_time() {
    let mut bench = Bench::new(
        r#"multiline { pattern => "^ " what => "previous" auto_flush_interval => 0.2 }"#,
    );
    let lines = Lines::batch(&[(0, 0, "a")]);
    assert!(bench.take(&lines).is_empty());
    thread::sleep(Duration::from_millis(250));
    bench.joiner.look_at_held();
    bench.joiner.hand_on();
    assert_eq!(bench.settled().len(), 1);
}

#[test]
fn lines_of_a_partition_that_was_taken_away_are_dropped() {
    let mut bench = Bench::new(STACK_TRACE);
    let lines = Lines::batch(&[(0, 0, "a"), (1, 0, "x"), (0, 1, " b")]);
    assert!(bench.take(&lines).is_empty());
    lines.1.abandon(0);
    lines.1.abandon(2);
    // It comes back and is read again from where it was not settled.
    let again = Lines::batch(&[(0, 0, "a"), (0, 1, " b"), (0, 2, "c")]);
    let joined = bench.take(&again);
    assert_eq!(joined, [(0, 0, name(0, 2), "a\n b".to_owned())]);
    assert!(unsettled(&lines).contains(&0), "nobody settles it any more");
    let rest: Vec<String> = bench.end().into_iter().map(|one| one.3).collect();
    assert_eq!(rest.len(), 2, "{rest:?}");
}

#[test]
fn lines_of_a_partition_that_is_being_taken_away_are_given_back() {
    let mut bench = Bench::new(STACK_TRACE);
    let lines = Lines::batch(&[(0, 0, "a"), (1, 0, "x"), (0, 1, " b")]);
    assert!(bench.take(&lines).is_empty());
    for record in [0, 2] {
        lines.1.recall(record);
    }
    bench.joiner.looked -= TICK;
    bench.joiner.look_at_held();
    let given_up = (0..3).map(|record| lines.1.is_abandoned(record));
    assert_eq!(given_up.collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(unsettled(&lines), [0, 1, 2], "nothing was delivered");
    let rest: Vec<String> = bench.end().into_iter().map(|one| one.3).collect();
    assert_eq!(rest, ["x"]);
}

#[test]
fn held_lines_end_when_they_fill_the_memory_and_nothing_else_does() {
    let (sender, output) = crossbeam_channel::unbounded();
    let limits = Limits {
        in_flight_bytes: 100,
        ..Limits::default()
    };
    let share = limits.in_flight.share(60);
    // With it more would be consumed, but not of the partition that is paused.
    let paused = limits.in_flight.pause();
    assert!(!limits.is_full());
    let joiner = Joiner::new(codec(STACK_TRACE), (0, false), limits, sender);
    let mut bench = Bench { joiner, output };
    let lines = Lines::batch(&[(0, 0, "a"), (0, 1, "b")]);
    let batch: Arc<dyn RecordBatch> = Arc::<Lines>::clone(&lines);
    bench.joiner.take(&batch);
    bench.joiner.hand_on();
    // The outputs are behind: that is no reason to cut events.
    bench.joiner.relieve();
    bench.joiner.hand_on();
    assert_eq!(bench.settled().len(), 1);
    bench.joiner.relieve();
    bench.joiner.hand_on();
    assert_eq!(bench.settled().len(), 1);
    drop((share, paused));
}

/// What is joined does not depend on how records come in batches; no line is lost, and every record is settled when all events
/// with lines of it are.
#[test]
fn whatever_the_batches_the_events_are_the_same() {
    let counter = AtomicUsize::new(0);
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let records: Vec<(i32, i64, String)> = (0..random.usize(1..60))
            .map(|offset| {
                let lines: Vec<String> = (0..random.usize(0..4))
                    .map(|_| {
                        let indent = if random.bool() { " " } else { "" };
                        format!("{indent}{}", counter.fetch_add(1, Ordering::Relaxed))
                    })
                    .collect();
                (random.i32(0..3), offset as i64, lines.join("\n"))
            })
            .collect();
        let expected = |partition: i32| -> Vec<String> {
            let mut events: Vec<String> = Vec::new();
            for (_, _, text) in records.iter().filter(|one| one.0 == partition) {
                for line in text.split('\n').filter(|line| !line.is_empty()) {
                    match events.last_mut().filter(|_| line.starts_with(' ')) {
                        Some(event) => event.push_str(&format!("\n{line}")),
                        None => events.push(line.to_owned()),
                    }
                }
            }
            events
        };
        let mut bench = Bench::new(STACK_TRACE);
        let (mut batches, mut joined, mut at) = (Vec::new(), Vec::new(), 0);
        while at < records.len() {
            let end = (at + random.usize(1..10)).min(records.len());
            let receipts = Receipts::new(end - at);
            let batch = Arc::new(Lines(records[at..end].to_vec(), receipts));
            joined.extend(bench.take(&batch));
            batches.push(batch);
            at = end;
        }
        joined.extend(bench.end());
        for partition in 0..3 {
            let of_partition = joined.iter().filter(|one| one.0 == partition);
            let texts: Vec<String> = of_partition.map(|one| one.3.clone()).collect();
            assert_eq!(texts, expected(partition), "seed {seed}");
        }
        assert!(batches.iter().all(|batch| unsettled(batch).is_empty()));
        let names: std::collections::HashSet<_> =
            joined.iter().map(|one| (one.0, one.1, one.2)).collect();
        assert_eq!(names.len(), joined.len(), "names collide, seed {seed}");
    }
}
