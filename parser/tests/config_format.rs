//! `kelp fmt`: the layout of `cases/format/<name>.conf` is `<name>.txt` (run with `UPDATE=1` to rewrite it), and formatting keeps the
//! meaning, the comments and, done twice, everything.

use std::fs;
use std::path::{Path, PathBuf};

use kelp_parser::config::{ParseOptions, SourceMap, format as lay_out, parse};

#[test]
fn layouts_are_canonical() {
    let update = std::env::var_os("UPDATE").is_some();
    for path in examples(&["format"]) {
        let golden = path.with_extension("txt");
        let laid_out = formatted(&fs::read_to_string(&path).unwrap());
        if update {
            fs::write(&golden, &laid_out).unwrap();
        }
        assert_eq!(fs::read_to_string(&golden).unwrap(), laid_out);
    }
}

#[test]
fn formatting_changes_nothing_but_the_layout() {
    for path in examples(&["format", "configs"]) {
        let text = fs::read_to_string(&path).unwrap();
        check(&path.display().to_string(), &text);
        // The same with every possible line break and comment in between.
        for (at, _) in text.match_indices(' ').step_by(3) {
            for inserted in ["\n", "\n\n\n", " # inserted\n", "\n# inserted\n\n"] {
                let changed = format!("{}{inserted}{}", &text[..at], &text[at..]);
                if formats(&changed).is_some() {
                    check(
                        &format!("{} with {inserted:?} at {at}", path.display()),
                        &changed,
                    );
                }
            }
        }
    }
}

#[test]
fn line_breaks_stay_those_of_the_file() {
    assert_eq!(
        formatted("\u{feff}filter{\r\na{}}\r\n"),
        "filter {\r\n  a { }\r\n}\r\n"
    );
    assert_eq!(formatted("filter {\n}"), "filter { }\n");
    assert_eq!(formatted(" \n\n"), "");
    assert_eq!(formatted("# a\r"), "# a\n");
}

#[test]
fn broken_files_are_refused() {
    assert!(formats("filter { a { b = 1 } }").is_none());
}

fn check(name: &str, text: &str) {
    let once = formatted(text);
    assert_eq!(
        tree(text),
        tree(&once),
        "{name}: the meaning changed:\n{once}"
    );
    assert_eq!(
        characters(text),
        characters(&once),
        "{name}: something was lost:\n{once}"
    );
    assert_eq!(once, formatted(&once), "{name}: not stable");
}

/// The tree without its spans.
fn tree(text: &str) -> String {
    let mut sources = SourceMap::default();
    sources.add("test.conf", text);
    let (config, _) = parse(&sources, &ParseOptions::default());
    let debug = format!("{config:?}");
    let mut parts = debug.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |tree, part| {
        tree + part.split_once('}').map_or("", |(_, rest)| rest)
    })
}

/// All characters but white space, sorted: comments may move.
fn characters(text: &str) -> Vec<char> {
    let text = text.trim_start_matches('\u{feff}');
    let mut characters: Vec<char> = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    characters.sort_unstable();
    characters
}

fn formatted(text: &str) -> String {
    formats(text).expect("no syntax errors")
}

fn formats(text: &str) -> Option<String> {
    let mut sources = SourceMap::default();
    let file = sources.add("test.conf", text);
    lay_out(&sources, file).ok()
}

fn examples(directories: &[&str]) -> Vec<PathBuf> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut found = Vec::new();
    for directory in directories {
        for entry in fs::read_dir(cases.join(directory)).expect("the examples can be read") {
            let path = entry.expect("the examples can be read").path();
            if path
                .extension()
                .is_some_and(|extension| extension == "conf")
            {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}
