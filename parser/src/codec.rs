//! Codecs: what they are, and the list of those there are.

use crate::charset::{Charset, inspect};
use crate::codecs;
use crate::config::ast::Plugin;
use crate::config::{Diagnostic, nearest};
use crate::event::{Arena, Event, Object};
use crate::join::Join;
use crate::spec::{CodecName, EcsCompatibility, PluginKind, PluginOptions, PluginSpec, Settings};
use crate::time::Timestamp;

/// Makes events of a record's bytes, and bytes of events. One instance serves all workers.
pub trait Codec: Send + Sync {
    /// Hands the events of one payload to `context`. What cannot be decoded becomes an event that
    /// holds the text and a tag: nothing is lost.
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>);

    /// Appends the event's bytes.
    ///
    /// # Errors
    /// Where the codec has no form for this event; `out` is as it was then.
    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Whether an event takes several lines, so that inputs that read line by line cannot use it.
    fn spans_lines(&self) -> bool {
        false
    }

    /// How records are joined before [`decode`](Self::decode) sees them, for codecs whose events are made of several.
    fn join(&self) -> Option<&dyn Join> {
        None
    }
}

/// An event that a codec has no form for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// What a codec has at hand while it decodes.
pub struct DecodeContext<'a, 'w> {
    /// Where the events live.
    pub arena: &'a Arena,
    /// The `@timestamp` of events that bring none.
    pub timestamp: Timestamp,
    /// What becomes of bytes that are not UTF-8.
    pub invalid_utf8: InvalidUtf8,
    /// Takes each event.
    pub emit: &'w mut dyn FnMut(Event<'a>),
}

/// What becomes of bytes that are not UTF-8 where UTF-8 is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidUtf8 {
    /// U+FFFD in their place, as Java's string deserializer does for Kafka messages.
    Replace,
    /// The whole text printed as Ruby's `inspect` does, with `\xE9` for such a byte
    /// (source: `LogStash::Util::Charset#convert`).
    Escape,
}

impl<'a> DecodeContext<'a, '_> {
    /// An event without fields but `@timestamp` and `@version`.
    pub fn new_event(&self) -> Event<'a> {
        Event::new(self.arena, self.timestamp)
    }

    /// An event from a decoded object.
    pub fn event_from(&self, fields: Object<'a>) -> Event<'a> {
        Event::from_object(self.arena, fields, self.timestamp)
    }

    /// The text of a payload in the codec's character set.
    pub fn text(&self, payload: &'a [u8], charset: &Charset) -> &'a str {
        if !charset.is_utf8() {
            return self.arena.alloc_str(&charset.decode(payload));
        }
        match std::str::from_utf8(payload) {
            Ok(text) => text,
            Err(_) if self.invalid_utf8 == InvalidUtf8::Replace => {
                self.arena.alloc_str(&String::from_utf8_lossy(payload))
            }
            Err(_) => self.arena.alloc_str(&inspect(payload)),
        }
    }
}

/// A codec that can be built from its options.
pub trait BuildCodec: Codec + Sized + 'static {
    /// Its options.
    type Options: PluginOptions;

    /// Whether it makes events of bytes, bytes of events, or both.
    const DIRECTION: Direction = Direction::Both;

    /// Builds it; `None` after an error was reported to `settings`.
    fn build(
        options: Self::Options,
        settings: &mut Settings<'_>,
        ecs: EcsCompatibility,
    ) -> Option<Self>;
}

/// What a codec can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Events of bytes: for inputs.
    Decode,
    /// Bytes of events: for outputs.
    Encode,
    /// Both.
    Both,
}

/// An entry of [`CODECS`].
pub struct CodecPlugin {
    /// Its declaration.
    pub spec: PluginSpec,
    /// What it can do.
    pub direction: Direction,
    build: fn(&mut Settings<'_>, EcsCompatibility) -> Option<Box<dyn Codec>>,
}

impl CodecPlugin {
    /// The entry of a codec type.
    pub const fn of<C: BuildCodec>() -> Self {
        Self {
            spec: C::Options::SPEC,
            direction: C::DIRECTION,
            build: |settings, ecs| {
                let options = C::Options::read(settings)?;
                Some(Box::new(C::build(options, settings, ecs)?))
            },
        }
    }
}

/// Every codec, by name.
pub static CODECS: &[CodecPlugin] = &[
    CodecPlugin::of::<codecs::avro::Avro>(),
    CodecPlugin::of::<codecs::cef::Cef>(),
    CodecPlugin::of::<codecs::csv::Csv>(),
    CodecPlugin::of::<codecs::dots::Dots>(),
    CodecPlugin::of::<codecs::es_bulk::EsBulk>(),
    CodecPlugin::of::<codecs::gzip_lines::GzipLines>(),
    CodecPlugin::of::<codecs::json::Json>(),
    CodecPlugin::of::<codecs::json_lines::JsonLines>(),
    CodecPlugin::of::<codecs::line::Line>(),
    CodecPlugin::of::<codecs::msgpack::Msgpack>(),
    CodecPlugin::of::<codecs::multiline::Multiline>(),
    CodecPlugin::of::<codecs::plain::Plain>(),
    CodecPlugin::of::<codecs::rubydebug::Rubydebug>(),
];

/// Logstash's codecs that there are none of here, and what to do instead.
pub static UNSUPPORTED_CODECS: &[(&str, &str)] = &[
    (
        "cloudfront",
        "it reads files from S3, which is no input here",
    ),
    (
        "cloudtrail",
        "take the records apart with the codec `json` and the filter `split`",
    ),
    (
        "collectd",
        "let collectd write JSON to Kafka (its write_kafka plugin) and use the codec `json`",
    ),
    ("compress_spooler", "send JSON; Kafka compresses it"),
    (
        "edn",
        "send JSON, or its binary form with the codec `msgpack`",
    ),
    ("edn_lines", "send JSON and use the codec `json_lines`"),
    (
        "fluent",
        "let Fluentd write JSON to Kafka and use the codec `json`",
    ),
    (
        "graphite",
        "use the codec `line` and the filter `dissect` with the mapping `%{name} %{value} %{time}`",
    ),
    (
        "gzip",
        "Kafka compresses messages by itself; for lines in gzip use `gzip_lines`",
    ),
    ("java_line", "use the codec `line`"),
    ("java_plain", "use the codec `plain`"),
    ("jdots", "use the codec `dots`"),
    ("mtrie", "use the codec `json`"),
    (
        "netflow",
        "let a collector that writes JSON to Kafka receive the flows, and use the codec `json`",
    ),
    ("nmap", "use the codec `plain` and the filter `xml`"),
    (
        "oldlogstashjson",
        "use the codec `json` and the filter `mutate` with `rename`",
    ),
    ("protobuf", "send JSON"),
    ("s3_plain", "it reads files from S3, which is no input here"),
    ("s3plain", "it reads files from S3, which is no input here"),
    (
        "spool",
        "batches are made by the pipeline: use the codec `json_lines`",
    ),
];

/// Builds the codec that an output names, or its default; `None` after an error was reported.
pub fn build_codec(
    name: Option<&CodecName>,
    default: &str,
    ecs: EcsCompatibility,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Box<dyn Codec>> {
    match name {
        Some(CodecName(plugin)) => build_named(plugin, Direction::Encode, ecs, diagnostics),
        None => default_codec(default, ecs),
    }
}

/// Builds the codec that an input names, or its default; `None` after an error was reported.
pub fn build_input_codec(
    name: Option<&CodecName>,
    default: &str,
    ecs: EcsCompatibility,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Box<dyn Codec>> {
    match name {
        Some(CodecName(plugin)) => build_named(plugin, Direction::Decode, ecs, diagnostics),
        None => default_codec(default, ecs),
    }
}

/// A codec with its default options; `None` where there is none of that name, or it needs options.
pub fn default_codec(name: &str, ecs: EcsCompatibility) -> Option<Box<dyn Codec>> {
    let mut sources = crate::config::SourceMap::default();
    let file = sources.add("", "");
    let span = crate::config::Span {
        file,
        start: 0,
        end: 0,
    };
    let plugin = Plugin {
        name: crate::config::ast::Spanned {
            node: name.to_owned(),
            span,
        },
        settings: Vec::new(),
        span,
    };
    build_named(&plugin, Direction::Both, ecs, &mut Vec::new())
}

fn build_named(
    plugin: &Plugin,
    wanted: Direction,
    ecs: EcsCompatibility,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Box<dyn Codec>> {
    let name = &plugin.name.node;
    let Some(found) = CODECS.iter().find(|codec| codec.spec.name == name) else {
        diagnostics.push(no_such_codec(plugin));
        return None;
    };
    debug_assert_eq!(found.spec.kind, PluginKind::Codec);
    let cannot = match (wanted, found.direction) {
        (Direction::Decode, Direction::Encode) => Some(("decode", "output", "input")),
        (Direction::Encode, Direction::Decode) => Some(("encode", "input", "output")),
        _ => None,
    };
    if let Some((verb, side, other)) = cannot {
        let message =
            format!("codec `{name}` does not {verb}: it is for {side}s, this is an {other}");
        diagnostics.push(Diagnostic::error(plugin.name.span, message));
        return None;
    }
    let mut ecs = ecs;
    let mut settings = Settings::new(plugin, diagnostics);
    settings.set_common(&["id", "enable_metric", "ecs_compatibility"]);
    settings.take_optional::<String>("id");
    settings.take_optional::<bool>("enable_metric");
    crate::filter::read_ecs_compatibility(&mut settings, &mut ecs);
    (found.build)(&mut settings, ecs)
}

fn no_such_codec(plugin: &Plugin) -> Diagnostic {
    let name = &plugin.name.node;
    let span = plugin.name.span;
    if let Some((_, instead)) = UNSUPPORTED_CODECS.iter().find(|(known, _)| known == name) {
        return Diagnostic::error(span, format!("codec `{name}` is not supported")).help(*instead);
    }
    let diagnostic =
        Diagnostic::error(span, format!("there is no codec `{name}`")).label("unknown codec");
    let names = CODECS.iter().map(|codec| codec.spec.name);
    match nearest(name, names.clone()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => {
            let names: Vec<_> = names.collect();
            diagnostic.help(format!("codecs: {}", names.join(", ")))
        }
    }
}
