//! Scanning a text for pairs, and what is done to each before it is kept.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::{CaseChange, Edits, Kv};
use crate::event::{ArenaString, Array, Event, FieldLimit, Object, Template, Value};
use crate::regex::{Budget, BudgetExceeded, Regex, Scratch};

/// How deep values may hold pairs that hold pairs; what lies deeper stays text, so that no text exhausts the stack.
const NESTING_MAX: usize = 100;
/// How often the clock is read.
const PAIRS_PER_QUESTION: u32 = 256;

/// One run over a text.
pub(super) struct Scan<'e, 'a, 's> {
    kv: &'e Kv,
    event: &'e Event<'a>,
    include: Vec<&'a str>,
    exclude: Vec<&'a str>,
    scratch: &'s mut Scratch,
    started: Option<Instant>,
    depth: usize,
    limit: FieldLimit,
    /// The texts that keys of many values have, for each depth, where values must not repeat.
    seen: Vec<HashMap<&'a str, HashSet<&'a str>>>,
}

/// From how many values of a key on repeated ones are found by hashing rather than by looking at all.
const HASHED_FROM: usize = 24;

impl<'e, 'a, 's> Scan<'e, 'a, 's> {
    pub(super) fn new(kv: &'e Kv, event: &'e Event<'a>, scratch: &'s mut Scratch) -> Self {
        Self {
            kv,
            event,
            include: render(&kv.options.include_keys, event),
            exclude: render(&kv.options.exclude_keys, event),
            scratch,
            started: None,
            depth: 0,
            limit: FieldLimit::of_events(),
            seen: vec![HashMap::new()],
        }
    }

    /// Adds the pairs of `text` to `pairs`.
    pub(super) fn parse(
        &mut self,
        text: &'a str,
        pairs: &mut Object<'a>,
    ) -> Result<(), BudgetExceeded> {
        if !self.find(&self.kv.value_split, text, 0)? {
            return Ok(());
        }
        let mut at = 0;
        let mut found = 0_u32;
        while at <= text.len() && self.find(&self.kv.pairs, text, at)? {
            let Some((start, end)) = self.scratch.span(0) else {
                break;
            };
            let key = self.group(text, 1).unwrap_or_default();
            let groups = 2..=self.kv.pairs.group_count();
            let value = groups.into_iter().find_map(|group| self.group(text, group));
            at = if end > start {
                end
            } else {
                next_character(text, end)
            };
            self.add(key, value.unwrap_or_default(), pairs)?;
            found = found.wrapping_add(1);
            if found.is_multiple_of(PAIRS_PER_QUESTION) && !self.has_time_left() {
                return Err(BudgetExceeded);
            }
        }
        Ok(())
    }

    /// A search asks by itself only when it is long.
    fn has_time_left(&mut self) -> bool {
        let started = *self.started.get_or_insert_with(Instant::now);
        self.kv
            .timeout
            .is_none_or(|timeout| started.elapsed() < timeout)
    }

    fn add(
        &mut self,
        key: &'a str,
        value: &'a str,
        pairs: &mut Object<'a>,
    ) -> Result<(), BudgetExceeded> {
        if value.is_empty() && !self.kv.options.allow_empty_values {
            return Ok(());
        }
        let kv = self.kv;
        let arena = self.event.arena();
        let key = self.edit(&kv.key_edits, key)?;
        let wanted = self.include.is_empty() || self.include.contains(&key);
        if !wanted || self.exclude.contains(&key) {
            return Ok(());
        }
        let prefix = kv.options.prefix.render(self.event);
        let key = if prefix.is_empty() {
            key
        } else {
            arena.alloc_str(&[prefix, key].concat())
        };
        let value = self.edit(&kv.value_edits, value)?;
        if !kv.options.allow_duplicate_values && self.is_repeated(key, value, pairs) {
            return Ok(());
        }
        let value = match self.inner_pairs(value)? {
            Some(inner) => Value::Object(inner),
            None => Value::Str(value),
        };
        match pairs.get_mut(key) {
            None => {
                pairs.push(key, value);
                self.limit.check(pairs.len());
            }
            Some(Value::Array(values)) => {
                if let Value::Str(text) = value
                    && let Some(seen) = self.seen[self.depth].get_mut(key)
                {
                    seen.insert(text);
                }
                values.push(value);
            }
            Some(single) => {
                let both = [std::mem::replace(single, Value::Null), value];
                *single = Value::Array(Array::from_iter_in(both, arena));
            }
        }
        Ok(())
    }

    fn is_repeated(&mut self, key: &'a str, value: &str, pairs: &mut Object<'a>) -> bool {
        match pairs.get_mut(key) {
            None => false,
            Some(Value::Array(values)) if values.len() >= HASHED_FROM => {
                let seen = self.seen[self.depth].entry(key);
                let seen =
                    seen.or_insert_with(|| values.iter().filter_map(Value::as_str).collect());
                seen.contains(value)
            }
            Some(have) => holds(have, value),
        }
    }

    /// The pairs that a value holds itself, if that is asked for and it holds any.
    fn inner_pairs(&mut self, value: &'a str) -> Result<Option<Object<'a>>, BudgetExceeded> {
        if !self.kv.options.recursive || self.depth == NESTING_MAX {
            return Ok(None);
        }
        let mut inner = Object::with_capacity(self.event.arena(), 8);
        self.depth += 1;
        self.seen.push(HashMap::new());
        let parsed = self.parse(value, &mut inner);
        self.seen.pop();
        self.depth -= 1;
        parsed?;
        Ok((!inner.is_empty()).then_some(inner))
    }

    fn edit(&mut self, edits: &Edits, text: &'a str) -> Result<&'a str, BudgetExceeded> {
        let text = self.without(edits.trim.as_ref(), text)?;
        let text = self.without(edits.remove.as_ref(), text)?;
        Ok(match edits.case {
            Some(case) => self.event.arena().alloc_str(&case.apply(text)),
            None => text,
        })
    }

    /// The text without what `regex` matches; the same text where it matches nothing.
    fn without(&mut self, regex: Option<&Regex>, text: &'a str) -> Result<&'a str, BudgetExceeded> {
        let Some(regex) = regex else { return Ok(text) };
        let mut kept = None;
        let mut done = 0;
        while self.find(regex, text, done)? {
            let Some((start, end)) = self.scratch.span(0) else {
                break;
            };
            let kept = kept.get_or_insert_with(|| {
                ArenaString::with_capacity_in(text.len(), self.event.arena())
            });
            kept.push_str(&text[done..start]);
            done = end;
        }
        Ok(match kept {
            None => text,
            Some(mut kept) => {
                kept.push_str(&text[done..]);
                kept.into_bump_str()
            }
        })
    }

    fn find(&mut self, regex: &Regex, text: &str, at: usize) -> Result<bool, BudgetExceeded> {
        let timeout = self.kv.timeout;
        let started = &mut self.started;
        let mut keep_going = || match timeout {
            Some(timeout) => started.get_or_insert_with(Instant::now).elapsed() < timeout,
            None => true,
        };
        let budget = Budget {
            steps: u64::MAX,
            keep_going: Some(&mut keep_going),
        };
        regex.captures_within(text, at, self.scratch, budget)
    }

    fn group(&self, text: &'a str, group: usize) -> Option<&'a str> {
        let (start, end) = self.scratch.span(group)?;
        Some(&text[start..end])
    }
}

/// Whether a value is there already; a string also holds its parts, as Ruby's `include?` has it.
fn holds(have: &Value<'_>, value: &str) -> bool {
    match have {
        Value::Str(text) => text.contains(value),
        Value::Array(values) => values.iter().any(|have| have.as_str() == Some(value)),
        Value::Object(object) => object.get(value).is_some(),
        _ => false,
    }
}

fn next_character(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

fn render<'a>(keys: &[Template], event: &Event<'a>) -> Vec<&'a str> {
    keys.iter().map(|key| key.render(event)).collect()
}

impl CaseChange {
    fn apply(self, text: &str) -> String {
        match self {
            CaseChange::Lowercase => text.to_lowercase(),
            CaseChange::Uppercase => text.to_uppercase(),
            CaseChange::Capitalize => {
                let mut characters = text.chars();
                let first = characters.next().into_iter().flat_map(char::to_uppercase);
                first
                    .chain(characters.as_str().to_lowercase().chars())
                    .collect()
            }
        }
    }
}
