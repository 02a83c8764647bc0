//! `json`: parses the JSON text of a field (source: logstash-filter-json).

use crate::event::{Event, FieldRef, Template, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::json::{Fractions, parse, parse_prefix};
use crate::plugin_options;
use crate::spec::Settings;
use crate::time::Timestamp;

plugin_options! {
    /// Parses JSON in a field.
    ///
    /// The fields of the parsed object are set on the event, or below `target`.
    pub struct JsonOptions for Filter "json" {
        /// The field that holds the JSON text.
        source: FieldRef<'static>,
        /// The field to put the parsed value in; without it the value must be an object and its
        /// fields become fields of the event.
        target: Option<FieldRef<'static>>,
        /// Tags added when the text is not JSON.
        tag_on_failure: Vec<Template> = ["_jsonparsefailure"],
        /// Passes over text that is not JSON without a tag.
        skip_on_invalid_json: bool = false,
    }
}

/// Parses the JSON text of a field.
pub struct Json {
    options: JsonOptions,
}

impl BuildFilter for Json {
    type Options = JsonOptions;

    fn build(options: JsonOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self { options })
    }
}

impl Filter for Json {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let text = match event.get(self.options.source) {
            None | Some(Value::Null) => return Outcome::Unmatched,
            Some(Value::Str(text)) => *text,
            Some(_) => return self.fail(event),
        };
        let parsed = if text.is_empty() && self.options.target.is_some() {
            Some(Value::Null)
        } else {
            last_value(text, event)
        };
        let Some(parsed) = parsed else {
            return self.fail(event);
        };
        match (self.options.target, parsed) {
            (Some(target), parsed) => match event.set(target, parsed) {
                Ok(()) => Outcome::Matched,
                Err(_) => self.fail(event),
            },
            (None, Value::Object(fields)) => {
                for (key, value) in fields.iter() {
                    set_top_level(event, key, value.clone());
                }
                Outcome::Matched
            }
            (None, _) => self.fail(event),
        }
    }
}

impl Json {
    fn fail(&self, event: &mut Event<'_>) -> Outcome {
        if !self.options.skip_on_invalid_json {
            for tag in &self.options.tag_on_failure {
                let tag = tag.render(event);
                event.tag(tag);
            }
        }
        Outcome::Unmatched
    }
}

/// The last of several values that stand one after the other, as Logstash's parser has it.
fn last_value<'a>(text: &'a str, event: &Event<'a>) -> Option<Value<'a>> {
    let (value, end) = parse_prefix(text, event.arena(), Fractions::Decimal).ok()?;
    let rest = text[end..].trim_ascii();
    if rest.is_empty() {
        return Some(value);
    }
    match value {
        Value::Object(_) | Value::Array(_) => {
            let mut last = value;
            let mut rest = rest;
            while !rest.is_empty() {
                let (value, end) = parse_prefix(rest, event.arena(), Fractions::Decimal).ok()?;
                last = value;
                rest = rest[end..].trim_ascii();
            }
            Some(last)
        }
        _ => parse(text, event.arena(), Fractions::Decimal).ok(),
    }
}

/// Sets a field of a parsed object; `@timestamp` must stay a timestamp and `@metadata` stays apart.
fn set_top_level<'a>(event: &mut Event<'a>, key: &'a str, value: Value<'a>) {
    match (key, value) {
        ("@timestamp", Value::Str(text)) => match Timestamp::parse_iso8601(text) {
            Some(timestamp) => event.fields_mut().set(key, Value::Timestamp(timestamp)),
            None => {
                event.tag("_timestampparsefailure");
                event.fields_mut().set("_@timestamp", Value::Str(text));
            }
        },
        ("@timestamp", Value::Timestamp(timestamp)) => {
            event.fields_mut().set(key, Value::Timestamp(timestamp));
        }
        ("@timestamp", bad) => {
            event.tag("_timestampparsefailure");
            event.fields_mut().set("_@timestamp", bad);
        }
        ("@metadata", Value::Object(metadata)) => *event.metadata_mut() = metadata,
        (key, value) => event.fields_mut().set(key, value),
    }
}
