//! What can go wrong with one bulk request, and the errors that Elasticsearch writes.

use std::time::Duration;

use serde_json::{Value, json};

/// What happens to one bulk request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: it is executed and answered.
    None,
    /// The whole request is refused with this status, nothing is executed.
    Status(u16),
    /// Some items are refused with this status, the others are executed.
    Items(Which, u16),
    /// It is executed and answered after a wait.
    Slow(Duration),
    /// The connection is closed, nothing was executed.
    CutBefore,
    /// It is executed, then the connection is closed without an answer.
    CutAfter,
    /// It is executed, then the connection is closed in the middle of the answer.
    CutAnswer,
    /// A page of a proxy comes back with status 200, nothing was executed.
    NotJson,
    /// It is executed, but the answer has one item too few.
    WrongLength,
}

/// Which items of a bulk.
#[derive(Clone, Debug)]
pub enum Which {
    /// All.
    All,
    /// The first, and each that many after it.
    Every(usize),
    /// Those at these positions.
    At(Vec<usize>),
}

impl Which {
    pub(super) fn contains(&self, position: usize) -> bool {
        match self {
            Which::All => true,
            Which::Every(step) => position.is_multiple_of((*step).max(1)),
            Which::At(positions) => positions.contains(&position),
        }
    }
}

/// The error object that goes with a status.
pub(super) fn error(status: u16) -> Value {
    let (kind, reason) = match status {
        401 => (
            "security_exception",
            "unable to authenticate user [kelp] for REST request [/_bulk]",
        ),
        403 => (
            "security_exception",
            "action [indices:data/write/bulk] is unauthorized for user [kelp]",
        ),
        429 => (
            "es_rejected_execution_exception",
            "rejected execution of coordinating operation",
        ),
        503 => (
            "unavailable_shards_exception",
            "primary shard is not active",
        ),
        400 => (
            "document_parsing_exception",
            "[1:7] failed to parse field [n] of type [long]",
        ),
        404 => ("index_not_found_exception", "no such index"),
        409 => (
            "version_conflict_engine_exception",
            "version conflict, document already exists",
        ),
        _ => ("exception", "an injected fault"),
    };
    json!({"type": kind, "reason": reason})
}

/// The body that goes with the refusal of a whole request.
pub(super) fn request_error(status: u16, error: Value) -> Value {
    let mut with_causes = error.clone();
    with_causes["root_cause"] = json!([error]);
    json!({"error": with_causes, "status": status})
}
