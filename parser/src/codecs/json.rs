//! `json`: a payload is a JSON object, or an array of them (source: logstash-codec-json).

use super::{failed_event, keep_original, original_field};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Event, FieldRef, Object, Value, write_json};
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
    match parse_prefix(text, context.arena, Fractions::Double) {
        Ok((Value::Object(fields), _)) => {
            let mut event = event_of(fields, target, context);
            keep_original(&mut event, original, text);
            (context.emit)(event);
        }
        Ok((Value::Array(values), _))
            if values.iter().all(|value| matches!(value, Value::Object(_))) =>
        {
            let original = original.filter(|_| values.len() == 1);
            for value in values {
                if let Value::Object(fields) = value {
                    let mut event = event_of(fields, target, context);
                    keep_original(&mut event, original, text);
                    (context.emit)(event);
                }
            }
        }
        _ => failed_event(text, "_jsonparsefailure", context),
    }
}

/// An event of an object, which goes into `target` where there is one.
pub(super) fn event_of<'a>(
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
