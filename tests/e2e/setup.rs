//! `kelp setup` on a real Elasticsearch, and the default pipeline into what it has made.

use super::support::{Kelp, Topic, distribution, shared, terms, wait_until};
use kelp_harness::{Distribution, Elasticsearch, ElasticsearchOptions, PASSWORD, USER};
use serde_json::json;
use std::process::{Command, Output};

const CONFIG: &str = include_str!("../../examples/default.conf");

fn setup(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["setup", "--elasticsearch", url])
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn prints(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

/// The sample lines that stand for themselves: no header, no tag.
fn sample_lines() -> Vec<String> {
    let text = include_str!("../samples/access.txt");
    let lines = text.lines().filter_map(|line| line.strip_prefix(">>> "));
    lines.map(str::to_owned).collect()
}

const MIXED: [&str; 4] = [
    r#"{"message":"a","payload":"x","size":1,"parts":[{"a":1}]}"#,
    r#"{"message":"b","payload":{"y":1},"size":"many","parts":"s"}"#,
    r#"{"message":"c","payload":{"y":{"z":true}},"size":{"k":1},"parts":{"a":"b"}}"#,
    r#"{"message":"d","payload":[{"y":"w"}],"size":[1,2]}"#,
];

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn the_default_pipeline_writes_into_what_setup_has_made() {
    let servers = shared();
    let client = servers.client();
    let url = servers.elasticsearch.url();
    let planned = prints(&setup(&url, &["--dry-run"]));
    assert!(planned.contains("nothing was"), "{planned}");
    // Another test may have set the server up before.
    let first = prints(&setup(&url, &[]));
    assert!(first.contains("index template kelp-logs: "), "{first}");
    let second = prints(&setup(&url, &[]));
    assert!(
        second.ends_with("everything is as it should be; nothing was changed\n"),
        "{second}"
    );

    let name = servers.unique("setup");
    let topic = Topic::new(&servers.kafka, &name);
    let lines = sample_lines();
    topic.write(&lines);
    // What is a text here and an object there, a number here and a word there. OpenSearch has no `subobjects`.
    let mixed = match distribution() {
        Distribution::OpenSearch3 => &MIXED[..1],
        _ => &MIXED[..],
    };
    topic.write(mixed);
    let variables = [
        ("TOPICS", name.clone()),
        ("NAMESPACE", name.replace('-', "_")),
    ];
    let _kelp = Kelp::start_with(&servers, &topic, CONFIG, &[], &variables);
    let stream = format!("logs-kelp.*-{}", name.replace('-', "_"));
    wait_until(
        "all documents",
        120,
        || client.count(&stream).unwrap(),
        |&count| count >= (lines.len() + mixed.len()) as u64,
    );
    let datasets = terms(client, &stream, "data_stream.dataset");
    assert_eq!(datasets["kelp.access"], 19, "{datasets:?}");
    assert_eq!(datasets["kelp.httpd"], 6, "{datasets:?}");
    // An address is one, a number is one: the templates are in force.
    let query = json!({"size": 0, "query": {"bool": {"filter": [
        {"term": {"source.ip": "203.0.113.0/24"}},
        {"range": {"http.response.status_code": {"gte": 200}}},
    ]}}});
    let found = client.search(&stream, &query).unwrap();
    assert_eq!(found["hits"]["total"]["value"], 2, "{found}");
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_wrong_password_is_told_at_once_and_the_writer_may_only_write() {
    if distribution() == Distribution::OpenSearch3 {
        return; // the distribution has no security
    }
    let node = Elasticsearch::start(ElasticsearchOptions {
        distribution: distribution(),
        security: true,
        ..Default::default()
    })
    .unwrap();
    let url = node.url();
    let wrong = setup(&url, &["--user", USER, "--password", "wrong"]);
    assert!(!wrong.status.success());
    let errors = String::from_utf8_lossy(&wrong.stderr);
    assert!(errors.contains("refuses the credentials (401)"), "{errors}");

    let secret = node.folder().join("writer");
    std::fs::write(&secret, "a-secret-of-the-writer\n").unwrap();
    let mut arguments = vec!["--user", USER, "--password", PASSWORD];
    // The small build of 8 lacks the analysers that its index of users needs.
    let has_users = distribution() != Distribution::Elasticsearch8;
    if has_users {
        arguments.extend(["--writer-password-file", secret.to_str().unwrap()]);
    }
    let key = node.folder().join("writer-key");
    if has_users {
        arguments.extend(["--writer-api-key-file", key.to_str().unwrap()]);
    }
    let planned: Vec<&str> = arguments.iter().copied().chain(["--dry-run"]).collect();
    let planned = prints(&setup(&url, &planned));
    assert!(
        planned.ends_with("to be changed; nothing was\n") && !key.exists(),
        "{planned}"
    );
    let first = prints(&setup(&url, &arguments));
    assert!(
        first.contains("index template kelp-logs: created"),
        "{first}"
    );
    let second = prints(&setup(&url, &arguments));
    assert!(second.contains("nothing was changed"), "{second}");
    if !has_users {
        return;
    }
    assert!(first.contains("user kelp_writer: created"), "{first}");
    assert!(first.contains("writer-key: created"), "{first}");
    // kelp_writer:a-secret-of-the-writer
    may_only_write(
        &url,
        "Basic a2VscF93cml0ZXI6YS1zZWNyZXQtb2YtdGhlLXdyaXRlcg==",
    );
    let secret = std::fs::read_to_string(&key).unwrap();
    may_only_write(&url, &format!("ApiKey {}", secret.trim()));
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // A key that does not work is replaced.
    std::fs::write(&key, "bm90OmE=\n").unwrap();
    let again = prints(&setup(&url, &arguments));
    assert!(again.contains("writer-key: updated\n"), "{again}");
    // Elasticsearch as it is had here has no ILM, which is told.
    let other: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(["--lifecycle", "ilm"])
        .collect();
    let other = prints(&setup(&url, &other));
    assert!(
        other.contains("lifecycle policy kelp-logs: left out: this server has no ILM"),
        "{other}"
    );
}

/// Who has this `authorization` may create documents in Kelp's data streams, and nothing else.
#[track_caller]
fn may_only_write(url: &str, authorization: &str) {
    let agent = kelp_harness::Client::new(url.to_owned(), Some(authorization.to_owned()));
    let document = r#"{"@timestamp":"2026-11-25T00:00:00Z","message":"x"}"#;
    let bulk = format!("{{\"create\":{{\"_index\":\"logs-kelp.app-writer\"}}}}\n{document}\n");
    let answer = agent.bulk(&bulk).unwrap();
    assert_eq!(answer["errors"], false, "{answer}");
    let (status, _) = agent
        .request("DELETE", "logs-kelp.app-writer", "", "")
        .unwrap();
    assert_eq!(status, 403);
    let (status, _) = agent
        .request("GET", "logs-kelp.app-writer/_search", "", "")
        .unwrap();
    assert_eq!(status, 403);
}
