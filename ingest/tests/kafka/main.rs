//! The `kafka` input against librdkafka's mock broker.

#![allow(clippy::unwrap_used)]

mod delivery;
mod holes;
mod no_brokers;
mod rebalance;
mod support;
