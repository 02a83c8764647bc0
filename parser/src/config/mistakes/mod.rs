//! What to say about each mistake: the words of every syntax error, and how the usual ones are recognised.
//!
//! Users write what other languages taught them. Where it is clear what was meant, the message says what to write instead.

mod conditions;
mod structure;
mod values;

pub(super) use conditions::*;
pub(super) use structure::*;
pub(super) use values::*;

use super::cursor::Cursor;
use super::diagnostic::Diagnostic;
use super::source::Span;

/// A mistake that is clear from a fixed text.
fn mistake(
    span: Span,
    message: impl Into<String>,
    label: &str,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::error(span, message).label(label).help(help)
}

/// `expected ..., found ...` about what stands at the cursor.
pub(super) fn expected(cursor: &Cursor, what: &str) -> Diagnostic {
    let span = cursor.offending();
    let diagnostic = Diagnostic::error(span, format!("expected {what}, found {}", found(cursor)));
    if cursor.looking_at("//") || cursor.looking_at("/*") {
        diagnostic.help("a comment starts with `#` and ends with its line")
    } else {
        diagnostic
    }
}

fn found(cursor: &Cursor) -> String {
    match cursor.slice(cursor.offending()) {
        "" => "the end of the file".to_owned(),
        text => format!("`{}`", shortened(text)),
    }
}

/// The first 40 characters.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// `text` in quotes that it does not contain itself.
fn quoted(text: &str) -> String {
    if text.contains('"') {
        format!("'{text}'")
    } else {
        format!("\"{text}\"")
    }
}
