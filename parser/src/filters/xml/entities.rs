//! References in texts: `&lt;`, `&#65;`, and entities that the document declares.
//!
//! What is accepted and how far it is expanded is as in REXML: at most 10,000 expansions in a document and 10,240
//! bytes of replacements in a text, so that a document cannot blow itself up.

use std::collections::HashMap;

use super::names::is_character;
use crate::event::{Arena, ArenaString};

/// How many declared entities are expanded in one document.
const EXPANSIONS_MAX: usize = 10_000;

/// How many bytes the references of one text may become.
const REPLACED_MAX: usize = 10_240;

/// How deep entities may refer to others.
const DEPTH_MAX: usize = 20;

/// The entities of a document.
#[derive(Default)]
pub(super) struct Entities<'a> {
    /// `None`: what they stand for lies elsewhere, and is not looked at.
    declared: HashMap<&'a str, Option<&'a str>>,
    expansions: usize,
}

/// A text whose references cannot be replaced, or not within the bounds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadReference;

impl<'a> Entities<'a> {
    pub(super) fn declare(&mut self, name: &'a str, value: Option<&'a str>) {
        self.declared.insert(name, value);
    }

    /// The text that `raw` stands for: references replaced, line ends made `\n`. Without either no copy is made.
    pub(super) fn expand(
        &mut self,
        raw: &'a str,
        arena: &'a Arena,
    ) -> Result<&'a str, BadReference> {
        if !raw.contains(['&', '\r']) {
            return Ok(raw);
        }
        let mut out = ArenaString::with_capacity_in(raw.len(), arena);
        self.expand_into(raw, 0, &mut out)?;
        Ok(out.into_bump_str())
    }

    fn expand_into(
        &mut self,
        raw: &str,
        depth: usize,
        out: &mut ArenaString<'_>,
    ) -> Result<(), BadReference> {
        let mut rest = raw;
        let mut replaced = 0;
        while let Some(at) = rest.find(['&', '\r']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix('\r') {
                out.push('\n');
                rest = after.strip_prefix('\n').unwrap_or(after);
                continue;
            }
            let Some(reference) = reference(rest) else {
                out.push('&');
                rest = &rest[1..];
                continue;
            };
            let before = out.len();
            self.replace(reference, depth, out)?;
            replaced += out.len() - before;
            if replaced > REPLACED_MAX {
                return Err(BadReference);
            }
            rest = &rest[reference.len()..];
        }
        out.push_str(rest);
        Ok(())
    }

    /// Appends what a reference stands for; one that is not declared stays as it is.
    fn replace(
        &mut self,
        reference: &str,
        depth: usize,
        out: &mut ArenaString<'_>,
    ) -> Result<(), BadReference> {
        let name = &reference[1..reference.len() - 1];
        if let Some(number) = name.strip_prefix('#') {
            out.extend(character(number));
            return Ok(());
        }
        if let Some(value) = self.declared.get(name) {
            let Some(value) = *value else {
                out.push_str(reference);
                return Ok(());
            };
            self.expansions += 1;
            if self.expansions > EXPANSIONS_MAX || depth >= DEPTH_MAX {
                return Err(BadReference);
            }
            return self.expand_into(value, depth + 1, out);
        }
        match predefined(name) {
            Some(character) => out.push(character),
            None => out.push_str(reference),
        }
        Ok(())
    }
}

/// What an entity stands for that need not be declared.
pub(super) fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// The character of `65` or `x41`.
fn character(number: &str) -> Option<char> {
    let code = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// The reference that `text` starts with.
fn reference(text: &str) -> Option<&str> {
    let end = text.find(';')?;
    let name = &text[1..end];
    let is_reference = match name.strip_prefix('#') {
        Some(number) => is_number(number),
        None => is_name(name),
    };
    is_reference.then(|| &text[..=end])
}

fn is_number(text: &str) -> bool {
    let all = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(is);
    match text.strip_prefix('x') {
        Some(digits) => all(digits, u8::is_ascii_hexdigit),
        None => all(text, u8::is_ascii_digit),
    }
}

fn is_name(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let mut bytes = text.bytes();
    bytes.next().is_some_and(word) && bytes.all(|byte| word(byte) || matches!(byte, b'-' | b'.'))
}

/// Whether a text or the value of an attribute holds nothing that must not stand there
/// (source: `REXML::Text.check`).
pub(super) fn is_well_formed(raw: &str) -> bool {
    // As there, one line without control characters is enough.
    let lines = || raw.split_inclusive('\n');
    if !raw.is_empty() && !lines().any(|line| line.chars().all(is_character)) {
        return false;
    }
    let mut rest = raw;
    while let Some(at) = rest.find(['<', '&']) {
        rest = &rest[at..];
        let Some(reference) = reference(rest).filter(|reference| stands_for_character(reference))
        else {
            return false;
        };
        rest = &rest[reference.len()..];
    }
    true
}

fn stands_for_character(reference: &str) -> bool {
    match reference[1..reference.len() - 1].strip_prefix('#') {
        Some(number) => character(number).is_some_and(is_character),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(entities: &[(&'static str, &'static str)], text: &'static str) -> Option<String> {
        let arena = Arena::new();
        let mut all = Entities::default();
        for (name, value) in entities {
            all.declare(name, Some(value));
        }
        all.expand(text, &arena).ok().map(str::to_owned)
    }

    #[test]
    fn references_are_replaced_and_unknown_ones_stay() {
        let text = "a&lt;&#65;&#x42;&amp;lt;&x;&y; & \r\n\r&z;";
        let entities = [("x", "<&y;>"), ("y", "why")];
        let expanded = expand(&entities, text).unwrap();
        assert_eq!(expanded, "a<AB&lt;<why>why & \n\n&z;");
    }

    #[test]
    fn a_document_cannot_blow_itself_up() {
        let bomb = [
            ("a", "0123456789"),
            ("b", "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"),
            ("c", "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"),
            ("d", "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"),
            ("e", "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"),
        ];
        assert_eq!(expand(&bomb, "&c;").unwrap().len(), 1000);
        assert_eq!(expand(&bomb, "&e;"), None);
        let empty = [("a", ""), ("b", "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;")];
        let text: &'static str = Box::leak("&b;".repeat(1000).into());
        assert_eq!(expand(&empty, text), None);
        assert_eq!(expand(&[("a", "&b;"), ("b", "&a;")], "&a;"), None);
    }

    #[test]
    fn what_must_not_stand_in_a_text_is_found() {
        let good = ["", "a", "a;b", "&lt;&#10;&#xd7ff;", "&a-b.c:d;", "x\n\u{1}"];
        let bad = [
            "<", "a & b", "a&b", "&;", "& lt;", "&#;", "&#xg;", "&#0;", "&#xd800;", "\u{1}",
        ];
        assert!(good.iter().all(|text| is_well_formed(text)));
        assert!(bad.iter().all(|text| !is_well_formed(text)));
    }
}
