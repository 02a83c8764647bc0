//! Running test cases: lines through a codec, events through the filters of a configuration.

use std::time::Instant;

use kelp_ingest::lines::StdinInputOptions;
use kelp_parser::codec::{DecodeContext, InvalidUtf8};
use kelp_parser::config::ast::{Config, Literal, Plugin, SectionKind, Statement};
use kelp_parser::config::{ParseOptions, SourceMap, parse, render};
use kelp_parser::event::{Event, FieldRef, Object, Value, limit_fields, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::input::InputCommon;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

use super::suite::{Case, Suite};
use crate::clock;
use crate::configuration::Configuration;
use crate::run::{EventLimits, caught};

/// Why cases cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    #[error("the codec cannot be used: {0}")]
    Codec(String),
    #[error("the configuration has no input with the id `{0}`")]
    NoInput(String),
    #[error("`{name}`: the field `{field}` cannot be set: {reason}")]
    Field {
        name: String,
        field: String,
        reason: String,
    },
    #[error("`{0}`: an event is nested too deeply")]
    Event(String),
    /// It went beyond a limit, or made a filter panic.
    #[error("`{name}`: {reason}")]
    LeftOut { name: String, reason: String },
}

/// What came of a case.
pub struct Run {
    /// The events, as JSON.
    pub events: Vec<serde_json::Value>,
    /// How long it took.
    pub seconds: f64,
}

/// Runs every case. Errors of the configuration go to its diagnostics.
pub fn run(
    suite: &Suite,
    configuration: &mut Configuration,
    ecs: EcsCompatibility,
) -> Result<Vec<Run>, ExecuteError> {
    let now = suite.now.unwrap_or_else(clock::now);
    limit_fields(EventLimits::default().max_fields);
    let input = input(suite, configuration, ecs)?;
    let mut pipeline = compile(configuration, ecs, now);
    let mut runs = Vec::new();
    if configuration.has_errors() {
        return Ok(runs);
    }
    for (number, case) in suite.cases.iter().enumerate() {
        // What a case leaves behind in a filter is not for the next one.
        if number > 0 {
            pipeline = compile(configuration, ecs, now);
        }
        let started = Instant::now();
        let events = caught(|| run_case(suite, case, &pipeline, &input, now));
        let events = events.map_err(|panicked| ExecuteError::LeftOut {
            name: case.name.clone(),
            reason: panicked.advice(),
        })??;
        runs.push(Run {
            events,
            seconds: started.elapsed().as_secs_f64(),
        });
    }
    Ok(runs)
}

fn compile(configuration: &mut Configuration, ecs: EcsCompatibility, now: Timestamp) -> Pipeline {
    let context = BuildContext::new(ecs).at(now).asking(crate::resolver::open);
    let mut found = Vec::new();
    let pipeline = Pipeline::compile(&configuration.config, &context, &mut found);
    configuration.diagnostics.extend(found);
    pipeline
}

fn run_case(
    suite: &Suite,
    case: &Case,
    pipeline: &Pipeline,
    reader: &InputCommon,
    now: Timestamp,
) -> Result<Vec<serde_json::Value>, ExecuteError> {
    // The limit is for what is made of one record.
    let mut arena = EventLimits::default().arena();
    let mut worker = WorkerState::default();
    let mut out = Vec::new();
    for input in &case.input {
        let mut events = Vec::new();
        match input {
            serde_json::Value::String(line) => reader.codec.decode(
                line.trim_end_matches('\n').as_bytes(),
                &mut DecodeContext {
                    arena: &arena,
                    timestamp: now,
                    invalid_utf8: InvalidUtf8::Replace,
                    emit: &mut |event| events.push(event),
                },
            ),
            object => {
                let text = arena.alloc_str(&object.to_string());
                match parse_json(text, &arena, Fractions::Double) {
                    Ok(Value::Object(fields)) => {
                        events.push(Event::from_object(&arena, fields, now));
                    }
                    _ => return Err(ExecuteError::Event(case.name.clone())),
                }
            }
        }
        for mut event in events {
            reader.decorate(&mut event);
            spread_references(&mut event);
            set_fields(&mut event, case)?;
            pipeline.run(event, now, &mut worker, &mut |event, _| {
                out.push(as_json(event, suite.export_metadata));
            });
        }
        arena.reset();
    }
    pipeline.flush(&arena, now, true, &mut worker, &mut |event, _| {
        out.push(as_json(event, suite.export_metadata));
    });
    Ok(out)
}

fn as_json(mut event: Event<'_>, with_metadata: bool) -> serde_json::Value {
    if with_metadata {
        let empty = Object::new(event.arena());
        let metadata = std::mem::replace(event.metadata_mut(), empty);
        if !metadata.is_empty() {
            let fields = event.fields_mut();
            fields.set("@metadata", Value::Object(metadata));
        }
    }
    let mut text = Vec::new();
    write_json(&mut text, &event);
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Names such as `[a][b]` are shorthand for nested fields in the events of a test.
fn spread_references(event: &mut Event<'_>) {
    let arena = event.arena();
    let named: Vec<&str> = event
        .fields()
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with('['))
        .collect();
    for name in named {
        if let Ok(field) = FieldRef::parse_in(arena, name)
            && let Some(value) = event.fields_mut().remove(name)
        {
            // A name that cannot be set stays away, and the test shows it.
            let _ = event.set(field, value);
        }
    }
}

fn set_fields(event: &mut Event<'_>, case: &Case) -> Result<(), ExecuteError> {
    let arena = event.arena();
    for (name, value) in &case.fields {
        let fail = |reason: String| ExecuteError::Field {
            name: case.name.clone(),
            field: name.clone(),
            reason,
        };
        let field = FieldRef::parse_in(arena, arena.alloc_str(name))
            .map_err(|error| fail(error.to_string()))?;
        let text = arena.alloc_str(&value.to_string());
        let value =
            parse_json(text, arena, Fractions::Double).map_err(|error| fail(error.to_string()))?;
        event
            .set(field, value)
            .map_err(|error| fail(error.to_string()))?;
    }
    Ok(())
}

/// What makes events of lines: the codec that the suite names, or the input that it names, with what that adds to events.
fn input(
    suite: &Suite,
    configuration: &Configuration,
    ecs: EcsCompatibility,
) -> Result<InputCommon, ExecuteError> {
    let mut own = SourceMap::default();
    let codec = suite.codec.as_deref().unwrap_or("plain");
    own.add("codec", format!("input {{ stdin {{ codec => {codec} }} }}"));
    let (parsed, mut found) = parse(&own, &ParseOptions::default());
    let (mut plugin, sources) = match &suite.input_plugin {
        None => (plugins(&parsed).first().copied().cloned(), &own),
        Some(id) => (named(&configuration.config, id), &configuration.sources),
    };
    if let (Some(id), None) = (&suite.input_plugin, &plugin) {
        return Err(ExecuteError::NoInput(id.clone()));
    }
    if let Some(plugin) = &mut plugin {
        let common = |name: &str| InputCommon::NAMES.contains(&name);
        plugin.settings.retain(|setting| common(&setting.name.node));
    }
    let read = plugin.and_then(|plugin| {
        InputCommon::read::<StdinInputOptions>(&plugin, "plain", ecs, &mut found)
    });
    match read {
        Some((common, _)) => Ok(common),
        None => Err(ExecuteError::Codec(render(&found, sources, false))),
    }
}

/// The inputs of a configuration that stand in no condition.
fn plugins(config: &Config) -> Vec<&Plugin> {
    let inputs = config.sections.iter();
    let inputs = inputs.filter(|section| section.kind == SectionKind::Input);
    inputs
        .flat_map(|section| &section.body)
        .filter_map(|statement| match statement {
            Statement::Plugin(plugin) => Some(plugin),
            _ => None,
        })
        .collect()
}

fn named(config: &Config, id: &str) -> Option<Plugin> {
    let mut inputs = plugins(config).into_iter();
    let found = inputs.find(|plugin| {
        plugin.name.node == id
            || plugin.settings.iter().any(|setting| {
                setting.name.node == "id"
                    && matches!(&setting.value.node,
                        Literal::String(text) | Literal::Bareword(text) if text == id)
            })
    });
    found.cloned()
}
