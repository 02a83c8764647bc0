//! What the user sees of a broken configuration, byte for byte: each `cases/errors/<name>.conf` has its rendered diagnostics
//! in `<name>.txt`. Run with `UPDATE=1` to rewrite them, then read the difference.

use std::fs;
use std::path::Path;

use kelp_parser::config::{ParseOptions, SourceMap, parse, render, resolve};

#[test]
fn broken_configurations_are_explained() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/errors");
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "conf") {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let shown = explain(name, &fs::read_to_string(&path).unwrap());
        let golden = path.with_extension("txt");
        if update {
            fs::write(&golden, &shown).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != shown {
            wrong.push(format!("{name} is now explained so:\n{shown}"));
        }
    }
    assert!(count > 30, "only {count} cases found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn explain(name: &str, text: &str) -> String {
    let mut sources = SourceMap::default();
    sources.add(name, text);
    let (mut config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let known = |variable: &str| (variable == "SET").then(|| "value".to_owned());
    diagnostics.extend(resolve(&mut config, &sources, &known));
    render(&diagnostics, &sources, false)
}
