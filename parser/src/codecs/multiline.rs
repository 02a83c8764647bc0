//! `multiline`: several lines are one event (source: logstash-codec-multiline).
//!
//! The lines come from several records, so they are joined before this codec decodes: [`Join`] says where
//! an event ends, whoever runs the input keeps what is held, stream by stream. What is decoded is the joined
//! text, and its tags follow from that.

use std::borrow::Cow;
use std::time::Duration;

use super::plain::write_event;
use super::{original_field, text_event};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError, InvalidUtf8};
use crate::event::{Event, FieldRef, intern};
use crate::grok::{Grok, Library, PatternSet};
use crate::join::{Held, Join, Place};
use crate::regex::Scratch;
use crate::spec::{EcsCompatibility, PositiveInt, Settings};
use crate::{plugin_choice, plugin_options};

plugin_options! {
    /// Joins the lines that belong together, such as those of a stack trace, to one event.
    ///
    /// Each file and each partition of a topic is a stream of its own. A line without text is no line, except on
    /// standard input.
    pub struct MultilineOptions for Codec "multiline" {
        /// The grok pattern by which lines are told apart.
        pattern: String,
        /// Whether a line that matches belongs to the lines before it or to those behind it.
        what: What,
        /// Makes the lines that do not match belong to others.
        negate: bool = false,
        /// Files or directories of files of grok patterns.
        patterns_dir: Vec<String> = [],
        /// The character set of the lines.
        charset: Charset = "UTF-8",
        /// The tag of events that have several lines; an empty one is not added.
        multiline_tag: String = "multiline",
        /// An event of more lines ends, with the tag `multiline_codec_max_lines_reached`.
        max_lines: PositiveInt = 500,
        /// An event of so many bytes ends, with the tag `multiline_codec_max_bytes_reached`.
        max_bytes: Bytes = "10 MiB",
        /// An event ends when no further line has come for so many seconds. Without it the last event of a
        /// stream waits for the next one, or for the end.
        auto_flush_interval: Option<f64>,
    }
}

plugin_choice! {
    /// Where lines belong.
    pub enum What {
        /// To the lines before them.
        Previous = "previous",
        /// To the lines behind them.
        Next = "next",
    }
}

/// A number of bytes, as in `10 MiB`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(usize);

impl Bytes {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: usize = digits.trim().parse().ok()?;
        let scale: usize = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(scale).map(Self)
    }
}

impl crate::spec::OptionType for Bytes {
    const TAKES: &'static str = "number of bytes, as in `10 MiB`";

    fn read(
        value: &crate::config::ast::Spanned<crate::config::ast::Literal>,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        let text = settings.single_text(value, Self::TAKES)?;
        let bytes = Self::parse(&text);
        if bytes.is_none() {
            settings.report_type(value, Self::TAKES);
        }
        bytes
    }
}

impl crate::spec::OptionDefault<&str> for Bytes {
    fn from_default(default: &str) -> Self {
        Self::parse(default).unwrap_or(Self(10 << 20))
    }
}

/// Joined lines.
pub struct Multiline {
    options: MultilineOptions,
    grok: Grok,
    tag: &'static str,
    original: Option<FieldRef<'static>>,
}

impl BuildCodec for Multiline {
    type Options = MultilineOptions;

    fn build(
        options: MultilineOptions,
        settings: &mut Settings<'_>,
        ecs: EcsCompatibility,
    ) -> Option<Self> {
        let mut library = Library::new(PatternSet::Legacy);
        if let Err(error) = library.add_paths(&options.patterns_dir, "*") {
            settings.report(settings.span_of("patterns_dir"), error.to_string());
            return None;
        }
        let grok = match Grok::compile(&options.pattern, &library, true) {
            Ok(grok) => grok,
            Err(error) => {
                settings.report(settings.span_of("pattern"), error.to_string());
                return None;
            }
        };
        Some(Self {
            grok,
            tag: intern(&options.multiline_tag),
            original: original_field(ecs),
            options,
        })
    }
}

impl Codec for Multiline {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let text = match std::str::from_utf8(payload) {
            Ok(text) => text,
            Err(_) => context.arena.alloc_str(&String::from_utf8_lossy(payload)),
        };
        let mut event = text_event(text, self.original, context);
        let line_ends = memchr::memchr_iter(b'\n', payload).count();
        let held = Held {
            lines: line_ends + 1,
            bytes: payload.len() - line_ends,
        };
        if line_ends > 0 && !self.tag.is_empty() {
            event.tag(self.tag);
        }
        if self.is_too_large(held) {
            event.tag("multiline_codec_max_bytes_reached");
        }
        if self.is_too_long(held) {
            event.tag("multiline_codec_max_lines_reached");
        }
        (context.emit)(event);
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_event(None, event, out);
        Ok(())
    }

    fn join(&self) -> Option<&dyn Join> {
        Some(self)
    }
}

impl Multiline {
    fn is_too_large(&self, held: Held) -> bool {
        held.bytes >= self.options.max_bytes.0
    }

    fn is_too_long(&self, held: Held) -> bool {
        held.lines as u64 > self.options.max_lines.0
    }
}

impl Join for Multiline {
    fn text<'t>(&self, payload: &'t [u8], invalid_utf8: InvalidUtf8) -> Cow<'t, str> {
        match invalid_utf8 {
            InvalidUtf8::Replace if self.options.charset.is_utf8() => {
                String::from_utf8_lossy(payload)
            }
            _ => self.options.charset.convert(payload),
        }
    }

    fn place(&self, line: &str, held: Held, scratch: &mut Scratch) -> Place {
        // A line on which the match is given up is taken for one that does not match.
        let matched = self.grok.regex().is_match(line, scratch).unwrap_or(false);
        let belongs = matched != self.options.negate;
        match self.options.what {
            What::Previous => Place {
                ends_before: !belongs || self.is_too_large(held) || self.is_too_long(held),
                ends_behind: false,
            },
            What::Next => {
                let held = Held {
                    lines: held.lines + 1,
                    bytes: held.bytes + line.len(),
                };
                Place {
                    ends_before: false,
                    ends_behind: !belongs || self.is_too_large(held) || self.is_too_long(held),
                }
            }
        }
    }

    fn flush_after(&self) -> Option<Duration> {
        let seconds = self.options.auto_flush_interval?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}
