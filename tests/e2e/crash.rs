//! `kill -9` loses nothing and repeats nothing.

use super::support::{Topic, every_document, killed_while_writing, scaled, shared, wait_until};

const CONFIG: &str = include_str!("pipelines/json.conf");

/// Messages written at a time.
const CHUNK: usize = 1_000;

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn kill_in_the_middle_and_restart_lose_and_repeat_nothing() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("crash");
    let topic = Topic::new(&servers.kafka, &name);
    let message = |n| format!(r#"{{"n":{n},"text":"message number {n} of many"}}"#);
    let (mut kelp, total) = killed_while_writing(
        &servers,
        &topic,
        CONFIG,
        &[],
        scaled(40_000),
        CHUNK,
        |numbers| numbers.map(message).collect(),
    );
    every_document(client, &name, total, 180);
    assert_eq!(
        client.count(&name).unwrap(),
        total as u64,
        "what was delivered again is stored once"
    );
    wait_until(
        "the commit of all",
        30,
        || topic.committed(&name),
        |&committed| committed == topic.len(),
    );
    kelp.assert_running();
}
