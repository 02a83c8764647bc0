//! Says where a line stopped matching a pattern.
//!
//! The pattern is cut into pieces; the longest run of pieces from its start that still matches the
//! line is looked for, then the piece after it is looked into in the same way, until what remains is
//! plain text or has no parts. This compiles dozens of expressions: it is for people and for
//! samples, not for every event.

use std::fmt;

use super::compile::{Grok, compile_regex};
use super::expand::expand;
use super::library::Library;
use super::pieces::{Kind, Piece, alternatives};
use crate::regex::{Budget, Scratch};

/// How many expressions one explanation may compile.
const TRIALS_MAX: usize = 400;

/// How many steps of matching one explanation may take, and one in haste.
const STEPS_MAX: u64 = 100_000_000;
const HASTY_STEPS_MAX: u64 = 2_000_000;

/// How deep it may look into patterns and groups.
const DEPTH_MAX: usize = 40;

/// How many characters of the line a description shows on either side of the place.
const EXCERPT_CHARS: usize = 24;

/// How far a line followed a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Where in the line the part that matched starts and ends, in bytes.
    pub matched_prefix: std::ops::Range<usize>,
    /// The character after that part, counted from 1.
    pub column: usize,
    /// What could have followed there; more than one where the pattern has alternatives.
    /// Empty where the whole pattern matched.
    pub expected: Vec<Expected>,
}

/// One thing that could have followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The named patterns in which it stands, outermost first.
    pub path: Vec<Step>,
    /// The part of the expression that did not match.
    pub text: String,
}

/// A reference on the way to the place where a pattern stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The pattern's name.
    pub pattern: String,
    /// The field it captures into.
    pub field: Option<String>,
}

/// How many things that could have followed a description names.
const ALTERNATIVES: usize = 4;

impl Explanation {
    /// Says it in one line, with a few characters of the line itself.
    pub fn describe(&self, line: &str) -> String {
        self.describe_with(line, "the line ends there")
    }

    /// The same of a line of which only the start was looked at.
    pub(super) fn describe_start(&self, start: &str) -> String {
        let end = format!(
            "of the line only the {} bytes up to there were looked at",
            start.len()
        );
        self.describe_with(start, &end)
    }

    /// `end` is what is said where all of the line was matched.
    fn describe_with(&self, line: &str, end: &str) -> String {
        let matched = &line[self.matched_prefix.clone()];
        let Some(first) = self.expected.first() else {
            return "the whole pattern matched".to_owned();
        };
        let mut texts: Vec<String> = Vec::new();
        for one in &self.expected {
            let text = format!("`{}`", one.text);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        if texts.len() > ALTERNATIVES {
            let others = texts.len() - ALTERNATIVES;
            texts.truncate(ALTERNATIVES);
            texts.push(format!("{others} others"));
        }
        let path: Vec<String> = first.path.iter().map(Step::to_string).collect();
        let within = match path.is_empty() {
            true => String::new(),
            false => format!(" (in {})", path.join(" > ")),
        };
        let before = matched.char_indices().rev().nth(EXCERPT_CHARS - 1);
        let before = &matched[before.map_or(0, |(at, _)| at)..];
        let rest: String = line[self.matched_prefix.end..]
            .chars()
            .take(EXCERPT_CHARS)
            .collect();
        let found = if rest.is_empty() {
            end.to_owned()
        } else {
            format!("found `{}`", on_one_line(&rest))
        };
        let before = on_one_line(before);
        let after = match before.is_empty() {
            true => String::new(),
            false => format!("after `{before}` "),
        };
        format!(
            "column {}: {after}expected {}{within}, {found}",
            self.column,
            texts.join(" or ")
        )
    }
}

/// Line feeds and other control characters as they are written in patterns.
fn on_one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => out.extend(character.escape_debug()),
            false => out.push(character),
        }
    }
    out
}

/// Prints a reference as it is written, without `%{}`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)?;
        match &self.field {
            Some(field) => write!(f, ":{field}"),
            None => Ok(()),
        }
    }
}

impl Grok {
    /// Says how far `line` follows this pattern. `library` is the one it was compiled with.
    pub fn explain(&self, library: &Library, line: &str) -> Explanation {
        Explainer::new(library).explain(self, line)
    }
}

/// Makes explanations.
pub(super) struct Explainer<'l> {
    library: &'l Library,
    /// Steps of matching that may still be taken.
    steps: u64,
}

impl<'l> Explainer<'l> {
    /// For somebody who waits for the answer.
    pub(super) fn new(library: &'l Library) -> Self {
        Self {
            library,
            steps: STEPS_MAX,
        }
    }

    /// For a sample: an explanation of a hostile line may be less exact, but takes no more than some ten milliseconds
    /// of matching.
    pub(super) fn in_haste(library: &'l Library) -> Self {
        Self {
            library,
            steps: HASTY_STEPS_MAX,
        }
    }

    /// Says how far `line` follows a pattern.
    pub(super) fn explain(&self, grok: &Grok, line: &str) -> Explanation {
        let mut search = Search {
            library: self.library,
            line,
            scratch: Scratch::default(),
            trials: 0,
            steps: self.steps,
            end: 0,
            start: 0,
            expected: Vec::new(),
        };
        if let Some((start, end)) = search.try_match(grok.source(), "", 0) {
            search.start = start;
            search.end = end;
        } else {
            let mut path = Vec::new();
            search.look_into(grok.source(), "", 0, &mut path);
        }
        Explanation {
            matched_prefix: search.start..search.end,
            column: line[..search.end].chars().count() + 1,
            expected: search.expected,
        }
    }
}

struct Search<'t> {
    library: &'t Library,
    line: &'t str,
    scratch: Scratch,
    trials: usize,
    steps: u64,
    /// The best end so far, and where that match started.
    end: usize,
    start: usize,
    expected: Vec<Expected>,
}

impl Search<'_> {
    /// Looks for the place in `pattern` where the line stops; `before` is the expression up to it,
    /// in which `open` groups are open.
    fn look_into(&mut self, pattern: &str, before: &str, open: usize, path: &mut Vec<Step>) {
        for pieces in alternatives(pattern) {
            let (matched, span) = self.longest_run(&pieces, before, open);
            let Some(failed) = pieces.get(matched) else {
                continue;
            };
            let (start, end) = span.unwrap_or((0, 0));
            let so_far: String = pieces[..matched].iter().map(|piece| piece.text).collect();
            let so_far = format!("{before}{so_far}");
            let may_descend = open < DEPTH_MAX && self.trials < TRIALS_MAX;
            match failed.kind {
                Kind::Reference(reference) if may_descend => {
                    path.push(Step {
                        pattern: reference.name.to_owned(),
                        field: reference.field.map(str::to_owned),
                    });
                    match self.library.get(reference.name) {
                        Some(inner) if has_parts(inner) => {
                            let inner = inner.to_owned();
                            self.look_into(&inner, &format!("{so_far}(?:"), open + 1, path);
                        }
                        _ => self.stop(start, end, path, failed.text),
                    }
                    path.pop();
                }
                Kind::Group {
                    open: opening,
                    inner,
                } if may_descend => {
                    self.look_into(inner, &format!("{so_far}{opening}"), open + 1, path);
                }
                _ => self.stop(start, end, path, &text_run(&pieces[matched..])),
            }
        }
    }

    /// How many pieces from the start match the line together, and where the match lies.
    fn longest_run(
        &mut self,
        pieces: &[Piece<'_>],
        before: &str,
        open: usize,
    ) -> (usize, Option<(usize, usize)>) {
        let (mut low, mut high) = (0, pieces.len());
        let mut span = self.try_match("", before, open);
        // Whatever matches with more pieces matches with fewer.
        while low < high {
            let middle = (low + high).div_ceil(2);
            let run: String = pieces[..middle].iter().map(|piece| piece.text).collect();
            match self.try_match(&run, before, open) {
                Some(found) => {
                    low = middle;
                    span = Some(found);
                }
                None => high = middle - 1,
            }
        }
        (low, span)
    }

    fn try_match(&mut self, run: &str, before: &str, open: usize) -> Option<(usize, usize)> {
        self.trials += 1;
        if self.trials > TRIALS_MAX {
            return None;
        }
        let text = format!("{before}{run}{}", ")".repeat(open));
        let expression = expand(&text, self.library, true).ok()?;
        let regex = compile_regex(&expression).ok()?;
        let budget = Budget {
            steps: self.steps,
            keep_going: None,
        };
        let found = regex.captures_within(self.line, 0, &mut self.scratch, budget);
        self.steps -= self.scratch.steps().min(self.steps);
        match found {
            Ok(true) => self.scratch.span(0),
            _ => None,
        }
    }

    /// Notes a place where the pattern stopped, unless one further on is known.
    fn stop(&mut self, start: usize, end: usize, path: &[Step], text: &str) {
        if end < self.end {
            return;
        }
        if end > self.end {
            self.expected.clear();
            (self.start, self.end) = (start, end);
        }
        let expected = Expected {
            path: path.to_vec(),
            text: text.to_owned(),
        };
        if !self.expected.contains(&expected) {
            self.expected.push(expected);
        }
    }
}

/// Whether it is worth looking into a definition: it refers to others, or says literally what it wants.
fn has_parts(definition: &str) -> bool {
    super::reference::find(definition, 0).is_some()
}

/// The pieces up to the next reference or group.
fn text_run(pieces: &[Piece<'_>]) -> String {
    pieces
        .iter()
        .take_while(|piece| piece.kind == Kind::Atom)
        .map(|piece| piece.text)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::library::PatternSet;
    use super::*;

    /// What matched, and what was expected where: `NAME:field > NAME: text` for each.
    fn explained(pattern: &str, line: &str) -> (String, usize, Vec<String>) {
        let library = Library::new(PatternSet::Legacy);
        let grok = Grok::compile(pattern, &library, true).unwrap();
        let found = grok.explain(&library, line);
        let expected = found.expected.iter().map(|expected| {
            let steps: Vec<String> = expected.path.iter().map(Step::to_string).collect();
            format!("{}: {}", steps.join(" > "), expected.text)
        });
        (
            line[found.matched_prefix.clone()].to_owned(),
            found.column,
            expected.collect(),
        )
    }

    #[test]
    fn a_match_expects_nothing() {
        let found = explained("a %{INT:n}", "x a 7 y");
        assert_eq!(found, ("a 7".to_owned(), 6, vec![]));
    }

    #[test]
    fn the_place_and_the_pattern_are_named() {
        let line = "192.0.2.7 - - [23/Foo/2026:10:15:30 +0100] \"GET / HTTP/1.1\" 200 1";
        let (matched, column, expected) = explained("%{COMBINEDAPACHELOG}", line);
        assert_eq!(matched, "192.0.2.7 - - [23/");
        assert_eq!(column, 19);
        assert_eq!(
            expected,
            [
                "COMBINEDAPACHELOG > HTTPD_COMBINEDLOG > HTTPD_COMMONLOG > HTTPDATE:timestamp > MONTH: %{MONTH}"
            ]
        );
    }

    #[test]
    fn literal_text_is_expected_as_it_stands() {
        let found = explained("^%{WORD:w}: +<(?:a|b%{INT:n})>$", "kelp: <c>");
        let expected = vec![": a".to_owned(), ": b".to_owned()];
        assert_eq!(found, ("kelp: <".to_owned(), 8, expected));
    }

    #[test]
    fn columns_count_characters() {
        let (matched, column, _) = explained("größe=%{INT:n}", "größe=x");
        assert_eq!((matched.as_str(), column), ("größe=", 7));
    }

    #[test]
    fn an_explanation_fits_in_a_line() {
        let library = Library::new(PatternSet::Legacy);
        let describe = |pattern: &str, line: &str| {
            let grok = Grok::compile(pattern, &library, true).unwrap();
            grok.explain(&library, line).describe(line)
        };
        assert_eq!(
            describe("^%{SYSLOGTIMESTAMP:t} %{WORD:w}", "Nov 23 10:61:00 node"),
            "column 11: after `Nov 23 10:` expected `%{MINUTE}` (in SYSLOGTIMESTAMP:t > TIME > MINUTE), found `61:00 node`"
        );
        assert_eq!(
            describe("%{WORD:w}=(?:a|b)", "key="),
            "column 5: after `key=` expected `a` or `b`, the line ends there"
        );
        assert_eq!(
            describe("%{WORD:w}=(?:a|b|c1|d|a|e|f)", "key="),
            "column 5: after `key=` expected `a` or `b` or `c1` or `d` or 2 others, the line ends there"
        );
        assert_eq!(describe("x", "x"), "the whole pattern matched");
    }
}
