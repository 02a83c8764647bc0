//! An object with very many fields, which are found by hashing: a table of places in the list of fields, in the arena
//! like the fields themselves.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::{Arena, Value};

/// No field has this place.
const EMPTY: u32 = u32::MAX;

/// Keys come from whoever writes logs, who must not be able to choose them so that they meet in the table.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

type Entry<'a> = Option<(&'a str, Value<'a>)>;

/// The fields of an object with many, in the order in which they were set.
#[derive(Clone)]
pub(super) struct ManyFields<'a> {
    /// What was removed leaves a gap, until there are as many gaps as fields.
    entries: bumpalo::collections::Vec<'a, Entry<'a>>,
    len: usize,
    /// Places in `entries`, by the hashes of their keys; a power of two of them, at least half of which are empty.
    places: bumpalo::collections::Vec<'a, u32>,
}

impl<'a> ManyFields<'a> {
    pub(super) fn new(
        arena: &'a Arena,
        fields: impl ExactSizeIterator<Item = (&'a str, Value<'a>)>,
    ) -> Self {
        let len = fields.len();
        let mut entries = bumpalo::collections::Vec::with_capacity_in(len * 2, arena);
        entries.extend(fields.map(Some));
        let places = bumpalo::collections::Vec::new_in(arena);
        let mut many = Self {
            entries,
            len,
            places,
        };
        many.rebuild();
        many
    }

    pub(super) fn arena(&self) -> &'a Arena {
        self.entries.bump()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> Entries<'_, 'a> {
        Entries {
            entries: self.entries.iter(),
            left: self.len,
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&'a str, &mut Value<'a>)> {
        let entries = self.entries.iter_mut().flatten();
        entries.map(|(key, value)| (*key, value))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value<'a>> {
        let place = self.place(key)?;
        self.entries[place].as_ref().map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        let place = self.place(key)?;
        self.entries[place].as_mut().map(|(_, value)| value)
    }

    pub(super) fn entry(
        &mut self,
        key: &'a str,
        default: impl FnOnce() -> Value<'a>,
    ) -> &mut Value<'a> {
        let place = self.place(key).unwrap_or_else(|| {
            self.push(key, default());
            self.entries.len() - 1
        });
        let (_, value) = self.entries[place].get_or_insert_with(|| (key, Value::Null));
        value
    }

    /// Appends a field whose key is not there yet.
    pub(super) fn push(&mut self, key: &'a str, value: Value<'a>) {
        self.entries.push(Some((key, value)));
        self.len += 1;
        if self.entries.len() * 2 > self.places.len() {
            self.rebuild();
        } else {
            self.enter(key, self.entries.len() - 1);
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        let place = self.place(key)?;
        let (_, value) = self.entries[place].take()?;
        self.len -= 1;
        if self.entries.len() > self.len * 2 + 8 {
            self.rebuild();
        }
        Some(value)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&'a str, &mut Value<'a>) -> bool) {
        self.entries
            .retain_mut(|entry| entry.as_mut().is_some_and(|(key, value)| keep(key, value)));
        self.rebuild();
    }

    /// Where the field is among the entries.
    fn place(&self, key: &str) -> Option<usize> {
        let mask = self.places.len() - 1;
        let mut at = HASHER.hash_one(key) as usize & mask;
        loop {
            let place = self.places[at];
            if place == EMPTY {
                return None;
            }
            // A removed field leads on to those that came after it.
            match &self.entries[place as usize] {
                Some((have, _)) if *have == key => return Some(place as usize),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// Notes in the table where a field is.
    fn enter(&mut self, key: &str, place: usize) {
        let mask = self.places.len() - 1;
        let mut at = HASHER.hash_one(key) as usize & mask;
        while self.places[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.places[at] = place as u32;
    }

    /// Closes the gaps, and makes a table for twice the fields.
    fn rebuild(&mut self) {
        self.entries.retain(Option::is_some);
        self.len = self.entries.len();
        assert!(
            self.len < EMPTY as usize / 4,
            "more fields than any memory holds"
        );
        self.places.clear();
        self.places
            .resize((self.len * 4).next_power_of_two().max(16), EMPTY);
        for place in 0..self.len {
            if let Some((key, _)) = self.entries[place] {
                self.enter(key, place);
            }
        }
    }
}

/// Keys and values of an object with many fields, in order.
pub struct Entries<'e, 'a> {
    entries: std::slice::Iter<'e, Entry<'a>>,
    left: usize,
}

impl<'e, 'a> Iterator for Entries<'e, 'a> {
    type Item = (&'a str, &'e Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.entries.by_ref().flatten().next()?;
        self.left -= 1;
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Entries<'_, '_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (key, value) = self.entries.by_ref().rev().flatten().next()?;
        self.left -= 1;
        Some((key, value))
    }
}
