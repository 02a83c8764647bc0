//! `kelp check`, `kelp fmt` and closed pipes as a user meets them.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn kelp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn configurations() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for directory in ["examples", "parser/tests/cases/configs"] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "conf") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn examples_are_checked_without_a_word() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/*.conf");
    for entry in glob::glob(&examples.to_string_lossy()).unwrap() {
        let path = entry.unwrap();
        let output = kelp(&["check", "--strict", &path.to_string_lossy()]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{errors}", path.display());
    }
}

#[test]
fn a_deprecated_option_is_told_once() {
    let old = "filter { translate { field => aa destination => bb dictionary => { cc => dd } } } \
               output { elasticsearch { hosts => host document_type => tt } }";
    let output = kelp(&["check", "--format", "json", "-e", old]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let rules: Vec<_> = findings.map(|finding| finding["rule"].as_str()).collect();
    assert_eq!(rules, [Some("deprecated-option"); 3]);
}

#[test]
fn findings_have_a_place_a_rule_and_an_exit_code() {
    let bad = "filter { date { match => [\"t\", \"yyyy-mm-dd\"] } }";
    let output = kelp(&["check", "--format", "json", "-e", bad]);
    assert!(output.status.success(), "warnings alone are no failure");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["warnings"], 1);
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], "date-format");
    assert_eq!(
        (finding["line"].as_u64(), finding["column"].as_u64()),
        (Some(1), Some(32))
    );
    assert_eq!(
        kelp(&["check", "--strict", "-e", bad]).status.code(),
        Some(1)
    );
    let silenced = format!("# kelp: allow(date-format)\n{bad}");
    let silenced = kelp(&["check", "--strict", "-e", &silenced]);
    assert!(silenced.status.success());
    let gone = "filter { grok { pattern => \"x\" } }";
    let output = kelp(&["check", "-e", gone]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("any more") && errors.contains("match =>"),
        "{errors}"
    );
}

#[test]
fn files_are_laid_out_in_place_and_stay_so() {
    let directory = std::env::temp_dir().join(format!("kelp-fmt-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    for path in configurations() {
        std::fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
    }
    let place = directory.to_string_lossy().into_owned();
    let listed = kelp(&["fmt", "--check", &place]);
    assert_eq!(listed.status.code(), Some(1));
    assert!(stdout(&listed).contains("tabs.conf"));
    let done = kelp(&["fmt", &place]);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let again = kelp(&["fmt", "--check", &place]);
    assert!(again.status.success(), "{}", stdout(&again));
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn standard_input_is_laid_out_to_standard_output() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .arg("fmt")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"filter{drop{}} # end\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "filter {\n  drop { }\n} # end\n");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    for arguments in [&["check", "--rules"][..], &["reference", "grok"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
            .args(arguments)
            .stdout(writer)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        assert_eq!(errors, "", "{arguments:?}");
    }
}

/// What cannot be written stays held, so a pipeline that only waited for it would never end.
#[test]
fn a_pipeline_ends_when_nobody_reads_its_standard_output() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let data = std::env::temp_dir().join(format!("kelp-closed-{}", std::process::id()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["--path.data", &data.to_string_lossy()])
        .args(["--api.enabled", "false"])
        .args(["-e", "input { stdin { } } output { stdout { } }"])
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"a line\n").unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("nobody reads the standard output"), "{log}");
    std::fs::remove_dir_all(data).unwrap();
}
