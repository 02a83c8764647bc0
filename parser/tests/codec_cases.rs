//! Codecs against data: every file of `cases/codecs` holds cases, each a codec, payloads that go in with the events that must come
//! out, or events with the payloads that they are written as.
//!
//! ```text
//! === what the case shows
//! ecs disabled                     (a line that is left out for v8)
//! cef { delimiter => "|" }         (the codec, as an input or output names it; any number of lines)
//! >>> "text"                       (a payload that is read, as a JSON string, or `hex:` and its bytes)
//! <<< {"message":"text"}           (an event made of it, whole but for @timestamp and @version, which are compared only
//!                                   where they are written, as is what lies in @metadata)
//! >>> {"a":1}                      (an event that is written)
//! <<< "text"                       (its payload, as above; none: it cannot be written)
//! !!! text                         (instead: part of the error that the configuration gets)
//! ```
//! Lines that start with `#` are comments. `FIXTURES` is the directory `cases/fixtures`.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/case_files.rs"]
mod case_files;

use std::path::Path;

use self::case_files::{Case, NOW, assert_none, cases, same, whole};
use kelp_parser::codec::{Codec, DecodeContext, InvalidUtf8, build_codec, build_input_codec};
use kelp_parser::config::ast::{Literal, Plugin, Statement};
use kelp_parser::config::{ParseOptions, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::spec::CodecName;
use kelp_parser::time::Timestamp;

/// The plugin in `output { x { codec => TEXT } }`.
fn plugin(text: &str) -> Plugin {
    let mut sources = SourceMap::default();
    sources.add("test", format!("output {{ x {{ codec => {text} }} }}"));
    let (config, found) = parse(&sources, &ParseOptions::default());
    assert!(found.is_empty(), "{found:?}");
    let Statement::Plugin(outer) = &config.sections[0].body[0] else {
        panic!("no plugin");
    };
    match &outer.settings[0].value.node {
        Literal::Plugin(plugin) => plugin.clone(),
        other => panic!("write the braces of the codec: {other:?}"),
    }
}

fn check(case: &Case) -> Result<(), String> {
    let name = CodecName(plugin(&case.config()));
    let reads = case.steps.iter().all(|(given, _)| !given.starts_with('{'));
    let mut found = Vec::new();
    let codec = match reads {
        true => build_input_codec(Some(&name), "plain", case.ecs, &mut found),
        false => build_codec(Some(&name), "plain", case.ecs, &mut found),
    };
    let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    let codec = match (codec, &case.error) {
        (Some(codec), None) => codec,
        (None, Some(want)) if messages.iter().any(|message| message.contains(want)) => {
            return Ok(());
        }
        (_, want) => return Err(format!("errors {messages:?}, want {want:?}")),
    };
    for (given, want) in &case.steps {
        if given.starts_with('{') {
            let want: Vec<Vec<u8>> = want.iter().map(|want| bytes(want)).collect();
            let got: Vec<Vec<u8>> = encode(&*codec, given).into_iter().collect();
            if got != want {
                let shown = got.iter().map(|got| String::from_utf8_lossy(got));
                return Err(format!(
                    "{given}\n   got:  {:?} {got:02x?}",
                    shown.collect::<Vec<_>>()
                ));
            }
        } else {
            let got = decode(&*codec, &bytes(given));
            if !same(&got, want) {
                return Err(format!("{given}\n   got:  {}", got.join("\n         ")));
            }
        }
    }
    Ok(())
}

fn bytes(text: &str) -> Vec<u8> {
    let Some(hex) = text.strip_prefix("hex:") else {
        return serde_json::from_str::<String>(text).unwrap().into_bytes();
    };
    let digits: Vec<char> = hex.chars().filter(|digit| *digit != ' ').collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn decode(codec: &dyn Codec, payload: &[u8]) -> Vec<String> {
    let arena = Arena::new();
    let mut events = Vec::new();
    codec.decode(
        payload,
        &mut DecodeContext {
            arena: &arena,
            timestamp: Timestamp::new(NOW, 0),
            invalid_utf8: InvalidUtf8::Escape,
            emit: &mut |event: Event<'_>| events.push(whole(event, &arena)),
        },
    );
    events
}

/// The payload of an event; `None` where the codec has no form for it.
fn encode(codec: &dyn Codec, event: &str) -> Option<Vec<u8>> {
    let arena = Arena::new();
    let Ok(Value::Object(fields)) = parse_json(event, &arena, Fractions::Double) else {
        panic!("not an object: {event}");
    };
    let event = Event::from_object(&arena, fields, Timestamp::new(NOW, 0));
    let mut out = Vec::new();
    codec.encode(&event, &mut out).ok().map(|()| out)
}

#[test]
fn every_case_holds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/codecs");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        for case in cases(&std::fs::read_to_string(&path).unwrap()) {
            count += 1;
            if let Err(error) = check(&case) {
                wrong.push(format!("{}: {}\n   {error}", path.display(), case.name));
            }
        }
    }
    assert_none(&wrong);
    assert!(count > 0, "no cases");
}
