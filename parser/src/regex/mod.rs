//! Regular expressions in Ruby (Oniguruma) syntax, tuned for log lines and bounded on hostile ones.
//!
//! The semantics are those of joni as Logstash uses it: leftmost-first backtracking over UTF-8 text. A pattern is
//! parsed to a tree, compiled to a program and run by a backtracking matcher that never recurses on the text. A match
//! costs a bounded number of steps; beyond the budget it is given up with [`BudgetExceeded`].
//!
//! What makes it fast where a line matches: the compiler proves which runs nothing can be gained from giving back, joins
//! what mostly comes together into fields (a run, its capture, the text after it, a dispatch on the next byte), which the
//! matcher goes through in a loop of their own, compares blocks of bytes at once, and has matchers written by hand for the
//! sub-patterns that most log patterns are made of.
//!
//! ```
//! use kelp_parser::regex::{Options, Regex, Scratch};
//! let regex = Regex::new(r"(?<verb>\w+) (?<path>\S+)", Options::default()).unwrap();
//! let mut scratch = Scratch::default();
//! assert!(regex.captures_at("GET /index.html", 0, &mut scratch).unwrap());
//! assert_eq!(scratch.span(2), Some((4, 15)));
//! ```

mod analysis;
mod ast;
mod automaton;
mod block;
mod byteset;
mod cache;
mod class;
mod compile;
mod factor;
mod factors;
mod fuse;
mod known;
mod list;
mod memo;
mod parse;
mod parse_case;
mod parse_class;
mod parse_reference;
mod prefilter;
mod program;
mod relax;
mod scan;
mod search;
mod shift_and;
mod superset;
mod table;
#[cfg(test)]
#[path = "../../tests/support/regex_cases.rs"]
pub(crate) mod test_cases;
#[cfg(test)]
#[path = "../../tests/support/samples.rs"]
mod test_samples;
#[cfg(test)]
#[path = "../../tests/support/texts.rs"]
mod test_texts;
mod together;
mod vm;
mod vm_assert;
mod vm_fields;
mod vm_runs;

pub(crate) use cache::RegexCache;
pub(crate) use class::is_printable;
pub use list::{Attempts, RegexList};
pub use search::{Budget, Scratch};

use program::Program;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
#[cfg(test)]
use test_cases as cases;

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Ruby's `/m`: `.` matches a newline too. Grok compiles its patterns with it.
    pub multiline: bool,
    /// Ruby's `/i`, with Unicode case folding.
    pub ignore_case: bool,
    /// Ruby's `/x`: white space and `#` comments in the pattern are skipped.
    pub extended: bool,
}

/// A compiled pattern: immutable, cheap to clone and to share between threads, matched with a [`Scratch`] per thread.
#[derive(Clone)]
pub struct Regex(Arc<Inner>);

struct Inner {
    pattern: Box<str>,
    names: Vec<(String, Vec<u32>)>,
    program: Program,
}

/// Why a pattern cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegexError {
    /// What is wrong, or which construct is not supported.
    pub message: String,
    /// The bytes of the pattern that are at fault.
    pub span: Range<usize>,
}

/// A match was given up: it took more steps than the budget allows, or was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the match was given up: it took more steps than its budget allows")]
pub struct BudgetExceeded;

impl RegexError {
    fn new(message: impl Into<String>, span: Range<usize>) -> RegexError {
        RegexError {
            message: message.into(),
            span,
        }
    }
}

impl Regex {
    /// Compiles a pattern. The error names what is wrong or unsupported, and where.
    pub fn new(pattern: &str, options: Options) -> Result<Regex, RegexError> {
        let parsed = parse::parse(pattern, options)?;
        let program = compile::compile(parsed.node, parsed.group_count, pattern)?;
        Ok(Regex(Arc::new(Inner {
            pattern: pattern.into(),
            names: parsed.names,
            program,
        })))
    }

    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        let names = self.0.names.iter();
        let names = names.map(|(name, groups)| 64 + name.len() + size_of_val(&groups[..]));
        self.0.pattern.len() + names.sum::<usize>() + self.0.program.size()
    }

    /// The names of groups in order of first appearance, each with its group numbers: several groups may have one name.
    pub fn capture_names(&self) -> impl Iterator<Item = (&str, &[u32])> {
        self.0
            .names
            .iter()
            .map(|(name, groups)| (&name[..], &groups[..]))
    }

    /// Number of capture groups, group 0 (the whole match) not counted. Plain groups do not capture when any group has
    /// a name.
    pub fn group_count(&self) -> usize {
        self.0.program.groups - 1
    }

    /// What `key` gives for two groups of this pattern which one match can both set. For those who check patterns: the
    /// pattern is read anew, with the `options` that it was compiled with.
    pub(crate) fn set_together<K: Ord + Clone>(
        &self,
        options: Options,
        key: impl Fn(u32) -> Option<K>,
    ) -> BTreeSet<K> {
        parse::parse(&self.0.pattern, options)
            .map(|parsed| together::set_together(&parsed.node, &key))
            .unwrap_or_default()
    }

    /// Finds the leftmost match that begins at byte `start` or later (moved up to a character boundary); its spans are
    /// then in `scratch`. What precedes `start` is visible to look-behind and anchors.
    pub fn captures_at(
        &self,
        haystack: &str,
        start: usize,
        scratch: &mut Scratch,
    ) -> Result<bool, BudgetExceeded> {
        self.captures_within(haystack, start, scratch, Budget::default())
    }

    /// As [`Regex::captures_at`], with a budget of the caller's choice.
    pub fn captures_within(
        &self,
        haystack: &str,
        start: usize,
        scratch: &mut Scratch,
        budget: Budget<'_>,
    ) -> Result<bool, BudgetExceeded> {
        let program = &self.0.program;
        let mut may_match =
            |from: usize, caches: &mut _| program.prefilter.may_match(haystack, from, caches);
        search::search(program, haystack, start, scratch, budget, &mut may_match)
    }

    /// Whether the pattern matches anywhere.
    pub fn is_match(&self, haystack: &str, scratch: &mut Scratch) -> Result<bool, BudgetExceeded> {
        self.captures_at(haystack, 0, scratch)
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.0.pattern)
    }
}
