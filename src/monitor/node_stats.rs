//! The shapes of Logstash's API (source: Logstash's documentation of the node stats and health report APIs).

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::snapshot::{InputSnapshot, OutputSnapshot, Snapshot};

/// `GET /`
pub fn root(snapshot: &Snapshot, bound: SocketAddr) -> Value {
    json!({
        "host": hostname(),
        "version": env!("CARGO_PKG_VERSION"),
        "http_address": bound.to_string(),
        "name": hostname(),
        "snapshot": false,
        "status": health(snapshot)["status"],
        "pipeline": {
            "workers": snapshot.workers,
            "batch_size": snapshot.batch_size,
            "batch_delay": snapshot.batch_delay_ms,
        },
    })
}

/// `GET /_node/stats`
pub fn all(snapshot: &Snapshot, bound: SocketAddr) -> Value {
    let mut stats = pipelines(snapshot, bound);
    stats["events"] = events(snapshot);
    stats["process"] = process();
    stats["reloads"] = json!({"successes": 0, "failures": 0});
    stats
}

/// `GET /_node/stats/pipelines`
pub fn pipelines(snapshot: &Snapshot, bound: SocketAddr) -> Value {
    let mut stats = root(snapshot, bound);
    let mut pipelines = serde_json::Map::new();
    pipelines.insert(snapshot.pipeline_id.clone(), pipeline(snapshot));
    stats["pipelines"] = Value::Object(pipelines);
    stats
}

fn pipeline(snapshot: &Snapshot) -> Value {
    let filters: Vec<Value> = snapshot
        .filters
        .iter()
        .map(|filter| {
            json!({
                "id": filter.id,
                "name": filter.name,
                "events": {"in": filter.counters.events_in, "out": filter.counters.events_out},
                "matches": filter.counters.matched,
            })
        })
        .collect();
    json!({
        "events": events(snapshot),
        "flow": {"consumer_lag": snapshot.lag()},
        "plugins": {
            "inputs": snapshot.inputs.iter().map(input).collect::<Vec<_>>(),
            "codecs": [],
            "filters": filters,
            "outputs": snapshot.outputs.iter().map(output).collect::<Vec<_>>(),
        },
        "dead_letter_queue": {"written": snapshot.dead_letters, "failing": snapshot.dead_letters_failing},
        "queue": {"type": "kafka", "events_count": snapshot.lag()},
    })
}

fn events(snapshot: &Snapshot) -> Value {
    let acknowledged: u64 = snapshot
        .outputs
        .iter()
        .map(|output| output.stats.acknowledged + output.stats.duplicates)
        .sum();
    json!({
        "in": snapshot.totals.events_in,
        "filtered": snapshot.totals.events_out,
        "out": acknowledged,
    })
}

fn input(input: &InputSnapshot) -> Value {
    let stats = &input.stats;
    let partitions: Vec<Value> = stats
        .partitions
        .iter()
        .map(|partition| {
            json!({
                "topic": &*partition.topic,
                "partition": partition.partition,
                "position": partition.position,
                "settled": partition.settled,
                "committed": partition.committed,
                "high_watermark": partition.high_watermark,
                "lag": partition.lag(),
                "committed_lag": partition.committed_lag(),
            })
        })
        .collect();
    json!({
        "id": input.id,
        "name": input.name,
        "events": {"out": stats.consumed_records},
        "bytes": stats.consumed_bytes,
        "in_flight_bytes": stats.in_flight_bytes,
        "unsettled": stats.unsettled_records,
        "stalled": stats.is_stalled,
        "stalls": stats.stalls,
        "rebalances": stats.rebalances,
        "commits": {"successes": stats.commits, "failures": stats.commit_failures},
        "partitions": partitions,
    })
}

fn output(output: &OutputSnapshot) -> Value {
    let stats = &output.stats;
    json!({
        "id": output.id,
        "name": output.name,
        "events": {
            "in": stats.documents,
            "out": stats.acknowledged + stats.duplicates,
            "duration_in_millis": stats.request_ms,
        },
        "documents": {
            "successes": stats.acknowledged,
            "duplicates": stats.duplicates,
            "dlq_routed": stats.dead_letters,
            "in_flight": stats.in_flight,
        },
        "bulk_requests": {"sent": stats.requests, "retries": stats.retries},
        "stalled": stats.is_stalled,
    })
}

/// `GET /_health_report`: red where something has given up, yellow where something waits.
pub fn health(snapshot: &Snapshot) -> Value {
    let mut symptoms = Vec::new();
    let mut status = "green";
    for output in &snapshot.outputs {
        if output.stats.is_stalled {
            status = "yellow";
            symptoms.push(format!(
                "output `{}` is not accepted by its server; consumption pauses until it is",
                output.id
            ));
        }
    }
    for input in &snapshot.inputs {
        if let Some(failure) = &input.failure {
            status = "red";
            symptoms.push(format!("input `{}` has given up: {failure}", input.id));
        } else if input.stats.is_stalled && status == "green" {
            status = "yellow";
            symptoms.push(format!("input `{}` waits for the outputs", input.id));
        }
    }
    if snapshot.dead_letters_failing {
        status = "red";
        symptoms.push(
            "the dead letters cannot be written; consumption stops until they can".to_owned(),
        );
    }
    let symptom = match symptoms.is_empty() {
        true => "everything flows".to_owned(),
        false => symptoms.join("; "),
    };
    let mut pipelines = serde_json::Map::new();
    pipelines.insert(
        snapshot.pipeline_id.clone(),
        json!({"status": status, "symptom": symptom}),
    );
    json!({
        "status": status,
        "symptom": symptom,
        "indicators": {"pipelines": {"status": status, "symptom": symptom, "indicators": pipelines}},
    })
}

fn process() -> Value {
    json!({"mem": {"resident_in_bytes": super::metrics::resident_bytes()}})
}

fn hostname() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
