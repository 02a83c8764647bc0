//! JSON, and what the codecs read.

use super::*;

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\"a\":",
    "1",
    "-",
    "0.5",
    "1e400",
    "e",
    "true",
    "null",
    " ",
    "\\u",
    "\\ud83d",
    "\\n",
    "\\",
    "\u{feff}",
    "é",
    "\"tags\":",
    "\"@timestamp\":",
    "123456789012345678901234567890",
    "\n",
    "NaN",
];

#[test]
fn json() {
    let filters = [
        "source => \"message\"",
        "source => \"message\" target => \"t\"",
    ];
    let pipelines: Vec<_> = filters
        .iter()
        .filter_map(|options| filter("json", options))
        .collect();
    assert_eq!(pipelines.len(), filters.len());
    texts(11, JSON, |text, random| {
        let arena = Arena::new();
        let ours = parse_json(text, &arena, Fractions::Double);
        // What serde_json takes is JSON; it refuses numbers out of the range of a double.
        if serde_json::from_str::<serde_json::Value>(text).is_ok() {
            assert!(ours.is_ok(), "{text:?}");
        }
        run(&pipelines[random.below(pipelines.len())], text);
    });
}

const CEF: &[&str] = &[
    "CEF:0|a|b|1|2|n|3|",
    "|",
    "\\|",
    "\\",
    "rt=",
    "start=1500464384997 ",
    "Jul 19 2017 10:50:21.127",
    " 10:50:21 CET",
    " dtz=Europe/Moscow",
    " a.b[0]=",
    "=",
];

#[test]
fn codecs() {
    let codecs: Vec<_> = [
        "json",
        "json_lines",
        "es_bulk",
        "msgpack",
        "csv",
        "line",
        "plain",
        "gzip_lines",
        "cef",
    ]
    .iter()
    .filter_map(|name| default_codec(name, EcsCompatibility::default()))
    .collect();
    assert_eq!(codecs.len(), 9);
    let mut pieces = JSON.to_vec();
    pieces.extend(CEF);
    texts(12, &pieces, |text, random| {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len() + 1);
            bytes.insert(at, random.below(256) as u8);
        }
        for codec in &codecs {
            let events = decode(&**codec, &bytes, |_| {});
            assert!(events <= bytes.len() + 1, "{events} events of {bytes:?}");
        }
    });
}
