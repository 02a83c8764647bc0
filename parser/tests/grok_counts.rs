//! What the grok filter counts of each of its patterns.

use kelp_parser::config::{ParseOptions, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::filter::BuildContext;
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

#[test]
fn every_pattern_counts_for_itself() {
    let config = r#"filter {
        mutate { }
        grok { match => { "message" => ["^%{INT:n}$", "^%{WORD:w}$"] "other" => "x" } }
    }"#;
    let mut sources = SourceMap::default();
    sources.add("counts.conf", config);
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(EcsCompatibility::V8);
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");

    let arena = Arena::new();
    let mut worker = WorkerState::default();
    let now = Timestamp::new(0, 0);
    for text in ["1", "2", "word", "two words", "3"] {
        let mut event = Event::new(&arena, now);
        event.fields_mut().push("message", Value::Str(text));
        pipeline.run(event, now, &mut worker, &mut |_, _| {});
    }

    let names: Vec<_> = pipeline.count_names().collect();
    assert!(names[0].is_empty());
    let counted: Vec<String> = names[1]
        .iter()
        .zip(worker.counts.last().unwrap())
        .map(|(name, count)| format!("{}: {} {}: {count}", name.field, name.of, name.what))
        .collect();
    assert_eq!(
        counted,
        [
            // The fields are taken in the order of Logstash's map, not as written.
            "other: x tried: 5",
            "other: x matched: 0",
            "other: x timed out: 0",
            "message: ^%{INT:n}$ tried: 5",
            "message: ^%{INT:n}$ matched: 3",
            "message: ^%{INT:n}$ timed out: 0",
            "message: ^%{WORD:w}$ tried: 2",
            "message: ^%{WORD:w}$ matched: 1",
            "message: ^%{WORD:w}$ timed out: 0",
        ]
    );
}
