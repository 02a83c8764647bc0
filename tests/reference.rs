//! The pages in `docs/reference` say what the code says. `UPDATE=1` writes them anew.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

fn pages(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let read = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    });
    read.collect()
}

#[test]
fn the_reference_is_fresh() {
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference");
    let _ = std::fs::remove_dir_all(&fresh);
    let status = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["reference", "--write"])
        .arg(&fresh)
        .status()
        .unwrap();
    assert!(status.success());
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    let fresh = pages(&fresh);
    if std::env::var_os("UPDATE").is_some() {
        let _ = std::fs::remove_dir_all(&kept);
        std::fs::create_dir_all(&kept).unwrap();
        for (name, text) in &fresh {
            std::fs::write(kept.join(name), text).unwrap();
        }
    }
    let kept = pages(&kept);
    let names: Vec<_> = fresh.keys().collect();
    assert_eq!(
        kept.keys().collect::<Vec<_>>(),
        names,
        "UPDATE=1 writes the pages"
    );
    for (name, text) in &fresh {
        assert_eq!(
            &kept[name], text,
            "{name} is stale: UPDATE=1 writes the pages"
        );
    }
    assert!(names.len() > 50, "only {} pages", names.len());
}

#[test]
fn a_plugin_is_described() {
    let kelp = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
            .args(args)
            .output()
            .unwrap();
        let all = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8(all).unwrap())
    };
    let (code, text) = kelp(&["reference", "json"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("# Filter `json`"), "{text}");
    assert!(text.contains("# Codec `json`"), "{text}");
    assert!(
        text.contains("| `source` | field reference | needed |"),
        "{text}"
    );
    let (code, text) = kelp(&["reference", "nope"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("there is no plugin `nope`"), "{text}");
}
