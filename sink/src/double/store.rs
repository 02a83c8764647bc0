//! Documents in memory, with Elasticsearch's rules for ids, versions and data streams.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::Stored;
use crate::elasticsearch::Action;

/// All indices and templates.
#[derive(Default)]
pub(super) struct Store {
    indices: BTreeMap<String, Index>,
    templates: BTreeMap<String, Value>,
    ids_made: u64,
}

#[derive(Default)]
struct Index {
    docs: Vec<Option<Stored>>,
    by_id: HashMap<String, usize>,
}

/// One action of a bulk.
pub(super) struct Operation {
    pub(super) action: Action,
    pub(super) index: String,
    pub(super) id: Option<String>,
    pub(super) routing: Option<String>,
    /// An external version.
    pub(super) version: Option<u64>,
    pub(super) source: Option<Value>,
}

/// What became of it: status, result and version, or an error.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) id: Option<String>,
    pub(super) result: Result<(&'static str, u64), Value>,
}

impl Outcome {
    pub(super) fn refused(status: u16, id: Option<String>, kind: &str, reason: &str) -> Self {
        Self {
            status,
            id,
            result: Err(json!({"type": kind, "reason": reason})),
        }
    }
}

impl Store {
    pub(super) fn execute(&mut self, operation: Operation) -> Outcome {
        if let Some(reason) = invalid_index_name(&operation.index) {
            let reason = format!("Invalid index name [{}], {reason}", operation.index);
            return Outcome::refused(400, None, "invalid_index_name_exception", &reason);
        }
        if self.is_data_stream(&operation.index)
            && let Some(refused) = data_stream_refusal(&operation)
        {
            return refused;
        }
        let id = operation.id.clone().unwrap_or_else(|| self.make_id());
        if operation.action == Action::Delete && !self.indices.contains_key(&operation.index) {
            let reason = format!("no such index [{}]", operation.index);
            return Outcome::refused(404, Some(id), "index_not_found_exception", &reason);
        }
        let index = self.indices.entry(operation.index.clone()).or_default();
        index.execute(id, operation)
    }

    fn make_id(&mut self) -> String {
        self.ids_made += 1;
        format!("auto{:016x}", self.ids_made)
    }

    fn is_data_stream(&self, index: &str) -> bool {
        // Elasticsearch ships templates for these.
        const BUILT_IN: [&str; 4] = ["logs-*-*", "metrics-*-*", "synthetics-*-*", "traces-*-*"];
        let own = self
            .templates
            .values()
            .filter(|template| template.get("data_stream").is_some())
            .flat_map(patterns);
        BUILT_IN
            .into_iter()
            .chain(own)
            .any(|pattern| matches(pattern, index))
    }

    pub(super) fn count(&self, pattern: &str) -> usize {
        self.matching(pattern)
            .map(|(_, index)| index.by_id.len())
            .sum()
    }

    pub(super) fn documents(&self, pattern: &str, limit: usize) -> Vec<Stored> {
        self.matching(pattern)
            .flat_map(|(_, index)| index.docs.iter().flatten())
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn indices(&self) -> Vec<String> {
        self.indices.keys().cloned().collect()
    }

    fn matching<'s>(&'s self, pattern: &'s str) -> impl Iterator<Item = (&'s String, &'s Index)> {
        self.indices.iter().filter(move |(name, _)| {
            pattern
                .split(',')
                .any(|pattern| pattern == "_all" || matches(pattern, name))
        })
    }

    pub(super) fn delete_indices(&mut self, pattern: &str) {
        self.indices.retain(|name, _| !matches(pattern, name));
    }

    pub(super) fn template(&self, name: &str) -> Option<&Value> {
        self.templates.get(name)
    }

    pub(super) fn put_template(&mut self, name: &str, template: Value) {
        self.templates.insert(name.to_owned(), template);
    }
}

impl Index {
    fn execute(&mut self, id: String, operation: Operation) -> Outcome {
        let existing = self.by_id.get(&id).copied();
        let version = existing.map_or(0, |at| self.version(at));
        let conflict = |reason: &str| {
            let reason =
                format!("[{id}]: version conflict, {reason} (current version [{version}])");
            Outcome::refused(
                409,
                Some(id.clone()),
                "version_conflict_engine_exception",
                &reason,
            )
        };
        if let Some(wanted) = operation.version
            && existing.is_some()
            && wanted <= version
        {
            return conflict("current version is higher or equal to the one provided");
        }
        match (operation.action, existing) {
            (Action::Create, Some(_)) => conflict("document already exists"),
            (Action::Delete, None) => Outcome {
                status: 404,
                id: Some(id),
                result: Ok(("not_found", 1)),
            },
            (Action::Delete, Some(at)) => {
                self.docs[at] = None;
                self.by_id.remove(&id);
                Outcome {
                    status: 200,
                    id: Some(id),
                    result: Ok(("deleted", version + 1)),
                }
            }
            (Action::Update, existing) => self.update(id, existing, operation),
            (Action::Index | Action::Create, _) => {
                let version = operation.version.unwrap_or(version + 1);
                let source = operation.source.unwrap_or(Value::Null);
                self.put(&operation.index, id, version, operation.routing, source)
            }
        }
    }

    fn version(&self, at: usize) -> u64 {
        self.docs[at].as_ref().map_or(0, |doc| doc.version)
    }

    fn update(&mut self, id: String, existing: Option<usize>, operation: Operation) -> Outcome {
        let body = operation.source.unwrap_or(Value::Null);
        let Some(at) = existing else {
            let as_upsert = body["doc_as_upsert"] == true;
            let upsert = if as_upsert {
                &body["doc"]
            } else {
                &body["upsert"]
            };
            if upsert.is_null() {
                let reason = format!("[{id}]: document missing");
                return Outcome::refused(404, Some(id), "document_missing_exception", &reason);
            }
            let upsert = upsert.clone();
            return self.put(&operation.index, id, 1, operation.routing, upsert);
        };
        let version = self.version(at);
        let mut source = match &self.docs[at] {
            Some(doc) => doc.source.clone(),
            None => Value::Null,
        };
        let before = source.clone();
        merge(&mut source, &body["doc"]);
        if source == before {
            return Outcome {
                status: 200,
                id: Some(id),
                result: Ok(("noop", version)),
            };
        }
        self.put(&operation.index, id, version + 1, operation.routing, source)
    }

    fn put(
        &mut self,
        index: &str,
        id: String,
        version: u64,
        routing: Option<String>,
        source: Value,
    ) -> Outcome {
        let stored = Stored {
            index: index.to_owned(),
            id: id.clone(),
            version,
            routing,
            source,
        };
        let created = match self.by_id.get(&id) {
            Some(at) => {
                self.docs[*at] = Some(stored);
                false
            }
            None => {
                self.by_id.insert(id.clone(), self.docs.len());
                self.docs.push(Some(stored));
                true
            }
        };
        Outcome {
            status: if created { 201 } else { 200 },
            id: Some(id),
            result: Ok((if created { "created" } else { "updated" }, version)),
        }
    }
}

fn data_stream_refusal(operation: &Operation) -> Option<Outcome> {
    if operation.action != Action::Create {
        return Some(Outcome::refused(
            400,
            None,
            "illegal_argument_exception",
            "only write ops with an op_type of create are allowed in data streams",
        ));
    }
    let has_timestamp = operation
        .source
        .as_ref()
        .is_some_and(|source| source.get("@timestamp").is_some());
    (!has_timestamp).then(|| {
        Outcome::refused(
            400,
            operation.id.clone(),
            "document_parsing_exception",
            "[1:2] failed to parse: data stream timestamp field [@timestamp] is missing",
        )
    })
}

fn invalid_index_name(name: &str) -> Option<&'static str> {
    if name.chars().any(char::is_uppercase) {
        return Some("must be lowercase");
    }
    if name.starts_with(['_', '-', '+']) {
        return Some("must not start with '_', '-', or '+'");
    }
    name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':'])
        .then_some("must not contain the following characters ['\\','/','*','?','\"','<','>','|',' ',',','#',':']")
}

fn patterns(template: &Value) -> Vec<&str> {
    match &template["index_patterns"] {
        Value::String(pattern) => vec![pattern],
        Value::Array(patterns) => patterns.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether `name` matches `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| matches(after, &rest[at..]))
        }),
    }
}

fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, changes) => *into = changes.clone(),
    }
}
