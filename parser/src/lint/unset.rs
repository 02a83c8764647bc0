//! `never-set`: a field that a condition or a `%{}` looks at, though nothing sets it.
//!
//! It speaks only where every way to set a field is known: inputs whose codec makes the same fields of every payload, and filters
//! that name what they set. One codec such as `json`, or one filter such as `ruby`, and it is silent.

mod filters;

use std::collections::BTreeSet;

use super::{Visited, conditions, walk};
use crate::config::ast::{Config, Expr, Literal, Operand, Plugin, SectionKind, Spanned};
use crate::config::{Diagnostic, Span, nearest};
use crate::event::{FieldRef, Root};
use crate::spec::{EcsCompatibility, string_of};

const RULE: &str = "never-set";

/// What is set on the way of an event; every place is a root field and what lies below it.
#[derive(Default)]
struct Known {
    places: BTreeSet<Vec<String>>,
}

/// A plugin whose fields cannot be told.
struct Open;

impl Known {
    /// Adds a field by its reference. What hangs on the event cannot be told.
    fn add(&mut self, name: &str) -> Result<(), Open> {
        if name.contains("%{") {
            return Err(Open);
        }
        self.places.insert(place_of(name).ok_or(Open)?);
        Ok(())
    }

    fn add_all<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> Result<(), Open> {
        names.into_iter().try_for_each(|name| self.add(name))
    }

    /// Whether a field, something in it, or something that it lies in is set.
    fn has(&self, place: &[String]) -> bool {
        let is_column = place[0].strip_prefix("column").is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        is_column
            || self
                .places
                .iter()
                .any(|known| known.iter().zip(place).all(|(one, other)| one == other))
    }
}

/// The names on the way to a field, `@metadata` among them.
fn place_of(name: &str) -> Option<Vec<String>> {
    let field = FieldRef::parse(name).ok()?;
    let root = (field.root() == Root::Metadata).then_some("@metadata");
    let names = root.into_iter().chain(field.segments().iter().copied());
    Some(names.map(str::to_owned).collect())
}

/// Checks all conditions and templates.
pub(super) fn check(config: &Config, ecs: EcsCompatibility, found: &mut Vec<Diagnostic>) {
    let Ok(known) = read(config, ecs) else {
        return;
    };
    let mut told = BTreeSet::new();
    let mut tell = |name: &str, span: Span| {
        let Some(place) = place_of(name).filter(|place| !place.is_empty()) else {
            return;
        };
        if known.has(&place) || !told.insert((span.start, place)) {
            return;
        }
        let message = format!("nothing sets the field `{name}`");
        let diagnostic = Diagnostic::warning(span, message).rule(RULE);
        let tops = known.places.iter().filter(|known| known.len() == 1);
        let near = nearest(name, tops.map(|place| place[0].as_str()));
        found.push(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("no input and no filter of this configuration makes it"),
        });
    };
    for section in &config.sections {
        walk(&section.body, &mut |visited| match visited {
            Visited::Condition(condition, _) => fields_of(condition, &mut tell),
            Visited::Plugin(plugin) => {
                for (text, span) in templates(section.kind, plugin) {
                    names_in(&text).for_each(|name| tell(name, span));
                }
            }
        });
    }
}

fn read(config: &Config, ecs: EcsCompatibility) -> Result<Known, Open> {
    let mut known = Known::default();
    let mut is_fed = false;
    known.add_all([
        "@timestamp",
        "@version",
        "tags",
        "message",
        "[event][original]",
    ])?;
    for section in &config.sections {
        let mut result = Ok(());
        walk(&section.body, &mut |visited| {
            if let (Visited::Plugin(plugin), Ok(())) = (visited, &result) {
                result = match section.kind {
                    SectionKind::Input => {
                        is_fed = true;
                        input(plugin, &mut known)
                    }
                    SectionKind::Filter => filters::read(plugin, ecs, &mut known),
                    SectionKind::Output => Ok(()),
                };
            }
        });
        result?;
    }
    // A file with filters alone is a part of something else.
    if is_fed { Ok(known) } else { Err(Open) }
}

fn input(plugin: &Plugin, known: &mut Known) -> Result<(), Open> {
    match plugin.name.node.as_str() {
        "kafka" => {
            let decorates = text(plugin, "decorate_events");
            if !matches!(decorates.as_deref(), None | Some("false" | "none")) {
                known.add("[@metadata][kafka]")?;
            }
        }
        "file" | "stdin" | "generator" => {
            known.add_all(["host", "path", "log", "event", "sequence"])?;
        }
        _ => return Err(Open),
    }
    if let Some(codec) = value(plugin, "codec") {
        match &codec.node {
            Literal::Plugin(codec) => input_codec(&codec.name.node, Some(codec), known)?,
            name => input_codec(&string_of(name).unwrap_or_default(), None, known)?,
        }
    }
    if text(plugin, "type").is_some() {
        known.add("type")?;
    }
    known.add_all(keys(plugin, "add_field").iter().map(String::as_str))
}

fn input_codec(name: &str, codec: Option<&Plugin>, known: &mut Known) -> Result<(), Open> {
    match (name, codec) {
        ("plain" | "line" | "multiline", _) => Ok(()),
        ("csv", Some(codec)) if value(codec, "autodetect_column_names").is_none() => {
            let columns = texts(codec, "columns");
            known.add_all(columns.iter().map(String::as_str))?;
            known.add_all(text(codec, "target").as_deref())
        }
        _ => Err(Open),
    }
}

/// The texts of a plugin in which `%{}` stands for a field of the event.
fn templates(kind: SectionKind, plugin: &Plugin) -> Vec<(String, Span)> {
    const OF_FILTERS: &[&str] = &["add_field", "add_tag", "remove_tag", "replace", "update"];
    let mut found = Vec::new();
    for setting in &plugin.settings {
        let is_template = match kind {
            SectionKind::Input => false,
            SectionKind::Filter => OF_FILTERS.contains(&setting.name.node.as_str()),
            SectionKind::Output => true,
        };
        if is_template {
            collect(&setting.value, &mut found);
        }
    }
    found
}

fn collect(value: &Spanned<Literal>, found: &mut Vec<(String, Span)>) {
    match &value.node {
        Literal::String(text) => found.push((text.clone(), value.span)),
        Literal::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Literal::Hash(pairs) => {
            for (key, value) in pairs {
                collect(key, found);
                collect(value, found);
            }
        }
        Literal::Plugin(codec) => {
            let settings = codec.settings.iter();
            settings.for_each(|setting| collect(&setting.value, found));
        }
        Literal::Bareword(_) | Literal::Number(_) => {}
    }
}

/// The fields in a text's `%{}`; times such as `%{+yyyy}` are none.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let rest = text.split("%{").skip(1);
    let names = rest.filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    names.filter(|name| !name.is_empty() && !name.starts_with(['+', '{']))
}

fn fields_of(condition: &Expr, tell: &mut dyn FnMut(&str, Span)) {
    let mut look = |operand: &Spanned<Operand>| {
        // `["a"]` is the field `"a"` to the parser, and another rule's business.
        if let Operand::Field(name) = &operand.node
            && !name.contains(['"', '\''])
        {
            tell(name, operand.span);
        }
    };
    conditions::each_leaf(condition, &mut |leaf| match leaf {
        Expr::Compare { left, right, .. } => {
            look(left);
            look(right);
        }
        Expr::Match { value, .. } => look(value),
        Expr::In {
            needle, haystack, ..
        } => {
            look(needle);
            look(haystack);
        }
        Expr::Truthy(operand) => look(operand),
        _ => {}
    });
}

fn value<'p>(plugin: &'p Plugin, name: &str) -> Option<&'p Spanned<Literal>> {
    let settings = plugin.settings.iter();
    settings
        .rev()
        .find(|setting| setting.name.node == name)
        .map(|setting| &setting.value)
}

fn text(plugin: &Plugin, name: &str) -> Option<String> {
    value(plugin, name).and_then(|value| string_of(&value.node))
}

/// All texts of a list, or the one.
fn texts(plugin: &Plugin, name: &str) -> Vec<String> {
    let settings = plugin.settings.iter();
    let given = settings.filter(|setting| setting.name.node == name);
    let values = given.flat_map(|setting| match &setting.value.node {
        Literal::Array(values) => values.iter().collect(),
        _ => vec![&setting.value],
    });
    values.filter_map(|value| string_of(&value.node)).collect()
}

/// Keys and values of a hash, however it is written.
fn pairs(plugin: &Plugin, name: &str) -> Vec<(String, Option<String>)> {
    let settings = plugin.settings.iter();
    let given = settings.filter(|setting| setting.name.node == name);
    given
        .flat_map(|setting| match &setting.value.node {
            Literal::Hash(pairs) => pairs
                .iter()
                .map(|(key, value)| (string_of(&key.node), string_of(&value.node)))
                .collect(),
            Literal::Array(values) => values
                .chunks(2)
                .map(|pair| {
                    let value = pair.get(1).and_then(|value| string_of(&value.node));
                    (string_of(&pair[0].node), value)
                })
                .collect(),
            _ => Vec::new(),
        })
        .filter_map(|(key, value): (Option<String>, Option<String>)| Some((key?, value)))
        .collect()
}

fn keys(plugin: &Plugin, name: &str) -> Vec<String> {
    pairs(plugin, name)
        .into_iter()
        .map(|(key, _)| key)
        .collect()
}
