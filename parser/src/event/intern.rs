//! Strings of the configuration, which live as long as the process.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

static STRINGS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
static LISTS: Mutex<Option<HashSet<&'static [&'static str]>>> = Mutex::new(None);

/// The one copy of `text` that lives as long as the process.
///
/// For what a configuration names (fields, tags, constant values) and never for data: events may
/// then hold these strings without copying them. Loading the same configuration again adds nothing.
pub fn intern(text: &str) -> &'static str {
    let mut guard = STRINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let strings = guard.get_or_insert_with(HashSet::new);
    match strings.get(text) {
        Some(have) => have,
        None => {
            let kept: &'static str = Box::leak(text.into());
            strings.insert(kept);
            kept
        }
    }
}

/// The one copy of a list of strings that lives as long as the process.
pub(super) fn intern_list(list: Vec<&'static str>) -> &'static [&'static str] {
    let mut guard = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    let lists = guard.get_or_insert_with(HashSet::new);
    match lists.get(&list[..]) {
        Some(have) => have,
        None => {
            let kept: &'static [&'static str] = Box::leak(list.into_boxed_slice());
            lists.insert(kept);
            kept
        }
    }
}
