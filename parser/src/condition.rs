//! Conditions, compiled.
//!
//! They are total: a missing field or a value of another type makes a comparison false. Logstash
//! drops the event there, or stops the pipeline
//! (source for everything else: `org.logstash.config.ir.compiler.EventCondition`).

use std::cmp::Ordering;
use std::mem::discriminant;

use crate::config::Diagnostic;
use crate::config::ast::{CompareOperator, Expr, Operand as AstOperand, Spanned};
use crate::event::{Event, FieldRef, Value, intern, push_float};
use crate::regex::{Options, Regex, Scratch};

/// A compiled condition.
#[derive(Debug)]
pub enum Condition {
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// At least one holds.
    Or(Box<Condition>, Box<Condition>),
    /// Just one holds.
    Xor(Box<Condition>, Box<Condition>),
    /// Not both hold.
    Nand(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A comparison.
    Compare {
        /// Which.
        operator: CompareOperator,
        /// Left of it.
        left: Operand,
        /// Right of it.
        right: Operand,
    },
    /// A search by regular expression.
    Match {
        /// What is searched.
        value: Operand,
        /// For what.
        regex: Regex,
    },
    /// Membership.
    In {
        /// What is looked for.
        needle: Operand,
        /// Where.
        haystack: Operand,
    },
    /// A value that counts as true.
    Truthy(Operand),
}

/// What a condition compares.
#[derive(Debug)]
pub enum Operand {
    /// A field of the event.
    Field(FieldRef<'static>),
    /// A constant.
    Constant(Constant),
    /// A list of constants and fields.
    List(Vec<Operand>),
}

/// A constant of a condition. Unlike a [`Value`] it is shared by all workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant {
    /// A string.
    Str(&'static str),
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
}

impl Constant {
    fn value<'a>(self) -> Value<'a> {
        match self {
            Self::Str(text) => Value::Str(text),
            Self::Int(number) => Value::Int(number),
            Self::Float(number) => Value::Float(number),
        }
    }

    /// What it is, for messages.
    fn kind(self) -> &'static str {
        match self {
            Self::Str(_) => "a text",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a decimal number",
        }
    }
}

impl Condition {
    /// Compiles a condition; `None` after an error was reported.
    pub fn compile(expr: &Expr, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut both = |left: &Expr, right: &Expr| {
            let left = Self::compile(left, diagnostics);
            let right = Self::compile(right, diagnostics);
            Some((Box::new(left?), Box::new(right?)))
        };
        match expr {
            Expr::And(left, right) => both(left, right).map(|(l, r)| Self::And(l, r)),
            Expr::Or(left, right) => both(left, right).map(|(l, r)| Self::Or(l, r)),
            Expr::Xor(left, right) => both(left, right).map(|(l, r)| Self::Xor(l, r)),
            Expr::Nand(left, right) => both(left, right).map(|(l, r)| Self::Nand(l, r)),
            Expr::Not(inner) => Some(Self::Not(Box::new(Self::compile(inner, diagnostics)?))),
            Expr::Compare {
                operator,
                left,
                right,
            } => {
                let span = right.span;
                let left = Operand::compile(left, diagnostics)?;
                let right = Operand::compile(right, diagnostics)?;
                if let (Operand::Constant(left), Operand::Constant(right)) = (&left, &right)
                    && operator.is_order()
                    && discriminant(left) != discriminant(right)
                {
                    let message = format!("{} has no order with {}", left.kind(), right.kind());
                    diagnostics.push(
                        Diagnostic::error(span, message)
                            .help("compare constants of one type, or compare with a field"),
                    );
                    return None;
                }
                // As in Logstash a field always is what is compared: `5 <= [a]` is `[a] >= 5`.
                let (operator, left, right) = match (&left, &right) {
                    (Operand::Constant(_), Operand::Field(_)) => (operator.mirrored(), right, left),
                    _ => (*operator, left, right),
                };
                Some(Self::Compare {
                    operator,
                    left,
                    right,
                })
            }
            Expr::Match {
                negated,
                value,
                pattern,
            } => {
                let condition = Self::Match {
                    value: Operand::compile(value, diagnostics)?,
                    regex: compile_regex(pattern, diagnostics)?,
                };
                Some(condition.negate_if(*negated))
            }
            Expr::In {
                negated,
                needle,
                haystack,
            } => {
                let condition = Self::In {
                    needle: Operand::compile(needle, diagnostics)?,
                    haystack: Operand::compile(haystack, diagnostics)?,
                };
                Some(condition.negate_if(*negated))
            }
            Expr::Truthy(operand) => Some(Self::Truthy(Operand::compile(operand, diagnostics)?)),
        }
    }

    fn negate_if(self, negated: bool) -> Self {
        if negated {
            Self::Not(Box::new(self))
        } else {
            self
        }
    }

    /// Whether the condition holds for `event`.
    pub fn holds(&self, event: &Event<'_>, scratch: &mut Scratch) -> bool {
        match self {
            Self::And(left, right) => left.holds(event, scratch) && right.holds(event, scratch),
            Self::Or(left, right) => left.holds(event, scratch) || right.holds(event, scratch),
            Self::Xor(left, right) => left.holds(event, scratch) != right.holds(event, scratch),
            Self::Nand(left, right) => !(left.holds(event, scratch) && right.holds(event, scratch)),
            Self::Not(inner) => !inner.holds(event, scratch),
            Self::Compare {
                operator,
                left,
                right,
            } => left.with_value(event, |left| {
                right.with_value(event, |right| compare(*operator, left, right))
            }),
            Self::Match { value, regex } => value.with_value(event, |value| match value {
                // A search that runs out of its budget counts as no match.
                Some(Value::Str(text)) => regex.is_match(text, scratch).unwrap_or(false),
                _ => false,
            }),
            Self::In { needle, haystack } => contains(event, needle, haystack),
            Self::Truthy(Operand::List(_)) => true,
            Self::Truthy(operand) => operand.with_value(event, is_truthy),
        }
    }
}

fn compile_regex(
    pattern: &Spanned<AstOperand>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Regex> {
    let (AstOperand::Regex(text) | AstOperand::String(text)) = &pattern.node else {
        let message = "expected a regular expression, as in [field] =~ /regex/";
        diagnostics.push(Diagnostic::error(pattern.span, message));
        return None;
    };
    match Regex::new(text, Options::default()) {
        Ok(regex) => Some(regex),
        Err(error) => {
            diagnostics.push(Diagnostic::error(pattern.span, error.to_string()));
            None
        }
    }
}

impl Operand {
    fn compile(operand: &Spanned<AstOperand>, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        match &operand.node {
            AstOperand::Field(text) => match FieldRef::parse(text) {
                Ok(field) => Some(Self::Field(field)),
                Err(error) => {
                    diagnostics.push(Diagnostic::error(operand.span, error.to_string()));
                    None
                }
            },
            AstOperand::String(text) | AstOperand::Regex(text) => {
                Some(Self::Constant(Constant::Str(intern(text))))
            }
            AstOperand::Number(text) => Some(Self::Constant(number(text))),
            AstOperand::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| Self::compile(item, diagnostics))
                    .collect();
                items
                    .into_iter()
                    .collect::<Option<Vec<_>>>()
                    .map(Self::List)
            }
        }
    }

    /// Looks at the value; lists are no values of their own.
    fn with_value<R>(&self, event: &Event<'_>, look: impl FnOnce(Option<&Value<'_>>) -> R) -> R {
        match self {
            Self::Field(field) if field.is_all_metadata() => {
                look(Some(&Value::Object(event.metadata().clone())))
            }
            Self::Field(field) => look(event.get(*field)),
            Self::Constant(constant) => look(Some(&constant.value())),
            Self::List(_) => look(None),
        }
    }
}

fn number(text: &str) -> Constant {
    match crate::config::Number::parse(text) {
        Some(crate::config::Number::Integer(number)) => Constant::Int(number),
        Some(crate::config::Number::Float(number)) => Constant::Float(number),
        None => Constant::Float(text.parse().unwrap_or(f64::NAN)),
    }
}

fn is_truthy(value: Option<&Value<'_>>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => *value,
        Some(Value::Str(text)) => !text.is_empty() && *text != "false",
        Some(_) => true,
    }
}

fn compare(operator: CompareOperator, left: Option<&Value<'_>>, right: Option<&Value<'_>>) -> bool {
    match operator {
        CompareOperator::Equal => equal(left, right),
        CompareOperator::NotEqual => !equal(left, right),
        CompareOperator::Less => order(left, right) == Some(Ordering::Less),
        CompareOperator::Greater => order(left, right) == Some(Ordering::Greater),
        CompareOperator::LessOrEqual => {
            matches!(order(left, right), Some(Ordering::Less | Ordering::Equal))
        }
        CompareOperator::GreaterOrEqual => {
            matches!(
                order(left, right),
                Some(Ordering::Greater | Ordering::Equal)
            )
        }
    }
}

/// Equality is strict: `1`, `1.0` and `"1"` differ, and so do null and a missing field, and a timestamp and its text.
fn equal(left: Option<&Value<'_>>, right: Option<&Value<'_>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => left == right,
        (left, right) => left.is_none() && right.is_none(),
    }
}

fn order(left: Option<&Value<'_>>, right: Option<&Value<'_>>) -> Option<Ordering> {
    match (left?, right) {
        (Value::Timestamp(left), Some(Value::Timestamp(right))) => Some(left.cmp(right)),
        // What Ruby cannot compare to anything, or only to its like, Logstash takes as equal to it.
        (Value::Null | Value::Bool(_) | Value::Timestamp(_), right)
            if !matches!(right, Some(Value::Array(_) | Value::Object(_))) =>
        {
            Some(Ordering::Equal)
        }
        (left, right) => order_of_values(left, right?),
    }
}

fn order_of_values(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (left, right) => as_f64(left)?.partial_cmp(&as_f64(right)?),
    }
}

fn as_f64(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::BigInt(text) | Value::Decimal(text) => text.parse().ok(),
        _ => None,
    }
}

/// Each pair of kinds has its own rule in Logstash (source: the `in` methods of `EventCondition`).
fn contains(event: &Event<'_>, needle: &Operand, haystack: &Operand) -> bool {
    match (needle, haystack) {
        // Constants with constants: only what is the same is found, not what lies within.
        (Operand::Constant(needle), Operand::Constant(haystack)) => needle == haystack,
        (Operand::Constant(_), Operand::List(_)) | (Operand::List(_), _) => false,
        (Operand::Constant(Constant::Str(part)), Operand::Field(field)) => {
            match event.get(*field) {
                Some(Value::Str(text)) => text.contains(part),
                Some(Value::Array(items)) => items
                    .iter()
                    .any(|item| matches!(item, Value::Str(text) if text == part)),
                _ => false,
            }
        }
        (Operand::Constant(needle), Operand::Field(field)) => {
            matches!(event.get(*field), Some(Value::Array(items)) if items.contains(&needle.value()))
        }
        (Operand::Field(field), Operand::Constant(haystack)) => {
            matches!(event.get(*field), Some(Value::Str(part)) if text_contains(*haystack, part))
        }
        (Operand::Field(field), Operand::List(items)) => {
            let needle = event.get(*field);
            needle.is_some()
                && items
                    .iter()
                    .any(|item| item.with_value(event, |item| same_in_list(needle, item)))
        }
        (Operand::Field(needle), Operand::Field(haystack)) => {
            match (event.get(*needle), event.get(*haystack)) {
                (None | Some(Value::Array(_) | Value::Object(_)), _) => false,
                (Some(Value::Str(part)), Some(Value::Str(text))) => text.contains(part),
                (Some(needle), Some(Value::Array(items))) => items.contains(needle),
                (needle, haystack) => needle == haystack,
            }
        }
    }
}

/// Whether a constant's text holds `part`.
fn text_contains(constant: Constant, part: &str) -> bool {
    match constant {
        Constant::Str(text) => text.contains(part),
        Constant::Int(number) => itoa::Buffer::new().format(number).contains(part),
        Constant::Float(_) => false,
    }
}

/// In a list that stands in the configuration everything is found by its text, as Java prints it.
fn same_in_list(needle: Option<&Value<'_>>, item: Option<&Value<'_>>) -> bool {
    match (needle, item) {
        (Some(Value::Str(needle)), Some(Value::Str(item))) => needle == item,
        // The usual mixtures need no memory for a text.
        (Some(Value::Int(needle)), Some(Value::Int(item))) => needle == item,
        (Some(Value::Int(number)), Some(Value::Str(text)))
        | (Some(Value::Str(text)), Some(Value::Int(number))) => {
            itoa::Buffer::new().format(*number) == *text
        }
        (Some(Value::Array(_) | Value::Object(_)), _) | (_, None) => false,
        (Some(needle), Some(item)) => text_of(needle) == text_of(item),
        (None, Some(_)) => false,
    }
}

/// A scalar's text; that of null is empty.
fn text_of(value: &Value<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    match value {
        Value::Str(given) => text.extend_from_slice(given.as_bytes()),
        Value::Null => {}
        Value::Float(number) => push_float(&mut text, *number),
        Value::Timestamp(time) => time.write_iso8601(&mut text),
        other => other.write_json(&mut text),
    }
    text
}
