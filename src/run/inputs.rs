//! The inputs of a pipeline: their options, and what they add to events.

use std::path::PathBuf;

use crossbeam_channel::Sender;
use kelp_ingest::kafka::{DecorateEvents, KafkaInput, KafkaInputOptions, TimestampSource};
use kelp_ingest::lines::{FileInputOptions, GeneratorInputOptions, LineInput, StdinInputOptions};
use kelp_ingest::{Batch, InputError, Limits, Source};
use kelp_parser::codec::DecodeContext;
use kelp_parser::config::ast::{Literal, Plugin, Spanned};
use kelp_parser::config::{Diagnostic, nearest};
use kelp_parser::event::{Event, FieldRef, Object, Value, intern};
use kelp_parser::input::InputCommon;
use kelp_parser::record::{Origin, Record};
use kelp_parser::spec::{EcsCompatibility, PluginOptions, PluginSpec};
use kelp_parser::time::Timestamp;

use super::link::{Listener, PipelineInputOptions};
use crate::dead_letters::{self, DeadLetterInputOptions, LetterSource, Reading as LetterReading};
use crate::settings::PipelineSettings;

/// An input whose options are valid.
pub struct Input {
    /// The options that all inputs have.
    pub common: InputCommon,
    /// Its own options.
    kind: Kind,
    /// Its name in a configuration.
    pub name: &'static str,
    /// What its source goes by, as text: a source can be kept while this stays as it is.
    source_settings: String,
    host: &'static str,
    /// Where state is kept.
    data_dir: PathBuf,
    /// Where the dead letters of its pipeline go.
    own_letters: PathBuf,
    /// Dead letters to be read instead.
    replay: Option<LetterReading>,
}

enum Kind {
    DeadLetters(DeadLetterInputOptions),
    Kafka(Box<KafkaInputOptions>),
    Stdin(StdinInputOptions),
    Generator(GeneratorInputOptions),
    File(Box<FileInputOptions>),
    Pipeline(PipelineInputOptions),
}

/// What every input declares.
pub const INPUT_SPECS: &[PluginSpec] = &[
    DeadLetterInputOptions::SPEC,
    FileInputOptions::SPEC,
    GeneratorInputOptions::SPEC,
    KafkaInputOptions::SPEC,
    PipelineInputOptions::SPEC,
    StdinInputOptions::SPEC,
];

impl Input {
    /// Reads the input that `plugin` names; `None` after errors were reported.
    pub fn read(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let name = plugin.name.node.as_str();
        // A record of the line inputs is a line without its end, so `plain` does what `line` would.
        let mut read = Reading {
            plugin,
            ecs,
            diagnostics,
        };
        match name {
            "dead_letter_queue" => read.input("dead_letter_queue", Kind::DeadLetters),
            "file" => read.input("file", |options| Kind::File(Box::new(options))),
            "generator" => read.input("generator", Kind::Generator),
            "kafka" => read.input("kafka", |options| Kind::Kafka(Box::new(options))),
            "pipeline" => read.input("pipeline", Kind::Pipeline),
            "stdin" => read.input("stdin", Kind::Stdin),
            _ => {
                let diagnostics = read.diagnostics;
                let diagnostic =
                    Diagnostic::error(plugin.name.span, format!("there is no input `{name}`"))
                        .label("unknown input");
                let names = INPUT_SPECS.iter().map(|spec| spec.name);
                diagnostics.push(match nearest(name, names.clone()) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => {
                        let names: Vec<_> = names.collect();
                        diagnostic.help(format!("inputs: {}", names.join(", ")))
                    }
                });
                None
            }
        }
    }

    /// Tells it where its pipeline keeps things.
    pub fn set_places(&mut self, settings: &PipelineSettings) {
        self.data_dir.clone_from(&settings.data_dir);
        self.own_letters = settings.dead_letters.path.join(&settings.id);
    }

    /// Lets it read the original records of dead letters instead, as if they had come from its own source.
    pub fn replay(&mut self, reading: LetterReading) {
        self.replay = Some(reading);
    }

    /// Makes events of a record.
    pub fn decode<'a>(&self, record: &Record<'a>, context: &mut DecodeContext<'a, '_>) {
        let payload = record.payload.unwrap_or_default();
        match &self.kind {
            Kind::DeadLetters(_) => dead_letters::decode(payload, context),
            _ => self.common.codec.decode(payload, context),
        }
    }

    /// Starts the input; its batches carry `number`.
    pub fn start(
        &self,
        limits: Limits,
        number: usize,
        batches: Sender<Batch>,
    ) -> Result<Box<dyn Source>, InputError> {
        if let Some(reading) = &self.replay {
            let source = LetterSource::start(reading.clone(), limits, number, batches)?;
            return Ok(Box::new(source));
        }
        match &self.kind {
            Kind::DeadLetters(options) => {
                let reading = options.reading(&self.data_dir, &self.own_letters)?;
                let source = LetterSource::start(reading, limits, number, batches)?;
                Ok(Box::new(source))
            }
            Kind::Kafka(options) => {
                let input = KafkaInput::start(options, limits, number, batches)?;
                Ok(Box::new(input))
            }
            Kind::Pipeline(_) => Ok(Box::new(Listener::new(batches))),
            Kind::Stdin(_) => {
                let input = LineInput::stdin(std::io::stdin(), "\n", limits, (number, batches))?;
                Ok(Box::new(input))
            }
            Kind::Generator(options) => {
                let input = LineInput::generator(options, limits, (number, batches))?;
                Ok(Box::new(input))
            }
            Kind::File(options) => {
                let input = LineInput::file(options, limits, (number, batches))?;
                Ok(Box::new(input))
            }
        }
    }

    /// Finds what would keep it from starting, as far as can be told without a server and without disturbing a
    /// source that runs already.
    pub fn probe(&self) -> Result<(), InputError> {
        match &self.kind {
            Kind::DeadLetters(options) => {
                let reading = options.reading(&self.data_dir, &self.own_letters);
                reading.map(drop)
            }
            Kind::Kafka(options) => options.probe(),
            Kind::File(options) => options.probe(),
            Kind::Stdin(_) | Kind::Generator(_) | Kind::Pipeline(_) => Ok(()),
        }
    }

    /// What its source goes by: name and settings, as text. It holds secrets.
    pub fn source_settings(&self) -> &str {
        &self.source_settings
    }

    /// Whether it reads standard input, which cannot be opened again.
    pub fn is_stdin(&self) -> bool {
        matches!(self.kind, Kind::Stdin(_))
    }

    /// Whether what was not delivered can be read again where it stopped.
    pub fn can_read_again(&self) -> bool {
        let kind = &self.kind;
        matches!(
            kind,
            Kind::Kafka(_) | Kind::DeadLetters(_) | Kind::Pipeline(_)
        ) || self.replay.is_some()
    }

    /// The address that it listens to, if it is the input `pipeline`.
    pub fn address(&self) -> Option<&Spanned<String>> {
        match &self.kind {
            Kind::Pipeline(options) => Some(&options.address),
            _ => None,
        }
    }

    /// Whether its codec makes events of several records, which are to be joined first.
    pub fn joins(&self) -> bool {
        self.common.codec.join().is_some()
    }

    /// Whether a record without text is an empty line where lines are joined, as in Logstash.
    pub fn keeps_empty_lines(&self) -> bool {
        self.is_stdin()
    }

    /// The `@timestamp` of events that bring none.
    pub fn timestamp_of(&self, record: &Record<'_>, now: Timestamp) -> Timestamp {
        match &self.kind {
            Kind::Kafka(options) if options.timestamp_source == TimestampSource::Now => now,
            // A redelivered message gets the same time and so the same daily index.
            _ => record.timestamp.unwrap_or(now),
        }
    }

    /// What tells its records from those of other inputs that have the same coordinates.
    pub fn namespace(&self) -> &str {
        match &self.kind {
            Kind::Kafka(options) => options.document_id_namespace(),
            _ => "",
        }
    }

    /// Adds to an event what the input and its common options say.
    pub fn decorate<'a>(&self, event: &mut Event<'a>, record: &Record<'_>) {
        match &self.kind {
            Kind::Kafka(options) => decorate_kafka(event, record, options),
            Kind::DeadLetters(_) | Kind::Pipeline(_) => {}
            Kind::Stdin(_) | Kind::Generator(_) | Kind::File(_) => {
                self.decorate_line(event, record)
            }
        }
        self.common.decorate(event);
    }
}

impl Input {
    /// Sets the host, and the path or the number of the line, as Logstash's inputs do in either mode.
    fn decorate_line(&self, event: &mut Event<'_>, record: &Record<'_>) {
        let ecs = self.common.ecs.is_enabled();
        let name = |ecs_name: &'static str, legacy: &'static str| {
            FieldRef::constant(if ecs { ecs_name } else { legacy })
        };
        let host = match self.kind {
            Kind::Stdin(_) => name("[host][hostname]", "host"),
            _ => name("[host][name]", "host"),
        };
        let arena = event.arena();
        let mut set = |field: FieldRef<'static>, value| {
            if !event.contains(field) {
                // A field that the event brings as a string has no place below it.
                let _ = event.set(field, value);
            }
        };
        set(host, Value::Str(self.host));
        if let Origin::Line { source, number } = record.origin {
            match self.kind {
                Kind::File(_) => {
                    let path = arena.alloc_str(source);
                    set(name("[log][file][path]", "path"), Value::Str(path));
                }
                Kind::Generator(_) => {
                    set(
                        name("[event][sequence]", "sequence"),
                        Value::Int(number as i64),
                    );
                }
                _ => {}
            }
        }
    }
}

/// What an input is read from.
struct Reading<'p> {
    plugin: &'p Plugin,
    ecs: EcsCompatibility,
    diagnostics: &'p mut Vec<Diagnostic>,
}

impl Reading<'_> {
    fn input<O: PluginOptions>(
        &mut self,
        name: &'static str,
        kind: impl Fn(O) -> Kind,
    ) -> Option<Input> {
        let (common, options) =
            InputCommon::read(self.plugin, "plain", self.ecs, self.diagnostics)?;
        if matches!(name, "file" | "stdin") && common.codec.spans_lines() {
            let message = format!(
                "input `{name}` reads line by line, and an event of its codec takes several lines"
            );
            let error = Diagnostic::error(self.plugin.name.span, message);
            self.diagnostics.push(
                error.help("use this codec with the `kafka` input, a whole body in each message"),
            );
            return None;
        }
        let joins = common.codec.join().is_some();
        Some(Input {
            common,
            kind: kind(options),
            name,
            source_settings: source_settings(self.plugin, joins),
            host: intern(&gethostname::gethostname().to_string_lossy()),
            data_dir: PathBuf::new(),
            own_letters: PathBuf::new(),
            replay: None,
        })
    }
}

/// The settings that the source itself goes by, wherever they stand in the file; what concerns its events
/// (the options that all inputs have) is left out, but for a codec that joins records.
fn source_settings(plugin: &Plugin, joins: bool) -> String {
    let mut text = plugin.name.node.clone();
    for setting in &plugin.settings {
        let name = &setting.name.node;
        if (joins && name == "codec") || !InputCommon::NAMES.contains(&name.as_str()) {
            text.push('\n');
            text.push_str(name);
            text.push_str(" => ");
            write_literal(&mut text, &setting.value.node);
        }
    }
    text
}

fn write_literal(text: &mut String, literal: &Literal) {
    match literal {
        Literal::Bareword(word) | Literal::Number(word) => text.push_str(word),
        Literal::String(string) => text.push_str(&format!("{string:?}")),
        Literal::Array(elements) => {
            text.push('[');
            for element in elements {
                write_literal(text, &element.node);
                text.push(',');
            }
            text.push(']');
        }
        Literal::Hash(entries) => {
            text.push('{');
            for (key, value) in entries {
                write_literal(text, &key.node);
                text.push_str(" => ");
                write_literal(text, &value.node);
                text.push(',');
            }
            text.push('}');
        }
        Literal::Plugin(plugin) => text.push_str(&source_settings(plugin, false)),
    }
}

/// Sets `[@metadata][kafka]` (source: `decorate_event` in logstash-integration-kafka's input).
fn decorate_kafka(event: &mut Event<'_>, record: &Record<'_>, options: &KafkaInputOptions) {
    let headers = match options.decorate_events {
        DecorateEvents::None | DecorateEvents::False => {
            if record.payload.is_none() {
                set_tombstone(event);
            }
            return;
        }
        DecorateEvents::Basic | DecorateEvents::True => false,
        DecorateEvents::Extended => true,
    };
    let Origin::Kafka {
        topic,
        partition,
        offset,
    } = record.origin
    else {
        return;
    };
    let arena = event.arena();
    let text = |bytes: &[u8]| Value::Str(arena.alloc_str(&String::from_utf8_lossy(bytes)));
    let mut kafka = Object::new(arena);
    kafka.push("topic", Value::Str(arena.alloc_str(topic)));
    kafka.push(
        "consumer_group",
        Value::Str(arena.alloc_str(&options.group_id)),
    );
    kafka.push("partition", Value::Int(partition.into()));
    kafka.push("offset", Value::Int(offset));
    kafka.push("key", record.key.map_or(Value::Null, text));
    if let Some(timestamp) = record.timestamp {
        kafka.push("timestamp", Value::Int(timestamp.millis()));
    }
    if headers {
        let mut all = Object::new(arena);
        record.headers.visit(&mut |name, value| {
            if let Some(value) = value {
                all.set(arena.alloc_str(name), text(value));
            }
        });
        kafka.push("headers", Value::Object(all));
    }
    event.metadata_mut().set("kafka", Value::Object(kafka));
    if record.payload.is_none() {
        set_tombstone(event);
    }
}

fn set_tombstone(event: &mut Event<'_>) {
    let arena = event.arena();
    let kafka = event
        .metadata_mut()
        .entry("kafka", || Value::Object(Object::new(arena)));
    if let Value::Object(kafka) = kafka {
        kafka.set("tombstone", Value::Bool(true));
    }
}
