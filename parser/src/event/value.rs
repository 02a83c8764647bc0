//! What a field can hold.

use super::Object;
use crate::time::Timestamp;

/// A list of values in an arena.
pub type Array<'a> = bumpalo::collections::Vec<'a, Value<'a>>;

/// The value of a field.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// JSON's `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer that does not fit 64 bits, as its decimal digits.
    BigInt(&'a str),
    /// A double.
    Float(f64),
    /// A decimal number that is kept as written (Logstash's json filter makes these, not doubles).
    Decimal(&'a str),
    /// A string.
    Str(&'a str),
    /// A point in time.
    Timestamp(Timestamp),
    /// A list.
    Array(Array<'a>),
    /// An object.
    Object(Object<'a>),
}

// Not derived, as that would only compare values of the same lifetime.
impl<'b> PartialEq<Value<'b>> for Value<'_> {
    fn eq(&self, other: &Value<'b>) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Int(left), Value::Int(right)) => left == right,
            (Value::Float(left), Value::Float(right)) => left == right,
            (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
            (Value::BigInt(left), Value::BigInt(right))
            | (Value::Decimal(left), Value::Decimal(right))
            | (Value::Str(left), Value::Str(right)) => left == right,
            (Value::Array(left), Value::Array(right)) => left == right,
            (Value::Object(left), Value::Object(right)) => left == right,
            _ => false,
        }
    }
}

impl<'a> Value<'a> {
    /// Whether at most `levels` objects and arrays lie within each other, itself included.
    pub fn is_within_depth(&self, levels: usize) -> bool {
        match (self, levels.checked_sub(1)) {
            (Value::Object(object), Some(left)) => object.is_within_depth(left),
            (Value::Array(values), Some(left)) => {
                values.iter().all(|value| value.is_within_depth(left))
            }
            (Value::Object(_) | Value::Array(_), None) => false,
            _ => true,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value below this one: an object's field or an array's element.
    pub fn child(&self, segment: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(object) => object.get(segment),
            Value::Array(array) => array.get(array_index(array.len(), segment)?),
            _ => None,
        }
    }

    /// The value below this one, to change it.
    pub fn child_mut(&mut self, segment: &str) -> Option<&mut Value<'a>> {
        match self {
            Value::Object(object) => object.get_mut(segment),
            Value::Array(array) => {
                let index = array_index(array.len(), segment)?;
                array.get_mut(index)
            }
            _ => None,
        }
    }

    /// What kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) | Value::BigInt(_) => "integer",
            Value::Float(_) | Value::Decimal(_) => "float",
            Value::Str(_) => "string",
            Value::Timestamp(_) => "timestamp",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }
}

/// The index that `segment` names in an array of `len` elements; negative ones count from the end.
pub(super) fn array_index(len: usize, segment: &str) -> Option<usize> {
    let index: i64 = segment.parse().ok()?;
    let index = if index < 0 { index + len as i64 } else { index };
    usize::try_from(index).ok().filter(|&index| index < len)
}

/// How far beyond its end an array may be padded by setting one element.
const ARRAY_PADDING_MAX: usize = 10_000;

/// The element that `segment` names, padding the array with nulls up to it; `None` where the
/// segment is no index, or one that is before the start or absurdly far beyond the end.
pub(super) fn array_slot<'e, 'a>(
    array: &'e mut Array<'a>,
    segment: &str,
) -> Option<&'e mut Value<'a>> {
    let index: i64 = segment.parse().ok()?;
    let index = if index < 0 {
        index + array.len() as i64
    } else {
        index
    };
    let index = usize::try_from(index).ok()?;
    if index > array.len() + ARRAY_PADDING_MAX {
        return None;
    }
    while array.len() <= index {
        array.push(Value::Null);
    }
    array.get_mut(index)
}

/// Whether two short texts are the same, such as keys of fields and names of topics. A call of `memcmp` costs more
/// than comparing them here, in words of which the last overlaps the one before.
#[inline]
pub fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    if left.len() >= 8 {
        let (words, _) = left.as_chunks::<8>();
        return words.iter().eq(right.as_chunks::<8>().0)
            && left.last_chunk::<8>() == right.last_chunk::<8>();
    }
    if left.len() >= 4 {
        return left.first_chunk::<4>() == right.first_chunk::<4>()
            && left.last_chunk::<4>() == right.last_chunk::<4>();
    }
    left.iter().eq(right)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn keys_of_every_length_are_told_apart_by_every_byte() {
        for len in 0..40 {
            let key = "k".repeat(len);
            assert!(same(&key, &key.clone()));
            assert!(!same(&key, &format!("{key}k")));
            for at in 0..len {
                let mut other = key.clone();
                other.replace_range(at..=at, "x");
                assert!(!same(&key, &other), "{other}");
            }
        }
    }
}
