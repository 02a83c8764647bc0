//! `truncate`: cuts texts that are too long (source: logstash-filter-truncate).

use crate::event::{Event, FieldRef, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Cuts texts to a number of bytes, never within a character.
    ///
    /// Also texts in arrays, and anywhere below an object. The common options apply only where something was cut.
    pub struct TruncateOptions for Filter "truncate" {
        /// The fields to cut; all of the event where they are not given.
        fields: Option<Vec<FieldRef<'static>>>,
        /// How many bytes a text may have.
        length_bytes: i64,
    }
}

/// Cuts texts.
pub struct Truncate {
    options: TruncateOptions,
}

impl BuildFilter for Truncate {
    type Options = TruncateOptions;

    fn build(options: TruncateOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self { options })
    }
}

impl Filter for Truncate {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let length = self.options.length_bytes;
        let mut cut = false;
        match &self.options.fields {
            Some(fields) => {
                for field in fields {
                    if let Some(value) = event.get_mut(*field) {
                        cut |= cut_value(value, length);
                    }
                }
            }
            None => {
                for (_, value) in event.fields_mut().iter_mut() {
                    cut |= cut_value(value, length);
                }
            }
        }
        if cut {
            Outcome::Matched
        } else {
            Outcome::Unmatched
        }
    }
}

/// Cuts a value in place; whether anything was cut.
fn cut_value(value: &mut Value<'_>, length: i64) -> bool {
    match value {
        Value::Str(_) => cut_text(value, length),
        // Only the texts of the array itself, not what lies deeper.
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |cut, value| cut_text(value, length) | cut),
        Value::Object(object) => object
            .iter_mut()
            .fold(false, |cut, (_, value)| cut_value(value, length) | cut),
        _ => false,
    }
}

fn cut_text(value: &mut Value<'_>, length: i64) -> bool {
    let Value::Str(text) = value else {
        return false;
    };
    let Ok(length) = usize::try_from(length) else {
        // Logstash makes null of texts where the length is negative.
        *value = Value::Null;
        return true;
    };
    if text.len() <= length {
        return false;
    }
    let end = (0..=length).rev().find(|end| text.is_char_boundary(*end));
    *text = &text[..end.unwrap_or(0)];
    true
}
