//! Expressions: assignments, operators by precedence, literals.

use num_bigint::BigInt;

use super::SyntaxError;
use super::ast::{AssignOp, Interpolated, Kind, Node, Target};
use super::lexer::{Lexer, Tok};
use super::literal::Piece;
use super::names::M;
use super::parser::{Parsed, Parser, node};
use super::value::{Obj, Text, Val};
use crate::regex::{Options, Regex};

/// Binary operators that are calls, by precedence; higher binds tighter.
fn precedence(operator: &str) -> Option<(u8, M)> {
    Some(match operator {
        "<=>" => (5, M::Cmp),
        "==" => (5, M::Eq),
        "===" => (5, M::CaseEq),
        "!=" => (5, M::NotEq),
        "=~" => (5, M::Match_),
        "!~" => (5, M::NotMatch),
        "<" => (6, M::Lt),
        "<=" => (6, M::Le),
        ">" => (6, M::Gt),
        ">=" => (6, M::Ge),
        "|" => (7, M::BitOr),
        "^" => (7, M::BitXor),
        "&" => (8, M::BitAnd),
        "<<" => (9, M::Shl),
        ">>" => (9, M::Shr),
        "+" => (10, M::Add),
        "-" => (10, M::Sub),
        "*" => (11, M::Mul),
        "/" => (11, M::Div),
        "%" => (11, M::Rem),
        _ => return None,
    })
}

fn assign_operator(operator: &str) -> Option<AssignOp> {
    Some(match operator {
        "||=" => AssignOp::Or,
        "&&=" => AssignOp::And,
        other => AssignOp::Call(
            precedence(other.strip_suffix('=')?)
                .map(|(_, method)| method)
                .or((other == "**=").then_some(M::Pow))?,
        ),
    })
}

impl Parser<'_, '_> {
    /// An expression without `and`, `or`, `not` and modifiers.
    pub(crate) fn expression(&mut self) -> Parsed<Node> {
        self.nested(|parser| {
            let left = parser.splat_target_or_ternary()?;
            let at = left.at as usize;
            let Tok::Op(operator) = parser.peek()?.tok else {
                return Ok(left);
            };
            if operator == "=" && parser.can_be_target(&left)? {
                let target = Box::new(parser.target(left)?);
                parser.advance()?;
                parser.skip_newlines()?;
                let value = parser.right_side()?;
                return Ok(node(at, Kind::Assign(target, Box::new(value))));
            }
            if let Some(operator) = assign_operator(operator)
                && parser.can_be_target(&left)?
            {
                let target = Box::new(parser.target(left)?);
                parser.advance()?;
                parser.skip_newlines()?;
                let value = parser.right_side()?;
                return Ok(node(at, Kind::OpAssign(target, operator, Box::new(value))));
            }
            Ok(left)
        })
    }

    /// `*a` can begin a multiple assignment.
    fn splat_target_or_ternary(&mut self) -> Parsed<Node> {
        let at = self.at()?;
        if self.peek()?.prefix && self.is_op("*")? {
            self.advance()?;
            let list = Box::new(self.postfix()?);
            return Ok(node(at, Kind::Splat(list)));
        }
        self.ternary()
    }

    /// One target of a multiple assignment.
    pub(crate) fn target_expression(&mut self) -> Parsed<Node> {
        self.splat_target_or_ternary()
    }

    pub(crate) fn can_be_target(&mut self, left: &Node) -> Parsed<bool> {
        Ok(match &left.kind {
            Kind::Local { .. } | Kind::Global(_) | Kind::Splat(_) => true,
            Kind::Call(call) => {
                let plain = call.arguments.is_empty() && call.block.is_none();
                match (&call.receiver, call.method) {
                    (None, _) => plain && call.own.is_some(),
                    (Some(_), M::Index) => true,
                    (Some(_), _) => plain,
                }
            }
            Kind::Sequence(_) => false,
            _ => false,
        })
    }

    /// What an expression on the left of `=` is assigned to.
    pub(crate) fn target(&mut self, left: Node) -> Parsed<Target> {
        let at = left.at;
        match left.kind {
            Kind::Local { depth, slot } => {
                self.program.facts.changes_state |= depth > 0 && self.init && self.deferred > 0;
                Ok(Target::Local { depth, slot })
            }
            Kind::Global(number) => {
                self.program.facts.changes_state |= !self.in_init();
                Ok(Target::Global(number))
            }
            Kind::Splat(inner) => Ok(Target::Splat(Some(Box::new(self.target(*inner)?)))),
            Kind::Call(call) => match call.receiver {
                None => {
                    let name = call
                        .own
                        .map(|own| self.program.methods[own as usize].name.to_string());
                    let Some(name) = name else {
                        return Err(SyntaxError::new(at as usize, "this cannot be assigned to"));
                    };
                    self.unresolved
                        .retain(|one| !(one.at == at as usize && one.unit == self.unit));
                    let (depth, slot) = self.declare(&name);
                    Ok(Target::Local { depth, slot })
                }
                Some(receiver) if call.method == M::Index => {
                    self.note_change(&receiver);
                    Ok(Target::Index {
                        receiver,
                        arguments: call.arguments,
                    })
                }
                Some(receiver) => {
                    self.problems.retain(|problem| problem.at != at as usize);
                    let text = match call.own {
                        Some(own) => self.program.methods[own as usize].name.to_string(),
                        None => call.method.name().to_owned(),
                    };
                    let Some(name) = M::named(&format!("{text}=")) else {
                        let message = format!("nothing has an attribute `{text}` that can be set");
                        return Err(SyntaxError::new(at as usize, message));
                    };
                    Ok(Target::Attribute {
                        receiver,
                        name,
                        safe: call.safe,
                    })
                }
            },
            _ => Err(SyntaxError::new(at as usize, "this cannot be assigned to")),
        }
    }

    fn ternary(&mut self) -> Parsed<Node> {
        let condition = self.range()?;
        if !self.is_op("?")? {
            return Ok(condition);
        }
        let at = condition.at as usize;
        self.advance()?;
        self.skip_newlines()?;
        let outer = std::mem::replace(&mut self.lexer.no_label, true);
        let then = self.nested(Self::ternary_branch);
        self.lexer.no_label = outer;
        let then = then?;
        self.skip_newlines()?;
        if let Tok::Sym(name) = self.peek()?.tok.clone() {
            // `a ?b :c`
            self.advance()?;
            let otherwise = self.bare_name(name, at)?;
            return Ok(conditional(at, condition, then, otherwise));
        }
        self.expect_op(":")?;
        self.skip_newlines()?;
        let otherwise = self.nested(Self::ternary_branch)?;
        Ok(conditional(at, condition, then, otherwise))
    }

    /// The default of a block's parameter, which ends before `|`.
    pub(crate) fn ternary_without_pipe(&mut self) -> Parsed<Node> {
        self.binary(7)
    }

    fn ternary_branch(&mut self) -> Parsed<Node> {
        self.expression()
    }

    fn range(&mut self) -> Parsed<Node> {
        let at = self.at()?;
        if self.peek()?.prefix && (self.is_op("..")? || self.is_op("...")?) {
            let exclusive = self.is_op("...")?;
            self.advance()?;
            let last = Box::new(self.or()?);
            let first = super::parser::nil(at);
            return Ok(node(
                at,
                Kind::Range {
                    first,
                    last,
                    exclusive,
                },
            ));
        }
        let first = self.or()?;
        let exclusive = self.is_op("...")?;
        if !exclusive && !self.is_op("..")? {
            return Ok(first);
        }
        self.advance()?;
        let endless = matches!(
            self.peek()?.tok,
            Tok::Op(")" | "]" | ",") | Tok::Newline | Tok::End | Tok::Keyword("then")
        );
        let last = if endless {
            super::parser::nil(at)
        } else {
            Box::new(self.or()?)
        };
        let first = Box::new(first);
        Ok(node(
            at,
            Kind::Range {
                first,
                last,
                exclusive,
            },
        ))
    }

    fn or(&mut self) -> Parsed<Node> {
        let mut left = self.and()?;
        let mut links = 0;
        while self.is_op("||")? {
            self.link(&mut links)?;
            let at = self.advance()?.start;
            self.skip_newlines()?;
            let right = Box::new(self.and()?);
            left = node(at, Kind::Or(Box::new(left), right));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Node> {
        let mut left = self.defined()?;
        let mut links = 0;
        while self.is_op("&&")? {
            self.link(&mut links)?;
            let at = self.advance()?.start;
            self.skip_newlines()?;
            let right = Box::new(self.defined()?);
            left = node(at, Kind::And(Box::new(left), right));
        }
        Ok(left)
    }

    fn defined(&mut self) -> Parsed<Node> {
        let at = self.at()?;
        if !self.take_keyword("defined?")? {
            return self.binary(0);
        }
        let operand = self.nested(Self::unary)?;
        self.unresolved
            .retain(|one| one.at < at || one.unit != self.unit);
        Ok(node(at, Kind::Defined(Box::new(operand))))
    }

    fn binary(&mut self, least: u8) -> Parsed<Node> {
        let mut left = self.unary()?;
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            let token = self.peek()?;
            let (Tok::Op(operator), false) = (&token.tok, token.prefix) else {
                return Ok(left);
            };
            let Some((level, method)) = precedence(operator).filter(|(level, _)| *level > least)
            else {
                return Ok(left);
            };
            let at = self.advance()?.start;
            self.skip_newlines()?;
            let right = self.nested(|parser| parser.binary(level))?;
            let names = match method {
                M::Match_ => self.named_captures(&left),
                _ => Vec::new(),
            };
            left = self.operator_call(at, left, method, vec![right]);
            if !names.is_empty() {
                left = node(at, Kind::NamedMatch(Box::new(left), names));
            }
            // An assignment may stand on the right: `a && b = 1` is handled by `and`.
        }
    }

    /// The variables that a pattern on the left of `=~` assigns: its named groups.
    fn named_captures(&mut self, pattern: &Node) -> Vec<(Target, Box<str>)> {
        let Kind::Value(Val::Ref(number)) = pattern.kind else {
            return Vec::new();
        };
        let names: Vec<String> = match self.program.constants.get(number as usize) {
            Some(Obj::Regex(regex, _)) => regex
                .capture_names()
                .map(|(name, _)| name.to_owned())
                .collect(),
            _ => Vec::new(),
        };
        let mut targets = Vec::new();
        for name in names {
            let (depth, slot) = self.declare(&name);
            targets.push((Target::Local { depth, slot }, name.into()));
        }
        targets
    }

    fn unary(&mut self) -> Parsed<Node> {
        let token = self.peek()?.clone();
        let Tok::Op(operator) = token.tok else {
            return self.power();
        };
        let at = token.start;
        match operator {
            "!" => {
                self.advance()?;
                let operand = Box::new(self.nested(Self::unary)?);
                // `!a = 1` assigns.
                if self.is_op("=")? && self.can_be_target(&operand)? {
                    let target = Box::new(self.target(*operand)?);
                    self.advance()?;
                    let value = Box::new(self.right_side()?);
                    let assigned = Box::new(node(at, Kind::Assign(target, value)));
                    return Ok(node(at, Kind::Not(assigned)));
                }
                Ok(node(at, Kind::Not(operand)))
            }
            "-" => {
                self.advance()?;
                let number = matches!(
                    self.peek()?.tok,
                    Tok::Int(_) | Tok::Float(_) | Tok::BigInt(_)
                );
                let operand = self.nested(|parser| {
                    if number {
                        parser.negative_number()
                    } else {
                        parser.unary()
                    }
                })?;
                if number {
                    return Ok(operand);
                }
                Ok(self.operator_call(at, operand, M::Neg, Vec::new()))
            }
            "+" => {
                self.advance()?;
                self.nested(Self::unary)
            }
            "~" => {
                self.advance()?;
                let operand = self.nested(Self::unary)?;
                Ok(self.operator_call(at, operand, M::BitNot, Vec::new()))
            }
            _ => self.power(),
        }
    }

    /// `-2.abs` is `(-2).abs`, but `-2 ** 2` is `-(2 ** 2)`.
    fn negative_number(&mut self) -> Parsed<Node> {
        let token = self.advance()?;
        let at = token.start;
        let power = self.is_op("**")?;
        let kind = match token.tok {
            Tok::Int(number) => Kind::Value(Val::Int(if power { number } else { -number })),
            Tok::Float(number) => Kind::Value(Val::Float(if power { number } else { -number })),
            Tok::BigInt(digits) => {
                let mut big: BigInt = digits.parse().unwrap_or_default();
                if !power {
                    big = -big;
                }
                Kind::Value(match i64::try_from(&big) {
                    Ok(small) => Val::Int(small),
                    Err(_) => self.program.constant(Obj::Big(big)),
                })
            }
            _ => return self.unexpected("a number"),
        };
        let number = node(at, kind);
        if power {
            let raised = self.power_of(number)?;
            return Ok(self.operator_call(at, raised, M::Neg, Vec::new()));
        }
        self.postfix_of(number)
    }

    fn power(&mut self) -> Parsed<Node> {
        let base = self.postfix()?;
        self.power_of(base)
    }

    fn power_of(&mut self, base: Node) -> Parsed<Node> {
        if !self.is_op("**")? || self.peek()?.prefix {
            return Ok(base);
        }
        let at = self.advance()?.start;
        self.skip_newlines()?;
        let exponent = self.nested(Self::unary)?;
        Ok(self.operator_call(at, base, M::Pow, vec![exponent]))
    }

    // Literals.

    /// A string of a token's pieces.
    pub(crate) fn string(&mut self, at: usize, pieces: Vec<Piece>) -> Parsed<Node> {
        let kind = match self.pieces(pieces)? {
            Ok(text) => Kind::Str(self.program.constant(Obj::Str(Text::from_utf8(text)))),
            Err(parts) => Kind::Interpolated(Interpolated::Str, parts),
        };
        Ok(node(at, kind))
    }

    pub(crate) fn symbol(&mut self, at: usize, pieces: Vec<Piece>) -> Parsed<Node> {
        let kind = match self.pieces(pieces)? {
            Ok(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                Kind::Value(self.symbol_constant(&text))
            }
            Err(parts) => Kind::Interpolated(Interpolated::Sym, parts),
        };
        Ok(node(at, kind))
    }

    pub(crate) fn symbol_constant(&mut self, name: &str) -> Val {
        self.program.constant(Obj::Sym(name.into()))
    }

    pub(crate) fn regex(&mut self, at: usize, pieces: Vec<Piece>, flags: &str) -> Parsed<Node> {
        let options = Options {
            multiline: flags.contains('m'),
            ignore_case: flags.contains('i'),
            extended: flags.contains('x'),
        };
        let flags = flag_text(options);
        let kind = match self.pieces(pieces)? {
            Ok(text) => {
                let pattern = String::from_utf8_lossy(&text).into_owned();
                match Regex::new(&pattern, options) {
                    Ok(regex) => Kind::Value(self.program.constant(Obj::Regex(regex, flags))),
                    Err(error) => {
                        return Err(SyntaxError::new(
                            at,
                            format!("this pattern cannot be used: {error}"),
                        ));
                    }
                }
            }
            Err(parts) => Kind::Interpolated(Interpolated::Regex(options, flags), parts),
        };
        Ok(node(at, kind))
    }

    /// The text of pieces without interpolation, else their nodes.
    fn pieces(&mut self, pieces: Vec<Piece>) -> Parsed<Result<Vec<u8>, Vec<Node>>> {
        if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            let texts = pieces.into_iter().flat_map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Code(..) => Vec::new(),
            });
            return Ok(Ok(texts.collect()));
        }
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            parts.push(match piece {
                Piece::Text(text) => {
                    let text = self.program.constant(Obj::Str(Text::from_utf8(text)));
                    node(0, Kind::Str(text))
                }
                Piece::Code(start, end) => self.interpolated(start, end)?,
            });
        }
        Ok(Err(parts))
    }

    /// Parses the code of an interpolation, with a lexer of its own.
    fn interpolated(&mut self, start: usize, end: usize) -> Parsed<Node> {
        let inner = Lexer::new(self.lexer.source, start, end);
        let outer = std::mem::replace(&mut self.lexer, inner);
        let peeked = self.peeked.take();
        let no_do = std::mem::take(&mut self.no_do);
        let parsed = self.nested(|parser| parser.statements(&[]));
        let ended = parsed.is_err() || self.peek()?.tok == Tok::End;
        self.no_do = no_do;
        if !ended {
            return self.unexpected("the end of the interpolation");
        }
        self.lexer = outer;
        self.peeked = peeked;
        parsed
    }
}

fn conditional(at: usize, condition: Node, then: Node, otherwise: Node) -> Node {
    let kind = Kind::If {
        condition: Box::new(condition),
        then: Box::new(then),
        otherwise: Box::new(otherwise),
    };
    node(at, kind)
}

/// The flags of a pattern as `inspect` shows them.
pub(crate) fn flag_text(options: Options) -> &'static str {
    match (options.multiline, options.ignore_case, options.extended) {
        (false, false, false) => "",
        (true, false, false) => "m",
        (false, true, false) => "i",
        (true, true, false) => "mi",
        (false, false, true) => "x",
        (true, false, true) => "mx",
        (false, true, true) => "ix",
        (true, true, true) => "mix",
    }
}
