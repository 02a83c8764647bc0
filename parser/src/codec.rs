//! Codecs: what they are, and the list of those there are.

use std::borrow::Cow;

use crate::codecs;
use crate::config::ast::Plugin;
use crate::config::{Diagnostic, nearest};
use crate::event::{Arena, Event, Object};
use crate::spec::{
    CodecName, EcsCompatibility, OptionDefault, PluginKind, PluginOptions, PluginSpec, Settings,
};
use crate::time::Timestamp;

/// Makes events of a record's bytes, and bytes of events. One instance serves all workers.
pub trait Codec: Send + Sync {
    /// Hands the events of one payload to `context`. What cannot be decoded becomes an event that
    /// holds the text and a tag: nothing is lost.
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>);

    /// Appends the event's bytes.
    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>);
}

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

/// Ruby's `String#inspect` without the quotes, for text that holds bytes that are not UTF-8.
fn inspect(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{1b}' => out.push_str("\\e"),
                other if other.is_control() => out.push_str(&format!("\\x{:02X}", other as u32)),
                other => out.push(other),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02X}"));
        }
    }
    out
}

/// A character set by one of the names that Logstash takes.
#[derive(Clone, Copy, Debug)]
pub struct Charset(&'static encoding_rs::Encoding);

impl Charset {
    pub(crate) fn is_utf8(self) -> bool {
        self.0 == encoding_rs::UTF_8
    }

    fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        self.0.decode_without_bom_handling(bytes).0
    }

    /// The text of bytes that may not be in this character set (source: `LogStash::Util::Charset#convert`).
    pub(crate) fn convert(self, bytes: &[u8]) -> Cow<'_, str> {
        if !self.is_utf8() {
            return self.decode(bytes);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => inspect(bytes).into(),
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        // Ruby's names that the Encoding Standard does not know.
        let label = match name {
            "CP1252" => "windows-1252",
            "CP1251" => "windows-1251",
            "CP1250" => "windows-1250",
            "CP932" => "shift_jis",
            "ASCII-8BIT" | "BINARY" => "iso-8859-1",
            other => other,
        };
        encoding_rs::Encoding::for_label(label.as_bytes()).map(Self)
    }
}

impl crate::spec::OptionType for Charset {
    const TAKES: &'static str = "name of a character set";

    fn read(
        value: &crate::config::ast::Spanned<crate::config::ast::Literal>,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        let name = settings.single_text(value, Self::TAKES)?;
        let charset = Self::by_name(&name);
        if charset.is_none() {
            let message = format!("`{name}` is no character set that can be decoded");
            settings.report(value.span, message);
        }
        charset
    }
}

impl OptionDefault<&str> for Charset {
    fn from_default(default: &str) -> Self {
        Self::by_name(default).unwrap_or(Self(encoding_rs::UTF_8))
    }
}

/// A codec that can be built from its options.
pub trait BuildCodec: Codec + Sized + 'static {
    /// Its options.
    type Options: PluginOptions;

    /// Builds it; `None` after an error was reported to `settings`.
    fn build(
        options: Self::Options,
        settings: &mut Settings<'_>,
        ecs: EcsCompatibility,
    ) -> Option<Self>;
}

/// An entry of [`CODECS`].
pub struct CodecPlugin {
    /// Its declaration.
    pub spec: PluginSpec,
    build: fn(&mut Settings<'_>, EcsCompatibility) -> Option<Box<dyn Codec>>,
}

impl CodecPlugin {
    /// The entry of a codec type.
    pub const fn of<C: BuildCodec>() -> Self {
        Self {
            spec: C::Options::SPEC,
            build: |settings, ecs| {
                let options = C::Options::read(settings)?;
                Some(Box::new(C::build(options, settings, ecs)?))
            },
        }
    }
}

/// Every codec, by name.
pub static CODECS: &[CodecPlugin] = &[
    CodecPlugin::of::<codecs::dots::Dots>(),
    CodecPlugin::of::<codecs::json::Json>(),
    CodecPlugin::of::<codecs::json_lines::JsonLines>(),
    CodecPlugin::of::<codecs::line::Line>(),
    CodecPlugin::of::<codecs::plain::Plain>(),
    CodecPlugin::of::<codecs::rubydebug::Rubydebug>(),
];

/// Builds the codec that an input or output names, or its default; `None` after an error was reported.
pub fn build_codec(
    name: Option<&CodecName>,
    default: &str,
    ecs: EcsCompatibility,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Box<dyn Codec>> {
    match name {
        Some(CodecName(plugin)) => build_named(plugin, ecs, diagnostics),
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
    build_named(&plugin, ecs, &mut Vec::new())
}

fn build_named(
    plugin: &Plugin,
    ecs: EcsCompatibility,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Box<dyn Codec>> {
    let name = &plugin.name.node;
    let Some(found) = CODECS.iter().find(|codec| codec.spec.name == name) else {
        let diagnostic = Diagnostic::error(plugin.name.span, format!("there is no codec `{name}`"));
        let names = CODECS.iter().map(|codec| codec.spec.name);
        diagnostics.push(match nearest(name, names) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        });
        return None;
    };
    debug_assert_eq!(found.spec.kind, PluginKind::Codec);
    let mut ecs = ecs;
    let mut settings = Settings::new(plugin, diagnostics);
    settings.set_common(&["id", "enable_metric", "ecs_compatibility"]);
    settings.take_optional::<String>("id");
    settings.take_optional::<bool>("enable_metric");
    crate::filter::read_ecs_compatibility(&mut settings, &mut ecs);
    (found.build)(&mut settings, ecs)
}
