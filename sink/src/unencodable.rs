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
    bytes: usize,
}

impl Unencodable {
    /// Without dead letters the events stay held.
    pub(crate) fn new(dead_letters: Option<DeadLetters>) -> Self {
        Self {
            dead_letters,
            events: Vec::new(),
            bytes: 0,
        }
    }

    /// How many bytes they take.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a hold on the event's record.
    pub(crate) fn push(&mut self, event: &Event<'_>, from: &Provenance<'_>, error: EncodeError) {
        from.receipts.hold(from.index);
        // There is no action: what follows is the event.
        let mut document = b"null\n".to_vec();
        write_json(&mut document, event);
        self.bytes += document.len();
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
        self.bytes = 0;
        if let Some(dead_letters) = &self.dead_letters {
            // When the dead letters are closed the events stay held.
            let _ = dead_letters.submit_blocking(letters);
        }
    }
}

#[cfg(test)]
mod tests {
    use kelp_parser::event::Arena;
    use kelp_parser::time::Timestamp;

    use super::*;
    use crate::dead_letter::{DeadLetterSettings, DeadLetterStore, Position, Reader};
    use crate::testing::{TempDir, TestBatch};

    #[test]
    fn it_lies_among_the_dead_letters_as_an_event_that_was_never_sent() {
        let dir = TempDir::new();
        let (store, letters) = DeadLetterStore::open(DeadLetterSettings::new(dir.path())).unwrap();
        let mut unencodable = Unencodable::new(Some(letters));
        let batch = Arc::new(TestBatch::of(&[b"a"]));
        let arena = Arena::new();
        let mut event = Event::new(&arena, Timestamp::from_millis(0));
        event
            .fields_mut()
            .set("index", kelp_parser::event::Value::Int(7));
        let from = Provenance {
            record: &batch.record(0),
            index: 0,
            namespace: "",
            receipts: batch.receipts(),
        };
        unencodable.push(&event, &from, EncodeError("no form".to_owned()));
        let shared: Arc<dyn RecordBatch> = batch.clone();
        unencodable.flush(&shared);
        store.close(false);
        assert_eq!(batch.holds(), [0]);
        let mut reader = Reader::new(dir.path(), Position::default());
        let (_, entry) = reader.next_entry().unwrap().unwrap();
        assert!(entry.action.is_none(), "{entry:?}");
        let event: serde_json::Value = serde_json::from_str(entry.event.unwrap().get()).unwrap();
        assert_eq!(event["index"], 7);
        assert_eq!(entry.reason.reason, "no form");
    }
}
