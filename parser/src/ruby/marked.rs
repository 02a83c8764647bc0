//! Values as JSON from which the same values come back: what JSON has no type for is a text that begins with a mark.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::heap::NESTING_MAX;
use super::interp::{Flow, Run};
use super::value::{Obj, RubyTime, Text, Val};
use crate::event::{Array, Object, Value};
use crate::time::Timestamp;

/// What no text that people write begins with; one that does is marked itself.
const MARK: char = '\u{1}';

impl<'a> Run<'_, 'a> {
    /// A value as JSON. What belongs to a run (blocks, events) becomes null.
    pub(super) fn export_marked(&mut self, value: Val, depth: usize) -> Result<Value<'a>, Flow> {
        self.step()?;
        self.steps_to_copy(value)?;
        let arena = self.arena;
        let Val::Ref(handle) = value else {
            return self.export(value, depth).or(Ok(Value::Null));
        };
        if depth > NESTING_MAX {
            return Ok(Value::Null);
        }
        let text = match self.memory.heap.get(handle) {
            Obj::Array(values) => {
                let values = values.clone();
                let mut array = Array::new_in(arena);
                for value in values {
                    array.push(self.export_marked(value, depth + 1)?);
                }
                return Ok(Value::Array(array));
            }
            Obj::Hash(hash) => {
                let entries: Vec<(Val, Val)> = hash.iter().collect();
                let default = hash.default;
                let mut object = Object::with_capacity(arena, entries.len());
                if let Some(default) = default {
                    let default = self.export_marked(default, depth + 1)?;
                    object.set(arena.alloc_str(&mark('=', "")), default);
                }
                for (key, value) in entries {
                    let key = match key {
                        Val::Int(number) => mark('i', &number.to_string()),
                        key => match self.marked_text(key) {
                            Some(text) => text,
                            None => self.text_of(key)?,
                        },
                    };
                    let value = self.export_marked(value, depth + 1)?;
                    object.set(arena.alloc_str(&key), value);
                }
                return Ok(Value::Object(object));
            }
            Obj::Big(big) => return Ok(Value::BigInt(arena.alloc_str(&big.to_string()))),
            _ => self.marked_text(value),
        };
        Ok(text.map_or(Value::Null, |text| Value::Str(arena.alloc_str(&text))))
    }

    fn marked_text(&self, value: Val) -> Option<String> {
        Some(match self.memory.heap.object(value)? {
            Obj::Str(Text::Utf8(text)) if text.starts_with(MARK) => mark('s', text),
            Obj::Str(Text::Utf8(text)) => text.clone(),
            Obj::Str(text) => mark('b', &STANDARD.encode(text.bytes())),
            Obj::Sym(name) => mark(':', name),
            Obj::Decimal(digits) => mark('d', digits),
            Obj::Timestamp(at) => mark('@', &point(*at)),
            Obj::Time(time) if time.utc => mark('u', &point(time.at)),
            Obj::Time(time) => mark('t', &format!("{}:{}", point(time.at), time.offset)),
            _ => return None,
        })
    }

    /// The value that JSON stands for.
    pub(super) fn import_marked(&mut self, value: &Value<'a>) -> Val {
        match value {
            Value::Str(text) => self.unmarked(text),
            Value::Array(values) => {
                let values = values
                    .iter()
                    .map(|value| self.import_marked(value))
                    .collect();
                self.new_array(values)
            }
            Value::Object(object) => {
                let mut made = super::hash::RubyHash::default();
                if let Some(default) = object.get(&mark('=', "")) {
                    made.default = Some(self.import_marked(default));
                }
                let hash = self.heap().add(Obj::Hash(made));
                for (key, value) in object.iter() {
                    if key == mark('=', "") {
                        continue;
                    }
                    let key = self.unmarked(key);
                    let value = self.import_marked(value);
                    self.heap().set_key(hash, key, value);
                }
                hash
            }
            other => self.import(other),
        }
    }

    fn unmarked(&mut self, text: &str) -> Val {
        let Some(marked) = text.strip_prefix(MARK) else {
            return self.new_str(text);
        };
        let mut rest = marked.chars();
        let kind = rest.next();
        let rest = rest.as_str();
        let object = match kind {
            Some('i') => return rest.parse().map_or(Val::Nil, Val::Int),
            Some('s') => Obj::Str(Text::Utf8(rest.to_owned())),
            Some(':') => Obj::Sym(rest.into()),
            Some('d') => Obj::Decimal(rest.into()),
            Some('b') => Obj::Str(Text::from_utf8(STANDARD.decode(rest).unwrap_or_default())),
            Some('@') => match parse_point(rest) {
                Some((at, _)) => Obj::Timestamp(at),
                None => return Val::Nil,
            },
            Some('u' | 't') => match parse_point(rest) {
                Some((at, offset)) => Obj::Time(RubyTime::new(at, offset, kind == Some('u'))),
                None => return Val::Nil,
            },
            _ => return Val::Nil,
        };
        self.heap().add(object)
    }
}

fn mark(kind: char, text: &str) -> String {
    format!("{MARK}{kind}{text}")
}

fn point(at: Timestamp) -> String {
    format!("{}:{}", at.seconds(), at.subsec_nanos())
}

/// Seconds, nanoseconds and, for some, the offset of a zone.
fn parse_point(text: &str) -> Option<(Timestamp, i32)> {
    let mut parts = text.split(':');
    let seconds = parts.next()?.parse().ok()?;
    let nanos = parts.next()?.parse().ok()?;
    let offset = parts.next().map_or(Some(0), |offset| offset.parse().ok())?;
    Some((Timestamp::new(seconds, nanos), offset))
}
