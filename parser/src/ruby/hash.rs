//! A hash that keeps the order in which keys were set, as Ruby's does.
//!
//! It knows nothing of values: whoever uses it brings the hash of a key and the test for equality, since
//! both need the heap.

use super::value::Val;

/// From this many entries on, keys are found through a table rather than by walking.
const TABLE_FROM: usize = 9;
const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    key: Val,
    value: Val,
    live: bool,
}

/// Keys and values in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct RubyHash {
    entries: Vec<Entry>,
    live: usize,
    /// Numbers of entries, by hash, with linear probing. Empty while there are few entries.
    table: Vec<u32>,
    /// The value of keys that are not there.
    pub(crate) default: Option<Val>,
    /// The block that makes the value of keys that are not there.
    pub(crate) default_proc: Option<Val>,
}

impl RubyHash {
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Val, Val)> + '_ {
        let live = self.entries.iter().filter(|entry| entry.live);
        live.map(|entry| (entry.key, entry.value))
    }

    /// Keys and values, to be renumbered when the heap is compacted.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Val> + '_ {
        let entries = self.entries.iter_mut();
        let values = entries.flat_map(|entry| [&mut entry.key, &mut entry.value]);
        values
            .chain(self.default.as_mut())
            .chain(self.default_proc.as_mut())
    }

    /// The place of a key.
    pub(crate) fn find(&self, hash: u64, mut same: impl FnMut(Val) -> bool) -> Option<usize> {
        if self.table.is_empty() {
            return self
                .entries
                .iter()
                .position(|entry| entry.live && entry.hash == hash && same(entry.key));
        }
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let number = self.table[slot];
            if number == EMPTY {
                return None;
            }
            let entry = &self.entries[number as usize];
            if entry.live && entry.hash == hash && same(entry.key) {
                return Some(number as usize);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The value at a place that [`find`](Self::find) gave.
    pub(crate) fn value_at(&self, place: usize) -> Val {
        self.entries[place].value
    }

    pub(crate) fn set_value_at(&mut self, place: usize, value: Val) {
        self.entries[place].value = value;
    }

    /// Appends a key that is not there.
    pub(crate) fn push(&mut self, hash: u64, key: Val, value: Val) {
        self.entries.push(Entry {
            hash,
            key,
            value,
            live: true,
        });
        self.live += 1;
        if self.entries.len() >= TABLE_FROM && self.entries.len() * 2 > self.table.len() {
            self.rebuild();
        } else if !self.table.is_empty() {
            self.enter(self.entries.len() - 1);
        }
    }

    /// Removes the entry at a place.
    pub(crate) fn remove_at(&mut self, place: usize) -> (Val, Val) {
        let entry = &mut self.entries[place];
        let removed = (entry.key, entry.value);
        entry.live = false;
        entry.key = Val::Nil;
        entry.value = Val::Nil;
        self.live -= 1;
        if self.entries.len() > 2 * self.live + 8 || self.table.is_empty() {
            self.rebuild();
        }
        removed
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.table.clear();
        self.live = 0;
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        self.entries.capacity() * std::mem::size_of::<Entry>() + self.table.capacity() * 4
    }

    /// Drops removed entries and makes the table anew.
    fn rebuild(&mut self) {
        self.entries.retain(|entry| entry.live);
        self.table.clear();
        if self.entries.len() >= TABLE_FROM {
            let length = (self.entries.len() * 4).next_power_of_two();
            self.table.resize(length, EMPTY);
            for number in 0..self.entries.len() {
                self.enter(number);
            }
        }
    }

    fn enter(&mut self, number: usize) {
        let mask = self.table.len() - 1;
        let mut slot = self.entries[number].hash as usize & mask;
        while self.table[slot] != EMPTY {
            slot = (slot + 1) & mask;
        }
        self.table[slot] = number as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_through_removals_and_growth() {
        let mut hash = RubyHash::default();
        let number = |n: i64| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..1000 {
            hash.push(number(n), Val::Int(n), Val::Int(n * 2));
        }
        for n in (0..1000).filter(|n| n % 3 != 0) {
            let place = hash.find(number(n), |key| key == Val::Int(n)).unwrap();
            hash.remove_at(place);
        }
        assert_eq!(hash.len(), 334);
        let keys: Vec<Val> = hash.iter().map(|(key, _)| key).collect();
        let want: Vec<Val> = (0..1000).filter(|n| n % 3 == 0).map(Val::Int).collect();
        assert_eq!(keys, want);
        let place = hash.find(number(999), |key| key == Val::Int(999));
        assert_eq!(place.map(|at| hash.value_at(at)), Some(Val::Int(1998)));
        assert_eq!(hash.find(number(1), |key| key == Val::Int(1)), None);
    }
}
