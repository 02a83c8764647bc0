//! The documents: one for the pipeline, one for each partition, filter and output. Their fields are in
//! `src/commands/setup/templates/metrics-mappings.json`.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::clock::iso8601;
use crate::monitor::Snapshot;
use crate::monitor::process::resident_bytes;
use crate::monitor::snapshot::{FilterSnapshot, InputSnapshot, OutputSnapshot};

/// Filters that never fail to match say nothing by how often they do.
const NEVER_FAIL: &[&str] = &["clone", "drop", "mutate", "sleep", "uuid"];

/// Who speaks.
pub struct About {
    host: String,
    /// Different for every process, so that ids are.
    instance: String,
    namespace: String,
    made: u64,
}

impl About {
    /// This process.
    pub fn this_process(namespace: &str) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let pid = std::process::id();
        let random = fastrand::u64(..);
        Self {
            instance: format!("{pid:x}-{random:016x}"),
            host,
            namespace: namespace.to_owned(),
            made: 0,
        }
    }
}

/// The body of a bulk request with what has changed since `before`, or since the start of the pipeline, and the number of its documents.
pub fn bulk(
    about: &mut About,
    before: Option<&Snapshot>,
    current: &Snapshot,
    now: SystemTime,
) -> (String, usize) {
    let mut documents = Vec::new();
    let seconds = match before {
        Some(before) => current.taken.duration_since(before.taken),
        None => current.taken.duration_since(current.started),
    };
    documents.push(("kelp.pipeline", pipeline(before, current)));
    for input in &current.inputs {
        let partitions = partitions(input).into_iter();
        documents.extend(partitions.map(|document| ("kelp.partition", document)));
    }
    for (at, after) in current.filters.iter().enumerate() {
        let before = before.and_then(|before| before.filters.get(at));
        documents.extend(filter(before, after).map(|document| ("kelp.filter", document)));
    }
    for (at, after) in current.outputs.iter().enumerate() {
        let before = before.and_then(|before| before.outputs.get(at));
        documents.push(("kelp.output", output(before, after)));
    }
    let mut body = String::new();
    let count = documents.len();
    for (dataset, mut kelp) in documents {
        kelp["pipeline"] = current.pipeline_id.clone().into();
        kelp["seconds"] = seconds.as_secs_f64().into();
        let namespace = &about.namespace;
        let index = format!("metrics-{dataset}-{namespace}");
        let id = format!("{}-{:x}", about.instance, about.made);
        about.made += 1;
        let document = json!({
            "@timestamp": iso8601(now),
            "data_stream": {"type": "metrics", "dataset": dataset, "namespace": namespace},
            "event": {"dataset": dataset},
            "host": {"name": about.host},
            "process": {"pid": std::process::id()},
            "service": {"name": "kelp", "version": env!("CARGO_PKG_VERSION")},
            "kelp": kelp,
        });
        let action = json!({"create": {"_index": index, "_id": id}});
        body += &format!("{action}\n{document}\n");
    }
    (body, count)
}

/// How much a counter has grown.
fn growth<T>(before: Option<&T>, after: &T, count: impl Fn(&T) -> u64) -> u64 {
    count(after).saturating_sub(before.map_or(0, count))
}

fn pipeline(before: Option<&Snapshot>, after: &Snapshot) -> Value {
    json!({
        "events": {
            "in": growth(before, after, |snapshot| snapshot.totals.events_in),
            "filtered": growth(before, after, |snapshot| snapshot.totals.events_out),
            "out": growth(before, after, Snapshot::acknowledged),
        },
        "dead_letters": growth(before, after, |snapshot| snapshot.dead_letters),
        "in_flight_bytes": after.in_flight_bytes(),
        "memory_bytes": resident_bytes(),
    })
}

fn partitions(input: &InputSnapshot) -> Vec<Value> {
    let partitions = input.stats.partitions.iter();
    partitions
        .map(|partition| {
            json!({
                "topic": &*partition.topic, "partition": partition.partition,
                "topic_partition": format!("{}/{}", partition.topic, partition.partition),
                "lag": partition.lag(), "committed_lag": partition.committed_lag(),
            })
        })
        .collect()
}

/// Nothing where no event came by.
fn filter(before: Option<&FilterSnapshot>, after: &FilterSnapshot) -> Option<Value> {
    let events = growth(before, after, |filter| filter.counters.events_in);
    if events == 0 || NEVER_FAIL.contains(&after.name) {
        return None;
    }
    let matched = growth(before, after, |filter| filter.counters.matched);
    Some(json!({"filter": {
        "id": after.id, "plugin": after.name,
        "in": events,
        "out": growth(before, after, |filter| filter.counters.events_out),
        "matched": matched,
        "unmatched": events.saturating_sub(matched),
    }}))
}

fn output(before: Option<&OutputSnapshot>, after: &OutputSnapshot) -> Value {
    let stats = &after.stats;
    let requests = growth(before, after, |output| output.stats.requests);
    let request_ms = growth(before, after, |output| output.stats.request_ms);
    json!({"output": {
        "id": after.id, "plugin": after.name,
        "documents": growth(before, after, |output| output.stats.documents),
        "acknowledged": growth(before, after, |output| output.stats.acknowledged),
        "duplicates": growth(before, after, |output| output.stats.duplicates),
        "dead_letters": growth(before, after, |output| output.stats.dead_letters),
        "retries": growth(before, after, |output| output.stats.retries),
        "requests": requests,
        "request_ms": request_ms,
        "latency_ms": (requests > 0).then(|| request_ms as f64 / requests as f64),
        "in_flight": stats.in_flight,
        "stalled": stats.is_stalled,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    use kelp_parser::pipeline::FilterCounters;
    use kelp_sink::OutputStats;

    fn snapshot(started: Instant, events: u64) -> Snapshot {
        let stats = OutputStats {
            acknowledged: events,
            requests: events / 10,
            request_ms: events,
            ..OutputStats::default()
        };
        let filter = |name| FilterSnapshot {
            name,
            id: name.to_owned(),
            counters: FilterCounters {
                events_in: events,
                events_out: events,
                matched: events / 2,
                ..FilterCounters::default()
            },
            parts: Vec::new(),
        };
        Snapshot {
            totals: crate::run::Totals {
                events_in: events,
                events_out: events,
                ..Default::default()
            },
            filters: vec![filter("grok"), filter("mutate")],
            outputs: vec![OutputSnapshot {
                name: "elasticsearch".to_owned(),
                id: "elasticsearch_0".to_owned(),
                stats,
            }],
            taken: started + Duration::from_secs(events / 10),
            ..Snapshot::empty("main", started)
        }
    }

    fn documents(body: &str) -> Vec<Value> {
        let lines = body.lines().skip(1).step_by(2);
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn documents_hold_what_has_changed_and_each_has_an_id_of_its_own() {
        let mut about = About::this_process("default");
        let started = Instant::now();
        let (first, later) = (snapshot(started, 100), snapshot(started, 250));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (body, count) = bulk(&mut about, Some(&first), &later, now);
        let made = documents(&body);
        // The pipeline, grok and the output; mutate never fails.
        assert_eq!((count, made.len()), (3, 3), "{body}");
        assert_eq!(made[0]["@timestamp"], "2023-11-14T22:13:20.000Z");
        assert_eq!(
            made[0]["kelp"]["events"],
            json!({"in": 150, "filtered": 150, "out": 150})
        );
        assert_eq!(made[0]["kelp"]["seconds"], 15.0);
        assert_eq!(made[1]["kelp"]["filter"]["unmatched"], 75);
        assert_eq!(made[2]["kelp"]["output"]["latency_ms"], 10.0);
        let (again, _) = bulk(&mut about, None, &later, now);
        assert_eq!(documents(&again)[0]["kelp"]["events"]["in"], 250);
        let ids = |body: &str| -> Vec<Value> {
            let lines = body.lines().step_by(2);
            lines
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["create"]["_id"].clone())
                .collect()
        };
        let (one, other) = (ids(&body), ids(&again));
        assert!(
            one.iter().all(|id| !other.contains(id)),
            "{one:?} {other:?}"
        );
    }
}
