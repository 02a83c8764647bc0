//! Values that outlive a record: dictionaries, databases, what filters remember from event to event.

use super::{Arena, Array, Object, Value};
use crate::config::Number;
use crate::config::ast::Literal;
use crate::time::Timestamp;

/// A value on the heap, to be copied into events.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer beyond 64 bits, as digits.
    BigInt(Box<str>),
    /// A double.
    Float(f64),
    /// A decimal number as written.
    Decimal(Box<str>),
    /// A string.
    Str(Box<str>),
    /// A point in time.
    Timestamp(Timestamp),
    /// A list.
    Array(Vec<OwnedValue>),
    /// An object.
    Object(Vec<(Box<str>, OwnedValue)>),
}

impl OwnedValue {
    /// A value of a configuration; numbers stay numbers. `None` for a plugin.
    pub fn of_literal(literal: &Literal) -> Option<Self> {
        Some(match literal {
            Literal::Bareword(text) | Literal::String(text) => Self::Str(text.as_str().into()),
            Literal::Number(text) => match Number::parse(text) {
                Some(Number::Integer(number)) => Self::Int(number),
                Some(Number::Float(number)) => Self::Float(number),
                None => Self::Str(text.as_str().into()),
            },
            Literal::Array(values) => {
                let values = values.iter().map(|value| Self::of_literal(&value.node));
                Self::Array(values.collect::<Option<_>>()?)
            }
            Literal::Hash(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| {
                    let key = crate::spec::string_of(&key.node)?;
                    Some((key.into(), Self::of_literal(&value.node)?))
                });
                Self::Object(pairs.collect::<Option<_>>()?)
            }
            Literal::Plugin(_) => return None,
        })
    }

    /// A copy of an event's value.
    pub fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(number) => Self::Int(*number),
            Value::BigInt(digits) => Self::BigInt((*digits).into()),
            Value::Float(number) => Self::Float(*number),
            Value::Decimal(digits) => Self::Decimal((*digits).into()),
            Value::Str(text) => Self::Str((*text).into()),
            Value::Timestamp(timestamp) => Self::Timestamp(*timestamp),
            Value::Array(values) => Self::Array(values.iter().map(Self::of).collect()),
            Value::Object(object) => {
                let fields = object
                    .iter()
                    .map(|(key, value)| (key.into(), Self::of(value)));
                Self::Object(fields.collect())
            }
        }
    }

    /// The value for an event, in its arena.
    pub fn to_value<'a>(&self, arena: &'a Arena) -> Value<'a> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(number) => Value::Int(*number),
            Self::BigInt(digits) => Value::BigInt(arena.alloc_str(digits)),
            Self::Float(number) => Value::Float(*number),
            Self::Decimal(digits) => Value::Decimal(arena.alloc_str(digits)),
            Self::Str(text) => Value::Str(arena.alloc_str(text)),
            Self::Timestamp(timestamp) => Value::Timestamp(*timestamp),
            Self::Array(values) => {
                let values = values.iter().map(|value| value.to_value(arena));
                Value::Array(Array::from_iter_in(values, arena))
            }
            Self::Object(fields) => {
                let mut object = Object::with_capacity(arena, fields.len());
                for (key, value) in fields {
                    object.set(arena.alloc_str(key), value.to_value(arena));
                }
                Value::Object(object)
            }
        }
    }
}
