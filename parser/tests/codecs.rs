//! Codecs against data: payloads in, events out, and back.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Write;

use kelp_parser::codec::{Codec, DecodeContext, InvalidUtf8, build_codec, build_input_codec};
use kelp_parser::config::ast::{Literal, Plugin, Statement};
use kelp_parser::config::{Diagnostic, ParseOptions, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Object, Value, write_json};
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::spec::{CodecName, EcsCompatibility};
use kelp_parser::time::Timestamp;

/// The plugin in `output { x { codec => TEXT } }`.
fn plugin(text: &str) -> Plugin {
    let mut sources = SourceMap::default();
    sources.add("test", format!("output {{ x {{ codec => {text} }} }}"));
    let (config, _) = parse(&sources, &ParseOptions::default());
    let Statement::Plugin(outer) = &config.sections[0].body[0] else {
        panic!("no plugin");
    };
    match &outer.settings[0].value.node {
        Literal::Plugin(plugin) => plugin.clone(),
        other => Plugin {
            name: kelp_parser::config::ast::Spanned {
                node: kelp_parser::spec::string_of(other).unwrap(),
                span: outer.settings[0].value.span,
            },
            settings: Vec::new(),
            span: outer.span,
        },
    }
}

fn reader(text: &str, ecs: EcsCompatibility) -> Result<Box<dyn Codec>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    build_input_codec(Some(&CodecName(plugin(text))), "plain", ecs, &mut found).ok_or(found)
}

fn writer(text: &str) -> Result<Box<dyn Codec>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let ecs = EcsCompatibility::Disabled;
    build_codec(Some(&CodecName(plugin(text))), "plain", ecs, &mut found).ok_or(found)
}

fn decode(codec: &dyn Codec, payload: &[u8]) -> Vec<serde_json::Value> {
    let arena = Arena::new();
    let mut events = Vec::new();
    codec.decode(
        payload,
        &mut DecodeContext {
            arena: &arena,
            timestamp: Timestamp::from_millis(0),
            invalid_utf8: InvalidUtf8::Replace,
            emit: &mut |mut event: Event<'_>| {
                let metadata = std::mem::replace(event.metadata_mut(), Object::new(&arena));
                if !metadata.is_empty() {
                    event.fields_mut().set("@metadata", Value::Object(metadata));
                }
                let mut text = Vec::new();
                write_json(&mut text, &event);
                let mut event: serde_json::Value = serde_json::from_slice(&text).unwrap();
                let fields = event.as_object_mut().unwrap();
                fields.remove("@version");
                if fields["@timestamp"] == "1970-01-01T00:00:00.000Z" {
                    fields.remove("@timestamp");
                }
                events.push(event);
            },
        },
    );
    events
}

/// Each payload gives these events, in the mode that `ecs` names.
#[track_caller]
fn reads(codec: &str, ecs: &str, payload: &[u8], want: &[&str]) {
    let built = reader(codec, EcsCompatibility::parse(ecs).unwrap());
    let got = decode(&*built.unwrap_or_else(|found| panic!("{found:?}")), payload);
    let want: Vec<serde_json::Value> = want
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    assert_eq!(got, want, "{codec}");
}

fn encode(codec: &dyn Codec, event: &str) -> Vec<u8> {
    let arena = Arena::new();
    let Ok(Value::Object(fields)) = parse_json(event, &arena, Fractions::Double) else {
        panic!("no object: {event}");
    };
    let event = Event::from_object(&arena, fields, Timestamp::from_millis(0));
    let mut out = Vec::new();
    codec.encode(&event, &mut out).unwrap();
    out
}

#[track_caller]
fn refuses(result: Result<Box<dyn Codec>, Vec<Diagnostic>>, part: &str) {
    let found = result.err().unwrap();
    assert!(
        found.iter().any(|one| one.message.contains(part)),
        "{found:?}"
    );
}

#[test]
fn json_keeps_the_original_of_a_single_event_only() {
    reads(
        "json",
        "v8",
        br#"{"a":1}"#,
        &[r#"{"a":1,"event":{"original":"{\"a\":1}"}}"#],
    );
    reads(
        "json",
        "v8",
        br#"[{"a":1}]"#,
        &[r#"{"a":1,"event":{"original":"[{\"a\":1}]"}}"#],
    );
    reads(
        "json",
        "v8",
        br#"[{"a":1},{"a":2}]"#,
        &[r#"{"a":1}"#, r#"{"a":2}"#],
    );
    reads(
        "json",
        "v8",
        b"nonsense",
        &[r#"{"message":"nonsense","tags":["_jsonparsefailure"]}"#],
    );
    reads("json", "v8", b" \n", &[]);
    reads(
        "json",
        "disabled",
        b"[1]",
        &[r#"{"message":"[1]","tags":["_jsonparsefailure"]}"#],
    );
    reads(
        "json { target => \"[a][b]\" }",
        "disabled",
        br#"{"c":1}"#,
        &[r#"{"a":{"b":{"c":1}}}"#],
    );
}

#[test]
fn json_lines_keeps_no_original() {
    reads(
        "json_lines",
        "v8",
        b"{\"a\":1}\n\n{\"a\":2}\nx",
        &[
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"message":"x","tags":["_jsonparsefailure"]}"#,
        ],
    );
}

#[test]
fn charsets_are_converted() {
    reads(
        "plain { charset => \"ISO-8859-1\" }",
        "v8",
        b"\xe4",
        &[r#"{"message":"ä","event":{"original":"ä"}}"#],
    );
    reads(
        "line { charset => \"CP850\" delimiter => \"|\" }",
        "disabled",
        b"\x84|b",
        &[r#"{"message":"ä"}"#, r#"{"message":"b"}"#],
    );
    refuses(
        reader("plain { charset => \"UTF-7\" }", EcsCompatibility::V8),
        "UTF-7",
    );
}

#[test]
fn csv_reads_and_writes_rows() {
    reads(
        "csv",
        "disabled",
        b"1,,\"a,b\"",
        &[r#"{"column1":"1","column2":null,"column3":"a,b"}"#],
    );
    reads(
        "csv { columns => [\"a\", \"b\"] convert => { \"a\" => \"integer\" } skip_empty_columns => true }",
        "v8",
        b"1,,2",
        &[r#"{"a":1,"column3":"2","event":{"original":"1,,2"}}"#],
    );
    reads(
        "csv { columns => [\"a\"] autogenerate_column_names => false target => \"t\" }",
        "disabled",
        b"1,2",
        &[r#"{"t":{"a":"1"}}"#],
    );
    reads(
        "csv",
        "v8",
        b"a\"b",
        &[r#"{"message":"a\"b","tags":["_csvparsefailure"]}"#],
    );
    let learns = reader(
        "csv { autodetect_column_names => true }",
        EcsCompatibility::Disabled,
    )
    .ok()
    .unwrap();
    assert!(decode(&*learns, b"x,y").is_empty());
    assert_eq!(
        decode(&*learns, b"1,2"),
        [serde_json::json!({"x": "1", "y": "2"})]
    );

    let csv = writer("csv { columns => [\"a\", \"[b][c]\", \"no\"] include_headers => true }")
        .ok()
        .unwrap();
    assert_eq!(
        encode(&*csv, r#"{"a":"x,\"y\"","b":{"c":1.5}}"#),
        b"a,[b][c],no\n\"x,\"\"y\"\"\",1.5,\n"
    );
    assert_eq!(encode(&*csv, r#"{"a":""}"#), b"\"\",,\n");
    let odd = writer("csv { columns => [\"a\", \"[b\", \"c\"] }").unwrap();
    assert_eq!(encode(&*odd, r#"{"a":1,"c":2}"#), b"1,,2\n");
    refuses(
        reader(
            "csv { convert => { \"a\" => \"int\" } }",
            EcsCompatibility::V8,
        ),
        "int",
    );
}

#[test]
fn msgpack_survives_a_round_trip() {
    let msgpack = writer("msgpack").ok().unwrap();
    let event = r#"{"@timestamp":"2026-11-24T10:00:00.000Z","@version":"1","a":[1,-2,1.5,null,true,"ä"],"b":{"c":{}},"d":18446744073709551615}"#;
    let bytes = encode(&*msgpack, event);
    let mut want: serde_json::Value = serde_json::from_str(event).unwrap();
    want.as_object_mut().unwrap().remove("@version");
    assert_eq!(decode(&*msgpack, &bytes), [want]);
    // What follows the first value is not looked at.
    assert_eq!(decode(&*msgpack, b"\x81\xa1a\x01\x00")[0]["a"], 1);
    // An array, and a map cut short, are no maps.
    for bytes in [&b"\x91\x01"[..], b"\x82\xa1a\x01"] {
        assert_eq!(
            decode(&*msgpack, bytes)[0]["tags"],
            serde_json::json!(["_msgpackparsefailure"])
        );
    }
    reads(
        "msgpack { format => \"n=%{n}\" target => \"t\" }",
        "disabled",
        b"\x81\xa1n\x01",
        &[r#"{"t":{"n":1},"message":"n=%{n}"}"#],
    );
    reads(
        "msgpack",
        "disabled",
        b"\x81\x07\xc4\x01a",
        &[r#"{"7":"a"}"#],
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_lines_unpacks_and_does_not_explode() {
    reads(
        "gzip_lines",
        "v8",
        &gzip(b"a\nb"),
        &[r#"{"message":"a\n"}"#, r#"{"message":"b"}"#],
    );
    reads(
        "gzip_lines",
        "v8",
        b"a",
        &[r#"{"message":"a","tags":["_gzipparsefailure"]}"#],
    );
    let bomb = gzip(&vec![b'x'; 100 << 20]);
    let codec = reader("gzip_lines", EcsCompatibility::V8).ok().unwrap();
    let events = decode(&*codec, &bomb);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["tags"], serde_json::json!(["_gzipparsefailure"]));
    refuses(writer("gzip_lines"), "does not encode");
}

#[test]
fn es_bulk_makes_events_of_documents() {
    let body = b"{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"a\":1}\n{\"delete\":{\"_id\":\"2\"}}\n{\"create\":{}}\n";
    reads(
        "es_bulk",
        "disabled",
        body,
        &[
            r#"{"a":1,"@metadata":{"_index":"i","_id":"1","action":"index"}}"#,
            r#"{"@metadata":{"_id":"2","action":"delete"}}"#,
            r#"{"message":"{\"create\":{}}","tags":["_esbulkparsefailure"]}"#,
        ],
    );
    reads(
        "es_bulk",
        "v8",
        b"{\"index\":{}}\n{\"a\":1}",
        &[r#"{"a":1,"@metadata":{"codec":{"es_bulk":{"action":"index"}}}}"#],
    );
}

#[test]
fn what_a_codec_cannot_do_is_refused_by_name() {
    refuses(reader("rubydebug", EcsCompatibility::V8), "does not decode");
    refuses(reader("dots", EcsCompatibility::V8), "does not decode");
    refuses(writer("es_bulk"), "does not encode");
    refuses(
        reader("netflow", EcsCompatibility::V8),
        "`netflow` is not supported",
    );
    refuses(
        reader("jsn", EcsCompatibility::V8),
        "there is no codec `jsn`",
    );
}

/// A small generator of its own, so that a failure is the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn random_and_mutated_bytes_do_no_harm() {
    let msgpack = encode(
        &*writer("msgpack").ok().unwrap(),
        r#"{"a":[1,"two",{"b":null}],"c":1.5}"#,
    );
    let seeds = [
        msgpack,
        gzip(b"one\ntwo\n"),
        b"a,\"b\",,c".to_vec(),
        b"{\"index\":{}}\n{\"a\":[1]}\n".to_vec(),
    ];
    let names = ["msgpack", "gzip_lines", "csv", "es_bulk", "json_lines"];
    let codecs = names.map(|name| reader(name, EcsCompatibility::V8).ok().unwrap());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..4_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..random.next() % 6 {
            let at = random.next() as usize % bytes.len();
            match random.next() % 3 {
                0 => bytes[at] = random.next() as u8,
                1 => bytes.insert(at, random.next() as u8),
                _ => bytes.truncate(at.max(1)),
            }
        }
        for codec in &codecs {
            decode(&**codec, &bytes);
        }
    }
    // Lengths that promise gigabytes.
    for bytes in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x81\xa1a\xc6\xff\xff\xff\xff",
    ] {
        assert_eq!(decode(&*codecs[0], bytes).len(), 1);
    }
    // Nested as deep as it can be.
    assert_eq!(decode(&*codecs[0], &vec![0x91; 1 << 20]).len(), 1);
}

#[test]
fn multiline_tags_what_was_joined() {
    let codec = "multiline { pattern => \"^\\s\" what => \"previous\" max_lines => 2 max_bytes => \"5 b\" }";
    reads(
        codec,
        "v8",
        b"a",
        &[r#"{"message":"a","event":{"original":"a"}}"#],
    );
    reads(
        codec,
        "disabled",
        b"a\n b",
        &[r#"{"message":"a\n b","tags":["multiline"]}"#],
    );
    reads(
        codec,
        "disabled",
        b"a\n b\n c",
        &[
            r#"{"message":"a\n b\n c","tags":["multiline","multiline_codec_max_bytes_reached","multiline_codec_max_lines_reached"]}"#,
        ],
    );
    refuses(
        reader(
            "multiline { pattern => \"%{NOPE}\" what => \"next\" }",
            EcsCompatibility::V8,
        ),
        "NOPE",
    );
    refuses(
        reader("multiline { what => \"next\" }", EcsCompatibility::V8),
        "pattern",
    );
    refuses(
        reader(
            "multiline { pattern => \"x\" what => \"here\" }",
            EcsCompatibility::V8,
        ),
        "here",
    );
}

#[test]
fn avro_does_not_nest_without_end_and_survives_damage() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/fixtures/avro");
    let codec = |schema: &str| {
        let text = format!("avro {{ schema_uri => \"{fixtures}/{schema}\" encoding => binary }}");
        reader(&text, EcsCompatibility::V8).ok().unwrap()
    };
    let node = codec("node.avsc");
    assert!(decode(&*node, &[2; 100])[0].get("tags").is_some());
    let mut chain = vec![2; 100];
    chain.push(0);
    assert!(decode(&*node, &chain)[0].get("tags").is_none());
    assert!(decode(&*node, &vec![2; 1 << 20])[0].get("tags").is_some());

    let all = codec("all.avsc");
    let event = r#"{"b":true,"i":-3,"l":1,"f":1.5,"d":-0.1,"by":"a","s":"b","fx":"abcd","e":"CLUBS","a":[null,5,"x"],"m":{"k":2.5},"dec":-1.4,"day":1,"ms":1,"us":2}"#;
    let text = format!("avro {{ schema_uri => \"{fixtures}/all.avsc\" encoding => binary }}");
    let datum = encode(&*writer(&text).ok().unwrap(), event);
    assert!(decode(&*all, &datum)[0].get("tags").is_none());
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for _ in 0..20_000 {
        let mut bytes = datum.clone();
        for _ in 0..1 + random.next() % 4 {
            let at = random.next() as usize % bytes.len();
            bytes[at] = random.next() as u8;
        }
        assert_eq!(decode(&*all, &bytes).len(), 1);
    }
}
