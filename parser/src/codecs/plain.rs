//! `plain`: a payload is one event (source: logstash-codec-plain).

use super::{original_field, text_event};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Event, FieldRef, Template};
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
    default_format: Template,
}

impl BuildCodec for Plain {
    type Options = PlainOptions;

    fn build(options: PlainOptions, _: &mut Settings<'_>, ecs: EcsCompatibility) -> Option<Self> {
        Some(Self {
            options,
            original: original_field(ecs),
            default_format: default_format(),
        })
    }
}

/// How an event prints where no format is given (source: `org.logstash.Event.toString`).
pub(super) fn default_format() -> Template {
    crate::spec::OptionDefault::from_default("%{@timestamp} %{host} %{message}")
}

impl Codec for Plain {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        // An empty payload, and a tombstone, are events too: one may be a delete.
        let text = context.text(payload, &self.options.charset);
        let event = text_event(text, self.original, context);
        (context.emit)(event);
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let format = self.options.format.as_ref().unwrap_or(&self.default_format);
        format.render_into(event, out);
        Ok(())
    }
}
