//! `alter`: changes fields that hold a certain value (source: logstash-filter-alter).

use crate::event::{Array, Event, EventError, Template, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{FieldName, Settings};

plugin_options! {
    /// Changes fields that hold a certain value.
    pub struct AlterOptions for Filter "alter" {
        /// Threes of a field, a value, and what takes its place where the field holds that value.
        condrewrite: Option<Vec<String>>,
        /// Fours of a field, a value, another field, and what that is set to where the first holds the value.
        condrewriteother: Option<Vec<String>>,
        /// A field, and texts of which it gets the first without an unresolved `%{field}`.
        coalesce: Option<Vec<String>>,
    }
}

/// Changes fields that hold a certain value.
pub struct Alter {
    rewrites: Vec<Rewrite>,
    coalesce: Option<(FieldName, Vec<Template>)>,
}

struct Rewrite {
    field: FieldName,
    expected: Template,
    /// Another field that is set instead.
    other: Option<FieldName>,
    replacement: Template,
}

impl BuildFilter for Alter {
    type Options = AlterOptions;

    fn build(options: AlterOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let own = groups(options.condrewrite, "condrewrite", 3, settings)?;
        let others = groups(options.condrewriteother, "condrewriteother", 4, settings)?;
        let mut rewrites = Vec::new();
        let own = own.iter().map(|group| ("condrewrite", group));
        let others = others.iter().map(|group| ("condrewriteother", group));
        for (option, group) in own.chain(others) {
            let span = settings.span_of(option);
            let mut field = |name: &str| FieldName::of(name, span, settings);
            rewrites.push(Rewrite {
                field: field(&group[0]),
                expected: Template::lenient(&group[1]),
                other: (group.len() == 4).then(|| field(&group[2])),
                replacement: Template::lenient(&group[group.len() - 1]),
            });
        }
        let coalesce = match options.coalesce {
            None => None,
            Some(texts) => {
                let span = settings.span_of("coalesce");
                let Some((name, values)) = texts.split_first().filter(|(_, rest)| !rest.is_empty())
                else {
                    settings.report(span, "`coalesce` takes a field and at least one value");
                    return None;
                };
                let values = values.iter().map(|value| Template::lenient(value));
                Some((FieldName::of(name, span, settings), values.collect()))
            }
        };
        Some(Self { rewrites, coalesce })
    }
}

/// The texts of an option in groups of `size`.
fn groups(
    texts: Option<Vec<String>>,
    option: &str,
    size: usize,
    settings: &mut Settings<'_>,
) -> Option<Vec<Vec<String>>> {
    let texts = texts.unwrap_or_default();
    if !texts.len().is_multiple_of(size) {
        let span = settings.span_of(option);
        let message = format!(
            "`{option}` takes groups of {size} values, found {}",
            texts.len()
        );
        settings.report(span, message);
        return None;
    }
    Some(texts.chunks_exact(size).map(<[String]>::to_vec).collect())
}

impl Filter for Alter {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let rewritten = self
            .rewrites
            .iter()
            .try_for_each(|rewrite| rewrite.apply(event));
        if rewritten.and_then(|()| self.coalesce(event)).is_ok() {
            return Outcome::Matched;
        }
        event.tag_all(self.failure_tags());
        Outcome::Unmatched
    }
}

impl Rewrite {
    fn apply(&self, event: &mut Event<'_>) -> Result<(), EventError> {
        let field = self.field.0.resolve(event)?;
        let expected = Value::Str(self.expected.try_render(event).map_err(Clone::clone)?);
        let replacement = Value::Str(self.replacement.try_render(event).map_err(Clone::clone)?);
        let arena = event.arena();
        let Some(value) = event.get(field) else {
            return Ok(());
        };
        let holds = match value {
            Value::Array(values) => values.contains(&expected),
            single => *single == expected,
        };
        if !holds {
            return Ok(());
        }
        let (target, value) = match (&self.other, value) {
            (Some(other), _) => (other.0.resolve(event)?, replacement),
            (None, Value::Array(values)) => {
                let values = values.iter().map(|value| match *value == expected {
                    true => replacement.clone(),
                    false => value.clone(),
                });
                (field, Value::Array(Array::from_iter_in(values, arena)))
            }
            (None, _) => (field, replacement),
        };
        Ok(event.set_checked(target, value)?)
    }
}

impl Alter {
    fn coalesce(&self, event: &mut Event<'_>) -> Result<(), EventError> {
        let Some((field, values)) = &self.coalesce else {
            return Ok(());
        };
        let field = field.0.resolve(event)?;
        for value in values {
            let text = value.try_render(event).map_err(Clone::clone)?;
            // Logstash passes over what holds a per cent sign, whatever it is for.
            if text != "nil" && !text.contains('%') {
                return Ok(event.set_checked(field, Value::Str(text))?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{ParseOptions, SourceMap, parse};
    use crate::filter::BuildContext;
    use crate::pipeline::Pipeline;
    use crate::spec::EcsCompatibility;

    #[test]
    fn a_warning_stands_at_the_option_that_it_is_about() {
        let value = r#"["[a", "1", "b", "2"]"#;
        let text = format!(
            r#"filter {{ alter {{ condrewrite => ["a", "1", "2"] condrewriteother => {value} }} }}"#
        );
        let mut sources = SourceMap::default();
        sources.add("alter.conf", text.clone());
        let (config, mut found) = parse(&sources, &ParseOptions::default());
        let context = BuildContext::new(EcsCompatibility::Disabled);
        Pipeline::compile(&config, &context, &mut found);
        let starts: Vec<usize> = found.iter().map(|one| one.span.start as usize).collect();
        assert_eq!(starts, [text.find(value).unwrap_or_default()]);
    }
}
