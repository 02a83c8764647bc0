//! How long it takes until another process goes on with the partitions of one that was killed.

use super::support::{Kelp, Servers, Topic, distribution, wait_until};
use kelp_harness::{Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions};
use std::time::{Duration, Instant};

const PARTITIONS: usize = 8;
const CONFIG: &str = include_str!("pipelines/json.conf");

/// What the broker is told for groups of the consumer protocol, whose members cannot choose it; it would be 45 s.
const BROKER: [(&str, &str); 2] = [
    ("group.consumer.min.session.timeout.ms", "6000"),
    ("group.consumer.session.timeout.ms", "10000"),
];

/// Settings of the input for each case, `MEMBER` being the number of the process; and how long it may take, in seconds: the
/// session timeout, and what a busy machine needs.
const CASES: [(&str, &str, u64); 5] = [
    ("default settings", "", 10),
    (
        "static membership",
        r#"group_instance_id => "kelp-MEMBER""#,
        10,
    ),
    (
        "cooperative",
        r#"partition_assignment_strategy => "cooperative_sticky""#,
        10,
    ),
    ("eager", r#"partition_assignment_strategy => "range""#, 10),
    ("consumer protocol", r#"group_protocol => "consumer""#, 10),
];

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn the_partitions_of_a_killed_process_move_within_the_session_timeout() {
    let servers = Servers {
        kafka: Kafka::start(KafkaOptions {
            partitions: PARTITIONS as u32,
            properties: BROKER
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            ..KafkaOptions::default()
        })
        .unwrap(),
        elasticsearch: Elasticsearch::start(ElasticsearchOptions {
            distribution: distribution(),
            ..Default::default()
        })
        .unwrap(),
    };
    std::thread::scope(|scope| {
        for case in 0..CASES.len() {
            let servers = &servers;
            scope.spawn(move || move_partitions(servers, case));
        }
    });
}

fn move_partitions(servers: &Servers, case: usize) {
    let (what, settings, session_s) = CASES[case];
    let name = format!("failover-{case}");
    let topic = Topic::new(&servers.kafka, &name);
    topic.write(["{}"]);
    let start = |member: usize| {
        let settings = settings.replace("MEMBER", &member.to_string());
        let config = CONFIG.replace("session_timeout_ms => \"6000\"", &settings);
        assert_ne!(config, CONFIG);
        Kelp::start(servers, &topic, &config, &[])
    };
    let mut first = start(1);
    let has = |kelp: &Kelp, what: &str, count: usize, timeout_s| {
        wait_until(
            what,
            timeout_s,
            || owned(kelp, &name),
            |owned| *owned == count,
        );
    };
    has(&first, "all partitions", PARTITIONS, 120);
    let second = start(2);
    has(&second, "half of the partitions", PARTITIONS / 2, 120);
    // The group has come to rest.
    std::thread::sleep(Duration::from_secs(3));
    first.kill();
    let killed = Instant::now();
    has(&second, "the other half", PARTITIONS, session_s + 60);
    println!("{what}: {:.1} s", killed.elapsed().as_secs_f64());
}

/// How many partitions a process has, by what it logs of them.
fn owned(kelp: &Kelp, topic: &str) -> usize {
    let mut owned = std::collections::BTreeSet::new();
    for line in kelp.log().lines() {
        let Some((_, names)) = line.split_once("partitions=") else {
            continue;
        };
        let names = names
            .split_whitespace()
            .filter(|name| name.starts_with(topic));
        let names: Vec<String> = names.map(str::to_owned).collect();
        if line.contains("partitions assigned") {
            owned.extend(names);
        } else {
            owned.retain(|name| !names.contains(name));
        }
    }
    owned.len()
}
