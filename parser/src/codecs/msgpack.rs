//! `msgpack`: a payload is a MessagePack map (source: logstash-codec-msgpack).

use rmpv::ValueRef;

use super::failed_event;
use super::json::{event_of, is_event};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Arena, Array, Event, FieldLimit, FieldRef, Object, Template, Value, ruby_text};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, OptionDefault, Settings};

plugin_options! {
    /// MessagePack: each payload is a map, which becomes one event.
    ///
    /// What is none becomes the `message` of an event that is tagged `_msgpackparsefailure`.
    pub struct MsgpackOptions for Codec "msgpack" {
        /// The text to put into `message` where the map has none.
        format: Option<Template>,
        /// The field to put the map in, instead of the event itself.
        target: Option<FieldRef<'static>>,
    }
}

/// MessagePack maps.
pub struct Msgpack {
    options: MsgpackOptions,
    charset: Charset,
}

/// How deep maps and arrays may nest, as in JSON.
const DEPTH_MAX: u16 = 1000;

impl BuildCodec for Msgpack {
    type Options = MsgpackOptions;

    fn build(options: MsgpackOptions, _: &mut Settings<'_>, _: EcsCompatibility) -> Option<Self> {
        Some(Self {
            options,
            charset: Charset::from_default("UTF-8"),
        })
    }
}

impl Codec for Msgpack {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let target = self.options.target;
        let read = read(payload, context.arena).filter(|value| {
            // Nothing makes an event without fields.
            target.is_some() || *value == Value::Null || is_event(value, target)
        });
        let made = read.and_then(|value| event_of(value, target, context));
        let Some(mut event) = made else {
            let text = context.text(payload, &self.charset);
            return failed_event(text, "_msgpackparsefailure", context);
        };
        if let Some(format) = &self.options.format
            && matches!(event.fields().get("message"), None | Some(Value::Null))
        {
            let text = format.render(&event);
            event.fields_mut().set("message", Value::Str(text));
        }
        (context.emit)(event);
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_object(out, event.fields());
        Ok(())
    }
}

/// The first value of `payload`; what follows it is not looked at, as in Logstash.
fn read<'a>(mut payload: &'a [u8], arena: &'a Arena) -> Option<Value<'a>> {
    // No value begins with this byte, which the reader takes for nothing.
    if payload.first() == Some(&0xc1) {
        return None;
    }
    let read = rmpv::decode::read_value_ref_with_max_depth(&mut payload, DEPTH_MAX.into()).ok()?;
    value_of(read, arena)
}

/// `None` for extension types, which an event has no place for.
fn value_of<'a>(read: ValueRef<'a>, arena: &'a Arena) -> Option<Value<'a>> {
    let text = |bytes: &'a [u8]| match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => arena.alloc_str(&String::from_utf8_lossy(bytes)),
    };
    Some(match read {
        ValueRef::Nil => Value::Null,
        ValueRef::Boolean(value) => Value::Bool(value),
        ValueRef::Integer(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::BigInt(arena.alloc_str(&number.to_string())),
        },
        ValueRef::F32(number) => Value::Float(number.into()),
        ValueRef::F64(number) => Value::Float(number),
        ValueRef::String(string) => {
            let lossy = string
                .is_err()
                .then(|| &*arena.alloc_str(&String::from_utf8_lossy(string.as_bytes())));
            Value::Str(lossy.or_else(|| string.into_str()).unwrap_or_default())
        }
        ValueRef::Binary(bytes) => Value::Str(text(bytes)),
        ValueRef::Array(values) => {
            let mut array = Array::with_capacity_in(values.len(), arena);
            for value in values {
                array.push(value_of(value, arena)?);
            }
            Value::Array(array)
        }
        ValueRef::Map(entries) => {
            let limit = FieldLimit::of_events();
            let mut object = Object::with_capacity(arena, 8);
            for (key, value) in entries {
                let key = match value_of(key, arena)? {
                    Value::Str(key) => key,
                    other => ruby_text(&other, arena),
                };
                object.set(key, value_of(value, arena)?);
                limit.check(object.len());
            }
            Value::Object(object)
        }
        ValueRef::Ext(..) => return None,
    })
}

fn write_object(out: &mut Vec<u8>, object: &Object<'_>) {
    // Writing to a vector does not fail.
    let _ = rmp::encode::write_map_len(out, length(object.len()));
    for (key, value) in object.iter() {
        let _ = rmp::encode::write_str(out, key);
        write_value(out, value);
    }
}

fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    let _ = match value {
        Value::Null => rmp::encode::write_nil(out).map_err(drop),
        Value::Bool(value) => rmp::encode::write_bool(out, *value).map_err(drop),
        // Ruby's packer has signed numbers from 2^32 on.
        Value::Int(number) if *number > i64::from(u32::MAX) => {
            rmp::encode::write_i64(out, *number).map_err(drop)
        }
        Value::Int(number) => rmp::encode::write_sint(out, *number)
            .map(drop)
            .map_err(drop),
        Value::BigInt(digits) => match digits.parse::<u64>() {
            Ok(number) => rmp::encode::write_uint(out, number).map(drop).map_err(drop),
            Err(_) => rmp::encode::write_str(out, digits).map_err(drop),
        },
        Value::Float(number) => rmp::encode::write_f64(out, *number).map_err(drop),
        Value::Decimal(digits) => {
            let number = digits.parse().unwrap_or(f64::NAN);
            rmp::encode::write_f64(out, number).map_err(drop)
        }
        Value::Str(text) => rmp::encode::write_str(out, text).map_err(drop),
        Value::Timestamp(timestamp) => {
            let mut text = Vec::new();
            timestamp.write_iso8601(&mut text);
            let text = String::from_utf8_lossy(&text);
            rmp::encode::write_str(out, &text).map_err(drop)
        }
        Value::Array(values) => {
            let written = rmp::encode::write_array_len(out, length(values.len()));
            values.iter().for_each(|value| write_value(out, value));
            written.map(drop).map_err(drop)
        }
        Value::Object(object) => {
            write_object(out, object);
            Ok(())
        }
    };
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
