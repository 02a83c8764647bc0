//! What becomes of dead letters: a crash while they are written, a full disk, sending them again, a topic.

use super::support::{Kelp, Topic, shared, wait_until};
use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

const CONFIG: &str = include_str!("pipelines/json.conf");

fn mapping() -> serde_json::Value {
    json!({"mappings": {"properties": {"n": {"type": "long"}}}})
}

fn refused(n: u32) -> String {
    format!(r#"{{"n":"no number","m":{n}}}"#)
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_crash_while_dead_letters_are_written_loses_none() {
    let servers = shared();
    let name = servers.unique("letters-crash");
    servers.client().put(&name, &mapping()).unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    let total = 20_000;
    topic.write((0..total).map(refused));
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &["-b", "200"]);
    for part in 1..=3 {
        let least = (total as usize) * part / 5;
        wait_until(
            "dead letters before the kill",
            120,
            || file_lines(&kelp),
            |&lines| lines >= least,
        );
        kelp.kill();
        kelp.run();
    }
    wait_until(
        "the commit of all",
        180,
        || topic.committed(&name),
        |&committed| committed == i64::from(total),
    );
    let letters = kelp.dead_letters();
    let found: BTreeSet<u64> = letters
        .iter()
        .map(|letter| letter["event"]["m"].as_u64().unwrap())
        .collect();
    assert_eq!(found.len(), total as usize);
    println!("{} letters of {total} messages", letters.len());
}

/// Line breaks in its segments, so that no half-written line is parsed.
fn file_lines(kelp: &Kelp) -> usize {
    let folder = kelp.data().join("dead_letter_queue/main");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let lines = |bytes: Vec<u8>| bytes.iter().filter(|byte| **byte == b'\n').count();
    files
        .filter_map(|file| fs::read(file.path()).ok())
        .map(lines)
        .sum()
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn what_was_refused_can_be_sent_again_through_a_pipeline_or_to_a_topic() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("replay");
    client.put(&name, &mapping()).unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    topic.write((0..300).map(|n| match n % 10 {
        0 => refused(n),
        _ => format!(r#"{{"n":{n},"m":{n}}}"#),
    }));
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    wait_until(
        "the commit of all",
        60,
        || topic.committed(&name),
        |&committed| committed == 300,
    );
    assert_eq!(client.count(&name).unwrap(), 270);
    let listed = kelp.dlq(&["list"]);
    assert_eq!(listed.lines().count(), 30, "{listed}");
    assert!(listed.contains(&format!("{name}-0@0")), "{listed}");
    let summary = kelp.dlq(&["list", "--summary"]);
    assert!(summary.trim().starts_with("30  400 "), "{summary}");

    // As often as one likes: the ids are those of the first time.
    let mended = CONFIG.replace(
        "output {",
        "filter { mutate { remove_field => [\"n\"] } }\noutput {",
    );
    let config = kelp.data().join("mended.conf");
    fs::write(&config, mended).unwrap();
    for _ in 0..2 {
        let said = kelp.dlq(&["replay", "-f", config.to_str().unwrap()]);
        assert!(
            said.starts_with("30 messages replayed, 0 not delivered, 0 dead letters again"),
            "{said}"
        );
        assert_eq!(client.count(&name).unwrap(), 300);
    }

    let elsewhere = Topic::new(&servers.kafka, &format!("{name}-again"));
    elsewhere.write(["the topic exists"]);
    let said = kelp.dlq(&["replay", "--topic", &elsewhere.name]);
    assert!(said.starts_with("30 messages replayed, 0 failed"), "{said}");
    assert_eq!(elsewhere.len(), 31);
    assert_eq!(kelp.terminate().code(), Some(0));
    kelp.dlq(&["purge", "--yes"]);
    assert_eq!(kelp.dlq(&["list"]), "");
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn the_input_dead_letter_queue_indexes_what_was_refused_once() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("letters-input");
    client.put(&name, &mapping()).unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    topic.write((0..50).map(refused));
    let kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    wait_until(
        "the commit of all",
        60,
        || topic.committed(&name),
        |&committed| committed == 50,
    );

    let config = r#"
        input { dead_letter_queue { path => "${LETTERS}" clean_consumed => true } }
        filter { mutate { copy => { "[@metadata][dead_letter_queue]" => "rejected" } remove_field => ["n"] } }
        output { elasticsearch { hosts => "${ELASTICSEARCH}" index => "${INDEX}-again" } }
    "#;
    let letters = kelp.data().join("dead_letter_queue").display().to_string();
    let again = format!("{name}-again");
    let mut second = Kelp::start_with(&servers, &topic, config, &[], &[("LETTERS", letters)]);
    wait_until(
        "the dead letters",
        60,
        || client.count(&again).unwrap_or(0),
        |&count| count == 50,
    );
    assert_eq!(second.terminate().code(), Some(0));
    topic.write((50..60).map(refused));
    second.run();
    wait_until(
        "the later dead letters",
        60,
        || client.count(&again).unwrap(),
        |&count| count >= 60,
    );
    assert_eq!(second.terminate().code(), Some(0));
    assert_eq!(client.count(&again).unwrap(), 60);
    let found = client
        .search(&again, &json!({"query": {"term": {"m": 7}}}))
        .unwrap();
    let rejected = &found["hits"]["hits"][0]["_source"]["rejected"];
    assert_eq!(rejected["plugin_type"], "elasticsearch", "{found}");
    assert_eq!(rejected["topic"], name.as_str(), "{found}");
    assert!(
        rejected["reason"].as_str().unwrap().starts_with("400 "),
        "{found}"
    );
    assert!(rejected["document_id"].is_string(), "{found}");
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_full_store_stops_consumption_until_there_is_room() {
    let servers = shared();
    let name = servers.unique("letters-full");
    servers.client().put(&name, &mapping()).unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    let filler = "x".repeat(900_000);
    topic.write((0..40).map(|n| format!(r#"{{"n":"no number","m":{n},"filler":"{filler}"}}"#)));
    let settings = settings(&name, "dead_letter_queue.max_bytes: 25mb");
    let mut kelp = Kelp::start(
        &servers,
        &topic,
        CONFIG,
        &["-b", "2", "--path.settings", &settings],
    );
    wait_until(
        "the complaint",
        120,
        || kelp.log(),
        |log| log.contains("the dead letters cannot be written"),
    );
    std::thread::sleep(Duration::from_secs(6)); // longer than it takes to commit
    kelp.assert_running();
    assert!(topic.committed(&name) < 40);
    let purge = || {
        kelp.dlq(&["purge", "--yes"]);
        topic.committed(&name)
    };
    wait_until(
        "the commit of all after purging",
        120,
        purge,
        |&committed| committed == 40,
    );
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn dead_letters_in_a_topic_hold_the_original_and_tell_what_happened() {
    let servers = shared();
    let name = servers.unique("letters-topic");
    servers.client().put(&name, &mapping()).unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    topic.write((0..20).map(refused));
    let letters = format!("{name}-letters");
    let settings = settings(
        &name,
        "kelp.dead_letters:\n  topic: ${LETTERS}\n  librdkafka.bootstrap.servers: ${KAFKA}",
    );
    let arguments = ["--path.settings", settings.as_str()];
    let variables = [("LETTERS", letters.clone())];
    let kelp = Kelp::start_with(&servers, &topic, CONFIG, &arguments, &variables);
    wait_until(
        "the commit of all",
        60,
        || topic.committed(&name),
        |&committed| committed == 20,
    );
    assert!(kelp.dead_letters().is_empty());

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers.kafka.bootstrap())
        .set("group.id", &letters)
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[&letters]).unwrap();
    let mut seen = BTreeSet::new();
    let read = || {
        if let Some(Ok(message)) = consumer.poll(Duration::from_secs(1)) {
            let payload = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            let headers = message.headers().unwrap();
            let header = |wanted: &str| {
                let found = headers.iter().find(|header| header.key == wanted);
                String::from_utf8(found.unwrap().value.unwrap().to_vec()).unwrap()
            };
            assert_eq!(header("kelp.topic"), name);
            assert_eq!(header("kelp.reason.status"), "400");
            assert!(header("kelp.action").contains(&format!(r#""_index":"{name}""#)));
            assert!(header("kelp.event").contains("no number"));
            seen.insert(payload);
        }
        seen.len()
    };
    wait_until("the letters", 60, read, |&count| count == 20);
}

/// A directory with a `logstash.yml`.
fn settings(name: &str, text: &str) -> String {
    let folder = std::env::temp_dir().join(format!("kelp-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("logstash.yml"), text).unwrap();
    folder.display().to_string()
}
