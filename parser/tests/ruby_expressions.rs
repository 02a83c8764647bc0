//! Ruby expressions against data: `cases/ruby_expressions.txt` says what JRuby makes of each.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, FieldRef, Object, Value};
use kelp_parser::filter::BuildContext;
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

/// A script that evaluates the expression; what defines a method stands outside of others.
fn script(expression: &str) -> String {
    let (definition, body) = match expression.starts_with("def ") {
        true => expression.split_once(" end; ").unwrap(),
        false => ("", expression),
    };
    let end = if definition.is_empty() { "" } else { " end" };
    format!(
        "{definition}{end}\ndef run\n{body}\nend\ndef filter(event)\nevent.set('r', run.inspect)\n[event]\nend\n"
    )
}

fn evaluate(file: &Path, expression: &str) -> String {
    std::fs::write(file, script(expression)).unwrap();
    let mut sources = SourceMap::default();
    let config = format!(
        "filter {{ ruby {{ path => '{}' tag_with_exception_message => true }} }}",
        file.display()
    );
    sources.add("case.conf", config);
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(EcsCompatibility::Disabled);
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let error = diagnostics
        .iter()
        .find(|one| one.severity == Severity::Error);
    if let Some(error) = error {
        return error.message.clone();
    }
    let (arena, now) = (Arena::new(), Timestamp::new(1_700_000_000, 0));
    let event = Event::from_object(&arena, Object::new(&arena), now);
    let mut result = String::new();
    let mut worker = WorkerState::default();
    pipeline.run(event, now, &mut worker, &mut |event, _| {
        let field = |name| event.get(FieldRef::constant(name)).cloned();
        result = match (field("r"), field("tags")) {
            (Some(Value::Str(text)), _) => text.to_owned(),
            (_, tags) => format!("{tags:?}"),
        };
    });
    result
}

#[test]
fn every_expression_is_what_jruby_makes_of_it() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("expression.rb");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/ruby_expressions.txt");
    let text = std::fs::read_to_string(cases).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    let mut expression: Vec<&str> = Vec::new();
    for line in text.lines() {
        if expression.is_empty() && (line.is_empty() || line.starts_with('#')) {
            continue;
        }
        let Some(want) = line.strip_prefix("=> ") else {
            expression.push(line);
            continue;
        };
        let code = expression.join("\n");
        expression.clear();
        count += 1;
        let got = evaluate(&file, &code);
        if got != want {
            wrong.push(format!("{code}\n   got:  {got}\n   want: {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 500, "only {count} expressions found");
}
