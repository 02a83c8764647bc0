//! Events that an output's codec has no form for: they go to the dead letters as JSON.

use std::sync::Arc;

use kelp_parser::codec::EncodeError;
use kelp_parser::event::{Event, write_json};
use kelp_parser::record::RecordBatch;

use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::output::Provenance;
use crate::reason::Reason;

/// Those of one batch.
pub(crate) struct Unencodable {
    dead_letters: Option<DeadLetters>,
    events: Vec<(u32, Box<[u8]>, Reason)>,
}

impl Unencodable {
    /// Without dead letters the events stay held.
    pub(crate) fn new(dead_letters: Option<DeadLetters>) -> Self {
        Self {
            dead_letters,
            events: Vec::new(),
        }
    }

    /// Takes a hold on the event's record.
    pub(crate) fn push(&mut self, event: &Event<'_>, from: &Provenance<'_>, error: EncodeError) {
        from.receipts.hold(from.index);
        let mut document = Vec::new();
        write_json(&mut document, event);
        let reason = Reason::unsent("unencodable", error.to_string());
        self.events.push((from.index, document.into(), reason));
    }

    /// Hands them over.
    pub(crate) fn flush(&mut self, batch: &Arc<dyn RecordBatch>) {
        if self.events.is_empty() {
            return;
        }
        let (_, _, reason) = &self.events[0];
        tracing::warn!(events = self.events.len(), %reason, "events cannot be encoded and go to the dead letters");
        let letters = self
            .events
            .drain(..)
            .map(|(record, document, reason)| DeadLetter {
                batch: Arc::clone(batch),
                record,
                document,
                reason,
            });
        let letters = letters.collect();
        if let Some(dead_letters) = &self.dead_letters {
            // When the dead letters are closed the events stay held.
            let _ = dead_letters.submit_blocking(letters);
        }
    }
}
