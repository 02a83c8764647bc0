//! The grammar of what conditions compare: fields, strings, numbers, lists and regexes.

use super::ast::{Literal, Operand, Spanned};
use super::escape::unescape_slashes;
use super::grammar::{Abandoned, Parsed, Parser};
use super::mistakes;

impl Parser<'_> {
    /// One operand. The cursor stands at it.
    pub(super) fn operand(&mut self) -> Parsed<Spanned<Operand>> {
        let start = self.cursor.at;
        match self.cursor.peek() {
            Some('"' | '\'') => {
                let string = self.string()?;
                Ok(Spanned {
                    node: Operand::String(string.node),
                    span: string.span,
                })
            }
            quote if mistakes::is_smart_quote(quote) => {
                let string = self.smart_string();
                self.list_element(string)
            }
            Some('[') => self.field_or_list(),
            Some('/') => {
                let regex = self.cursor.delimited();
                let next = self.cursor.after_trivia();
                let ends = next.looking_at("{") || next.looking_at(")");
                if !regex.closed || regex.content.contains('\n') && !ends {
                    self.cursor.at = self.cursor.line_end(start);
                    let line = self.cursor.span(start, self.cursor.at);
                    self.report(mistakes::unclosed_regex(line));
                    return Err(Abandoned);
                }
                Ok(Spanned {
                    node: Operand::Regex(unescape_slashes(regex.content)),
                    span: regex.span,
                })
            }
            _ if !self.cursor.number().is_empty() => {
                let length = self.cursor.number().len();
                let span = self.cursor.span(start, start + length);
                self.check_number(span);
                self.cursor.at += length;
                Ok(Spanned {
                    node: Operand::Number(self.cursor.slice(span).to_owned()),
                    span,
                })
            }
            _ => self.fail(mistakes::not_an_operand),
        }
    }

    /// Whatever stands between brackets is a field reference, unless it holds a comma or further brackets.
    fn field_or_list(&mut self) -> Parsed<Spanned<Operand>> {
        let start = self.cursor.at;
        let selector = self.cursor.selector();
        if selector.contains(['{', '}']) && selector.contains('\n') {
            let line = self.cursor.span(start, self.cursor.line_end(start));
            self.report(mistakes::unclosed_field(line));
            return Err(Abandoned);
        }
        if !selector.is_empty() {
            self.cursor.at += selector.len();
            return Ok(Spanned {
                node: Operand::Field(selector.to_owned()),
                span: self.cursor.span(start, self.cursor.at),
            });
        }
        if mistakes::field_not_closed(&self.cursor) {
            let span = self.cursor.span(start, start + 1);
            self.report(mistakes::unclosed(span, "["));
            return Err(Abandoned);
        }
        let list = self.array()?;
        self.list_element(list)
    }

    /// A value of a list as an operand: words are strings here, not field references.
    fn list_element(&mut self, value: Spanned<Literal>) -> Parsed<Spanned<Operand>> {
        let span = value.span;
        let node = match value.node {
            Literal::Bareword(text) | Literal::String(text) => Operand::String(text),
            Literal::Number(text) => Operand::Number(text),
            Literal::Array(elements) => Operand::Array(
                elements
                    .into_iter()
                    .map(|element| self.list_element(element))
                    .collect::<Parsed<_>>()?,
            ),
            Literal::Hash(_) | Literal::Plugin(_) => {
                self.report(mistakes::hash_in_condition(span));
                return Err(Abandoned);
            }
        };
        Ok(Spanned { node, span })
    }
}
