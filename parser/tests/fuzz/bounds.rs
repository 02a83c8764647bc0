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
        pipeline
            .iter()
            .for_each(|pipeline| run_to_the_end(pipeline, &text));
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
        pipeline
            .iter()
            .for_each(|pipeline| run_to_the_end(pipeline, text));
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

/// A filter that changes very many fields of an event, or one field of very many, takes no time for each that grows with
/// the others.
#[test]
fn wide_events_come_to_an_end() {
    const FIELDS: usize = 40_000;
    let object = |name: fn(usize) -> String| {
        let fields: Vec<_> = (0..FIELDS)
            .map(|n| format!("\"{}\":\"v\"", name(n)))
            .collect();
        format!("{{{}}}", fields.join(","))
    };
    let dotted = object(|number| format!("a.b.k{number}"));
    let plain = object(|number| format!("k{number}"));
    let set_and_remove = "ruby { code => \"
        event.to_hash.keys.each { |k|
            next if k.start_with?('@')
            event.set('new_' + k, event.get(k))
            event.remove(k)
        }\" }";
    for (text, filter) in [
        (&dotted, "de_dot { }"),
        (&dotted, "de_dot { nested => true }"),
        (&dotted, "de_dot { recursive => true separator => \"-\" }"),
        (&plain, "prune { blacklist_names => [\"[13579]$\"] }"),
        (&plain, "prune { whitelist_values => { \"k1\" => \"v\" } }"),
        (&plain, "urldecode { all_fields => true }"),
        (&plain, "truncate { length_bytes => 1 }"),
        (&plain, "json { source => \"message\" }"),
        (
            &plain,
            "kv { source => \"k7\" default_keys => [\"k1\", \"x\", \"k2\", \"x\"] }",
        ),
        (&plain, "clone { clones => [\"copy\"] }"),
        (&plain, "fingerprint { concatenate_all_fields => true }"),
        (&plain, set_and_remove),
    ] {
        let filters = filters(&format!("json {{ source => \"message\" }} {filter}"));
        let watch = StopWatch::start();
        filters
            .iter()
            .for_each(|filters| run_to_the_end(filters, text));
        assert!(filters.is_some(), "{filter}");
        assert!(watch.took() < LONGEST, "{filter}");
    }
}

/// A pattern that only the event knows may be as long as the event, a set in it as long as Unicode.
#[test]
fn patterns_of_events_take_little_memory() {
    for message in [
        "[[:alpha:]]".repeat(20_000),
        "(?:[^\\d]x){900}".to_owned(),
        "(?i)[[:word:]]".repeat(2_000),
    ] {
        let pipeline = filter("mutate", "gsub => [\"message\", \"%{message}\", \"\"]");
        let pipeline = pipeline.expect("a valid filter");
        let ((), memory) = measured(|| run(&pipeline, &message));
        assert!(
            memory.peak < MEMORY_MAX / 2,
            "{memory:?} for {} bytes",
            message.len()
        );
    }
}

/// Ever new patterns of events do not fill the memory.
#[test]
fn patterns_of_many_events_take_little_memory() {
    let pipeline = filter("mutate", "gsub => [\"message\", \"%{message}\", \"\"]");
    let pipeline = pipeline.expect("a valid filter");
    let ((), memory) = measured(|| {
        for number in 0..100 {
            run(&pipeline, &format!("(?:a{number}|[bc]d|é){{2000}}"));
        }
    });
    assert!(memory.peak < MEMORY_MAX, "{memory:?}");
}

/// What a replacement makes may grow with the square of the event: it ends at the limit, not behind it.
#[test]
fn replacements_end_at_the_limit_of_an_event() {
    let message = "a".repeat(100_000);
    for replacement in ["%{message}%{message}", "\\0%{message}", "\\'"] {
        let options = format!("gsub => [\"message\", \".\", \"{replacement}\"]");
        let pipeline = filter("mutate", &options).expect("a valid filter");
        let watch = StopWatch::start();
        ignore_full_arenas();
        let arena = Arena::new();
        arena.set_allocation_limit(Some(EVENT_MAX));
        let (passed, memory) =
            measured(|| catch_unwind(AssertUnwindSafe(|| pass(&pipeline, &message, &arena))));
        assert!(passed.is_err_and(|panic| is_full(&*panic)), "{replacement}");
        assert!(
            memory.peak < EVENT_MAX + EVENT_MAX / 4,
            "{memory:?} for {replacement}"
        );
        assert!(watch.took() < LONGEST, "{replacement}");
    }
}

/// Whoever loads a configuration again and again, as a reload does, needs no more memory in the end: only what was not said
/// before stays, as the constants of events.
#[test]
fn the_same_configuration_again_keeps_nothing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/configs");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("the configurations can be read") {
        let path = entry.expect("the configurations can be read").path();
        let text = std::fs::read_to_string(&path).expect("a configuration");
        let load = || {
            let mut sources = SourceMap::default();
            sources.add("again.conf", text.clone());
            let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
            let context = BuildContext::new(EcsCompatibility::default());
            Pipeline::compile(&config, &context, &mut diagnostics);
        };
        load();
        let ((), memory) = measured(load);
        assert_eq!(memory.kept, 0, "{}", path.display());
        read += 1;
    }
    assert!(read > 0);
}
