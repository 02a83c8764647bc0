//! Files of cases, of which every line says by its first characters what it is: what a case shows (`===`), the mode of ECS
//! (`ecs`), what goes in (`>>>`), what must come of it (`<<<`), an error to be found instead (`!!!`), a comment (`#`), or else a
//! line of the configuration.

use std::path::Path;

use kelp_parser::event::{Arena, Event, Object, Value, write_json};
use kelp_parser::spec::EcsCompatibility;

/// When all of it happens: 2026-11-24T00:00:00Z.
pub const NOW: i64 = 1_795_478_400;

#[derive(Default)]
pub struct Case {
    pub name: String,
    pub ecs: EcsCompatibility,
    pub config: String,
    /// What goes in, with what must come of it.
    pub steps: Vec<(String, Vec<String>)>,
    /// A part of the error that the configuration gets.
    pub error: Option<String>,
}

/// The cases in the text of a file.
pub fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("=== ") {
            let name = name.to_owned();
            cases.push(Case {
                name,
                ..Case::default()
            });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            assert!(line.is_empty(), "before the first case: {line}");
            continue;
        };
        if let Some(mode) = line.strip_prefix("ecs ") {
            case.ecs = EcsCompatibility::parse(mode).unwrap();
        } else if let Some(given) = line.strip_prefix(">>> ") {
            case.steps.push((given.to_owned(), Vec::new()));
        } else if let Some(want) = line.strip_prefix("<<< ") {
            case.steps.last_mut().unwrap().1.push(want.to_owned());
        } else if let Some(error) = line.strip_prefix("!!! ") {
            case.error = Some(error.to_owned());
        } else {
            case.config.push_str(line);
            case.config.push('\n');
        }
    }
    cases
}

impl Case {
    /// The configuration with the directory of fixtures of this machine.
    pub fn config(&self) -> String {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/fixtures");
        self.config.replace("FIXTURES", &fixtures.to_string_lossy())
    }
}

/// An event with what lies in its `@metadata`, as JSON.
pub fn whole<'a>(mut event: Event<'a>, arena: &'a Arena) -> String {
    let metadata = std::mem::replace(event.metadata_mut(), Object::new(arena));
    if !metadata.is_empty() {
        event.fields_mut().set("@metadata", Value::Object(metadata));
    }
    let mut text = Vec::new();
    write_json(&mut text, &event);
    String::from_utf8(text).unwrap()
}

/// Whether events are those wanted; what each event has is compared only where it is written.
pub fn same(got: &[String], want: &[String]) -> bool {
    got.len() == want.len()
        && got.iter().zip(want).all(|(got, want)| {
            let want: serde_json::Value = serde_json::from_str(want).unwrap();
            let mut got: serde_json::Value = serde_json::from_str(got).unwrap();
            for name in ["@timestamp", "@version", "@metadata"] {
                if want.get(name).is_none() {
                    got.as_object_mut().unwrap().remove(name);
                }
            }
            got == want
        })
}

/// Fails with what is wrong with cases, if anything is.
pub fn assert_none(wrong: &[String]) {
    let all = wrong.join("\n");
    assert!(wrong.is_empty(), "{} differ\n{all}", wrong.len());
}
