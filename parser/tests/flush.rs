//! What filters give of themselves when time passes: the pipeline is flushed at given times, and the events that come of it
//! run through the filters behind.

#![expect(clippy::unwrap_used, reason = "a test")]

use kelp_parser::config::{ParseOptions, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Value, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

struct Run {
    pipeline: Pipeline,
    worker: WorkerState,
}

impl Run {
    fn new(config: &str) -> Self {
        let mut sources = SourceMap::default();
        sources.add("case.conf", config);
        let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
        let context = BuildContext::new(EcsCompatibility::Disabled);
        let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        Self {
            pipeline,
            worker: WorkerState::default(),
        }
    }

    fn event(&mut self, second: i64, json: &str) {
        let arena = Arena::new();
        let Ok(Value::Object(fields)) = parse_json(json, &arena, Fractions::Double) else {
            panic!("{json}");
        };
        let now = Timestamp::new(second, 0);
        let event = Event::from_object(&arena, fields, now);
        self.pipeline
            .run(event, now, &mut self.worker, &mut |_, _| {});
    }

    fn flush(&mut self, second: i64) -> Vec<serde_json::Value> {
        let arena = Arena::new();
        let mut made = Vec::new();
        let now = Timestamp::new(second, 0);
        self.pipeline
            .flush(&arena, now, false, &mut self.worker, &mut |event, _| {
                let mut json = Vec::new();
                write_json(&mut json, &event);
                made.push(serde_json::from_slice(&json).unwrap());
            });
        made
    }
}

#[test]
fn a_start_without_an_end_makes_an_event_in_time() {
    let mut run = Run::new(
        r#"filter {
             elapsed { start_tag => "start" end_tag => "end" unique_id_field => "[a][id]" timeout => 30 add_tag => "late" }
             mutate { remove_field => ["host", "@version"] add_field => { "seen" => "yes" } }
           }"#,
    );
    run.event(100, r#"{"a":{"id":"x"},"tags":["start"]}"#);
    run.event(101, r#"{"a":{"id":5},"tags":["start"]}"#);
    assert!(run.flush(129).is_empty());
    let made = run.flush(131);
    let expected = |id: serde_json::Value, time: i64, start: &str| {
        serde_json::json!({
            "@timestamp": "1970-01-01T00:02:11.000Z",
            "tags": ["elapsed", "elapsed_expired_error", "late"],
            "a": { "id": id },
            "elapsed_time": time,
            "elapsed_timestamp_start": start,
            "seen": "yes",
        })
    };
    assert_eq!(
        made,
        [
            expected("x".into(), 31, "1970-01-01T00:01:40.000Z"),
            expected(5.into(), 30, "1970-01-01T00:01:41.000Z"),
        ]
    );
    assert!(run.flush(200).is_empty());
}

#[test]
fn metrics_come_every_few_seconds() {
    let mut run = Run::new(
        r#"filter {
             metrics { meter => "http_%{code}" timer => { "took" => "%{ms}" } flush_interval => 10 clear_interval => 20
                       rates => [1] percentiles => [50, 100] add_tag => "metric" }
           }"#,
    );
    assert!(run.flush(0).is_empty());
    for ms in [1, 2, 3, 4] {
        run.event(1, &format!(r#"{{"code":200,"ms":{ms}}}"#));
    }
    run.event(2, r#"{"code":404,"ms":-1}"#);
    assert!(run.flush(5).is_empty());
    let made = run.flush(10);
    assert_eq!(made.len(), 1);
    let event = &made[0];
    assert_eq!(event["tags"], serde_json::json!(["metric"]));
    assert_eq!(event["http_200"]["count"], 4);
    assert_eq!(event["http_404"]["count"], 1);
    let took = &event["took"];
    assert_eq!(
        (&took["min"], &took["max"], &took["mean"]),
        (&1.0.into(), &4.0.into(), &2.5.into())
    );
    assert_eq!((&took["p50"], &took["p100"]), (&2.5.into(), &4.0.into()));
    assert_eq!(event["http_200"]["rate_1m"], 0.8);
    assert!(event["http_200"].get("rate_5m").is_none());
    assert_eq!(run.flush(20)[0]["http_200"]["count"], 4);
    // Cleared with the event before.
    assert!(run.flush(30).is_empty());
    run.event(31, r#"{"code":200,"ms":1}"#);
    assert_eq!(run.flush(40)[0]["http_200"]["count"], 1);
}
