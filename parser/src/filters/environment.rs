//! `environment`: puts environment variables into `@metadata` (source: logstash-filter-environment).

use crate::event::{Event, FieldTemplate, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{Pairs, Settings};

plugin_options! {
    /// Puts environment variables into fields below `@metadata`, as they are when the pipeline starts.
    pub struct EnvironmentOptions for Filter "environment" {
        /// Names below `@metadata`, and the variables that they get.
        add_metadata_from_env: Pairs<String> = [],
    }
}

/// Puts environment variables into `@metadata`.
pub struct Environment {
    fields: Vec<(FieldTemplate, Option<&'static str>)>,
}

impl BuildFilter for Environment {
    type Options = EnvironmentOptions;

    fn build(options: EnvironmentOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let fields = options
            .add_metadata_from_env
            .iter()
            .map(|(name, variable)| {
                let value = std::env::var(variable).ok();
                let field = FieldTemplate::literal(&format!("[@metadata][{name}]"));
                (field, value.map(|value| intern(&value)))
            });
        Some(Self {
            fields: fields.collect(),
        })
    }
}

impl Filter for Environment {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        for (field, value) in &self.fields {
            let value = value.map_or(Value::Null, Value::Str);
            let field = field.resolve(event);
            if field.is_err() || field.is_ok_and(|field| event.set(field, value).is_err()) {
                event.tag_all(self.failure_tags());
                return Outcome::Unmatched;
            }
        }
        Outcome::Matched
    }
}
