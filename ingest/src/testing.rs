//! Batches for the tests of what keeps account of them.

use std::sync::Arc;

use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, Record, RecordBatch};

/// Records with the given offsets and no content.
pub struct Offsets {
    pub offsets: Vec<i64>,
    pub receipts: Receipts,
}

impl RecordBatch for Offsets {
    fn len(&self) -> usize {
        self.offsets.len()
    }
    fn record(&self, index: usize) -> Record<'_> {
        Record {
            payload: None,
            key: None,
            timestamp: None,
            origin: Origin::Kafka {
                topic: "t",
                partition: 0,
                offset: self.offsets[index],
            },
            headers: &(),
        }
    }
    fn receipts(&self) -> &Receipts {
        &self.receipts
    }
}

/// Records with these offsets.
pub fn batch(offsets: impl IntoIterator<Item = i64>) -> Arc<Offsets> {
    let offsets: Vec<i64> = offsets.into_iter().collect();
    Arc::new(Offsets {
        receipts: Receipts::new(offsets.len()),
        offsets,
    })
}
