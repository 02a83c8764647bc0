//! The grammar of conditions.
//!
//! `and` binds tighter than `or`. `xor` and `nand` stand alone: Logstash refuses to combine them with another operator without
//! parentheses. `!` takes a field reference or parentheses only.

use super::ast::{CompareOperator, Expr, Operand, Spanned};
use super::grammar::{Abandoned, Parsed, Parser};
use super::mistakes;
use super::source::Span;

/// Stands for a condition that could not be read.
pub(super) fn unreadable(span: Span) -> Expr {
    Expr::Truthy(Spanned {
        node: Operand::Field("[?]".to_owned()),
        span,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Junction {
    And,
    Or,
    Xor,
    Nand,
}

/// What stands between two operands.
enum Operator {
    Compare(CompareOperator),
    Match { negated: bool },
    In { negated: bool },
}

impl Parser<'_> {
    /// A whole condition. A constant alone is one: whether it counts as true does not depend on the event.
    pub(super) fn condition(&mut self) -> Parsed<Expr> {
        let condition = self.joined()?;
        if let Some(constant) = constant(&condition) {
            self.report(mistakes::constant_condition(constant, &self.cursor));
        }
        Ok(condition)
    }

    /// Expressions joined by `and`, `or`, `xor`, `nand`.
    fn joined(&mut self) -> Parsed<Expr> {
        let mut terms = vec![self.expression()?];
        let mut junctions = Vec::new();
        while let Some(junction) = self.junction() {
            junctions.push(junction);
            self.skip_trivia();
            terms.push(self.expression()?);
        }
        let alone =
            |(junction, _): &&(Junction, Span)| matches!(junction, Junction::Xor | Junction::Nand);
        if let Some((_, span)) = junctions.iter().find(alone).filter(|_| junctions.len() > 1) {
            self.report(mistakes::mixed_junctions(*span, self.cursor.slice(*span)));
        }
        if !junctions.is_empty() {
            terms.iter().for_each(|term| self.refuse_constant(term));
        }
        let kinds: Vec<Junction> = junctions.iter().map(|(kind, _)| *kind).collect();
        join(terms, &kinds).ok_or(Abandoned)
    }

    /// `and`, `or`, `xor`, `nand`, or what is written in their stead.
    fn junction(&mut self) -> Option<(Junction, Span)> {
        let ahead = self.cursor.after_trivia();
        let (junction, length) = [
            ("and", Junction::And),
            ("or", Junction::Or),
            ("xor", Junction::Xor),
            ("nand", Junction::Nand),
        ]
        .into_iter()
        .find(|(word, _)| ahead.at_word(word))
        .map(|(word, junction)| (junction, word.len()))
        .or_else(|| {
            let (written, meant) = mistakes::instead_of_junction(&ahead)?;
            let junction = if meant == "and" {
                Junction::And
            } else {
                Junction::Or
            };
            let span = ahead.span(ahead.at, ahead.at + written);
            self.report(mistakes::wrong_word(span, ahead.slice(span), meant));
            Some((junction, written))
        })?;
        let span = ahead.span(ahead.at, ahead.at + length);
        self.cursor = ahead;
        self.cursor.at += length;
        Some((junction, span))
    }

    fn expression(&mut self) -> Parsed<Expr> {
        let start = self.cursor.at;
        if self.cursor.looking_at("(") {
            let inner = self.group()?;
            self.refuse_comparison(start, mistakes::group_compared)?;
            return Ok(inner);
        }
        if self.cursor.at_word("not") {
            let word = self.cursor.span(start, start + 3);
            self.report(mistakes::not_is_no_operator(word, &self.cursor));
            while self.cursor.at_word("not") {
                self.cursor.at += 3;
                self.skip_trivia();
            }
            return Ok(Expr::Not(Box::new(self.expression()?)));
        }
        if self.cursor.looking_at("!") && !self.cursor.looking_at("!~") {
            return self.negation();
        }
        let left = self.operand()?;
        let Some((operator, span)) = self.operator()? else {
            return Ok(Expr::Truthy(left));
        };
        self.skip_trivia();
        let right = self.operand()?;
        self.binary(left, operator, span, right)
    }

    /// A condition in parentheses. The cursor stands at the opening one.
    fn group(&mut self) -> Parsed<Expr> {
        let parenthesis = self.cursor.span(self.cursor.at, self.cursor.at + 1);
        self.open("(")?;
        self.skip_trivia();
        let inner = self.joined();
        if inner.is_ok() {
            self.skip_trivia();
            if self.cursor.looking_at(")") {
                self.at_close(")");
                return inner;
            }
            let before_block = self.cursor.looking_at("{") || self.cursor.at_end();
            self.close_unseen();
            if before_block {
                self.report(mistakes::unclosed(parenthesis, "("));
                return inner;
            }
            return self.fail(mistakes::in_group);
        }
        self.close_unseen();
        inner
    }

    /// `![field]` or `!(condition)`. The cursor stands at `!`.
    fn negation(&mut self) -> Parsed<Expr> {
        let start = self.cursor.at;
        self.cursor.skip_char();
        self.skip_trivia();
        if self.cursor.looking_at("(") {
            let inner = self.group()?;
            self.refuse_comparison(start, mistakes::group_compared)?;
            self.refuse_constant(&inner);
            return Ok(Expr::Not(Box::new(inner)));
        }
        if self.cursor.selector().is_empty() {
            return self.fail(|cursor| mistakes::cannot_negate(start, cursor));
        }
        let field = self.operand()?;
        self.refuse_comparison(start, mistakes::negated_compared)?;
        Ok(Expr::Not(Box::new(Expr::Truthy(field))))
    }

    /// Reports a comparison where the left side cannot be compared: it started at `start`.
    fn refuse_comparison(
        &mut self,
        start: usize,
        explain: fn(Span, &str, &str) -> super::Diagnostic,
    ) -> Parsed<()> {
        let left = self.cursor.span(start, self.cursor.at);
        let Some((_, operator)) = self.operator()? else {
            return Ok(());
        };
        self.skip_trivia();
        self.operand()?;
        let right = self.cursor.span(operator.start as usize, self.cursor.at);
        let diagnostic = explain(
            left.to(right),
            self.cursor.slice(left),
            self.cursor.slice(right),
        );
        self.report(diagnostic);
        Ok(())
    }

    fn operator(&mut self) -> Parsed<Option<(Operator, Span)>> {
        let ahead = self.cursor.after_trivia();
        let found = if ahead.at_word("not") {
            let mut after = ahead.clone();
            after.at += 3;
            after.skip_trivia();
            if !after.at_word("in") {
                self.cursor = ahead;
                return self.fail(mistakes::not_without_in);
            }
            let length = after.at + 2 - ahead.at;
            Some((Operator::In { negated: true }, length))
        } else if ahead.at_word("in") {
            Some((Operator::In { negated: false }, 2))
        } else {
            symbol(ahead.rest())
        };
        let found = found.or_else(|| {
            let (written, meant) = mistakes::instead_of_operator(&ahead)?;
            let span = ahead.span(ahead.at, ahead.at + written);
            self.report(mistakes::wrong_word(span, ahead.slice(span), meant));
            let meant = symbol(meant).map(|(operator, _)| operator);
            Some((meant.unwrap_or(Operator::In { negated: false }), written))
        });
        Ok(found.map(|(operator, length)| {
            let span = ahead.span(ahead.at, ahead.at + length);
            self.cursor = ahead;
            self.cursor.at += length;
            (operator, span)
        }))
    }

    /// A constant is no part of a condition: Logstash neither joins nor negates it.
    fn refuse_constant(&mut self, part: &Expr) {
        if let Some(constant) = constant(part) {
            self.report(mistakes::constant_in_condition(constant, &self.cursor));
        }
    }

    /// Checks what Logstash checks about the two sides of an operator.
    fn binary(
        &mut self,
        left: Spanned<Operand>,
        operator: Operator,
        span: Span,
        right: Spanned<Operand>,
    ) -> Parsed<Expr> {
        let written = self.cursor.slice(span);
        match operator {
            Operator::Compare(operator) => {
                for side in [&left, &right] {
                    if matches!(side.node, Operand::Regex(_)) {
                        self.report(mistakes::regex_compared(side.span, written));
                    }
                }
                if matches!(left.node, Operand::Array(_)) {
                    self.report(mistakes::list_compared(left.span));
                }
                let right = self.first_of_list(right);
                Ok(Expr::Compare {
                    operator,
                    left,
                    right,
                })
            }
            Operator::Match { negated } => {
                if !matches!(left.node, Operand::Field(_) | Operand::String(_)) {
                    self.report(mistakes::not_searchable(left.span));
                }
                if !matches!(right.node, Operand::Regex(_) | Operand::String(_)) {
                    let text = self.cursor.slice(right.span);
                    self.report(mistakes::not_a_pattern(right.span, text));
                }
                Ok(Expr::Match {
                    negated,
                    value: left,
                    pattern: right,
                })
            }
            Operator::In { negated } => {
                for side in [&left, &right] {
                    if matches!(side.node, Operand::Regex(_)) {
                        self.report(mistakes::regex_compared(side.span, written));
                    }
                }
                if mistakes::looks_like_list(&right.node) {
                    let text = self.cursor.slice(right.span);
                    self.report(mistakes::list_of_one(right.span, text));
                }
                Ok(Expr::In {
                    negated,
                    needle: left,
                    haystack: right,
                })
            }
        }
    }

    /// Logstash compares with the first string or number of a list and ignores the rest.
    fn first_of_list(&mut self, operand: Spanned<Operand>) -> Spanned<Operand> {
        let Operand::Array(elements) = &operand.node else {
            return operand;
        };
        let scalar = |element: &&Spanned<Operand>| {
            matches!(element.node, Operand::String(_) | Operand::Number(_))
        };
        match elements.iter().find(scalar).cloned() {
            Some(first) => {
                let text = self.cursor.slice(first.span);
                self.report(mistakes::only_first_compared(operand.span, text));
                first
            }
            None => {
                self.report(mistakes::list_compared(operand.span));
                operand
            }
        }
    }
}

/// Where the constant stands, if the condition is one.
fn constant(condition: &Expr) -> Option<Span> {
    match condition {
        Expr::Truthy(operand) if !matches!(operand.node, Operand::Field(_)) => Some(operand.span),
        _ => None,
    }
}

/// The operator that `text` starts with, and its length.
fn symbol(text: &str) -> Option<(Operator, usize)> {
    use CompareOperator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    // What users write instead starts with these, too.
    if ["===", "!==", "<>", "=<"]
        .iter()
        .any(|not_ours| text.starts_with(not_ours))
    {
        return None;
    }
    [
        ("==", Operator::Compare(Equal)),
        ("!=", Operator::Compare(NotEqual)),
        ("<=", Operator::Compare(LessOrEqual)),
        (">=", Operator::Compare(GreaterOrEqual)),
        ("<", Operator::Compare(Less)),
        (">", Operator::Compare(Greater)),
        ("=~", Operator::Match { negated: false }),
        ("!~", Operator::Match { negated: true }),
    ]
    .into_iter()
    .find(|(written, _)| text.starts_with(written))
    .map(|(written, operator)| (operator, written.len()))
}

/// Joins terms by their junctions. `and` and `or` are associative, so their trees are balanced: a generated list of ten thousand
/// addresses needs no deep stack.
fn join(terms: Vec<Expr>, junctions: &[Junction]) -> Option<Expr> {
    let mut any: Vec<Expr> = Vec::new();
    let mut all: Vec<Expr> = Vec::new();
    for (index, term) in terms.into_iter().enumerate() {
        match index.checked_sub(1).map(|before| junctions[before]) {
            None | Some(Junction::And) => all.push(term),
            Some(Junction::Or) => {
                any.extend(balanced(std::mem::take(&mut all), Expr::And));
                all.push(term);
            }
            Some(alone) => {
                let left = balanced(std::mem::take(&mut all), Expr::And);
                let join = match alone {
                    Junction::Xor => Expr::Xor,
                    _ => Expr::Nand,
                };
                all.push(match left {
                    Some(left) => join(Box::new(left), Box::new(term)),
                    None => term,
                });
            }
        }
    }
    any.extend(balanced(all, Expr::And));
    balanced(any, Expr::Or)
}

fn balanced(mut terms: Vec<Expr>, join: fn(Box<Expr>, Box<Expr>) -> Expr) -> Option<Expr> {
    if terms.len() < 2 {
        return terms.pop();
    }
    let right = terms.split_off(terms.len() / 2);
    match (balanced(terms, join), balanced(right, join)) {
        (Some(left), Some(right)) => Some(join(Box::new(left), Box::new(right))),
        (left, right) => left.or(right),
    }
}
