//! `de_dot`: renames fields that have dots in their names (source: logstash-filter-de_dot).

use crate::event::{Arena, ArenaString, Event, EventError, FieldRef, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Renames fields that have dots in their names: `a.b` becomes `a_b`, or the field `b` of the object `a`.
    ///
    /// Elasticsearch takes both forms since version 2.0, so that this is seldom needed.
    pub struct DeDotOptions for Filter "de_dot" {
        /// What takes the place of a dot.
        separator: String = "_",
        /// Makes objects: `a.b` becomes `[a][b]`. The separator is then not used.
        nested: bool = false,
        /// Also renames fields within objects.
        recursive: bool = false,
        /// The fields to rename; all top-level fields where they are not given.
        fields: Option<Vec<String>>,
        /// The tag added when a field cannot be renamed.
        tag_on_failure: String = "_de_dot_error",
    }
}

/// Renames fields.
pub struct DeDot {
    separator: &'static str,
    recursive: bool,
    fields: Option<Vec<&'static str>>,
    tag_on_failure: &'static str,
}

impl BuildFilter for DeDot {
    type Options = DeDotOptions;

    fn build(options: DeDotOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        if options.separator.contains('.') {
            let span = settings.span_of("separator");
            let message = format!("the separator `{}` must not hold a dot", options.separator);
            settings.report(span, message);
            return None;
        }
        let separator = if options.nested {
            "]["
        } else {
            intern(&options.separator)
        };
        let fields = options.fields;
        Some(Self {
            separator,
            recursive: options.recursive,
            fields: fields.map(|fields| fields.iter().map(|field| intern(field)).collect()),
            tag_on_failure: intern(&options.tag_on_failure),
        })
    }
}

impl Filter for DeDot {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        match self.rename_all(event) {
            Ok(()) => Outcome::Matched,
            Err(_) => {
                event.tag(self.tag_on_failure);
                Outcome::Unmatched
            }
        }
    }
}

impl DeDot {
    fn rename_all<'a>(&self, event: &mut Event<'a>) -> Result<(), EventError> {
        let arena = event.arena();
        if let Some(fields) = &self.fields {
            for field in fields {
                let there = event.contains(FieldRef::parse_in(arena, field)?);
                if there && (field.contains('.') || self.recursive) {
                    self.rename(event, field)?;
                }
            }
            return Ok(());
        }
        // A field without dots in its name, or below it, costs a look and no more.
        let dotted: Vec<&'a str> = event
            .fields()
            .iter()
            .filter(|(name, value)| name.contains('.') || self.recursive && has_dotted_field(value))
            .map(|(name, _)| name)
            .collect();
        dotted.iter().try_for_each(|name| {
            // A name in brackets is read as a reference, and may name another field, or none.
            if event.contains(FieldRef::parse_in(arena, name)?) {
                self.rename(event, name)?;
            }
            Ok(())
        })
    }

    /// Renames a field by its reference as text, as the plugin does it: dots are replaced wherever they stand in it.
    fn rename<'a>(&self, event: &mut Event<'a>, reference: &'a str) -> Result<(), EventError> {
        let arena = event.arena();
        let mut reference = reference;
        if self.separator == "][" || self.recursive {
            let open = if reference.starts_with('[') { "" } else { "[" };
            let close = if reference.ends_with(']') { "" } else { "]" };
            reference = joined(arena, &[open, reference, close]);
        }
        if reference.contains('.') {
            let renamed = arena.alloc_str(&reference.replace('.', self.separator));
            let old = FieldRef::parse_in(arena, reference)?;
            let value = event.get_owned(old).unwrap_or(Value::Null);
            event.set(FieldRef::parse_in(arena, renamed)?, value)?;
            let removed = FieldRef::parse_in(arena, up_to_dotted(arena, reference))?;
            event.remove(removed);
            reference = renamed;
        }
        if !self.recursive {
            return Ok(());
        }
        let below: Vec<&'a str> = match event.get(FieldRef::parse_in(arena, reference)?) {
            Some(Value::Object(object)) => object.iter().map(|(name, _)| name).collect(),
            _ => return Ok(()),
        };
        below.iter().try_for_each(|name| {
            let reference = joined(arena, &[reference, "[", name, "]"]);
            self.rename(event, reference)
        })
    }
}

/// The part of a reference up to the first name with a dot, which is what is removed.
fn up_to_dotted<'a>(arena: &'a Arena, reference: &str) -> &'a str {
    let mut out = ArenaString::new_in(arena);
    for name in reference.replace('[', "").split(']') {
        out.push('[');
        out.push_str(name);
        out.push(']');
        if name.contains('.') {
            break;
        }
    }
    out.into_bump_str()
}

fn joined<'a>(arena: &'a Arena, parts: &[&str]) -> &'a str {
    let mut out = ArenaString::new_in(arena);
    for part in parts {
        out.push_str(part);
    }
    out.into_bump_str()
}

fn has_dotted_field(value: &Value<'_>) -> bool {
    match value {
        Value::Object(object) => object
            .iter()
            .any(|(name, value)| name.contains('.') || has_dotted_field(value)),
        _ => false,
    }
}
