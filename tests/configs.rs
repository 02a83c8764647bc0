//! The configurations in `tests/configs`, after the shapes that are found in the wild: each is free of errors and warnings, and
//! holds to its test cases.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn kelp(args: &[&str], paths: &[PathBuf]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(args)
        .args(paths)
        .output()
        .unwrap();
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(all).unwrap())
}

#[test]
fn every_configuration_is_clean_and_tested() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs");
    let paths = std::fs::read_dir(directory).unwrap();
    let mut configs: Vec<PathBuf> = paths.map(|entry| entry.unwrap().path()).collect();
    configs.retain(|path| path.extension().is_some_and(|end| end == "conf"));
    configs.sort();
    assert!(configs.len() >= 30, "only {} configurations", configs.len());
    let (clean, said) = kelp(&["check", "--strict"], &configs);
    assert!(clean, "{said}");
    // A configuration without test cases is an error of `kelp test`.
    let (holds, said) = kelp(&["test"], &configs);
    assert!(holds, "{said}");
}
