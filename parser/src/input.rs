//! The options that all inputs have, and what they add to each event.

use std::sync::Arc;

use crate::codec::{Codec, build_input_codec};
use crate::config::Diagnostic;
use crate::config::ast::Plugin;
use crate::event::{Event, Template, Value, intern};
use crate::filter::{AddField, add_field, read_add_field, read_ecs_compatibility};
use crate::spec::{CodecName, EcsCompatibility, PluginOptions, Settings};

/// The options that all inputs have (source: `LogStash::Inputs::Base`).
pub struct InputCommon {
    /// The name of this instance in statistics.
    pub id: Option<String>,
    /// Makes events of the payloads.
    pub codec: Arc<dyn Codec>,
    /// The mode of this input, else of the pipeline.
    pub ecs: EcsCompatibility,
    kind: Option<&'static str>,
    tags: Vec<Template>,
    add_field: AddField,
}

impl InputCommon {
    /// Their names.
    pub const NAMES: &[&str] = &[
        "id",
        "enable_metric",
        "codec",
        "type",
        "tags",
        "add_field",
        "ecs_compatibility",
    ];

    /// Reads an input: its common options and its own; `None` after errors were reported.
    pub fn read<O: PluginOptions>(
        plugin: &Plugin,
        default_codec: &str,
        mut ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<(Self, O)> {
        let mut settings = Settings::new(plugin, diagnostics);
        settings.set_common(Self::NAMES);
        settings.take_optional::<bool>("enable_metric");
        read_ecs_compatibility(&mut settings, &mut ecs);
        let id = settings.take_optional("id");
        let kind: Option<String> = settings.take_optional("type");
        let tags = settings.take_optional("tags").unwrap_or_default();
        let add_field = read_add_field(&mut settings);
        let codec: Option<CodecName> = settings.take_optional("codec");
        let options = O::read(&mut settings);
        let codec = build_input_codec(codec.as_ref(), default_codec, ecs, diagnostics)?;
        let common = Self {
            id,
            codec: codec.into(),
            ecs,
            kind: kind.as_deref().map(intern),
            tags,
            add_field,
        };
        Some((common, options?))
    }

    /// Adds the input's `type`, `tags` and fields to an event.
    pub fn decorate(&self, event: &mut Event<'_>) {
        if let Some(kind) = self.kind
            && event.fields().get("type").is_none()
        {
            event.fields_mut().push("type", Value::Str(kind));
        }
        for (field, values) in &self.add_field {
            for value in values {
                // A field below a string cannot be set; Logstash goes on without it.
                let _ = add_field(event, field, value);
            }
        }
        for tag in &self.tags {
            let tag = tag.render(event);
            event.tag(tag);
        }
    }
}
