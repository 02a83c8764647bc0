//! Every panel of every dashboard: its query, made of its Lens state, on real Elasticsearch over sample lines, and its numbers compared with
//! those computed from the lines themselves.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::support::{Kelp, Topic, shared, wait_until};
use kelp_dashboards::ask::{Row, Scope};
use kelp_dashboards::question::Question;
use kelp_dashboards::{objects, sources};
use kelp_harness::Client;
use serde_json::{Value, json};

const CONFIG: &str = include_str!("../../examples/default.conf");
const LINES: usize = 2_000;

/// Topic and line, as `kelp sample-logs` would have written them within the last minutes.
fn sample_lines(name: &str) -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["sample-logs", "--print", "--rate", "10", "--seed", "7"])
        .args(["--count", &LINES.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let topic = line["topic"]
            .as_str()
            .unwrap()
            .replace("logs", &format!("logs.{name}"));
        (topic, line["message"].as_str().unwrap().to_owned())
    });
    lines.collect()
}

/// The documents that the filters make of the lines, without Kafka and without Elasticsearch.
fn documents(lines: &[(String, String)], time: &str) -> Vec<Value> {
    let mut kelp = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["filter", "-e", CONFIG])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = kelp.stdin.take().unwrap();
    let input: String = lines
        .iter()
        .map(|(topic, line)| {
            let event = json!({"message": line, "@timestamp": time, "@metadata": {"kafka": {"topic": topic}}});
            format!("{event}\n")
        })
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = kelp.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let documents = text.lines().map(|line| serde_json::from_str(line).unwrap());
    documents.collect()
}

fn questions(data_view: &str) -> Vec<Question> {
    let objects = objects::all(&sources().unwrap());
    let questions = objects.iter().filter_map(Question::of).map(Result::unwrap);
    let questions: Vec<_> = questions
        .filter(|question| question.data_view == data_view)
        .collect();
    assert!(!questions.is_empty());
    questions
}

/// Asks Elasticsearch, and compares with what is expected; gives the rows.
#[track_caller]
fn compare(
    client: &Client,
    index: &str,
    question: &Question,
    scope: &Scope,
    documents: &[Value],
) -> Vec<Row> {
    let answer = client.search(index, &question.search(scope)).unwrap();
    let rows = question.rows(&answer);
    let expected = question.expect(documents, scope);
    let agree = rows.len() == expected.len()
        && expected
            .iter()
            .zip(&rows)
            .all(|(expected, row)| expected.agrees(row));
    let id = &question.id;
    assert!(agree, "{id}\n  expected {expected:#?}\n  found {rows:#?}");
    rows
}

fn is_blank(row: &Row) -> bool {
    row.numbers
        .iter()
        .all(|number| number.unwrap_or(0.0) == 0.0)
}

fn milliseconds(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since_epoch.as_millis() as i64
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn every_panel_shows_what_the_lines_say() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("panels");
    let url = servers.elasticsearch.url();
    let set_up = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["setup", "--elasticsearch", &url])
        .output()
        .unwrap();
    assert!(set_up.status.success(), "{set_up:?}");

    // Lines that bring no time have that of their record.
    let now = milliseconds(SystemTime::now());
    let when = "2026-11-25T10:15:30.250Z";
    let when_ms = kelp_dashboards::expect::millis(when).unwrap();
    let lines = sample_lines(&name);
    let documents = documents(&lines, when);
    assert_eq!(documents.len(), LINES);
    let namespace = name.replace('-', "_");
    for topic in ["", ".web", ".shop"] {
        let topic = Topic::new(&servers.kafka, &format!("logs.{name}{topic}"));
        let of_topic = lines.iter().filter(|(of, _)| *of == topic.name);
        topic.write_at(of_topic.map(|(_, line)| line), when_ms);
    }
    let variables = [
        ("TOPICS", format!("logs\\.{name}.*")),
        ("GROUP", name.clone()),
        ("NAMESPACE", namespace.clone()),
    ];
    let topic = Topic::new(&servers.kafka, &format!("logs.{name}"));
    let flag = format!("--metrics={namespace}");
    let mut kelp = Kelp::start_with(&servers, &topic, CONFIG, &[&flag], &variables);
    let index = format!("logs-kelp.*-{namespace}");
    wait_until(
        "all documents",
        180,
        || client.count(&index).unwrap(),
        |&count| count >= LINES as u64,
    );

    let day_ms = 86_400_000;
    let scope = |shift_ms: i64| Scope {
        from_ms: when_ms.min(now) - day_ms / 4 + shift_ms,
        to_ms: when_ms.max(now) + day_ms / 4 + shift_ms,
        interval_ms: 30_000,
        only: json!({"match_all": {}}),
    };
    let mut answers = std::collections::BTreeMap::new();
    for question in questions("kelp-logs") {
        let rows = compare(client, &index, &question, &scope(0), &documents);
        assert!(
            !rows.is_empty() && !rows.iter().all(is_blank) || looks_back_only(&question),
            "{} is empty",
            question.id
        );
        if question.numbers.iter().any(|number| number.earlier_ms > 0) {
            let rows = compare(client, &index, &question, &scope(day_ms), &documents);
            assert!(
                !rows.iter().all(is_blank),
                "{} is empty the day after",
                question.id
            );
        }
        answers.insert(question.id.clone(), rows);
    }
    pipeline_health(client, &namespace, &scope(0));
    kelp.assert_running();
    // And some of it counted by nothing but the text.
    let containing = |text: &str| lines.iter().filter(|(_, line)| line.contains(text)).count();
    for (id, counted) in [
        ("kelp-overview-lines", LINES),
        ("kelp-system-logins", containing(": Accepted publickey")),
        ("kelp-system-failed-logins", containing(": Failed password")),
        (
            "kelp-system-commands-as-another-user",
            containing("COMMAND="),
        ),
    ] {
        assert_eq!(answers[id][0].numbers, [Some(counted as f64)], "{id}");
    }
}

/// What Kelp has said about itself meanwhile: its documents as they are stored, and what the panels make of them.
fn pipeline_health(client: &Client, namespace: &str, scope: &Scope) {
    let index = format!("metrics-kelp.*-{namespace}");
    let all = || -> Vec<Value> {
        client.refresh(&index).unwrap();
        let query = json!({"size": 10_000, "query": {"match_all": {}}});
        let found = client.search(&index, &query).unwrap();
        let hits = found["hits"]["hits"].as_array().into_iter().flatten();
        hits.map(|hit| hit["_source"].clone()).collect()
    };
    let sum = |documents: &[Value], pointer: &str| -> u64 {
        let numbers = documents
            .iter()
            .filter_map(|document| document.pointer(pointer)?.as_u64());
        numbers.sum()
    };
    let documents = wait_until("all events in the metrics", 60, all, |documents| {
        sum(documents, "/kelp/events/out") >= LINES as u64
    });
    assert_eq!(sum(&documents, "/kelp/events/in"), LINES as u64);
    assert_eq!(sum(&documents, "/kelp/events/out"), LINES as u64);
    assert_eq!(sum(&documents, "/kelp/output/acknowledged"), LINES as u64);
    // A document that is written while we look would be in the answer and not in the documents.
    let last = documents
        .iter()
        .filter_map(|document| kelp_dashboards::expect::millis(document["@timestamp"].as_str()?));
    let scope = Scope {
        to_ms: last.max().unwrap() + 1,
        ..scope.clone()
    };
    for question in questions("kelp-metrics") {
        let rows = compare(client, &index, &question, &scope, &documents);
        assert!(!rows.is_empty(), "{} is empty", question.id);
    }
}

/// Shows nothing on the first day.
fn looks_back_only(question: &Question) -> bool {
    question.numbers.iter().all(|number| number.earlier_ms > 0)
}
