//! `json`: a payload is a JSON object, or an array of them (source: logstash-codec-json).

use super::{keep_original, original_field};
use crate::codec::{BuildCodec, Charset, Codec, DecodeContext};
use crate::event::{Event, FieldRef, Object, Value, write_json};
use crate::json::{Fractions, parse_prefix};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// JSON: an object becomes one event, an array one event for each of its objects.
    ///
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

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        write_json(out, event);
    }
}

/// Emits the events of one JSON text. Text behind the first value is ignored, as Jackson does here.
pub(super) fn decode_text<'a>(
    text: &'a str,
    target: Option<FieldRef<'static>>,
    original: Option<FieldRef<'static>>,
    context: &mut DecodeContext<'a, '_>,
) {
    match parse_prefix(text, context.arena, Fractions::Double) {
        Ok((Value::Object(fields), _)) => {
            let mut event = event_of(fields, target, context);
            keep_original(&mut event, original, text);
            (context.emit)(event);
        }
        Ok((Value::Array(values), _))
            if values.iter().all(|value| matches!(value, Value::Object(_))) =>
        {
            for value in values {
                if let Value::Object(fields) = value {
                    let event = event_of(fields, target, context);
                    (context.emit)(event);
                }
            }
        }
        _ => {
            let mut event = context.new_event();
            event.fields_mut().push("message", Value::Str(text));
            event.tag("_jsonparsefailure");
            keep_original(&mut event, original, text);
            (context.emit)(event);
        }
    }
}

fn event_of<'a>(
    fields: Object<'a>,
    target: Option<FieldRef<'static>>,
    context: &DecodeContext<'a, '_>,
) -> Event<'a> {
    let Some(target) = target else {
        return context.event_from(fields);
    };
    let mut event = context.new_event();
    // A target is a fresh field of a fresh event, so nothing is in its way.
    let _ = event.set(target, Value::Object(fields));
    event
}
