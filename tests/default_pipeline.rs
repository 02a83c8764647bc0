//! The sample lines of `tests/samples` through the default pipeline, `examples/default.conf`: each becomes the document that its case says.
//! `tests/samples/README.md` describes the cases.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

#[derive(Default)]
struct Case {
    name: String,
    topic: String,
    headers: Map<String, Value>,
    tags: Vec<String>,
    line: String,
    fields: Vec<(String, Value)>,
    absent: Vec<String>,
}

fn cases(file: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case {
                name: format!("{}: {name}", file.file_name().unwrap().display()),
                topic: "logs".to_owned(),
                ..Case::default()
            });
            continue;
        }
        let case = cases.last_mut().unwrap();
        if let Some(text) = line.strip_prefix(">>>") {
            // Within JSON a backslash is the line's own.
            let text = text.strip_prefix(' ').unwrap_or(text);
            let is_json = text.starts_with('{');
            case.line = if is_json {
                text.to_owned()
            } else {
                text.replace("\\n", "\n").replace("\\t", "\t")
            };
        } else if let Some(topic) = line.strip_prefix("topic ") {
            case.topic = topic.to_owned();
        } else if let Some(tag) = line.strip_prefix("tag ") {
            case.tags.push(tag.to_owned());
        } else if let Some(header) = line.strip_prefix("header ") {
            let (name, value) = header.split_once('=').unwrap();
            case.headers.insert(name.to_owned(), value.into());
        } else if let Some(field) = line.strip_suffix(" absent") {
            case.absent.push(field.to_owned());
        } else {
            let (field, value) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
            let value = serde_json::from_str(value).unwrap_or_else(|_| panic!("{line}"));
            case.fields.push((field.to_owned(), value));
        }
    }
    cases
}

/// All documents that the filters of the default pipeline make of the cases' lines, in their order.
fn documents(cases: &[Case]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut kelp = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["filter", "-f"])
        .arg(folder.join("examples/default.conf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = kelp.stdin.take().unwrap();
    let mut input = String::new();
    for case in cases {
        let kafka = json!({"topic": case.topic, "headers": case.headers});
        let event = json!({"message": case.line, "event": {"original": case.line},
            "@metadata": {"kafka": kafka}});
        input.push_str(&event.to_string());
        input.push('\n');
    }
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = kelp.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn field<'d>(document: &'d Value, name: &str) -> Option<&'d Value> {
    name.split('.')
        .try_fold(document, |value, part| value.get(part))
}

/// Equal, but that `*` at the start of a text stands for any four characters: the year of a time that has none.
fn agrees(found: Option<&Value>, expected: &Value) -> bool {
    match (
        found.and_then(Value::as_str),
        expected.as_str().and_then(|text| text.strip_prefix('*')),
    ) {
        (Some(found), Some(rest)) => found.get(4..) == Some(rest),
        _ => found == Some(expected),
    }
}

#[test]
fn every_sample_line_is_recognised() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|file| cases(file)).collect();
    assert!(cases.len() > 60, "only {} cases were found", cases.len());
    let documents = documents(&cases);
    assert_eq!(documents.len(), cases.len());
    let mut wrong = String::new();
    for (case, document) in cases.iter().zip(&documents) {
        let mut complaints = Vec::new();
        for (name, expected) in &case.fields {
            let found = field(document, name);
            if !agrees(found, expected) {
                complaints.push(format!("{name} is {found:?}, not {expected}"));
            }
        }
        for name in &case.absent {
            if let Some(found) = field(document, name) {
                complaints.push(format!("{name} is {found}, and should be absent"));
            }
        }
        let tags: Vec<String> = document
            .get("tags")
            .map(|tags| serde_json::from_value(tags.clone()).unwrap())
            .unwrap_or_default();
        if tags != case.tags {
            complaints.push(format!("tags are {tags:?}, not {:?}", case.tags));
        }
        if !complaints.is_empty() {
            wrong += &format!(
                "{}\n  {}\n  {document}\n",
                case.name,
                complaints.join("\n  ")
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
