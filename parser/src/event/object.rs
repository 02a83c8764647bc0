//! The fields of an object, few or many.

use std::fmt;

use super::many_fields::{Entries, ManyFields};
use super::{Arena, Value, same};

/// How many fields are found by walking them: short keys compare fast, and events seldom have more. What has more
/// finds them by hashing, or changing each of a hundred thousand fields would take minutes.
const FEW_MAX: usize = 32;

/// Keys and values in the order in which they were set.
pub struct Object<'a>(Repr<'a>);

enum Repr<'a> {
    Few(bumpalo::collections::Vec<'a, (&'a str, Value<'a>)>),
    // Behind a reference, an object is no larger than a vector.
    Many(&'a mut ManyFields<'a>),
}

impl<'a> Object<'a> {
    /// An object without fields.
    pub fn new(arena: &'a Arena) -> Self {
        Self(Repr::Few(bumpalo::collections::Vec::new_in(arena)))
    }

    /// An object without fields that has room for `capacity`.
    pub fn with_capacity(arena: &'a Arena, capacity: usize) -> Self {
        let capacity = capacity.min(FEW_MAX);
        Self(Repr::Few(bumpalo::collections::Vec::with_capacity_in(
            capacity, arena,
        )))
    }

    /// Whether at most `levels` objects and arrays lie within each other in its fields.
    pub fn is_within_depth(&self, levels: usize) -> bool {
        self.iter().all(|(_, value)| value.is_within_depth(levels))
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Few(entries) => entries.len(),
            Repr::Many(many) => many.len(),
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys and values in order.
    pub fn iter(&self) -> Fields<'_, 'a> {
        match &self.0 {
            Repr::Few(entries) => Fields::Few(entries.iter()),
            Repr::Many(many) => Fields::Many(many.iter()),
        }
    }

    /// Keys and values in order, the values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'a str, &mut Value<'a>)> {
        let (few, many) = match &mut self.0 {
            Repr::Few(entries) => (Some(entries.iter_mut()), None),
            Repr::Many(many) => (None, Some(many.iter_mut())),
        };
        let few = few.into_iter().flatten();
        few.map(|(key, value)| (*key, value))
            .chain(many.into_iter().flatten())
    }

    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        match &self.0 {
            Repr::Few(entries) => entries
                .iter()
                .find(|(have, _)| same(have, key))
                .map(|(_, value)| value),
            Repr::Many(many) => many.get(key),
        }
    }

    /// The value of `key`, to change it.
    #[inline]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        self.get_mut_among(usize::MAX, key)
    }

    /// Like [`get_mut`](Self::get_mut), but looks for `key` only among the first `searched` fields where they are walked:
    /// the caller knows that it is none of the others.
    #[inline]
    pub(crate) fn get_mut_among(&mut self, searched: usize, key: &str) -> Option<&mut Value<'a>> {
        match &mut self.0 {
            Repr::Few(entries) => entries
                .iter_mut()
                .take(searched)
                .find(|(have, _)| same(have, key))
                .map(|(_, value)| value),
            Repr::Many(many) => many.get_mut(key),
        }
    }

    /// Sets `key`, in its old place where there was one.
    pub fn set(&mut self, key: &'a str, value: Value<'a>) {
        self.set_among(usize::MAX, key, value);
    }

    /// Like [`set`](Self::set), but looks for `key` only among the first `searched` fields where they are walked: the
    /// caller knows that it is none of the others.
    pub(crate) fn set_among(&mut self, searched: usize, key: &'a str, value: Value<'a>) {
        match self.get_mut_among(searched, key) {
            Some(old) => *old = value,
            None => self.push(key, value),
        }
    }

    /// The value of `key`, which is set to `default()` if there is none.
    pub fn entry(&mut self, key: &'a str, default: impl FnOnce() -> Value<'a>) -> &mut Value<'a> {
        let full = matches!(&self.0, Repr::Few(entries) if entries.len() == FEW_MAX);
        if full && self.get(key).is_none() {
            self.make_many();
        }
        match &mut self.0 {
            Repr::Few(entries) => {
                let found = entries.iter().position(|(have, _)| same(have, key));
                let at = found.unwrap_or_else(|| {
                    entries.push((key, default()));
                    entries.len() - 1
                });
                &mut entries[at].1
            }
            Repr::Many(many) => many.entry(key, default),
        }
    }

    /// Appends a field whose key the caller knows not to be there yet.
    #[inline]
    pub fn push(&mut self, key: &'a str, value: Value<'a>) {
        debug_assert!(self.get(key).is_none(), "`{key}` twice");
        match &mut self.0 {
            Repr::Few(entries) if entries.len() < FEW_MAX => entries.push((key, value)),
            _ => self.make_many().push(key, value),
        }
    }

    /// Removes `key`; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        match &mut self.0 {
            Repr::Few(entries) => {
                let at = entries.iter().position(|(have, _)| same(have, key))?;
                Some(entries.remove(at).1)
            }
            Repr::Many(many) => many.remove(key),
        }
    }

    /// Keeps the fields for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&'a str, &mut Value<'a>) -> bool) {
        match &mut self.0 {
            Repr::Few(entries) => entries.retain_mut(|(key, value)| keep(key, value)),
            Repr::Many(many) => many.retain(keep),
        }
    }

    /// This object as one that finds its fields by hashing, which it is from now on.
    #[cold]
    fn make_many(&mut self) -> &mut ManyFields<'a> {
        if let Repr::Few(entries) = &mut self.0 {
            let arena = entries.bump();
            let many = arena.alloc(ManyFields::new(arena, entries.drain(..)));
            self.0 = Repr::Many(many);
        }
        match &mut self.0 {
            Repr::Many(many) => many,
            Repr::Few(_) => unreachable!("it was made one above"),
        }
    }
}

impl Clone for Object<'_> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Repr::Few(entries) => Repr::Few(entries.clone()),
            Repr::Many(many) => Repr::Many(many.arena().alloc(ManyFields::clone(many))),
        })
    }
}

impl<'b> PartialEq<Object<'b>> for Object<'_> {
    fn eq(&self, other: &Object<'b>) -> bool {
        let mut pairs = self.iter().zip(other.iter());
        self.len() == other.len()
            && pairs.all(|(left, right)| left.0 == right.0 && left.1 == right.1)
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Keys and values of an [`Object`], in order.
pub enum Fields<'e, 'a> {
    /// Of few fields.
    Few(std::slice::Iter<'e, (&'a str, Value<'a>)>),
    /// Of many.
    Many(Entries<'e, 'a>),
}

impl<'e, 'a> Iterator for Fields<'e, 'a> {
    type Item = (&'a str, &'e Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Fields::Few(entries) => entries.next().map(|(key, value)| (*key, value)),
            Fields::Many(entries) => entries.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Fields::Few(entries) => entries.size_hint(),
            Fields::Many(entries) => entries.size_hint(),
        }
    }
}

impl ExactSizeIterator for Fields<'_, '_> {}

impl DoubleEndedIterator for Fields<'_, '_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Fields::Few(entries) => entries.next_back().map(|(key, value)| (*key, value)),
            Fields::Many(entries) => entries.next_back(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is done to an object, it holds what a list of pairs would hold, in the same order.
    #[test]
    fn few_and_many_fields_behave_alike() {
        let arena = Arena::new();
        for width in [3, FEW_MAX, 40, 300] {
            let mut object = Object::new(&arena);
            let mut model: Vec<(&str, i64)> = Vec::new();
            let mut random = 0x9e37_79b9_7f4a_7c15_u64;
            for step in 0..6_000 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let key: &str = arena.alloc_str(&format!("k{}", random % width as u64));
                let at = model.iter().position(|(have, _)| *have == key);
                // Now it grows, now it shrinks.
                let removes = if step / 1_000 % 2 == 0 { 1 } else { 7 };
                match random >> 32 & 7 {
                    0 => {
                        *object.entry(key, || Value::Null) = Value::Int(step);
                        match at {
                            Some(at) => model[at].1 = step,
                            None => model.push((key, step)),
                        }
                    }
                    choice if choice <= removes => {
                        let removed = at.map(|at| Value::Int(model.remove(at).1));
                        assert_eq!(object.remove(key), removed);
                    }
                    _ => {
                        object.set(key, Value::Int(step));
                        match at {
                            Some(at) => model[at].1 = step,
                            None => model.push((key, step)),
                        }
                    }
                }
                if step % 500 == 0 {
                    object.retain(|_, value| !matches!(value, Value::Int(n) if *n % 10 == 3));
                    model.retain(|(_, n)| n % 10 != 3);
                }
                let expected = model.iter().find(|(have, _)| *have == key);
                let expected = expected.map(|(_, n)| Value::Int(*n));
                assert_eq!(object.get(key), expected.as_ref());
                assert_eq!(object.len(), model.len());
            }
            let copy = object.clone();
            assert_eq!(copy, object);
            let mut pairs: Vec<_> = object
                .iter_mut()
                .map(|(key, value)| (key, value.clone()))
                .collect();
            let model: Vec<_> = model
                .iter()
                .map(|(key, n)| (*key, Value::Int(*n)))
                .collect();
            assert_eq!(pairs, model);
            pairs.reverse();
            let backwards: Vec<_> = copy
                .iter()
                .rev()
                .map(|(key, value)| (key, value.clone()))
                .collect();
            assert_eq!(backwards, pairs);
            assert_eq!(copy.iter().len(), pairs.len());
        }
    }

    #[test]
    fn an_object_is_no_larger_than_its_list_of_fields() {
        let list = size_of::<bumpalo::collections::Vec<'_, (&str, Value<'_>)>>();
        assert_eq!(size_of::<Object<'_>>(), list);
    }
}
