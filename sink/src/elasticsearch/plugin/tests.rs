//! Configurations and events in, bulk bodies out; then the whole output against the double.

use std::sync::Arc;
use std::time::Duration;

use kelp_parser::config::ast::Plugin;
use kelp_parser::config::{Diagnostic, Severity};
use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::json::{self, Fractions};
use kelp_parser::record::RecordBatch;
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

use super::config::Elasticsearch;
use super::writer::{ReadyLines, encode};
use crate::dead_letter::{DeadLetterSettings, DeadLetterStore};
use crate::double::{Double, DoubleSettings};
use crate::output::{OutputConfig, Provenance, StartContext};
use crate::testing::{TempDir, TestBatch, output_plugin};

fn plugin(options: &str) -> Plugin {
    output_plugin(&format!("elasticsearch {{ {options} }}"))
}

fn read(options: &str, ecs: EcsCompatibility) -> (Option<Elasticsearch>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let output = Elasticsearch::read(&plugin(options), ecs, &mut diagnostics);
    let has_error = diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(output.is_none(), has_error, "{options}: {diagnostics:?}");
    (output, diagnostics)
}

fn configured(options: &str, ecs: EcsCompatibility) -> Elasticsearch {
    let (output, diagnostics) = read(options, ecs);
    output.unwrap_or_else(|| panic!("{options}: {diagnostics:?}"))
}

fn event<'a>(arena: &'a Arena, text: &str) -> Event<'a> {
    let text = arena.alloc_str(text);
    let Value::Object(fields) = json::parse(text, arena, Fractions::Double).unwrap() else {
        panic!("{text}");
    };
    Event::from_object(arena, fields, Timestamp::from_millis(1_431_828_315_000))
}

/// The body that `options` make of an event, or the kind of the reason why there is none.
fn encoded(options: &str, ecs: EcsCompatibility, text: &str) -> Result<String, String> {
    encoded_with(options, ecs, text, None)
}

/// The same for an event for which the id `id` was made.
fn encoded_with(
    options: &str,
    ecs: EcsCompatibility,
    text: &str,
    id: Option<&str>,
) -> Result<String, String> {
    let output = configured(options, ecs);
    let arena = Arena::new();
    let event = event(&arena, text);
    let mut ready = ReadyLines::new(&output.encoder);
    let mut once = |scratch: &mut Vec<u8>| {
        let mut body = Vec::new();
        encode(&output.encoder, &mut ready, &event, id, &mut body, scratch)
            .map(|_| String::from_utf8(body).unwrap())
            .map_err(|reason| reason.kind)
    };
    let mut scratch = Vec::new();
    let first = once(&mut scratch);
    assert_eq!(
        first,
        once(&mut scratch),
        "the second event finds things ready"
    );
    first
}

const EVENT: &str = r#"{"@timestamp":"2015-05-17T10:05:15Z","a":"x","id":"7","up":"Big","action":"delete","n":null,"meta":{"op":"update"}}"#;

/// The source line of [`EVENT`].
fn source() -> String {
    let arena = Arena::new();
    let mut out = Vec::new();
    kelp_parser::event::write_json(&mut out, &event(&arena, EVENT));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_document_that_nests_deeper_than_allowed_is_not_sent() {
    let deep = |levels: usize| {
        let (open, close) = (r#"{"a":["#, "]}");
        format!(
            r#"{{"x":1,"d":{}1{}}}"#,
            open.repeat(levels / 2),
            close.repeat(levels / 2)
        )
    };
    let of = |options: &str, levels| {
        let encoded = encoded(options, EcsCompatibility::Disabled, &deep(levels));
        encoded.map(|body| body.lines().count())
    };
    assert_eq!(of("", 64), Ok(2));
    assert_eq!(of("", 66), Err("too_deep".to_owned()));
    assert_eq!(of("max_depth => 1000", 900), Ok(2));
    assert_eq!(of("max_depth => 1", 2), Err("too_deep".to_owned()));
}

#[test]
fn action_lines() {
    let disabled = EcsCompatibility::Disabled;
    for (options, ecs, action) in [
        (
            "",
            disabled,
            r#"{"index":{"_index":"logstash-2015.05.17"}}"#,
        ),
        (
            "data_stream => false",
            EcsCompatibility::V8,
            r#"{"index":{"_index":"ecs-logstash-2015.05.17"}}"#,
        ),
        (
            "index => 'apache-%{+YYYY.MM.dd}'",
            EcsCompatibility::V8,
            r#"{"index":{"_index":"apache-2015.05.17"}}"#,
        ),
        (
            "index => 'apache-%{+YYYY.MM.dd.HH}'",
            disabled,
            r#"{"index":{"_index":"apache-2015.05.17.10"}}"#,
        ),
        (
            "index => 'x-%{a}'",
            disabled,
            r#"{"index":{"_index":"x-x"}}"#,
        ),
        ("index => logs", disabled, r#"{"index":{"_index":"logs"}}"#),
        (
            "index => logs action => create",
            disabled,
            r#"{"create":{"_index":"logs"}}"#,
        ),
        (
            "index => logs document_id => '%{id}'",
            disabled,
            r#"{"index":{"_index":"logs","_id":"7"}}"#,
        ),
        (
            "index => logs routing => '%{a}' pipeline => '%{id}'",
            disabled,
            r#"{"index":{"_index":"logs","routing":"x","pipeline":"7"}}"#,
        ),
        (
            "index => logs pipeline => ''",
            disabled,
            r#"{"index":{"_index":"logs"}}"#,
        ),
        (
            "index => logs version => '%{id}' version_type => external",
            disabled,
            r#"{"index":{"_index":"logs","version":"7","version_type":"external"}}"#,
        ),
        (
            "index => '<logs-{now/d}>'",
            disabled,
            r#"{"index":{"_index":"<logs-{now/d}>"}}"#,
        ),
        (
            "ilm_rollover_alias => 'alias'",
            disabled,
            r#"{"index":{"_index":"alias"}}"#,
        ),
        (
            "ilm_rollover_alias => 'alias' ilm_enabled => false",
            disabled,
            r#"{"index":{"_index":"logstash-2015.05.17"}}"#,
        ),
    ] {
        let expected = format!("{action}\n{}\n", source());
        assert_eq!(encoded(options, ecs, EVENT), Ok(expected), "{options}");
    }
    let delete = encoded(
        "index => logs action => '%{action}' document_id => '%{id}'",
        disabled,
        EVENT,
    );
    assert_eq!(
        delete.unwrap(),
        "{\"delete\":{\"_index\":\"logs\",\"_id\":\"7\"}}\n"
    );
}

/// Only what is new whatever it holds gets a derived id, and then is written with `create`.
#[test]
fn derived_ids() {
    let v8 = EcsCompatibility::V8;
    let disabled = EcsCompatibility::Disabled;
    for (options, ecs, action) in [
        (
            "",
            disabled,
            r#"{"create":{"_index":"logstash-2015.05.17","_id":"ID"}}"#,
        ),
        (
            "index => xx action => index",
            disabled,
            r#"{"create":{"_index":"xx","_id":"ID"}}"#,
        ),
        (
            "index => xx action => '%{action}' document_id => '%{id}'",
            disabled,
            r#"{"delete":{"_index":"xx","_id":"7"}}"#,
        ),
        (
            "index => 'x-%{a}' routing => '%{a}'",
            disabled,
            r#"{"create":{"_index":"x-x","_id":"ID","routing":"x"}}"#,
        ),
        (
            "index => xx document_id => '%{id}'",
            disabled,
            r#"{"index":{"_index":"xx","_id":"7"}}"#,
        ),
        (
            "index => xx version => '%{id}' version_type => external",
            disabled,
            r#"{"index":{"_index":"xx","version":"7","version_type":"external"}}"#,
        ),
    ] {
        let line = encoded_with(options, ecs, EVENT, Some("ID")).unwrap();
        assert_eq!(line.lines().next(), Some(action), "{options}");
    }
    let stream = encoded_with("data_stream => true", v8, EVENT, Some("ID")).unwrap();
    let action = r#"{"create":{"_index":"logs-generic-default","_id":"ID"}}"#;
    assert_eq!(stream.lines().next(), Some(action));
    let event = r#"{"@metadata":{"_ingest_document":{"id":"own"}}}"#;
    let own = encoded_with("index => xx", disabled, event, Some("ID")).unwrap();
    let action = r#"{"index":{"_index":"xx","_id":"own"}}"#;
    assert_eq!(own.lines().next(), Some(action));
}

#[test]
fn events_that_cannot_be_sent() {
    for (options, kind) in [
        ("index => 'x-%{missing}'", "index_name_unresolved"),
        ("index => 'x-%{n}'", "index_name_unresolved"),
        (
            "index => 'x-%{[meta][no]}-%{+YYYY}'",
            "index_name_unresolved",
        ),
        ("index => 'x-%{up}'", "invalid_index_name"),
        ("index => 'Upper'", "invalid_index_name"),
        ("index => logs action => '%{a}'", "unsupported_action"),
        ("index => logs action => '%{action}'", "missing_id"),
        (
            "index => logs action => '%{action}' document_id => '%{missing}'",
            "id_unresolved",
        ),
        (
            "index => logs action => update document_id => '%{id}' upsert => '{'",
            "invalid_upsert",
        ),
    ] {
        let result = encoded(options, EcsCompatibility::Disabled, EVENT);
        assert_eq!(result, Err(kind.to_owned()), "{options}");
    }
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(513));
    let result = encoded(
        "index => 'l' document_id => '%{a}'",
        EcsCompatibility::V8,
        &long,
    );
    assert_eq!(result, Err("invalid_id".to_owned()));
    let brings_reference = r#"{"a":"%{b}"}"#;
    let result = encoded("index => 'x-%{a}'", EcsCompatibility::V8, brings_reference);
    assert_eq!(result, Err("index_name_unresolved".to_owned()));
}

#[test]
fn updates() {
    let base = "index => 'l' document_id => '%{id}' action => update ";
    let source = source();
    for (options, expected) in [
        ("", format!(r#"{{"doc":{source}}}"#)),
        (
            "doc_as_upsert => true",
            format!(r#"{{"doc":{source},"doc_as_upsert":true}}"#),
        ),
        (
            "upsert => '{\"u\": \"%{a}\"}'",
            format!(r#"{{"doc":{source},"upsert":{{"u": "x"}}}}"#),
        ),
        (
            "script => 'ctx._source.n += 1' scripted_upsert => true",
            format!(
                r#"{{"script":{{"params":{{"event":{source}}},"source":"ctx._source.n += 1","lang":"painless"}},"scripted_upsert":true,"upsert":{{}}}}"#
            ),
        ),
        (
            "script => 'stored' script_type => indexed script_var_name => 'e'",
            format!(r#"{{"script":{{"params":{{"e":{source}}},"id":"stored"}}}}"#),
        ),
        (
            "script => 's' script_lang => '' doc_as_upsert => true",
            format!(
                r#"{{"script":{{"params":{{"event":{source}}},"source":"s"}},"upsert":{source}}}"#
            ),
        ),
    ] {
        let body = encoded(&format!("{base}{options}"), EcsCompatibility::V8, EVENT).unwrap();
        let (action, line) = body.split_once('\n').unwrap();
        assert_eq!(
            action,
            r#"{"update":{"_index":"l","_id":"7","retry_on_conflict":1}}"#
        );
        assert_eq!(line.trim_end(), expected, "{options}");
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
}

#[test]
fn data_streams() {
    let v8 = EcsCompatibility::V8;
    let stream = |options: &str, text: &str| {
        let body = encoded(options, v8, text).unwrap();
        let (action, source) = body.split_once('\n').unwrap();
        let action: serde_json::Value = serde_json::from_str(action).unwrap();
        let source: serde_json::Value = serde_json::from_str(source).unwrap();
        let name = action["create"]["_index"].as_str().unwrap().to_owned();
        (name, source["data_stream"].clone())
    };
    let default = serde_json::json!({"type":"logs","dataset":"generic","namespace":"default"});
    let named = r#"{"data_stream":{"type":"metrics","dataset":"own","extra":1}}"#;
    assert_eq!(
        stream("", "{}"),
        ("logs-generic-default".to_owned(), default.clone())
    );
    assert_eq!(
        stream(
            "data_stream_type => metrics data_stream_dataset => nginx",
            "{}"
        ),
        (
            "metrics-nginx-default".to_owned(),
            serde_json::json!({"type":"metrics","dataset":"nginx","namespace":"default"})
        )
    );
    assert_eq!(
        stream("", named),
        (
            "metrics-own-default".to_owned(),
            serde_json::json!({"type":"metrics","dataset":"own","namespace":"default","extra":1})
        )
    );
    assert_eq!(
        stream("data_stream_auto_routing => false", named),
        (
            "logs-generic-default".to_owned(),
            serde_json::json!({"type":"logs","dataset":"generic","namespace":"default","extra":1})
        )
    );
    assert_eq!(
        stream("", r#"{"data_stream":"text"}"#),
        ("logs-generic-default".to_owned(), default)
    );
    let (name, fields) = stream("data_stream_sync_fields => false", "{}");
    assert_eq!(
        (name.as_str(), fields.is_null()),
        ("logs-generic-default", true)
    );
    let refused = r#"{"data_stream":{"dataset":"%{x}"}}"#;
    assert_eq!(
        encoded("", v8, refused),
        Err("index_name_unresolved".to_owned())
    );
}

#[test]
fn what_makes_a_data_stream() {
    let v8 = EcsCompatibility::V8;
    let target = |options: &str, ecs| {
        let body = encoded(options, ecs, EVENT).unwrap();
        body.starts_with("{\"create\":{\"_index\":\"logs-generic-default\"")
    };
    for options in [
        "",
        "hosts => 'localhost' user => 'u' password => 'p'",
        "action => create",
        "pipeline => 'p' routing => 'r'",
        "data_stream => true",
        "manage_template => false",
        "document_id => '%{id}'",
    ] {
        assert!(target(options, v8), "{options}");
    }
    for options in [
        "index => 'i'",
        "action => index",
        "manage_template => true",
        "data_stream => false",
        "template_name => 't'",
        "ilm_enabled => false",
    ] {
        assert!(!target(options, v8), "{options}");
    }
    assert!(!target("", EcsCompatibility::Disabled));
    for options in [
        "data_stream => true index => 'i'",
        "data_stream => true action => index",
        "data_stream => false data_stream_type => logs",
        "data_stream_dataset => 'd' index => 'i'",
        "data_stream_dataset => 'a b'",
        "data_stream => true ecs_compatibility => disabled",
    ] {
        assert!(read(options, v8).0.is_none(), "{options}");
    }
}

#[test]
fn contradictions_are_refused_and_what_has_no_effect_is_said() {
    let v8 = EcsCompatibility::V8;
    for (options, part) in [
        ("action => upsert", "none of: index"),
        ("action => update", "needs the option `document_id`"),
        ("action => delete", "needs the option `document_id`"),
        (
            "version_type => external index => 'i'",
            "need the option `version`",
        ),
        (
            "version_type => external version => 1 action => create index => 'i'",
            "no external versions",
        ),
        (
            "doc_as_upsert => true scripted_upsert => true",
            "exclude each other",
        ),
        ("script_type => file", "gone"),
        ("parent => 'p'", "needs `join_field`"),
        (
            "user => 'u' password => 'p' api_key => 'a:b'",
            "only one of",
        ),
        ("api_key => 'a:b'", "only sent over https"),
        ("api_key => '!' hosts => 'https://h'", "neither"),
        ("cloud_auth => nocolon", "user:password"),
        ("cloud_id => 'x' hosts => 'h'", "exclude each other"),
        ("cloud_id => 'x'", "not a cloud_id"),
        ("hosts => ['http://h', 'ftp://h']", "only http and https"),
        ("hosts => 'http://h' ssl_enabled => true", "contradicts"),
        (
            "ssl_certificate_authorities => '/no/such/file'",
            "cannot be read",
        ),
        ("ssl_certificate => '/no/such/file'", "need each other"),
        ("ssl_keystore_path => '/x.p12'", "cannot be read"),
        ("ssl_truststore_path => '/x.jks'", "cannot be read"),
        (
            "ssl_keystore_path => '/x.p12' ssl_certificate => '/x' ssl_key => '/x'",
            "exclude each other",
        ),
        (
            "ssl_truststore_path => '/x' ssl_certificate_authorities => '/x'",
            "exclude each other",
        ),
        ("template => '/no/such/file' index => 'i'", "cannot be read"),
        ("compression_level => 10", "no level"),
        ("dlq_custom_codes => [409]", "conflict"),
    ] {
        let (output, diagnostics) = read(options, v8);
        assert!(output.is_none(), "{options}");
        let messages: Vec<_> = diagnostics.iter().map(|found| &found.message).collect();
        assert!(
            messages.iter().any(|message| message.contains(part)),
            "{options}: {messages:?}"
        );
    }
    for (options, part) in [
        ("document_type => 't'", "`document_type` is deprecated"),
        ("ilm_enabled => true", "neither makes the rollover alias"),
        ("sniffing => true", "not discovered"),
        ("index => 'Upper'", "upper-case"),
        ("user => 'u'", "no effect without `password`"),
        (
            "hosts => 'https://h' ssl_verification_mode => none",
            "not checked",
        ),
        ("ssl => true", "`ssl_enabled` since"),
    ] {
        let (output, diagnostics) = read(options, v8);
        assert!(output.is_some(), "{options}");
        let messages: Vec<_> = diagnostics.iter().map(|found| &found.message).collect();
        assert!(
            messages.iter().any(|message| message.contains(part)),
            "{options}: {messages:?}"
        );
    }
}

#[test]
fn addresses() {
    let delivery = |options: &str| configured(options, EcsCompatibility::V8).delivery;
    assert_eq!(
        delivery("").bulk_path,
        "_bulk?filter_path=errors,items.*.error,items.*.status"
    );
    assert_eq!(
        delivery("bulk_path => '/x/_bulk?filter_path=errors' parameters => { 'a' => 'b' }")
            .bulk_path,
        "/x/_bulk?filter_path=errors&a=b"
    );
    assert_eq!(delivery("http_compression => false").compression_level, 0);
    assert_eq!(delivery("").compression_level, 1);
    let hosts = configured(
        "hosts => ['a', 'https://b:443'] path => '/es'",
        EcsCompatibility::V8,
    )
    .connection
    .hosts;
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["http://a:9200/es", "https://b/es"]);
}

/// Two workers write batches through the whole output; one event cannot be sent.
#[test]
fn the_whole_output() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let double = runtime
        .block_on(Double::start(DoubleSettings::default()))
        .unwrap();
    let dir = TempDir::new();
    let (store, dead_letters) =
        DeadLetterStore::open(DeadLetterSettings::new(dir.path().to_owned())).unwrap();
    let options = format!("id => es hosts => '{}' index => 'i-%{{a}}'", double.url());
    let output = Box::new(configured(&options, EcsCompatibility::Disabled))
        .start(&StartContext {
            runtime: runtime.handle(),
            data_dir: dir.path(),
            workers: 2,
            dead_letters: &dead_letters,
            pipeline: "main",
            in_flight: &Default::default(),
        })
        .unwrap();
    let mut batches = Vec::new();
    for number in 0..2 {
        let mut writer = output.writer();
        for _ in 0..3 {
            let batch = Arc::new(TestBatch::of(&[b"one", b"two", b"three"]));
            let arena = Arena::new();
            for (index, text) in [r#"{"a":"x"}"#, r#"{"b":"x"}"#, r#"{"a":"y"}"#]
                .into_iter()
                .enumerate()
            {
                writer.write(
                    &event(&arena, text),
                    &Provenance {
                        record: &batch.record(index),
                        index: index as u32,
                        namespace: "",
                        receipts: batch.receipts(),
                    },
                );
            }
            let shared: Arc<dyn RecordBatch> = batch.clone();
            writer.flush(&shared);
            writer.flush(&shared);
            batches.push((number, batch));
        }
    }
    while output.stats().in_flight > 0 || output.stats().dead_letters < 6 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // The template is installed in the background; a drain does not wait for it.
    let patience = std::time::Instant::now() + Duration::from_secs(10);
    while double.cluster().template("logstash").is_none() && std::time::Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(1));
    }
    let stats = output.stats();
    assert_eq!(
        (stats.documents, stats.acknowledged, stats.is_stalled),
        (18, 2, false)
    );
    assert_eq!(stats.duplicates, 10, "six times the same batch");
    assert_eq!(output.drain(Duration::from_secs(10)), 0);
    drop(dead_letters);
    store.close(false);
    assert_eq!(double.cluster().count("i-x"), 1);
    assert_eq!(double.cluster().indices(), ["i-x", "i-y"]);
    assert!(double.cluster().template("logstash").is_some());
    for (_, batch) in batches {
        assert_eq!(batch.holds(), [0, 0, 0]);
    }
    let letters = std::fs::read_to_string(dir.path().join("000001.ndjson")).unwrap();
    assert_eq!(letters.lines().count(), 6);
    let letter: serde_json::Value = serde_json::from_str(letters.lines().next().unwrap()).unwrap();
    assert_eq!(letter["output"], "es");
    assert_eq!(letter["reason"]["type"], "index_name_unresolved");
    assert_eq!(letter["payload"]["text"], "two");
    assert_eq!(letter["event"]["b"], "x");
}
