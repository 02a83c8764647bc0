//! `@timestamp` holds a timestamp, whatever a filter that is Ruby in Logstash is told to put there.

use kelp_parser::config::{ParseOptions, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::filter::BuildContext;
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

#[test]
fn what_is_no_timestamp_is_refused_with_a_tag() {
    for (filter, tag) in [
        (
            r#"alter { condrewriteother => ["message", "<a>b</a>", "@timestamp", "x"] }"#,
            "_filter_failure",
        ),
        (
            r#"alter { coalesce => ["@timestamp", "x"] }"#,
            "_filter_failure",
        ),
        (
            r#"range { ranges => ["message", 0, 99, "field:@timestamp:x"] }"#,
            "_filter_failure",
        ),
        (
            r#"json_encode { source => "message" target => "@timestamp" }"#,
            "_jsongeneratefailure",
        ),
        (
            r#"xml { source => "message" target => "@timestamp" }"#,
            "_xmlparsefailure",
        ),
        (
            r#"xml { source => "message" store_xml => false xpath => ["/a/text()", "@timestamp"] }"#,
            "_xmlparsefailure",
        ),
        (
            r#"split { field => "message" terminator => "b" target => "@timestamp" }"#,
            "_split_type_failure",
        ),
        (r#"json { source => "json" }"#, "_jsonparsefailure"),
        (r#"kv { source => "pairs" }"#, "_kv_filter_error"),
    ] {
        let mut sources = SourceMap::default();
        sources.add("timestamp.conf", format!("filter {{ {filter} }}"));
        let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
        let context = BuildContext::new(EcsCompatibility::Disabled);
        let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");

        let arena = Arena::new();
        let now = Timestamp::new(1, 0);
        let mut event = Event::new(&arena, now);
        let fields = event.fields_mut();
        fields.push("message", Value::Str("<a>b</a>"));
        fields.push("json", Value::Str(r#"{"[@timestamp]":"x"}"#));
        fields.push("pairs", Value::Str("@timestamp=x"));
        let mut events = 0;
        let mut worker = WorkerState::default();
        pipeline.run(event, now, &mut worker, &mut |event, _| {
            events += 1;
            assert_eq!(event.timestamp(), Some(now), "{filter}");
            let tags = event.fields().get("tags");
            let is_tagged =
                matches!(tags, Some(Value::Array(tags)) if tags.contains(&Value::Str(tag)));
            assert!(is_tagged, "{filter}: {:?}", event.fields());
        });
        assert!(events > 0, "{filter}");
    }
}
