//! Executes bulk bodies and writes their answers.
//!
//! As in Elasticsearch, one bad action line refuses the whole body and nothing of it is executed,
//! while a bad source line only fails its own item.

use serde_json::{Value, json};

use super::fault::{Which, error, request_error};
use super::store::{Operation, Outcome, Store};
use super::{Cluster, DoubleSettings, lock};
use crate::elasticsearch::Action;

/// The refusal of a whole request: its status and body.
pub(super) type Refusal = (u16, Value);

/// The longest id that Elasticsearch takes.
const ID_MAX_BYTES: usize = 512;

/// Executes a body but for the items that are to fail, and gives the items of the answer.
pub(super) fn execute(
    cluster: &Cluster,
    settings: &DoubleSettings,
    body: &[u8],
    default_index: Option<&str>,
    failing: Option<(&Which, u16)>,
    filtered: bool,
) -> Result<Vec<Value>, Refusal> {
    let entries = parse(body, default_index)?;
    let mut store = lock(&cluster.store);
    let items = entries.into_iter().enumerate().map(|(at, entry)| {
        let (action, index) = (entry.action, entry.index.clone());
        let outcome = match failing {
            Some((which, status)) if which.contains(at) => Outcome {
                status,
                id: entry.id,
                result: Err(error(status)),
            },
            _ if settings.max_operation_bytes.is_some_and(|max| body.len() > max) => {
                let reason = format!(
                    "rejected execution of primary operation [coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, primary_operation_bytes={}, max_primary_bytes={}]",
                    body.len(),
                    settings.max_operation_bytes.unwrap_or_default()
                );
                Outcome::refused(429, entry.id, "es_rejected_execution_exception", &reason)
            }
            _ => entry.execute(&mut store, settings),
        };
        item(action, &index, outcome, filtered)
    });
    Ok(items.collect())
}

/// An action line with its source line.
struct Entry<'b> {
    action: Action,
    index: String,
    id: Option<String>,
    routing: Option<String>,
    version: Option<u64>,
    source: Option<&'b [u8]>,
}

fn parse<'b>(body: &'b [u8], default_index: Option<&str>) -> Result<Vec<Entry<'b>>, Refusal> {
    if body.is_empty() {
        return Err(refusal("parse_exception", "request body is required"));
    }
    let Some(body) = body.strip_suffix(b"\n") else {
        return Err(refusal(
            "illegal_argument_exception",
            "The bulk request must be terminated by a newline [\\n]",
        ));
    };
    let mut entries = Vec::new();
    let mut lines = body.split(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        let mut entry = action_line(line, default_index)?;
        if entry.action != Action::Delete {
            entry.source = Some(lines.next().unwrap_or_default());
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn action_line(line: &[u8], default_index: Option<&str>) -> Result<Entry<'static>, Refusal> {
    let parsed: Value = serde_json::from_slice(line)
        .map_err(|error| refusal("x_content_parse_exception", &error.to_string()))?;
    let Some((name, meta)) = parsed.as_object().and_then(|object| object.iter().next()) else {
        return Err(refusal(
            "illegal_argument_exception",
            "Malformed action/metadata line [1], expected FIELD_NAME but found [END_OBJECT]",
        ));
    };
    let Some(action) = Action::parse(name) else {
        let reason = format!(
            "Malformed action/metadata line [1], expected field [create], [delete], [index] or [update] but found [{name}]"
        );
        return Err(refusal("illegal_argument_exception", &reason));
    };
    let text = |key: &str| match &meta[key] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let invalid = |reason: &str| {
        let reason = format!("Validation Failed: 1: {reason};");
        refusal("action_request_validation_exception", &reason)
    };
    let Some(index) = text("_index").or_else(|| default_index.map(str::to_owned)) else {
        return Err(invalid("index is missing"));
    };
    let id = text("_id");
    if id.as_ref().is_some_and(|id| id.len() > ID_MAX_BYTES) {
        return Err(invalid("id is too long, must be no longer than 512 bytes"));
    }
    if id.is_none() && matches!(action, Action::Update | Action::Delete) {
        return Err(invalid("id is missing"));
    }
    Ok(Entry {
        action,
        index,
        id,
        routing: text("routing"),
        version: text("version").and_then(|version| version.parse().ok()),
        source: None,
    })
}

fn refusal(kind: &str, reason: &str) -> Refusal {
    let error = json!({"type": kind, "reason": reason});
    (400, request_error(400, error))
}

impl Entry<'_> {
    fn execute(self, store: &mut Store, settings: &DoubleSettings) -> Outcome {
        let refused =
            |id, reason: &str| Outcome::refused(400, id, "document_parsing_exception", reason);
        let mut source = None;
        if let Some(line) = self.source {
            match serde_json::from_slice::<Value>(line) {
                Ok(parsed @ Value::Object(_)) => source = Some(parsed),
                Ok(_) => return refused(self.id, "[1:1] failed to parse: an object is expected"),
                Err(error) => return refused(self.id, &format!("[1:1] failed to parse: {error}")),
            }
            let text = String::from_utf8_lossy(line);
            let has = |part: &&String| text.contains(part.as_str());
            if settings
                .block_containing
                .as_ref()
                .is_some_and(|part| has(&part))
            {
                let reason = "index [m] blocked by: [FORBIDDEN/8/index write (api)];";
                return Outcome::refused(403, self.id, "cluster_block_exception", reason);
            }
            if let Some(poison) = settings.reject_containing.as_ref().filter(has) {
                let reason = format!("[1:1] failed to parse field: For input string: \"{poison}\"");
                return refused(self.id, &reason);
            }
        }
        store.execute(Operation {
            action: self.action,
            index: self.index,
            id: self.id,
            routing: self.routing,
            version: self.version,
            source,
        })
    }
}

fn item(action: Action, index: &str, outcome: Outcome, filtered: bool) -> Value {
    let body = match (outcome.result, filtered) {
        (Ok(_), true) => json!({"status": outcome.status}),
        (Err(error), true) => json!({"status": outcome.status, "error": error}),
        (Ok((result, version)), false) => json!({
            "_index": index, "_id": outcome.id, "_version": version, "result": result,
            "_shards": {"total": 1, "successful": 1, "failed": 0}, "status": outcome.status
        }),
        (Err(error), false) => {
            json!({"_index": index, "_id": outcome.id, "status": outcome.status, "error": error})
        }
    };
    json!({action.name(): body})
}

/// The answer with these items.
pub(super) fn answer(items: &[Value], filtered: bool) -> Vec<u8> {
    let is_error = |item: &Value| {
        let bodies = item.as_object().into_iter().flat_map(|item| item.values());
        bodies.into_iter().any(|body| body.get("error").is_some())
    };
    let errors = items.iter().any(is_error);
    let took = if filtered { "" } else { "\"took\":1," };
    let mut out = format!("{{\"errors\":{errors},{took}\"items\":[").into_bytes();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut out, item);
    }
    out.extend_from_slice(b"]}");
    out
}

/// The answer of a double that stores nothing.
pub(super) fn null_answer(items: usize) -> Vec<u8> {
    const ITEM: &[u8] = br#"{"index":{"status":201}},"#;
    let mut out = br#"{"errors":false,"items":["#.to_vec();
    out.extend(ITEM.repeat(items));
    if items > 0 {
        out.pop();
    }
    out.extend_from_slice(b"]}");
    out
}

/// How many documents a body has, if each has a source line.
pub(super) fn count_documents(body: &[u8]) -> usize {
    body.iter().filter(|byte| **byte == b'\n').count() / 2
}
