//! Delivers bulk requests to Elasticsearch.
//!
//! A worker hands over a [`BulkRequest`]; from then on delivery is responsible for each of its
//! documents until Elasticsearch acknowledged it or it lies in the dead letters. Only then is the
//! document's hold on its record given back. Nothing here knows what a document contains.

mod backoff;
mod client;
mod deliver;
mod hosts;
mod lane;
mod plan;
mod plugin;
mod pool;
#[cfg(test)]
mod recorded;
mod request;
mod response;
mod side_channel;
mod stats;
mod verdict;

pub use client::{Answer, ClientError, ClientSettings, Login, NoAnswer, Node, TlsSettings};
pub use elasticsearch::http::Method;
pub use elasticsearch::http::headers::HeaderValue;
pub use hosts::{HostError, HostUrl};
pub use lane::{BulkDelivery, BulkSender, DeliverySettings};
pub use plugin::{Elasticsearch, ElasticsearchOptions};
pub use request::{BulkRequest, Doc};
pub use response::{Action, FILTER_PATH};
pub use side_channel::SideChannel;
pub use stats::{Held, Stats};
pub use verdict::{Rules, Trouble, Verdict};

#[cfg(test)]
mod tests;
