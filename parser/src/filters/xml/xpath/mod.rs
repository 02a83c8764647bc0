//! XPath 1.0, as far as it makes sense for logs: all but variables, the namespace axis and functions of one's own.
//!
//! The libraries for it in Rust are either no longer kept or speak XPath 3, which prints and compares differently.

mod evaluate;
mod function;
mod parse;

pub(super) use evaluate::{Found, Namespaces};
use function::Function;

/// An expression, compiled.
#[derive(Debug)]
pub(super) struct XPath {
    expression: Expression,
}

/// An expression that is not XPath.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum XPathError {
    /// Something else was expected.
    #[error("expected {wanted} at character {at}")]
    Syntax { at: usize, wanted: &'static str },
    /// No function of XPath 1.0.
    #[error("there is no function `{0}` in XPath 1.0")]
    UnknownFunction(String),
    /// A function with too few or too many arguments.
    #[error("wrong number of arguments for `{0}`")]
    Arguments(&'static str),
    /// `$name` or the namespace axis.
    #[error("{0} are not supported")]
    Unsupported(&'static str),
}

#[derive(Debug)]
enum Expression {
    Binary(Operator, Box<Expression>, Box<Expression>),
    Negate(Box<Expression>),
    Path(Path),
    Text(Box<str>),
    Number(f64),
    Call(Function, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Union,
}

/// Steps from where a path starts.
#[derive(Debug)]
struct Path {
    start: Start,
    steps: Vec<Step>,
}

impl Path {
    /// Whether this is `//text()`, which Xalan looks up in an index where CDATA sections are of a kind of their own; every
    /// other path to texts finds both.
    fn finds_all_texts(&self) -> bool {
        let is_everywhere = match self.steps.as_slice() {
            [text] => text.axis == Axis::Descendant,
            [down, text] => {
                matches!(
                    (down.axis, &down.test),
                    (Axis::DescendantOrSelf, Test::Node)
                ) && text.axis == Axis::Child
            }
            _ => false,
        };
        let is_text = |step: &Step| matches!(step.test, Test::Text);
        is_everywhere && matches!(self.start, Start::Root) && self.steps.last().is_some_and(is_text)
    }
}

#[derive(Debug)]
enum Start {
    /// A path with a leading `/`.
    Root,
    /// A relative path.
    Context,
    /// An expression in brackets or a call, and its predicates.
    Expression(Box<Expression>, Vec<Expression>),
}

#[derive(Debug)]
struct Step {
    axis: Axis,
    test: Test,
    predicates: Vec<Expression>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    Itself,
}

#[derive(Debug)]
enum Test {
    /// `node()`
    Node,
    Text,
    Comment,
    Instruction(Option<Box<str>>),
    /// A name, `*`, or one of both with a prefix.
    Name {
        prefix: Option<Box<str>>,
        /// `None`: any.
        local: Option<Box<str>>,
    },
}
