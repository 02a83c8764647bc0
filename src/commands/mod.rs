//! The commands, one in each file.

pub mod filter;
pub mod run;
