//! `line`: each line is one event (source: logstash-codec-line).

use memchr::memmem::Finder;

use super::plain::write_event;
use super::{original_field, text_event};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Event, FieldRef, Template};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// Lines of text: each becomes the `message` of one event.
    pub struct LineOptions for Codec "line" {
        /// The text that an event is written as; without it the time, the host and the message.
        format: Option<Template>,
        /// The character set of the payload.
        charset: Charset = "UTF-8",
        /// What ends a line.
        delimiter: String = "\n",
    }
}

/// Lines of text.
pub struct Line {
    options: LineOptions,
    original: Option<FieldRef<'static>>,
    delimiter: Finder<'static>,
}

impl BuildCodec for Line {
    type Options = LineOptions;

    fn build(options: LineOptions, _: &mut Settings<'_>, ecs: EcsCompatibility) -> Option<Self> {
        Some(Self {
            delimiter: Finder::new(&options.delimiter).into_owned(),
            options,
            original: original_field(ecs),
        })
    }
}

impl Codec for Line {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        for line in lines(payload, &self.delimiter) {
            let text = context.text(line, &self.options.charset);
            let event = text_event(text, self.original, context);
            (context.emit)(event);
        }
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_event(self.options.format.as_ref(), event, out);
        out.extend_from_slice(self.options.delimiter.as_bytes());
        Ok(())
    }
}

/// The lines of a payload; what stands behind the last delimiter is a line too, unless it is empty.
pub(super) fn lines<'a>(
    payload: &'a [u8],
    delimiter: &Finder<'static>,
) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = payload;
    let width = delimiter.needle().len().max(1);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = delimiter.find(rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + width..).unwrap_or_default();
        Some(line)
    })
}
