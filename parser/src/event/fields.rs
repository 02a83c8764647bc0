//! An object in the making that may become large.

use std::collections::HashMap;

use super::{Arena, Object, Value};

/// From how many fields on keys are found by hashing rather than walking: otherwise what has a hundred
/// thousand of them would take minutes.
const HASHED_FROM: usize = 24;

/// The fields of an object, whose repeated keys are found however many there are.
pub(crate) struct Fields<'a> {
    object: Object<'a>,
    places: Option<HashMap<&'a str, usize>>,
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
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => self.push(key, value),
        }
    }

    /// The value of `key`.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        if self.object.len() < HASHED_FROM {
            return self.object.get_mut(key);
        }
        let object = &self.object;
        let places = self.places.get_or_insert_with(|| {
            let keys = object.iter().map(|(key, _)| key);
            keys.zip(0..).collect()
        });
        let place = *places.get(key)?;
        self.object.value_at_mut(place)
    }

    /// Appends a field whose key the caller knows not to be there yet.
    pub(crate) fn push(&mut self, key: &'a str, value: Value<'a>) {
        if let Some(places) = &mut self.places {
            places.insert(key, self.object.len());
        }
        self.object.push(key, value);
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
