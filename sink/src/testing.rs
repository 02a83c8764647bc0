//! What this crate's tests share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use kelp_parser::config::ast::{Plugin, Statement};
use kelp_parser::config::{ParseOptions, SourceMap, parse};
use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, Record, RecordBatch};

/// Records as Kafka would give them: topic `test`, partition 3, offsets from 100. The pipeline's own
/// hold is given back already, so that what is left are the holds of documents.
pub(crate) struct TestBatch {
    payloads: Vec<Vec<u8>>,
    receipts: Receipts,
}

impl TestBatch {
    pub(crate) fn of(payloads: &[&[u8]]) -> Self {
        Self {
            payloads: payloads.iter().map(|payload| payload.to_vec()).collect(),
            receipts: Receipts::new(payloads.len()),
        }
    }

    /// For each record, the holds that documents still have on it. This gives back the pipeline's
    /// hold, so it can be asked once.
    pub(crate) fn holds(&self) -> Vec<u32> {
        (0..self.payloads.len() as u32)
            .map(|record| {
                self.receipts.settle(record);
                let mut holds = 0;
                while !self.receipts.is_settled(record) {
                    self.receipts.settle(record);
                    holds += 1;
                }
                holds
            })
            .collect()
    }
}

impl RecordBatch for TestBatch {
    fn len(&self) -> usize {
        self.payloads.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        Record {
            payload: Some(&self.payloads[index]),
            key: None,
            timestamp: None,
            origin: Origin::Kafka {
                topic: "test",
                partition: 3,
                offset: 100 + index as i64,
            },
            headers: &(),
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }
}

/// A directory that goes with its owner.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("kelp-sink-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The one plugin of an output section.
pub(crate) fn output_plugin(text: &str) -> Plugin {
    let mut sources = SourceMap::default();
    sources.add("test.conf", format!("output {{ {text} }}"));
    let (config, diagnostics) = parse(&sources, &ParseOptions::default());
    assert_eq!(diagnostics, [], "{text}");
    match config.sections[0].body[0].clone() {
        Statement::Plugin(plugin) => plugin,
        Statement::If(_) => unreachable!(),
    }
}
