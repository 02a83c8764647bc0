//! What a writer hands over: one bulk body and which record each of its documents came from.

use std::ops::Range;
use std::sync::Arc;

use kelp_parser::record::RecordBatch;

/// The documents that a worker made of one batch of records for one output.
///
/// Whoever made it took one hold on the record of each document; delivery gives each of them back
/// exactly once. Dropping a request leaves all its holds in place.
pub struct BulkRequest {
    /// NDJSON: an action line and, but for deletes, a source line per document, each with its line break.
    pub body: Vec<u8>,
    /// One entry per document, in the order of the body.
    pub docs: Vec<Doc>,
    /// The records of which the documents were made.
    pub batch: Arc<dyn RecordBatch>,
}

/// One document of a bulk body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doc {
    /// Where its action line starts in the body.
    pub start: u32,
    /// The index in the batch of the record that it came from.
    pub record: u32,
    /// Its id is made of where the record lies, so if one of that id is stored, it is this one.
    pub has_derived_id: bool,
}

/// Where the lines of document `index` lie in a body of `body_len` bytes.
pub(super) fn span(docs: &[Doc], index: usize, body_len: usize) -> Range<usize> {
    let start = docs[index].start as usize;
    let end = docs
        .get(index + 1)
        .map_or(body_len, |next| next.start as usize);
    start..end
}
