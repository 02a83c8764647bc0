//! Calls: names, arguments, blocks, and what follows a value (`.name`, `[index]`).

mod blocks;
mod known;

use self::known::CHANGING;

use super::SyntaxError;
use super::ast::{Call, Kind, Node};
use super::class::Class;
use super::lexer::Tok;
use super::names::M;
use super::parser::{Parsed, Parser, node};
use super::value::Val;

impl Parser<'_, '_> {
    /// Whether the code that is being parsed runs once, before the first event.
    pub(crate) fn in_init(&self) -> bool {
        self.init && self.deferred == 0
    }

    /// A value with everything that hangs on it.
    pub(crate) fn postfix(&mut self) -> Parsed<Node> {
        let value = self.nested(Self::primary)?;
        self.postfix_of(value)
    }

    pub(crate) fn postfix_of(&mut self, mut value: Node) -> Parsed<Node> {
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            let token = self.peek()?.clone();
            let Tok::Op(operator) = token.tok else {
                return Ok(value);
            };
            value = match operator {
                "." | "&." => self.method_call(value, operator == "&.")?,
                "::" if !token.prefix => self.method_call(value, false)?,
                "[" if !token.prefix => {
                    self.advance()?;
                    let arguments = self.list("]")?;
                    self.note_event_index(&value, token.start);
                    self.operator_call(token.start, value, M::Index, arguments)
                }
                _ => return Ok(value),
            };
        }
    }

    /// `event['field']`, which Logstash 5 took away.
    fn note_event_index(&mut self, receiver: &Node, at: usize) {
        if matches!(receiver.kind, Kind::Local { depth, slot } if self.is_event(depth, slot)) {
            let message =
                "an event has no `[]` since Logstash 5: this raises an exception".to_owned();
            let help = "use `event.get('field')` and `event.set('field', value)`".to_owned();
            self.problem(at, message, Some(help), true);
        }
    }

    fn is_event(&self, depth: u16, slot: u16) -> bool {
        self.lookup("event") == Some((depth, slot))
    }

    fn method_call(&mut self, receiver: Node, safe: bool) -> Parsed<Node> {
        self.advance()?;
        let token = self.advance()?;
        let at = token.start;
        let name = match token.tok {
            Tok::Ident(name) | Tok::Constant(name) => name,
            Tok::Op("(") => {
                let arguments = self.list(")")?;
                return self.finish_call(at, Some(receiver), "call".to_owned(), arguments, safe);
            }
            Tok::Op(operator) => match M::named(operator) {
                Some(_) => operator.to_owned(),
                None => {
                    return Err(SyntaxError::new(
                        at,
                        format!("expected the name of a method, found `{operator}`"),
                    ));
                }
            },
            Tok::Label(name) => {
                // `a ? b.c: d`
                self.peeked = None;
                self.lexer.at -= 1;
                name
            }
            other => {
                let found = super::parser::describe(&other);
                return Err(SyntaxError::new(
                    at,
                    format!("expected the name of a method, found {found}"),
                ));
            }
        };
        self.lexer.before = super::lexer::Before::Method;
        let arguments = self.arguments(&name)?;
        let receiver = match receiver.kind {
            Kind::SelfRef => None,
            _ => Some(receiver),
        };
        self.finish_call(at, receiver, name, arguments, safe)
    }

    /// The arguments that follow a method's name, in parentheses or not.
    fn arguments(&mut self, name: &str) -> Parsed<Vec<Node>> {
        if self.is_op("(")? {
            if !self.peek()?.space_before {
                self.advance()?;
                return self.list(")");
            }
            let plain = self.attempt(|parser| {
                parser.advance()?;
                let arguments = parser.list(")")?;
                let next = &parser.peek()?.tok;
                let ends = matches!(
                    next,
                    Tok::Newline
                        | Tok::End
                        | Tok::Op("{" | "}" | ")" | "]" | "," | "." | "&.")
                        | Tok::Keyword(
                            "do" | "if" | "unless" | "and" | "or" | "then" | "rescue" | "end"
                        )
                );
                Ok(ends.then_some(arguments))
            });
            if let Ok(Some(arguments)) = plain {
                return Ok(arguments);
            }
            return self.command_arguments();
        }
        let token = self.peek()?;
        let close = name.ends_with(['?', '!']) || matches!(token.tok, Tok::Str(_));
        if (token.space_before || close) && can_begin_argument(&token.tok, token.prefix) {
            return self.command_arguments();
        }
        Ok(Vec::new())
    }

    /// Arguments without parentheses.
    pub(crate) fn command_arguments(&mut self) -> Parsed<Vec<Node>> {
        self.no_do += 1;
        let parsed = self.argument_list(None);
        self.no_do = self.no_do.saturating_sub(1);
        parsed
    }

    /// Arguments or elements up to `close`, which is taken.
    pub(crate) fn list(&mut self, close: &'static str) -> Parsed<Vec<Node>> {
        let no_do = std::mem::take(&mut self.no_do);
        let no_label = std::mem::take(&mut self.lexer.no_label);
        let parsed = self.argument_list(Some(close));
        self.no_do = no_do;
        self.lexer.no_label = no_label;
        parsed
    }

    fn argument_list(&mut self, close: Option<&'static str>) -> Parsed<Vec<Node>> {
        let mut list = Vec::new();
        let mut pairs = Vec::new();
        let mut pairs_at = 0;
        let mut block_pass = None;
        loop {
            if let Some(close) = close {
                self.skip_newlines()?;
                if self.take_op(close)? {
                    break;
                }
            }
            let at = self.at()?;
            match self.argument()? {
                Argument::Value(value) if matches!(value.kind, Kind::BlockPass(_)) => {
                    block_pass = Some(value)
                }
                Argument::Value(value) => list.push(value),
                Argument::Pair(key, value) => {
                    pairs_at = if pairs.is_empty() { at } else { pairs_at };
                    pairs.push((key, value));
                }
            }
            if close.is_some() {
                self.skip_newlines()?;
            }
            if self.take_op(",")? {
                self.skip_newlines()?;
                continue;
            }
            match close {
                Some(close) => {
                    self.expect_op(close)?;
                    break;
                }
                None => break,
            }
        }
        if !pairs.is_empty() {
            list.push(node(pairs_at, Kind::Hash(pairs)));
        }
        list.extend(block_pass);
        Ok(list)
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let token = self.peek()?.clone();
        let at = token.start;
        match token.tok {
            Tok::Op("*") if token.prefix => {
                self.advance()?;
                let list = Box::new(self.expression()?);
                Ok(Argument::Value(node(at, Kind::Splat(list))))
            }
            Tok::Op("**") if token.prefix => {
                self.advance()?;
                let hash = self.expression()?;
                Ok(Argument::Pair(node(at, Kind::DoubleSplat), hash))
            }
            Tok::Op("&") if token.prefix => {
                self.advance()?;
                let block = Box::new(self.expression()?);
                Ok(Argument::Value(node(at, Kind::BlockPass(block))))
            }
            Tok::Label(_) | Tok::StrLabel(_) => {
                let key = self.label()?;
                let value = self.expression()?;
                Ok(Argument::Pair(key, value))
            }
            _ => {
                let value = match token.tok {
                    Tok::Keyword("not") => self.expression_statement()?,
                    _ => self.expression()?,
                };
                if !self.take_op("=>")? {
                    return Ok(Argument::Value(value));
                }
                self.skip_newlines()?;
                let mapped = self.expression()?;
                Ok(Argument::Pair(value, mapped))
            }
        }
    }

    /// `name:` as a key.
    pub(crate) fn label(&mut self) -> Parsed<Node> {
        let token = self.advance()?;
        self.skip_newlines()?;
        match token.tok {
            Tok::Label(name) => {
                let key = self.symbol_constant(&name);
                Ok(node(token.start, Kind::Value(key)))
            }
            Tok::StrLabel(pieces) => self.symbol(token.start, pieces),
            _ => self.unexpected("a label"),
        }
    }

    /// A name without a receiver that is no variable: a call.
    pub(crate) fn name_call(&mut self, name: String, at: usize) -> Parsed<Node> {
        if name == "require" {
            return self.require(at);
        }
        let arguments = self.arguments(&name)?;
        self.finish_call(at, None, name, arguments, false)
    }

    pub(crate) fn bare_name(&mut self, name: String, at: usize) -> Parsed<Node> {
        match self.lookup(&name) {
            Some((depth, slot)) => Ok(node(at, Kind::Local { depth, slot })),
            None => self.finish_call(at, None, name, Vec::new(), false),
        }
    }

    /// Takes the block of a call and makes the call.
    fn finish_call(
        &mut self,
        at: usize,
        receiver: Option<Node>,
        name: String,
        arguments: Vec<Node>,
        safe: bool,
    ) -> Parsed<Node> {
        let deferred = receiver.is_none() && matches!(name.as_str(), "lambda" | "proc")
            || name == "new"
                && matches!(
                    receiver.as_ref().map(|one| &one.kind),
                    Some(Kind::Value(Val::Class(Class::Proc)))
                );
        self.deferred += usize::from(deferred);
        let (problems, unresolved) = (self.problems.len(), self.unresolved.len());
        let block = self.block()?;
        self.deferred = self.deferred.saturating_sub(usize::from(deferred));
        if receiver.is_none() && name == "test" {
            // What a test does that is not known here does not matter for events.
            let news = &mut self.problems[problems..];
            self.program.facts.tests_know_more |= !news.is_empty();
            news.iter_mut().for_each(|problem| problem.runs = true);
            self.program.facts.tests_know_more |= self.unresolved.len() > unresolved;
            self.unresolved.truncate(unresolved);
        }
        let spread = arguments
            .iter()
            .any(|one| matches!(one.kind, Kind::Splat(_) | Kind::BlockPass(_)));
        let known = M::named(&name);
        let mut own = None;
        match &receiver {
            None => {
                own = Some(self.program.method(&name));
                self.check_function(&name, at, !arguments.is_empty() || block.is_some());
            }
            Some(_) if known.is_none() => {
                own = Some(self.program.method(&name));
                self.unknown_method(&name, at);
            }
            Some(receiver) => {
                if CHANGING.contains(&name.as_str()) || name.ends_with('!') {
                    self.note_change(receiver);
                }
            }
        }
        Ok(node(
            at,
            Kind::Call(Box::new(Call {
                receiver,
                method: known.unwrap_or(M::Unknown),
                own,
                arguments,
                block,
                safe,
                spread,
            })),
        ))
    }

    pub(crate) fn operator_call(
        &mut self,
        at: usize,
        receiver: Node,
        method: M,
        arguments: Vec<Node>,
    ) -> Node {
        if method == M::Shl {
            self.note_change(&receiver);
        }
        let spread = arguments
            .iter()
            .any(|one| matches!(one.kind, Kind::Splat(_)));
        node(
            at,
            Kind::Call(Box::new(Call {
                receiver: Some(receiver),
                method,
                own: None,
                arguments,
                block: None,
                safe: false,
                spread,
            })),
        )
    }
}

enum Argument {
    Value(Node),
    Pair(Node, Node),
}

/// Where the parameters of a lambda stand: they are parsed in the scope of its block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParameterSource {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

fn can_begin_argument(tok: &Tok, prefix: bool) -> bool {
    match tok {
        Tok::Int(_)
        | Tok::BigInt(_)
        | Tok::Float(_)
        | Tok::Ident(_)
        | Tok::Constant(_)
        | Tok::Variable(_)
        | Tok::LastMatch(_)
        | Tok::Label(_)
        | Tok::Str(_)
        | Tok::StrLabel(_)
        | Tok::Sym(_)
        | Tok::DynSym(_)
        | Tok::Regex(..)
        | Tok::Words(_)
        | Tok::Symbols(_) => true,
        Tok::Keyword(word) => matches!(
            *word,
            "nil" | "true" | "false" | "self" | "not" | "defined?" | "case" | "__method__"
        ),
        Tok::Op("->") => true,
        Tok::Op(op) => prefix && matches!(*op, "[" | "-" | "*" | "&" | "::" | "!" | "~" | "**"),
        Tok::Newline | Tok::End => false,
    }
}
