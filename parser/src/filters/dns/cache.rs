//! What was answered lately, shared by all workers: a look takes no time beside a question.
//!
//! A cache has two halves: when the newer one is full it becomes the older one, which is then forgotten as a whole. What is
//! asked for moves to the newer half, so what is in use stays.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::time::Timestamp;

/// Answers by what was asked: whether for a name, and for what.
pub(super) struct Cache<V> {
    halves: Mutex<Halves<V>>,
    half_size: usize,
    lifetime_millis: i64,
}

struct Halves<V> {
    newer: HashMap<(bool, Box<str>), Entry<V>>,
    older: HashMap<(bool, Box<str>), Entry<V>>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    ends_millis: i64,
}

impl<V: Clone> Cache<V> {
    /// `None` for a size of 0, which is no cache.
    pub(super) fn new(size: u64, lifetime_seconds: f64) -> Option<Self> {
        let halves = Mutex::new(Halves {
            newer: HashMap::new(),
            older: HashMap::new(),
        });
        (size > 0).then(|| Self {
            halves,
            half_size: usize::try_from(size.div_ceil(2)).unwrap_or(usize::MAX),
            lifetime_millis: (lifetime_seconds * 1000.0) as i64,
        })
    }

    pub(super) fn get(&self, (kind, asked): (bool, &str), now: Timestamp) -> Option<V> {
        let key = (kind, Box::from(asked));
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match halves.newer.get(&key) {
            Some(found) => found.clone(),
            None => {
                let found = halves.older.remove(&key)?;
                self.insert(&mut halves, key, found.clone());
                found
            }
        };
        (found.ends_millis > now.millis()).then_some(found.value)
    }

    pub(super) fn put(&self, (kind, asked): (bool, &str), value: V, now: Timestamp) {
        let entry = Entry {
            value,
            ends_millis: now.millis().saturating_add(self.lifetime_millis),
        };
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut halves, (kind, Box::from(asked)), entry);
    }

    fn insert(&self, halves: &mut Halves<V>, key: (bool, Box<str>), entry: Entry<V>) {
        // What is there already takes no place of others.
        if halves.newer.len() >= self.half_size && !halves.newer.contains_key(&key) {
            halves.older = std::mem::take(&mut halves.newer);
        }
        halves.newer.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_anew_forgets_no_other() {
        let at = Timestamp::from_millis;
        let cache = Cache::new(4, 1.0).unwrap();
        for name in ["a", "b", "c", "d", "d", "d"] {
            cache.put((true, name), name, at(0));
        }
        assert_eq!(cache.get((true, "a"), at(1)), Some("a"));
        assert_eq!(cache.get((true, "d"), at(1)), Some("d"));
    }

    #[test]
    fn answers_end_and_are_never_more_than_asked_for() {
        let at = Timestamp::from_millis;
        let cache = Cache::new(10, 0.5).unwrap();
        cache.put((true, "a"), 1, at(0));
        assert_eq!(cache.get((true, "a"), at(499)), Some(1));
        assert_eq!(cache.get((false, "a"), at(499)), None);
        assert_eq!(cache.get((true, "a"), at(500)), None);
        for number in 0..1000 {
            cache.put((true, &number.to_string()), number, at(0));
            cache.put((true, "kept"), -1, at(0));
            assert_eq!(cache.get((true, "kept"), at(1)), Some(-1));
        }
        let halves = cache.halves.lock().unwrap();
        assert!(halves.newer.len() + halves.older.len() <= 10);
        assert!(Cache::<()>::new(0, 1.0).is_none());
    }
}
