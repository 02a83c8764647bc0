//! Records made of dead letters.

use kelp_parser::in_flight::Share;
use kelp_parser::receipt::Receipts;
use kelp_parser::record::{self, Headers, Record, RecordBatch};
use kelp_parser::time::Timestamp;
use kelp_sink::dead_letter::{Blob, Entry, Origin, Position};

/// A record that owns its bytes.
pub struct OwnedRecord {
    /// The bytes.
    pub payload: Option<Vec<u8>>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// When the record was made.
    pub timestamp: Option<Timestamp>,
    /// Where it came from.
    pub origin: Origin,
    /// Its headers.
    pub headers: OwnedHeaders,
}

/// Names and values.
#[derive(Default)]
pub struct OwnedHeaders(pub Vec<(String, Option<Vec<u8>>)>);

impl Headers for OwnedHeaders {
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>)) {
        for (name, value) in &self.0 {
            visit(name, value.as_deref());
        }
    }
}

impl OwnedRecord {
    /// An entry of the store as it lies there.
    pub fn of_line(line: Vec<u8>, began: Position, store: &str) -> Self {
        Self {
            payload: Some(line),
            key: None,
            timestamp: None,
            origin: Origin::Line {
                source: format!("{store}/{:06}.ndjson", began.segment),
                line: began.offset,
            },
            headers: OwnedHeaders::default(),
        }
    }

    /// The record that an entry was made of, as its input received it.
    pub fn of_original(entry: Entry) -> Self {
        let headers = entry.headers.into_iter();
        let bytes = |blob: Option<Blob>| blob.map(Blob::into_bytes);
        Self {
            payload: bytes(entry.payload),
            key: bytes(entry.key),
            timestamp: entry
                .timestamp
                .as_deref()
                .and_then(Timestamp::parse_iso8601),
            origin: entry.origin,
            headers: OwnedHeaders(
                headers
                    .map(|header| (header.name, bytes(header.value)))
                    .collect(),
            ),
        }
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let len = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self.headers.0.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + len(value)).sum();
        size_of::<Self>() + len(&self.payload) + len(&self.key) + headers
    }
}

/// Records on their way.
pub struct LetterBatch {
    records: Vec<OwnedRecord>,
    receipts: Receipts,
    _share: Share,
}

impl LetterBatch {
    /// None of them settled.
    pub fn new(records: Vec<OwnedRecord>, share: Share) -> Self {
        Self {
            receipts: Receipts::new(records.len()),
            records,
            _share: share,
        }
    }
}

impl RecordBatch for LetterBatch {
    fn len(&self) -> usize {
        self.records.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        let record = &self.records[index];
        Record {
            payload: record.payload.as_deref(),
            key: record.key.as_deref(),
            timestamp: record.timestamp,
            origin: match &record.origin {
                Origin::Kafka {
                    topic,
                    partition,
                    offset,
                } => record::Origin::Kafka {
                    topic,
                    partition: *partition,
                    offset: *offset,
                },
                Origin::Line { source, line } => record::Origin::Line {
                    source,
                    number: *line,
                },
            },
            headers: &record.headers,
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }
}
