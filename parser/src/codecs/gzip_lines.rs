//! `gzip_lines`: a payload is gzip, each line of what it holds one event (source: logstash-codec-gzip_lines).

use std::io::Read;

use flate2::read::MultiGzDecoder;
use memchr::memchr;

use super::failed_event;
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, Direction, EncodeError};
use crate::event::{Event, Value};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// Lines of text in gzip: each becomes the `message` of one event, its line end included.
    ///
    /// A payload that is not gzip, is damaged, or would unpack to more than 64 MiB becomes the `message` of
    /// an event that is tagged `_gzipparsefailure`; the lines before the damage are events too.
    pub struct GzipLinesOptions for Codec "gzip_lines" {
        /// The character set of the lines.
        charset: Charset = "UTF-8",
    }
}

/// Lines in gzip.
pub struct GzipLines {
    options: GzipLinesOptions,
}

/// A small payload can unpack to a thousand times its size; more than this is taken for an attack.
const UNPACKED_MAX: u64 = 64 << 20;

impl BuildCodec for GzipLines {
    type Options = GzipLinesOptions;

    const DIRECTION: Direction = Direction::Decode;

    fn build(options: GzipLinesOptions, _: &mut Settings<'_>, _: EcsCompatibility) -> Option<Self> {
        Some(Self { options })
    }
}

impl Codec for GzipLines {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let mut unpacked = Vec::new();
        let decoder = MultiGzDecoder::new(payload);
        let read = decoder.take(UNPACKED_MAX + 1).read_to_end(&mut unpacked);
        let is_whole = read.is_ok() && unpacked.len() as u64 <= UNPACKED_MAX;
        let unpacked: &'a [u8] = context.arena.alloc_slice_copy(&unpacked);
        let mut rest = unpacked;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map(|at| at + 1);
            if end.is_none() && !is_whole {
                break;
            }
            let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            let text = context.text(line, &self.options.charset);
            let mut event = context.new_event();
            event.fields_mut().push("message", Value::Str(text));
            (context.emit)(event);
        }
        if !is_whole {
            let text = context.text(payload, &self.options.charset);
            failed_event(text, "_gzipparsefailure", context);
        }
    }

    fn encode(&self, _: &Event<'_>, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Err(EncodeError("gzip_lines does not encode".to_owned()))
    }
}
