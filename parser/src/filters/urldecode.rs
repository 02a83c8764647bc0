//! `urldecode`: decodes percent-encoded text (source: logstash-filter-urldecode).

use crate::charset::Charset;
use crate::event::{Arena, ArenaString, Array, Event, FieldRef, Object, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Decodes percent-encoded text, as in `a%20b`.
    ///
    /// Also in the elements of an array and the values of an object. A `%` that is not followed by two hexadecimal
    /// digits stays, and so does `+`.
    pub struct UrldecodeOptions for Filter "urldecode" {
        /// The field to decode.
        field: FieldRef<'static> = "message",
        /// Decodes every field of the event.
        all_fields: bool = false,
        /// The character set of the decoded bytes. Bytes that are not UTF-8 are escaped, as in `\xE9`.
        charset: Charset = "UTF-8",
        /// Tags added when the result cannot be set.
        tag_on_failure: Vec<String> = ["_urldecodefailure"],
    }
}

/// Decodes percent-encoded text.
pub struct Urldecode {
    /// All fields where there is none.
    field: Option<FieldRef<'static>>,
    charset: Charset,
    tag_on_failure: Vec<&'static str>,
}

impl BuildFilter for Urldecode {
    type Options = UrldecodeOptions;

    fn build(options: UrldecodeOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self {
            field: (!options.all_fields).then_some(options.field),
            charset: options.charset,
            tag_on_failure: options
                .tag_on_failure
                .iter()
                .map(|tag| intern(tag))
                .collect(),
        })
    }
}

impl Filter for Urldecode {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let arena = event.arena();
        let Some(field) = self.field else {
            for (_, value) in event.fields_mut().iter_mut() {
                if let Some(decoded) = self.decode(value, arena) {
                    *value = decoded;
                }
            }
            return Outcome::Matched;
        };
        let decoded = match event.get(field) {
            // Logstash sets a missing field to null.
            None => Some(Value::Null),
            Some(value) => self.decode(value, arena),
        };
        if let Some(decoded) = decoded
            && !event.try_set(field, decoded)
        {
            event.tag_all(&self.tag_on_failure);
        }
        Outcome::Matched
    }
}

impl Urldecode {
    /// `None` for a value that stays as it is.
    fn decode<'a>(&self, value: &Value<'a>, arena: &'a Arena) -> Option<Value<'a>> {
        match value {
            Value::Str(text) => self.decode_text(text, arena).map(Value::Str),
            Value::Array(values) => {
                let mut decoded = Array::with_capacity_in(values.len(), arena);
                decoded.extend(
                    values
                        .iter()
                        .map(|value| self.decode(value, arena).unwrap_or_else(|| value.clone())),
                );
                Some(Value::Array(decoded))
            }
            Value::Object(object) => {
                let mut decoded = Object::with_capacity(arena, object.len());
                for (key, value) in object.iter() {
                    decoded.push(
                        key,
                        self.decode(value, arena).unwrap_or_else(|| value.clone()),
                    );
                }
                Some(Value::Object(decoded))
            }
            _ => None,
        }
    }

    fn decode_text<'a>(&self, text: &'a str, arena: &'a Arena) -> Option<&'a str> {
        if memchr::memchr(b'%', text.as_bytes()).is_none() && self.charset.is_utf8() {
            return None;
        }
        let bytes = unescape(text.as_bytes());
        let text = self.charset.convert(&bytes);
        Some(ArenaString::from_str_in(&text, arena).into_bump_str())
    }
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    // Escapes mostly come one after the other: the next one is looked for only where it is not at hand.
    let next = |rest: &[u8]| match rest.first() {
        Some(b'%') => Some(0),
        _ => memchr::memchr(b'%', rest),
    };
    while let Some(at) = next(rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let byte = match rest {
            [_, high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match byte {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = &rest[3..];
            }
            None => {
                out.push(b'%');
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
