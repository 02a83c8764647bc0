//! The inputs of a pipeline: their options, and what they add to events.

use crossbeam_channel::Sender;
use kelp_ingest::kafka::{DecorateEvents, KafkaInput, KafkaInputOptions};
use kelp_ingest::{Batch, InputError, Limits, Source};
use kelp_parser::config::ast::Plugin;
use kelp_parser::config::{Diagnostic, nearest};
use kelp_parser::event::{Event, Object, Value};
use kelp_parser::input::InputCommon;
use kelp_parser::record::{Origin, Record};
use kelp_parser::spec::{EcsCompatibility, PluginOptions, PluginSpec};

/// An input whose options are valid.
pub struct Input {
    /// The options that all inputs have.
    pub common: InputCommon,
    /// Its own options.
    kind: Kind,
    /// Its name in a configuration.
    pub name: &'static str,
}

enum Kind {
    Kafka(Box<KafkaInputOptions>),
}

/// What every input declares.
pub const INPUT_SPECS: &[PluginSpec] = &[KafkaInputOptions::SPEC];

impl Input {
    /// Reads the input that `plugin` names; `None` after errors were reported.
    pub fn read(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let name = plugin.name.node.as_str();
        match name {
            "kafka" => {
                let (common, options) = InputCommon::read(plugin, "plain", ecs, diagnostics)?;
                Some(Self {
                    common,
                    kind: Kind::Kafka(Box::new(options)),
                    name: "kafka",
                })
            }
            _ => {
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

    /// Starts the input; its batches carry `number`.
    pub fn start(
        &self,
        limits: Limits,
        number: usize,
        batches: Sender<Batch>,
    ) -> Result<Box<dyn Source>, InputError> {
        match &self.kind {
            Kind::Kafka(options) => Ok(Box::new(KafkaInput::start(
                options, limits, number, batches,
            )?)),
        }
    }

    /// Adds to an event what the input and its common options say.
    pub fn decorate<'a>(&self, event: &mut Event<'a>, record: &Record<'_>) {
        match &self.kind {
            Kind::Kafka(options) => decorate_kafka(event, record, options),
        }
        self.common.decorate(event);
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
