//! Nodes as text, the way Nokogiri prints them on the JVM: without indentation, attributes by name.

use super::document::{Attribute, Document, Kind, NodeId, Text};
use super::prefixes::Prefixes;

/// A node as text. Of an attribute it is the value, of everything else it is markup.
pub(super) fn markup(document: &Document<'_>, node: NodeId) -> String {
    let mut out = String::new();
    if let Kind::Attribute(attribute) = document.kind(node) {
        out.push_str(attribute.value);
        return out;
    }
    Writer {
        document,
        out: &mut out,
        declared: Prefixes::default(),
    }
    .write(node);
    out
}

struct Writer<'d, 'a> {
    document: &'d Document<'a>,
    out: &'d mut String,
    /// The namespaces that what is written already declares.
    declared: Prefixes<'a>,
}

impl<'a> Writer<'_, 'a> {
    fn write(&mut self, node: NodeId) {
        match self.document.kind(node) {
            Kind::Root => {
                self.out
                    .push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
                self.write_children(node);
            }
            Kind::Element(name) => self.write_element(node, name.qualified),
            Kind::Text(Text { value, .. }) => escape_text(value, self.out),
            Kind::CData(text) => self.enclosed("<![CDATA[", text, "]]>"),
            Kind::Reference(name) => self.enclosed("&", name, ";"),
            Kind::Comment(text) => self.enclosed("<!--", text, "-->"),
            Kind::Instruction { target, data } => {
                self.enclosed("<?", target, " ");
                self.enclosed("", data, "?>\n");
            }
            Kind::Declaration(_) | Kind::Attribute(_) => {}
        }
    }

    fn enclosed(&mut self, before: &str, text: &str, after: &str) {
        self.out.push_str(before);
        self.out.push_str(text);
        self.out.push_str(after);
    }

    fn write_children(&mut self, node: NodeId) {
        let document = self.document;
        for child in document.children(node) {
            self.write(child);
        }
    }

    fn write_element(&mut self, node: NodeId, name: &str) {
        let mut attributes: Vec<Attribute<'a>> = Vec::new();
        let declared = self.declared.len();
        for (_, kind) in self.document.declarations_and_attributes(node) {
            match kind {
                Kind::Attribute(attribute) => attributes.push(attribute),
                Kind::Declaration(declaration) => {
                    let name = declaration.name.qualified;
                    if self.declared.get(name) != Some(declaration.value) {
                        attributes.push(declaration);
                        self.declared.declare(name, declaration.value);
                    }
                }
                _ => {}
            }
        }
        attributes.sort_by_key(|attribute| attribute.name.qualified);
        self.enclosed("<", name, "");
        for attribute in attributes {
            self.enclosed(" ", attribute.name.qualified, "=\"");
            escape_attribute(attribute.value, self.out);
            self.out.push('"');
        }
        if self.document.children(node).next().is_none() {
            self.out.push_str("/>");
            self.declared.truncate(declared);
            return;
        }
        self.out.push('>');
        self.write_children(node);
        self.declared.truncate(declared);
        self.enclosed("</", name, ">");
    }
}

fn escape_text(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
}

fn escape_attribute(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '"' => out.push_str("&quot;"),
            other => escape_text(other.encode_utf8(&mut [0; 4]), out),
        }
    }
}
