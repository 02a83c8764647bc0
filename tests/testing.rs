//! `kelp test`: what it accepts, what it reports, and the test cases of the examples.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("testing-{name}"));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.join(name), text).unwrap();
        self
    }

    fn test(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_kelp"))
            .arg("test")
            .args(args)
            .current_dir(&self.0)
            .output()
            .unwrap()
    }
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(all).unwrap()
}

const CONF: &str = r#"
input { stdin { id => "lines" codec => json } }
filter {
  if [message] == "drop" { drop { } }
  grok { match => { "message" => "%{WORD:verb} %{INT:count:int}" } }
  throttle { after_count => 1 period => 60 key => "%{verb}" add_tag => "again" }
  mutate { add_field => { "[@metadata][to]" => "x" } }
}
"#;

#[test]
fn cases_beside_a_configuration_hold() {
    let folder = Folder::new("holds").with("a.conf", CONF).with(
        "a.test.yml",
        r#"
fields: { "[log][type]": app }
testcases:
- name: a line
  input: ["put 5"]
  expected: [{ message: put 5, verb: put, count: 5, log: { type: app } }]
- name: a second line of the same kind, but in another case
  input: ["put 5"]
  expected: [{ message: put 5, verb: put, count: 5.0, log: { type: app } }]
- name: an event and a line that is dropped
  input: [{ message: get 1, "[a][b]": 1 }, drop]
  contains: [{ a: { b: 1 }, count: 1 }]
- name: twice
  input: [put 1, put 2]
  fields: { "[log][type]": other }
  contains: [{ count: 1 }, { count: 2, tags: [again], log: { type: other } }]
"#,
    );
    for arg in ["a.conf", "a.test.yml", "."] {
        let output = folder.test(&[arg]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).contains("4 passed, 0 failed in 1 file(s)"));
    }
}

#[test]
fn a_difference_is_shown_and_reported() {
    let folder = Folder::new("differs").with("a.conf", CONF).with(
        "a.test.json",
        r#"{"testcases": [{"name": "<one> & two", "input": ["put 5"], "expected": [{"message": "put 5", "verb": "get", "count": 5}]},
            {"input": ["drop"], "expected": []}]}"#,
    );
    let output = folder.test(&["--junit", "report.xml", "a.conf"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("FAILED a.test.json: <one> & two"), "{said}");
    assert!(said.contains(r#"  -   "verb": "get""#), "{said}");
    assert!(said.contains(r#"  +   "verb": "put""#), "{said}");
    assert!(said.contains("1 passed, 1 failed"), "{said}");
    let report = std::fs::read_to_string(folder.0.join("report.xml")).unwrap();
    assert!(report.contains(r#"tests="2" failures="1""#), "{report}");
    assert!(
        report.contains(r#"name="&lt;one&gt; &amp; two""#),
        "{report}"
    );
    assert!(report.contains(r#"name="case 2""#), "{report}");
}

#[test]
fn files_of_logstash_filter_verifier_are_read() {
    let folder = Folder::new("verifier")
        .with("a.conf", CONF)
        .with(
            "version1.json",
            r#"{"codec": "json_lines", "fields": {"type": "app"}, "ignore": ["host", "[x][y]"],
                "testcases": [{"description": "one", "input": ["{\"message\": \"put 5\", \"[x][y]\": 1}"],
                "expected": [{"@timestamp": "2026-01-01T00:00:00.000Z", "message": "put 5", "verb": "put", "count": 5, "type": "app"}]}],
                "now": "2026-01-01T00:00:00Z"}"#,
        )
        .with(
            "version2.yaml",
            r#"
input_plugin: lines
export_metadata: true
testcases:
  - input: ['{"message": "put 5"}']
    fields: { type: app }
    expected:
      - { message: put 5, verb: put, count: 5, type: app, "@metadata": { to: x } }
"#,
        )
        .with("version0.json", r#"{"input": ["drop", "put 1"], "expected": [{"message": "put 1", "verb": "put", "count": 1}]}"#);
    let output = folder.test(&["-f", "a.conf", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("3 passed, 0 failed in 3 file(s)"));
}

#[test]
fn code_that_runs_once_sees_the_time_of_the_file() {
    let conf =
        "filter { ruby { init => '@year = Time.now.year' code => 'event.set(\"year\", @year)' } }";
    let folder = Folder::new("time").with("a.conf", conf).with(
        "a.test.yml",
        "now: 2031-01-01T00:00:00Z\ntestcases: [{input: [x], contains: [{year: 2031}]}]",
    );
    let output = folder.test(&["a.conf"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn what_cannot_be_tested_is_said() {
    let folder = Folder::new("broken")
        .with("bad.conf", "filter { nope { } }")
        .with("bad.test.yml", "testcases: [{input: [a], expected: []}]")
        .with("alone.test.yml", "testcases: [{input: [a], expected: []}]")
        .with("odd.test.yml", "testcase: []");
    for (args, said) in [
        (["bad.conf"], "there is no filter `nope`"),
        (["alone.test.yml"], "does not say which configuration"),
        (["odd.test.yml"], "no key `testcase`"),
        (["nothing.conf"], "there are no test cases"),
        (["nothing.test.yml"], "cannot read"),
    ] {
        let output = folder.test(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output).contains(said), "{args:?}: {}", text(&output));
    }
}

/// An event of 12,000 characters becomes one of their square.
const SQUARES: &str = r#"filter { mutate { gsub => ["message", "x", "%{message}"] } }"#;
const BEYOND: &str = "takes more memory than kelp.event.max_bytes allows";

#[test]
fn an_event_beyond_the_limits_of_a_pipeline_is_said() {
    let case = format!(
        "testcases: [{{name: large, input: [{}], expected: []}}]",
        "x".repeat(12_000)
    );
    let folder = Folder::new("large")
        .with("a.conf", SQUARES)
        .with("a.test.yml", &case);
    let output = folder.test(&["a.conf"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains(BEYOND), "{}", text(&output));
}

#[test]
fn kelp_filter_goes_on_after_an_event_beyond_the_limits() {
    let folder = Folder::new("filter").with("a.conf", SQUARES);
    let large = format!("{{\"message\":\"{}\"}}", "x".repeat(12_000));
    let mut kelp = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["filter", "-f", "a.conf"])
        .current_dir(&folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = format!("{large}\n{{\"message\":\"axb\"}}\n");
    let mut stdin = kelp.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    let output = kelp.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("line 1 of standard input"), "{said}");
    assert!(said.contains(BEYOND), "{said}");
    assert!(said.contains(r#""message":"aaxbb""#), "{said}");
}

#[test]
fn the_examples_pass_their_tests() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .arg("test")
        .arg(examples)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
