//! What a source hands to the pipeline: batches of records, each a payload with its coordinates.

use crate::event::Lineage;
use crate::receipt::Receipts;
use crate::time::Timestamp;

/// A batch of records that stays in memory until each of them is settled.
///
/// The payloads are borrowed from wherever the source received them; nothing is copied.
pub trait RecordBatch: Send + Sync + 'static {
    /// Number of records.
    fn len(&self) -> usize;

    /// Whether there are no records.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The record at `index`, which must be below [`len`](Self::len).
    fn record(&self, index: usize) -> Record<'_>;

    /// One receipt per record.
    fn receipts(&self) -> &Receipts;

    /// Outputs have encoded what was made of its records: no more memory is to be kept for that.
    fn made(&self) {}

    /// What names a record's event among all that are made of where it came from. It is not the default where records were
    /// joined.
    fn lineage(&self, _index: usize) -> Lineage {
        Lineage::default()
    }
}

/// One message as its source received it.
#[derive(Clone, Copy)]
pub struct Record<'b> {
    /// The bytes; `None` for a Kafka tombstone.
    pub payload: Option<&'b [u8]>,
    /// The Kafka message key.
    pub key: Option<&'b [u8]>,
    /// When the record was made or appended, where the source knows.
    pub timestamp: Option<Timestamp>,
    /// Where it came from.
    pub origin: Origin<'b>,
    /// Its headers; sources without headers give `&()`.
    pub headers: &'b dyn Headers,
}

/// Where a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'b> {
    /// A Kafka message.
    Kafka {
        /// Its topic.
        topic: &'b str,
        /// Its partition.
        partition: i32,
        /// Its offset in the partition.
        offset: i64,
    },
    /// A line of a file, of standard input, or a generated one.
    Line {
        /// The path, or the name of the input.
        source: &'b str,
        /// Counted from 0.
        number: u64,
    },
}

/// The headers of a record.
pub trait Headers {
    /// Calls `visit` with each header in order; a header without a value is `None`.
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>));
}

/// No headers.
impl Headers for () {
    fn visit(&self, _visit: &mut dyn FnMut(&str, Option<&[u8]>)) {}
}
