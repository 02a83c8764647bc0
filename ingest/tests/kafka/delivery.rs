//! Messages arrive whole, and offsets are committed when their messages are settled and not before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kelp_ingest::{Batch, Limits, PartitionStats, SourceState, SourceStats};
use kelp_parser::record::Origin;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};

use crate::support::{Cluster, LONG, contents, count, settle};

#[test]
fn messages_arrive_as_they_were_written() {
    let cluster = Cluster::new("whole", 1);
    let headers = OwnedHeaders::new()
        .insert(Header {
            key: "traceparent",
            value: Some("00-abc"),
        })
        .insert(Header::<&[u8]> {
            key: "binary",
            value: Some(&[0xff, 0x00]),
        })
        .insert(Header::<&str> {
            key: "none",
            value: None,
        });
    let binary: &[u8] = &[0, 0xff, 0xc3, 0x28, 0];
    let full = BaseRecord::to("whole")
        .key("key")
        .payload(binary)
        .timestamp(1_431_871_503_000)
        .headers(headers);
    cluster
        .producer
        .send(full)
        .map_err(|(error, _)| error)
        .unwrap();
    let tombstone = BaseRecord::<str, [u8]>::to("whole").key("gone");
    cluster
        .producer
        .send(tombstone)
        .map_err(|(error, _)| error)
        .unwrap();
    let empty = BaseRecord::<[u8], str>::to("whole").payload("");
    cluster
        .producer
        .send(empty)
        .map_err(|(error, _)| error)
        .unwrap();
    cluster.producer.flush(LONG).unwrap();

    let running = cluster.input(&[("topics", "whole")], Limits::default(), 8);
    let batches = running.receive(3);
    let mut records = Vec::new();
    for batch in &batches {
        assert_eq!(batch.input, 7);
        records.extend((0..batch.records.len()).map(|index| batch.records.record(index)));
    }
    assert_eq!(records[0].payload, Some(binary));
    assert_eq!(records[0].key, Some(&b"key"[..]));
    assert_eq!(records[0].timestamp.unwrap().millis(), 1_431_871_503_000);
    let origin = Origin::Kafka {
        topic: "whole",
        partition: 0,
        offset: 0,
    };
    assert_eq!(records[0].origin, origin);
    let mut seen = Vec::new();
    records[0]
        .headers
        .visit(&mut |name, value| seen.push((name.to_owned(), value.map(<[u8]>::to_vec))));
    let expected = [
        ("traceparent", Some(&b"00-abc"[..])),
        ("binary", Some(&[0xff, 0x00])),
        ("none", None),
    ];
    assert_eq!(
        seen,
        expected.map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
    );

    assert_eq!(records[1].payload, None, "a tombstone has no payload");
    assert_eq!(records[1].key, Some(&b"gone"[..]));
    records[1]
        .headers
        .visit(&mut |name, _| panic!("unexpected header {name}"));
    assert_eq!(
        records[2].payload,
        Some(&b""[..]),
        "an empty payload is one"
    );
    assert_eq!(records[2].key, None);
    drop(records);
    settle(&batches);
    drop(batches);
    assert!(running.drain().committed);
}

#[test]
fn only_the_settled_prefix_is_committed_and_the_rest_comes_again() {
    let cluster = Cluster::new("prefix", 1);
    cluster.produce("prefix", 1, 0..100);
    let settings = [
        ("topics", "prefix"),
        ("group_id", "g"),
        ("auto_commit_interval_ms", "100"),
    ];
    let running = cluster.input(&settings, Limits::default(), 64);
    let batches = running.receive(100);
    let flat: Vec<_> = batches
        .iter()
        .flat_map(|batch| (0..batch.records.len() as u32).map(move |record| (batch, record)))
        .collect();
    for (number, (batch, record)) in flat.iter().enumerate() {
        if number != 40 {
            batch.records.receipts().settle(*record);
        }
    }
    let stats = running.wait_for("the commit", |stats| {
        stats
            .partitions
            .iter()
            .any(|partition| partition.committed == Some(40))
    });
    assert_eq!(stats.partitions[0].position, Some(100));
    assert_eq!(stats.partitions[0].high_watermark, Some(100));
    assert_eq!(
        (
            stats.partitions[0].lag(),
            stats.partitions[0].committed_lag()
        ),
        (Some(0), Some(60))
    );
    let drained = running.source.drain(Instant::now());
    assert!(drained.committed);
    assert!(drained.unsettled_records >= 1);
    assert_eq!(cluster.committed("g", "prefix", 1), [Some(40)]);
    drop(batches);

    let again = cluster.input(&settings, Limits::default(), 64);
    let batches = again.receive(60);
    assert_eq!(contents(&batches[0].records)[0], (0, 40, "40".to_owned()));
    settle(&batches);
    drop(batches);
    assert_eq!(
        again.drain(),
        kelp_ingest::Drained {
            unsettled_records: 0,
            committed: true
        }
    );
    assert_eq!(cluster.committed("g", "prefix", 1), [Some(100)]);
}

#[test]
fn draining_waits_for_what_is_in_flight() {
    let cluster = Cluster::new("draining", 2);
    cluster.produce("draining", 2, 0..1_000);
    let running = cluster.input(
        &[("topics", "draining"), ("group_id", "g")],
        Limits::default(),
        64,
    );
    let batches = running.receive(1_000);
    let settling = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        settle(&batches);
    });
    assert_eq!(
        running.drain(),
        kelp_ingest::Drained {
            unsettled_records: 0,
            committed: true
        }
    );
    settling.join().unwrap();
    assert_eq!(
        cluster.committed("g", "draining", 2),
        [Some(500), Some(500)]
    );
}

#[test]
fn a_full_channel_stalls_consumption_but_not_polling() {
    let cluster = Cluster::new("stalled", 3);
    cluster.produce("stalled", 3, 0..3_000);
    // Without polling the member would lose its partitions after 6 s.
    let settings = [
        ("topics", "stalled"),
        ("max_poll_interval_ms", "6000"),
        ("session_timeout_ms", "6000"),
    ];
    let limits = Limits {
        batch_records: 100,
        ..Limits::default()
    };
    let running = cluster.input(&settings, limits, 1);
    running.wait_for("the stall", |stats| stats.is_stalled);
    std::thread::sleep(Duration::from_secs(8));
    let stats = running.source.stats();
    assert!(stats.consumed_records <= 200, "{stats:?}");
    assert_eq!(stats.rebalances, 1, "{stats:?}");
    let batches = running.receive(3_000);
    let mut counts = BTreeMap::new();
    count(&batches, &mut counts);
    assert!((0..3_000).all(|number| counts.get(&number) == Some(&1)));
    let stats = running.source.stats();
    assert_eq!(stats.rebalances, 1);
    assert!(stats.stalled_time > Duration::from_secs(7));
    settle(&batches);
    drop(batches);
    assert!(running.drain().committed);
}

#[test]
fn the_limit_of_bytes_in_flight_holds() {
    let cluster = Cluster::new("heavy", 1);
    let payload = vec![b'x'; 100_000];
    // The mock broker keeps 5 MB of a partition.
    for _ in 0..40 {
        let record = BaseRecord::<(), [u8]>::to("heavy").payload(&payload);
        cluster
            .producer
            .send(record)
            .map_err(|(error, _)| error)
            .unwrap();
    }
    cluster.producer.flush(LONG).unwrap();
    let limits = Limits {
        in_flight_bytes: 2_000_000,
        batch_bytes: 500_000,
        ..Limits::default()
    };
    let running = cluster.input(&[("topics", "heavy")], limits, 1_000);
    running.wait_for("the limit", |stats| stats.is_stalled);
    std::thread::sleep(Duration::from_millis(300));
    let stats = running.source.stats();
    // Half of it is kept for when a partition stands still; twice as much as was consumed is expected to be made of it.
    assert!(stats.in_flight_bytes * 3 >= 1_000_000, "{stats:?}");
    assert!(
        stats.in_flight_bytes * 3 <= 1_000_000 + 3 * 600_000,
        "{stats:?}"
    );
    let mut batches = Vec::new();
    while running.source.stats().in_flight_bytes < 1_000_000 {
        let more = running.receive(1);
        more.iter().for_each(|batch| batch.records.made());
        batches.extend(more);
    }
    std::thread::sleep(Duration::from_millis(300));
    let stats = running.source.stats();
    assert!(stats.is_stalled, "{stats:?}");
    assert!(stats.in_flight_bytes <= 1_000_000 + 600_000, "{stats:?}");
    let mut records = 0;
    while records < 40 {
        if batches.is_empty() {
            batches = running.receive(1);
        }
        records += batches
            .iter()
            .map(|batch| batch.records.len())
            .sum::<usize>();
        settle(&batches);
        batches.clear();
    }
    running.wait_for("the end of the stall", |stats| {
        stats.in_flight_bytes == 0 && !stats.is_stalled
    });
    assert!(running.drain().committed);
}

#[test]
fn a_partition_that_is_not_acknowledged_is_paused_and_the_others_go_on() {
    let cluster = Cluster::new("paused", 2);
    let records = 160;
    let produce = |partition: i32| {
        for number in 0..records {
            let payload = format!("{number:020000}");
            let record = BaseRecord::<(), str>::to("paused").partition(partition);
            let sent = cluster.producer.send(record.payload(&payload));
            sent.map_err(|(error, _)| error).unwrap();
        }
        cluster.producer.flush(LONG).unwrap();
    };
    produce(0);
    let limits = Limits {
        in_flight_bytes: 2_000_000,
        batch_bytes: 100_000,
        ..Limits::default()
    };
    let settings = [
        ("topics", "paused"),
        ("group_id", "g"),
        ("auto_commit_interval_ms", "100"),
    ];
    let running = cluster.input(&settings, limits, 1_000);
    running.wait_for("memory to be full", |stats| stats.is_stalled);
    produce(1);
    let mut all = Vec::new();
    let mut receive = || {
        for batch in running.batches.try_iter() {
            for (record, (partition, ..)) in contents(&batch.records).into_iter().enumerate() {
                if partition == 1 {
                    batch.records.receipts().settle(record as u32);
                }
            }
            all.push(batch);
        }
        // Only what is not settled is kept.
        let held = |batch: &Batch| {
            let mut records = 0..batch.records.len() as u32;
            records.any(|record| !batch.records.receipts().is_settled(record))
        };
        all.retain(held);
    };
    let committed = |stats: &SourceStats, number: i32| {
        let mut partitions = stats.partitions.iter();
        let partition = partitions.find(|partition| partition.partition == number);
        partition.and_then(|partition| partition.committed)
    };
    let stats = running.wait_for("all of the partition that is acknowledged", |stats| {
        receive();
        assert!(stats.in_flight_bytes <= 2_200_000, "{stats:?}");
        committed(stats, 1) == Some(records.into())
    });
    let of_first = &stats.partitions[0];
    assert!(of_first.is_paused && of_first.position < Some(records.into()));
    assert_eq!(committed(&stats, 0), Some(0));
    // Once it is acknowledged, it goes on where it stopped.
    let mut offsets = Vec::new();
    running.wait_for("the other one", |stats| {
        all.extend(running.batches.try_iter());
        for batch in all.drain(..) {
            for (record, (partition, offset, _)) in contents(&batch.records).iter().enumerate() {
                if *partition == 0 {
                    offsets.push(*offset);
                    batch.records.receipts().settle(record as u32);
                }
            }
        }
        committed(stats, 0) == Some(records.into())
    });
    assert_eq!(offsets, (0..records.into()).collect::<Vec<i64>>());
    assert!(running.drain().committed);
}

/// A group begins at the end of its partitions; from then on nothing is passed over, though nothing was consumed yet.
#[test]
fn what_is_written_while_a_new_group_is_away_is_consumed_when_it_is_back() {
    let cluster = Cluster::new("away", 2);
    cluster.produce("away", 2, 0..10);
    let settings = [
        ("topics", "away"),
        ("group_id", "g"),
        ("auto_offset_reset", "latest"),
    ];
    let running = cluster.input(&settings, Limits::default(), 64);
    running.wait_for("the commit of where it begins", |stats| {
        let mut partitions = stats.partitions.iter();
        stats.partitions.len() == 2 && partitions.all(|partition| partition.committed == Some(5))
    });
    assert_eq!(cluster.committed("g", "away", 2), [Some(5), Some(5)]);
    assert!(running.drain().committed);
    cluster.produce("away", 2, 10..20);
    let running = cluster.input(&settings, Limits::default(), 64);
    let batches = running.receive(10);
    let mut counts = BTreeMap::new();
    count(&batches, &mut counts);
    assert!(counts.into_iter().eq((10..20).map(|number| (number, 1))));
    settle(&batches);
    drop(batches);
    assert!(running.drain().committed);
    assert_eq!(cluster.committed("g", "away", 2), [Some(10), Some(10)]);
}

/// Where partitions begin is asked for before they are assigned, and not left to librdkafka: what it looks up for a partition that
/// is taken away meanwhile comes when the partition is back.
#[test]
fn where_a_partition_begins_is_known_before_its_first_message() {
    let cluster = Cluster::new("start", 2);
    cluster.produce("start", 2, 0..10);
    let settings = [("topics", "start"), ("group_id", "g")];
    let running = cluster.input(&settings, Limits::default(), 64);
    let batches = running.receive(10);
    settle(&batches);
    drop(batches);
    assert!(running.drain().committed);
    let running = cluster.input(&settings, Limits::default(), 64);
    running.wait_for("the assignment", |stats| {
        let mut partitions = stats.partitions.iter();
        let known = |partition: &PartitionStats| {
            (partition.position, partition.committed) == (Some(5), Some(5))
        };
        stats.partitions.len() == 2 && partitions.all(known)
    });
    assert!(running.drain().committed);
}

#[test]
fn several_consumers_share_the_partitions() {
    let cluster = Cluster::new("shared", 4);
    cluster.produce("shared", 4, 0..400);
    let settings = [
        ("topics", "shared"),
        ("consumer_threads", "2"),
        ("group_id", "g"),
        ("auto_commit_interval_ms", "100"),
    ];
    let running = cluster.input(&settings, Limits::default(), 64);
    // The first member may have had all partitions at first, so some messages may come twice.
    let mut counts = BTreeMap::new();
    running.wait_for("the commits", |stats| {
        let batches: Vec<_> = running.batches.try_iter().collect();
        count(&batches, &mut counts);
        settle(&batches);
        let mut committed = stats
            .partitions
            .iter()
            .filter_map(|partition| partition.committed);
        stats.partitions.len() == 4
            && committed.all(|committed| committed == 100)
            && counts.len() == 400
            && stats.unsettled_records == 0
    });
    assert!(running.drain().committed);
    assert_eq!(cluster.committed("g", "shared", 4), [Some(100); 4]);
}

#[test]
fn a_pattern_subscribes_to_whole_names() {
    let cluster = Cluster::new("logs-1", 1);
    cluster.mock().create_topic("logs-1x", 1, 1).unwrap();
    cluster.mock().create_topic("logs-22", 1, 1).unwrap();
    cluster.produce("logs-1", 1, 1..2);
    cluster.produce("logs-1x", 1, 2..3);
    cluster.produce("logs-22", 1, 3..4);
    let running = cluster.input(&[("topics_pattern", r"logs-(?:\d+)")], Limits::default(), 8);
    let batches = running.receive(2);
    let mut counts = BTreeMap::new();
    count(&batches, &mut counts);
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [1, 3]);
    drop(batches);
    running.drain();
}

#[test]
fn an_unreachable_broker_is_waited_for_and_does_not_delay_the_end() {
    let cluster = Cluster::new("later", 1);
    cluster.mock().broker_down(1).unwrap();
    let running = cluster.input(&[("topics", "later")], Limits::default(), 8);
    std::thread::sleep(Duration::from_millis(500));
    assert!(matches!(running.source.state(), SourceState::Running));
    cluster.mock().broker_up(1).unwrap();
    cluster.produce("later", 1, 0..5);
    settle(&running.receive(5));
    cluster.mock().broker_down(1).unwrap();
    let started = Instant::now();
    let drained = running
        .source
        .drain(Instant::now() + Duration::from_secs(1));
    assert!(!drained.committed, "the broker was down");
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn without_a_committed_offset_and_a_policy_the_input_fails() {
    let cluster = Cluster::new("strict", 1);
    cluster.produce("strict", 1, 0..5);
    let running = cluster.input(
        &[("topics", "strict"), ("auto_offset_reset", "none")],
        Limits::default(),
        8,
    );
    let deadline = Instant::now() + LONG;
    let failure = loop {
        if let SourceState::Failed(failure) = running.source.state() {
            break failure.to_string();
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(failure.contains("auto_offset_reset"), "{failure}");
    assert!(
        running.batches.recv_deadline(deadline).is_err(),
        "the sender is gone"
    );
    running.drain();
}
