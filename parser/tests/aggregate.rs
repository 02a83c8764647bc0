//! What the filter `aggregate` does when time passes and when the program stops and starts again.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::PathBuf;

use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Value, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;
use serde_json::json;

struct Run {
    pipeline: Pipeline,
    worker: WorkerState,
}

fn compile(config: &str) -> Result<Run, Vec<String>> {
    let mut sources = SourceMap::default();
    sources.add("case.conf", config);
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(EcsCompatibility::V8);
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| one.message.clone())
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Run {
        pipeline,
        worker: WorkerState::default(),
    })
}

fn json_of(event: &Event<'_>) -> serde_json::Value {
    let mut json = Vec::new();
    write_json(&mut json, event);
    let mut json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    json.as_object_mut().unwrap().remove("@timestamp");
    json.as_object_mut().unwrap().remove("@version");
    json
}

impl Run {
    fn event(&mut self, second: i64, json: &str) -> Vec<serde_json::Value> {
        let arena = Arena::new();
        let Ok(Value::Object(fields)) = parse_json(json, &arena, Fractions::Double) else {
            panic!("{json}");
        };
        let now = Timestamp::new(second, 0);
        let event = Event::from_object(&arena, fields, now);
        let mut made = Vec::new();
        self.pipeline
            .run(event, now, &mut self.worker, &mut |event, _| {
                made.push(json_of(&event));
            });
        made
    }

    fn flush(&mut self, second: i64, closing: bool) -> Vec<serde_json::Value> {
        let arena = Arena::new();
        let mut made = Vec::new();
        let now = Timestamp::new(second, 0);
        self.pipeline
            .flush(&arena, now, closing, &mut self.worker, &mut |event, _| {
                made.push(json_of(&event));
            });
        made
    }
}

const COUNT: &str = "map['n'] = (map['n'] || 0) + 1; map['id'] = event.get('id')";

#[test]
fn maps_that_time_out_become_events_in_the_order_in_which_they_began() {
    let config = format!(
        r#"filter {{
             aggregate {{ task_id => "%{{id}}" code => "{COUNT}" timeout => 20 inactivity_timeout => 10
                          push_map_as_event_on_timeout => true timeout_tags => ["timeout"] timeout_task_id_field => "task"
                          timeout_code => "event.set('more', event.get('n') > 1)" }}
             mutate {{ add_field => {{ "behind" => "yes" }} }}
           }}"#
    );
    let mut run = compile(&config).unwrap();
    for (second, id) in [(0, "b"), (1, "a"), (5, "c"), (9, "a"), (12, "c")] {
        run.event(second, &format!(r#"{{"id":"{id}"}}"#));
    }
    let event = |id: &str, n: i64| json!({ "id": id, "n": n, "more": n > 1, "task": id, "tags": ["timeout"], "behind": "yes" });
    // `b` has rested for more than ten seconds; the others have not.
    assert_eq!(run.flush(13, false), [event("b", 1)]);
    assert!(run.flush(14, false).is_empty());
    run.event(16, r#"{"id":"a"}"#);
    // `a` has been there for more than twenty seconds, `c` has rested.
    assert_eq!(run.flush(25, false), [event("a", 3), event("c", 2)]);
    assert_eq!(
        run.event(26, r#"{"id":"a"}"#),
        [json!({"id":"a","behind":"yes"})]
    );
    // A map that has not timed out is no event, even at the end.
    assert!(run.flush(27, true).is_empty());
}

#[test]
fn without_push_a_map_that_times_out_is_forgotten() {
    let config = r#"filter { aggregate { task_id => "%{id}" code => "map['n'] = (map['n'] || 0) + 1; event.set('n', map['n'])" } }"#;
    let mut run = compile(config).unwrap();
    let n = |events: Vec<serde_json::Value>| events[0]["n"].as_i64().unwrap();
    assert_eq!(n(run.event(0, r#"{"id":1}"#)), 1);
    assert_eq!(n(run.event(1800, r#"{"id":1}"#)), 2);
    assert!(run.flush(1800, false).is_empty());
    assert_eq!(n(run.event(1800, r#"{"id":1}"#)), 3);
    assert!(run.flush(2701, false).is_empty());
    assert_eq!(n(run.event(2701, r#"{"id":1}"#)), 1);
}

#[test]
fn a_timeout_that_the_code_sets_counts_at_every_flush() {
    let config = format!(
        r#"filter {{ aggregate {{ task_id => "%{{id}}" code => "{COUNT}; map_meta.inactivity_timeout = 1 if event.get('short')"
           timeout => 120 push_map_as_event_on_timeout => true }} }}"#
    );
    let mut run = compile(&config).unwrap();
    assert!(run.flush(0, false).is_empty());
    run.event(0, r#"{"id":"a","short":true}"#);
    run.event(0, r#"{"id":"b"}"#);
    assert_eq!(run.flush(2, false), [json!({"id":"a","n":1})]);
    assert!(run.flush(3, false).is_empty());
}

#[test]
fn the_last_map_becomes_an_event_at_the_end() {
    let config = format!(
        r#"filter {{ aggregate {{ task_id => "%{{id}}" code => "{COUNT}" push_previous_map_as_event => true }} }}"#
    );
    let mut run = compile(&config).unwrap();
    run.event(0, r#"{"id":"a"}"#);
    assert!(run.flush(4, false).is_empty());
    let last = json!({"id":"a","n":1,"tags":["_aggregatefinalflush"]});
    assert_eq!(run.flush(5, true), [last]);
    assert!(run.flush(6, true).is_empty());
}

#[test]
fn a_filter_without_timeout_options_leaves_timeouts_to_the_one_that_has_them() {
    let config = format!(
        r#"filter {{
             aggregate {{ task_id => "%{{id}}" code => "{COUNT}" }}
             aggregate {{ task_id => "%{{id}}" code => "map['second'] = 1" timeout => 5 push_map_as_event_on_timeout => true }}
             mutate {{ add_field => {{ "x" => "y" }} }}
           }}"#
    );
    let mut run = compile(&config).unwrap();
    run.event(0, r#"{"id":"a"}"#);
    assert_eq!(
        run.flush(6, false),
        [json!({"id":"a","n":1,"second":1,"x":"y"})]
    );
}

#[test]
fn only_aggregate_needs_one_worker() {
    let plain = compile("filter { mutate { } }").unwrap();
    assert_eq!(plain.pipeline.ordered_filter(), None);
    let within = r#"filter { if [x] { aggregate { task_id => "%{id}" code => "" } } }"#;
    let run = compile(within).unwrap();
    assert_eq!(run.pipeline.ordered_filter(), Some("aggregate"));
}

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn maps_are_kept_from_a_stop_to_the_next_start() {
    let path = file("maps");
    let config = format!(
        r#"filter {{
             aggregate {{ task_id => "%{{other}}" code => "map['there'] = true; event.set('map', map.to_a)" }}
             aggregate {{
               task_id => "%{{id}}" aggregate_maps_path => "{}" timeout => 100
               code => "
                 if map[:n]
                   event.set('was', [map[:n], map['at'].to_i, map['time'].to_s, map['time'].hour, map['h'][1], map['h']['none'], map['big'], map['odd'], map['list']])
                 end
                 map[:n] = (map[:n] || 0) + 1
                 map['at'] = event.timestamp
                 map['time'] = Time.at(7200).utc
                 map['h'] = Hash.new(9)
                 map['h'][1] = 1.5
                 map['big'] = 2 ** 64
                 map['odd'] = ODD
                 map['list'] = [nil, true, 'ü', :s, -3]
               "
             }}
           }}"#,
        path.display()
    )
    .replace("ODD", "'\u{1}b'");
    let mut run = compile(&config).unwrap();
    run.pipeline.open();
    run.event(50, r#"{"id":"a","@timestamp":"1970-01-01T00:00:03Z"}"#);
    run.event(50, r#"{"other":"o"}"#);
    run.flush(60, true);
    assert!(!path.exists());
    run.pipeline.close();
    assert!(path.exists());

    let mut run = compile(&config).unwrap();
    assert!(path.exists(), "a configuration that is checked leaves it");
    run.pipeline.open();
    assert!(!path.exists());
    let was = &run.event(70, r#"{"id":"a"}"#)[0]["was"];
    let big: serde_json::Value = serde_json::from_str("18446744073709551616").unwrap();
    let list = json!([null, true, "ü", "s", -3]);
    assert_eq!(
        *was,
        json!([
            1,
            3,
            "1970-01-01 02:00:00 UTC",
            2,
            1.5,
            9,
            big,
            "\u{1}b",
            list
        ])
    );
    let map = &run.event(71, r#"{"other":"o"}"#)[0]["map"];
    assert_eq!(*map, json!([["there", true]]));
    // It began at 50.
    run.flush(151, false);
    assert!(run.event(152, r#"{"id":"a"}"#)[0].get("was").is_none());
}

#[test]
fn no_maps_make_no_file() {
    let path = file("no_maps");
    let config = format!(
        r#"filter {{ aggregate {{ task_id => "%{{id}}" code => "" end_of_task => true aggregate_maps_path => "{}" }} }}"#,
        path.display()
    );
    let mut run = compile(&config).unwrap();
    run.pipeline.open();
    run.event(0, r#"{"id":1}"#);
    run.flush(1, true);
    run.pipeline.close();
    assert!(!path.exists());
}

#[test]
fn a_file_of_logstash_is_refused_and_a_broken_one_is_set_aside() {
    let path = file("foreign");
    let config = format!(
        r#"filter {{ aggregate {{ task_id => "%{{id}}" code => "map['x'] = 1" aggregate_maps_path => "{}" }} }}"#,
        path.display()
    );
    std::fs::write(&path, b"\x04\x08{\x00").unwrap();
    let errors = compile(&config).err().unwrap();
    assert!(errors[0].contains("was written by Logstash"), "{errors:?}");
    std::fs::write(&path, "{\"kelp_aggregate_maps\":1}\n{\"pattern\":\"%{id}\"").unwrap();
    let mut run = compile(&config).unwrap();
    run.pipeline.open();
    assert!(!path.exists() && path.with_extension("unreadable").exists());
    run.event(0, r#"{"id":1}"#);
    run.pipeline.close();
    assert!(path.exists());
}

#[test]
fn shared_structures_and_cycles_end() {
    // A map that holds itself twice is a tree of 2^200 leaves for whoever copies it.
    let config = r#"filter { aggregate { task_id => "%{id}" code => "map['a'] = map; map['b'] = map; event.set('done', 1)" push_previous_map_as_event => true } }"#;
    let mut run = compile(config).unwrap();
    assert_eq!(run.event(0, r#"{"id":1}"#)[0]["done"], 1);
    let made = run.event(0, r#"{"id":2}"#);
    assert_eq!(made.len(), 2);
    assert_eq!(made[1]["tags"], json!(["_aggregateexception"]));
}
