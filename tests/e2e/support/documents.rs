//! Reading back what was indexed.

use super::wait_until;
use kelp_harness::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many documents of `index` there are for each value of a field; exact, whatever their number.
pub fn terms(client: &Client, index: &str, field: &str) -> BTreeMap<String, u64> {
    client.refresh(index).unwrap();
    let mut found = BTreeMap::new();
    let mut after = Value::Null;
    loop {
        let mut composite =
            json!({"size": 10_000, "sources": [{"value": {"terms": {"field": field}}}]});
        if !after.is_null() {
            composite["after"] = after;
        }
        let answer = client
            .search(
                index,
                &json!({"size": 0, "aggs": {"all": {"composite": composite}}}),
            )
            .unwrap();
        let all = &answer["aggregations"]["all"];
        for bucket in all["buckets"].as_array().into_iter().flatten() {
            let value = &bucket["key"]["value"];
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            found.insert(value, bucket["doc_count"].as_u64().unwrap());
        }
        after = all["after_key"].clone();
        if after.is_null() {
            return found;
        }
    }
}

/// How many different values of a field there are in `index`.
pub fn distinct(client: &Client, index: &str, field: &str) -> usize {
    terms(client, index, field).len()
}

/// Waits until the field `n` of the documents in `index` has `total` different values: each message has arrived at least once.
#[track_caller]
pub fn every_document(client: &Client, index: &str, total: usize, timeout_s: u64) {
    let state = || match client.count(index).unwrap() as usize {
        count if count < total => count, // no need to ask for what costs more
        _ => distinct(client, index, "n"),
    };
    wait_until("every message's document", timeout_s, state, |&count| {
        count == total
    });
}
