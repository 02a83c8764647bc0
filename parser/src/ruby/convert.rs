//! Between events and the heap: values are copied both ways, as in Logstash (source: `org.logstash.Rubyfier`,
//! `org.logstash.Valuefier`). Strings, which Logstash lends, are copied too.

use super::class::Class;
use super::heap::NESTING_MAX;
use super::interp::{Flow, Run};
use super::value::{Obj, Text, Val};
use crate::event::{Array, Object, Value};

impl<'a> Run<'_, 'a> {
    /// A copy of an event's value.
    pub(crate) fn import(&mut self, value: &Value<'a>) -> Val {
        match value {
            Value::Null => Val::Nil,
            Value::Bool(value) => Val::bool(*value),
            Value::Int(number) => Val::Int(*number),
            Value::BigInt(digits) => self
                .heap()
                .add(Obj::Big(digits.parse().unwrap_or_default())),
            Value::Float(number) => Val::Float(*number),
            Value::Decimal(digits) => self.heap().add(Obj::Decimal((*digits).into())),
            Value::Str(text) => self.new_str(text),
            Value::Timestamp(at) => self.heap().add(Obj::Timestamp(*at)),
            Value::Array(values) => {
                let values = values.iter().map(|value| self.import(value)).collect();
                self.new_array(values)
            }
            Value::Object(object) => self.import_object(object),
        }
    }

    pub(crate) fn import_object(&mut self, object: &Object<'a>) -> Val {
        let hash = self.heap().add(Obj::Hash(Default::default()));
        for (key, value) in object.iter() {
            let key = self.new_str(key);
            let value = self.import(value);
            self.heap().set_key(hash, key, value);
        }
        hash
    }

    /// The value for an event.
    pub(crate) fn export(&mut self, value: Val, depth: usize) -> Result<Value<'a>, Flow> {
        self.step()?;
        self.steps_to_copy(value)?;
        if depth > NESTING_MAX {
            return self.raise(Class::ArgumentError, "the value nests too deep");
        }
        let arena = self.arena;
        let handle = match value {
            Val::Nil => return Ok(Value::Null),
            Val::True => return Ok(Value::Bool(true)),
            Val::False => return Ok(Value::Bool(false)),
            Val::Int(number) => return Ok(Value::Int(number)),
            Val::Float(number) => return Ok(Value::Float(number)),
            Val::Class(class) => {
                return self.raise(
                    Class::JavaException,
                    format!(
                        "Missing Converter handling for full class name={}",
                        class.name()
                    ),
                );
            }
            Val::Ref(handle) => handle,
        };
        Ok(match self.memory.heap.get(handle) {
            Obj::Str(Text::Utf8(text)) => Value::Str(arena.alloc_str(text)),
            Obj::Str(text) => Value::Str(arena.alloc_str(&text.to_event_text())),
            Obj::Sym(name) => Value::Str(arena.alloc_str(name)),
            Obj::Big(big) => Value::BigInt(arena.alloc_str(&big.to_string())),
            Obj::Decimal(digits) => Value::Decimal(arena.alloc_str(digits)),
            Obj::Timestamp(at) => Value::Timestamp(*at),
            Obj::Time(time) => Value::Timestamp(time.at),
            Obj::Array(values) | Obj::Enumerator(values) => {
                let values = values.clone();
                let mut array = Array::new_in(arena);
                for value in values {
                    array.push(self.export(value, depth + 1)?);
                }
                Value::Array(array)
            }
            Obj::Hash(_) => Value::Object(self.export_hash(value, depth)?),
            _ => {
                let class = self.class_of(value).name();
                return self.raise(
                    Class::JavaException,
                    format!("Missing Converter handling for full class name={class}"),
                );
            }
        })
    }

    pub(crate) fn export_hash(&mut self, value: Val, depth: usize) -> Result<Object<'a>, Flow> {
        let arena = self.arena;
        let entries = self.memory.heap.pairs(value);
        let mut object = Object::with_capacity(arena, entries.len());
        for (key, value) in entries {
            let key = self.text_of(key)?;
            let value = self.export(value, depth + 1)?;
            object.set(arena.alloc_str(&key), value);
        }
        Ok(object)
    }
}
