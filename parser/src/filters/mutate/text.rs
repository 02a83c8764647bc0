//! Strings as Ruby's methods change them: case, white space, splitting and joining.

use super::Failed;
use crate::event::{Arena, ArenaString, Array, Event, FieldRef, Value, ruby_text};

/// A change of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Respelling {
    Uppercase,
    Capitalize,
    Lowercase,
}

impl Respelling {
    /// Changes a string, or the strings in an array; anything else stays.
    pub(super) fn apply<'a>(
        self,
        event: &mut Event<'a>,
        field: FieldRef<'a>,
    ) -> Result<(), Failed> {
        let arena = event.arena();
        match event.get_mut(field) {
            Some(Value::Str(text)) => *text = self.spell(text, arena),
            Some(Value::Array(values)) => {
                for value in values {
                    if let Value::Str(text) = value {
                        *text = self.spell(text, arena);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn spell<'a>(self, text: &'a str, arena: &'a Arena) -> &'a str {
        if text.is_ascii() {
            let spelled = arena.alloc_str(text);
            match (self, spelled.split_at_mut_checked(1)) {
                (Self::Uppercase, _) => spelled.make_ascii_uppercase(),
                (Self::Capitalize, Some((first, rest))) => {
                    first.make_ascii_uppercase();
                    rest.make_ascii_lowercase();
                }
                (Self::Lowercase | Self::Capitalize, _) => spelled.make_ascii_lowercase(),
            }
            return spelled;
        }
        let mut out = ArenaString::with_capacity_in(text.len(), arena);
        match self {
            Self::Uppercase => text
                .chars()
                .for_each(|letter| out.extend(letter.to_uppercase())),
            Self::Lowercase => push_lowercase(&mut out, text),
            Self::Capitalize => {
                let mut letters = text.chars();
                if let Some(first) = letters.next() {
                    push_titlecase(&mut out, first);
                }
                push_lowercase(&mut out, letters.as_str());
            }
        }
        out.into_bump_str()
    }
}

/// Letter by letter: Ruby knows no final sigma.
fn push_lowercase(out: &mut ArenaString<'_>, text: &str) {
    text.chars()
        .for_each(|letter| out.extend(letter.to_lowercase()));
}

/// The letter at the start of a capitalized word: of `ß` and ligatures only the first part is in upper case.
fn push_titlecase(out: &mut ArenaString<'_>, letter: char) {
    match letter {
        'Ǆ' | 'ǅ' | 'ǆ' => return out.push('ǅ'),
        'Ǉ' | 'ǈ' | 'ǉ' => return out.push('ǈ'),
        'Ǌ' | 'ǋ' | 'ǌ' => return out.push('ǋ'),
        'Ǳ' | 'ǲ' | 'ǳ' => return out.push('ǲ'),
        _ => {}
    }
    let mut upper = letter.to_uppercase();
    out.extend(upper.next());
    for rest in upper {
        out.extend(rest.to_lowercase());
    }
}

/// Without white space and null characters at both ends, as `String#strip`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(|letter| matches!(letter, '\0' | '\t'..='\r' | ' '))
}

/// The parts between separators without empty ones at the end, as `String#split`. A single space
/// stands for any white space, an empty separator for every place between letters.
pub(crate) fn split<'a>(text: &'a str, separator: &str, arena: &'a Arena) -> Array<'a> {
    let mut parts = Array::new_in(arena);
    match separator {
        " " => {
            let is_space = |letter: char| matches!(letter, '\t'..='\r' | ' ');
            let words = text.split(is_space).filter(|word| !word.is_empty());
            parts.extend(words.map(Value::Str));
        }
        "" => {
            for (at, letter) in text.char_indices() {
                parts.push(Value::Str(&text[at..at + letter.len_utf8()]));
            }
        }
        separator => {
            let bytes = text.as_bytes();
            let mut start = 0;
            let mut cut = |end: usize| {
                let part = &text[start..end];
                start = end + separator.len();
                Value::Str(part)
            };
            match separator.as_bytes() {
                // Memory that a list has grown out of is lost until the arena is reset: parts are counted first.
                &[byte] => {
                    parts.reserve_exact(memchr::memchr_iter(byte, bytes).count() + 1);
                    parts.extend(memchr::memchr_iter(byte, bytes).map(&mut cut));
                }
                pattern => parts.extend(memchr::memmem::find_iter(bytes, pattern).map(&mut cut)),
            }
            parts.push(cut(text.len()));
        }
    }
    while matches!(parts.last(), Some(Value::Str(""))) {
        parts.pop();
    }
    parts
}

/// The elements with the separator between them, as `Array#join`: null is empty, a nested array is
/// joined too.
pub(super) fn join<'a>(values: &[Value<'a>], separator: &str, arena: &'a Arena) -> &'a str {
    let mut out = ArenaString::new_in(arena);
    push_joined(&mut out, values, separator, arena);
    out.into_bump_str()
}

fn push_joined<'a>(
    out: &mut ArenaString<'a>,
    values: &[Value<'a>],
    separator: &str,
    arena: &'a Arena,
) {
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push_str(separator);
        }
        match value {
            Value::Array(nested) => push_joined(out, nested, separator, arena),
            single => out.push_str(ruby_text(single, arena)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_change_as_in_ruby() {
        let arena = Arena::new();
        let cases = [
            (Respelling::Uppercase, "straße ÿ", "STRASSE Ÿ"),
            (Respelling::Lowercase, "ΑΣ ŻÓŁĆ", "ασ żółć"),
            (Respelling::Capitalize, "ßX ÉÉ", "Ssx éé"),
            (Respelling::Capitalize, "ǆX", "ǅx"),
            (Respelling::Capitalize, "", ""),
        ];
        for (respelling, text, spelled) in cases {
            assert_eq!(respelling.spell(text, &arena), spelled);
        }
    }

    #[test]
    fn strings_split_as_in_ruby() {
        let arena = Arena::new();
        let cases: [(&str, &str, &[&str]); 7] = [
            ("a,b,,c,,", ",", &["a", "b", "", "c"]),
            (",a", ",", &["", "a"]),
            ("", ",", &[]),
            (",,", ",", &[]),
            ("  a  b ", " ", &["a", "b"]),
            ("aé", "", &["a", "é"]),
            ("1ab2ab3", "ab", &["1", "2", "3"]),
        ];
        for (text, separator, parts) in cases {
            let split = split(text, separator, &arena);
            let split: Vec<_> = split.iter().filter_map(Value::as_str).collect();
            assert_eq!(split, parts, "{text:?} by {separator:?}");
        }
    }

    #[test]
    fn space_and_nulls_are_stripped_at_both_ends() {
        assert_eq!(strip(" \0\t a b\u{b}\r\n\0"), "a b");
        assert_eq!(strip("\u{a0}a"), "\u{a0}a");
    }
}
