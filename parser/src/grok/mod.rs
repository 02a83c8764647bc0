//! Grok: regular expressions made of named patterns, as Logstash's grok filter has them.
//!
//! The way of a pattern: [`Library`] knows the named patterns (the stock ones and the user's),
//! `expand` writes them out into one regular expression, [`Grok`] compiles that and knows which
//! capture goes into which field, and as what. [`explain`](Grok::explain) says where a line stopped
//! matching. Nothing here knows events or the filter's options.

mod compile;
mod expand;
mod explain;
mod library;
mod misses;
mod pieces;
mod reference;
mod ruby_number;
mod suggest;

pub use compile::{Capture, Coercion, Grok, GrokError, list};
pub use explain::{Expected, Explanation, Step};
pub use library::{Library, PatternFileError, PatternSet};
pub use misses::{Miss, Misses, Stops};
pub use ruby_number::{Integer, to_f, to_i};
pub use suggest::{Suggester, Suggestion};
