//! `plain`: a payload is one event (source: logstash-codec-plain).

use super::{original_field, text_event};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Event, FieldRef, Template, Value, push_java};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// Text without structure: each payload becomes the `message` of one event.
    pub struct PlainOptions for Codec "plain" {
        /// The text that an event is written as; without it the time, the host and the message.
        format: Option<Template>,
        /// The character set of the payload.
        charset: Charset = "UTF-8",
    }
}

/// Text without structure.
pub struct Plain {
    options: PlainOptions,
    original: Option<FieldRef<'static>>,
}

impl BuildCodec for Plain {
    type Options = PlainOptions;

    fn build(options: PlainOptions, _: &mut Settings<'_>, ecs: EcsCompatibility) -> Option<Self> {
        Some(Self {
            options,
            original: original_field(ecs),
        })
    }
}

/// Writes an event in a format, or as it prints where none is given: the time, the host and the message, as Java prints
/// them (source: `org.logstash.Event.toString`).
pub(super) fn write_event(format: Option<&Template>, event: &Event<'_>, out: &mut Vec<u8>) {
    if let Some(format) = format {
        format.render_into(event, out);
        return;
    }
    if let Some(timestamp) = event.timestamp() {
        timestamp.write_iso8601(out);
        out.push(b' ');
    }
    push_field(event, "host", "%{host}", out);
    out.push(b' ');
    push_field(event, "message", "%{message}", out);
}

fn push_field(event: &Event<'_>, name: &str, missing: &str, out: &mut Vec<u8>) {
    match event.fields().get(name) {
        None | Some(Value::Null) => out.extend_from_slice(missing.as_bytes()),
        Some(value) => push_java(out, value),
    }
}

impl Codec for Plain {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        // An empty payload, and a tombstone, are events too: one may be a delete.
        let text = context.text(payload, &self.options.charset);
        let event = text_event(text, self.original, context);
        (context.emit)(event);
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_event(self.options.format.as_ref(), event, out);
        Ok(())
    }
}
