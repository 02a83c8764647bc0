//! `grok-capture`: captures that make an array where a value was meant, or that cannot be set at all.

use std::collections::{HashMap, HashSet};

use super::option;
use crate::config::Diagnostic;
use crate::config::ast::{Plugin, Spanned};
use crate::event::FieldRef;
use crate::grok::{Capture, Coercion, Grok, Library, PatternSet};
use crate::spec::{EcsCompatibility, Pairs};

const RULE: &str = "grok-capture";

/// Checks one grok filter.
pub(super) fn check(plugin: &Plugin, ecs: EcsCompatibility, found: &mut Vec<Diagnostic>) {
    if option::<String>(plugin, "target").is_some() {
        return;
    }
    let Some(library) = library(plugin, ecs) else {
        return;
    };
    let overwrite: Vec<String> = option(plugin, "overwrite").unwrap_or_default();
    let matches: Option<Pairs<Vec<Spanned<String>>>> = option(plugin, "match");
    for (field, patterns) in &matches.unwrap_or_default().0 {
        for pattern in patterns {
            let Ok(compiled) = Grok::compile(&pattern.node, &library, true) else {
                continue;
            };
            let captured: HashSet<String> = compiled
                .captures()
                .iter()
                .map(|capture| canonical(&capture.field))
                .collect();
            let same = canonical(&field.node);
            if captured.contains(&same) && !overwrites(&overwrite, &same) {
                let name = &field.node;
                let message = format!(
                    "`{name}` is matched and captured: it becomes an array of the old and the new text"
                );
                let help =
                    format!("add `overwrite => [\"{name}\"]`, or capture into another field");
                found.push(
                    Diagnostic::warning(pattern.span, message)
                        .help(help)
                        .rule(RULE),
                );
            }
            if captured.contains("@timestamp") {
                let message =
                    "`@timestamp` takes no text: the capture cannot be set, and the filter fails";
                let help = "capture into another field and set `@timestamp` with the date filter";
                found.push(
                    Diagnostic::warning(pattern.span, message)
                        .help(help)
                        .rule(RULE),
                );
            }
            if let Some(field) = differently_typed(compiled.captures()) {
                let message = format!(
                    "`{field}` is captured more than once, and not always as the same type"
                );
                let help = "set the type behind it, with `convert` of `mutate`: of captures that are written alike, as in `%{INT:n:int}`, only the first is converted";
                found.push(
                    Diagnostic::warning(pattern.span, message)
                        .help(help)
                        .rule(RULE),
                );
            } else if let Some(field) = compiled.set_twice(&library, canonical) {
                let message = format!("`{field}` is captured twice: it becomes an array of both");
                let help = "capture one of them into another field, or not at all";
                found.push(
                    Diagnostic::warning(pattern.span, message)
                        .help(help)
                        .rule(RULE),
                );
            }
            if let Some((outer, inner)) = nested(&captured) {
                let message = format!(
                    "`{outer}` and `{inner}` are both captured: `{outer}` cannot be text and hold fields"
                );
                found.push(Diagnostic::warning(pattern.span, message).rule(RULE));
            }
        }
    }
}

fn overwrites(overwrite: &[String], field: &str) -> bool {
    overwrite.iter().any(|name| canonical(name) == field)
}

/// A field that is captured twice, to become values of different types.
fn differently_typed(captures: &[Capture]) -> Option<String> {
    let mut types: HashMap<String, Coercion> = HashMap::new();
    captures.iter().find_map(|capture| {
        let field = canonical(&capture.field);
        let before = *types.entry(field.clone()).or_insert(capture.coercion);
        (before != capture.coercion).then_some(field)
    })
}

/// A captured field below another.
fn nested(captured: &HashSet<String>) -> Option<(&str, &str)> {
    let mut names: Vec<&str> = captured.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.iter().find_map(|outer| {
        let bracketed = match outer.starts_with('[') {
            true => format!("{outer}["),
            false => format!("[{outer}]["),
        };
        let inner = names.iter().find(|inner| inner.starts_with(&bracketed))?;
        Some((*outer, *inner))
    })
}

fn canonical(name: &str) -> String {
    FieldRef::parse(name).map_or_else(|_| name.to_owned(), |field| field.to_string())
}

/// The patterns that a grok filter knows; `None` where they cannot be read.
pub(super) fn library(plugin: &Plugin, ecs: EcsCompatibility) -> Option<Library> {
    let own: Option<String> = option(plugin, "ecs_compatibility");
    let ecs = own
        .and_then(|mode| EcsCompatibility::parse(&mode))
        .unwrap_or(ecs);
    let mut library = Library::new(match ecs.is_enabled() {
        true => PatternSet::EcsV1,
        false => PatternSet::Legacy,
    });
    let paths: Vec<String> = option(plugin, "patterns_dir").unwrap_or_default();
    let glob: Option<String> = option(plugin, "patterns_files_glob");
    library
        .add_paths(&paths, glob.as_deref().unwrap_or("*"))
        .ok()?;
    let definitions: Pairs<String> = option(plugin, "pattern_definitions").unwrap_or_default();
    for (name, definition) in definitions.iter() {
        library.define(name, definition);
    }
    Some(library)
}
