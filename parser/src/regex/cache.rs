//! Patterns that are only known when an event comes by: events that need a pattern once tend to need it again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Options, Regex, RegexError};

/// How many bytes of patterns are kept.
const KEPT_BYTES: usize = 8 << 20;

/// Compiled patterns, by their text and options. When they take too much memory all of them go.
#[derive(Debug, Default)]
pub(crate) struct RegexCache(Mutex<Kept>);

type Compiled = Result<Regex, RegexError>;

#[derive(Debug, Default)]
struct Kept {
    /// Few texts are asked for with several options, so that those of one text are a list.
    by_text: HashMap<Box<str>, Vec<(Options, Compiled)>>,
    bytes: usize,
}

impl RegexCache {
    /// The pattern, and whether it had to be compiled.
    pub(crate) fn get(&self, pattern: &str, options: Options) -> (Result<Regex, RegexError>, bool) {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().by_text.get(pattern)
            && let Some((_, regex)) = known.iter().find(|(with, _)| *with == options)
        {
            return (regex.clone(), false);
        }
        // Others need not wait while it is compiled.
        let regex = Regex::new(pattern, options);
        let bytes = pattern.len() + regex.as_ref().map_or(0, Regex::size) + ENTRY_BYTES;
        if bytes <= KEPT_BYTES {
            let mut kept = kept();
            if kept.bytes + bytes > KEPT_BYTES {
                *kept = Kept::default();
            }
            kept.bytes += bytes;
            let known = kept.by_text.entry(pattern.into()).or_default();
            known.push((options, regex.clone()));
        }
        (regex, true)
    }
}

/// What a pattern takes in the table, whatever it is.
const ENTRY_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_compiled_once_and_kept_within_bounds() {
        let cache = RegexCache::default();
        let plain = Options::default();
        let ignore_case = Options {
            ignore_case: true,
            ..plain
        };
        assert!(cache.get("a(b)", plain).1);
        assert!(!cache.get("a(b)", plain).1);
        assert!(cache.get("a(b)", ignore_case).1);
        assert!(!cache.get("a(b)", plain).1, "each option has its own");
        assert!(!cache.get("a(b)", ignore_case).1);
        assert!(cache.get("(", plain).0.is_err());
        assert!(!cache.get("(", plain).1, "a mistake is remembered, too");
        let mut compiled = 0;
        for number in 0..200 {
            let large = format!("(?:a{number}|[bc]d){{2000}}");
            compiled += usize::from(cache.get(&large, plain).1);
            let kept = cache.0.lock().unwrap();
            let taken = kept.by_text.values().flatten();
            let taken = taken.map(|(_, regex)| regex.as_ref().map_or(0, Regex::size));
            assert!(taken.sum::<usize>() <= KEPT_BYTES);
        }
        assert_eq!(compiled, 200);
        assert!(cache.get("a(b)", ignore_case).1, "it made room");
    }
}
