//! Where events come from: Kafka, and small inputs for trying a pipeline out.
//!
//! Each input runs on threads of its own and hands whole batches of records to the workers over a
//! bounded channel. It knows nothing of filters and outputs: what became of a record it learns from the
//! batch's receipts, and only then does it commit. A record that is never settled delays, it does not
//! get lost. What is in flight is bounded in bytes; an input that reaches the bound waits.

pub mod kafka;
pub mod lines;
mod notice;
pub mod source;
#[cfg(test)]
mod testing;
pub mod watermark;

pub use source::{
    Batch, Drained, InputError, Limits, PartitionStats, Source, SourceState, SourceStats,
};
