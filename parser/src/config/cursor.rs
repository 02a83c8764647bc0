//! Walks over one text: white space, comments, and the smallest pieces of the language.
//!
//! The language has no separate tokens: `[` opens a field reference in a condition and a list in a value, `/` opens a regex only
//! where an operand may stand. So the grammar asks the cursor for the piece that may come next. Positions are bytes, always
//! on character boundaries. Nothing in here reports errors.

use super::source::{FileId, Span};

/// A place in one text.
#[derive(Clone)]
pub(super) struct Cursor<'s> {
    pub(super) file: FileId,
    pub(super) text: &'s str,
    pub(super) at: usize,
}

/// A quoted string or a regex, as found in the text.
pub(super) struct Delimited<'s> {
    /// Without the delimiters.
    pub(super) content: &'s str,
    /// With the delimiters.
    pub(super) span: Span,
    /// Whether the closing delimiter was found; if not, the content runs to the end of the text.
    pub(super) closed: bool,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(file: FileId, text: &'s str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self { file, text, at }
    }

    pub(super) fn rest(&self) -> &'s str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn looking_at(&self, expected: &str) -> bool {
        self.rest().starts_with(expected)
    }

    pub(super) fn eat(&mut self, expected: &str) -> bool {
        let found = self.looking_at(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    /// Steps over one character.
    pub(super) fn skip_char(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Where something stands that was read from `start` to `end`. Whoever recovers from a mistake may have gone back before its
    /// start: it is empty then.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span {
            file: self.file,
            start: start as u32,
            end: end.max(start) as u32,
        }
    }

    pub(super) fn slice(&self, span: Span) -> &'s str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// Steps over white space and comments.
    pub(super) fn skip_trivia(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            if !self.looking_at("#") {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// What stands after white space and comments, without moving.
    pub(super) fn after_trivia(&self) -> Cursor<'s> {
        let mut ahead = self.clone();
        ahead.skip_trivia();
        ahead
    }

    /// Where the line of `at` starts.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Where the line of `at` ends, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |newline| at + newline);
        if self.text[at..end].ends_with('\r') {
            end - 1
        } else {
            end
        }
    }

    /// How far the line of `at` is indented; a tab counts as one.
    pub(super) fn indent(&self, at: usize) -> usize {
        let line = &self.text[self.line_start(at)..];
        line.len() - line.trim_start_matches([' ', '\t', '\u{feff}']).len()
    }

    /// Whether only white space stands before `at` in its line.
    pub(super) fn first_in_line(&self, at: usize) -> bool {
        let before = self.text[..at].trim_end_matches([' ', '\t', '\u{feff}']);
        before.is_empty() || before.ends_with('\n')
    }

    /// The name of a plugin or an option: `[A-Za-z0-9_-]+`.
    pub(super) fn name(&self) -> &'s str {
        let rest = self.rest();
        &rest[..prefix(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-')]
    }

    /// Whether `word` stands here and no longer word starts with it.
    pub(super) fn at_word(&self, word: &str) -> bool {
        self.rest().strip_prefix(word).is_some_and(|after| {
            !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        })
    }

    /// A word without quotes: a letter or `_`, then letters, digits and `_`. Logstash wants two characters at least.
    pub(super) fn bareword(&self) -> &'s str {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return "";
        }
        &rest[..prefix(rest, |c| c.is_ascii_alphanumeric() || c == '_')]
    }

    /// A number: `-`? digits, then perhaps `.` and digits.
    pub(super) fn number(&self) -> &'s str {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let digits = prefix(&rest[sign..], |c| c.is_ascii_digit());
        if digits == 0 {
            return "";
        }
        let mut end = sign + digits;
        if rest[end..].starts_with('.') {
            end += 1;
            end += prefix(&rest[end..], |c| c.is_ascii_digit());
        }
        &rest[..end]
    }

    /// A string or regex that starts here with its delimiter. Within it, only a backslash right before the delimiter keeps it
    /// open; a backslash before a backslash means nothing, so `"C:\"` and `"C:\\"` both stay open, as in Logstash.
    pub(super) fn delimited(&mut self) -> Delimited<'s> {
        let start = self.at;
        let delimiter = self.text.as_bytes()[start];
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        let closed = loop {
            match bytes.get(end) {
                None => break false,
                Some(&byte) if byte == delimiter => break true,
                Some(b'\\') if bytes.get(end + 1) == Some(&delimiter) => end += 2,
                Some(_) => end += 1,
            }
        };
        self.at = end + usize::from(closed);
        Delimited {
            content: &self.text[start + 1..end],
            span: self.span(start, self.at),
            closed,
        }
    }

    /// A field reference: one or more `[...]` side by side, with neither brackets nor commas in them.
    pub(super) fn selector(&self) -> &'s str {
        let rest = self.rest();
        let mut end = 0;
        while let Some(inside) = rest[end..].strip_prefix('[') {
            let length = prefix(inside, |c| !matches!(c, '[' | ']' | ','));
            if length == 0 || !inside[length..].starts_with(']') {
                break;
            }
            end += length + 2;
        }
        &rest[..end]
    }

    /// What a message should underline here: a string, a word with whatever sticks to it, or one character.
    pub(super) fn offending(&self) -> Span {
        let rest = self.rest();
        let length = match self.peek() {
            None => 0,
            Some('"' | '\'') => {
                let end = self.clone().delimited().span.end as usize;
                end.min(self.line_end(self.at)) - self.at
            }
            Some(first @ ('{' | '}' | '[' | ']' | '(' | ')' | ',')) => first.len_utf8(),
            Some(first) => prefix(rest, |c| {
                !c.is_whitespace()
                    && !matches!(
                        c,
                        '{' | '}' | '[' | ']' | '(' | ')' | ',' | '"' | '\'' | '#'
                    )
            })
            .max(first.len_utf8()),
        };
        self.span(self.at, self.at + length)
    }
}

/// How many bytes at the start of `text` consist of such characters.
fn prefix(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}
