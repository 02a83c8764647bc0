//! Memory is bounded in bytes, whatever the size of the messages.

use super::support::{Kelp, Topic, alone, every_document, wait_until};
use serde_json::json;
use std::thread::sleep;
use std::time::Duration;

const CONFIG: &str = include_str!("pipelines/json.conf");
const MESSAGES: usize = 300;
/// A little less than the broker takes.
const BYTES: usize = 1_000_000;
/// 64 MiB of records and of bodies made of them; 16 MiB that librdkafka prefetches; for each worker and in the queue between, a batch
/// (2 MiB) and the body that is being made of it (twice as much, since `event.original` keeps the message); the program itself.
const LIMIT_MB: u64 = 200;

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn messages_of_a_mebibyte_do_not_take_more_than_the_limits_while_elasticsearch_stands_still() {
    let servers = alone();
    let client = servers.client();
    let name = servers.unique("memory");
    let mapping = json!({"mappings": {"dynamic": false, "properties": {"n": {"type": "long"}}}});
    client.put(&name, &mapping).unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    let filler = "x".repeat(BYTES);
    topic.write((0..MESSAGES).map(|n| format!(r#"{{"n":{n},"filler":"{filler}"}}"#)));
    servers.elasticsearch.pause();
    let kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    // Everything has filled up when nothing grows any more.
    let mut before = 0;
    let full = || {
        let now = kelp.peak_memory_mb();
        let is_full = now > 60 && now == before;
        before = now;
        sleep(Duration::from_secs(3));
        is_full
    };
    wait_until("memory to be full", 120, full, |is_full| *is_full);
    let held = kelp.peak_memory_mb();
    servers.elasticsearch.resume();
    every_document(client, &name, MESSAGES, 300);
    wait_until(
        "the commit of all",
        60,
        || topic.committed(&name),
        |&committed| committed == MESSAGES as i64,
    );
    let peak = kelp.peak_memory_mb();
    println!(
        "{MESSAGES} messages of {BYTES} bytes: {held} MiB resident while nothing moved, {peak} MiB at most"
    );
    assert!(peak < LIMIT_MB, "{peak} MiB");
    assert_eq!(client.count(&name).unwrap(), MESSAGES as u64);
}
