//! Reads well-formed XML for `store_xml`, as REXML does (source: `REXML::Parsers::BaseParser` of REXML 3.4). For XPath it
//! is read in another way: see [`super::recover`]. No library gives the texts as they are written, which XmlSimple shows.

use super::cursor::{Cursor, DEPTH_MAX};
use super::document::{Attribute, Document, Kind, Name, NodeId, ROOT, Text};
use super::entities::{Entities, is_well_formed};
use super::names::qualified_name_length;
use super::prefixes::Prefixes;
use crate::charset::Charset;
use crate::event::Arena;

/// Reads a document; `None` where the text is none.
pub(super) fn read<'a>(source: &'a str, arena: &'a Arena) -> Option<Document<'a>> {
    let mut reader = Reader {
        rest: source.strip_prefix('\u{feff}').unwrap_or(source),
        arena,
        document: Document::new(),
        open: Vec::new(),
        prefixes: Prefixes::default(),
        entities: Entities::default(),
        has_declaration: false,
        has_doctype: false,
        has_root: false,
    };
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    reader.document.close(ROOT);
    (reader.open.is_empty() && reader.has_root).then_some(reader.document)
}

struct Reader<'a> {
    rest: &'a str,
    arena: &'a Arena,
    document: Document<'a>,
    open: Vec<Open<'a>>,
    /// The prefixes that are declared. They stay so when their element ends, unless it is an empty one, as in REXML.
    prefixes: Prefixes<'a>,
    entities: Entities<'a>,
    has_declaration: bool,
    has_doctype: bool,
    has_root: bool,
}

/// An element whose end is still to come.
struct Open<'a> {
    node: NodeId,
    name: &'a str,
}

/// Reading goes on; `None` where the text is no document.
type Step = Option<()>;

impl<'a> Cursor<'a> for Reader<'a> {
    fn rest(&mut self) -> &mut &'a str {
        &mut self.rest
    }
}

impl<'a> Reader<'a> {
    fn step(&mut self) -> Step {
        if !self.rest.starts_with('<') {
            return self.text();
        }
        if self.skip("</") {
            self.end_tag()
        } else if self.skip("<!--") {
            let comment = self.until("-->")?;
            let is_good = !comment.contains("--") && !comment.ends_with('-');
            is_good.then(|| self.push(Kind::Comment(comment)))?;
            Some(())
        } else if self.skip("<![CDATA[") {
            let text = self.until("]]>")?;
            (!self.open.is_empty()).then(|| self.push(Kind::CData(text)))?;
            Some(())
        } else if self.skip("<!DOCTYPE") {
            let is_first = !self.has_root && !std::mem::replace(&mut self.has_doctype, true);
            is_first.then_some(())?;
            self.doctype()
        } else if self.skip("<?") {
            self.instruction()
        } else {
            self.rest = &self.rest[1..];
            self.start_tag()
        }
    }

    fn expect(&mut self, what: &str) -> Step {
        self.skip(what).then_some(())
    }

    /// A name, perhaps with a prefix.
    fn name(&mut self) -> Option<&'a str> {
        let length = qualified_name_length(self.rest);
        (length > 0).then(|| self.take(length))
    }

    fn push(&mut self, kind: Kind<'a>) -> NodeId {
        let parent = self.open.last().map_or(ROOT, |element| element.node);
        self.document.push(kind, parent)
    }

    fn text(&mut self) -> Step {
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let raw = self.take(end);
        if self.open.is_empty() {
            // Only white space may stand outside of the root.
            let is_blank = raw.trim_matches([' ', '\t', '\n', '\r']).is_empty();
            return is_blank.then_some(());
        }
        is_well_formed(raw).then_some(())?;
        let raw = unify_line_ends(raw, self.arena);
        let value = self.expand(raw)?;
        self.push(Kind::Text(Text { raw, value }));
        Some(())
    }

    fn expand(&mut self, raw: &'a str) -> Option<&'a str> {
        self.entities.expand(raw, self.arena).ok()
    }

    fn end_tag(&mut self) -> Step {
        let element = self.open.pop()?;
        (self.name()? == element.name).then_some(())?;
        self.skip_space();
        self.expect(">")?;
        self.document.close(element.node);
        Some(())
    }

    fn instruction(&mut self) -> Step {
        let target = self.name()?;
        if target == "xml" {
            return self.declaration();
        }
        let is_spaced = self.skip_space();
        let data = self.until("?>")?;
        (is_spaced || data.is_empty()).then(|| self.push(Kind::Instruction { target, data }))?;
        Some(())
    }

    /// The XML declaration. What follows is taken to be of the encoding that it names.
    fn declaration(&mut self) -> Step {
        let is_first = !self.has_root && !self.has_doctype;
        (is_first && !std::mem::replace(&mut self.has_declaration, true)).then_some(())?;
        self.skip_space().then_some(())?;
        self.expect("version")?;
        self.declared_value()?;
        let mut encoding = None;
        let mut is_spaced = self.skip_space();
        if is_spaced && self.skip("encoding") {
            encoding = Some(self.declared_value()?);
            is_spaced = self.skip_space();
        }
        if is_spaced && self.skip("standalone") {
            matches!(self.declared_value()?, "yes" | "no").then_some(())?;
            self.skip_space();
        }
        self.expect("?>")?;
        match encoding {
            Some(encoding) => self.decode(encoding),
            None => Some(()),
        }
    }

    fn declared_value(&mut self) -> Option<&'a str> {
        self.skip_space();
        self.expect("=")?;
        self.skip_space();
        match self.rest.chars().next()? {
            quote @ ('"' | '\'') => self.quoted(quote),
            _ => None,
        }
    }

    fn decode(&mut self, encoding: &str) -> Step {
        if encoding.eq_ignore_ascii_case("utf-16") {
            return Some(());
        }
        let charset = Charset::by_name(encoding)?;
        if charset.is_utf8() {
            return Some(());
        }
        let decoded = charset.decode(self.rest.as_bytes());
        (!decoded.contains(char::REPLACEMENT_CHARACTER)).then_some(())?;
        if *decoded != *self.rest {
            self.rest = self.arena.alloc_str(&decoded);
        }
        Some(())
    }

    fn start_tag(&mut self) -> Step {
        let name = self.name()?;
        let is_extra = self.open.is_empty() && self.has_root;
        (!is_extra && self.open.len() < DEPTH_MAX).then_some(())?;
        self.has_root = true;
        let declared = self.prefixes.len();
        let (attributes, is_empty) = self.attributes()?;
        (!has_twins(&attributes)).then_some(())?;
        let resolved = self.resolve(name)?;
        let node = self.push(Kind::Element(resolved));
        for (name, raw) in attributes {
            let value = self.expand(raw)?;
            let attribute = Attribute {
                name: self.resolve(name)?,
                value,
            };
            self.document.push(Kind::Attribute(attribute), node);
        }
        if is_empty {
            self.document.close(node);
            self.prefixes.truncate(declared);
        } else {
            self.open.push(Open { node, name });
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
            let name = self.name()?;
            let raw = self.declared_value()?;
            is_well_formed(raw).then_some(())?;
            if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.prefixes.declare(prefix, raw);
            }
            attributes.push((name, raw));
        }
    }

    /// A name; its prefix must be declared.
    fn resolve(&self, qualified: &'a str) -> Option<Name<'a>> {
        let (prefix, local) = qualified.split_once(':').unwrap_or(("", qualified));
        let is_declared = matches!(prefix, "" | "xmlns") || self.prefixes.get(prefix).is_some();
        is_declared.then_some(Name {
            qualified,
            local,
            uri: None,
        })
    }

    /// Reads the declarations of a document: what counts are those of entities.
    fn doctype(&mut self) -> Step {
        self.skip_space().then_some(())?;
        self.name()?;
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
                quote @ ('"' | '\'') => self.quoted(quote)?,
                letter if letter.is_ascii_alphabetic() => self.name()?,
                _ => return None,
            };
        }
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
            quote @ ('"' | '\'') => Some(self.quoted(quote)?),
            _ => None,
        };
        value
            .is_none_or(|value| !value.contains('%'))
            .then_some(())?;
        if !is_parameter {
            self.entities.declare(name, value);
        }
        self.rest_of_declaration()
    }
}

/// Whether two attributes have one name.
fn has_twins(attributes: &[(&str, &str)]) -> bool {
    const FEW: usize = 8;
    if attributes.len() <= FEW {
        let mut rest = attributes;
        while let [(name, _), behind @ ..] = rest {
            if behind.iter().any(|(other, _)| other == name) {
                return true;
            }
            rest = behind;
        }
        return false;
    }
    let mut names: Vec<&str> = attributes.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Makes all ends of lines `\n`.
pub(super) fn unify_line_ends<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    match text.contains('\r') {
        true => arena.alloc_str(&text.replace("\r\n", "\n").replace('\r', "\n")),
        false => text,
    }
}
