//! The Logstash configuration language: source text to syntax tree, and errors that show where.

pub mod ast;
mod diagnostic;
mod source;
mod suggest;

pub use diagnostic::{Diagnostic, Severity};
pub use source::{FileId, SourceMap, Span};
pub use suggest::nearest;
