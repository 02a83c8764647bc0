//! The commands, one in each file.

pub mod demo;
pub mod filter;
pub mod grok;
pub mod run;
