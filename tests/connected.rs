//! Pipelines connected by the input and the output `pipeline`.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // each test file uses a part of it
mod process;

use std::process::Command;

use process::Kelp;

const LIST: &str = r#"
- pipeline.id: intake
  path.config: intake.conf
- pipeline.id: letters
  path.config: letters.conf
- pipeline.id: rest
  path.config: rest.conf
"#;

const INTAKE: &str = r#"
input { stdin { } }
filter { mutate { add_field => { "[@metadata][kind]" => "kind of %{message}" } } }
output {
  if [message] =~ /^a/ { pipeline { send_to => ["letters", "archive"] } }
  else { pipeline { send_to => "others" } }
}
"#;

const LETTERS: &str = r#"
input { pipeline { address => "letters" tags => ["letter"] } }
filter {
  mutate { uppercase => ["message"] }
  if [message] == "AX" { drop { } }
  mutate { replace => { "message" => "%{message} %{[@metadata][kind]}" } }
}
output { file { path => "${FOLDER}/letters" codec => line { format => "%{message} %{tags}" } } }
"#;

const REST: &str = r#"
input { pipeline { address => "others" } pipeline { address => "archive" add_field => { "from" => "archive" } } }
output { file { path => "${FOLDER}/rest" codec => line { format => "%{message} %{from}" } } }
"#;

fn start(name: &str, arguments: &[&str]) -> Kelp {
    let files = [
        ("pipelines.yml", LIST),
        ("intake.conf", INTAKE),
        ("letters.conf", LETTERS),
        ("rest.conf", REST),
    ];
    Kelp::start_with(name, &files, arguments)
}

fn sorted(kelp: &Kelp, file: &str) -> Vec<String> {
    let mut lines = kelp.lines_of(file);
    lines.sort();
    lines
}

#[test]
fn each_receiver_gets_a_copy_with_metadata_and_inputs_decorate_it() {
    let mut kelp = start("connected", &[]);
    kelp.wait_for_log("pipeline started", 3);
    for line in ["a1", "b1", "ax"] {
        kelp.write_line(line);
    }
    kelp.end();
    assert_eq!(sorted(&kelp, "letters"), ["A1 kind of a1 letter"]);
    assert_eq!(
        sorted(&kelp, "rest"),
        ["a1 archive", "ax archive", "b1 %{from}"]
    );
}

#[test]
fn connected_pipelines_change_together_or_not_at_all() {
    let mut kelp = start(
        "change-together",
        &["-r", "--config.reload.interval", "100ms"],
    );
    kelp.wait_for_log("pipeline started", 3);
    kelp.write_line("b1");
    kelp.write("rest.conf", &REST.replace("\"others\"", "\"moved\""));
    kelp.wait_for_log("no pipeline listens to `others`", 1);
    kelp.wait_for_log("intake.conf:6:32", 1);
    kelp.wait_for_log(
        "it stays as it was: it is connected with `intake` pipeline=\"rest\"",
        1,
    );
    kelp.write_line("b2");
    kelp.write("intake.conf", &INTAKE.replace("\"others\"", "\"moved\""));
    kelp.wait_for_log(": reloaded pipeline=", 3);
    kelp.write_line("b3");
    kelp.end();
    let lines = ["b1 %{from}", "b2 %{from}", "b3 %{from}"];
    assert_eq!(sorted(&kelp, "rest"), lines);
}

#[test]
fn what_cannot_be_connected_is_refused_with_its_place() {
    let check = |first: &str, second: &str| {
        let folder = std::env::temp_dir().join(format!("kelp-refuse-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let list = "- pipeline.id: one\n  path.config: one.conf\n- pipeline.id: two\n  path.config: two.conf\n";
        for (file, text) in [
            ("pipelines.yml", list),
            ("one.conf", first),
            ("two.conf", second),
        ] {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let run = |arguments: &[&str]| {
            let mut kelp = Command::new(env!("CARGO_BIN_EXE_kelp"));
            let kelp = kelp.args(arguments).args(["--path.settings", "."]);
            kelp.current_dir(&folder).output().unwrap()
        };
        let output = run(&["-t"]);
        let checked = run(&["check"]);
        assert_eq!(output.status.code(), checked.status.code());
        std::fs::remove_dir_all(&folder).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let sends = |to: &str| {
        format!("input {{ stdin {{ }} }} output {{ pipeline {{ send_to => \"{to}\" }} }}")
    };
    let listens = |at: &str| {
        format!("input {{ pipeline {{ address => \"{at}\" }} }} output {{ stdout {{ }} }}")
    };

    let (code, said) = check(&sends("adress"), &listens("address"));
    assert_eq!(code, Some(1));
    assert!(
        said.contains("one.conf:1:52") && said.contains("did you mean `address`?"),
        "{said}"
    );

    let (code, said) = check(&listens("same"), &listens("same"));
    assert_eq!(code, Some(1));
    assert!(
        said.contains("two.conf:1:31") && said.contains("`one` listens to `same` already"),
        "{said}"
    );

    let round = |at: &str, to: &str| {
        format!(
            "input {{ pipeline {{ address => \"{at}\" }} }} output {{ pipeline {{ send_to => \"{to}\" }} }}"
        )
    };
    let (code, said) = check(&round("here", "there"), &round("there", "here"));
    assert_eq!(code, Some(1));
    assert!(said.contains("in a circle: one -> two -> one"), "{said}");

    let lost = sends("nowhere").replace("send_to", "ensure_delivery => false send_to");
    let (code, said) = check(&lost, &listens("address"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("events for it are discarded"), "{said}");
}

#[test]
fn the_example_of_several_pipelines_is_checked_without_a_word() {
    let checked = Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["check", "--strict", "--path.settings", "examples/pipelines"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.is_empty(), "{said}");
}
