//! Configurations as people write them, at their shortest.

use super::support::{Kelp, Topic, shared, wait_until};
use serde_json::json;

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn without_a_filter_each_message_becomes_a_document() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("plain");
    let topic = Topic::new(&servers.kafka, &name);
    topic.write([
        "one",
        "two \"quoted\" \\ \u{1} \u{e9}",
        "",
        "{\"json\":true}",
    ]);
    let config = r#"
        input { kafka { bootstrap_servers => "${KAFKA}" topics => "${TOPIC}" group_id => "${GROUP}" auto_offset_reset => "earliest" } }
        output { elasticsearch { hosts => "${ELASTICSEARCH}" index => "${INDEX}" } }"#;
    let _kelp = Kelp::start(
        &servers,
        &topic,
        config,
        &["--pipeline.ecs_compatibility", "disabled"],
    );

    wait_until(
        "all documents",
        60,
        || client.count(&name).unwrap(),
        |&count| count >= 4,
    );
    let found = client.search(&name, &json!({"size": 10})).unwrap();
    let hits = found["hits"]["hits"].as_array().unwrap();
    let mut messages: Vec<&str> = hits
        .iter()
        .map(|hit| hit["_source"]["message"].as_str().unwrap())
        .collect();
    messages.sort_unstable();
    assert_eq!(
        messages,
        [
            "",
            "one",
            "two \"quoted\" \\ \u{1} \u{e9}",
            "{\"json\":true}"
        ]
    );
    for hit in hits {
        let source = hit["_source"].as_object().unwrap();
        let mut names: Vec<&str> = source.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["@timestamp", "@version", "message"]);
    }
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn without_an_index_documents_go_to_a_data_stream() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("stream");
    let dataset = name.replace('-', "_");
    let stream = format!("logs-{dataset}-default");
    let template = json!({"index_patterns": [stream], "data_stream": {}, "priority": 500});
    client
        .put(&format!("_index_template/{name}"), &template)
        .unwrap();
    let topic = Topic::new(&servers.kafka, &name);
    topic.write((0..100).map(|n| format!(r#"{{"n":{n}}}"#)));
    let config = r#"
        input { kafka { bootstrap_servers => "${KAFKA}" topics => ["${TOPIC}"] group_id => "${GROUP}"
                        auto_offset_reset => earliest codec => json } }
        output { elasticsearch { hosts => ["${ELASTICSEARCH}"] data_stream => true data_stream_dataset => "${DATASET}" } }"#;
    let _kelp = Kelp::start_with(
        &servers,
        &topic,
        config,
        &[],
        &[("DATASET", dataset.clone())],
    );

    wait_until(
        "all documents",
        60,
        || client.count(&stream).unwrap(),
        |&count| count >= 100,
    );
    let found = client.search(&stream, &json!({"size": 1})).unwrap();
    let hit = &found["hits"]["hits"][0];
    assert!(
        hit["_index"].as_str().unwrap().starts_with(".ds-logs-"),
        "{hit}"
    );
    assert_eq!(
        hit["_source"]["data_stream"],
        json!({"type": "logs", "dataset": dataset, "namespace": "default"})
    );
}
