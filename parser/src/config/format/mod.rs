//! The canonical layout of a configuration, for `kelp fmt`.
//!
//! Two spaces of indentation, one space around `=>` and operators, one entry per line. What was written in one line stays in one
//! line, but for sections and branches; single blank lines stay. Strings, regexes and field references are copied as they are,
//! and every comment is kept. Formatting twice changes nothing more.

mod print;
mod read;

use super::diagnostic::{Diagnostic, Severity};
use super::grammar::{ParseOptions, parse_file};
use super::source::{FileId, SourceMap};

/// Lays out one file of `sources`. A file with syntax errors is not touched; its errors are returned instead.
///
/// Line breaks stay those of the file (the first one decides); a byte order mark is dropped.
pub fn format(sources: &SourceMap, file: FileId) -> Result<String, Vec<Diagnostic>> {
    let (_, diagnostics) = parse_file(sources, file, &ParseOptions::default());
    if diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
    {
        return Err(diagnostics);
    }
    let text = sources.text(file);
    let windows = text
        .find('\n')
        .is_some_and(|newline| text[..newline].ends_with('\r'));
    let layout = read::read(file, text);
    Ok(print::print(&layout, if windows { "\r\n" } else { "\n" }))
}

/// What stands between two brackets, or a whole file.
#[derive(Default)]
struct Group<'s> {
    entries: Vec<Entry<'s>>,
    /// One entry per line; otherwise all in one line.
    broken: bool,
    /// The comments behind the opening bracket.
    opening: Vec<&'s str>,
    /// The comments before the closing bracket.
    closing: Vec<Comment<'s>>,
}

/// A comment in its own line.
struct Comment<'s> {
    text: &'s str,
    /// After an empty line.
    spaced: bool,
}

/// A section, plugin, branch, option, hash entry or list element.
struct Entry<'s> {
    /// The comments before it.
    leading: Vec<Comment<'s>>,
    /// After an empty line.
    spaced: bool,
    /// In the line of the entry before it; lists of pairs or triples are written so.
    joined: bool,
    content: Content<'s>,
    /// The comments behind it, in its line.
    trailing: Vec<&'s str>,
}

enum Content<'s> {
    /// `name { ... }`: a section or a plugin.
    Named(&'s str, Group<'s>),
    /// `if ... { ... } else ...`
    Branches(Vec<Branch<'s>>),
    /// `key => value`
    Pair(&'s str, Value<'s>),
    /// An element of a list.
    Element(Value<'s>),
}

struct Branch<'s> {
    /// The comments before `else`.
    leading: Vec<&'s str>,
    /// `if` or `else` and the condition; broken before `and` and `or` where it was.
    head: Vec<String>,
    body: Group<'s>,
}

enum Value<'s> {
    /// A string, word or number.
    Plain(&'s str),
    List(Group<'s>),
    Hash(Group<'s>),
    Plugin(&'s str, Group<'s>),
}
