//! `extractnumbers`: takes the numbers out of a text (source: logstash-filter-extractnumbers).

use crate::event::{Event, FieldRef, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::filters::csv::{float, integer};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Takes the numbers out of a text: each word that is one goes to a field `int1`, `int2`... or `float1`, `float2`...
    ///
    /// The common options are never applied, as in Logstash.
    pub struct ExtractnumbersOptions for Filter "extractnumbers" {
        /// The field with the text. Of an array, the first element.
        source: FieldRef<'static> = "message",
    }
}

/// Takes the numbers out of a text.
pub struct Extractnumbers {
    source: FieldRef<'static>,
}

impl BuildFilter for Extractnumbers {
    type Options = ExtractnumbersOptions;

    fn build(
        options: ExtractnumbersOptions,
        _: &mut Settings<'_>,
        _: &BuildContext,
    ) -> Option<Self> {
        Some(Self {
            source: options.source,
        })
    }
}

impl Filter for Extractnumbers {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let arena = event.arena();
        let text = match event.get(self.source) {
            Some(Value::Array(values)) => values.first(),
            other => other,
        };
        let text = match text {
            Some(Value::Str(text)) => *text,
            None | Some(Value::Null | Value::Bool(false)) => return Outcome::Unmatched,
            Some(_) => {
                event.tag_all(self.failure_tags());
                return Outcome::Unmatched;
            }
        };
        let mut integers = Vec::new();
        let mut floats = Vec::new();
        for word in text.split_ascii_whitespace() {
            if let Some(number) = integer(word, arena) {
                integers.push(number);
            } else if let Some(number) = float(word) {
                floats.push(number);
            }
        }
        let fields = event.fields_mut();
        for (prefix, numbers) in [("int", integers), ("float", floats)] {
            if numbers.is_empty() {
                continue;
            }
            // Setting them one by one would look for each among all the others.
            fields.retain(|name, _| !is_numbered(name, prefix, numbers.len()));
            for (index, number) in numbers.into_iter().enumerate() {
                let name = arena.alloc_str(&format!("{prefix}{}", index + 1));
                fields.push(name, number);
            }
        }
        Outcome::Unmatched
    }
}

/// Whether a name is the prefix and one of the numbers up to `count`.
fn is_numbered(name: &str, prefix: &str, count: usize) -> bool {
    name.strip_prefix(prefix)
        .filter(|digits| digits.starts_with(|c| matches!(c, '1'..='9')))
        .and_then(|digits| digits.parse::<usize>().ok())
        .is_some_and(|number| number <= count)
}
