//! The filters, one in each file. [`crate::filter::FILTERS`] lists them.

pub mod bytes;
pub mod cidr;
pub mod csv;
pub mod date;
pub mod de_dot;
pub mod dissect;
pub mod drop;
pub mod grok;
pub mod json;
pub mod kv;
pub mod mutate;
pub mod sleep;
pub mod syslog_pri;
pub mod truncate;
pub mod urldecode;
pub mod uuid;
