//! Where events go.

pub mod output;

pub use output::{Output, OutputConfig, OutputStats, Provenance, StartContext, StartError, Writer};
