//! An object in the making that may become large.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

use super::{Arena, Object, Value};

/// From how many fields on keys are found by hashing rather than walking: otherwise what has a hundred
/// thousand of them would take minutes.
const HASHED_FROM: usize = 24;

/// The fields of an object, whose repeated keys are found however many there are.
pub(crate) struct Fields<'a> {
    object: Object<'a>,
    places: Option<HashMap<&'a str, usize, RandomState>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(arena: &'a Arena) -> Self {
        Self {
            object: Object::with_capacity(arena, 8),
            places: None,
        }
    }

    pub(crate) fn into_object(self) -> Object<'a> {
        self.object
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.object.is_empty()
    }

    /// Sets `key`, in its old place where there was one.
    pub(crate) fn set(&mut self, key: &'a str, value: Value<'a>) {
        if let Some((old, value)) = self.add(key, value) {
            *old = value;
        }
    }

    /// The value of `key`.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        if self.object.len() < HASHED_FROM {
            return self.object.get_mut(key);
        }
        let place = *self.places().get(key)?;
        self.object.value_at_mut(place)
    }

    /// Appends a field; where there is one of this key already, gives its value and `value` back.
    pub(crate) fn add(
        &mut self,
        key: &'a str,
        value: Value<'a>,
    ) -> Option<(&mut Value<'a>, Value<'a>)> {
        let len = self.object.len();
        let place = match len < HASHED_FROM {
            true => self.object.position(key),
            false => match self.places().entry(key) {
                Entry::Occupied(place) => Some(*place.get()),
                Entry::Vacant(place) => {
                    place.insert(len);
                    None
                }
            },
        };
        if let Some(place) = place {
            return self.object.value_at_mut(place).map(|old| (old, value));
        }
        self.object.push(key, value);
        None
    }

    fn places(&mut self) -> &mut HashMap<&'a str, usize, RandomState> {
        let object = &self.object;
        self.places.get_or_insert_with(|| {
            let keys = object.iter().map(|(key, _)| key);
            keys.zip(0..).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_keys_are_found_alike() {
        let arena = Arena::new();
        let mut fields = Fields::new(&arena);
        for number in 0..100 {
            let key = arena.alloc_str(&(number % 60).to_string());
            fields.set(key, Value::Int(number));
        }
        assert_eq!(fields.get_mut("41"), Some(&mut Value::Int(41)));
        assert_eq!(fields.get_mut("39"), Some(&mut Value::Int(99)));
        assert_eq!(fields.get_mut("60"), None);
        let object = fields.into_object();
        assert_eq!(object.len(), 60);
        assert_eq!(object.iter().next(), Some(("0", &Value::Int(60))));
    }
}
