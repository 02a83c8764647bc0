//! Nodes as text, the way Nokogiri prints them on the JVM: without indentation, attributes by name.

use std::collections::HashMap;

use super::document::{Attribute, Document, Kind, NodeId, Text};

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
    }
    .write(node, &HashMap::new());
    out
}

struct Writer<'d, 'a> {
    document: &'d Document<'a>,
    out: &'d mut String,
}

impl<'a> Writer<'_, 'a> {
    /// Writes a node; `declared` are the namespaces that what is written already declares.
    fn write(&mut self, node: NodeId, declared: &HashMap<&'a str, &'a str>) {
        match self.document.kind(node) {
            Kind::Root => {
                self.out
                    .push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
                self.write_children(node, declared);
            }
            Kind::Element(name) => self.write_element(node, name.qualified, declared),
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

    fn write_children(&mut self, node: NodeId, declared: &HashMap<&'a str, &'a str>) {
        let document = self.document;
        for child in document.children(node) {
            self.write(child, declared);
        }
    }

    fn write_element(&mut self, node: NodeId, name: &str, declared: &HashMap<&'a str, &'a str>) {
        let mut attributes: Vec<Attribute<'a>> = Vec::new();
        let mut declared_here: Option<HashMap<&'a str, &'a str>> = None;
        for (_, kind) in self.document.declarations_and_attributes(node) {
            match kind {
                Kind::Attribute(attribute) => attributes.push(attribute),
                Kind::Declaration(declaration) => {
                    let name = declaration.name.qualified;
                    if declared.get(name) != Some(&declaration.value) {
                        attributes.push(declaration);
                        let declared = declared_here.get_or_insert_with(|| declared.clone());
                        declared.insert(name, declaration.value);
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
            return;
        }
        self.out.push('>');
        self.write_children(node, declared_here.as_ref().unwrap_or(declared));
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
