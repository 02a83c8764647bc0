//! The syntax tree of a configuration, as written: nothing is validated or coerced yet.

use super::source::Span;

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// What was written.
    pub node: T,
    /// Where.
    pub span: Span,
}

/// A whole configuration: the sections of all its files, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `input { }`, `filter { }` and `output { }`, any number of each in any order.
    pub sections: Vec<Section>,
}

/// Which of the three kinds of section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// Where events come from.
    Input,
    /// What happens to them.
    Filter,
    /// Where they go.
    Output,
}

/// One section.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Input, filter or output.
    pub kind: SectionKind,
    /// Its plugins and branches, in order.
    pub body: Vec<Statement>,
    /// From the section's name to its closing brace.
    pub span: Span,
}

/// A plugin, or a branch that holds further statements.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `grok { ... }`
    Plugin(Plugin),
    /// `if ... { } else if ... { } else { }`
    If(If),
}

/// A chain of conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct If {
    /// The `if` and every `else if`.
    pub branches: Vec<Branch>,
    /// The `else`, where there is one.
    pub otherwise: Option<Vec<Statement>>,
}

/// One condition and what runs when it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The condition.
    pub condition: Expr,
    /// From the condition's first to its last character.
    pub span: Span,
    /// What runs when it holds.
    pub body: Vec<Statement>,
}

/// A plugin with its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// `grok`
    pub name: Spanned<String>,
    /// In the order written; a name may occur more than once.
    pub settings: Vec<Setting>,
    /// From the name to the closing brace.
    pub span: Span,
}

/// `name => value`
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Without its quotes, where it had any.
    pub name: Spanned<String>,
    /// What it is set to.
    pub value: Spanned<Literal>,
}

/// A value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A word without quotes.
    Bareword(String),
    /// A string, without its quotes; escapes are processed only under `config.support_escapes`.
    String(String),
    /// A number, as written.
    Number(String),
    /// `[a, b]`
    Array(Vec<Spanned<Literal>>),
    /// `{ a => b }`; keys are barewords, strings or numbers.
    Hash(Vec<(Spanned<Literal>, Spanned<Literal>)>),
    /// `codec => json { }`
    Plugin(Plugin),
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `a and b`
    And(Box<Expr>, Box<Expr>),
    /// `a or b`
    Or(Box<Expr>, Box<Expr>),
    /// `a xor b`
    Xor(Box<Expr>, Box<Expr>),
    /// `a nand b`
    Nand(Box<Expr>, Box<Expr>),
    /// `!(a)`, `![field]`
    Not(Box<Expr>),
    /// `a == b`
    Compare {
        /// Which comparison.
        operator: CompareOperator,
        /// Left of it.
        left: Spanned<Operand>,
        /// Right of it.
        right: Spanned<Operand>,
    },
    /// `a =~ /regex/`, or `!~` when negated
    Match {
        /// `!~`
        negated: bool,
        /// What is searched.
        value: Spanned<Operand>,
        /// The pattern, a [`Operand::Regex`] or [`Operand::String`].
        pattern: Spanned<Operand>,
    },
    /// `a in b`, or `not in` when negated
    In {
        /// `not in`
        negated: bool,
        /// What is looked for.
        needle: Spanned<Operand>,
        /// Where.
        haystack: Spanned<Operand>,
    },
    /// An operand on its own: `[field]`
    Truthy(Spanned<Operand>),
}

/// How two operands are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOperator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl CompareOperator {
    /// The operator that holds when the operands change places.
    pub fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }

    /// Whether it asks which comes first.
    pub fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// What a condition compares.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// `[a][b]`, as written
    Field(String),
    /// A string without its quotes.
    String(String),
    /// A number as written.
    Number(String),
    /// `["a", 1, word]`. With one element and no comma, `["a"]` is a [`Operand::Field`] instead, as in Logstash; nor does
    /// `[field]` inside a list mean the field: it is a list in a list.
    Array(Vec<Spanned<Operand>>),
    /// `/regex/` without its slashes; `\/` is already a slash
    Regex(String),
}
