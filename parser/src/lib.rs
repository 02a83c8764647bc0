//! What a Logstash configuration file means: the configuration language, events, codecs and filters.
//!
//! This crate is pure. It knows neither Kafka nor Elasticsearch, does no network I/O and starts no
//! threads: bytes go in, events come out.

mod big_decimal;
pub mod charset;
pub mod codec;
pub mod codecs;
pub mod condition;
pub mod config;
pub mod event;
pub mod filter;
pub mod filters;
pub mod flow;
pub mod grok;
mod groks_ahead;
mod host;
pub mod in_flight;
pub mod input;
pub mod join;
pub mod json;
pub mod lint;
pub mod pipeline;
pub mod receipt;
pub mod record;
pub mod regex;
pub mod resolver;
mod ruby;
pub mod spec;
pub mod time;

/// The atomics of `receipt`; a test puts loom's in their place.
mod sync {
    pub use std::sync::atomic::{AtomicU32, Ordering};
}
