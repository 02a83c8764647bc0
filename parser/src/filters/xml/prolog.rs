//! What stands before the root element as Xerces reads it: the XML declaration, and the declarations of entities.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::names::{is_name_start, name_length};

/// What is known of a document before its root.
pub(super) struct Prolog<'a> {
    /// What comes after the XML declaration.
    pub(super) rest: &'a str,
    /// Whether there was any error.
    pub(super) is_faulty: bool,
    /// Whether the document says that it is of another version of XML than there are: it is not read at all.
    pub(super) has_unknown_version: bool,
    /// Whether there may be declarations elsewhere, so that an unknown entity need not be an error.
    pub(super) has_more: bool,
    /// `None`: what they stand for lies elsewhere, and is not looked at.
    entities: HashMap<&'a str, Option<&'a str>>,
}

impl<'a> Cursor<'a> for Prolog<'a> {
    fn rest(&mut self) -> &mut &'a str {
        &mut self.rest
    }
}

impl<'a> Prolog<'a> {
    /// Reads the XML declaration, if there is one.
    pub(super) fn read(source: &'a str) -> Self {
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        let mut prolog = Self {
            rest: source,
            is_faulty: false,
            has_unknown_version: false,
            has_more: false,
            entities: HashMap::new(),
        };
        let is_named_on = |rest: &str| rest.starts_with(super::names::is_in_name);
        if let Some(rest) = source.strip_prefix("<?xml")
            && !is_named_on(rest)
        {
            prolog.rest = rest;
            if prolog.declaration().is_none() {
                prolog.is_faulty = true;
                prolog.rest = "";
            }
        }
        prolog
    }

    fn declaration(&mut self) -> Option<()> {
        let mut expected = ["version", "encoding", "standalone"].as_slice();
        let mut is_spaced = self.skip_space();
        let mut is_empty = true;
        while !self.rest.starts_with('?') {
            is_empty = false;
            let name = self.take(name_length(self.rest));
            self.skip_space();
            let is_equal = self.skip("=");
            self.skip_space();
            let quote = self.rest.chars().next()?;
            let value = self.quoted(quote)?;
            let is_quote = matches!(quote, '"' | '\'');
            let at = expected.iter().position(|expected| *expected == name);
            // Once there was a version, nothing unknown may follow.
            (at.is_some() || expected.len() == 3).then_some(())?;
            // The version must come first; the encoding may be left out.
            let is_next = at.is_some_and(|at| at == 0 || expected.len() == 2);
            self.is_faulty |= !(is_spaced && is_equal && is_quote && is_next);
            match name {
                "version" if expected.len() == 3 && is_equal && is_quote => {
                    self.has_unknown_version |= !matches!(value, "1.0" | "1.1");
                }
                "standalone" => self.is_faulty |= !matches!(value, "yes" | "no"),
                _ => {}
            }
            expected = at.map_or(expected, |at| &expected[at + 1..]);
            is_spaced = self.skip_space();
        }
        let is_ended = self.skip("?") && self.skip(">");
        self.is_faulty |= is_empty || !is_ended;
        Some(())
    }

    fn name(&mut self) -> Option<&'a str> {
        let length = name_length(self.rest);
        (length > 0).then(|| self.take(length))
    }

    /// What an entity stands for: `Some(None)` where that lies elsewhere.
    pub(super) fn entity(&self, name: &str) -> Option<Option<&'a str>> {
        self.entities.get(name).copied()
    }

    /// Reads what stands behind `<!DOCTYPE`; gives what comes after it.
    pub(super) fn doctype(&mut self, rest: &'a str) -> Option<&'a str> {
        self.rest = rest;
        self.is_faulty |= !self.skip_space();
        self.is_faulty |= self.name().is_none();
        loop {
            self.skip_space();
            if self.skip(">") {
                return Some(self.rest);
            }
            if self.skip("[") {
                self.declarations()?;
                continue;
            }
            match self.rest.chars().next()? {
                quote @ ('"' | '\'') => {
                    self.has_more = true;
                    self.quoted(quote)?;
                }
                letter if is_name_start(letter) => {
                    self.name()?;
                }
                _ => return None,
            }
        }
    }

    fn declarations(&mut self) -> Option<()> {
        loop {
            self.skip_space();
            if self.skip("]") {
                return Some(());
            } else if self.skip("<!--") {
                self.until("-->")?;
            } else if self.skip("<?") {
                self.until("?>")?;
            } else if self.skip("<!ENTITY") {
                self.entity_declaration()?;
            } else if self.skip("<!ELEMENT") || self.skip("<!ATTLIST") || self.skip("<!NOTATION") {
                self.rest_of_declaration()?;
            } else if self.skip("%") {
                self.has_more = true;
                self.until(";")?;
            } else {
                // Nothing that belongs here: Xerces looks on from the next character.
                self.is_faulty = true;
                let next = self.rest.chars().next()?;
                self.take(next.len_utf8());
            }
        }
    }

    fn entity_declaration(&mut self) -> Option<()> {
        self.skip_space();
        let is_parameter = self.skip("%");
        self.skip_space();
        let name = self.name()?;
        self.skip_space();
        let value = match self.rest.chars().next()? {
            quote @ ('"' | '\'') => Some(self.quoted(quote)?),
            _ => None,
        };
        if !is_parameter {
            // The first declaration counts.
            self.entities.entry(name).or_insert(value);
        }
        self.rest_of_declaration()
    }
}
