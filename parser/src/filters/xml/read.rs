//! Reads XML, well-formed or not.
//!
//! Logstash reads a text twice: Nokogiri makes as much as it can of a broken document for XPath, while REXML refuses it
//! for `store_xml`. Here it is read once: the document is what remains of it, and whether REXML would have taken it is
//! said beside it. No library does both, and none gives the texts as they are written, which XmlSimple shows.

use super::document::{Attribute, Document, Kind, Name, NodeId, ROOT, Text};
use super::entities::{Entities, is_well_formed};
use crate::event::Arena;

/// How deep elements may lie in each other.
const DEPTH_MAX: usize = 500;

/// What was read.
pub(super) struct Parsed<'a> {
    /// As much of the document as could be understood.
    pub(super) document: Document<'a>,
    /// Whether the text was a document without any fault.
    pub(super) well_formed: bool,
}

/// Reads a document.
pub(super) fn read<'a>(source: &'a str, arena: &'a Arena) -> Parsed<'a> {
    let mut reader = Reader {
        rest: source.strip_prefix('\u{feff}').unwrap_or(source),
        arena,
        document: Document::new(),
        open: Vec::new(),
        namespaces: vec![("xml", "http://www.w3.org/XML/1998/namespace")],
        entities: Entities::default(),
        has_root: false,
        well_formed: true,
    };
    while !reader.rest.is_empty() && reader.step().is_some() {}
    if !reader.rest.is_empty() || !reader.open.is_empty() || !reader.has_root {
        reader.well_formed = false;
    }
    while let Some(element) = reader.open.pop() {
        reader.document.close(element.node);
    }
    reader.document.close(ROOT);
    Parsed {
        document: reader.document,
        well_formed: reader.well_formed,
    }
}

struct Reader<'a> {
    rest: &'a str,
    arena: &'a Arena,
    document: Document<'a>,
    open: Vec<Open<'a>>,
    /// Prefixes and what they stand for, the innermost last; the prefix of the default is empty.
    namespaces: Vec<(&'a str, &'a str)>,
    entities: Entities<'a>,
    has_root: bool,
    well_formed: bool,
}

/// An element whose end is still to come.
struct Open<'a> {
    node: NodeId,
    name: &'a str,
    /// How many namespaces there were around it.
    namespaces: usize,
}

/// Reading goes on; `None` where it cannot.
type Step = Option<()>;

impl<'a> Reader<'a> {
    fn step(&mut self) -> Step {
        if !self.rest.starts_with('<') {
            return self.text();
        }
        if self.skip("</") {
            self.end_tag()
        } else if self.skip("<!--") {
            let comment = self.until("-->")?;
            self.fault_if(comment.contains("--") || comment.ends_with('-'));
            self.push(Kind::Comment(comment));
            Some(())
        } else if self.skip("<![CDATA[") {
            let text = self.until("]]>")?;
            self.fault_if(self.open.is_empty());
            self.push(Kind::CData(text));
            Some(())
        } else if self.skip("<!DOCTYPE") {
            self.fault_if(self.has_root);
            self.doctype()
        } else if self.skip("<?") {
            self.instruction()
        } else {
            self.rest = &self.rest[1..];
            self.start_tag()
        }
    }

    fn fault_if(&mut self, fault: bool) {
        self.well_formed &= !fault;
    }

    fn skip(&mut self, what: &str) -> bool {
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) -> bool {
        let trimmed = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let skipped = trimmed.len() < self.rest.len();
        self.rest = trimmed;
        skipped
    }

    /// What stands before `end`, which is passed over. Without an end nothing more can be read.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    /// A name, perhaps with a prefix.
    fn name(&mut self) -> Option<&'a str> {
        let length = qualified_name_length(self.rest);
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        (length > 0).then_some(name)
    }

    fn push(&mut self, kind: Kind<'a>) -> NodeId {
        let parent = self.open.last().map_or(ROOT, |element| element.node);
        self.document.push(kind, parent)
    }

    fn text(&mut self) -> Step {
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let (raw, rest) = self.rest.split_at(end);
        if self.open.is_empty() {
            // Only white space may stand outside of the root.
            let is_blank = raw.trim_matches([' ', '\t', '\n', '\r']).is_empty();
            is_blank.then(|| self.rest = rest)
        } else {
            self.rest = rest;
            self.fault_if(!is_well_formed(raw));
            let raw = unify_line_ends(raw, self.arena);
            let value = self.expand(raw);
            self.push(Kind::Text(Text { raw, value }));
            Some(())
        }
    }

    fn expand(&mut self, raw: &'a str) -> &'a str {
        let expanded = self.entities.expand(raw, self.arena);
        self.fault_if(expanded.is_err());
        expanded.unwrap_or(raw)
    }

    /// Ends the innermost element, whatever the name: with a wrong one that is a fault.
    fn end_tag(&mut self) -> Step {
        let element = self.open.pop()?;
        self.document.close(element.node);
        self.namespaces.truncate(element.namespaces);
        let named = self.rest.strip_prefix(element.name);
        let is_other =
            named.is_none_or(|rest| qualified_name_length(rest) > 0 || starts_in_name(rest));
        if let Some(rest) = named {
            self.rest = rest;
            self.skip_space();
        }
        let ended = self.skip(">");
        self.fault_if(is_other || !ended);
        Some(())
    }

    fn instruction(&mut self) -> Step {
        let name = self.name();
        self.fault_if(name.is_none());
        let has_space = self.skip_space();
        let data = self.until("?>")?;
        self.fault_if(!has_space && !data.is_empty());
        match name {
            Some("xml") => {
                self.fault_if(self.document.len() > 1 || !data.starts_with("version"));
            }
            target => {
                let target = target.unwrap_or_default();
                self.push(Kind::Instruction { target, data });
            }
        }
        Some(())
    }

    fn start_tag(&mut self) -> Step {
        let Some(name) = self.name() else {
            self.well_formed = false;
            return Some(());
        };
        if self.open.is_empty() && self.has_root || self.open.len() >= DEPTH_MAX {
            return None;
        }
        self.has_root = true;
        let namespaces = self.namespaces.len();
        let (attributes, is_empty) = self.attributes()?;
        let resolved = self.resolve(name, true);
        let node = self.push(Kind::Element(resolved));
        for (name, raw) in attributes {
            let value = self.expand(raw);
            let is_declaration = name == "xmlns" || name.starts_with("xmlns:");
            let attribute = Attribute {
                name: match is_declaration {
                    true => Name {
                        qualified: name,
                        local: name,
                        uri: None,
                    },
                    false => self.resolve(name, false),
                },
                value,
            };
            let kind = match is_declaration {
                true => Kind::Declaration(attribute),
                false => Kind::Attribute(attribute),
            };
            self.document.push(kind, node);
        }
        if is_empty {
            self.document.close(node);
            self.namespaces.truncate(namespaces);
        } else {
            self.open.push(Open {
                node,
                name,
                namespaces,
            });
        }
        Some(())
    }

    /// The attributes with their values as written, and whether the tag is that of an empty element.
    fn attributes(&mut self) -> Option<(Vec<(&'a str, &'a str)>, bool)> {
        let mut attributes: Vec<(&str, &str)> = Vec::new();
        loop {
            self.skip_space();
            if self.skip(">") {
                return Some((attributes, false));
            }
            if self.skip("/>") {
                return Some((attributes, true));
            }
            let Some((name, raw)) = self.attribute()? else {
                self.well_formed = false;
                let passed_over = self.until(">")?;
                return Some((attributes, passed_over.ends_with('/')));
            };
            if attributes.iter().any(|(have, _)| *have == name) {
                self.well_formed = false;
                continue;
            }
            if let Some(prefix) = name.strip_prefix("xmlns") {
                let prefix = prefix.strip_prefix(':').unwrap_or(prefix);
                let uri = self.expand(raw);
                self.namespaces.push((prefix, uri));
            }
            attributes.push((name, raw));
        }
    }

    /// A name and a value; `Some(None)` where that is not what stands there.
    fn attribute(&mut self) -> Option<Option<(&'a str, &'a str)>> {
        let Some(name) = self.name() else {
            return Some(None);
        };
        self.skip_space();
        if !self.skip("=") {
            return Some(None);
        }
        self.skip_space();
        let quote = match self.rest.as_bytes().first() {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            _ => return Some(None),
        };
        self.rest = &self.rest[1..];
        let raw = self.until(quote)?;
        self.fault_if(!is_well_formed(raw));
        Some(Some((name, raw)))
    }

    fn resolve(&mut self, qualified: &'a str, is_element: bool) -> Name<'a> {
        let (prefix, local) = qualified.split_once(':').unwrap_or(("", qualified));
        let namespaces = self.namespaces.iter().rev();
        let uri = match prefix.is_empty() && !is_element {
            true => None,
            false => namespaces
                .clone()
                .find(|(declared, _)| *declared == prefix)
                .map(|(_, uri)| *uri),
        };
        self.fault_if(!prefix.is_empty() && uri.is_none());
        Name {
            qualified,
            local,
            uri: uri.filter(|uri| !uri.is_empty()),
        }
    }

    /// Reads the declarations of a document: what counts are those of entities.
    fn doctype(&mut self) -> Step {
        let spaced = self.skip_space();
        let named = self.name().is_some();
        self.fault_if(!spaced || !named);
        loop {
            self.skip_space();
            if self.skip(">") {
                return Some(());
            }
            if self.skip("[") {
                self.declarations()?;
                continue;
            }
            match self.rest.chars().next()? {
                '"' => self.quoted("\"")?,
                '\'' => self.quoted("'")?,
                letter if letter.is_ascii_alphabetic() => self.name()?,
                _ => return None,
            };
        }
    }

    fn quoted(&mut self, quote: &str) -> Option<&'a str> {
        self.rest = &self.rest[quote.len()..];
        self.until(quote)
    }

    fn declarations(&mut self) -> Step {
        loop {
            self.skip_space();
            if self.skip("]") {
                return Some(());
            } else if self.skip("<!--") {
                self.until("-->")?;
            } else if self.skip("<?") {
                self.until("?>")?;
            } else if self.skip("<!ENTITY") {
                self.entity()?;
            } else if self.skip("<!") {
                self.rest_of_declaration()?;
            } else if self.skip("%") {
                self.until(";")?;
            } else {
                return None;
            }
        }
    }

    fn entity(&mut self) -> Step {
        self.skip_space();
        let is_parameter = self.skip("%");
        self.skip_space();
        let name = self.name()?;
        self.skip_space();
        let value = match self.rest.chars().next()? {
            '"' => Some(self.quoted("\"")?),
            '\'' => Some(self.quoted("'")?),
            _ => None,
        };
        self.fault_if(value.is_some_and(|value| value.contains('%')));
        if !is_parameter {
            self.entities.declare(name, value);
        }
        self.rest_of_declaration()
    }

    /// Passes over what is left of a declaration.
    fn rest_of_declaration(&mut self) -> Step {
        loop {
            let at = self.rest.find(['>', '"', '\''])?;
            self.rest = &self.rest[at..];
            if self.skip(">") {
                return Some(());
            }
            match self.rest.starts_with('"') {
                true => self.quoted("\"")?,
                false => self.quoted("'")?,
            };
        }
    }
}

fn starts_in_name(text: &str) -> bool {
    text.chars().next().is_some_and(is_in_name)
}

fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '.' | '_' | ':')
}

/// The length of the name that `text` starts with, which may have a prefix; 0 where there is none.
fn qualified_name_length(text: &str) -> usize {
    let first = name_length(text);
    match text[first..].strip_prefix(':').map(name_length) {
        Some(second) if first > 0 && second > 0 => first + 1 + second,
        _ => first,
    }
}

pub(super) fn name_length(text: &str) -> usize {
    let starts = |character: char| character.is_alphabetic() || character == '_';
    if !text.starts_with(starts) {
        return 0;
    }
    let is_other = |character: char| !is_in_name(character) || character == ':';
    text.find(is_other).unwrap_or(text.len())
}

/// Makes all ends of lines `\n`.
fn unify_line_ends<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    match text.contains('\r') {
        true => arena.alloc_str(&text.replace("\r\n", "\n").replace('\r', "\n")),
        false => text,
    }
}
