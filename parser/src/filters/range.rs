//! `range`: acts on events whose fields lie in certain ranges (source: logstash-filter-range).

use crate::event::{Array, Event, EventError, FieldTemplate, Template, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{FieldName, Settings};

plugin_options! {
    /// Drops events, or adds tags or fields, where a number or the length of a text lies in a range.
    pub struct RangeOptions for Filter "range" {
        /// Fours of a field, the smallest and the largest value, and what to do: `drop`, `tag:name`, or
        /// `field:name:value`.
        ranges: Vec<String> = [],
        /// Acts on events outside of the ranges instead.
        negate: bool = false,
    }
}

/// Acts on events whose fields lie in certain ranges.
pub struct Range {
    /// In the order of Logstash: all of one field together.
    ranges: Vec<Entry>,
    negate: bool,
}

struct Entry {
    field: FieldName,
    min: f64,
    max: f64,
    action: Action,
}

enum Action {
    Drop,
    Tag(Template),
    Field(FieldTemplate, NewValue),
}

enum NewValue {
    Int(i64),
    Float(f64),
    Text(Template),
}

impl BuildFilter for Range {
    type Options = RangeOptions;

    fn build(options: RangeOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let span = settings.span_of("ranges");
        let mut named: Vec<(&str, Vec<Entry>)> = Vec::new();
        if !options.ranges.len().is_multiple_of(4) {
            let count = options.ranges.len();
            let message =
                format!("`ranges` takes fours of field, min, max and action, found {count} values");
            settings.report(span, message);
            return None;
        }
        for four in options.ranges.chunks_exact(4) {
            let (Ok(min), Ok(max)) = (four[1].parse(), four[2].parse()) else {
                let message = format!("`{}` and `{}` must be numbers", four[1], four[2]);
                settings.report(span, message);
                return None;
            };
            let Some(action) = Action::parse(&four[3]) else {
                let message = format!(
                    "`{}` is none of `drop`, `tag:name` and `field:name:value`",
                    four[3]
                );
                settings.report(span, message);
                return None;
            };
            let entry = Entry {
                field: FieldName::of(&four[0], span, settings),
                min,
                max,
                action,
            };
            match named.iter_mut().find(|(name, _)| *name == four[0]) {
                Some((_, entries)) => entries.push(entry),
                None => named.push((&four[0], vec![entry])),
            }
        }
        Some(Self {
            ranges: named.into_iter().flat_map(|(_, entries)| entries).collect(),
            negate: options.negate,
        })
    }
}

impl Action {
    fn parse(text: &str) -> Option<Self> {
        // As Ruby splits: nothing at the end is no part.
        let parts: Vec<&str> = text.trim_end_matches(':').split(':').collect();
        Some(match parts[..] {
            ["drop"] => Self::Drop,
            ["tag", tag] => Self::Tag(Template::lenient(tag)),
            ["field", name, value] => {
                let field = FieldTemplate::new(Template::lenient(name));
                let as_int = value.parse::<i64>().ok();
                let as_float = value.parse::<f64>().ok().filter(|_| value.contains('.'));
                let value = match (as_int, as_float) {
                    (Some(number), _) if number.to_string() == value => NewValue::Int(number),
                    (_, Some(number)) if format!("{number:?}") == value => NewValue::Float(number),
                    _ => NewValue::Text(Template::lenient(value)),
                };
                Self::Field(field, value)
            }
            _ => return None,
        })
    }
}

impl Filter for Range {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        for entry in &self.ranges {
            let Ok(field) = entry.field.0.resolve(event) else {
                continue;
            };
            if !event.contains(field) {
                continue;
            }
            let lies_within = event
                .get(field)
                .and_then(size)
                .is_some_and(|size| size >= entry.min && size <= entry.max);
            if lies_within == self.negate {
                continue;
            }
            if matches!(entry.action, Action::Drop) {
                return Outcome::Drop;
            }
            if entry.action.apply(event).is_err() {
                event.tag_all(self.failure_tags());
                return Outcome::Unmatched;
            }
        }
        Outcome::Matched
    }
}

/// A number, or the length of a text.
fn size(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::BigInt(digits) => digits.parse().ok(),
        Value::Str(text) => Some(text.chars().count() as f64),
        _ => None,
    }
}

impl Action {
    fn apply(&self, event: &mut Event<'_>) -> Result<(), EventError> {
        let arena = event.arena();
        match self {
            Self::Drop => Ok(()),
            Self::Tag(tag) => {
                let tag = tag.try_render(event).map_err(Clone::clone)?;
                event.tag(tag);
                Ok(())
            }
            Self::Field(field, value) => {
                let field = field.resolve(event)?;
                let value = match value {
                    NewValue::Int(number) => Value::Int(*number),
                    NewValue::Float(number) => Value::Float(*number),
                    NewValue::Text(text) => {
                        Value::Str(text.try_render(event).map_err(Clone::clone)?)
                    }
                };
                let value = match event.get(field).cloned() {
                    None | Some(Value::Null | Value::Bool(false)) => value,
                    Some(Value::Array(mut values)) => {
                        values.push(value);
                        Value::Array(values)
                    }
                    Some(single) => Value::Array(Array::from_iter_in([single, value], arena)),
                };
                Ok(event.set_checked(field, value)?)
            }
        }
    }
}
