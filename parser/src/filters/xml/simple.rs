//! Elements as objects, in the way of Ruby's XmlSimple, which Logstash's filter uses.

use super::document::{Document, Kind, NodeId, Text};
use crate::event::{Arena, ArenaString, Array, Object, Value};

/// How elements become objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// An element that is there once becomes a list of one.
    pub(super) force_array: bool,
    /// A text becomes an object with `content` even where there are no attributes.
    pub(super) force_content: bool,
    /// Empty elements are left out.
    pub(super) suppress_empty: bool,
}

/// The name under which an object holds an element's text.
const CONTENT: &str = "content";

/// Elements of this name stand for a list that has no name.
const ANONYMOUS: &str = "anon";

impl Rules {
    /// What an element becomes. The depth is bounded by that of the document.
    pub(super) fn convert<'a>(
        self,
        document: &Document<'a>,
        element: NodeId,
        arena: &'a Arena,
    ) -> Value<'a> {
        let mut result = Object::new(arena);
        for (_, kind) in document.declarations_and_attributes(element) {
            if let Kind::Declaration(attribute) | Kind::Attribute(attribute) = kind {
                result.set(attribute.name.qualified, Value::Str(attribute.value));
            }
        }
        let has_attributes = !result.is_empty();
        let kinds = || document.children(element).map(|child| document.kind(child));
        let has_elements = kinds().any(|kind| matches!(kind, Kind::Element(_)));
        let has_text = kinds().any(|kind| matches!(kind, Kind::Text(_) | Kind::CData(_)));
        if has_elements {
            for child in document.children(element) {
                let Kind::Element(name) = document.kind(child) else {
                    continue;
                };
                let value = self.convert(document, child, arena);
                if self.suppress_empty && !has_attributes && is_empty(&value) {
                    continue;
                }
                self.merge(&mut result, name.local, value, arena);
            }
            if has_text {
                add_mixed_content(&mut result, document, element, arena);
            }
        } else if has_text {
            return self.text(result, document, element, arena);
        }
        if let Some(list) = anonymous_list(&mut result) {
            return list;
        }
        match result.is_empty() && self.suppress_empty {
            true => Value::Null,
            false => Value::Object(result),
        }
    }

    /// What an element becomes that holds no elements, but text.
    fn text<'a>(
        self,
        mut attributes: Object<'a>,
        document: &Document<'a>,
        element: NodeId,
        arena: &'a Arena,
    ) -> Value<'a> {
        let text = text_of(document, element, arena);
        let has_attributes = !attributes.is_empty();
        if !has_attributes && is_blank(text) {
            return Value::Object(attributes);
        }
        if has_attributes || self.force_content {
            self.merge(&mut attributes, CONTENT, Value::Str(text), arena);
            return Value::Object(attributes);
        }
        Value::Str(text)
    }

    /// Adds a value to an object: several of one name make a list.
    fn merge<'a>(self, object: &mut Object<'a>, key: &'a str, value: Value<'a>, arena: &'a Arena) {
        if let Some(have) = object.get_mut(key) {
            match have {
                Value::Array(list) => list.push(value),
                single => {
                    let first = std::mem::replace(single, Value::Null);
                    *single = Value::Array(Array::from_iter_in([first, value], arena));
                }
            }
            return;
        }
        let is_list = matches!(value, Value::Array(_));
        let value = match is_list || (self.force_array && key != CONTENT) {
            true => Value::Array(Array::from_iter_in([value], arena)),
            false => value,
        };
        object.push(key, value);
    }
}

/// The text among elements goes to `content` as it is written, references and all.
fn add_mixed_content<'a>(
    result: &mut Object<'a>,
    document: &Document<'a>,
    element: NodeId,
    arena: &'a Arena,
) {
    let texts = document
        .children(element)
        .filter_map(|child| match document.kind(child) {
            Kind::Text(Text { raw, .. }) | Kind::CData(raw) => Some(Value::Str(raw)),
            _ => None,
        });
    let mut texts = Array::from_iter_in(texts, arena);
    let is_blank = |text: &Value<'_>| {
        text.as_str()
            .is_none_or(|text| text.trim_matches(is_stripped).is_empty())
    };
    if texts.iter().all(is_blank) {
        return;
    }
    let content = match texts.len() {
        1 => texts.remove(0),
        _ => Value::Array(texts),
    };
    result.set(CONTENT, content);
}

/// What Ruby's `strip` takes off.
fn is_stripped(character: char) -> bool {
    character == '\0' || is_space(character)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Str(text) => is_blank(text),
        _ => false,
    }
}

/// All text directly below an element.
fn text_of<'a>(document: &Document<'a>, element: NodeId, arena: &'a Arena) -> &'a str {
    let mut parts = document
        .children(element)
        .filter_map(|child| match document.kind(child) {
            Kind::Text(Text { value, .. }) | Kind::CData(value) => Some(value),
            _ => None,
        });
    let first = parts.next().unwrap_or_default();
    let Some(second) = parts.next() else {
        return first;
    };
    let mut all = ArenaString::from_str_in(first, arena);
    all.push_str(second);
    parts.for_each(|part| all.push_str(part));
    all.into_bump_str()
}

/// A single list under the name that stands for none takes the place of the object.
fn anonymous_list<'a>(result: &mut Object<'a>) -> Option<Value<'a>> {
    if !matches!(result.get(ANONYMOUS), Some(Value::Array(_))) {
        return None;
    }
    let lists = result
        .iter()
        .filter(|(_, value)| matches!(value, Value::Array(_)));
    match lists.count() {
        1 => result.remove(ANONYMOUS),
        _ => None,
    }
}
