//! What a field can hold.

use super::Arena;
use crate::time::Timestamp;

/// A list of values in an arena.
pub type Array<'a> = bumpalo::collections::Vec<'a, Value<'a>>;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
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

impl<'a> Value<'a> {
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

/// Keys and values in the order in which they were set.
///
/// A field is found by walking the entries: events have few, and short keys compare fast.
#[derive(Clone, Debug, PartialEq)]
pub struct Object<'a> {
    entries: bumpalo::collections::Vec<'a, (&'a str, Value<'a>)>,
}

impl<'a> Object<'a> {
    /// An object without fields.
    pub fn new(arena: &'a Arena) -> Self {
        Self {
            entries: bumpalo::collections::Vec::new_in(arena),
        }
    }

    /// An object without fields that has room for `capacity`.
    pub fn with_capacity(arena: &'a Arena, capacity: usize) -> Self {
        Self {
            entries: bumpalo::collections::Vec::with_capacity_in(capacity, arena),
        }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys and values in order.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (&'a str, &Value<'a>)> + DoubleEndedIterator {
        self.entries.iter().map(|(key, value)| (*key, value))
    }

    /// Keys and values in order, the values to be changed.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&'a str, &mut Value<'a>)> {
        self.entries.iter_mut().map(|(key, value)| (*key, value))
    }

    /// The value of the field at `place`, to change it.
    pub(crate) fn value_at_mut(&mut self, place: usize) -> Option<&mut Value<'a>> {
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// Which of the fields has this key.
    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(have, _)| same(have, key))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        self.position(key).map(|at| &mut self.entries[at].1)
    }

    /// Sets `key`, in its old place where there was one.
    pub fn set(&mut self, key: &'a str, value: Value<'a>) {
        match self.position(key) {
            Some(at) => self.entries[at].1 = value,
            None => self.entries.push((key, value)),
        }
    }

    /// The value of `key`, which is set to `default()` if there is none.
    pub fn entry(&mut self, key: &'a str, default: impl FnOnce() -> Value<'a>) -> &mut Value<'a> {
        let at = self.position(key).unwrap_or_else(|| {
            self.entries.push((key, default()));
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }

    /// Like [`get_mut`](Self::get_mut), but looks for `key` only among the first `searched` fields: the caller
    /// knows that it is none of the others.
    pub(crate) fn get_mut_among(&mut self, searched: usize, key: &str) -> Option<&mut Value<'a>> {
        let mut entries = self.entries.iter_mut().take(searched);
        entries
            .find(|(have, _)| same(have, key))
            .map(|(_, value)| value)
    }

    /// Like [`set`](Self::set), but looks for `key` only among the first `searched` fields: the caller knows that it
    /// is none of the others.
    pub(crate) fn set_among(&mut self, searched: usize, key: &'a str, value: Value<'a>) {
        match self.get_mut_among(searched, key) {
            Some(old) => *old = value,
            None => self.push(key, value),
        }
    }

    /// Appends a field whose key the caller knows not to be there yet.
    #[inline]
    pub fn push(&mut self, key: &'a str, value: Value<'a>) {
        debug_assert!(
            self.entries.len() > 64 || self.position(key).is_none(),
            "`{key}` twice"
        );
        self.entries.push((key, value));
    }

    /// Removes `key`; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        self.position(key).map(|at| self.entries.remove(at).1)
    }

    /// Keeps the fields for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&'a str, &mut Value<'a>) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }
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
