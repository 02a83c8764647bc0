//! Control structures and definitions.

use super::SyntaxError;
use super::ast::{Begin, Case, Kind, Node, Parameters, Rescue, Target};
use super::lexer::{Before, Tok};
use super::parser::{Parsed, Parser, nil, node};
use super::value::Val;

impl Parser<'_, '_> {
    /// What a keyword begins, behind it.
    pub(crate) fn keyword(&mut self, word: &'static str, at: usize) -> Parsed<Node> {
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
