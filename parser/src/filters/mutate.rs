//! `mutate`: changes fields (source: logstash-filter-mutate).
//!
//! The operations run in Logstash's fixed order whatever the order of the options. The first one that
//! fails ends the filter with its tag; what the earlier ones did stays.

mod convert;
mod substitute;
mod text;

pub(crate) use convert::without_underscores;
pub(crate) use text::{split as split_text, strip as strip_text};

use convert::Conversion;
use substitute::Substitution;

use crate::config::ast::{Literal, Spanned};
use crate::event::{
    Array, Event, EventError, FieldRef, FieldTemplate, Template, Value, intern, is_legal_tags,
};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{FieldName, OptionType, Pairs, Settings};

plugin_options! {
    /// Renames, replaces, converts and otherwise changes fields.
    ///
    /// The operations run in this order, whatever the order of the options: `coerce`, `rename`, `update`, `replace`,
    /// `convert`, `gsub`, `uppercase`, `capitalize`, `lowercase`, `strip`, `split`, `join`, `merge`, `copy`. For
    /// another order write several `mutate` filters, one after the other. The pairs of a hash come in the order of a Java `HashMap`,
    /// as in Logstash; those of a list (`["a", "b", "c", "d"]`) in the order written.
    pub struct MutateOptions for Filter "mutate" {
        /// Values for fields that are null.
        coerce: Pairs<Template> = [],
        /// New names of fields; a field that had the new name is replaced.
        rename: Pairs<FieldTemplate> = [],
        /// New values of fields that exist.
        update: Pairs<Template> = [],
        /// New values of fields, whether they exist or not.
        replace: Pairs<Template> = [],
        /// The types that fields are converted to: `integer`, `integer_eu`, `float`, `float_eu`, `string` or `boolean`.
        /// The elements of an array are converted one by one. The types that end in `_eu` take a comma
        /// for the decimal point and a point between thousands.
        convert: Pairs<Spanned<String>> = [],
        /// Replacements by regular expression: field, expression, replacement, and so on. In the replacement `\0` to
        /// `\9` and `\k<name>` are what the groups matched. Expression and replacement may hold `%{field}`.
        gsub: Option<Spanned<Vec<Spanned<String>>>>,
        /// Fields to turn to upper case.
        uppercase: Vec<FieldName> = [],
        /// Fields whose first letter to turn to upper case and the others to lower case.
        capitalize: Vec<FieldName> = [],
        /// Fields to turn to lower case.
        lowercase: Vec<FieldName> = [],
        /// Fields from which to remove white space at both ends.
        strip: Vec<FieldName> = [],
        /// Strings to split into arrays, and by which separators.
        split: Pairs<String> = [],
        /// Arrays to join to strings, and with which separators.
        join: Pairs<String> = [],
        /// Fields to which the values of other fields are appended.
        merge: Pairs<Vec<FieldName>> = [],
        /// Fields to copy, and the names of the copies.
        copy: Pairs<CopyTarget> = [],
        /// The tag of an event on which an operation failed.
        tag_on_failure: String = "_mutate_error",
    }
}

/// The name of a copy. Of several, as where `copy` is set twice for a field, none is made: Logstash's pipeline ends at an event
/// that has the field; here the event gets the tag.
#[derive(Clone, Debug)]
pub struct CopyTarget(Option<FieldTemplate>);

impl OptionType for CopyTarget {
    const TAKES: &'static str = FieldName::TAKES;

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        if matches!(&value.node, Literal::Array(names) if names.len() > 1) {
            let message = "`copy` makes one copy of a field: with several names it fails";
            let help = "copy to each name in a `mutate` of its own; a `copy` that is written twice for a field has both names";
            settings.warn(value.span, message).help = Some(help.to_owned());
            return Some(Self(None));
        }
        let FieldName(field) = FieldName::read(value, settings)?;
        Some(Self(Some(field)))
    }
}

/// Changes fields.
pub struct Mutate {
    /// In the order in which they run.
    operations: Vec<Operation>,
    failure_tag: &'static str,
}

/// One change of one field. Field names are checked with the event, as Logstash does.
enum Operation {
    Coerce(FieldTemplate, Template),
    Rename(FieldTemplate, FieldTemplate),
    Update(FieldTemplate, Template),
    Replace(FieldTemplate, Template),
    Convert(FieldTemplate, Conversion),
    Substitute(FieldTemplate, Box<Substitution>),
    /// Upper case and the like: strings and the strings in an array.
    Respell(FieldTemplate, text::Respelling),
    Strip(FieldTemplate),
    Split(FieldTemplate, String),
    Join(FieldTemplate, String),
    Merge(FieldTemplate, Vec<FieldTemplate>),
    /// `None`: the copy fails.
    Copy(FieldTemplate, Option<FieldTemplate>),
}

/// An operation failed: the event gets the tag.
struct Failed;

impl From<EventError> for Failed {
    fn from(_: EventError) -> Self {
        Self
    }
}

impl From<crate::event::InvalidFieldSet> for Failed {
    fn from(_: crate::event::InvalidFieldSet) -> Self {
        Self
    }
}

impl From<&crate::event::TemplateError> for Failed {
    fn from(_: &crate::event::TemplateError) -> Self {
        Self
    }
}

impl BuildFilter for Mutate {
    type Options = MutateOptions;

    fn build(
        options: MutateOptions,
        settings: &mut Settings<'_>,
        _: &BuildContext,
    ) -> Option<Self> {
        let failure_tag = intern(&options.tag_on_failure);
        let operations = operations(options, settings)?;
        Some(Self {
            operations,
            failure_tag,
        })
    }
}

fn operations(options: MutateOptions, settings: &mut Settings<'_>) -> Option<Vec<Operation>> {
    let mut list = Vec::new();
    for (name, default) in options.coerce.0 {
        list.push(Operation::Coerce(field(&name, settings), default));
    }
    for (name, new) in options.rename.0 {
        let old = FieldTemplate::new(Template::lenient(&name.node));
        if let Some(error) = old.error() {
            settings.warn(name.span, error.to_string());
        }
        list.push(Operation::Rename(old, new));
    }
    for (name, value) in options.update.0 {
        list.push(Operation::Update(field(&name, settings), value));
    }
    for (name, value) in options.replace.0 {
        list.push(Operation::Replace(field(&name, settings), value));
    }
    let mut valid = true;
    for (name, kind) in options.convert.0 {
        let name = field(&name, settings);
        match Conversion::parse(&kind.node) {
            Some(conversion) => list.push(Operation::Convert(name, conversion)),
            None => {
                settings.report_choice(kind.span, &kind.node, Conversion::NAMES);
                valid = false;
            }
        }
    }
    if let Some(gsub) = options.gsub {
        valid &= add_substitutions(&gsub, settings, &mut list);
    }
    let respellings = [
        (options.uppercase, text::Respelling::Uppercase),
        (options.capitalize, text::Respelling::Capitalize),
        (options.lowercase, text::Respelling::Lowercase),
    ];
    for (names, respelling) in respellings {
        for name in names {
            list.push(Operation::Respell(name.0, respelling));
        }
    }
    for name in options.strip {
        list.push(Operation::Strip(name.0));
    }
    for (name, separator) in options.split.0 {
        list.push(Operation::Split(field(&name, settings), separator));
    }
    for (name, separator) in options.join.0 {
        list.push(Operation::Join(field(&name, settings), separator));
    }
    for (name, added) in options.merge.0 {
        let added = added.into_iter().map(|name| name.0).collect();
        list.push(Operation::Merge(field(&name, settings), added));
    }
    for (name, copy) in options.copy.0 {
        list.push(Operation::Copy(field(&name, settings), copy.0));
    }
    valid.then_some(list)
}

/// Reads `gsub`; `false` after an error was reported.
fn add_substitutions(
    gsub: &Spanned<Vec<Spanned<String>>>,
    settings: &mut Settings<'_>,
    list: &mut Vec<Operation>,
) -> bool {
    let count = gsub.node.len();
    if !count.is_multiple_of(3) {
        let message = format!(
            "`gsub` takes triples of field, expression and replacement, found {count} values"
        );
        settings.report(gsub.span, message);
        return false;
    }
    let mut valid = true;
    for triple in gsub.node.chunks_exact(3) {
        let name = field(&triple[0], settings);
        match Substitution::parse(&triple[1].node, &triple[2].node) {
            Ok(substitution) => list.push(Operation::Substitute(name, Box::new(substitution))),
            Err(error) => {
                settings.report(triple[1].span, error.to_string());
                valid = false;
            }
        }
    }
    valid
}

fn field(name: &Spanned<String>, settings: &mut Settings<'_>) -> FieldTemplate {
    FieldName::of(&name.node, name.span, settings).0
}

impl Filter for Mutate {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        for operation in &self.operations {
            if operation.apply(event, context).is_err() {
                event.tag(self.failure_tag);
                return Outcome::Unmatched;
            }
        }
        Outcome::Matched
    }

    fn failure_tags(&self) -> &[&'static str] {
        std::slice::from_ref(&self.failure_tag)
    }
}

impl Operation {
    fn apply<'a>(
        &self,
        event: &mut Event<'a>,
        context: &mut Context<'a, '_>,
    ) -> Result<(), Failed> {
        match self {
            Self::Coerce(field, default) => {
                let field = field.resolve(event)?;
                if event.contains(field) && matches!(event.get(field), Some(Value::Null)) {
                    event.set_checked(field, Value::Str(default.try_render(event)?))?;
                }
            }
            Self::Rename(old, new) => {
                let old = old.resolve(event)?;
                if event.contains(old) {
                    let new = new.resolve(event);
                    if matches!(new, Err(EventError::Template(_))) {
                        return Err(Failed);
                    }
                    // Under a name that is no field reference the value is lost, as in Logstash.
                    let value = event.remove(old).unwrap_or(Value::Null);
                    event.set_checked(new?, value)?;
                }
            }
            Self::Update(field, value) => {
                let field = field.resolve(event)?;
                if event.contains(field) {
                    event.set_checked(field, Value::Str(value.try_render(event)?))?;
                }
            }
            Self::Replace(field, value) => {
                let value = Value::Str(value.try_render(event)?);
                event.set_checked(field.resolve(event)?, value)?;
            }
            Self::Convert(field, conversion) => {
                let field = field.resolve(event)?;
                if let Some(converted) = conversion.convert_field(event, field)? {
                    event.set_checked(field, converted)?;
                }
            }
            Self::Substitute(field, substitution) => {
                let field = field.resolve(event)?;
                substitution.apply(event, field, context.scratch)?;
            }
            Self::Respell(field, respelling) => {
                let field = field.resolve(event)?;
                respelling.apply(event, field)?;
            }
            Self::Strip(field) => {
                let field = field.resolve(event)?;
                strip(event, field)?;
            }
            Self::Split(field, separator) => {
                let field = field.resolve(event)?;
                if let Some(Value::Str(text)) = event.get(field) {
                    let parts = text::split(text, separator, event.arena());
                    event.set_checked(field, Value::Array(parts))?;
                }
            }
            Self::Join(field, separator) => {
                let field = field.resolve(event)?;
                if let Some(Value::Array(values)) = event.get(field) {
                    let joined = text::join(values, separator, event.arena());
                    event.set_checked(field, Value::Str(joined))?;
                }
            }
            Self::Merge(field, added) => merge(event, field.resolve(event)?, added)?,
            Self::Copy(field, copy) => {
                let value = event.get_owned(field.resolve(event)?);
                if let Some(value) = value.filter(|value| !matches!(value, Value::Null)) {
                    let copy = copy.as_ref().ok_or(Failed)?;
                    event.set_checked(copy.resolve(event)?, value)?;
                }
            }
        }
        Ok(())
    }
}

/// In an array every element must be a string.
fn strip<'a>(event: &mut Event<'a>, field: FieldRef<'a>) -> Result<(), Failed> {
    let Some(value) = event.get_mut(field) else {
        return Ok(());
    };
    match value {
        Value::Str(text) => *text = text::strip(text),
        Value::Array(values) => {
            if !values.iter().all(|value| matches!(value, Value::Str(_))) {
                return Err(Failed);
            }
            for value in values {
                if let Value::Str(text) = value {
                    *text = text::strip(text);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Appends the values of other fields. An array or an object that is there already grows with each
/// of them; anything else is paired with each anew, so that the last one stays.
fn merge<'a>(
    event: &mut Event<'a>,
    field: FieldRef<'a>,
    added: &[FieldTemplate],
) -> Result<(), Failed> {
    let arena = event.arena();
    if matches!(event.get(field), Some(Value::Array(_))) {
        return append(event, field, added);
    }
    let mut old = event.get_owned(field).unwrap_or(Value::Null);
    for name in added {
        let more = event.get_owned(name.resolve(event)?).unwrap_or(Value::Null);
        match (&mut old, more) {
            (Value::Object(fields), Value::Object(more)) => {
                for (key, value) in more.iter() {
                    fields.set(key, value.clone());
                }
                event.set_checked(field, old.clone())?;
            }
            (Value::Object(_), _) | (_, Value::Object(_)) => {}
            (single, more) => {
                let mut values = Array::new_in(arena);
                extend(&mut values, single.clone());
                extend(&mut values, more);
                event.set_checked(field, Value::Array(values))?;
            }
        }
    }
    Ok(())
}

/// Appends the values of other fields to an array, which grows where it is.
fn append<'a>(
    event: &mut Event<'a>,
    field: FieldRef<'a>,
    added: &[FieldTemplate],
) -> Result<(), Failed> {
    for name in added {
        let more = event.get_owned(name.resolve(event)?).unwrap_or(Value::Null);
        if !matches!(more, Value::Object(_)) {
            event.check_list(field)?;
            let is_tags = field.top_level() == Some("tags");
            if is_tags && !is_legal_tags(&more) && !matches!(more, Value::Null) {
                return Err(Failed);
            }
            if let Some(Value::Array(values)) = event.get_mut(field) {
                extend(values, more);
            }
        }
    }
    Ok(())
}

/// Appends what Ruby's `Array()` makes of a value.
fn extend<'a>(values: &mut Array<'a>, more: Value<'a>) {
    match more {
        Value::Null => {}
        Value::Array(mut more) => values.append(&mut more),
        single => values.push(single),
    }
}
