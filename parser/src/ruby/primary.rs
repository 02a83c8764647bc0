//! What a value can begin with: literals, names, parentheses, lambdas.

use super::SyntaxError;
use super::ast::{Kind, Node, Parameters};
use super::calls::ParameterSource;
use super::class::Class;
use super::lexer::{Before, Lexer, Tok};
use super::parser::{Parsed, Parser, Unresolved, Wanted, node};
use super::value::{Obj, Text, Val};

impl Parser<'_, '_> {
    /// A value without what hangs on it.
    pub(crate) fn primary(&mut self) -> Parsed<Node> {
        let token = self.advance()?;
        let at = token.start;
        let kind = match token.tok {
            Tok::Int(number) => Kind::Value(Val::Int(number)),
            Tok::Float(number) => Kind::Value(Val::Float(number)),
            Tok::BigInt(digits) => {
                let big = digits.parse().unwrap_or_default();
                Kind::Value(self.program.constant(Obj::Big(big)))
            }
            Tok::Str(pieces) => return self.strings(at, pieces),
            Tok::Sym(name) => Kind::Value(self.symbol_constant(&name)),
            Tok::DynSym(pieces) => return self.symbol(at, pieces),
            Tok::Regex(pieces, flags) => return self.regex(at, pieces, &flags),
            Tok::Words(words) => {
                let words = words.into_iter().map(|word| self.string(at, word));
                Kind::Array(words.collect::<Parsed<_>>()?)
            }
            Tok::Symbols(words) => {
                let words = words.into_iter().map(|word| self.symbol(at, word));
                Kind::Array(words.collect::<Parsed<_>>()?)
            }
            Tok::LastMatch(number) => Kind::LastMatch(number),
            Tok::Variable(name) => self.variable(&name),
            Tok::Ident(name) => return self.identifier(name, at),
            Tok::Constant(name) => return self.constant(name, at),
            Tok::Op("(") => return self.parenthesized(at),
            Tok::Op("[") => Kind::Array(self.list("]")?),
            Tok::Op("{") => self.hash()?,
            Tok::Op("->") => return self.lambda(at),
            Tok::Op("::") => {
                let next = self.advance()?;
                return match next.tok {
                    Tok::Constant(name) => self.constant(name, at),
                    _ => self.unexpected("the name of a constant"),
                };
            }
            Tok::Keyword(word) => return self.keyword(word, at),
            other => {
                let found = super::parser::describe(&other);
                return Err(SyntaxError::new(
                    at,
                    format!("expected a value, found {found}"),
                ));
            }
        };
        Ok(node(at, kind))
    }

    /// Strings that stand side by side are one.
    fn strings(&mut self, at: usize, mut pieces: Vec<super::literal::Piece>) -> Parsed<Node> {
        while let Tok::Str(more) = self.peek()?.tok.clone() {
            self.advance()?;
            pieces.extend(more);
        }
        self.string(at, pieces)
    }

    fn variable(&mut self, name: &str) -> Kind {
        self.program.facts.uses_state |= !self.in_init();
        Kind::Global(self.program.global(name))
    }

    fn identifier(&mut self, name: String, at: usize) -> Parsed<Node> {
        let called = self.is_op("(")? && !self.peek()?.space_before;
        if !called && let Some((depth, slot)) = self.lookup(&name) {
            return Ok(node(at, Kind::Local { depth, slot }));
        }
        if matches!(name.as_str(), "_1" | "_2") && self.in_block() {
            self.declare_here(&name);
            return self.bare_name(name, at);
        }
        self.name_call(name, at)
    }

    fn constant(&mut self, first: String, at: usize) -> Parsed<Node> {
        let mut path = first;
        while self.is_op("::")? && !self.peek()?.prefix {
            let next = self.attempt(|parser| {
                parser.advance()?;
                match parser.peek()?.tok.clone() {
                    Tok::Constant(name) => {
                        parser.advance()?;
                        Ok(Some(name))
                    }
                    _ => Ok(None),
                }
            })?;
            let Some(name) = next else { break };
            path = format!("{path}::{name}");
        }
        const CONVERSIONS: &[&str] = &["Integer", "Float", "String", "Array", "Hash", "URI"];
        let token = self.peek()?;
        let called = matches!(token.tok, Tok::Op("(")) && !token.space_before;
        let command = token.space_before
            && matches!(token.tok, Tok::Str(_) | Tok::Ident(_) | Tok::Variable(_));
        if CONVERSIONS.contains(&path.as_str()) && (called || command) {
            self.lexer.before = Before::Method;
            return self.name_call(path, at);
        }
        if let Some(value) = self.constant_value(&path) {
            return Ok(node(at, Kind::Value(value)));
        }
        let class = Class::named(&path).or_else(|| Class::named(alias(&path)));
        let assigned = self.is_op("=")? || self.is_op("||=")?;
        if let Some(class) = class.filter(|_| !assigned) {
            return Ok(node(at, super::ast::class(class)));
        }
        self.unresolved.push(Unresolved {
            unit: self.unit,
            at,
            name: path.clone(),
            what: Wanted::Constant,
        });
        if assigned {
            self.unresolved.pop();
            self.assigned_constants.push(path.clone());
        } else {
            self.program.facts.uses_state |= !self.in_init();
        }
        Ok(node(at, Kind::Global(self.program.global(&path))))
    }

    /// Constants of Ruby's own classes.
    fn constant_value(&mut self, path: &str) -> Option<Val> {
        Some(match path {
            "Float::INFINITY" => Val::Float(f64::INFINITY),
            "Float::NAN" => Val::Float(f64::NAN),
            "Float::EPSILON" => Val::Float(f64::EPSILON),
            "Float::MAX" => Val::Float(f64::MAX),
            "Float::MIN" => Val::Float(f64::MIN_POSITIVE),
            "Float::DIG" => Val::Int(15),
            "Math::PI" => Val::Float(std::f64::consts::PI),
            "Math::E" => Val::Float(std::f64::consts::E),
            "Regexp::IGNORECASE" => Val::Int(1),
            "Regexp::EXTENDED" => Val::Int(2),
            "Regexp::MULTILINE" => Val::Int(4),
            "Socket::AF_INET" => Val::Int(2),
            "Socket::AF_INET6" => Val::Int(10),
            "Process::CLOCK_REALTIME" => Val::Int(0),
            "Process::CLOCK_MONOTONIC" => Val::Int(1),
            other => {
                let text = match other {
                    "Encoding::UTF_8" => "UTF-8",
                    "Encoding::ASCII_8BIT" | "Encoding::BINARY" => "ASCII-8BIT",
                    "Encoding::ISO_8859_1" => "ISO-8859-1",
                    "Encoding::US_ASCII" | "Encoding::ASCII" => "US-ASCII",
                    "Encoding::UTF_16LE" => "UTF-16LE",
                    "Encoding::UTF_16BE" => "UTF-16BE",
                    "Encoding::WINDOWS_1252" | "Encoding::CP1252" => "Windows-1252",
                    "RUBY_VERSION" => "3.1.4",
                    "RUBY_ENGINE" => "jruby",
                    "File::SEPARATOR" => "/",
                    "LogStash::Event::TIMESTAMP" => "@timestamp",
                    "LogStash::Event::METADATA" => "@metadata",
                    "LogStash::Event::VERSION" => "@version",
                    _ => return None,
                };
                self.program.constant(Obj::Str(Text::Utf8(text.to_owned())))
            }
        })
    }

    fn parenthesized(&mut self, at: usize) -> Parsed<Node> {
        let no_do = std::mem::take(&mut self.no_do);
        let no_label = std::mem::take(&mut self.lexer.no_label);
        let body = self.nested(|parser| parser.statements(&[")"]))?;
        self.no_do = no_do;
        self.lexer.no_label = no_label;
        if !self.take_op(")")? {
            if self.peek()?.tok == Tok::End {
                return Err(SyntaxError::new(at, "this `(` is not closed"));
            }
            return self.unexpected("`)`");
        }
        // What stands in parentheses cannot be assigned to.
        Ok(match body.kind {
            Kind::Local { .. } | Kind::Global(_) | Kind::Call(_) => {
                node(at, Kind::Sequence(vec![body]))
            }
            _ => body,
        })
    }

    fn hash(&mut self) -> Parsed<Kind> {
        let arguments = self.list("}")?;
        let mut pairs = Vec::new();
        for argument in arguments {
            match argument.kind {
                Kind::Hash(more) if pairs.is_empty() => pairs = more,
                _ => {
                    return Err(SyntaxError::new(
                        argument.at as usize,
                        "expected `key => value` in this hash",
                    ));
                }
            }
        }
        Ok(Kind::Hash(pairs))
    }

    /// `->(x) { }`
    fn lambda(&mut self, at: usize) -> Parsed<Node> {
        let parenthesized = self.is_op("(")?;
        let start = if parenthesized {
            self.advance()?;
            self.lexer.at
        } else {
            self.at()?
        };
        let mut depth = 0usize;
        let end = loop {
            let token = self.peek()?.clone();
            match token.tok {
                Tok::Op("(") => depth += 1,
                Tok::Op(")") if depth == 0 && parenthesized => {
                    self.advance()?;
                    break token.start;
                }
                Tok::Op(")") => depth = depth.saturating_sub(1),
                Tok::Op("{") | Tok::Keyword("do") if !parenthesized => break token.start,
                Tok::End => return Err(SyntaxError::new(at, "this `->` has no block")),
                _ => {}
            }
            self.advance()?;
        };
        let braces = self.take_op("{")?;
        if !braces && !self.take_keyword("do")? {
            return self.unexpected("the block of `->`");
        }
        self.deferred += 1;
        let block = self.block_body(at, braces, Some(ParameterSource { start, end }))?;
        self.deferred = self.deferred.saturating_sub(1);
        Ok(node(at, Kind::Lambda(block)))
    }

    /// Parses parameters that were skipped before.
    pub(crate) fn replay(&mut self, source: ParameterSource) -> Parsed<Parameters> {
        let inner = Lexer::new(self.lexer.source, source.start, source.end);
        let outer = std::mem::replace(&mut self.lexer, inner);
        let peeked = self.peeked.take();
        let mut parameters = Parameters::default();
        while self.peek()?.tok != Tok::End {
            self.parameter(&mut parameters)?;
            self.take_op(",")?;
        }
        self.lexer = outer;
        self.peeked = peeked;
        Ok(parameters)
    }
}

/// Other names of classes.
fn alias(path: &str) -> &str {
    match path {
        "Bignum" => "Integer",
        "Digest::SHA2" => "Digest::SHA256",
        other => other.strip_prefix("::").unwrap_or(other),
    }
}
