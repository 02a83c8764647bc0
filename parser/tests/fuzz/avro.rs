//! Avro: data of any schema, and schemas of anything.

use std::fs;
use std::path::PathBuf;

use kelp_parser::codec::{Codec, build_input_codec};
use kelp_parser::config::ast::{Literal, Statement};
use kelp_parser::spec::CodecName;

use super::*;

const SCHEMAS: &[&str] = &[
    "\"null\"",
    "\"boolean\"",
    "\"int\"",
    "\"long\"",
    "\"float\"",
    "\"double\"",
    "\"bytes\"",
    "\"string\"",
    "{\"type\":\"int\",\"logicalType\":\"date\"}",
    "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
    "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}",
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":4}",
];

/// A schema of some depth, which may refer to the types that it has named so far, `N1` and so on.
fn schema(random: &mut Random, depth: usize, names: &mut usize) -> String {
    let inner = |random: &mut Random, names: &mut usize| match depth {
        0 => SCHEMAS[random.below(SCHEMAS.len())].to_owned(),
        depth => schema(random, depth - 1, names),
    };
    match random.below(10) {
        0 => format!("{{\"type\":\"array\",\"items\":{}}}", inner(random, names)),
        1 => format!("{{\"type\":\"map\",\"values\":{}}}", inner(random, names)),
        2 => {
            let mut members = vec!["\"null\"".to_owned()];
            members.extend((0..random.below(3)).map(|_| inner(random, names)));
            format!("[{}]", members.join(","))
        }
        3 => match *names {
            0 => inner(random, names),
            // Often the record around it.
            names => format!("[\"null\",\"N{}\"]", 1 + random.below(names)),
        },
        4 | 5 => {
            *names += 1;
            let name = *names;
            let fields: Vec<_> = (0..random.below(5))
                .map(|number| {
                    let of = inner(random, names);
                    format!("{{\"name\":\"f{number}\",\"type\":{of}}}")
                })
                .collect();
            let fields = fields.join(",");
            format!("{{\"type\":\"record\",\"name\":\"N{name}\",\"fields\":[{fields}]}}")
        }
        6 => {
            *names += 1;
            let size = random.below(300);
            format!("{{\"type\":\"fixed\",\"name\":\"N{names}\",\"size\":{size}}}")
        }
        7 => {
            *names += 1;
            format!("{{\"type\":\"enum\",\"name\":\"N{names}\",\"symbols\":[\"A\",\"B\"]}}")
        }
        _ => SCHEMAS[random.below(SCHEMAS.len())].to_owned(),
    }
}

fn codec(path: &std::path::Path) -> Option<Box<dyn Codec>> {
    let text = format!(
        "input {{ x {{ codec => avro {{ schema_uri => \"{}\" encoding => binary }} }} }}",
        path.display()
    );
    let mut sources = SourceMap::default();
    sources.add("fuzz.conf", text);
    let (config, _) = parse(&sources, &ParseOptions::default());
    let Statement::Plugin(input) = &config.sections[0].body[0] else {
        return None;
    };
    let Literal::Plugin(plugin) = &input.settings[0].value.node else {
        return None;
    };
    let name = CodecName(plugin.clone());
    build_input_codec(
        Some(&name),
        "plain",
        EcsCompatibility::default(),
        &mut Vec::new(),
    )
}

#[test]
fn avro() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz.avsc");
    let mut read = 0;
    texts(13, SCHEMAS, |_, random| {
        let mut schema = schema(random, 4, &mut 0);
        if random.below(8) == 0 {
            let at = random.below(schema.len());
            schema.replace_range(at..=at, ["{", "]", ",", "9", ""][random.below(5)]);
        }
        CONFIGURED.set(CONFIGURED.get() + schema.len());
        fs::write(&path, &schema).expect("a file for a test");
        let Some(codec) = codec(&path) else {
            return;
        };
        for _ in 0..8 {
            // Small numbers are what counts and lengths are made of.
            let bytes: Vec<u8> = (0..random.below(400))
                .map(|_| match random.below(3) {
                    0 => random.below(256) as u8,
                    _ => random.below(8) as u8,
                })
                .collect();
            let events = decode(&*codec, &bytes, |event| {
                read += usize::from(event.get(FieldRef::constant("tags")).is_none());
            });
            assert_eq!(events, 1, "{bytes:?} as {schema}");
        }
    });
    assert!(read > rounds() / 2, "only {read} data were read");
}
