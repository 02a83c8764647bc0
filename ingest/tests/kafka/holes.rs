//! Retention overtakes the group, on a real broker.

use std::time::{Duration, Instant};

use kelp_ingest::{Limits, SourceState};

use crate::support::{Cluster, LONG, contents, settle};

/// A topic of 100 messages of which the group has committed 10, and the first 50 are gone by now.
fn overtaken(topic: &str) -> Cluster {
    let cluster = Cluster::real(1);
    cluster.produce(topic, 1, 0..10);
    let settings = [("topics", topic), ("group_id", topic)];
    let running = cluster.input(&settings, Limits::default(), 8);
    settle(&running.receive(10));
    assert!(running.drain().committed);
    assert_eq!(cluster.committed(topic, topic, 1), [Some(10)]);
    cluster.produce(topic, 1, 10..100);
    cluster.delete_records(topic, 50);
    cluster
}

#[test]
#[ignore = "needs a real broker: ./test e2e"]
fn a_hole_is_counted_and_consumption_goes_on_behind_it() {
    let cluster = overtaken("earliest-hole");
    let settings = [("topics", "earliest-hole"), ("group_id", "earliest-hole")];
    let running = cluster.input(&settings, Limits::default(), 8);
    let batches = running.receive(50);
    assert_eq!(contents(&batches[0].records)[0].1, 50);
    let stats = running.wait_for("the count", |stats| stats.skipped_records > 0);
    assert_eq!((stats.offset_resets, stats.skipped_records), (1, 40));
    settle(&batches);
    drop(batches);
    assert!(running.drain().committed);
    assert_eq!(
        cluster.committed("earliest-hole", "earliest-hole", 1),
        [Some(100)]
    );
}

#[test]
#[ignore = "needs a real broker: ./test e2e"]
fn latest_passes_over_what_is_left_too_and_counts_it() {
    let cluster = overtaken("latest-hole");
    let settings = [
        ("topics", "latest-hole"),
        ("group_id", "latest-hole"),
        ("auto_offset_reset", "latest"),
    ];
    let running = cluster.input(&settings, Limits::default(), 8);
    running.wait_for("the reset", |stats| stats.offset_resets > 0);
    // Where the end is, the broker has to be asked first.
    std::thread::sleep(Duration::from_secs(2));
    cluster.produce("latest-hole", 1, 100..105);
    let batches = running.receive(1);
    let first = contents(&batches[0].records)[0].1;
    assert!(first >= 100, "{first}");
    let stats = running.wait_for("the count", |stats| stats.skipped_records > 0);
    assert_eq!(stats.skipped_records, first as u64 - 10);
    running.drain();
}

#[test]
#[ignore = "needs a real broker: ./test e2e"]
fn none_fails_and_says_what_to_do() {
    let cluster = overtaken("no-hole");
    let settings = [
        ("topics", "no-hole"),
        ("group_id", "no-hole"),
        ("auto_offset_reset", "none"),
    ];
    let running = cluster.input(&settings, Limits::default(), 8);
    let deadline = Instant::now() + LONG;
    let failure = loop {
        if let SourceState::Failed(failure) = running.source.state() {
            break failure.to_string();
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(failure.contains("auto_offset_reset"), "{failure}");
    running.drain();
    assert_eq!(cluster.committed("no-hole", "no-hole", 1), [Some(10)]);
}
