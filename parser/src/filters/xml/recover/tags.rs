//! Tags: names and attributes as Xerces reads them, good or not.

use super::super::cursor::{Cursor, DEPTH_MAX};
use super::super::document::{Attribute, Kind, Name};
use super::super::entities::predefined;
use super::super::names::{is_character, is_name_start, split_name};
use super::{Open, Reader, Step};
use crate::event::ArenaString;

impl<'a> Reader<'a> {
    pub(super) fn start_tag(&mut self) -> Step {
        let (name, is_good) = split_name(self.rest);
        self.is_faulty |= !is_good;
        self.rest = &self.rest[name.len()..];
        // Of a name that begins with a colon Xerces knows nothing more.
        (!name.is_empty() && self.open.len() < DEPTH_MAX).then_some(())?;
        let declared = self.prefixes.len();
        let (attributes, is_empty) = self.attributes()?;
        let resolved = self.resolve(name, true);
        let node = self.push(Kind::Element(resolved));
        for (name, value) in attributes {
            let is_declaration = is_declaration(name);
            let name = match is_declaration {
                true => Name {
                    qualified: name,
                    local: name,
                    uri: None,
                },
                false => self.resolve(name, false),
            };
            let attribute = Attribute { name, value };
            self.document.push(
                match is_declaration {
                    true => Kind::Declaration(attribute),
                    false => Kind::Attribute(attribute),
                },
                node,
            );
        }
        if is_empty {
            self.document.close(node);
            self.prefixes.truncate(declared);
        } else {
            self.open.push(Open {
                node,
                name,
                declared,
            });
        }
        Some(())
    }

    /// The attributes by name, and whether the tag is that of an empty element.
    fn attributes(&mut self) -> Step<(Vec<(&'a str, &'a str)>, bool)> {
        let mut attributes: Vec<(&'a str, &'a str)> = Vec::new();
        let is_empty = loop {
            let is_spaced = self.skip_space();
            if self.skip(">") {
                break false;
            }
            if self.skip("/") {
                self.expect(">");
                break true;
            }
            self.is_faulty |= !is_spaced || !self.rest.starts_with(is_name_start);
            let (name, is_good) = split_name(self.rest);
            self.is_faulty |= !is_good;
            self.rest = &self.rest[name.len()..];
            if !name.is_empty() {
                self.attribute_name = Some(name);
            }
            self.skip_space();
            self.expect("=");
            self.skip_space();
            let value = self.attribute_value()?;
            let Some(name) = self.attribute_name else {
                continue;
            };
            if is_declaration(name) {
                let prefix = name.strip_prefix("xmlns:").unwrap_or_default();
                self.is_faulty |= !prefix.is_empty() && value.is_empty();
                self.prefixes.declare(prefix, value);
            }
            attributes.push((name, value));
        };
        attributes.sort_by_key(|(name, _)| *name);
        let count = attributes.len();
        // Of two with one name the later one counts.
        attributes.dedup_by(|later, kept| {
            let is_twin = later.0 == kept.0;
            if is_twin {
                kept.1 = later.1;
            }
            is_twin
        });
        self.is_faulty |= attributes.len() < count;
        Some((attributes, is_empty))
    }

    /// A value up to where its first character stands again, be it a quote or not.
    fn attribute_value(&mut self) -> Step<&'a str> {
        let quote = self.next()?;
        self.is_faulty |= !matches!(quote, '"' | '\'');
        let is_plain = |c: char| is_character(c) && !matches!(c, '&' | '<' | '\t' | '\n' | '\r');
        let end = self.rest.find(|c| c == quote || !is_plain(c))?;
        if self.rest[end..].starts_with(quote) {
            let value = self.take(end);
            self.next()?;
            return Some(value);
        }
        let mut value = ArenaString::from_str_in(self.take(end), self.arena);
        loop {
            match self.next()? {
                next if next == quote => return Some(value.into_bump_str()),
                '&' if self.skip("#") => value.extend(self.character()?),
                '&' => self.reference_in_value(&mut value)?,
                '<' => self.fault(),
                '\r' if self.rest.starts_with('\n') => {}
                '\t' | '\n' | '\r' => value.push(' '),
                next if is_character(next) => value.push(next),
                _ => self.fault(),
            }
        }
    }

    fn reference_in_value(&mut self, value: &mut ArenaString<'a>) -> Step {
        let name = self.name()?;
        self.skip(";").then_some(())?;
        match predefined(name) {
            Some(character) => value.push(character),
            None => {
                if let Some(replacement) = self.entity(name)? {
                    self.expand_in_value(replacement, value)?;
                }
            }
        }
        Some(())
    }

    fn expand_in_value(&mut self, replacement: &'a str, value: &mut ArenaString<'a>) -> Step {
        let rest = std::mem::replace(&mut self.rest, replacement);
        self.entity_depth += 1;
        while let Some(next) = self.next() {
            match next {
                '&' if self.skip("#") => value.extend(self.character()?),
                '&' => self.reference_in_value(value)?,
                '<' => self.fault(),
                next if next.is_ascii_whitespace() => value.push(' '),
                next => value.push(next),
            }
        }
        self.entity_depth -= 1;
        self.rest = rest;
        Some(())
    }

    fn resolve(&mut self, qualified: &'a str, is_element: bool) -> Name<'a> {
        let (prefix, local) = qualified.split_once(':').unwrap_or(("", qualified));
        let uri = match prefix.is_empty() && !is_element {
            true => None,
            false => self.prefixes.get(prefix),
        };
        self.is_faulty |= !prefix.is_empty() && uri.is_none();
        Name {
            qualified,
            local,
            uri: uri.filter(|uri| !uri.is_empty()),
        }
    }
}

fn is_declaration(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}
