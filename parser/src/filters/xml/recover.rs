//! Reads XML for XPath, well-formed or not, as Nokogiri does on the JVM: by Xerces, told to go on after errors
//! (source: `XMLDocumentScannerImpl`, `XMLNSDocumentScannerImpl` and `XMLScanner` of Xerces 2.12, and Nokogiri's error handlers).
//!
//! What Xerces makes of a broken document follows from how its scanner goes on, so it is gone on with in the same way here.

mod tags;

use super::cursor::Cursor;
use super::document::{Document, Kind, NodeId, ROOT, Text};
use super::entities::predefined;
use super::names::{is_character, is_name_start, name_length};
use super::prefixes::Prefixes;
use super::prolog::Prolog;
use super::read::unify_line_ends;
use crate::event::{Arena, ArenaString};

/// How deep entities may refer to others.
const ENTITY_DEPTH_MAX: usize = 20;

/// How many bytes the entities of one document may stand for.
const ENTITY_BYTES_MAX: usize = 1 << 20;

/// What was read.
pub(super) struct Recovered<'a> {
    /// As much of the document as could be understood.
    pub(super) document: Document<'a>,
    /// Whether there was any error.
    pub(super) is_faulty: bool,
    /// Whether XPath cannot be asked: where the last node is a reference to nothing, Nokogiri fails as it looks for the next.
    pub(super) is_unsearchable: bool,
}

/// Reads a document of which the XML declaration is read.
pub(super) fn recover<'a>(prolog: Prolog<'a>, arena: &'a Arena) -> Recovered<'a> {
    let mut reader = Reader {
        rest: prolog.rest,
        arena,
        document: Document::new(),
        open: Vec::new(),
        prefixes: Prefixes::default(),
        prolog,
        text: None,
        joined: None,
        attribute_name: None,
        entity_depth: 0,
        entity_bytes: 0,
        is_faulty: false,
    };
    let is_read = reader.document().is_some();
    reader.end_text();
    while let Some(element) = reader.open.pop() {
        reader.document.close(element.node);
    }
    reader.document.close(ROOT);
    let is_whole = is_read && reader.document.root_element().is_some();
    let last = reader.document.len() - 1;
    Recovered {
        is_unsearchable: matches!(reader.document.kind(last), Kind::Reference(_)),
        document: reader.document,
        is_faulty: !is_whole || reader.is_faulty || reader.prolog.is_faulty,
    }
}

struct Reader<'a> {
    rest: &'a str,
    arena: &'a Arena,
    document: Document<'a>,
    open: Vec<Open<'a>>,
    prefixes: Prefixes<'a>,
    prolog: Prolog<'a>,
    /// The text so far that is not in the document yet,
    text: Option<&'a str>,
    /// and that of several pieces.
    joined: Option<ArenaString<'a>>,
    /// The last name of an attribute: it stays where the next one has none.
    attribute_name: Option<&'a str>,
    entity_depth: usize,
    entity_bytes: usize,
    is_faulty: bool,
}

/// An element whose end is still to come.
struct Open<'a> {
    node: NodeId,
    name: &'a str,
    /// How many prefixes were declared around it.
    declared: usize,
}

/// Reading goes on; `None` where it ends: at the end of the text, or at an error that Nokogiri takes for the last.
type Step<T = ()> = Option<T>;

impl<'a> Cursor<'a> for Reader<'a> {
    fn rest(&mut self) -> &mut &'a str {
        &mut self.rest
    }
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Step {
        self.before_root()?;
        self.start_tag()?;
        while !self.open.is_empty() {
            self.content()?;
        }
        self.behind_root()
    }

    /// An error after which Xerces goes on.
    fn fault(&mut self) {
        self.is_faulty = true;
    }

    fn expect(&mut self, what: &str) -> bool {
        let is_there = self.skip(what);
        self.is_faulty |= !is_there;
        is_there
    }

    /// The next character, which is passed over.
    fn next(&mut self) -> Step<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        Some(next)
    }

    fn name(&mut self) -> Option<&'a str> {
        let length = name_length(self.rest);
        (length > 0).then(|| self.take(length))
    }

    fn push(&mut self, kind: Kind<'a>) -> NodeId {
        self.end_text();
        let parent = self.open.last().map_or(ROOT, |element| element.node);
        self.document.push(kind, parent)
    }

    fn before_root(&mut self) -> Step {
        loop {
            self.skip_space();
            if self.skip("<!--") {
                self.comment()?;
            } else if self.skip("<!DOCTYPE") {
                self.rest = self.prolog.doctype(self.rest)?;
            } else if self.skip("<?") {
                self.instruction()?;
            } else {
                self.skip("<").then_some(())?;
                return self.rest.starts_with(is_name_start).then_some(());
            }
        }
    }

    fn behind_root(&mut self) -> Step {
        loop {
            self.skip_space();
            if self.rest.is_empty() {
                return Some(());
            }
            if self.skip("<!--") {
                self.comment()?;
            } else if self.skip("<?") {
                self.instruction()?;
            } else if self.rest.starts_with('<') {
                return None;
            } else {
                self.fault();
                self.next()?;
            }
        }
    }

    /// Reads on in an element.
    fn content(&mut self) -> Step {
        if self.skip("<") {
            return self.markup();
        }
        if self.skip("&") {
            return match self.skip("#") {
                true => {
                    let character = self.character()?;
                    self.text_of(character)
                }
                false => self.reference(),
            };
        }
        (!self.rest.is_empty()).then_some(())?;
        let end = self.rest.find(|c| is_markup(c) || !is_character(c));
        match end.unwrap_or(self.rest.len()) {
            0 => {
                self.fault();
                self.next()?;
            }
            end => {
                let text = self.take(end);
                match text.contains("]]>") {
                    true => {
                        self.fault();
                        let text = self.arena.alloc_str(&text.replace("]]>", "]]"));
                        self.text(text);
                    }
                    false => self.text(text),
                }
            }
        }
        Some(())
    }

    fn text_of(&mut self, character: Option<char>) -> Step {
        if let Some(character) = character {
            let text = self.arena.alloc_str(character.encode_utf8(&mut [0; 4]));
            self.text_as_is(text);
        }
        Some(())
    }

    fn text(&mut self, text: &'a str) {
        let text = unify_line_ends(text, self.arena);
        self.text_as_is(text);
    }

    /// Adds text to what stands before it, if that is text, too.
    fn text_as_is(&mut self, text: &'a str) {
        if let Some(all) = &mut self.joined {
            all.push_str(text);
        } else if let Some(before) = self.text.replace(text) {
            let mut all = ArenaString::from_str_in(before, self.arena);
            all.push_str(text);
            self.joined = Some(all);
        }
    }

    fn end_text(&mut self) {
        let joined = self.joined.take().map(ArenaString::into_bump_str);
        if let Some(text) = joined.or(self.text) {
            let parent = self.open.last().map_or(ROOT, |element| element.node);
            self.document.push(Kind::Text(Text::plain(text)), parent);
        }
        self.text = None;
    }

    /// What stands behind `<`.
    fn markup(&mut self) -> Step {
        if self.skip("/") {
            self.end_tag()
        } else if self.rest.starts_with(is_name_start) {
            self.start_tag()
        } else if self.skip("!") {
            if self.skip("-") {
                self.expect("-");
                self.comment()
            } else if self.skip("[CDATA[") {
                self.cdata()
            } else {
                self.fault();
                match self.skip("DOCTYPE") {
                    true => Some(()),
                    false => self.markup_again(),
                }
            }
        } else if self.skip("?") {
            self.instruction()
        } else {
            self.fault();
            Some(())
        }
    }

    /// Behind a `!` that begins nothing, Xerces looks for markup anew, as if there had been another `<`.
    fn markup_again(&mut self) -> Step {
        while self.skip("!") {}
        match self.rest.starts_with(['-', '[', 'D']) {
            true => Some(()),
            false => self.markup(),
        }
    }

    fn end_tag(&mut self) -> Step {
        let element = self.open.last()?;
        let is_named = self.rest.starts_with(element.name);
        if is_named {
            self.rest = &self.rest[element.name.len()..];
        }
        self.skip_space();
        // What is said of a missing `>` has the word "delimiter", in which Nokogiri sees a limit, and ends.
        self.skip(">").then_some(())?;
        self.is_faulty |= !is_named;
        self.end_text();
        let element = self.open.pop()?;
        self.document.close(element.node);
        self.prefixes.truncate(element.declared);
        Some(())
    }

    fn comment(&mut self) -> Step {
        let text = self.cleaned_until("--")?;
        self.push(Kind::Comment(text));
        self.expect(">");
        Some(())
    }

    fn instruction(&mut self) -> Step {
        let target = self.name()?;
        self.is_faulty |= target.eq_ignore_ascii_case("xml");
        if !self.skip_space() && self.skip("?>") {
            self.push(Kind::Instruction { target, data: "" });
            return Some(());
        }
        let data = self.cleaned_until("?>")?;
        self.push(Kind::Instruction { target, data });
        Some(())
    }

    /// What stands before `end`, without what must not stand anywhere.
    fn cleaned_until(&mut self, end: &str) -> Step<&'a str> {
        let text = self.until(end)?;
        if text.chars().all(is_character) {
            return Some(unify_line_ends(text, self.arena));
        }
        self.fault();
        let kept: String = text.chars().filter(|&c| is_character(c)).collect();
        Some(unify_line_ends(self.arena.alloc_str(&kept), self.arena))
    }

    fn cdata(&mut self) -> Step {
        let Some(text) = self.cleaned_until("]]>") else {
            let text = self.rest.trim_end_matches(']');
            self.push(Kind::CData(text));
            return None;
        };
        self.push(Kind::CData(text));
        Some(())
    }

    /// The character that stands behind `&#`: none where it is none.
    fn character(&mut self) -> Step<Option<char>> {
        let radix = if self.skip("x") { 16 } else { 10 };
        let end = self.rest.find(|digit: char| !digit.is_digit(radix));
        let digits = self.take(end.unwrap_or(self.rest.len()));
        self.is_faulty |= digits.is_empty();
        // Another "delimiter".
        self.skip(";").then_some(())?;
        let code = u32::from_str_radix(digits, radix).ok();
        let character = code.and_then(char::from_u32);
        self.is_faulty |= !character.is_some_and(is_character);
        Some(character)
    }

    /// A reference in a text. What it stands for is not part of the text around it, but lies below a node of its own.
    fn reference(&mut self) -> Step {
        let Some(name) = self.name() else {
            self.fault();
            return Some(());
        };
        self.skip(";").then_some(())?;
        if let Some(character) = predefined(name) {
            return self.text_of(Some(character));
        }
        let value = self.entity(name)?;
        let node = self.push(Kind::Reference(name));
        self.document.close(node);
        let Some(value) = value else {
            return Some(());
        };
        let rest = std::mem::replace(&mut self.rest, value);
        let depth = self.open.len();
        self.open.push(Open {
            node,
            name,
            declared: self.prefixes.len(),
        });
        self.entity_depth += 1;
        while !self.rest.is_empty() {
            self.content()?;
            (self.open.len() > depth).then_some(())?;
        }
        (self.open.len() == depth + 1).then_some(())?;
        self.entity_depth -= 1;
        self.end_text();
        self.open.pop();
        self.document.close(node);
        self.rest = rest;
        Some(())
    }

    /// What an entity stands for, where that is known.
    fn entity(&mut self, name: &str) -> Step<Option<&'a str>> {
        let Some(value) = self.prolog.entity(name) else {
            self.is_faulty |= !self.prolog.has_more;
            return Some(None);
        };
        self.entity_bytes += value.map_or(0, |value| value.len() + 1);
        let is_within =
            self.entity_depth < ENTITY_DEPTH_MAX && self.entity_bytes <= ENTITY_BYTES_MAX;
        is_within.then_some(value)
    }
}

fn is_markup(character: char) -> bool {
    matches!(character, '<' | '&')
}
