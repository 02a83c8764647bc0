//! The commands, one in each file.

pub mod demo;
pub mod filter;
pub mod grok;
pub mod health;
pub mod run;
pub mod sample_logs;
pub mod setup;
