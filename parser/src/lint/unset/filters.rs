//! What each filter sets, as its options tell.

use super::{Known, Open, keys, pairs, text, texts, value};
use crate::config::ast::Plugin;
use crate::grok::Grok;
use crate::lint::grok::library;
use crate::spec::EcsCompatibility;

/// Adds what a filter may set.
pub(super) fn read(plugin: &Plugin, ecs: EcsCompatibility, known: &mut Known) -> Result<(), Open> {
    let own = text(plugin, "ecs_compatibility");
    let ecs = own
        .and_then(|mode| EcsCompatibility::parse(&mode))
        .unwrap_or(ecs);
    own_fields(plugin, ecs.is_enabled(), known)?;
    known.add_all(keys(plugin, "add_field").iter().map(String::as_str))
}

fn own_fields(plugin: &Plugin, ecs: bool, known: &mut Known) -> Result<(), Open> {
    let target = text(plugin, "target");
    match plugin.name.node.as_str() {
        // They set nothing, or change what is there.
        "cidr" | "dns" | "drop" | "i18n" | "prune" | "range" | "sleep" | "throttle"
        | "truncate" | "urldecode" => Ok(()),
        "bytes" | "json_encode" | "split" | "tld" | "uuid" => {
            let field = text(plugin, "field").or(text(plugin, "source"));
            known.add_all(target.as_deref().or(field.as_deref()))?;
            if plugin.name.node == "tld" && target.is_none() {
                known.add("tld")?;
            }
            Ok(())
        }
        "clone" => known.add("type"),
        "csv" => csv(plugin, target, known),
        "date" => known.add(target.as_deref().unwrap_or("@timestamp")),
        "dissect" => dissect(plugin, known),
        "fingerprint" => {
            known.add_all([target.as_deref().unwrap_or("fingerprint"), "[event][hash]"])
        }
        "geoip" => geoip(plugin, target, ecs, known),
        "grok" => grok(plugin, target, ecs, known),
        "json" => known.add(&target.ok_or(Open)?),
        "kv" => kv(plugin, target, known),
        "mutate" => mutate(plugin, known),
        "syslog_pri" => known.add_all([
            "[log][syslog]",
            "syslog_severity_code",
            "syslog_facility_code",
            "syslog_facility",
            "syslog_severity",
        ]),
        "translate" => {
            let legacy = text(plugin, "destination").or(target);
            let source = text(plugin, "source").or(text(plugin, "field"));
            known.add_all(legacy.as_deref().or(Some("translation")))?;
            known.add_all(source.as_deref())
        }
        "useragent" => match target {
            Some(target) => known.add(&target),
            None if ecs => known.add("user_agent"),
            None => Err(Open),
        },
        "xml" => {
            known.add_all(target.as_deref())?;
            let paths = pairs(plugin, "xpath");
            let stored = text(plugin, "store_xml");
            if target.is_none() && stored.as_deref() != Some("false") {
                return Err(Open);
            }
            known.add_all(paths.iter().filter_map(|(_, field)| field.as_deref()))
        }
        // What code sets, or one that is not known here.
        _ => Err(Open),
    }
}

fn csv(plugin: &Plugin, target: Option<String>, known: &mut Known) -> Result<(), Open> {
    if let Some(target) = target {
        return known.add(&target);
    }
    if value(plugin, "autodetect_column_names").is_some() {
        return Err(Open);
    }
    known.add_all(texts(plugin, "columns").iter().map(String::as_str))
}

fn geoip(
    plugin: &Plugin,
    target: Option<String>,
    ecs: bool,
    known: &mut Known,
) -> Result<(), Open> {
    match target {
        Some(target) => known.add(&target),
        None if !ecs => known.add("geoip"),
        None => {
            // What is found lies beside the address: [client][geo] for [client][ip].
            let source = text(plugin, "source").ok_or(Open)?;
            let (parent, _) = source.rsplit_once('[').ok_or(Open)?;
            known.add(parent)
        }
    }
}

fn kv(plugin: &Plugin, target: Option<String>, known: &mut Known) -> Result<(), Open> {
    if let Some(target) = target {
        return known.add(&target);
    }
    let included = texts(plugin, "include_keys");
    if included.is_empty() || value(plugin, "prefix").is_some() {
        return Err(Open);
    }
    known.add_all(included.iter().map(String::as_str))?;
    known.add_all(keys(plugin, "default_keys").iter().map(String::as_str))
}

fn mutate(plugin: &Plugin, known: &mut Known) -> Result<(), Open> {
    for name in ["replace", "merge", "coerce"] {
        known.add_all(keys(plugin, name).iter().map(String::as_str))?;
    }
    for name in ["rename", "copy"] {
        for (_, to) in pairs(plugin, name) {
            known.add(&to.ok_or(Open)?)?;
        }
    }
    Ok(())
}

/// `%{name}`, `%{+name/2}`, `%{name->}`; `%{?name}` sets nothing, `%{&name}` a field of any name.
fn dissect(plugin: &Plugin, known: &mut Known) -> Result<(), Open> {
    for (_, mapping) in pairs(plugin, "mapping") {
        let mapping = mapping.ok_or(Open)?;
        for rest in mapping.split("%{").skip(1) {
            let (name, _) = rest.split_once('}').ok_or(Open)?;
            let name = name.strip_suffix("->").unwrap_or(name);
            match name.chars().next() {
                None | Some('?') => {}
                Some('&' | '*') => return Err(Open),
                Some('+') => {
                    let name = name[1..]
                        .split_once('/')
                        .map_or(&name[1..], |(name, _)| name);
                    known.add(name)?;
                }
                Some(_) => known.add(name)?,
            }
        }
    }
    Ok(())
}

fn grok(plugin: &Plugin, target: Option<String>, ecs: bool, known: &mut Known) -> Result<(), Open> {
    if let Some(target) = target {
        return known.add(&target);
    }
    let mode = match ecs {
        true => EcsCompatibility::V8,
        false => EcsCompatibility::Disabled,
    };
    let library = library(plugin, mode).ok_or(Open)?;
    let named_only = text(plugin, "named_captures_only").as_deref() != Some("false");
    let matches: crate::spec::Pairs<Vec<String>> =
        crate::lint::option(plugin, "match").unwrap_or_default();
    for (_, patterns) in matches.iter() {
        for pattern in patterns {
            let compiled = Grok::compile(pattern, &library, named_only).map_err(|_| Open)?;
            let fields = compiled
                .captures()
                .iter()
                .map(|capture| capture.field.as_str());
            known.add_all(fields)?;
        }
    }
    Ok(())
}
