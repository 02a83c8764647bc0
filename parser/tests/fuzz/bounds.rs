//! Texts that are deep, or wide.

use super::*;

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
