//! The characters of strings: their places, sets of them, and which come next.

use crate::ruby::value::Val;

/// `succ`: the next string in Ruby's order of letters and digits.
pub(in crate::ruby::methods) fn successor(text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let counts = |c: &char| c.is_ascii_alphanumeric();
    if !characters.iter().any(counts) {
        if let Some(last) = characters.last_mut() {
            *last = char::from_u32(u32::from(*last) + 1).unwrap_or(*last);
        }
        return characters.into_iter().collect();
    }
    let mut at = characters.len();
    let mut carried: Option<(usize, char)> = None;
    while at > 0 {
        at -= 1;
        if !counts(&characters[at]) {
            // What stands right of the last letter or digit stays.
            let more = characters[..at].iter().any(counts);
            if carried.is_some() && !more {
                break;
            }
            continue;
        }
        let (next, carry) = match characters[at] {
            'z' => ('a', Some('a')),
            'Z' => ('A', Some('A')),
            '9' => ('0', Some('1')),
            other => ((other as u8 + 1) as char, None),
        };
        characters[at] = next;
        match carry {
            None => return characters.into_iter().collect(),
            Some(first) => carried = Some((at, first)),
        }
    }
    if let Some((at, first)) = carried {
        characters.insert(at, first);
    }
    characters.into_iter().collect()
}

pub(super) fn position(text: &str, at: Option<usize>) -> Val {
    at.map_or(Val::Nil, |at| Val::Int(text[..at].chars().count() as i64))
}

/// The bytes of some characters; a negative start counts from the end.
pub(super) fn char_span(text: &str, start: i64, length: i64) -> Option<(usize, usize)> {
    let count = text.chars().count() as i64;
    let start = if start < 0 { start + count } else { start };
    if start < 0 || start > count || length < 0 {
        return None;
    }
    let end = start.saturating_add(length).min(count);
    if text.is_ascii() {
        return Some((start as usize, end as usize));
    }
    let byte = |index: i64| {
        text.char_indices()
            .nth(index as usize)
            .map_or(text.len(), |(at, _)| at)
    };
    Some((byte(start), byte(end)))
}

/// The elements that a range names among so many.
pub(in crate::ruby::methods) fn range_span(
    first: Val,
    last: Val,
    exclusive: bool,
    length: usize,
) -> Option<(usize, usize)> {
    let length = length as i64;
    let number = |value: Val, default: i64| match value {
        Val::Int(number) => Some(number),
        Val::Nil => Some(default),
        _ => None,
    };
    let first = number(first, 0)?;
    let first = if first < 0 { first + length } else { first };
    if first < 0 || first > length {
        return None;
    }
    let endless = last == Val::Nil;
    let last = number(last, length - 1)?;
    let last = if last < 0 { last + length } else { last };
    let end = if exclusive && !endless {
        last
    } else {
        last.saturating_add(1)
    };
    Some((first as usize, end.clamp(first, length) as usize))
}

/// The characters of `count`, `delete` and `tr`: `a-z`, `^a-z`.
pub(super) struct CharSet {
    negated: bool,
    characters: Vec<char>,
}

impl CharSet {
    pub(super) fn new(text: &str) -> Self {
        let rest = text.strip_prefix('^').filter(|rest| !rest.is_empty());
        Self {
            negated: rest.is_some(),
            characters: expand(rest.unwrap_or(text)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.characters.len()
    }

    pub(super) fn contains(&self, c: char) -> bool {
        self.characters.contains(&c) != self.negated
    }
}

fn expand(text: &str) -> Vec<char> {
    let characters: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let c = characters[at];
        if c == '\\' && at + 1 < characters.len() {
            out.push(characters[at + 1]);
            at += 2;
        } else if characters.get(at + 1) == Some(&'-') && at + 2 < characters.len() {
            out.extend((c..=characters[at + 2]).take(70_000));
            at += 3;
        } else {
            out.push(c);
            at += 1;
        }
    }
    out
}

pub(super) fn translate(text: &str, set: &CharSet, to: &str) -> String {
    let to = expand(to);
    let mapped = |c: char| {
        if !set.contains(c) {
            return Some(c);
        }
        if set.negated {
            return to.last().copied();
        }
        let at = set
            .characters
            .iter()
            .position(|have| *have == c)
            .unwrap_or(0);
        to.get(at).or(to.last()).copied()
    };
    text.chars().filter_map(mapped).collect()
}
