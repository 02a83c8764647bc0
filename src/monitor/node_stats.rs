//! `/_node/stats`, in the shape of Logstash's (source: `stats.rb`); what there is more of stands beside it.

use kelp_parser::grok::Stops;
use serde_json::{Map, Value, json};

use super::snapshot::{
    FilterSnapshot, InputSnapshot, NodeSnapshot, OutputSnapshot, PartSnapshot, Snapshot,
};
use super::{Api, info, process};
use crate::agent::Reloads;
use crate::clock::iso8601;

/// `GET /_node/stats`
pub fn all(node: &NodeSnapshot, api: &Api) -> Value {
    json!({
        "jvm": process::runtime_stats(api.started),
        "process": process::process_stats(api.started),
        "events": sum(node),
        "flow": node.flow,
        "pipelines": pipelines(node, api),
        "reloads": {"successes": node.reloads.successes, "failures": node.reloads.failures},
        "os": {},
        "queue": {"events_count": node.pipelines.iter().map(Snapshot::unsettled).sum::<u64>()},
    })
}

/// `GET /_node/stats/pipelines`
pub fn pipelines(node: &NodeSnapshot, api: &Api) -> Value {
    let pipelines = node.pipelines.iter();
    let pipelines =
        pipelines.map(|pipeline| (pipeline.pipeline_id.clone(), of_pipeline(pipeline, api)));
    Value::Object(pipelines.collect())
}

fn of_pipeline(pipeline: &Snapshot, api: &Api) -> Value {
    let mut flow = pipeline.flow.clone();
    flow["consumer_lag"] = json!({"current": pipeline.lag()});
    json!({
        "events": events(pipeline),
        "flow": flow,
        "plugins": {
            "inputs": pipeline.inputs.iter().map(input).collect::<Vec<_>>(),
            "codecs": [],
            "filters": pipeline.filters.iter().map(filter).collect::<Vec<_>>(),
            "outputs": pipeline.outputs.iter().map(output).collect::<Vec<_>>(),
        },
        "reloads": reloads(&pipeline.reloads),
        "queue": {
            "type": "memory",
            "events_count": pipeline.unsettled(),
            "queue_size_in_bytes": pipeline.in_flight_bytes(),
            "max_queue_size_in_bytes": pipeline.max_in_flight_bytes,
        },
        "pipeline": {
            "workers": pipeline.workers,
            "batch_size": pipeline.batch_size,
            "batch_delay": pipeline.batch_delay_ms,
        },
        "dead_letter_queue": {
            "written": pipeline.dead_letters,
            "failing": pipeline.dead_letters_failing,
            "dropped_events": pipeline.dead_letters_dropped,
            "expired_events": 0,
            "max_queue_size_in_bytes": pipeline.max_dead_letter_bytes,
            "storage_policy": pipeline.storage_policy,
        },
        "hash": pipeline.hash,
        "ephemeral_id": info::ephemeral_id(pipeline, api),
    })
}

fn sum(node: &NodeSnapshot) -> Value {
    let mut total = Map::new();
    for pipeline in &node.pipelines {
        let Value::Object(events) = events(pipeline) else {
            continue;
        };
        for (name, count) in events {
            let before = total.get(&name).and_then(Value::as_u64);
            let count = before.unwrap_or(0) + count.as_u64().unwrap_or(0);
            total.insert(name, count.into());
        }
    }
    Value::Object(total)
}

fn events(pipeline: &Snapshot) -> Value {
    json!({
        "in": pipeline.totals.events_in,
        "filtered": pipeline.totals.events_out,
        "out": pipeline.acknowledged(),
        "duration_in_millis": pipeline.totals.busy_ms,
        "queue_push_duration_in_millis": pipeline.stalled_ms(),
    })
}

fn reloads(reloads: &Reloads) -> Value {
    let (failed_at, error) = match &reloads.last_failure {
        Some((at, why)) => (
            json!(iso8601(*at)),
            json!({"message": why, "backtrace": []}),
        ),
        None => (Value::Null, Value::Null),
    };
    json!({
        "successes": reloads.successes,
        "failures": reloads.failures,
        "last_success_timestamp": reloads.last_success.map(iso8601),
        "last_failure_timestamp": failed_at,
        "last_error": error,
    })
}

fn filter(filter: &FilterSnapshot) -> Value {
    let counters = &filter.counters;
    let mut stats = json!({
        "id": filter.id,
        "name": filter.name,
        "events": {
            "in": counters.events_in,
            "out": counters.events_out,
            "duration_in_millis": counters.busy_nanos / 1_000_000,
        },
        "matches": counters.matched,
    });
    if filter.name == "grok" {
        // Logstash's grok has these two.
        let mut per_field = Map::new();
        for part in &filter.parts {
            let count = per_field.entry(part.field.clone()).or_insert(json!(0));
            *count = json!(count.as_u64().unwrap_or(0) + 1);
        }
        stats["failures"] = counters.events_in.saturating_sub(counters.matched).into();
        stats["patterns_per_field"] = per_field.into();
        stats["patterns"] = filter.parts.iter().map(pattern).collect();
    } else if !filter.parts.is_empty() {
        stats["parts"] = filter.parts.iter().map(part).collect();
    }
    stats
}

/// A pattern of grok.
fn pattern(pattern: &PartSnapshot) -> Value {
    let done = pattern.count("matched") + pattern.count("timed out");
    let mut stats = part(pattern);
    stats["missed"] = pattern.count("tried").saturating_sub(done).into();
    if let Some(Stops {
        sampled,
        places,
        last,
    }) = pattern.stops.as_ref().filter(|stops| stops.sampled > 0)
    {
        stats["stopped"] = json!({"sampled": sampled, "in": places, "last": last});
    }
    stats
}

fn part(part: &PartSnapshot) -> Value {
    let mut stats = Map::new();
    if !part.field.is_empty() {
        stats.insert("field".to_owned(), part.field.clone().into());
    }
    stats.insert("of".to_owned(), part.of.clone().into());
    for (what, count) in &part.counts {
        stats.insert(what.replace(' ', "_"), (*count).into());
    }
    stats.into()
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
        "events": {
            "out": stats.consumed_records,
            "queue_push_duration_in_millis": stats.stalled_time.as_millis() as u64,
        },
        "bytes": stats.consumed_bytes,
        "in_flight_bytes": stats.in_flight_bytes,
        "unsettled": stats.unsettled_records,
        "stalled": stats.is_stalled,
        "unreachable": stats.is_unreachable,
        "stalls": stats.stalls,
        "rebalances": stats.rebalances,
        "revocations": {
            "waited_in_millis": stats.revoking_time.as_millis() as u64,
            "abandoned_records": stats.abandoned_records,
            "lost_partitions": stats.lost_partitions,
        },
        "offsets": {
            "resets": stats.offset_resets,
            "skipped_records": stats.skipped_records,
            "repeated_records": stats.repeated_records,
        },
        "commits": {"successes": stats.commits, "failures": stats.commit_failures},
        "partitions": partitions,
    })
}

fn output(output: &OutputSnapshot) -> Value {
    let stats = &output.stats;
    let responses = stats.responses.iter();
    let responses: Map<String, Value> = responses
        .map(|(status, count)| (status.to_string(), count.into()))
        .collect();
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
            "non_retryable_failures": stats.dead_letters,
            "duplicates": stats.duplicates,
            "dlq_routed": stats.dead_letters,
            "in_flight": stats.in_flight,
        },
        "bulk_requests": {"sent": stats.requests, "retries": stats.retries, "responses": responses},
        "stalled": stats.is_stalled,
    })
}
