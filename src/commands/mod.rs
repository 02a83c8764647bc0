//! The commands, one in each file.

pub mod check;
mod colour;
pub mod demo;
pub mod dlq;
pub mod filter;
pub mod fmt;
pub mod grok;
pub mod health;
pub mod reference;
pub mod run;
pub mod sample_logs;
pub mod setup;
pub mod ship;
pub mod test;
mod undelivered;
