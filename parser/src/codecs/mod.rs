//! The codecs, one in each file. [`crate::codec::CODECS`] lists them.

pub mod avro;
pub mod cef;
pub mod csv;
pub mod dots;
pub mod es_bulk;
pub mod gzip_lines;
pub mod json;
pub mod json_lines;
pub mod line;
pub mod msgpack;
pub mod multiline;
pub mod plain;
pub mod rubydebug;

use crate::codec::DecodeContext;
use crate::event::{Event, FieldRef, Value};
use crate::spec::EcsCompatibility;

/// The field in which ECS modes keep the text an event was made of.
fn original_field(ecs: EcsCompatibility) -> Option<FieldRef<'static>> {
    ecs.is_enabled()
        .then(|| FieldRef::constant("[event][original]"))
}

/// An event whose `message` is `text`, kept in the original field too where there is one.
fn text_event<'a>(
    text: &'a str,
    original: Option<FieldRef<'static>>,
    context: &DecodeContext<'a, '_>,
) -> Event<'a> {
    let mut event = context.new_event();
    event.fields_mut().push("message", Value::Str(text));
    let _has_place = keep_original(&mut event, original, text);
    event
}

/// Emits an event of a payload that cannot be decoded: its text and a tag.
fn failed_event<'a>(text: &'a str, tag: &'static str, context: &mut DecodeContext<'a, '_>) {
    let mut event = context.new_event();
    event.fields_mut().push("message", Value::Str(text));
    event.tag(tag);
    (context.emit)(event);
}

/// Sets the original field unless the event brings one; false where there is no place for it, as `event` is no object.
fn keep_original<'a>(
    event: &mut Event<'a>,
    field: Option<FieldRef<'static>>,
    text: &'a str,
) -> bool {
    match field {
        Some(field) if !event.contains(field) => event.set(field, Value::Str(text)).is_ok(),
        _ => true,
    }
}
