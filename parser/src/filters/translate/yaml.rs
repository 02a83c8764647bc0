//! YAML dictionaries, with the types that Ruby's Psych gives to plain scalars (YAML 1.1): `yes` is
//! true, `010` is 8, `12:30` is 750.

use std::collections::HashMap;

use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser, Tag};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

use crate::event::OwnedValue;

/// A text that is no YAML, or no dictionary.
#[derive(Debug, thiserror::Error)]
pub(super) enum YamlError {
    #[error(transparent)]
    Syntax(#[from] ScanError),
    #[error("it must be one mapping of keys to values")]
    NotAMapping,
    #[error("it is nested too deep")]
    TooDeep,
}

/// How deep collections may nest.
const DEPTH_MAX: usize = 500;

/// The entries of the first document. Keys that are not texts are left out, since nothing is ever
/// found under them. With `simple` only the most common plain scalars have a type.
pub(super) fn read(text: &str, simple: bool) -> Result<Vec<(String, OwnedValue)>, YamlError> {
    let mut builder = Builder {
        simple,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        too_deep: false,
    };
    Parser::new_from_str(text).load(&mut builder, false)?;
    if builder.too_deep {
        return Err(YamlError::TooDeep);
    }
    match builder.root {
        Some(Node::Mapping(pairs)) => {
            let text_key = |(key, value): (Node, Node)| match key {
                Node::Scalar(OwnedValue::Str(key)) => Some((key.into(), value.into_value())),
                _ => None,
            };
            Ok(pairs.into_iter().filter_map(text_key).collect())
        }
        None | Some(Node::Scalar(OwnedValue::Null)) => Ok(Vec::new()),
        Some(_) => Err(YamlError::NotAMapping),
    }
}

#[derive(Clone)]
enum Node {
    Scalar(OwnedValue),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    fn into_value(self) -> OwnedValue {
        match self {
            Node::Scalar(value) => value,
            Node::Sequence(nodes) => {
                OwnedValue::Array(nodes.into_iter().map(Node::into_value).collect())
            }
            Node::Mapping(pairs) => {
                let fields = pairs.into_iter();
                OwnedValue::Object(
                    fields
                        .map(|(key, value)| (key.into_key(), value.into_value()))
                        .collect(),
                )
            }
        }
    }

    /// A key of a nested mapping, which is a field of the event.
    fn into_key(self) -> Box<str> {
        match self.into_value() {
            OwnedValue::Str(text) => text,
            OwnedValue::Int(number) => number.to_string().into(),
            OwnedValue::Float(number) => format!("{number:?}").into(),
            OwnedValue::Bool(value) => value.to_string().into(),
            _ => "".into(),
        }
    }
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    node: Node,
    /// The key whose value comes next.
    key: Option<Node>,
}

struct Builder {
    simple: bool,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    too_deep: bool,
}

impl MarkedEventReceiver for Builder {
    fn on_event(&mut self, event: Event, _: Marker) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag.as_ref());
                self.complete(Node::Scalar(value), anchor);
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                self.complete(node.unwrap_or(Node::Scalar(OwnedValue::Null)), 0);
            }
            Event::SequenceStart(anchor, _) => self.begin(Node::Sequence(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(Node::Mapping(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.complete(open.node, open.anchor);
                }
            }
            _ => {}
        }
    }
}

impl Builder {
    fn begin(&mut self, node: Node, anchor: usize) {
        self.too_deep |= self.open.len() >= DEPTH_MAX;
        self.open.push(Open {
            anchor,
            node,
            key: None,
        });
    }

    fn complete(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.node {
            Node::Sequence(nodes) => nodes.push(node),
            Node::Mapping(pairs) => match open.key.take() {
                None => open.key = Some(node),
                Some(key) => insert(pairs, key, node),
            },
            Node::Scalar(_) => {}
        }
    }

    fn scalar(&self, text: String, style: TScalarStyle, tag: Option<&Tag>) -> OwnedValue {
        let is_text = tag.is_some_and(|tag| matches!(tag.suffix.as_str(), "str" | "!" | ""));
        if style != TScalarStyle::Plain || is_text {
            return OwnedValue::Str(text.into());
        }
        if self.simple {
            return simple_scalar(&text);
        }
        plain_scalar(&text)
    }
}

/// `<<` merges another mapping, or several, into this one.
fn insert(pairs: &mut Vec<(Node, Node)>, key: Node, value: Node) {
    let is_merge = matches!(&key, Node::Scalar(OwnedValue::Str(text)) if &**text == "<<");
    match value {
        Node::Mapping(merged) if is_merge => pairs.extend(merged),
        Node::Sequence(merged) if is_merge => {
            for node in merged {
                if let Node::Mapping(merged) = node {
                    pairs.extend(merged);
                }
            }
        }
        value => pairs.push((key, value)),
    }
}

/// The streaming strategy's idea of a plain scalar.
fn simple_scalar(text: &str) -> OwnedValue {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match text {
        "" | "~" | "null" => OwnedValue::Null,
        "true" => OwnedValue::Bool(true),
        "false" => OwnedValue::Bool(false),
        _ if digits(unsigned) => integer(text, 10),
        _ => match unsigned.split_once('.') {
            Some((whole, fraction)) if digits(whole) && digits(fraction) => {
                OwnedValue::Float(text.parse().unwrap_or(0.0))
            }
            _ => OwnedValue::Str(text.into()),
        },
    }
}

/// A plain scalar as Psych's scanner reads it. Dates and times stay texts.
fn plain_scalar(text: &str) -> OwnedValue {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => return OwnedValue::Null,
        "yes" | "true" | "on" => return OwnedValue::Bool(true),
        "no" | "false" | "off" => return OwnedValue::Bool(false),
        ".inf" | "+.inf" => return OwnedValue::Float(f64::INFINITY),
        "-.inf" => return OwnedValue::Float(f64::NEG_INFINITY),
        ".nan" => return OwnedValue::Float(f64::NAN),
        _ => {}
    }
    // A Ruby symbol, which an event holds as text.
    if let Some(symbol) = text.strip_prefix(':').filter(|symbol| !symbol.is_empty()) {
        return OwnedValue::Str(symbol.trim_matches(['"', '\'']).into());
    }
    let first = text.trim_start_matches(['+', '-']);
    if !first.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
        return OwnedValue::Str(text.into());
    }
    number(text).unwrap_or_else(|| OwnedValue::Str(text.into()))
}

fn number(text: &str) -> Option<OwnedValue> {
    let (sign, unsigned) = match text.as_bytes() {
        [b'-', ..] => ("-", &text[1..]),
        [b'+', ..] => ("", &text[1..]),
        _ => ("", text),
    };
    if unsigned.contains(':') {
        return sexagesimal(sign, unsigned);
    }
    let digits: String = unsigned
        .chars()
        .filter(|letter| !matches!(letter, ',' | '_'))
        .collect();
    let all = |test: fn(&char) -> bool, text: &str| {
        !text.is_empty() && text.chars().all(|letter| test(&letter))
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        return all(char::is_ascii_hexdigit, hex).then(|| integer(&format!("{sign}{hex}"), 16));
    }
    if let Some(bits) = digits.strip_prefix("0b") {
        return all(|letter| matches!(letter, '0' | '1'), bits)
            .then(|| integer(&format!("{sign}{bits}"), 2));
    }
    if all(char::is_ascii_digit, &digits) {
        let octal = digits.len() > 1 && digits.starts_with('0');
        if octal && !all(|letter| matches!(letter, '0'..='7'), &digits) {
            return None;
        }
        let radix = if octal { 8 } else { 10 };
        return Some(integer(&format!("{sign}{digits}"), radix));
    }
    let is_float = digits.contains('.')
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let value: f64 = is_float.then(|| digits.parse().ok()).flatten()?;
    Some(OwnedValue::Float(if sign == "-" { -value } else { value }))
}

/// `1:30` is 90.
fn sexagesimal(sign: &str, text: &str) -> Option<OwnedValue> {
    let mut value: i64 = 0;
    for part in text.split(':') {
        let digit_count_fits = (1..=9).contains(&part.len());
        if !digit_count_fits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: i64 = part.parse().ok()?;
        value = value.checked_mul(60)?.checked_add(number)?;
    }
    let parts = text.split(':').skip(1);
    if parts.clone().count() > 2 || parts.clone().any(|part| part.len() > 2 || part >= "60") {
        return None;
    }
    Some(OwnedValue::Int(if sign == "-" { -value } else { value }))
}

fn integer(digits: &str, radix: u32) -> OwnedValue {
    match i64::from_str_radix(digits, radix) {
        Ok(number) => OwnedValue::Int(number),
        Err(_) if radix == 10 => OwnedValue::BigInt(digits.into()),
        Err(_) => OwnedValue::Str(digits.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(yaml: &str) -> OwnedValue {
        let entries = read(&format!("k: {yaml}"), false).unwrap();
        entries.into_iter().next().unwrap().1
    }

    #[test]
    fn scalars_have_the_types_of_psych() {
        let cases = [
            ("yes", OwnedValue::Bool(true)),
            ("Off", OwnedValue::Bool(false)),
            ("y", OwnedValue::Str("y".into())),
            ("010", OwnedValue::Int(8)),
            ("09", OwnedValue::Str("09".into())),
            ("1_000", OwnedValue::Int(1000)),
            ("-0x1F", OwnedValue::Int(-31)),
            ("12:30", OwnedValue::Int(750)),
            ("12:60", OwnedValue::Str("12:60".into())),
            ("1.5", OwnedValue::Float(1.5)),
            ("1.2.3", OwnedValue::Str("1.2.3".into())),
            ("~", OwnedValue::Null),
            ("\"1\"", OwnedValue::Str("1".into())),
            ("!!str 1", OwnedValue::Str("1".into())),
            ("2015-01-02", OwnedValue::Str("2015-01-02".into())),
            (":sym", OwnedValue::Str("sym".into())),
        ];
        for (yaml, expected) in cases {
            assert_eq!(value(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn mappings_merge_and_nest() {
        let yaml = "base: &b { x: 1 }\nmade: { <<: *b, y: [1, two] }\n1: dropped";
        let entries = read(yaml, false).unwrap();
        assert_eq!(entries.len(), 2);
        let list = vec![OwnedValue::Int(1), OwnedValue::Str("two".into())];
        let fields = vec![
            ("x".into(), OwnedValue::Int(1)),
            ("y".into(), OwnedValue::Array(list)),
        ];
        assert_eq!(entries[1], ("made".into(), OwnedValue::Object(fields)));
    }

    #[test]
    fn what_is_no_dictionary_is_refused() {
        assert!(matches!(read("a: b: c", false), Err(YamlError::Syntax(_))));
        assert!(matches!(read("- a", false), Err(YamlError::NotAMapping)));
        assert!(matches!(
            read(&"[".repeat(2000), false),
            Err(YamlError::Syntax(_) | YamlError::TooDeep)
        ));
        assert!(read("", false).unwrap().is_empty());
    }
}
