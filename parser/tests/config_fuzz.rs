//! Real shapes of configurations: they are read without a word, and no damage done to them makes the parser panic, hang or point
//! outside of the text. The damage is pseudo-random but the same on every run.

#[path = "support/random.rs"]
mod random;

use std::fs;
use std::path::Path;

use kelp_parser::config::{
    Diagnostic, ParseOptions, SourceMap, Span, format as lay_out, parse, render, resolve,
};
use random::Random;

#[test]
fn example_configurations_are_read_without_a_word() {
    for (name, text) in examples("configs") {
        let mut sources = SourceMap::default();
        sources.add(&name, text);
        let (_, diagnostics) = parse(&sources, &ParseOptions::default());
        assert!(
            diagnostics.is_empty(),
            "{}",
            render(&diagnostics, &sources, false)
        );
    }
}

#[test]
fn damaged_configurations_are_refused_in_order() {
    let mut originals = examples("configs");
    originals.extend(examples("errors"));
    let mut random = Random(0x1234_5678_9abc_def1);
    for (name, text) in &originals {
        for _ in 0..rounds() {
            let mut damaged = text.clone();
            for _ in 0..=random.below(4) {
                let (_, other) = &originals[random.below(originals.len())];
                damage(&mut damaged, other, &mut random);
            }
            check(name, &damaged);
        }
    }
}

/// What the long search has found.
#[test]
fn what_was_once_misplaced_is_in_its_place() {
    let hash_behind_a_string = "filter {\n  if [a] == \"b{ \"größe\" = \"日本[c] <> \"y\" { drop { } }\n  if [\" } }\n}\n\"\n    mutate { add_tag => ";
    for end in ["", "\"", "\"\n"] {
        check("found.conf", &format!("{hash_behind_a_string}{end}"));
    }
}

#[test]
fn every_prefix_of_a_configuration_is_survived() {
    for (name, text) in examples("configs") {
        for (end, _) in text.char_indices() {
            check(&name, &text[..end]);
        }
    }
}

#[test]
fn large_texts_of_anything_are_read_in_time() {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        "(",
        "\"",
        "'",
        "\\\"",
        "\"\"",
        "#",
        "\n",
        "\n\"",
        "\r",
        "a",
        "a ",
        "a\n",
        "1",
        "-",
        "=>",
        ",",
        " ",
        "/",
        "if ",
        "if [a] ",
        "else ",
        "a {",
        "a { }",
        "a => ",
        "a { b => [",
        "\u{a0}",
        "“",
        "input {",
        "filter\n",
        "\"a\" => ",
        "[a]",
        "!",
        "%{",
        "a=>\"x\n\"",
        "}\n",
        "{\n",
    ];
    for piece in pieces {
        for start in ["", "filter { ", "filter { a { b => ", "filter { if "] {
            let text = format!("{start}{}", piece.repeat((1 << 17) / piece.len()));
            let began = std::time::Instant::now();
            let mut sources = SourceMap::default();
            sources.add("large.conf", text);
            parse(&sources, &ParseOptions::default());
            let seconds = began.elapsed().as_secs_f32();
            assert!(seconds < 5.0, "{start}{piece:?} repeated took {seconds} s");
        }
    }
}

/// How often each file is damaged; set `FUZZ_ROUNDS` for a longer search.
fn rounds() -> usize {
    let rounds = std::env::var("FUZZ_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(150)
}

fn check(name: &str, text: &str) {
    let mut sources = SourceMap::default();
    sources.add(name, text);
    let (mut config, mut diagnostics) = parse(
        &sources,
        &ParseOptions {
            support_escapes: text.len().is_multiple_of(2),
        },
    );
    diagnostics.extend(resolve(&mut config, &sources, &|name| {
        (name.len().is_multiple_of(2)).then(String::new)
    }));
    for Diagnostic {
        span,
        related,
        message,
        ..
    } in &diagnostics
    {
        let spans = related.iter().map(|(span, _)| *span).chain([*span]);
        for Span { start, end, .. } in spans {
            let range = start as usize..end as usize;
            assert!(
                start <= end && text.get(range).is_some(),
                "{message} at {start}..{end} of\n{text}"
            );
        }
    }
    if let Some(once) = formatted(text) {
        let twice = formatted(&once);
        assert_eq!(Some(once), twice, "{name}: not stable:\n{text}");
    }
    render(&diagnostics, &sources, text.len().is_multiple_of(3));
}

fn formatted(text: &str) -> Option<String> {
    let mut sources = SourceMap::default();
    let file = sources.add("damaged.conf", text);
    lay_out(&sources, file).ok()
}

fn damage(text: &mut String, other: &str, random: &mut Random) {
    const INSERTED: [&str; 32] = [
        "{", "}", "[", "]", "(", ")", "\"", "'", "\\", "/", ",", "=", "=>", "==", "#", "\n",
        "\r\n", " ", "if ", "else ", "not ", "and", "!", "${X}", "%{y}", "\u{a0}", "“", "é",
        "\u{feff}", "0", "filter {", "\0",
    ];
    let at = boundary(text, random.below(text.len() + 1));
    let end = boundary(text, at + random.below(12));
    match random.below(6) {
        0 => text.replace_range(at..end, ""),
        1 => text.replace_range(at..end, INSERTED[random.below(INSERTED.len())]),
        2 | 3 => text.insert_str(at, INSERTED[random.below(INSERTED.len())]),
        4 => {
            let from = boundary(other, random.below(other.len() + 1));
            let to = boundary(other, from + random.below(80));
            text.insert_str(at, &other[from..to]);
        }
        _ => text.truncate(at),
    }
}

/// The character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn examples(directory: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(directory);
    let paths = fs::read_dir(directory)
        .expect("the examples can be read")
        .map(|entry| entry.expect("the examples can be read").path());
    let mut found: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "conf")
        })
        .map(|path| {
            let name = path
                .file_name()
                .expect("the examples can be read")
                .to_string_lossy()
                .into_owned();
            (
                name,
                fs::read_to_string(&path).expect("the examples can be read"),
            )
        })
        .collect();
    found.sort();
    assert!(found.len() > 15, "only {} examples", found.len());
    found
}
