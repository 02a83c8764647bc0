//! What a value can begin with: literals, names, control structures, definitions.

use super::SyntaxError;
use super::ast::{Begin, Case, Kind, Node, Parameters, Rescue, Target};
use super::calls::ParameterSource;
use super::class::Class;
use super::lexer::{Before, Lexer, Tok};
use super::parser::{Parsed, Parser, Unresolved, Wanted, nil, node};
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

    fn keyword(&mut self, word: &'static str, at: usize) -> Parsed<Node> {
        let kind = match word {
            "nil" => Kind::Value(Val::Nil),
            "true" => Kind::Value(Val::True),
            "false" => Kind::Value(Val::False),
            "self" => Kind::SelfRef,
            "if" => return self.if_(at, false),
            "unless" => return self.if_(at, true),
            "while" | "until" => self.while_(at, word)?,
            "case" => self.case(at)?,
            "for" => self.for_(at)?,
            "begin" => {
                let body = self.nested(|parser| parser.body(at))?;
                self.expect_end(at, "begin")?;
                match body.kind {
                    Kind::Begin(begin) => Kind::Begin(begin),
                    _ => Kind::Begin(Box::new(Begin {
                        body,
                        rescues: Vec::new(),
                        otherwise: None,
                        ensure: None,
                    })),
                }
            }
            "def" => self.def(at)?,
            "return" => Kind::Return(self.optional_value()?),
            "break" => Kind::Break(self.optional_value()?),
            "next" => Kind::Next(self.optional_value()?),
            "retry" => Kind::Retry,
            "yield" => {
                let arguments = if self.is_op("(")? {
                    self.advance()?;
                    self.list(")")?
                } else if self.value_follows()? {
                    self.command_arguments()?
                } else {
                    Vec::new()
                };
                Kind::Yield(arguments)
            }
            "__method__" => Kind::Value(Val::Nil),
            "__FILE__" | "__LINE__" => {
                return self.refuse(at, &format!("`{word}`"), "write the value out");
            }
            "class" | "module" => {
                return self.refuse(
                    at,
                    &format!("defining a {word}"),
                    "define methods with `def` and keep state in instance variables",
                );
            }
            "super" => return self.refuse(at, "`super`", "there are no classes to inherit from"),
            "redo" => return self.refuse(at, "`redo`", "use a loop"),
            "alias" | "undef" | "BEGIN" | "END" => {
                return self.refuse(at, &format!("`{word}`"), "leave it out");
            }
            "then" | "do" | "end" | "else" | "elsif" | "when" | "rescue" | "ensure" | "in"
            | "and" | "or" | "not" | "defined?" => {
                return Err(SyntaxError::new(
                    at,
                    format!("expected a value, found `{word}`"),
                ));
            }
            other => return self.refuse(at, &format!("`{other}`"), "leave it out"),
        };
        Ok(node(at, kind))
    }

    /// Whether a value follows on this line.
    fn value_follows(&mut self) -> Parsed<bool> {
        let token = self.peek()?;
        Ok(match &token.tok {
            Tok::Newline | Tok::End => false,
            Tok::Keyword(word) => matches!(
                *word,
                "nil" | "true" | "false" | "self" | "not" | "defined?" | "case" | "begin" | "yield"
            ),
            Tok::Op(op) => {
                matches!(*op, "(" | "[" | "{" | "->" | "-" | "!" | "~" | "*" | "::") && token.prefix
            }
            _ => true,
        })
    }

    fn optional_value(&mut self) -> Parsed<Option<Box<Node>>> {
        if !self.value_follows()? {
            return Ok(None);
        }
        let value = self.right_side()?;
        Ok(Some(Box::new(value)))
    }

    fn condition(&mut self) -> Parsed<Node> {
        self.no_do += 1;
        let condition = self.nested(Self::expression_statement)?;
        self.no_do = self.no_do.saturating_sub(1);
        Ok(condition)
    }

    /// `if` and `unless`, behind the word.
    fn if_(&mut self, at: usize, negated: bool) -> Parsed<Node> {
        let word = if negated { "unless" } else { "if" };
        let node = self.nested(|parser| parser.if_branch(at, negated))?;
        self.expect_end(at, word)?;
        Ok(node)
    }

    fn if_branch(&mut self, at: usize, negated: bool) -> Parsed<Node> {
        let condition = Box::new(self.condition()?);
        self.take_keyword("then")?;
        self.skip_newlines()?;
        self.take_keyword("then")?;
        let then = Box::new(self.statements(&["else", "elsif", "end"])?);
        let otherwise = if self.take_keyword("else")? {
            Box::new(self.statements(&["end"])?)
        } else if self.is_keyword("elsif")? {
            let at = self.advance()?.start;
            Box::new(self.nested(|parser| parser.if_branch(at, false))?)
        } else {
            nil(at)
        };
        let (then, otherwise) = if negated {
            (otherwise, then)
        } else {
            (then, otherwise)
        };
        Ok(node(
            at,
            Kind::If {
                condition,
                then,
                otherwise,
            },
        ))
    }

    fn while_(&mut self, at: usize, word: &'static str) -> Parsed<Kind> {
        let condition = Box::new(self.condition()?);
        self.take_keyword("do")?;
        let body = Box::new(self.nested(|parser| parser.statements(&["end"]))?);
        self.expect_end(at, word)?;
        Ok(Kind::While {
            condition,
            body,
            until: word == "until",
            body_first: false,
        })
    }

    fn case(&mut self, at: usize) -> Parsed<Kind> {
        let subject = if self.peek()?.tok == Tok::Newline || self.is_keyword("when")? {
            None
        } else {
            Some(self.nested(Self::expression_statement)?)
        };
        self.skip_newlines()?;
        let mut branches = Vec::new();
        while self.take_keyword("when")? {
            let mut tests = Vec::new();
            loop {
                self.skip_newlines()?;
                tests.push(self.splat_or_expression()?);
                if !self.take_op(",")? {
                    break;
                }
            }
            self.take_keyword("then")?;
            self.skip_newlines()?;
            self.take_keyword("then")?;
            let body = self.nested(|parser| parser.statements(&["when", "else", "end"]))?;
            branches.push((tests, body));
        }
        if self.is_keyword("in")? {
            return self.refuse(
                at,
                "matching by `case ... in`",
                "use `case ... when` or `if`",
            );
        }
        let otherwise = match self.take_keyword("else")? {
            true => Some(self.nested(|parser| parser.statements(&["end"]))?),
            false => None,
        };
        self.expect_end(at, "case")?;
        Ok(Kind::Case(Box::new(Case {
            subject,
            branches,
            otherwise,
        })))
    }

    fn for_(&mut self, at: usize) -> Parsed<Kind> {
        let mut targets = Vec::new();
        loop {
            let name = self.postfix()?;
            targets.push(self.target(name)?);
            if !self.take_op(",")? {
                break;
            }
        }
        if !self.take_keyword("in")? {
            return self.unexpected("`in`");
        }
        let list = Box::new(self.condition()?);
        self.take_keyword("do")?;
        let body = Box::new(self.nested(|parser| parser.statements(&["end"]))?);
        self.expect_end(at, "for")?;
        let target = Box::new(match targets.len() {
            1 => targets.remove(0),
            _ => Target::Nested(targets),
        });
        Ok(Kind::For { target, list, body })
    }

    /// Statements with `rescue`, `else` and `ensure`, up to `end`.
    pub(crate) fn body(&mut self, at: usize) -> Parsed<Node> {
        let body = self.statements(&["rescue", "else", "ensure", "end"])?;
        let mut rescues = Vec::new();
        while self.take_keyword("rescue")? {
            rescues.push(self.rescue()?);
        }
        let otherwise = match self.take_keyword("else")? {
            true => Some(self.statements(&["ensure", "end"])?),
            false => None,
        };
        let ensure = match self.take_keyword("ensure")? {
            true => Some(self.statements(&["end"])?),
            false => None,
        };
        if rescues.is_empty() && ensure.is_none() && otherwise.is_none() {
            return Ok(body);
        }
        let begin = Begin {
            body,
            rescues,
            otherwise,
            ensure,
        };
        Ok(node(at, Kind::Begin(Box::new(begin))))
    }

    fn rescue(&mut self) -> Parsed<Rescue> {
        let mut classes = Vec::new();
        while !matches!(
            self.peek()?.tok,
            Tok::Newline | Tok::Keyword("then") | Tok::Op("=>")
        ) {
            classes.push(self.splat_or_expression()?);
            if !self.take_op(",")? {
                break;
            }
            self.skip_newlines()?;
        }
        let target = if self.take_op("=>")? {
            let name = self.postfix()?;
            Some(self.target(name)?)
        } else {
            None
        };
        self.take_keyword("then")?;
        let body = self.statements(&["rescue", "else", "ensure", "end"])?;
        Ok(Rescue {
            classes,
            target,
            body,
        })
    }

    fn def(&mut self, at: usize) -> Parsed<Kind> {
        let mut token = self.advance()?;
        if token.tok == Tok::Ident("self".to_owned()) && self.take_op(".")? {
            token = self.advance()?;
        }
        let Tok::Ident(name) = token.tok else {
            return Err(SyntaxError::new(
                token.start,
                "expected the name of a method",
            ));
        };
        self.lexer.before = Before::Operator;
        // A script's `register` runs once, before the first event.
        let deferred = usize::from(!(self.init && name == "register"));
        self.deferred += deferred;
        let code = self.in_scope(false, |parser| {
            let parameters = if parser.take_op("(")? {
                parser.parameters(")")?
            } else if parser.peek()?.tok == Tok::Newline || parser.is_op("=")? {
                Parameters::default()
            } else {
                parser.parameters("\n")?
            };
            if parser.take_op("=")? {
                parser.skip_newlines()?;
                return Ok((parameters, parser.statement()?));
            }
            let body = parser.body(at)?;
            parser.expect_end(at, "def")?;
            Ok((parameters, body))
        })?;
        self.deferred = self.deferred.saturating_sub(deferred);
        let number = self.program.method(&name);
        self.program.methods[number as usize].code = Some(code);
        Ok(Kind::Define(number))
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
