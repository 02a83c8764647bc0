//! Real servers for tests and for a local run: one Apache Kafka broker and one Elasticsearch (or OpenSearch) node.
//!
//! Everything comes from Maven Central through `mvn`, once, into a cache. A server gets a data folder and loopback ports of its own, is ready
//! when its API says so, and ends with the process that started it, however that process ends. A development tool: the product never
//! depends on it, and it knows nothing of the product.
//!
//! ```no_run
//! use kelp_harness::{Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions};
//! let kafka = Kafka::start(KafkaOptions::default())?;
//! let elasticsearch = Elasticsearch::start(ElasticsearchOptions::default())?;
//! println!("{} {}", kafka.bootstrap(), elasticsearch.url());
//! # Ok::<(), kelp_harness::Error>(())
//! ```

mod client;
mod distribution;
mod elasticsearch;
mod error;
mod guard;
mod java;
mod kafka;
mod ports;
mod probe;
mod service;

pub use client::Client;
pub use distribution::{Distribution, cache_folder};
pub use elasticsearch::{Elasticsearch, ElasticsearchOptions, PASSWORD, USER};
pub use error::Error;
pub use java::Jdk;
pub use kafka::{Kafka, KafkaOptions};
pub use ports::free as free_port;
pub use service::Service;

/// What can fail here always fails with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
