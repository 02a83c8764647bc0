//! The main job: access lines, an unmodified Logstash configuration, and the numbers in Elasticsearch.

use super::support::{AccessLog, Expected, Kelp, Topic, shared, terms, wait_until};
use serde_json::json;
use std::collections::BTreeMap;

const CONFIG: &str = include_str!("pipelines/access.conf");

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn access_lines_arrive_parsed_and_counted() {
    arrive("disabled", "response", "bytes");
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn access_lines_arrive_parsed_and_counted_in_ecs() {
    arrive(
        "v8",
        "http.response.status_code",
        "http.response.body.bytes",
    );
}

fn arrive(ecs: &str, response: &str, bytes: &str) {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("access");
    let topic = Topic::new(&servers.kafka, &name);
    let log = AccessLog::new();
    topic.write(&log.lines);
    let mut kelp = Kelp::start(
        &servers,
        &topic,
        CONFIG,
        &["--pipeline.ecs_compatibility", ecs],
    );

    let (all, of_2015) = (format!("{name}-*"), format!("{name}-2015.*"));
    let total = log.lines.len() as u64;
    wait_until(
        "all documents",
        120,
        || client.count(&all).unwrap(),
        |&count| count >= total,
    );
    let answer = client
        .search(
            &of_2015,
            &json!({"size": 0, "aggs": {"sum": {"sum": {"field": bytes}}}}),
        )
        .unwrap();
    let day = |index: String| {
        (
            index.trim_start_matches(&format!("{name}-")).to_owned(),
            client.count(&index).unwrap(),
        )
    };
    let unparsed = client
        .search(
            &all,
            &json!({"query": {"match": {"tags": "_grokparsefailure"}}}),
        )
        .unwrap();
    let found = Expected {
        responses: terms(client, &of_2015, response),
        days: client
            .indices(&of_2015)
            .unwrap()
            .into_iter()
            .map(day)
            .collect::<BTreeMap<_, _>>(),
        bytes: answer["aggregations"]["sum"]["value"].as_f64().unwrap() as u64,
        unparsed: unparsed["hits"]["total"]["value"].as_u64().unwrap(),
    };
    assert_eq!(found, log.expected());
    assert_eq!(client.count(&all).unwrap(), total, "no line arrived twice");
    wait_until(
        "the commit of all",
        30,
        || topic.committed(&name),
        |&committed| committed == topic.len(),
    );
    assert_eq!(kelp.terminate().code(), Some(0));
}
