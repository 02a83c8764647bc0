//! `json_lines`: each line is a JSON object (source: logstash-codec-json_lines).

use memchr::memmem::Finder;

use super::json::decode_text;
use super::line::lines;
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Event, FieldRef, write_json};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, PositiveInt, Settings};

plugin_options! {
    /// JSON objects, one in each line.
    ///
    /// A line that is not JSON becomes the `message` of an event that is tagged `_jsonparsefailure`.
    pub struct JsonLinesOptions for Codec "json_lines" {
        /// The character set of the payload.
        charset: Charset = "UTF-8",
        /// What ends a line.
        delimiter: String = "\n",
        /// The field to put each parsed object in, instead of the event itself.
        target: Option<FieldRef<'static>>,
        /// Accepted for compatibility: a line can be as long as a Kafka message.
        pub decode_size_limit_bytes: Option<PositiveInt>,
    }
}

/// Lines of JSON objects.
pub struct JsonLines {
    options: JsonLinesOptions,
    delimiter: Finder<'static>,
}

impl BuildCodec for JsonLines {
    type Options = JsonLinesOptions;

    fn build(options: JsonLinesOptions, _: &mut Settings<'_>, _: EcsCompatibility) -> Option<Self> {
        Some(Self {
            delimiter: Finder::new(&options.delimiter).into_owned(),
            options,
        })
    }
}

impl Codec for JsonLines {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        for line in lines(payload, &self.delimiter) {
            let text = context.text(line, &self.options.charset);
            // Unlike `json`, it keeps no original text in any mode.
            decode_text(text, self.options.target, None, context);
        }
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_json(out, event);
        out.extend_from_slice(self.options.delimiter.as_bytes());
        Ok(())
    }
}
