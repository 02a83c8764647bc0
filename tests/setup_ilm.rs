//! `kelp setup --lifecycle ilm` against a double of Elasticsearch that has index lifecycle management, which those of the end-to-end tests
//! lack. It answers as Elasticsearch 8 and 9 do: policies by their name, templates in a list.

#![allow(clippy::unwrap_used)]

mod http_double;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

#[derive(Default)]
struct Elasticsearch {
    /// What was put, by its path.
    kept: BTreeMap<String, Value>,
    /// What a policy's version is.
    version: u32,
    /// Answers requests for policies so, instead.
    without_ilm: Option<(u16, &'static str)>,
    puts: Vec<String>,
}

fn start(elasticsearch: Elasticsearch) -> (String, Arc<Mutex<Elasticsearch>>) {
    http_double::start(elasticsearch, |state, request| {
        let content_type = request.headers.get("content-type");
        let is_json = content_type.is_some_and(|kind| kind.starts_with("application/json"));
        let (status, body) = match request.body.is_empty() || is_json {
            true => answer(state, &request.method, &request.path, &request.body),
            false => error(
                406,
                "media_type_header_exception",
                &format!("Content-Type header {content_type:?} is not supported"),
            ),
        };
        (status, body.to_string())
    })
}

fn error(status: u16, kind: &str, reason: &str) -> (u16, Value) {
    let body =
        json!({"error": {"root_cause": [], "type": kind, "reason": reason}, "status": status});
    (status, body)
}

fn answer(state: &mut Elasticsearch, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let path = path.trim_start_matches('/');
    let (kind, name) = path.rsplit_once('/').unwrap();
    match (method, kind) {
        ("GET", "_cluster") => (200, json!({"status": "green"})),
        (_, "_ilm/policy") if state.without_ilm.is_some() => {
            let (status, reason) = state.without_ilm.unwrap();
            error(status, "illegal_argument_exception", reason)
        }
        ("PUT", _) => {
            let body: Value = serde_json::from_slice(body).unwrap();
            if kind == "_ilm/policy" {
                if let Some(wrong) = wrong_in_policy(&body) {
                    return error(400, "x_content_parse_exception", &wrong);
                }
                state.version += 1;
            }
            state.puts.push(path.to_owned());
            state.kept.insert(path.to_owned(), body);
            (200, json!({"acknowledged": true}))
        }
        ("GET", _) => match state.kept.get(path) {
            None => error(
                404,
                "resource_not_found_exception",
                &format!("{name} not found"),
            ),
            Some(kept) if kind == "_ilm/policy" => {
                let about = json!({
                    "version": state.version, "modified_date": "2026-11-25T00:00:00.000Z", "policy": kept["policy"],
                    "in_use_by": {"indices": [], "data_streams": [], "composable_templates": []},
                });
                (200, json!({name: about}))
            }
            Some(kept) => {
                let kind = kind.trim_start_matches('_');
                (
                    200,
                    json!({format!("{kind}s"): [{"name": name, kind: kept}]}),
                )
            }
        },
        _ => error(405, "method_not_allowed", "no such method"),
    }
}

/// What Elasticsearch's strict parser of policies would say.
fn wrong_in_policy(body: &Value) -> Option<String> {
    let unknown = |value: &Value, known: &[&str]| {
        let fields = value.as_object().into_iter().flatten();
        let mut names = fields.map(|(name, _)| name.clone());
        names.find(|name| !known.contains(&name.as_str()))
    };
    let phases = &body["policy"]["phases"];
    let hot = &phases["hot"]["actions"]["rollover"];
    let conditions = ["max_age", "max_primary_shard_size", "max_size", "max_docs"];
    unknown(body, &["policy"])
        .or_else(|| unknown(&body["policy"], &["phases", "_meta", "deprecated"]))
        .or_else(|| unknown(phases, &["hot", "warm", "cold", "frozen", "delete"]))
        .or_else(|| unknown(hot, &conditions))
        .or_else(|| unknown(&phases["delete"], &["min_age", "actions"]))
        .map(|name| format!("[1:1] unknown field [{name}]"))
}

#[track_caller]
fn setup(url: &str, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["setup", "--elasticsearch", url, "--only", "elasticsearch"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

const ILM: [&str; 2] = ["--lifecycle", "ilm"];

#[test]
fn the_policy_deletes_and_the_templates_refer_to_it() {
    let (url, state) = start(Elasticsearch::default());
    let planned = setup(&url, &["--lifecycle", "ilm", "--dry-run"]);
    assert!(
        planned.contains("lifecycle policy kelp-logs: would create PUT _ilm/policy/kelp-logs "),
        "{planned}"
    );
    assert!(state.lock().unwrap().puts.is_empty());

    let first = setup(&url, &["--lifecycle", "ilm", "--retention", "14d"]);
    assert!(
        first.starts_with("lifecycle policy kelp-logs: created\n"),
        "{first}"
    );
    {
        let state = state.lock().unwrap();
        // A template that names a policy comes after it.
        assert_eq!(state.puts[0], "_ilm/policy/kelp-logs");
        let phases = &state.kept["_ilm/policy/kelp-logs"]["policy"]["phases"];
        assert_eq!(phases["delete"]["min_age"], "14d");
        assert!(phases["delete"]["actions"]["delete"].is_object());
        assert_eq!(phases["hot"]["actions"]["rollover"]["max_age"], "7d");
        let settings = &state.kept["_component_template/kelp-settings"]["template"]["settings"];
        assert_eq!(settings["index.lifecycle.name"], "kelp-logs");
        for name in ["kelp-logs", "kelp-metrics"] {
            let template = &state.kept[&format!("_index_template/{name}")];
            let parts = template["composed_of"].as_array().unwrap();
            assert!(parts.contains(&"kelp-settings".into()), "{template}");
            // Both would be in force beside each other.
            assert!(template["template"]["lifecycle"].is_null(), "{template}");
        }
    }

    state.lock().unwrap().puts.clear();
    let second = setup(&url, &["--lifecycle", "ilm", "--retention", "14d"]);
    assert!(
        second.ends_with("everything is as it should be; nothing was changed\n"),
        "{second}"
    );
    assert!(state.lock().unwrap().puts.is_empty());

    // Another retention is another policy, and nothing else.
    let other = setup(&url, &["--lifecycle", "ilm", "--retention", "90d"]);
    assert!(
        other.starts_with("lifecycle policy kelp-logs: updated\n"),
        "{other}"
    );
    let puts = state.lock().unwrap().puts.clone();
    assert_eq!(puts, ["_ilm/policy/kelp-logs"]);
}

#[test]
fn changing_to_ilm_and_back_changes_the_templates() {
    let (url, state) = start(Elasticsearch::default());
    setup(&url, &[]);
    let lifecycle = |name: &str| {
        let state = state.lock().unwrap();
        let template = &state.kept[&format!("_index_template/{name}")];
        template["template"]["lifecycle"].clone()
    };
    assert!(lifecycle("kelp-logs")["data_retention"].is_string());
    let changed = setup(&url, &ILM);
    assert!(
        changed.contains("component template kelp-settings: updated\n")
            && changed.contains("index template kelp-logs: updated\n"),
        "{changed}"
    );
    assert!(lifecycle("kelp-logs").is_null() && lifecycle("kelp-metrics").is_null());
    setup(&url, &[]);
    assert!(lifecycle("kelp-metrics")["data_retention"].is_string());
    let settings =
        state.lock().unwrap().kept["_component_template/kelp-settings"]["template"].clone();
    assert!(settings["settings"]["index.lifecycle.name"].is_null());
}

#[test]
fn a_server_without_ilm_is_told_and_the_templates_name_no_policy() {
    for (status, reason) in [
        (
            405,
            "Incorrect HTTP method for uri [/_ilm/policy/kelp-logs]",
        ),
        (
            400,
            "no handler found for uri [/_ilm/policy/kelp-logs] and method [PUT]",
        ),
        (
            410,
            "Request for uri [/_ilm/policy/kelp-logs] with method [PUT] exists but is not available when running in serverless mode",
        ),
    ] {
        let (url, state) = start(Elasticsearch {
            without_ilm: Some((status, reason)),
            ..Elasticsearch::default()
        });
        let told = setup(&url, &ILM);
        let expected = format!(
            "lifecycle policy kelp-logs: left out: this server has no ILM ({reason}); documents stay for ever\n"
        );
        assert!(told.starts_with(&expected), "{told}");
        let state = state.lock().unwrap();
        let settings = &state.kept["_component_template/kelp-settings"]["template"]["settings"];
        assert!(settings["index.lifecycle.name"].is_null(), "{settings}");
    }
}
