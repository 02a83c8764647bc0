//! End to end: the `kelp` program between a real Kafka and a real Elasticsearch.
//!
//! Ignored by a plain `cargo test`, since the servers are downloaded; `./test e2e` runs it. All tests share one pair of servers and keep to
//! topics, groups and indices of their own; a test that disturbs a server has the pair for itself (see `support::servers`).
//! `KELP_SERVER` chooses the server (`elasticsearch-9.4.3`, `opensearch-3.8.0`), `KELP_E2E_SCALE` multiplies the number of messages,
//! `KELP_BINARY` names another `kelp`, such as a release build; `KELP_OPTIMIZING` gives Elasticsearch the JVM's optimising compiler, as outside
//! of tests, for what is measured.

#![allow(clippy::unwrap_used)]

mod support;

mod access_lines;
mod chaos;
mod configurations;
mod connected;
mod crash;
mod dashboards;
mod dead_letters;
mod failover;
mod memory;
mod multiline;
mod outage;
mod poison;
mod rates;
mod rejection;
mod reload;
mod security;
mod setup;
mod ship;
mod ship_faults;
mod shutdown;
