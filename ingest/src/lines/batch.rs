//! Lines in one buffer.

use std::ops::Range;
use std::sync::Arc;

use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, Record, RecordBatch};

use kelp_parser::in_flight::Share;

/// What a line needs besides its bytes: where it lies, and its receipt.
pub(super) const LINE_OVERHEAD_BYTES: usize = 12;

/// Where a batch's lines come from and how they are counted.
#[derive(Clone, Debug)]
pub(super) struct Numbering {
    /// The path, or the name of the input.
    pub source: Arc<str>,
    /// How many lines came before this batch.
    pub first: u64,
    /// So many lines in a row have the same number.
    pub stride: u64,
}

/// Lines, without their delimiters.
pub(super) struct LineBatch {
    pub buffer: Arc<[u8]>,
    pub spans: Arc<[Range<u32>]>,
    pub numbering: Numbering,
    receipts: Receipts,
    _share: Share,
}

impl LineBatch {
    /// The `spans` must lie within the `buffer`.
    pub fn new(
        buffer: Arc<[u8]>,
        spans: Arc<[Range<u32>]>,
        numbering: Numbering,
        share: Share,
    ) -> Self {
        Self {
            receipts: Receipts::new(spans.len()),
            buffer,
            spans,
            numbering,
            _share: share,
        }
    }
}

impl RecordBatch for LineBatch {
    fn len(&self) -> usize {
        self.spans.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        let span = &self.spans[index];
        Record {
            payload: Some(&self.buffer[span.start as usize..span.end as usize]),
            key: None,
            timestamp: None,
            origin: Origin::Line {
                source: &self.numbering.source,
                number: (self.numbering.first + index as u64) / self.numbering.stride,
            },
            headers: &(),
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }
}
