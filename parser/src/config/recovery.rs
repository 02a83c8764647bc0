//! Braces, errors, and going on after them.
//!
//! After an error the parser needs to know which brace closes what. It trusts braces first and indentation second: a closing
//! brace or a plugin further left than expected tells which brace is missing. Every function here moves forward only.

use super::cursor::Cursor;
use super::diagnostic::Diagnostic;
use super::grammar::{Abandoned, Parsed, Parser, section_start, statement_start};
use super::mistakes;
use super::source::Span;

/// Deeper nesting than this is refused, so that no input exhausts the stack.
const MAX_DEPTH: usize = 100;

/// More diagnostics than this about one file help nobody; the rest of it is not read.
const MAX_DIAGNOSTICS: usize = 50;

impl Parser<'_> {
    pub(super) fn skip_trivia(&mut self) {
        self.cursor.skip_trivia();
        // White space that other tools insert and nobody sees.
        while let Some(character) = self.cursor.peek().filter(|c| mistakes::is_odd_space(*c)) {
            let start = self.cursor.at;
            self.cursor.skip_char();
            let span = self.cursor.span(start, self.cursor.at);
            self.report(mistakes::odd_space(span, character));
            self.cursor.skip_trivia();
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports that what stands at the cursor makes no sense here; `explain` finds the words. If a string that runs over a
    /// line break ends right here, its closing quote was forgotten, and that is reported instead.
    pub(super) fn fail<T>(&mut self, explain: impl FnOnce(&Cursor) -> Diagnostic) -> Parsed<T> {
        if let Some(string) = self.long_string.take()
            && string.end as usize == self.cursor.at
        {
            self.unclosed_string(string);
            return Err(Abandoned);
        }
        let diagnostic = explain(&self.cursor);
        self.report(diagnostic);
        Err(Abandoned)
    }

    /// Reports a string without its closing quote and goes on at the end of the line where it starts.
    pub(super) fn unclosed_string(&mut self, string: Span) {
        let start = string.start as usize;
        let end = self.cursor.line_end(start);
        let first_line = self.cursor.span(start, end);
        self.report(mistakes::unclosed_string(
            first_line,
            self.cursor.slice(first_line),
        ));
        // A brace that the line closes beyond what it opens was swallowed by the string.
        let line = self.cursor.slice(first_line);
        self.lost |= line.matches('}').count() > line.matches('{').count();
        self.cursor.at = end;
        self.long_string = None;
    }

    /// Steps over an opening brace, bracket or parenthesis.
    pub(super) fn open(&mut self, bracket: &str) -> Parsed<()> {
        let start = self.cursor.at;
        if !self.cursor.eat(bracket) {
            return self.fail(|cursor| mistakes::expected(cursor, &format!("`{bracket}`")));
        }
        let span = self.cursor.span(start, self.cursor.at);
        if self.open.len() >= MAX_DEPTH {
            self.report(mistakes::too_deep(span, MAX_DEPTH));
            self.open.clear();
            self.unwinding = true;
            self.cursor.at = self.cursor.text.len();
            return Err(Abandoned);
        }
        self.open.push(span);
        Ok(())
    }

    /// Whether what was opened last ends here: at its closing bracket, or because that is missing.
    pub(super) fn at_close(&mut self, bracket: &str) -> bool {
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            self.cursor.at = self.cursor.text.len();
            self.unwinding = true;
        }
        if self.unwinding {
            return true;
        }
        let start = self.cursor.at;
        if self.cursor.eat(bracket) {
            let close = self.cursor.span(start, self.cursor.at);
            if let Some(open) = self.open.pop()
                && self.suspect.is_none()
                && self.cursor.first_in_line(start)
                && self.cursor.indent(start) < self.cursor.indent(open.start as usize)
            {
                self.suspect = Some((open, close));
            }
            return true;
        }
        if self.cursor.at_end() || section_start(&self.cursor).is_some() {
            self.unclosed();
            return true;
        }
        false
    }

    /// What was opened last ends without a closing bracket, and that was or will be reported.
    pub(super) fn close_unseen(&mut self) {
        self.open.pop();
    }

    /// Reports a missing closing bracket; every block ends here.
    pub(super) fn unclosed(&mut self) {
        if !self.lost {
            self.report_unclosed();
        }
        self.unwinding = true;
    }

    /// Reports that what was opened last, or by its indentation something before it, is not closed.
    pub(super) fn report_unclosed(&mut self) {
        let name = self.cursor.name();
        let here = self.cursor.at;
        let word = self.cursor.span(here, here + name.len());
        let (open, related) = match (self.suspect, self.open.last()) {
            (Some((open, close)), _) => {
                let label = "this one closes it, but its indentation says it belongs to another";
                (open, (close, label.to_owned()))
            }
            (None, Some(open)) if self.cursor.at_end() => {
                (*open, (word, "the file ends here".to_owned()))
            }
            (None, Some(open)) => (
                *open,
                (word, format!("`{name}` starts before it is closed")),
            ),
            (None, None) => return,
        };
        let bracket = self.cursor.slice(open);
        let diagnostic = mistakes::unclosed(open, bracket).related(related.0, related.1);
        self.report(diagnostic);
    }

    /// Goes on after an error inside something whose first line is indented by `indent`: at its closing brace or at the next
    /// `entry` at the start of a line. False if its end must have been passed already. With `strict`, an entry that is not
    /// indented further than `indent` does not belong to it.
    pub(super) fn resync(
        &mut self,
        indent: usize,
        entry: fn(&Cursor) -> bool,
        strict: bool,
    ) -> bool {
        let inside = !self.unwinding && self.seek(indent, entry, strict);
        self.lost |= !inside;
        inside
    }

    fn seek(&mut self, indent: usize, entry: fn(&Cursor) -> bool, strict: bool) -> bool {
        let from = self.cursor.at;
        let mut depth = 0usize;
        let mut line_start = self.cursor.first_in_line(from);
        while let Some(character) = self.cursor.peek() {
            let at = self.cursor.at;
            if line_start && !matches!(character, ' ' | '\t') {
                let left_of = self.cursor.indent(at).cmp(&(indent + 1));
                if section_start(&self.cursor).is_some() {
                    return false;
                }
                if entry(&self.cursor) {
                    return !strict || left_of.is_ge();
                }
                if left_of.is_lt() && at > from && statement_start(&self.cursor) {
                    return false;
                }
                if left_of.is_lt() && character == '}' {
                    return !strict || self.cursor.indent(at) == indent;
                }
                line_start = false;
                if character == '}' {
                    // It closes something inside, whose opening brace may have been skipped.
                    depth = depth.saturating_sub(1);
                    self.cursor.skip_char();
                    continue;
                }
            }
            match character {
                '"' | '\'' => self.skip_short_string(),
                '#' => self.cursor.at = self.cursor.line_end(at),
                '}' if depth == 0 => return true,
                '}' => depth -= 1,
                '{' => depth += 1,
                '\n' => line_start = true,
                _ => {}
            }
            if self.cursor.at == at {
                self.cursor.skip_char();
            }
        }
        false
    }

    /// Steps over a string that ends in its line; otherwise over the rest of the line.
    fn skip_short_string(&mut self) {
        let bytes = self.cursor.rest().as_bytes();
        let mut length = 1;
        while let Some(&byte) = bytes.get(length).filter(|byte| **byte != b'\n') {
            length += 1;
            if byte == bytes[0] {
                break;
            }
            if byte == b'\\' && bytes.get(length) == Some(&bytes[0]) {
                length += 1;
            }
        }
        self.cursor.at += length;
    }

    /// Goes on at the opening brace after a condition, if it stands in the same line or starts the next.
    pub(super) fn skip_to_block(&mut self) -> Parsed<()> {
        let end = self.cursor.line_end(self.cursor.at);
        while self.cursor.at < end && !self.cursor.looking_at("{") {
            match self.cursor.peek() {
                Some('"' | '\'') => self.skip_short_string(),
                Some('%' | '$') if self.cursor.rest()[1..].starts_with('{') => {
                    let reference = &self.cursor.text[self.cursor.at..end];
                    let length = reference
                        .find('}')
                        .map_or(reference.len(), |close| close + 1);
                    self.cursor.at += length;
                }
                _ => self.cursor.skip_char(),
            }
        }
        self.skip_trivia();
        if self.cursor.looking_at("{") {
            Ok(())
        } else {
            Err(Abandoned)
        }
    }

    /// Steps over `if` and its blocks where none may stand.
    pub(super) fn skip_branches(&mut self) {
        while self.skip_to_block().is_ok() {
            self.skip_braces();
            let ahead = self.cursor.after_trivia();
            if !ahead.at_word("else") && !mistakes::at_elsif(&ahead) {
                return;
            }
            self.cursor = ahead;
        }
    }

    /// Steps over everything from an opening brace to its closing one.
    fn skip_braces(&mut self) {
        let mut depth = 0usize;
        while let Some(character) = self.cursor.peek() {
            match character {
                '"' | '\'' => self.skip_short_string(),
                '#' => self.cursor.at = self.cursor.line_end(self.cursor.at),
                _ => {
                    match character {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    self.cursor.skip_char();
                    if depth == 0 {
                        return;
                    }
                }
            }
        }
    }

    /// Goes on at the next section that starts a line, or at the end.
    pub(super) fn skip_to_section(&mut self) {
        self.cursor.skip_char();
        while !self.cursor.at_end() {
            self.cursor.at = self.cursor.line_end(self.cursor.at);
            self.cursor.skip_trivia();
            if section_start(&self.cursor).is_some() {
                return;
            }
        }
    }
}
