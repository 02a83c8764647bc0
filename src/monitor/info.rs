//! Who the process is: `/`, `/_node` and `/_node/plugins`.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::snapshot::{NodeSnapshot, Snapshot};
use super::{Api, health, process};
use crate::run::{INPUT_SPECS, PIPELINE_OUTPUT};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every answer begins with (source: `default_metadata.rb`).
pub fn base(node: &NodeSnapshot, api: &Api) -> Value {
    let (workers, batch_size, batch_delay) = node.defaults;
    json!({
        "host": gethostname::gethostname().to_string_lossy(),
        "version": VERSION,
        "http_address": api.bound.to_string(),
        "id": api.id,
        "name": node.name,
        "ephemeral_id": api.id,
        "snapshot": false,
        "status": health::status(node),
        "pipeline": {
            "workers": workers,
            "batch_size": batch_size,
            "batch_delay": batch_delay,
        },
    })
}

/// `GET /`
pub fn root(node: &NodeSnapshot, api: &Api) -> Value {
    let mut root = base(node, api);
    root["build_snapshot"] = false.into();
    root
}

/// `GET /_node`
pub fn node(node: &NodeSnapshot, api: &Api) -> Value {
    json!({
        "pipelines": pipelines(node, api),
        "os": process::os(),
        "jvm": process::runtime(api.started),
    })
}

/// `GET /_node/pipelines`
pub fn pipelines(node: &NodeSnapshot, api: &Api) -> Value {
    let pipelines = node.pipelines.iter();
    let pipelines = pipelines.map(|pipeline| (pipeline.pipeline_id.clone(), config(pipeline, api)));
    Value::Object(pipelines.collect())
}

fn config(pipeline: &Snapshot, api: &Api) -> Value {
    json!({
        "ephemeral_id": ephemeral_id(pipeline, api),
        "hash": pipeline.hash,
        "workers": pipeline.workers,
        "batch_size": pipeline.batch_size,
        "batch_delay": pipeline.batch_delay_ms,
        "dead_letter_queue_enabled": true,
        "dead_letter_queue_path": pipeline.dead_letters_at,
    })
}

/// An id that changes when the pipeline is replaced.
pub fn ephemeral_id(pipeline: &Snapshot, api: &Api) -> String {
    let reloads = pipeline.reloads.successes;
    format!("{}-{}-{reloads}", api.id, pipeline.pipeline_id)
}

/// `GET /_node/plugins`: what there is, by the names of Logstash's gems.
pub fn plugins(mut answer: Value) -> Value {
    let mut names: Vec<String> = Vec::new();
    let mut add = |kind: &str, name: &str| names.push(format!("logstash-{kind}-{name}"));
    INPUT_SPECS.iter().for_each(|spec| add("input", spec.name));
    let filters = kelp_parser::filter::FILTERS.iter();
    filters.for_each(|filter| add("filter", filter.spec.name));
    let outputs = kelp_sink::output::OUTPUTS.iter();
    outputs.for_each(|output| add("output", output.spec.name));
    add("output", PIPELINE_OUTPUT.name);
    let codecs = kelp_parser::codec::CODECS.iter();
    codecs.for_each(|codec| add("codec", codec.spec.name));
    names.sort();
    let plugins: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "version": VERSION}))
        .collect();
    answer["total"] = plugins.len().into();
    answer["plugins"] = plugins.into();
    answer
}

/// Tells this start of the process from others.
pub fn random_id() -> String {
    let since_epoch = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since_epoch.unwrap_or_default().as_nanos() as u64;
    let random = fastrand::Rng::with_seed(nanos ^ u64::from(std::process::id())).u128(..);
    let hex = format!("{random:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}
