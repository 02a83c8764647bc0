//! `gzip_lines`: a payload is gzip, each line of what it holds one event (source: logstash-codec-gzip_lines).

use std::io::Read;

use flate2::bufread::GzDecoder;
use memchr::memchr;

use super::failed_event;
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, Direction, EncodeError, InvalidUtf8};
use crate::event::{Event, Value};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// Lines of text in gzip: each becomes the `message` of one event, its line end included.
    ///
    /// A payload that is not gzip, is damaged, or would unpack to more than 64 MiB becomes the `message` of
    /// an event that is tagged `_gzipparsefailure`; the lines before the damage are events too. Several gzip members are
    /// one text, and what follows them is ignored.
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
        let is_whole = unpack(payload, &mut unpacked);
        let unpacked: &'a [u8] = context.arena.alloc_slice_copy(&unpacked);
        let mut rest = unpacked;
        // Whoever brought the payload, its bytes were never taken for text, so Logstash shows what is none.
        let around = std::mem::replace(&mut context.invalid_utf8, InvalidUtf8::Escape);
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
        context.invalid_utf8 = around;
        if !is_whole {
            let text = context.text(payload, &self.options.charset);
            failed_event(text, "_gzipparsefailure", context);
        }
    }

    fn encode(&self, _: &Event<'_>, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Err(EncodeError("gzip_lines does not encode".to_owned()))
    }
}

/// Whether all of a payload could be unpacked; what follows the last member is nothing of it (source: Ruby's `GzipReader`).
fn unpack(payload: &[u8], out: &mut Vec<u8>) -> bool {
    const MAGIC: [u8; 2] = [0x1f, 0x8b];
    let mut rest = payload;
    loop {
        let left = UNPACKED_MAX + 1 - out.len() as u64;
        let mut decoder = GzDecoder::new(rest).take(left);
        if decoder.read_to_end(out).is_err() || out.len() as u64 > UNPACKED_MAX {
            return false;
        }
        rest = decoder.into_inner().into_inner();
        if !rest.starts_with(&MAGIC) {
            return true;
        }
    }
}
