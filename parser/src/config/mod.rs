//! The Logstash configuration language: source text to syntax tree, and errors that show where.

pub mod ast;
mod condition;
mod cursor;
mod diagnostic;
mod escape;
mod format;
mod grammar;
mod mistakes;
mod number;
mod operand;
mod recovery;
mod render;
mod resolve;
mod source;
mod suggest;
mod value;

pub use diagnostic::{Diagnostic, Severity};
pub use format::format;
pub use grammar::{ParseOptions, parse};
pub use number::Number;
pub use render::render;
pub use resolve::resolve;
pub use source::{FileId, SourceMap, Span};
pub use suggest::nearest;
