//! What follows from answers that real servers gave, one row for each kind of trouble.
//!
//! `sink/tests/recorded/` holds, by name of the trouble, the status and body that Elasticsearch 9.4.3 and
//! 8.19.21 and OpenSearch 3.8.0 answered with.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::response::{read_bulk, read_request_error};
use super::verdict::{RequestVerdict, Rules};

#[derive(Deserialize)]
struct Recorded {
    status: u16,
    body: Value,
}

const SERVERS: &[(&str, &str)] = &[
    (
        "elasticsearch-9.4.3",
        include_str!("../../tests/recorded/elasticsearch-9.4.3.json"),
    ),
    (
        "elasticsearch-8.19.21",
        include_str!("../../tests/recorded/elasticsearch-8.19.21.json"),
    ),
    (
        "opensearch-3.8.0",
        include_str!("../../tests/recorded/opensearch-3.8.0.json"),
    ),
];

/// What follows for the request or, if that was executed, for each document in order. Documents have derived ids.
const ROWS: &[(&str, &str)] = &[
    (
        "ok_all_kinds",
        "Indexed Indexed Indexed Indexed Indexed Indexed",
    ),
    // Faults of the cluster: again, for ever.
    ("req_429_circuit_breaker", "Retry(Busy)"),
    ("req_429_indexing_pressure", "Retry(Busy)"),
    (
        "item_429_write_queue_full_partial",
        "Indexed Indexed Retry(Busy) Retry(Busy)",
    ),
    ("item_429_flood_stage_block", "Retry(Busy)"),
    ("item_503_unassigned_primary", "Retry(Unavailable)"),
    // What we may not: again, loudly.
    ("req_401_no_credentials", "Retry(Denied)"),
    ("req_401_wrong_api_key", "Retry(Denied)"),
    ("req_401_wrong_password", "Retry(Denied)"),
    ("req_403_cluster_privilege", "Retry(Denied)"),
    ("cluster_read_only", "Retry(Denied)"),
    ("item_403_index_write_block", "Retry(Denied)"),
    ("item_403_missing_privilege", "Indexed Retry(Denied) Reject"),
    // The body is too large, or one of its documents makes the server refuse all of it.
    ("req_413_too_large", "Halve"),
    ("req_429_indexing_pressure_small", "Halve"),
    ("req_400_malformed_action_line", "Halve"),
    ("req_400_malformed_action_second", "Halve"),
    ("req_400_unknown_action", "Halve"),
    ("req_400_no_final_newline", "Halve"),
    ("req_400_no_index_given", "Halve"),
    ("req_400_empty_body", "Halve"),
    ("req_malformed_after_3000", "Halve"),
    ("item_400_id_too_long", "Halve"),
    // Nothing that a bulk request meets.
    ("req_406_content_type", "Retry(Unexpected)"),
    // Documents that can never be stored.
    ("item_400_mapping", "Reject Reject Reject Indexed"),
    ("item_400_broken_json_source", "Reject Indexed"),
    ("item_400_field_limit", "Reject"),
    ("item_400_bad_index_name", "Reject"),
    ("item_400_index_closed", "Reject"),
    ("item_400_pipeline_missing", "Reject"),
    ("item_404_no_auto_create", "Reject"),
    ("item_404_require_alias", "Reject"),
    ("item_404_update_missing", "Reject"),
    (
        "data_stream_create_ok_index_400_no_timestamp_400",
        "Indexed Reject Reject",
    ),
    // It is stored already.
    ("item_409_version_conflict", "Duplicate"),
];

/// The one trouble that servers tell differently: of the whole request, or of each document.
const QUEUE_FULL: &str = "item_429_write_queue_full";

#[test]
fn what_follows_from_the_answers_of_real_servers() {
    let mut seen = BTreeSet::new();
    for (server, recorded) in SERVERS {
        let recorded: BTreeMap<String, Recorded> = serde_json::from_str(recorded).unwrap();
        for (name, answer) in recorded {
            let found = verdicts(&answer);
            let expected: &[&str] = match ROWS.iter().find(|(row, _)| *row == name) {
                Some((_, expected)) => &[expected],
                None if name == QUEUE_FULL => &["Retry(Busy)", "Retry(Busy) Retry(Busy)"],
                None => panic!("{server}: no row for {name}: {found}"),
            };
            assert!(
                expected.contains(&found.as_str()),
                "{server}, {name}: {found}"
            );
            seen.insert(name);
        }
    }
    for (row, _) in ROWS {
        assert!(seen.contains(*row), "no server's answer for {row}");
    }
}

/// Half an answer says nothing, wherever it is cut.
#[test]
fn an_answer_that_is_cut_is_never_taken_for_a_whole_one() {
    for (server, recorded) in SERVERS {
        let recorded: BTreeMap<String, Recorded> = serde_json::from_str(recorded).unwrap();
        for (name, answer) in recorded {
            let Some(items) = answer.body["items"].as_array() else {
                continue;
            };
            let body = answer.body.to_string();
            for end in 0..body.len() {
                let read = read_bulk(&body.as_bytes()[..end], items.len());
                assert!(read.is_err(), "{server}, {name}, {end} bytes");
            }
        }
    }
}

fn verdicts(answer: &Recorded) -> String {
    let body = match &answer.body {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let error = read_request_error(body.as_bytes());
    let verdict = Rules::request(answer.status, error.as_ref());
    if verdict != RequestVerdict::Read {
        return format!("{verdict:?}");
    }
    let sent = answer.body["items"].as_array().map_or(0, Vec::len);
    let mut remarkable = read_bulk(body.as_bytes(), sent)
        .unwrap()
        .into_iter()
        .peekable();
    let verdict = |position| match remarkable.next_if(|(at, _)| *at == position) {
        Some((_, item)) => format!("{:?}", Rules::default().item(&item, true)),
        None => "Indexed".to_owned(),
    };
    (0..sent as u32).map(verdict).collect::<Vec<_>>().join(" ")
}
