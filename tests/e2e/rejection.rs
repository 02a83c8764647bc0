//! What Elasticsearch refuses: a document for good, or everything for now.

use super::support::{Kelp, Servers, Topic, shared, wait_until};
use kelp_harness::{
    Distribution, Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions, PASSWORD, USER,
};
use serde_json::json;
use std::time::Duration;

const CONFIG: &str = include_str!("pipelines/json.conf");

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_document_that_does_not_fit_the_mapping_becomes_a_dead_letter() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("mapping");
    client
        .put(
            &name,
            &json!({"mappings": {"properties": {"n": {"type": "long"}}}}),
        )
        .unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    let bad = |n: u32| n.is_multiple_of(50);
    topic.write((0..500).map(|n| {
        if bad(n) {
            format!(r#"{{"n":"no number","m":{n}}}"#)
        } else {
            format!(r#"{{"n":{n},"m":{n}}}"#)
        }
    }));

    let kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    wait_until(
        "the commit of all",
        60,
        || topic.committed(&name),
        |&committed| committed == 500,
    );
    assert_eq!(client.count(&name).unwrap(), 490);
    let letters = kelp.dead_letters();
    assert_eq!(letters.len(), 10);
    let mut refused: Vec<u64> = letters
        .iter()
        .map(|letter| letter["event"]["m"].as_u64().unwrap())
        .collect();
    refused.sort_unstable();
    assert_eq!(refused, [0, 50, 100, 150, 200, 250, 300, 350, 400, 450]);
    for letter in &letters {
        assert_eq!(letter["reason"]["status"], 400, "{letter}");
        assert!(
            letter["reason"]["type"]
                .as_str()
                .unwrap()
                .ends_with("_parsing_exception"),
            "{letter}"
        );
        assert_eq!(letter["origin"]["topic"], name, "{letter}");
    }
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn an_index_name_with_an_unresolved_field_becomes_a_dead_letter_and_no_index() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("unresolved");
    let topic = Topic::new(&servers.kafka, &name);
    topic.write((0..40).map(|n| {
        if n < 30 {
            format!(r#"{{"n":{n},"app":"shop"}}"#)
        } else {
            format!(r#"{{"n":{n}}}"#)
        }
    }));
    let config = CONFIG.replace("\"${INDEX}\"", "\"${INDEX}-%{[app]}\"");
    assert_ne!(config, CONFIG);

    let kelp = Kelp::start(&servers, &topic, &config, &[]);
    wait_until(
        "the commit of all",
        60,
        || topic.committed(&name),
        |&committed| committed == 40,
    );
    assert_eq!(
        client.indices(&format!("{name}*")).unwrap(),
        [format!("{name}-shop")]
    );
    assert_eq!(client.count(&format!("{name}-shop")).unwrap(), 30);
    let letters = kelp.dead_letters();
    assert_eq!(letters.len(), 10);
    assert!(
        letters
            .iter()
            .all(|letter| letter["event"]["n"].as_u64().unwrap() >= 30),
        "{letters:?}"
    );
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_401_holds_the_partition_until_the_user_is_known_again() {
    if super::support::distribution() == Distribution::OpenSearch3 {
        println!("skipped: OpenSearch has no security here");
        return;
    }
    let options = ElasticsearchOptions {
        distribution: super::support::distribution(),
        security: true,
        ..Default::default()
    };
    let servers = Servers {
        kafka: Kafka::start(KafkaOptions::default()).unwrap(),
        elasticsearch: Elasticsearch::start(options).unwrap(),
    };
    let client = servers.client();
    let name = servers.unique("user");
    let topic = Topic::new(&servers.kafka, &name);
    let lines = |from: u32, to: u32| (from..to).map(|n| format!(r#"{{"n":{n}}}"#));
    let config = CONFIG.replace(
        "hosts =>",
        &format!("user => \"{USER}\" password => \"{PASSWORD}\" hosts =>"),
    );
    topic.write(lines(0, 100));
    let mut kelp = Kelp::start(&servers, &topic, &config, &[]);
    wait_until(
        "the commit of the first",
        60,
        || topic.committed(&name),
        |&committed| committed == 100,
    );

    servers.elasticsearch.set_user(false).unwrap();
    topic.write(lines(100, 200));
    std::thread::sleep(Duration::from_secs(8)); // longer than it takes to commit
    kelp.assert_running();
    assert_eq!(
        topic.committed(&name),
        100,
        "nothing is committed while nothing is accepted"
    );
    assert!(
        kelp.log().contains("401"),
        "it says why it waits:\n{}",
        kelp.log()
    );

    servers.elasticsearch.set_user(true).unwrap();
    wait_until(
        "the rest",
        60,
        || client.count(&name).unwrap(),
        |&count| count == 200,
    );
    assert_eq!(kelp.dead_letters(), Vec::<serde_json::Value>::new());
}
