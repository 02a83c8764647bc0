//! The output `elasticsearch`: its options, what they mean together, and the writers that turn
//! events into bulk bodies.

mod config;
mod connection;
mod derived_id;
mod options;
mod output;
mod target;
mod template;
mod update;
mod writer;

pub use config::Elasticsearch;
pub use options::ElasticsearchOptions;

#[cfg(test)]
mod tests;
