//! The grammar of values: words, strings, numbers, lists, hashes and plugins as values.

use super::ast::{Literal, Spanned};
use super::cursor::Cursor;
use super::escape::unescape;
use super::grammar::{Abandoned, Parsed, Parser, section_start, setting_start};
use super::mistakes;
use super::number::Number;
use super::source::Span;

impl Parser<'_> {
    /// The `=>` after a name or key, and the white space around it.
    pub(super) fn arrow(&mut self, name: Span) -> Parsed<()> {
        self.skip_trivia();
        if !self.cursor.eat("=>") {
            let written = mistakes::instead_of_arrow(&self.cursor);
            let starts_value = matches!(self.cursor.peek(), Some('"' | '\'' | '[' | '{'))
                || !self.cursor.name().is_empty()
                || mistakes::is_smart_quote(self.cursor.peek());
            let same_line = self.cursor.line_end(name.end as usize) >= self.cursor.at;
            if written > 0 {
                let span = self.cursor.span(self.cursor.at, self.cursor.at + written);
                self.report(mistakes::wrong_arrow(span, self.cursor.slice(span)));
                self.cursor.at += written;
            } else if starts_value && same_line && !self.ends_long_string() {
                self.report(mistakes::no_arrow(name, self.cursor.slice(name)));
            } else {
                return self.fail(|cursor| mistakes::no_arrow_nor_value(name, cursor));
            }
        }
        self.skip_trivia();
        Ok(())
    }

    /// A value. The cursor stands at it; `name` is what it is for.
    pub(super) fn value(&mut self, name: Span) -> Parsed<Spanned<Literal>> {
        let start = self.cursor.at;
        match self.cursor.peek() {
            Some('"' | '\'') => {
                if self.starts_next(name) {
                    return self.fail(|cursor| mistakes::no_value(name, cursor));
                }
                let string = self.string()?;
                if self.cursor.after_trivia().looking_at("{") && !self.ends_long_string() {
                    self.report(mistakes::quoted_plugin_name(string.span, &string.node));
                    self.skip_trivia();
                    return Ok(self.spanned(start, |parser| Literal::Plugin(parser.plugin(string))));
                }
                Ok(Spanned {
                    node: Literal::String(string.node),
                    span: string.span,
                })
            }
            Some('[') => self.array(),
            Some('{') => self.hash(),
            Some('}' | ']' | ',' | ')' | '=') | None => {
                self.fail(|cursor| mistakes::no_value(name, cursor))
            }
            quote if mistakes::is_smart_quote(quote) => Ok(self.smart_string()),
            _ => self.word(name),
        }
    }

    /// A plugin, a number or a word without quotes.
    fn word(&mut self, name: Span) -> Parsed<Spanned<Literal>> {
        let start = self.cursor.at;
        let plugin = self.cursor.name();
        let mut after = self.cursor.clone();
        after.at += plugin.len();
        let ahead = after.after_trivia();
        if self.starts_next(name) {
            return self.fail(|cursor| mistakes::no_value(name, cursor));
        }
        if !plugin.is_empty() && ahead.looking_at("{") {
            let plugin = Spanned {
                node: plugin.to_owned(),
                span: self.cursor.span(start, after.at),
            };
            self.cursor = ahead;
            return Ok(self.spanned(start, |parser| Literal::Plugin(parser.plugin(plugin))));
        }
        let (bareword, number) = (self.cursor.bareword(), self.cursor.number());
        let length = bareword.len().max(number.len());
        let unquoted = mistakes::unquoted_length(&self.cursor);
        let span = self.cursor.span(start, start + length.max(unquoted));
        let text = self.cursor.slice(span).to_owned();
        if length == 0 && unquoted == 0 {
            return self.fail(|cursor| mistakes::no_value(name, cursor));
        }
        self.cursor.at = span.end as usize;
        let node = if unquoted > length {
            self.report(mistakes::unquoted(span, &text));
            Literal::String(text)
        } else if bareword.is_empty() {
            self.check_number(span);
            Literal::Number(text)
        } else {
            if bareword.len() == 1 {
                self.report(mistakes::short_word(span, &text));
            }
            Literal::Bareword(text)
        };
        Ok(Spanned { node, span })
    }

    /// Whether the next option or entry starts here already, so that the value of `name` is missing.
    fn starts_next(&self, name: Span) -> bool {
        let next_line = self.cursor.line_end(name.end as usize) < self.cursor.at;
        next_line && self.cursor.slice(name) != "[" && setting_start(&self.cursor)
    }

    /// `[a, b]`. The cursor stands at the opening bracket.
    pub(super) fn array(&mut self) -> Parsed<Spanned<Literal>> {
        let start = self.cursor.at;
        let bracket = self.cursor.span(start, start + 1);
        self.open("[")?;
        let mut elements = Vec::new();
        // The comma that waits for its element.
        let mut comma: Option<Span> = None;
        loop {
            let element_end = self.cursor.at;
            self.skip_trivia();
            if self.at_close("]") {
                if let Some(comma) = comma.filter(|_| !self.unwinding) {
                    self.report(mistakes::trailing_comma(comma));
                }
                break;
            }
            if self.cursor.looking_at(",") {
                let span = self.cursor.span(self.cursor.at, self.cursor.at + 1);
                if comma.is_some() || elements.is_empty() {
                    self.report(mistakes::extra_comma(span));
                }
                comma = Some(span);
                self.cursor.skip_char();
                continue;
            }
            let setting = mistakes::setting_in_list(&self.cursor);
            if self.cursor.looking_at("}") || setting && self.cursor.first_in_line(self.cursor.at) {
                self.report(mistakes::unclosed(bracket, "["));
                self.close_unseen();
                self.cursor.at = element_end;
                break;
            }
            if !elements.is_empty() && comma.is_none() {
                if self.ends_long_string() || mistakes::is_junk(&self.cursor) {
                    self.close_unseen();
                    return self.fail(mistakes::in_list);
                }
                let end = self.cursor.at;
                self.report(mistakes::no_comma(self.cursor.span(end, end), &self.cursor));
            }
            comma = None;
            let value = self.value(bracket);
            match value {
                Ok(value) => elements.push(value),
                Err(Abandoned) => {
                    self.close_unseen();
                    return Err(Abandoned);
                }
            }
        }
        Ok(Spanned {
            node: Literal::Array(elements),
            span: self.cursor.span(start, self.cursor.at),
        })
    }

    /// `{ a => b }`. The cursor stands at the opening brace.
    fn hash(&mut self) -> Parsed<Spanned<Literal>> {
        let start = self.cursor.at;
        let indent = self.cursor.indent(start);
        self.open("{")?;
        let mut entries: Vec<(Spanned<Literal>, Spanned<Literal>)> = Vec::new();
        loop {
            self.skip_trivia();
            if self.at_close("}") {
                break;
            }
            let at = self.cursor.at;
            if self.cursor.looking_at(",") {
                let comma = self.cursor.offending();
                self.report(mistakes::comma_between_entries(comma));
                self.cursor.skip_char();
                continue;
            }
            match self.entry() {
                Ok(entry) => {
                    self.check_duplicate(&entries, &entry.0);
                    entries.push(entry);
                }
                Err(Abandoned) => {
                    if !self.resync(indent, entry_start, true) {
                        self.close_unseen();
                        return Err(Abandoned);
                    }
                    if self.cursor.at == at && !self.cursor.looking_at("}") {
                        self.cursor.skip_char();
                    }
                }
            }
        }
        Ok(Spanned {
            node: Literal::Hash(entries),
            span: self.cursor.span(start, self.cursor.at),
        })
    }

    /// `key => value`
    fn entry(&mut self) -> Parsed<(Spanned<Literal>, Spanned<Literal>)> {
        let start = self.cursor.at;
        let key = match self.cursor.peek() {
            Some('"' | '\'') => {
                let string = self.string()?;
                Spanned {
                    node: Literal::String(string.node),
                    span: string.span,
                }
            }
            quote if mistakes::is_smart_quote(quote) => self.smart_string(),
            Some('{' | '=' | ']' | '(' | ')') => return self.fail(mistakes::not_a_key),
            Some('[') if self.cursor.selector().is_empty() => {
                return self.fail(mistakes::not_a_key);
            }
            _ => {
                let word = self.cursor.bareword();
                let number = self.cursor.number();
                let length = word.len().max(number.len());
                let unquoted = mistakes::unquoted_key_length(&self.cursor).max(length);
                let span = self.cursor.span(start, start + unquoted);
                let text = self.cursor.slice(span).to_owned();
                self.cursor.at = span.end as usize;
                let node = if unquoted == 0 {
                    return self.fail(mistakes::not_a_key);
                } else if unquoted > length || word.len() == 1 {
                    self.report(mistakes::unquoted(span, &text));
                    Literal::String(text)
                } else if word.is_empty() {
                    self.check_number(span);
                    Literal::Number(text)
                } else {
                    Literal::Bareword(text)
                };
                Spanned { node, span }
            }
        };
        self.arrow(key.span)?;
        let value = self.value(key.span)?;
        self.separated()?;
        Ok((key, value))
    }

    /// Logstash refuses a key that is written twice in one hash; written in two ways, the last one counts.
    fn check_duplicate(
        &mut self,
        entries: &[(Spanned<Literal>, Spanned<Literal>)],
        key: &Spanned<Literal>,
    ) {
        let Some((first, _)) = entries
            .iter()
            .find(|(earlier, _)| key_text(&earlier.node) == key_text(&key.node))
        else {
            return;
        };
        let same = self.cursor.slice(first.span) == self.cursor.slice(key.span);
        let diagnostic = mistakes::duplicate_key(key.span, key_text(&key.node), same);
        self.report(diagnostic.related(first.span, "first set here"));
    }

    /// A string in quotes; escapes are processed if the options say so.
    pub(super) fn string(&mut self) -> Parsed<Spanned<String>> {
        let mut string = self.raw_string()?;
        if self.options.support_escapes {
            string.node = unescape(&string.node);
        }
        Ok(string)
    }

    /// A string in quotes with its escapes as written.
    pub(super) fn raw_string(&mut self) -> Parsed<Spanned<String>> {
        let string = self.cursor.delimited();
        if !string.closed {
            // With an earlier string over several lines, it is that one's quote that is missing.
            let open = self.long_string.take().unwrap_or(string.span);
            self.unclosed_string(open);
            return Err(Abandoned);
        }
        if string.content.contains(['\n', '\\']) {
            self.long_string = Some(string.span);
        }
        Ok(Spanned {
            node: string.content.to_owned(),
            span: string.span,
        })
    }

    /// A string in typographic quotes, which is reported.
    pub(super) fn smart_string(&mut self) -> Spanned<Literal> {
        let start = self.cursor.at;
        self.cursor.skip_char();
        let line = &self.cursor.text[self.cursor.at..self.cursor.line_end(self.cursor.at)];
        let length = line
            .find(|c| mistakes::is_smart_quote(Some(c)) || c == '"' || c == '\'')
            .unwrap_or(line.len());
        let text = &line[..length];
        self.cursor.at += length;
        if length < line.len() {
            self.cursor.skip_char();
        }
        let span = self.cursor.span(start, self.cursor.at);
        self.report(mistakes::smart_quotes(span, text));
        Spanned {
            node: Literal::String(text.to_owned()),
            span,
        }
    }

    pub(super) fn check_number(&mut self, span: Span) {
        let text = self.cursor.slice(span);
        if Number::parse(text).is_none() {
            self.report(mistakes::bad_number(span, text));
        }
    }

    /// After a value there is white space, a comment or a closing bracket.
    pub(super) fn separated(&mut self) -> Parsed<()> {
        match self.cursor.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '}' | ']' | ')' | ',' | '#') => Ok(()),
            Some(space) if mistakes::is_odd_space(space) => Ok(()),
            _ if !self.ends_long_string() && entry_start(&self.cursor) => {
                let span = self.cursor.offending();
                self.report(mistakes::no_space(span));
                Ok(())
            }
            _ => self.fail(mistakes::stuck_to_value),
        }
    }

    /// Whether a string that runs over a line break ends right here.
    fn ends_long_string(&self) -> bool {
        self.long_string
            .is_some_and(|string| string.end as usize == self.cursor.at)
    }

    fn spanned<T>(&mut self, start: usize, read: impl FnOnce(&mut Self) -> T) -> Spanned<T> {
        let node = read(self);
        Spanned {
            node,
            span: self.cursor.span(start, self.cursor.at),
        }
    }
}

/// Whether `key =>` stands here.
fn entry_start(cursor: &Cursor) -> bool {
    section_start(cursor).is_none() && setting_start(cursor)
}

fn key_text(key: &Literal) -> &str {
    match key {
        Literal::Bareword(text) | Literal::String(text) | Literal::Number(text) => text,
        Literal::Array(_) | Literal::Hash(_) | Literal::Plugin(_) => "",
    }
}
