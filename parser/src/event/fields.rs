//! An object in the making that may become large.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

use super::{Arena, Object, Value};

/// From how many fields on keys are found by hashing rather than walking: otherwise what has a hundred
/// thousand of them would take minutes.
const HASHED_FROM: usize = 24;

thread_local! {
    static MOST_FIELDS: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// From now on, on this thread, codecs and filters that find more fields than this for one object of an event panic with
/// [`TooManyFields`], as an arena does that may not grow any more: looking for all of them would hold up the events behind it.
pub fn limit_fields(most: usize) {
    MOST_FIELDS.set(most);
}

/// What is panicked with, see [`limit_fields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyFields;

/// The fields of an object, whose repeated keys are found however many there are.
pub(crate) struct Fields<'a> {
    object: Object<'a>,
    places: Option<HashMap<&'a str, usize, RandomState>>,
    most: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(arena: &'a Arena) -> Self {
        Self {
            object: Object::with_capacity(arena, 8),
            places: None,
            most: usize::MAX,
        }
    }

    /// Of an event, to which the limit of this thread applies.
    pub(crate) fn of_event(arena: &'a Arena) -> Self {
        Self {
            most: MOST_FIELDS.get(),
            ..Self::new(arena)
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
        if len >= self.most {
            std::panic::panic_any(TooManyFields);
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
    fn more_fields_than_the_limit_are_not_even_looked_for() {
        let add = |most: usize, of_event: bool| {
            std::thread::spawn(move || {
                limit_fields(most);
                let arena = Arena::new();
                let mut fields = match of_event {
                    true => Fields::of_event(&arena),
                    false => Fields::new(&arena),
                };
                for number in 0..50 {
                    fields.set(arena.alloc_str(&number.to_string()), Value::Null);
                }
                fields.into_object().len()
            })
            .join()
        };
        assert_eq!(add(50, true).unwrap(), 50);
        assert_eq!(add(10, false).unwrap(), 50);
        for most in [10, 49] {
            let panic = add(most, true).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&TooManyFields));
        }
    }

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
