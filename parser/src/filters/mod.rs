//! The filters, one in each file. [`crate::filter::FILTERS`] lists them.

pub mod bytes;
pub mod cidr;
pub mod clone;
pub mod csv;
pub mod date;
pub mod de_dot;
pub mod dissect;
pub mod drop;
pub mod elapsed;
pub mod fingerprint;
pub mod grok;
pub mod json;
pub mod json_encode;
pub mod kv;
pub mod metrics;
pub mod mutate;
pub mod prune;
mod regex_template;
pub mod sleep;
pub mod split;
pub mod syslog_pri;
pub mod throttle;
pub mod translate;
pub mod truncate;
pub mod urldecode;
pub mod useragent;
pub mod uuid;
