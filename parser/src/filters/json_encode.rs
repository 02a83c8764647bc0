//! `json_encode`: turns a field into JSON text (source: logstash-filter-json_encode).

use crate::event::{ArenaString, Event, EventError, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{FieldName, Settings};

plugin_options! {
    /// Writes a field as JSON text.
    ///
    /// A missing field gives `null`.
    pub struct JsonEncodeOptions for Filter "json_encode" {
        /// The field to write.
        source: FieldName,
        /// The field that gets the text; by default the source itself.
        target: Option<FieldName>,
    }
}

/// Writes a field as JSON text.
pub struct JsonEncode {
    options: JsonEncodeOptions,
}

impl BuildFilter for JsonEncode {
    type Options = JsonEncodeOptions;

    fn build(options: JsonEncodeOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self { options })
    }
}

impl Filter for JsonEncode {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        match self.encode(event) {
            Ok(()) => Outcome::Matched,
            Err(_) => {
                event.tag("_jsongeneratefailure");
                Outcome::Unmatched
            }
        }
    }

    fn failure_tags(&self) -> &[&'static str] {
        &["_jsongeneratefailure"]
    }
}

impl JsonEncode {
    fn encode(&self, event: &mut Event<'_>) -> Result<(), EventError> {
        let source = &self.options.source.0;
        let field = source.resolve(event)?;
        let mut json = Vec::new();
        match event.get(field) {
            Some(value) => value.write_json(&mut json),
            // It may be all of `[@metadata]`.
            None => event
                .get_owned(field)
                .unwrap_or(Value::Null)
                .write_json(&mut json),
        }
        let mut text = ArenaString::with_capacity_in(json.len(), event.arena());
        text.push_str(&String::from_utf8_lossy(&json));
        let target = self.options.target.as_ref().map_or(source, |name| &name.0);
        let target = target.resolve(event)?;
        Ok(event.set_checked(target, Value::Str(text.into_bump_str()))?)
    }
}
