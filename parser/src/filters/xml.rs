//! `xml`: makes fields of the XML text of a field (source: logstash-filter-xml, and what it uses: XmlSimple on REXML,
//! and Nokogiri on Xerces and Xalan).

mod cursor;
mod document;
mod entities;
mod names;
mod prefixes;
mod prolog;
mod read;
mod recover;
mod simple;
mod write;
mod xpath;

use crate::event::{Arena, Array, Event, FieldRef, Value, push_float_ruby};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{FieldName, Pairs, Settings};
use document::{Document, Kind};
use prolog::Prolog;
use simple::Rules;
use xpath::{Found, Namespaces, XPath, XPathError};

plugin_options! {
    /// Parses XML in a field.
    ///
    /// The whole document goes to `target`; with `xpath` parts of it go to fields of their own. An element becomes an
    /// object of its attributes and elements, an element with nothing but text becomes the text; text beside attributes
    /// or elements goes to `content`. A text that is not XML adds the tag `_xmlparsefailure`.
    pub struct XmlOptions for Filter "xml" {
        /// The field that holds the XML text, or a list of one.
        source: FieldName,
        /// The field to put the document in; needed unless `store_xml` is false.
        target: Option<FieldName>,
        /// XPath expressions and the fields that get what they find.
        xpath: Pairs<FieldName> = [],
        /// How strictly the text is read for `xpath`: without it, and with `recover`, as much as possible is made of a
        /// broken document; with `strict` or anything else a broken document fails.
        parse_options: Option<String>,
        /// Puts the document in `target`.
        store_xml: bool = true,
        /// Makes a list even of what is there only once.
        force_array: bool = true,
        /// Makes objects with `content` even of elements that hold nothing but text.
        force_content: bool = false,
        /// Prefixes for `xpath` and the namespaces they stand for; by default those that the outermost element declares.
        namespaces: Pairs<String> = [],
        /// Takes all namespaces off the names before `xpath` looks for them.
        remove_namespaces: bool = false,
        /// Leaves empty elements out; otherwise they become empty objects.
        suppress_empty: bool = true,
    }
}

/// Parses XML in a field.
pub struct Xml {
    source: FieldName,
    target: Option<FieldName>,
    searches: Vec<Search>,
    namespaces: Vec<(String, String)>,
    remove_namespaces: bool,
    force_array: bool,
    /// Whether broken documents are refused even for XPath.
    strict: bool,
    rules: Rules,
}

/// What to look for and where to put it. An expression that is none fails for every event, as in Logstash.
struct Search {
    expression: Result<XPath, XPathError>,
    destination: FieldName,
}

const FAILURE_TAG: &str = "_xmlparsefailure";

/// What `parse_options` may hold beside those that make reading lenient.
const PARSE_OPTIONS: [&str; 21] = [
    "STRICT",
    "NOENT",
    "DTDLOAD",
    "DTDATTR",
    "DTDVALID",
    "NOERROR",
    "NOWARNING",
    "PEDANTIC",
    "NOBLANKS",
    "SAX1",
    "XINCLUDE",
    "NONET",
    "NODICT",
    "NSCLEAN",
    "NOCDATA",
    "NOXINCNODE",
    "COMPACT",
    "OLD10",
    "NOBASEFIX",
    "HUGE",
    "DEFAULTSCHEMA",
];
const LENIENT_OPTIONS: [&str; 4] = ["RECOVER", "DEFAULTXML", "DEFAULTHTML", "DEFAULTXSLT"];

impl BuildFilter for Xml {
    type Options = XmlOptions;

    fn build(options: XmlOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let strict = match &options.parse_options {
            None => false,
            Some(words) => is_strict(words, settings)?,
        };
        let target = options.target.filter(|_| options.store_xml);
        if options.store_xml && target.is_none() {
            let span = settings.span_of("store_xml");
            let message =
                "`xml` needs a `target`, or `store_xml => false` where `xpath` alone is wanted";
            settings.report(span, message);
            return None;
        }
        let mut searches = Vec::new();
        for (text, destination) in options.xpath.0 {
            let expression = XPath::parse(&text.node);
            if let Err(error) = &expression {
                let message = format!("`{}` is not XPath: {error}", text.node);
                settings.warn(text.span, message);
            }
            searches.push(Search {
                expression,
                destination,
            });
        }
        let namespaces = options.namespaces.iter();
        Some(Self {
            source: options.source,
            target,
            searches,
            namespaces: namespaces
                .map(|(prefix, uri)| {
                    let prefix = prefix.rsplit(':').next().unwrap_or(prefix);
                    (prefix.to_owned(), uri.clone())
                })
                .collect(),
            remove_namespaces: options.remove_namespaces,
            force_array: options.force_array,
            strict,
            rules: Rules {
                force_array: options.force_array,
                force_content: options.force_content,
                suppress_empty: options.suppress_empty,
            },
        })
    }
}

/// Whether these options make reading strict; `None` after one was reported that there is not.
fn is_strict(words: &str, settings: &mut Settings<'_>) -> Option<bool> {
    let mut strict = true;
    for word in words.split([',', '|']) {
        let name = word.trim().replace('_', "").to_uppercase();
        if LENIENT_OPTIONS.contains(&name.as_str()) {
            strict = false;
        } else if !name.is_empty() && !PARSE_OPTIONS.contains(&name.as_str()) {
            let span = settings.span_of("parse_options");
            let word = word.trim();
            let message = format!(
                "there is no parse option `{word}`; there are `strict`, `recover`, `no_error` and `no_warning`"
            );
            settings.report(span, message);
            return None;
        }
    }
    Some(strict)
}

/// The text is not XML, or what is in it cannot be put into the event.
struct Failure;

impl Filter for Xml {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        match self.parse_into(event) {
            Ok(true) => Outcome::Matched,
            Ok(false) => Outcome::Unmatched,
            Err(Failure) => {
                event.tag(FAILURE_TAG);
                Outcome::Unmatched
            }
        }
    }

    fn failure_tags(&self) -> &[&'static str] {
        &[FAILURE_TAG]
    }
}

impl Xml {
    /// Whether anything was found.
    fn parse_into(&self, event: &mut Event<'_>) -> Result<bool, Failure> {
        let source = self.source.0.resolve(event).map_err(|_| Failure)?;
        let value = match event.get(source) {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(false),
            Some(Value::Array(values)) if values.len() == 1 => &values[0],
            Some(value) => value,
        };
        let Value::Str(text) = *value else {
            return Err(Failure);
        };
        if text
            .trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace())
            .is_empty()
        {
            return Ok(false);
        }
        let arena = event.arena();
        let prolog = Prolog::read(text);
        if prolog.has_unknown_version {
            return Err(Failure);
        }
        let mut matched = false;
        if self.strict || !self.searches.is_empty() {
            let mut recovered = recover::recover(prolog, arena);
            if self.strict && recovered.is_faulty
                || !self.searches.is_empty() && recovered.is_unsearchable
            {
                return Err(Failure);
            }
            matched = self.search(&mut recovered.document, event)?;
        }
        if let Some(target) = &self.target {
            let target = target.0.resolve(event).map_err(|_| Failure)?;
            let document = read::read(text, arena).ok_or(Failure)?;
            let root = document.root_element().ok_or(Failure)?;
            let stored = self.rules.convert(&document, root, arena);
            event.set_checked(target, stored).map_err(|_| Failure)?;
            matched = true;
        }
        Ok(matched)
    }

    fn search<'a>(
        &self,
        document: &mut Document<'a>,
        event: &mut Event<'a>,
    ) -> Result<bool, Failure> {
        if self.remove_namespaces {
            document.remove_namespaces();
        }
        let namespaces = self.namespaces(document);
        let mut matched = false;
        for search in &self.searches {
            let expression = search.expression.as_ref().map_err(|_| Failure)?;
            let found = expression
                .find(document, &namespaces)
                .map_err(|_| Failure)?;
            let mut texts = texts(found, document, event.arena());
            if texts.is_empty() {
                continue;
            }
            matched = true;
            let value = match texts.len() {
                1 if !self.force_array => texts.remove(0),
                _ => Value::Array(texts),
            };
            let destination: FieldRef<'_> =
                search.destination.0.resolve(event).map_err(|_| Failure)?;
            event.set_checked(destination, value).map_err(|_| Failure)?;
        }
        Ok(matched)
    }

    /// The namespaces of the configuration, else those that the outermost element declares.
    fn namespaces<'n>(&'n self, document: &Document<'n>) -> Namespaces<'n> {
        if !self.namespaces.is_empty() {
            let pairs = self.namespaces.iter();
            return pairs
                .map(|(prefix, uri)| (prefix.as_str(), uri.as_str()))
                .collect();
        }
        let Some(root) = document.root_element() else {
            return Namespaces::new();
        };
        let declarations = document
            .declarations_and_attributes(root)
            .filter_map(|(_, kind)| match kind {
                Kind::Declaration(declaration) => Some(declaration),
                _ => None,
            });
        declarations
            .map(|declaration| {
                let name = declaration.name.qualified;
                (
                    name.strip_prefix("xmlns:").unwrap_or(name),
                    declaration.value,
                )
            })
            .collect()
    }
}

/// What was found, as Ruby's `to_s` has it.
fn texts<'a>(found: Found, document: &Document<'a>, arena: &'a Arena) -> Array<'a> {
    let mut texts = Array::new_in(arena);
    let text = match found {
        Found::Nodes(nodes) => {
            for node in nodes {
                let text = write::markup(document, node);
                texts.push(Value::Str(arena.alloc_str(&text)));
            }
            return texts;
        }
        Found::Boolean(false) => return texts,
        Found::Boolean(true) => "true".to_owned(),
        Found::Text(text) => text,
        Found::Number(number) => {
            let mut out = Vec::new();
            push_float_ruby(&mut out, number);
            String::from_utf8_lossy(&out).into_owned()
        }
    };
    texts.push(Value::Str(arena.alloc_str(&text)));
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What XPath and XmlSimple make of a text.
    fn try_out(text: &str, expression: &XPath) {
        let arena = Arena::new();
        let rules = Rules {
            force_array: true,
            force_content: false,
            suppress_empty: true,
        };
        if let Some(document) = read::read(text, &arena) {
            rules.convert(&document, document.root_element().unwrap(), &arena);
        }
        let document = recover::recover(Prolog::read(text), &arena).document;
        if let Ok(found) = expression.find(&document, &Namespaces::new()) {
            texts(found, &document, &arena);
        }
    }

    #[test]
    fn no_text_is_too_odd() {
        let whole = "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e \"v\"><!ELEMENT a ANY>]><a x='1' n:y=\"&e;\"><b>é</b>\
            <!-- c --><![CDATA[d]]><?p q?>&amp;&#x41;<c/></a>";
        let expression = XPath::parse("//node()|//@*|count(//b[2])").unwrap();
        for end in (0..=whole.len()).filter(|&end| whole.is_char_boundary(end)) {
            try_out(&whole[..end], &expression);
            try_out(&whole[end..], &expression);
            for odd in ["<", ">", "&", "\"", "]]>", "é", "/", "</a>"] {
                let text = format!("{}{odd}{}", &whole[..end], &whole[end..]);
                try_out(&text, &expression);
            }
        }
    }

    #[test]
    fn no_expression_is_too_odd() {
        let whole = "//a[@b='c' and position() mod 2 = 1]/ancestor-or-self::x:y[last()]|-(3 + .5) * count(../text())";
        for end in 0..=whole.len() {
            let _ = XPath::parse(&whole[..end]);
            let _ = XPath::parse(&whole[end..]);
        }
        assert!(XPath::parse(&"(".repeat(100_000)).is_err());
        assert!(XPath::parse(&"a[".repeat(100_000)).is_err());
        assert!(XPath::parse(&"-".repeat(100_000)).is_err());
    }

    #[test]
    fn long_texts_of_anything_are_read_in_time() {
        for piece in [
            "&lt;",
            "& ",
            "x&y;",
            "<a",
            "<a>",
            "</a>",
            "<!",
            "<!--",
            "]]>",
            "]",
            "<![CDATA[",
            "&#65;",
            "<a b='",
            "\u{1}",
            "<?p ",
            "\r",
            "<a x=1",
            "<!DOCTYPE a [",
            "<!ENTITY e \"",
            "%",
            "&e;",
        ] {
            for start in [
                "",
                "<r>",
                "<r a='",
                "<!DOCTYPE r [<!ENTITY e 'xxxxxxxxxxxxxxx'>]><r>",
            ] {
                let text = format!("{start}{}", piece.repeat((1 << 18) / piece.len()));
                let arena = Arena::new();
                let began = std::time::Instant::now();
                recover::recover(Prolog::read(&text), &arena);
                read::read(&text, &arena);
                let took = began.elapsed().as_secs_f32();
                assert!(took < 5.0, "{start}{piece} repeated took {took} s");
                let taken = arena.allocated_bytes();
                assert!(
                    taken < 16 << 20,
                    "{start}{piece} repeated took {taken} bytes"
                );
            }
        }
    }

    #[test]
    fn depth_and_work_are_bounded() {
        let arena = Arena::new();
        let deep = "<a>".repeat(100_000);
        assert!(read::read(&deep, &arena).is_none());
        assert!(recover::recover(Prolog::read(&deep), &arena).is_faulty);
        let wide = format!("<r>{}</r>", "<a/>".repeat(20_000));
        assert!(read::read(&wide, &arena).is_some());
        let recovered = recover::recover(Prolog::read(&wide), &arena);
        assert!(!recovered.is_faulty);
        let quadratic = XPath::parse("//a[//a[//a]]").unwrap();
        let found = quadratic.find(&recovered.document, &Namespaces::new());
        assert!(found.is_err());
    }
}
