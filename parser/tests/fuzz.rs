//! Texts of anything through what reads text: field references, templates, patterns, the filters that take text apart, JSON. None
//! may panic, hang or take memory without bound. The texts are pseudo-random but the same on every run, and made of what the readers
//! give a meaning to. `FUZZ_ROUNDS=1000000 cargo test --release -p kelp-parser --test fuzz` is the long search.

use std::time::{Duration, Instant};

use kelp_parser::codec::{DecodeContext, InvalidUtf8, default_codec};
use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, FieldRef, Template, Value, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

/// No input may take this long of the processor, even of a slow one.
const LONGEST: Duration = Duration::from_secs(20);

/// No event may take more memory than this.
const MEMORY_MAX: usize = 64 << 20;

fn now() -> Timestamp {
    Timestamp::new(1_795_478_400, 0)
}

/// How many texts each reader gets.
fn rounds() -> usize {
    let rounds = std::env::var("FUZZ_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(400)
}

/// Calls `read` with texts made of `pieces`.
fn texts(seed: u64, pieces: &[&str], mut read: impl FnMut(&str, &mut Random)) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
    for _ in 0..rounds() {
        let text = text(pieces, &mut random);
        let watch = StopWatch::start();
        read(&text, &mut random);
        let took = watch.took();
        assert!(took < LONGEST, "{took:?} for {text:?}");
    }
}

/// Measures how long this thread needs a processor: a machine under load may take long for anything.
struct StopWatch {
    began: Instant,
    began_busy: Duration,
}

impl StopWatch {
    fn start() -> Self {
        Self {
            began: Instant::now(),
            began_busy: busy(),
        }
    }

    fn took(&self) -> Duration {
        let took = self.began.elapsed();
        took.min(busy().saturating_sub(self.began_busy))
    }
}

/// How long this thread has had a processor; where the system does not tell, as long as it takes.
fn busy() -> Duration {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

/// A text of some pieces; now and then one that repeats them often.
fn text(pieces: &[&str], random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(14) {
        match random.below(12) {
            0 => text.extend(char::from_u32(random.below(0x2_0000) as u32)),
            1 => {
                let piece = pieces[random.below(pieces.len())];
                text.push_str(&piece.repeat(random.below(60)));
            }
            _ => text.push_str(pieces[random.below(pieces.len())]),
        }
    }
    if random.below(50) == 0 {
        text = text.repeat(1 + random.below(40));
    }
    text
}

/// A string as a configuration takes it.
fn quoted(text: &str) -> String {
    let text = text.replace('"', "'");
    format!("\"{}\"", text.trim_end_matches('\\'))
}

/// A filter; `None` where its options are refused.
fn filter(name: &str, options: &str) -> Option<Pipeline> {
    let mut sources = SourceMap::default();
    sources.add("fuzz.conf", format!("filter {{ {name} {{ {options} }} }}"));
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(EcsCompatibility::default());
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let refused = diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    (!refused).then_some(pipeline)
}

/// Runs an event with `message` through a filter, and writes what comes of it.
fn run(pipeline: &Pipeline, message: &str) {
    let arena = Arena::new();
    let mut event = Event::new(&arena, now());
    event.fields_mut().push("message", Value::Str(message));
    let mut worker = WorkerState::default();
    let mut written = Vec::new();
    pipeline.run(event, now(), &mut worker, &mut |event, _| {
        write_json(&mut written, &event);
        let text = std::str::from_utf8(&written).unwrap_or_else(|error| panic!("{error}"));
        let read = Arena::new();
        assert!(parse_json(text, &read, Fractions::Double).is_ok(), "{text}");
        written.clear();
    });
    let taken = arena.allocated_bytes();
    assert!(taken < MEMORY_MAX, "{taken} bytes for {message:?}");
}

const REFERENCES: &[&str] = &[
    "[",
    "]",
    "a",
    "b",
    "[a]",
    "[0]",
    "[-1]",
    "@metadata",
    "@timestamp",
    "tags",
    "][",
    " ",
    "\\",
    "%",
    "999999999999",
];

#[test]
fn field_references() {
    texts(1, REFERENCES, |text, _| {
        let arena = Arena::new();
        let Ok(field) = FieldRef::parse_in(&arena, arena.alloc_str(text)) else {
            return;
        };
        let mut event = Event::new(&arena, now());
        if event.set(field, Value::Int(1)).is_ok() {
            event.get(field);
            event.contains(field);
        }
        event.remove(field);
        write_json(&mut Vec::new(), &event);
        assert!(arena.allocated_bytes() < MEMORY_MAX, "{text:?}");
    });
}

const TEMPLATES: &[&str] = &[
    "%{",
    "}",
    "%{a}",
    "%{[a][0]}",
    "%{+",
    "%{+YYYY.MM.dd}",
    "%{{",
    "}}",
    "yyyy",
    "'",
    "''",
    "+",
    "%s",
    "[a",
    "]",
    "Q",
    "e",
    "x",
    "{",
    "\\",
    "SSSSSSSSSSSS",
    "ZZZ",
    "%{}",
    "%{+}",
];

#[test]
fn templates() {
    texts(2, TEMPLATES, |text, _| {
        let arena = Arena::new();
        let mut event = Event::new(&arena, now());
        event.fields_mut().push("a", Value::Str("x"));
        Template::lenient(text).render(&event);
    });
}

const PATTERNS: &[&str] = &[
    "%{WORD:w}",
    "%{INT:[a][b]:int}",
    "%{IP}",
    "%{GREEDYDATA:g}",
    "%{DATA}",
    "%{NOPE}",
    "(?<n>",
    ")",
    "(",
    "(?:",
    "(?=",
    "(?<!",
    "(?>",
    "[",
    "]",
    "[^",
    "a-z",
    "*",
    "+",
    "?",
    "*?",
    "{2,3}",
    "{1000}",
    "|",
    "\\d",
    "\\b",
    "\\k<n>",
    "\\1",
    "^",
    "$",
    ".",
    "\\",
    "(?i)",
    "(?m)",
    "[[:alpha:]]",
    "\\p{L}",
    "é",
    "x",
    "%{",
    "}",
    "(a*)*",
    "(.*a){9}",
];
const MATCHED: &[&str] = &[
    "a",
    "x",
    "word",
    " ",
    "42",
    "192.0.2.1",
    "::1",
    "\n",
    "é",
    "漢",
    "aaaaaaaaaaaa",
    "[",
    "-",
    "\0",
];
#[test]
fn grok() {
    texts(3, PATTERNS, |pattern, random| {
        // A pattern of hundreds of loops may take its time over a text; what is given up in time is not.
        let options = format!(
            "timeout_millis => 1000 match => {{ \"message\" => {} }}",
            quoted(pattern)
        );
        if let Some(pipeline) = filter("grok", &options) {
            for _ in 0..3 {
                run(&pipeline, &text(MATCHED, random));
            }
        }
    });
}

#[test]
fn substitutions() {
    const REPLACEMENTS: &[&str] = &[
        "\\0",
        "\\1",
        "\\k<n>",
        "\\",
        "\\\\",
        "\\+",
        "\\&",
        "%{message}",
        "x",
    ];
    texts(4, PATTERNS, |pattern, random| {
        // What comes of it may well be as long as the text times this.
        let with: String = text(REPLACEMENTS, random).chars().take(400).collect();
        let options = format!(
            "gsub => [\"message\", {}, {}]",
            quoted(pattern),
            quoted(&with)
        );
        if let Some(pipeline) = filter("mutate", &options) {
            run(&pipeline, &text(MATCHED, random));
        }
    });
}

#[test]
fn dissect() {
    const MAPPINGS: &[&str] = &[
        "%{a}",
        "%{b}",
        "%{+a}",
        "%{+a/2}",
        "%{?k}",
        "%{&k}",
        "%{}",
        "%{a->}",
        " ",
        ",",
        "[",
        "]",
        "%{",
        "}",
        "->",
        "%{[x][y]}",
        "é",
        "\t",
        "/",
    ];
    const LINES: &[&str] = &[
        "a", " ", ",", "[", "]", "  ", "é", "=", "\n", "/", "1", "x y",
    ];
    texts(5, MAPPINGS, |mapping, random| {
        let options = format!("mapping => {{ \"message\" => {} }}", quoted(mapping));
        if let Some(pipeline) = filter("dissect", &options) {
            run(&pipeline, &text(LINES, random));
        }
    });
}

const PAIRS: &[&str] = &[
    "a",
    "b",
    "=",
    " ",
    "a=1",
    "\"",
    "'",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "\\",
    ",",
    ";",
    "&",
    ":",
    "\n",
    "é",
    "a=\"x",
    "@timestamp=1",
    "tags=x",
    "[a][b]=",
];

#[test]
fn kv() {
    let options = [
        "",
        "recursive => true",
        "value_split => \":\"",
        "field_split_pattern => \"[,;]+\"",
        "whitespace => \"strict\"",
        "include_brackets => false",
        "target => \"kv\"",
        "trim_value => \"<>\" remove_char_key => \"a\"",
    ];
    let pipelines: Vec<_> = options
        .iter()
        .filter_map(|options| filter("kv", options))
        .collect();
    assert_eq!(pipelines.len(), options.len());
    texts(6, PAIRS, |text, random| {
        run(&pipelines[random.below(pipelines.len())], text)
    });
    texts(7, PAIRS, |split, random| {
        let options = format!(
            "field_split => {0} value_split => {0} trim_key => {0}",
            quoted(split)
        );
        if let Some(pipeline) = filter("kv", &options) {
            run(&pipeline, &text(PAIRS, random));
        }
    });
}

#[test]
fn csv() {
    const ROWS: &[&str] = &[
        "a",
        ",",
        "\"",
        "\"\"",
        "\n",
        "\r\n",
        ";",
        " ",
        "1",
        "2.5",
        "é",
        "\t",
        "\0",
        "2020-01-02",
        "\",\"",
    ];
    let options = [
        "",
        "separator => \";\"",
        "quote_char => \"'\"",
        "columns => [\"a\", \"[b][c]\"] skip_empty_columns => true",
        "convert => { \"column1\" => \"integer\" \"column2\" => \"date_time\" }",
        "autodetect_column_names => true",
        "target => \"t\"",
    ];
    let pipelines: Vec<_> = options
        .iter()
        .filter_map(|options| filter("csv", options))
        .collect();
    assert_eq!(pipelines.len(), options.len());
    texts(8, ROWS, |text, random| {
        run(&pipelines[random.below(pipelines.len())], text)
    });
}

#[test]
fn dates() {
    const FORMATS: &[&str] = &[
        "yyyy",
        "MM",
        "MMM",
        "dd",
        "HH",
        "mm",
        "ss",
        "SSS",
        "Z",
        "ZZZ",
        "z",
        "EEE",
        "a",
        "e",
        "ww",
        "xxxx",
        "D",
        "G",
        "'",
        "-",
        " ",
        "T",
        "ISO8601",
        "UNIX",
        "UNIX_MS",
        "TAI64N",
        "Q",
        "yyyy-MM-dd'T'HH:mm:ss",
    ];
    const DATES: &[&str] = &[
        "2020",
        "-",
        "01",
        "12",
        "31",
        "T",
        "10",
        ":",
        "59",
        ".",
        "123",
        "Z",
        "+01:00",
        "Mar",
        "Tue",
        "@4000000050d506482dbdf024",
        "1478207457",
        " ",
        "PM",
        "Europe/Prague",
        "99999999999999999999",
        "é",
    ];
    let known: Vec<_> = [
        "ISO8601",
        "UNIX",
        "UNIX_MS",
        "TAI64N",
        "dd/MMM/yyyy:HH:mm:ss Z",
        "MMM d HH:mm:ss",
    ]
    .iter()
    .filter_map(|format| filter("date", &format!("match => [\"message\", \"{format}\"]")))
    .collect();
    texts(9, DATES, |text, random| {
        run(&known[random.below(known.len())], text)
    });
    texts(10, FORMATS, |format, random| {
        let options = format!("match => [\"message\", {}]", quoted(format));
        if let Some(pipeline) = filter("date", &options) {
            run(&pipeline, &text(DATES, random));
        }
    });
}

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
            let arena = Arena::new();
            let mut events = 0;
            codec.decode(
                &bytes,
                &mut DecodeContext {
                    arena: &arena,
                    timestamp: now(),
                    invalid_utf8: InvalidUtf8::Replace,
                    emit: &mut |event| {
                        events += 1;
                        write_json(&mut Vec::new(), &event);
                    },
                },
            );
            assert!(arena.allocated_bytes() < MEMORY_MAX, "{bytes:?}");
            assert!(events <= bytes.len() + 1, "{events} events of {bytes:?}");
        }
    });
}

#[test]
fn deep_texts_come_to_an_end() {
    for (name, options, piece) in [
        ("kv", "recursive => true", "a="),
        ("kv", "recursive => true", "a=["),
        ("kv", "", "a=<"),
        ("json", "source => \"message\"", "{\"a\":"),
        ("json", "source => \"message\"", "["),
        ("xml", "source => \"message\" target => \"x\"", "<a>"),
        ("csv", "", "\""),
        ("urldecode", "", "%25"),
    ] {
        let pipeline = filter(name, options);
        let text = piece.repeat(20_000);
        pipeline.iter().for_each(|pipeline| run(pipeline, &text));
        assert!(pipeline.is_some(), "{name} {options}");
    }
}

/// What holds very many fields takes no time for each that grows with the others.
#[test]
fn wide_texts_come_to_an_end() {
    const FIELDS: usize = 100_000;
    let joined = |piece: &dyn Fn(usize) -> String| (0..FIELDS).map(piece).collect::<String>();
    let pairs = joined(&|number| format!("k{number}=v "));
    let commas = ",".repeat(FIELDS);
    let object = joined(&|number| format!("\"k{number}\":1,"));
    let object = format!("{{{object}\"last\":1}}");
    for (name, options, text) in [
        ("kv", "", &pairs),
        ("kv", "default_keys => [\"a\", \"b\"]", &pairs),
        ("csv", "", &commas),
        ("csv", "target => \"t\"", &commas),
        ("json", "source => \"message\"", &object),
    ] {
        let pipeline = filter(name, options);
        let watch = StopWatch::start();
        pipeline.iter().for_each(|pipeline| run(pipeline, text));
        assert!(pipeline.is_some(), "{name} {options}");
        assert!(watch.took() < LONGEST, "{name} {options}");
    }
    let mut map = vec![0xdf];
    map.extend((FIELDS as u32).to_be_bytes());
    for number in 0..FIELDS {
        let key = format!("k{number:06}");
        map.push(0xa0 | key.len() as u8);
        map.extend(key.as_bytes());
        map.push(1);
    }
    for (name, payload, fields) in [
        ("msgpack", &map[..], FIELDS),
        ("csv", commas.as_bytes(), FIELDS + 1),
        ("json", object.as_bytes(), FIELDS + 1),
    ] {
        let codec = default_codec(name, EcsCompatibility::Disabled).unwrap();
        let watch = StopWatch::start();
        let arena = Arena::new();
        let mut found = 0;
        codec.decode(
            payload,
            &mut DecodeContext {
                arena: &arena,
                timestamp: now(),
                invalid_utf8: InvalidUtf8::Replace,
                emit: &mut |event| found = event.fields().len(),
            },
        );
        // Beside the fields an event has `@timestamp` and `@version`.
        assert_eq!(found, fields + 2, "{name}");
        assert!(watch.took() < LONGEST, "{name}");
    }
}

/// Xorshift: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
