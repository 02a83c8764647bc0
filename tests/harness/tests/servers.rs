//! The harness on the real servers. Ignored by a plain `cargo test`, since it downloads them; `./test e2e` runs it.
#![allow(clippy::unwrap_used)]

use kelp_harness::{Distribution, Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn produce(bootstrap: &str, topic: &str, values: &[&str]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .create()
        .unwrap();
    for value in values {
        producer
            .send(BaseRecord::<(), str>::to(topic).payload(value))
            .unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

fn consume(bootstrap: &str, topic: &str, count: usize) -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", format!("read-{count}"))
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let begun = Instant::now();
    let mut values = Vec::new();
    while values.len() < count && begun.elapsed() < Duration::from_secs(60) {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(500)) {
            values.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
        }
    }
    values.sort();
    values
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn kafka_keeps_what_it_acknowledged_over_kill_and_restart() {
    let begun = Instant::now();
    let mut kafka = Kafka::start(KafkaOptions::default()).unwrap();
    println!("Kafka was up after {:.1?}", begun.elapsed());
    let bootstrap = kafka.bootstrap();
    produce(&bootstrap, "lines", &["a", "b"]);
    assert_eq!(consume(&bootstrap, "lines", 2), ["a", "b"]);
    let first = kafka.pid().unwrap();
    kafka.kill().unwrap();
    assert!(TcpStream::connect(&bootstrap).is_err());
    let begun = Instant::now();
    kafka.restart().unwrap();
    println!("and again after {:.1?}", begun.elapsed());
    assert_ne!(kafka.pid().unwrap(), first);
    produce(&bootstrap, "lines", &["c"]);
    assert_eq!(consume(&bootstrap, "lines", 3), ["a", "b", "c"]);
    kafka.stop().unwrap();
    assert!(TcpStream::connect(&bootstrap).is_err());
    let folder = kafka.folder().to_owned();
    drop(kafka);
    assert!(!folder.exists(), "the data folder is removed");
}

/// What every server must do.
fn indexes_counts_and_restarts(distribution: Distribution) {
    let begun = Instant::now();
    let mut node = Elasticsearch::start(ElasticsearchOptions {
        distribution,
        ..Default::default()
    })
    .unwrap();
    println!(
        "{} was up after {:.1?}",
        distribution.name(),
        begun.elapsed()
    );
    assert_eq!(node.client().count("things*").unwrap(), 0);
    let answer = node.client().bulk("{\"index\":{\"_index\":\"things\"}}\n{\"n\":1}\n{\"index\":{\"_index\":\"things\"}}\n{\"n\":2}\n").unwrap();
    assert_eq!(answer["errors"], false, "{answer}");
    assert_eq!(node.client().count("things").unwrap(), 2);
    assert_eq!(node.client().indices("th*").unwrap(), ["things"]);
    node.kill().unwrap();
    assert!(node.client().get("_cluster/health").is_err());
    let begun = Instant::now();
    node.restart().unwrap();
    println!("and again after {:.1?}", begun.elapsed());
    node.client()
        .get("_cluster/health/things?wait_for_status=yellow&timeout=30s")
        .unwrap();
    let found = node
        .client()
        .search("things", &json!({"query": {"term": {"n": 2}}}))
        .unwrap();
    assert_eq!(found["hits"]["total"]["value"], 1, "{found}");
    node.pause();
    let (send, receive) = std::sync::mpsc::channel();
    let client = node.client().clone();
    std::thread::spawn(move || send.send(client.count("things").unwrap()));
    assert!(
        receive.recv_timeout(Duration::from_secs(2)).is_err(),
        "a frozen node answers nothing"
    );
    node.resume();
    assert_eq!(receive.recv_timeout(Duration::from_secs(20)).unwrap(), 2);
    let begun = Instant::now();
    node.stop().unwrap();
    println!("stopped in {:.1?}", begun.elapsed());
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn elasticsearch_8_keeps_what_it_acknowledged_over_kill_and_restart() {
    indexes_counts_and_restarts(Distribution::Elasticsearch8);
}

#[test]
#[ignore = "needs the real servers and Java 21: ./test servers"]
fn java21_elasticsearch_9_keeps_what_it_acknowledged_over_kill_and_restart() {
    indexes_counts_and_restarts(Distribution::Elasticsearch9);
}

#[test]
#[ignore = "needs the real servers and Java 21: ./test servers"]
fn java21_opensearch_3_keeps_what_it_acknowledged_over_kill_and_restart() {
    indexes_counts_and_restarts(Distribution::OpenSearch3);
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_user_can_be_taken_away_and_brought_back() {
    let node = Elasticsearch::start(ElasticsearchOptions {
        security: true,
        ..Default::default()
    })
    .unwrap();
    let stranger = kelp_harness::Client::new(node.url(), None);
    assert_eq!(
        stranger
            .request("GET", "_cluster/health", "", "")
            .unwrap()
            .0,
        401
    );
    node.set_user(false).unwrap();
    assert_eq!(
        node.client()
            .request("POST", "_bulk", "application/x-ndjson", "{}\n")
            .unwrap()
            .0,
        401
    );
    node.set_user(true).unwrap();
    node.client().get("_cluster/health").unwrap();
}
