//! The filters, one in each file. [`crate::filter::FILTERS`] lists them.

pub mod csv;
pub mod date;
pub mod dissect;
pub mod drop;
pub mod grok;
pub mod json;
pub mod kv;
pub mod mutate;
