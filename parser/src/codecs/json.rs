//! `json`: a payload is a JSON object, or an array of them (source: logstash-codec-json).

use super::{failed_event, keep_original, original_field};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Event, FieldRef, Value, write_json};
use crate::json::{Fractions, parse_prefix};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// JSON: an object becomes one event, an array one event for each of its objects.
    ///
    /// A blank payload is no event.
    /// What is not JSON becomes the `message` of an event that is tagged `_jsonparsefailure`.
    pub struct JsonOptions for Codec "json" {
        /// The character set of the payload.
        charset: Charset = "UTF-8",
        /// The field to put the parsed object in, instead of the event itself.
        target: Option<FieldRef<'static>>,
    }
}

/// JSON objects.
pub struct Json {
    options: JsonOptions,
    original: Option<FieldRef<'static>>,
}

impl BuildCodec for Json {
    type Options = JsonOptions;

    fn build(options: JsonOptions, _: &mut Settings<'_>, ecs: EcsCompatibility) -> Option<Self> {
        Some(Self {
            options,
            original: original_field(ecs),
        })
    }
}

impl Codec for Json {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let text = context.text(payload, &self.options.charset);
        decode_text(text, self.options.target, self.original, context);
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_json(out, event);
        Ok(())
    }
}

/// Emits the events of one JSON text. Text behind the first value is ignored, as Jackson does here, and
/// a blank text is no event (source: `org.logstash.Event.fromJson`). Only a text of one event is kept
/// in the original field, and one that is not JSON is not (source: `parse_json` in logstash-codec-json).
pub(super) fn decode_text<'a>(
    text: &'a str,
    target: Option<FieldRef<'static>>,
    original: Option<FieldRef<'static>>,
    context: &mut DecodeContext<'a, '_>,
) {
    if text.trim().is_empty() {
        return;
    }
    // In an array nothing is an event without fields.
    let is_element = |value: &Value<'_>| *value == Value::Null || is_event(value, target);
    let make = |value, original, context: &DecodeContext<'a, '_>| {
        let mut event = event_of(value, target, context)?;
        keep_original(&mut event, original, text).then_some(event)
    };
    // Jackson takes a byte order mark in bytes, but not in text.
    let read = match text.starts_with('\u{feff}') {
        true => None,
        false => parse_prefix(text, context.arena, Fractions::Double).ok(),
    };
    let made = match read {
        Some((Value::Array(values), _)) if values.iter().all(is_element) => {
            let original = original.filter(|_| values.len() == 1);
            let events = values.into_iter();
            let events = events.map(|value| make(value, original, context));
            // One that cannot be made fails all.
            let events: Option<Vec<_>> = events.collect();
            events.map(|events| events.into_iter().for_each(&mut *context.emit))
        }
        Some((value, _)) if is_event(&value, target) => {
            make(value, original, context).map(&mut *context.emit)
        }
        _ => None,
    };
    if made.is_none() {
        failed_event(text, "_jsonparsefailure", context);
    }
}

/// Whether Logstash can make an event of a value: its `@metadata` must be an object, where it is not put in a target.
pub(super) fn is_event(value: &Value<'_>, target: Option<FieldRef<'static>>) -> bool {
    let Value::Object(fields) = value else {
        return false;
    };
    target.is_some() || matches!(fields.get("@metadata"), None | Some(Value::Object(_)))
}

/// An event of an object, or of any value that goes into `target`; `None` where that takes no such value, as `tags` and
/// `@timestamp` do.
pub(super) fn event_of<'a>(
    value: Value<'a>,
    target: Option<FieldRef<'static>>,
    context: &DecodeContext<'a, '_>,
) -> Option<Event<'a>> {
    Some(match (target, value) {
        (None, Value::Object(fields)) => context.event_from(fields),
        (None, _) => context.new_event(),
        (Some(target), value) => {
            let mut event = context.new_event();
            event.set_checked(target, value).ok()?;
            event
        }
    })
}
