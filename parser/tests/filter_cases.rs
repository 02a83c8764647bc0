//! Filters against data: every file of `cases/filters` holds cases, each a configuration, events that
//! go in and the events that must come out.
//!
//! ```text
//! === what the case shows
//! ecs disabled                     (a line that is left out for v8)
//! filter { ... }                   (any number of lines)
//! >>> {"message":"in"}             (an event that goes in; one worker sees them all, in order)
//! <<< {"message":"out"}            (an event that comes of it, whole but for @timestamp and @version,
//!                                   which are compared only where they are written, as is what lies
//!                                   in @metadata; none: dropped)
//! !!! text                         (instead of events: part of the error that the configuration gets)
//! ```
//! Lines that start with `#` are comments. `FIXTURES` in a configuration is the directory `cases/fixtures`.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Object, Value, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

/// When all of it happens: 2026-11-24T00:00:00Z.
const NOW: i64 = 1_795_478_400;

#[derive(Default)]
struct Case {
    name: String,
    ecs: EcsCompatibility,
    config: String,
    events: Vec<(String, Vec<String>)>,
    error: Option<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case {
                name: name.to_owned(),
                ..Case::default()
            });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            assert!(line.is_empty(), "before the first case: {line}");
            continue;
        };
        if let Some(mode) = line.strip_prefix("ecs ") {
            case.ecs = EcsCompatibility::parse(mode).unwrap();
        } else if let Some(event) = line.strip_prefix(">>> ") {
            case.events.push((event.to_owned(), Vec::new()));
        } else if let Some(event) = line.strip_prefix("<<< ") {
            case.events.last_mut().unwrap().1.push(event.to_owned());
        } else if let Some(error) = line.strip_prefix("!!! ") {
            case.error = Some(error.to_owned());
        } else {
            case.config.push_str(line);
            case.config.push('\n');
        }
    }
    cases
}

/// What is wrong with a case, if anything is.
fn check(case: &Case) -> Result<(), String> {
    let mut sources = SourceMap::default();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/fixtures");
    let fixtures = fixtures.to_string_lossy();
    sources.add("case.conf", case.config.replace("FIXTURES", &fixtures));
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext { ecs: case.ecs };
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let errors: Vec<&str> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.message.as_str())
        .collect();
    match (&case.error, &errors[..]) {
        (None, []) => {}
        (Some(want), errors) if errors.iter().any(|error| error.contains(want)) => return Ok(()),
        (want, errors) => return Err(format!("errors {errors:?}, want {want:?}")),
    }
    let arena = Arena::new();
    let mut worker = WorkerState::default();
    let now = Timestamp::new(NOW, 0);
    for (input, want) in &case.events {
        let Ok(Value::Object(fields)) = parse_json(input, &arena, Fractions::Double) else {
            return Err(format!("not an object: {input}"));
        };
        let event = Event::from_object(&arena, fields, now);
        let mut out = Vec::new();
        pipeline.run(event, now, &mut worker, &mut |mut event, _| {
            let metadata = std::mem::replace(event.metadata_mut(), Object::new(&arena));
            if !metadata.is_empty() {
                let fields = event.fields_mut();
                fields.set("@metadata", Value::Object(metadata));
            }
            let mut text = Vec::new();
            write_json(&mut text, &event);
            out.push(String::from_utf8(text).unwrap());
        });
        if !same(&out, want) {
            let list = |events: &[String]| events.join("\n         ");
            return Err(format!("got:  {}\n   want: {}", list(&out), list(want)));
        }
    }
    Ok(())
}

fn same(got: &[String], want: &[String]) -> bool {
    got.len() == want.len()
        && got.iter().zip(want).all(|(got, want)| {
            let want: serde_json::Value = serde_json::from_str(want).unwrap();
            let mut got: serde_json::Value = serde_json::from_str(got).unwrap();
            for name in ["@timestamp", "@version", "@metadata"] {
                if want.get(name).is_none() {
                    got.as_object_mut().unwrap().remove(name);
                }
            }
            got == want
        })
}

#[test]
fn every_case_holds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/filters");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        for case in cases(&std::fs::read_to_string(&path).unwrap()) {
            count += 1;
            if let Err(error) = check(&case) {
                wrong.push(format!("{file}: {}\n   {error}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "only {count} cases found");
}
