//! `json`: parses the JSON text of a field (source: logstash-filter-json).

use crate::event::{Event, EventError, FieldRef, Object, Value, intern, ruby_text};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::json::{Fractions, parse_prefix};
use crate::plugin_options;
use crate::spec::{FieldName, Settings};
use crate::time::Timestamp;

plugin_options! {
    /// Parses JSON in a field.
    ///
    /// The fields of the parsed object are set on the event, or below `target`.
    pub struct JsonOptions for Filter "json" {
        /// The field that holds the JSON text.
        source: FieldName,
        /// The field to put the parsed value in; without it the value must be an object and its
        /// fields become fields of the event.
        target: Option<FieldRef<'static>>,
        /// Tags added when the text is not JSON.
        tag_on_failure: Vec<String> = ["_jsonparsefailure"],
        /// Passes over text that is not JSON without a tag.
        skip_on_invalid_json: bool = false,
    }
}

/// Parses the JSON text of a field.
pub struct Json {
    options: JsonOptions,
    failure_tags: Vec<&'static str>,
}

impl BuildFilter for Json {
    type Options = JsonOptions;

    fn build(options: JsonOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let tags = &options.tag_on_failure;
        let failure_tags = tags.iter().map(|tag| intern(tag)).collect();
        Some(Self {
            options,
            failure_tags,
        })
    }
}

/// Why the filter did not succeed.
enum Failure {
    NothingThere,
    NotJson,
    Other,
}

impl Filter for Json {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        match self.parse_into(event, context.now) {
            Ok(()) => return Outcome::Matched,
            Err(Failure::NothingThere) => {}
            Err(Failure::NotJson) if self.options.skip_on_invalid_json => {}
            Err(Failure::NotJson | Failure::Other) => event.tag_all(&self.failure_tags),
        }
        Outcome::Unmatched
    }

    fn failure_tags(&self) -> &[&'static str] {
        &self.failure_tags
    }
}

impl Json {
    fn parse_into(&self, event: &mut Event<'_>, now: Timestamp) -> Result<(), Failure> {
        let source = self.options.source.0.resolve(event);
        let text = match event.get(source.map_err(|_| Failure::Other)?) {
            None | Some(Value::Null | Value::Bool(false)) => return Err(Failure::NothingThere),
            Some(Value::Str(text)) => *text,
            Some(_) => return Err(Failure::NotJson),
        };
        let parsed = if text.trim_ascii().is_empty() {
            Value::Null
        } else {
            last_value(text, event).ok_or(Failure::NotJson)?
        };
        let set = match (self.options.target, parsed) {
            (Some(target), parsed) => event.set_checked(target, parsed).map_err(EventError::Set),
            (None, Value::Object(fields)) => set_top_level(event, fields, now),
            (None, _) => return Err(Failure::Other),
        };
        set.map_err(|_| Failure::Other)
    }
}

/// The last of several values that stand one after the other, as Logstash's parser has it: after a
/// number or a word there must be white space.
fn last_value<'a>(text: &'a str, event: &Event<'a>) -> Option<Value<'a>> {
    let mut rest = text;
    loop {
        let (value, end) = parse_prefix(rest, event.arena(), Fractions::Decimal).ok()?;
        let after = &rest[end..];
        rest = after.trim_ascii();
        if rest.is_empty() {
            return Some(value);
        }
        let ends_by_itself = matches!(value, Value::Str(_) | Value::Array(_) | Value::Object(_));
        if !ends_by_itself && !after.starts_with(|next: char| next.is_ascii_whitespace()) {
            return None;
        }
    }
}

/// Sets the fields of the event, whose names are field references. `@timestamp` comes last: it stays
/// a timestamp, what is none goes to `_@timestamp`.
fn set_top_level<'a>(
    event: &mut Event<'a>,
    mut fields: Object<'a>,
    now: Timestamp,
) -> Result<(), EventError> {
    let arena = event.arena();
    let timestamp = fields.remove("@timestamp");
    event.set_all(fields)?;
    let Some(given) = timestamp else {
        return Ok(());
    };
    let parsed = match &given {
        Value::Null | Value::Bool(false) => return Ok(()),
        Value::Str(text) => Timestamp::parse_iso8601(text),
        _ => None,
    };
    let timestamp = parsed.unwrap_or(now);
    event
        .fields_mut()
        .set("@timestamp", Value::Timestamp(timestamp));
    if parsed.is_none() {
        event.tag("_timestampparsefailure");
        let text = ruby_text(&given, arena);
        event.fields_mut().set("_@timestamp", Value::Str(text));
    }
    Ok(())
}
