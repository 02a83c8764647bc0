//! The parser: statements, scopes of variables, and what all of it shares. Expressions are in [`expression`](super::expression),
//! calls in [`calls`](super::calls), control structures in [`control`](super::control).

use super::SyntaxError;
use super::ast::{BlockCode, Kind, Node, Parameters, Program, Target, Unit};
use super::lexer::{Before, Lexer, Tok, Token};
use super::value::Val;

/// How deep a program may nest.
const DEPTH_MAX: usize = 100;
/// How many operators or calls may follow each other in one chain: it makes a tree as deep as it is long.
const CHAIN_MAX: usize = 500;

/// Something about a program that does not keep it from being parsed.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// Logstash would run it, so it is a warning only.
    pub(crate) runs: bool,
}

/// The variables of a block or method.
struct Scope {
    names: Vec<String>,
    /// A block sees the variables around it.
    is_block: bool,
}

pub(crate) struct Parser<'s, 'p> {
    pub(crate) lexer: Lexer<'s>,
    pub(crate) peeked: Option<Token>,
    scopes: Vec<Scope>,
    pub(crate) program: &'p mut Program,
    pub(crate) problems: &'p mut Vec<Problem>,
    /// The names used as methods without a receiver that must be defined somewhere: number of the method, place, name.
    pub(crate) unresolved: &'p mut Vec<Unresolved>,
    /// `do` belongs to a loop or an outer call here.
    pub(crate) no_do: usize,
    depth: usize,
    /// Where the stack was when parsing began.
    stack: usize,
    /// The number of the unit that is being parsed.
    pub(crate) unit: usize,
    /// The unit runs once, before the first event.
    pub(crate) init: bool,
    /// Depth in code that runs later than where it stands: methods and lambdas.
    pub(crate) deferred: usize,
    /// Constants that the program assigns.
    pub(crate) assigned_constants: Vec<String>,
}

/// A name that only the whole program can explain.
#[derive(Clone, Debug)]
pub(crate) struct Unresolved {
    pub(crate) unit: usize,
    pub(crate) at: usize,
    pub(crate) name: String,
    pub(crate) what: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A method of the program; with arguments it cannot have been meant as a variable.
    Method {
        with_arguments: bool,
    },
    Constant,
}

pub(crate) type Parsed<T> = Result<T, SyntaxError>;

/// Parses a source into a unit of the program. `variables` are those that the filter provides.
pub(crate) fn parse_unit(
    source: &str,
    variables: &[&str],
    init: bool,
    program: &mut Program,
    problems: &mut Vec<Problem>,
    unresolved: &mut Vec<Unresolved>,
) -> Parsed<Unit> {
    let unit = program.units.len();
    let mut parser = Parser {
        lexer: Lexer::new(source, 0, source.len()),
        peeked: None,
        scopes: vec![Scope {
            names: variables.iter().map(|&name| name.to_owned()).collect(),
            is_block: false,
        }],
        program,
        problems,
        unresolved,
        no_do: 0,
        depth: 0,
        stack: super::stack_position(),
        unit,
        init,
        deferred: 0,
        assigned_constants: Vec::new(),
    };
    let body = parser.statements(&[])?;
    if parser.peek()?.tok != Tok::End {
        return parser.unexpected("the end of the code");
    }
    let slots = parser.scopes[0].names.len() as u16;
    let assigned = parser.assigned_constants;
    unresolved.retain(|one| one.what != Wanted::Constant || !assigned.contains(&one.name));
    program.constants_assigned.extend(assigned);
    Ok(Unit { body, slots })
}

impl<'s> Parser<'s, '_> {
    // Tokens.

    pub(crate) fn peek(&mut self) -> Parsed<&Token> {
        if self.peeked.is_none() {
            self.peeked = Some(self.lexer.next()?);
        }
        match &self.peeked {
            Some(token) => Ok(token),
            None => Err(SyntaxError::new(self.lexer.at, "unexpected end")),
        }
    }

    /// Takes the next token and tells the lexer what follows it.
    pub(crate) fn advance(&mut self) -> Parsed<Token> {
        self.peek()?;
        let Some(token) = self.peeked.take() else {
            return Err(SyntaxError::new(self.lexer.at, "unexpected end"));
        };
        self.lexer.before = match &token.tok {
            Tok::Ident(name) if self.lookup(name).is_none() => Before::Method,
            Tok::Constant(_) => Before::Operator,
            Tok::Op(")" | "]" | "}") => Before::Operator,
            Tok::Op("." | "&.") => Before::Dot,
            Tok::Keyword("def") => Before::Def,
            Tok::Keyword(
                "end" | "self" | "nil" | "true" | "false" | "__method__" | "__FILE__" | "__LINE__",
            ) => Before::Operator,
            Tok::Keyword("yield" | "super" | "defined?") => Before::Method,
            Tok::Op(_) | Tok::Keyword(_) | Tok::Newline | Tok::Label(_) | Tok::StrLabel(_) => {
                Before::Value
            }
            _ => Before::Operator,
        };
        Ok(token)
    }

    pub(crate) fn at(&mut self) -> Parsed<usize> {
        Ok(self.peek()?.start)
    }

    pub(crate) fn is_op(&mut self, operator: &str) -> Parsed<bool> {
        Ok(matches!(self.peek()?.tok, Tok::Op(op) if op == operator))
    }

    pub(crate) fn is_keyword(&mut self, keyword: &str) -> Parsed<bool> {
        Ok(matches!(self.peek()?.tok, Tok::Keyword(word) if word == keyword))
    }

    pub(crate) fn take_op(&mut self, operator: &str) -> Parsed<bool> {
        let found = self.is_op(operator)?;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(crate) fn take_keyword(&mut self, keyword: &str) -> Parsed<bool> {
        let found = self.is_keyword(keyword)?;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(crate) fn expect_op(&mut self, operator: &'static str) -> Parsed<()> {
        if self.take_op(operator)? {
            return Ok(());
        }
        self.unexpected(&format!("`{operator}`"))
    }

    /// The `end` of what began at `opened`.
    pub(crate) fn expect_end(&mut self, opened: usize, what: &str) -> Parsed<()> {
        if self.take_keyword("end")? {
            return Ok(());
        }
        if self.peek()?.tok == Tok::End {
            return Err(SyntaxError::new(
                opened,
                format!("this `{what}` has no `end`"),
            ));
        }
        self.unexpected("`end`")
    }

    pub(crate) fn skip_newlines(&mut self) -> Parsed<()> {
        while self.peek()?.tok == Tok::Newline {
            self.advance()?;
        }
        Ok(())
    }

    pub(crate) fn unexpected<T>(&mut self, wanted: &str) -> Parsed<T> {
        let token = self.peek()?.clone();
        let found = describe(&token.tok);
        Err(SyntaxError::new(
            token.start,
            format!("expected {wanted}, found {found}"),
        ))
    }

    /// Refuses a construct that Ruby has and Kelp has not.
    pub(crate) fn refuse<T>(&self, at: usize, construct: &str, instead: &str) -> Parsed<T> {
        let message = format!("{construct} is not supported");
        Err(SyntaxError::new(at, message).help(instead))
    }

    pub(crate) fn problem(&mut self, at: usize, message: String, help: Option<String>, runs: bool) {
        self.problems.push(Problem {
            at,
            message,
            help,
            runs,
        });
    }

    /// Keeps nesting within bounds, so that neither parsing nor running a program can exhaust the stack.
    pub(crate) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX || super::stack_position().abs_diff(self.stack) > super::STACK_MAX
        {
            return Err(SyntaxError::new(self.lexer.at, "the code nests too deep"));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Counts a link of a chain of operators or calls.
    pub(crate) fn link(&self, links: &mut usize) -> Parsed<()> {
        *links += 1;
        if *links > CHAIN_MAX {
            return Err(
                SyntaxError::new(self.lexer.at, "the expression is too long")
                    .help("put parts of it into variables"),
            );
        }
        Ok(())
    }

    /// Parses something that may turn out to be something else: on `None` or an error all is as before.
    pub(crate) fn attempt<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Parsed<Option<T>>,
    ) -> Parsed<Option<T>> {
        let (lexer, peeked) = (self.lexer.clone(), self.peeked.clone());
        let counts = (self.no_do, self.deferred, self.depth);
        let (scopes, names) = (self.scopes.len(), self.scope_names());
        let (problems, unresolved) = (self.problems.len(), self.unresolved.len());
        let found = parse(self);
        if !matches!(found, Ok(Some(_))) {
            self.lexer = lexer;
            self.peeked = peeked;
            (self.no_do, self.deferred, self.depth) = counts;
            self.scopes.truncate(scopes);
            if let Some(scope) = self.scopes.last_mut() {
                scope.names.truncate(names);
            }
            self.problems.truncate(problems);
            self.unresolved.truncate(unresolved);
        }
        found
    }

    // Scopes.

    fn scope_names(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.names.len())
    }

    /// Where a variable is: how many scopes out, and its number there.
    pub(crate) fn lookup(&self, name: &str) -> Option<(u16, u16)> {
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            if let Some(slot) = scope.names.iter().position(|have| have == name) {
                return Some((depth as u16, slot as u16));
            }
            if !scope.is_block {
                return None;
            }
        }
        None
    }

    /// The variable, made in the innermost scope where there is none.
    pub(crate) fn declare(&mut self, name: &str) -> (u16, u16) {
        if let Some(found) = self.lookup(name) {
            return found;
        }
        (0, self.declare_here(name))
    }

    /// A new variable of the innermost scope, whatever is around.
    pub(crate) fn declare_here(&mut self, name: &str) -> u16 {
        match self.scopes.last_mut() {
            Some(scope) => {
                scope.names.push(name.to_owned());
                (scope.names.len() - 1) as u16
            }
            None => 0,
        }
    }

    /// Parses the code of a block or method in a scope of its own.
    pub(crate) fn in_scope(
        &mut self,
        is_block: bool,
        parse: impl FnOnce(&mut Self) -> Parsed<(Parameters, Node)>,
    ) -> Parsed<BlockCode> {
        self.scopes.push(Scope {
            names: Vec::new(),
            is_block,
        });
        let no_do = std::mem::take(&mut self.no_do);
        let parsed = self.nested(parse);
        self.no_do = no_do;
        let names = self.scopes.pop().map_or(0, |scope| scope.names.len());
        let (parameters, body) = parsed?;
        Ok(BlockCode {
            parameters,
            body,
            slots: names as u16,
        })
    }

    pub(crate) fn in_block(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.is_block)
    }

    // Statements.

    /// Statements up to one of `ends` (keywords, or `}`), which is not taken.
    pub(crate) fn statements(&mut self, ends: &[&str]) -> Parsed<Node> {
        let at = self.at()?;
        let mut list = Vec::new();
        loop {
            self.skip_newlines()?;
            let token = self.peek()?;
            let done = match &token.tok {
                Tok::End => true,
                Tok::Keyword(word) => ends.contains(word),
                Tok::Op(op) => ends.contains(op),
                _ => false,
            };
            if done {
                break;
            }
            list.push(self.statement()?);
            let tok = &self.peek()?.tok;
            let ended = match tok {
                Tok::Newline | Tok::End => true,
                Tok::Keyword(word) => ends.contains(word),
                Tok::Op(op) => ends.contains(op),
                _ => false,
            };
            if !ended {
                return self.unexpected("the end of the statement");
            }
        }
        Ok(match list.len() {
            0 => node(at, Kind::Value(Val::Nil)),
            1 => list.remove(0),
            _ => node(at, Kind::Sequence(list)),
        })
    }

    /// A statement with its modifiers.
    pub(crate) fn statement(&mut self) -> Parsed<Node> {
        let mut statement = self.nested(Self::expression_statement)?;
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            let Tok::Keyword(word) = self.peek()?.tok else {
                return Ok(statement);
            };
            let at = self.at()?;
            if !matches!(word, "if" | "unless" | "while" | "until" | "rescue") {
                return Ok(statement);
            }
            self.advance()?;
            let body = Box::new(statement);
            let kind = match word {
                "rescue" => {
                    let rescued = self.nested(Self::expression_statement)?;
                    rescue_modifier(*body, rescued)
                }
                _ => {
                    let condition = Box::new(self.nested(Self::expression_statement)?);
                    match word {
                        "if" => Kind::If {
                            condition,
                            then: body,
                            otherwise: nil(at),
                        },
                        "unless" => Kind::If {
                            condition,
                            then: nil(at),
                            otherwise: body,
                        },
                        _ => Kind::While {
                            condition,
                            until: word == "until",
                            body_first: matches!(body.kind, Kind::Begin(_)),
                            body,
                        },
                    }
                }
            };
            statement = node(at, kind);
        }
    }

    /// An expression with `and`, `or` and `not`.
    pub(crate) fn expression_statement(&mut self) -> Parsed<Node> {
        let mut left = self.not_expression()?;
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            let at = self.at()?;
            let and = self.take_keyword("and")?;
            if !and && !self.take_keyword("or")? {
                return Ok(left);
            }
            self.skip_newlines()?;
            let right = Box::new(self.not_expression()?);
            let kind = match and {
                true => Kind::And(Box::new(left), right),
                false => Kind::Or(Box::new(left), right),
            };
            left = node(at, kind);
        }
    }

    fn not_expression(&mut self) -> Parsed<Node> {
        let at = self.at()?;
        if self.take_keyword("not")? {
            let operand = self.nested(Self::not_expression)?;
            return Ok(node(at, Kind::Not(Box::new(operand))));
        }
        let first = self.expression()?;
        if self.is_op(",")? && self.can_be_target(&first)? {
            return self.multiple_assignment(first);
        }
        if matches!(first.kind, Kind::Splat(_)) {
            return self.multiple_assignment(first);
        }
        Ok(first)
    }

    /// `a, b = ...`: `first` is `a`.
    fn multiple_assignment(&mut self, first: Node) -> Parsed<Node> {
        let at = first.at as usize;
        let mut targets: Vec<Target> = vec![self.target(first)?];
        while self.take_op(",")? {
            if self.is_op("=")? {
                break;
            }
            let next = self.target_expression()?;
            targets.push(self.target(next)?);
        }
        self.expect_op("=")?;
        self.skip_newlines()?;
        let value = self.right_side()?;
        Ok(node(at, Kind::MultiAssign(targets, Box::new(value))))
    }

    /// What is assigned: one value, or several that make an array.
    pub(crate) fn right_side(&mut self) -> Parsed<Node> {
        let at = self.at()?;
        let first = self.splat_or_expression()?;
        let mut value = if self.is_op(",")? || matches!(first.kind, Kind::Splat(_)) {
            let mut list = vec![first];
            while self.take_op(",")? {
                self.skip_newlines()?;
                list.push(self.splat_or_expression()?);
            }
            node(at, Kind::Array(list))
        } else {
            first
        };
        if self.is_keyword("rescue")? {
            self.advance()?;
            let rescued = self.expression()?;
            value = node(at, rescue_modifier(value, rescued));
        }
        Ok(value)
    }

    pub(crate) fn splat_or_expression(&mut self) -> Parsed<Node> {
        let at = self.at()?;
        if self.peek()?.prefix && self.take_op("*")? {
            let list = Box::new(self.expression()?);
            return Ok(node(at, Kind::Splat(list)));
        }
        self.expression()
    }
}

pub(crate) fn node(at: usize, kind: Kind) -> Node {
    Node {
        kind,
        at: at as u32,
    }
}

pub(crate) fn nil(at: usize) -> Box<Node> {
    Box::new(node(at, Kind::Value(Val::Nil)))
}

fn rescue_modifier(body: Node, rescued: Node) -> Kind {
    Kind::Begin(Box::new(super::ast::Begin {
        body,
        rescues: vec![super::ast::Rescue {
            classes: Vec::new(),
            target: None,
            body: rescued,
        }],
        otherwise: None,
        ensure: None,
    }))
}

/// A token for messages.
pub(crate) fn describe(tok: &Tok) -> String {
    match tok {
        Tok::Newline => "the end of the line".to_owned(),
        Tok::End => "the end of the code".to_owned(),
        Tok::Int(number) => format!("`{number}`"),
        Tok::BigInt(digits) => format!("`{digits}`"),
        Tok::Float(number) => format!("`{number}`"),
        Tok::Ident(name) | Tok::Constant(name) | Tok::Variable(name) => format!("`{name}`"),
        Tok::LastMatch(number) => format!("`${number}`"),
        Tok::Keyword(word) => format!("`{word}`"),
        Tok::Label(name) => format!("`{name}:`"),
        Tok::Str(_) | Tok::StrLabel(_) => "a string".to_owned(),
        Tok::Sym(name) => format!("`:{name}`"),
        Tok::DynSym(_) => "a symbol".to_owned(),
        Tok::Regex(..) => "a pattern".to_owned(),
        Tok::Words(_) | Tok::Symbols(_) => "a list of words".to_owned(),
        Tok::Op(op) => format!("`{op}`"),
    }
}
