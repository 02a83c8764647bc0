//! `es_bulk`: a payload is the body of an Elasticsearch bulk request (source: logstash-codec-es_bulk).

use memchr::memmem::Finder;

use super::failed_event;
use super::json::event_of;
use super::line::lines;
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, Direction, EncodeError};
use crate::event::{Arena, Event, FieldRef, Object, Value};
use crate::json::{Fractions, parse_prefix};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, OptionDefault, Settings};

plugin_options! {
    /// Bodies of Elasticsearch's bulk requests: each document becomes one event, and the action's parameters
    /// with its name as `action` its `[@metadata]`, in ECS modes `[@metadata][codec][es_bulk]`.
    ///
    /// A line that is not JSON, or an action without a document, becomes the `message` of an event that
    /// is tagged `_esbulkparsefailure`. For inputs whose records are whole bodies, as Kafka's are; not for those that
    /// read line by line.
    pub struct EsBulkOptions for Codec "es_bulk" {
        /// The field to put each document in, instead of the event itself.
        target: Option<FieldRef<'static>>,
    }
}

/// Bodies of bulk requests.
pub struct EsBulk {
    options: EsBulkOptions,
    metadata: FieldRef<'static>,
    charset: Charset,
    line_end: Finder<'static>,
}

impl BuildCodec for EsBulk {
    type Options = EsBulkOptions;

    const DIRECTION: Direction = Direction::Decode;

    fn build(options: EsBulkOptions, _: &mut Settings<'_>, ecs: EcsCompatibility) -> Option<Self> {
        Some(Self {
            options,
            metadata: FieldRef::constant(match ecs.is_enabled() {
                true => "[@metadata][codec][es_bulk]",
                false => "[@metadata]",
            }),
            charset: Charset::from_default("UTF-8"),
            line_end: Finder::new("\n").into_owned(),
        })
    }
}

impl Codec for EsBulk {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let mut action = None;
        for line in lines(payload, &self.line_end) {
            let text = context.text(line, &self.charset);
            if text.trim().is_empty() {
                // Where a document belongs, nothing is one without fields.
                if let Some((metadata, _)) = action.take() {
                    self.emit(Object::new(context.arena), metadata, text, context);
                }
                continue;
            }
            let Ok((Value::Object(object), _)) =
                parse_prefix(text, context.arena, Fractions::Decimal)
            else {
                failed_event(text, TAG_FAILURE, context);
                continue;
            };
            match action.take() {
                Some((metadata, _)) => self.emit(object, metadata, text, context),
                None => match action_of(&object, context.arena) {
                    None => failed_event(text, TAG_FAILURE, context),
                    Some(("delete", metadata)) => {
                        self.emit(Object::new(context.arena), metadata, text, context)
                    }
                    Some((_, metadata)) => action = Some((metadata, text)),
                },
            }
        }
        if let Some((_, text)) = action {
            failed_event(text, TAG_FAILURE, context);
        }
    }

    fn encode(&self, _: &Event<'_>, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Err(EncodeError("es_bulk does not encode".to_owned()))
    }

    fn spans_lines(&self) -> bool {
        true
    }
}

const TAG_FAILURE: &str = "_esbulkparsefailure";

impl EsBulk {
    fn emit<'a>(
        &self,
        document: Object<'a>,
        metadata: Object<'a>,
        text: &'a str,
        context: &mut DecodeContext<'a, '_>,
    ) {
        let Some(mut event) = event_of(Value::Object(document), self.options.target, context)
        else {
            return failed_event(text, TAG_FAILURE, context);
        };
        // Only a document's own `@metadata` could be in the way.
        let _ = event.set(self.metadata, Value::Object(metadata));
        (context.emit)(event);
    }
}

/// The action's name and what it says, the name included.
fn action_of<'a>(line: &Object<'a>, arena: &'a Arena) -> Option<(&'a str, Object<'a>)> {
    let (name, parameters) = line.iter().next()?;
    let mut metadata = match parameters {
        Value::Object(parameters) => parameters.clone(),
        _ => return None,
    };
    let name: &'a str = arena.alloc_str(name);
    metadata.set("action", Value::Str(name));
    Some((name, metadata))
}
