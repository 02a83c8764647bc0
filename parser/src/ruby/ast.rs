//! The tree of a program: names of variables are resolved to places, names of methods to [`M`].

use super::class::Class;
use super::names::M;
use super::value::{Obj, Val};
use crate::regex::RegexCache;

/// A node and where it stands in its source.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Byte offset in the source.
    pub(crate) at: u32,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// `nil`, numbers, symbols, regular expressions without interpolation: made once.
    Value(Val),
    SelfRef,
    /// A string that is made anew each time; a constant holds its text.
    Str(Val),
    Interpolated(Interpolated, Vec<Node>),
    Array(Vec<Node>),
    Hash(Vec<(Node, Node)>),
    /// `*list` among arguments, elements or targets.
    Splat(Box<Node>),
    /// `**hash` as the key of a pair; the value is the hash.
    DoubleSplat,
    /// `&block` as the last argument.
    BlockPass(Box<Node>),
    Range {
        first: Box<Node>,
        last: Box<Node>,
        exclusive: bool,
    },
    Local {
        depth: u16,
        slot: u16,
    },
    /// An instance, class or global variable or a constant of the program.
    Global(u32),
    /// `$1`, or `$~` for 0, or one of the others in [`LastMatch`](super::lexer::Tok::LastMatch).
    LastMatch(u32),
    /// `/(?<name>x)/ =~ text`, which assigns variables.
    NamedMatch(Box<Node>, Vec<(Target, Box<str>)>),
    Assign(Box<Target>, Box<Node>),
    MultiAssign(Vec<Target>, Box<Node>),
    /// `a += 1`, `a ||= 1`
    OpAssign(Box<Target>, AssignOp, Box<Node>),
    Call(Box<Call>),
    Yield(Vec<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Defined(Box<Node>),
    If {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    While {
        condition: Box<Node>,
        body: Box<Node>,
        until: bool,
        /// `begin ... end while x` runs once before it asks.
        body_first: bool,
    },
    Case(Box<Case>),
    For {
        target: Box<Target>,
        list: Box<Node>,
        body: Box<Node>,
    },
    Begin(Box<Begin>),
    Sequence(Vec<Node>),
    Return(Option<Box<Node>>),
    Break(Option<Box<Node>>),
    Next(Option<Box<Node>>),
    Retry,
    /// A method of the program is defined from here on.
    Define(u32),
    /// `->(x) { }`: the number of the block
    Lambda(u32),
}

/// What an interpolated literal makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interpolated {
    Str,
    Sym,
    Regex(crate::regex::Options, &'static str),
}

/// What can be assigned to.
#[derive(Debug)]
pub(crate) enum Target {
    Local {
        depth: u16,
        slot: u16,
    },
    Global(u32),
    Index {
        receiver: Node,
        arguments: Vec<Node>,
    },
    Attribute {
        receiver: Node,
        name: M,
        safe: bool,
    },
    /// `*rest`; a lone `*` has no target.
    Splat(Option<Box<Target>>),
    /// `(a, b)`
    Nested(Vec<Target>),
}

/// The operator of an assignment that also reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssignOp {
    Or,
    And,
    Call(M),
}

/// A call of a method, or of an operator.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) receiver: Option<Node>,
    pub(crate) method: M,
    /// The method of the program that has this name, if the call has no receiver.
    pub(crate) own: Option<u32>,
    pub(crate) arguments: Vec<Node>,
    /// The block in braces or `do`: its number.
    pub(crate) block: Option<u32>,
    /// `&.`
    pub(crate) safe: bool,
    /// Some argument is a splat, a block or a hash without braces.
    pub(crate) spread: bool,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) subject: Option<Node>,
    pub(crate) branches: Vec<(Vec<Node>, Node)>,
    pub(crate) otherwise: Option<Node>,
}

#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) body: Node,
    pub(crate) rescues: Vec<Rescue>,
    pub(crate) otherwise: Option<Node>,
    pub(crate) ensure: Option<Node>,
}

#[derive(Debug)]
pub(crate) struct Rescue {
    /// None: `StandardError`.
    pub(crate) classes: Vec<Node>,
    pub(crate) target: Option<Target>,
    pub(crate) body: Node,
}

/// The parameters of a block or method.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) list: Vec<Parameter>,
    pub(crate) required: usize,
    pub(crate) optional: usize,
    pub(crate) rest: bool,
    /// `|a,|` takes the first element.
    pub(crate) trailing_comma: bool,
    /// Some are keywords.
    pub(crate) keywords: bool,
}

#[derive(Debug)]
pub(crate) enum Parameter {
    Required(u16),
    Optional(u16, Node),
    Rest(Option<u16>),
    Nested(Vec<Target>),
    /// `name:`, with a default where it has one
    Keyword(Box<str>, u16, Option<Node>),
    KeywordRest(Option<u16>),
    Block(u16),
}

/// The code of a block.
#[derive(Debug)]
pub(crate) struct BlockCode {
    pub(crate) parameters: Parameters,
    pub(crate) body: Node,
    /// How many variables it has.
    pub(crate) slots: u16,
}

/// A method of the program.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) name: Box<str>,
    pub(crate) code: Option<BlockCode>,
}

/// One source of a program: an `init`, a `code`, a script.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) body: Node,
    /// How many variables it has, those that the filter provides first.
    pub(crate) slots: u16,
}

/// A program: everything that was compiled for one filter.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) units: Vec<Unit>,
    pub(crate) blocks: Vec<BlockCode>,
    pub(crate) methods: Vec<Method>,
    /// Literals; the first objects of every heap.
    pub(crate) constants: Vec<Obj>,
    /// Instance, class and global variables and constants, by number.
    pub(crate) globals: Vec<String>,
    /// The names of the constants that the program assigns.
    pub(crate) constants_assigned: Vec<String>,
    pub(crate) facts: Facts,
    /// The patterns that its runs made.
    pub(crate) patterns: RegexCache,
}

/// What the checker finds out about a program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// It mentions variables that outlive an event.
    pub(crate) uses_state: bool,
    /// It assigns such variables, or changes something that may be held by one.
    pub(crate) changes_state: bool,
    /// The tests of a script use what is not supported.
    pub(crate) tests_know_more: bool,
}

impl Program {
    /// The number of a constant, which is its handle.
    pub(crate) fn constant(&mut self, object: Obj) -> Val {
        self.constants.push(object);
        Val::Ref(self.constants.len() as u32 - 1)
    }

    /// The number of a global variable.
    pub(crate) fn global(&mut self, name: &str) -> u32 {
        let found = self.globals.iter().position(|have| have == name);
        let number = found.unwrap_or_else(|| {
            self.globals.push(name.to_owned());
            self.globals.len() - 1
        });
        number as u32
    }

    /// The number of the method of that name, which may be defined later.
    pub(crate) fn method(&mut self, name: &str) -> u32 {
        let found = self.methods.iter().position(|have| &*have.name == name);
        let number = found.unwrap_or_else(|| {
            self.methods.push(Method {
                name: name.into(),
                code: None,
            });
            self.methods.len() - 1
        });
        number as u32
    }
}

/// A class as a value.
pub(crate) fn class(class: Class) -> Kind {
    Kind::Value(Val::Class(class))
}
