//! Dictionaries and the ways to look something up in them.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use crate::event::{Arena, ArenaString, OwnedValue, Value, ruby_text};
use crate::regex::{Options, Regex, Scratch};

/// Keys and values in the order of the dictionary; the last value of a key counts, in its first place.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    list: Vec<(String, OwnedValue)>,
    places: HashMap<String, usize>,
}

impl Entries {
    pub(super) fn insert(&mut self, key: String, value: OwnedValue) {
        match self.places.get(&key) {
            Some(&place) => self.list[place].1 = value,
            None => {
                self.places.insert(key.clone(), self.list.len());
                self.list.push((key, value));
            }
        }
    }
}

/// How a text is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// It is a key.
    Exact,
    /// A key, as a regular expression, matches it.
    Regex,
    /// Every key that occurs in it is replaced.
    Replace,
}

impl Lookup {
    pub(super) fn of(exact: bool, regex: bool) -> Self {
        match (exact, regex) {
            (true, false) => Self::Exact,
            (true, true) => Self::Regex,
            (false, _) => Self::Replace,
        }
    }
}

/// A dictionary, ready for one kind of look-up.
#[derive(Debug)]
pub(super) struct Dictionary {
    entries: Entries,
    index: Index,
}

#[derive(Debug)]
enum Index {
    Exact,
    Regex(Vec<Regex>),
    Replace(AhoCorasick),
}

/// The keys do not fit the kind of look-up.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    #[error("the key `{key}` is no regular expression: {reason}")]
    Regex { key: String, reason: String },
    #[error("the dictionary is too large to search texts for all its keys: {0}")]
    TooLarge(#[from] aho_corasick::BuildError),
}

impl Dictionary {
    pub(super) fn new(entries: Entries, lookup: Lookup) -> Result<Self, KeyError> {
        let keys = entries.list.iter().map(|(key, _)| key);
        let index = match lookup {
            Lookup::Exact => Index::Exact,
            Lookup::Regex => {
                let compile = |key: &String| {
                    Regex::new(key, Options::default()).map_err(|error| KeyError::Regex {
                        key: key.clone(),
                        reason: error.to_string(),
                    })
                };
                Index::Regex(keys.map(compile).collect::<Result<_, _>>()?)
            }
            // Of keys that begin at the same place the first in the dictionary counts, as in `Regexp.union`.
            Lookup::Replace => Index::Replace(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostFirst)
                    .build(keys)?,
            ),
        };
        Ok(Self { entries, index })
    }

    pub(super) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// What the dictionary has for a text.
    pub(super) fn find<'a>(
        &self,
        text: &'a str,
        arena: &'a Arena,
        scratch: &mut Scratch,
    ) -> Option<Value<'a>> {
        let place = match &self.index {
            Index::Exact => *self.entries.places.get(text)?,
            // A search that runs out of its budget counts as no match.
            Index::Regex(regexes) => regexes
                .iter()
                .position(|regex| regex.is_match(text, scratch).unwrap_or(false))?,
            Index::Replace(searcher) => return self.replace(searcher, text, arena),
        };
        Some(self.entries.list[place].1.to_value(arena))
    }

    fn replace<'a>(
        &self,
        searcher: &AhoCorasick,
        text: &'a str,
        arena: &'a Arena,
    ) -> Option<Value<'a>> {
        let mut out = ArenaString::new_in(arena);
        let mut copied = 0;
        let mut from = 0;
        while from <= text.len()
            && let Some(found) = searcher.find(Input::new(text).range(from..))
        {
            out.push_str(&text[copied..found.start()]);
            let (_, value) = &self.entries.list[found.pattern().as_usize()];
            out.push_str(ruby_text(&value.to_value(arena), arena));
            copied = found.end();
            from = copied;
            if found.is_empty() {
                // After an empty key the next character is passed over.
                from += text[copied..].chars().next().map_or(1, char::len_utf8);
            }
        }
        out.push_str(&text[copied..]);
        (out != text).then(|| Value::Str(out.into_bump_str()))
    }
}
