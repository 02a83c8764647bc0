//! What came of the demo: every line that the broker acknowledged against the documents in the double.

use std::collections::BTreeMap;

use kelp_sink::double::{Cluster, Stored};
use serde_json::Value;

use super::broker::Ledger;

/// The result of the comparison, and what is worth telling about the documents.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Lines that the broker acknowledged.
    pub written: u64,
    /// Lines that it did not take.
    pub refused: u64,
    /// Lines whose document is in the double with the line as it was written.
    pub arrived: u64,
    /// Lines whose document holds something else than was written.
    pub altered: u64,
    /// Lines without a document.
    pub lost: u64,
    /// Documents that were indexed more than once, or that no line belongs to.
    pub duplicates: u64,
    /// Lines that lie among the dead letters.
    pub dead_letters: u64,
    /// Documents in each index.
    pub by_index: BTreeMap<String, u64>,
    /// Access lines by response status.
    pub by_status: BTreeMap<String, u64>,
    /// Application lines by level.
    pub by_level: BTreeMap<String, u64>,
    /// Documents by tag.
    pub by_tag: BTreeMap<String, u64>,
}

impl Outcome {
    /// Looks for every written line.
    pub fn compare(ledger: &Ledger, cluster: &Cluster, dead_letters: u64) -> Self {
        let mut lines = ledger.take_lines();
        let mut outcome = Self {
            written: lines.len() as u64,
            refused: ledger.failed(),
            dead_letters,
            ..Self::default()
        };
        for document in cluster.documents("*", usize::MAX) {
            outcome.duplicates += document.version.saturating_sub(1);
            match lines.remove(&document.id) {
                None => outcome.duplicates += 1,
                Some(line) if original(&document) == Some(&line) => outcome.arrived += 1,
                Some(_) => outcome.altered += 1,
            }
            outcome.count(&document);
        }
        outcome.lost = lines.len() as u64;
        outcome
    }

    /// Whether every line that was written has arrived as it was.
    pub fn is_complete(&self) -> bool {
        self.written > 0 && self.arrived == self.written && self.refused == 0
    }

    fn count(&mut self, document: &Stored) {
        let add = |counts: &mut BTreeMap<String, u64>, key: String| {
            *counts.entry(key).or_default() += 1;
        };
        let source = &document.source;
        add(&mut self.by_index, document.index.clone());
        if let Some(status) = source.pointer("/http/response/status_code") {
            add(&mut self.by_status, status.to_string());
        }
        if let Some(level) = source.pointer("/log/level").and_then(Value::as_str) {
            add(&mut self.by_level, level.to_owned());
        }
        for tag in source["tags"].as_array().into_iter().flatten() {
            if let Some(tag) = tag.as_str() {
                add(&mut self.by_tag, tag.to_owned());
            }
        }
    }
}

/// The line that a document was made of, which ECS keeps.
fn original(document: &Stored) -> Option<&str> {
    document.source.pointer("/event/original")?.as_str()
}
