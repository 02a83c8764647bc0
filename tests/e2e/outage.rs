//! Servers that stop answering, die and come back under load.

use super::support::{Kelp, Servers, Topic, alone, every_document, scaled, shared, wait_until};
use serde_json::json;
use std::thread::sleep;
use std::time::Duration;

const CONFIG: &str = include_str!("pipelines/json.conf");
/// How long a server is away, times `KELP_E2E_SCALE`.
const OUTAGE_S: usize = 8;

/// More than may be in flight (below, 16 MiB), in messages of 2.5 KB that cost Elasticsearch little, numbered on from `first`.
fn write_load(topic: &Topic, first: usize, count: usize) {
    let text = "a stitch in time saves nine; ".repeat(85);
    topic.write((first..first + count).map(|n| format!(r#"{{"n":{n},"text":"{text}"}}"#)));
}

fn create_index(servers: &Servers, topic: &Topic) {
    let mapping = json!({"mappings": {"properties": {"text": {"type": "keyword", "index": false, "doc_values": false}}}});
    servers.client().put(&topic.name, &mapping).unwrap();
}

fn some_documents(servers: &Servers, topic: &Topic) {
    let indexed = || servers.client().count(&topic.name).unwrap();
    wait_until("some documents", 120, indexed, |&count| count > 0);
}

fn everything_arrives(servers: &Servers, topic: &Topic, kelp: &mut Kelp, total: usize) {
    let client = servers.client();
    every_document(client, &topic.name, total, 240);
    wait_until(
        "the commit of all",
        30,
        || topic.committed(&topic.name),
        |&committed| committed == topic.len(),
    );
    kelp.assert_running();
    println!(
        "{} duplicates",
        client.count(&topic.name).unwrap() - total as u64
    );
}

/// The documents of one of four partitions go to an index that takes no writes for a while.
#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn an_index_that_is_blocked_stops_the_partition_of_its_documents_and_no_other() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("blocked");
    let blocked = format!("{name}-0");
    client
        .put(&blocked, &json!({"settings": {"index.blocks.write": true}}))
        .unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    let total = scaled(24_000); // 60 MB
    let text = "a stitch in time saves nine; ".repeat(85);
    topic.write((0..total).map(|n| format!(r#"{{"n":{n},"p":{},"text":"{text}"}}"#, n % 4)));
    let config = CONFIG.replace("${INDEX}", "${INDEX}-%{p}");
    let kelp = Kelp::start(&servers, &topic, &config, &["--memory", "16"]);
    let count = |index: &str| client.count(index).unwrap();
    wait_until(
        "the documents of the other partitions",
        240,
        || (1..4).map(|p| count(&format!("{name}-{p}"))).sum::<u64>(),
        |&sum| sum == total as u64 * 3 / 4,
    );
    assert_eq!(count(&blocked), 0);
    println!("{} MiB at most", kelp.peak_memory_mb());
    client
        .put(
            &format!("{blocked}/_settings"),
            &json!({"index.blocks.write": null}),
        )
        .unwrap();
    wait_until(
        "the commit of all",
        240,
        || topic.committed(&name),
        |&committed| committed == total as i64,
    );
    assert_eq!(count(&blocked), total as u64 / 4);
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_frozen_elasticsearch_pauses_consumption_in_bounded_memory() {
    let servers = alone();
    let topic = Topic::new(&servers.kafka, &servers.unique("frozen"));
    let before_it = scaled(20_000);
    let during_it = scaled(40_000); // 100 MB
    let total = before_it + during_it;
    create_index(&servers, &topic);
    write_load(&topic, 0, before_it);
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &["--memory", "16"]);
    some_documents(&servers, &topic);
    servers.elasticsearch.pause();
    sleep(Duration::from_secs(3)); // what is in flight is acknowledged or stuck by now
    let before = topic.committed(&topic.name);
    // However much was indexed by now, here is more than fits in memory.
    write_load(&topic, before_it, during_it);
    sleep(Duration::from_secs(scaled(OUTAGE_S) as u64));
    kelp.assert_running();
    let during = topic.committed(&topic.name);
    let memory_mb = kelp.peak_memory_mb();
    servers.elasticsearch.resume();
    everything_arrives(&servers, &topic, &mut kelp, total);
    println!(
        "committed {before} -> {during} of {total} during the outage; at most {memory_mb} MiB resident then, {} in all",
        kelp.peak_memory_mb()
    );
    assert!(
        during <= before_it as i64,
        "committed what no server has acknowledged"
    );
    // a build without optimisation needs some more than a release build
    assert!(memory_mb < 140, "{memory_mb} MiB resident");
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_killed_elasticsearch_gets_everything_after_its_return() {
    let mut servers = alone();
    let topic = Topic::new(&servers.kafka, &servers.unique("killed"));
    let total = scaled(20_000);
    create_index(&servers, &topic);
    write_load(&topic, 0, total / 2);
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    some_documents(&servers, &topic);
    servers.elasticsearch.kill().unwrap();
    write_load(&topic, total / 2, total - total / 2);
    sleep(Duration::from_secs(scaled(OUTAGE_S) as u64));
    kelp.assert_running();
    servers.elasticsearch.restart().unwrap();
    everything_arrives(&servers, &topic, &mut kelp, total);
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_broker_that_restarts_is_consumed_to_the_end() {
    let mut servers = alone();
    let topic = Topic::new(&servers.kafka, &servers.unique("broker"));
    let total = scaled(20_000);
    create_index(&servers, &topic);
    write_load(&topic, 0, total);
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    some_documents(&servers, &topic);
    servers.kafka.kill().unwrap();
    let health = |colour: &str| {
        let is = |health: &String| health.starts_with(colour);
        wait_until(colour, 60, || kelp.health(), is);
    };
    health("yellow: input `");
    servers.kafka.restart().unwrap();
    health("green");
    topic.write((total..total + 1000).map(|n| format!(r#"{{"n":{n}}}"#)));
    everything_arrives(&servers, &topic, &mut kelp, total + 1000);
}
