//! Where events go.
//!
//! An output encodes each event right away, in the worker's thread; what is then to be awaited
//! (Elasticsearch, the dead letters) happens elsewhere. This crate does not know where records come
//! from: it gives back the holds on them, and that is all.

mod counters;
pub mod dead_letter;
pub mod double;
pub mod elasticsearch;
mod encoded;
pub mod file;
pub mod lock;
pub mod null;
pub mod output;
mod reason;
pub mod replace;
pub mod stdout;
#[cfg(test)]
mod testing;
mod unencodable;

pub use output::{
    Output, OutputConfig, OutputStats, Provenance, Responses, StartContext, StartError, Writer,
};
pub use reason::Reason;
