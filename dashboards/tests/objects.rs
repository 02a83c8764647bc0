//! The saved objects are what the sources say, and nothing in them would make Kibana complain.

#![allow(clippy::unwrap_used)]

use kelp_dashboards::check::{Fields, complaints, fields_of};
use kelp_dashboards::question::Question;
use kelp_dashboards::{folder, ndjson, objects, sources};
use serde_json::{Value, json};

fn mapping(name: &str) -> Value {
    let path = folder().join("../src/commands/setup/templates").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn fields() -> Fields {
    let files = [
        ("kelp-logs", "ecs-mappings.json"),
        ("kelp-metrics", "metrics-mappings.json"),
    ];
    let fields = files.map(|(view, file)| (view.to_owned(), fields_of(&mapping(file))));
    fields.into_iter().collect()
}

fn all() -> Vec<Value> {
    objects::all(&sources().unwrap())
}

#[test]
fn the_file_is_what_the_sources_make() {
    let file = std::fs::read_to_string(folder().join("kelp.ndjson")).unwrap();
    assert!(
        file == ndjson().unwrap(),
        "dashboards/kelp.ndjson is not up to date: cargo run -p kelp-dashboards"
    );
}

#[test]
fn kibana_has_nothing_to_complain_of() {
    let found = complaints(&all(), &fields());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn there_is_all_that_people_look_for() {
    let objects = all();
    let count = |kind| {
        objects
            .iter()
            .filter(|object| object["type"] == kind)
            .count()
    };
    assert_eq!(count("dashboard"), 5);
    assert!(count("search") >= 5, "{}", count("search"));
    assert!(count("lens") > 50, "{}", count("lens"));
    for object in &objects {
        if let Some(question) = Question::of(object) {
            assert!(!question.unwrap().numbers.is_empty());
        }
    }
}

/// Breaks the objects in one way and gives what is said about it.
fn broken(breaking: impl Fn(&mut Vec<Value>)) -> String {
    let mut objects = all();
    breaking(&mut objects);
    complaints(&objects, &fields()).join("\n")
}

fn find<'o>(objects: &'o mut [Value], id: &str) -> &'o mut Value {
    let found = objects.iter_mut().find(|object| object["id"] == id);
    found.unwrap_or_else(|| panic!("{id}"))
}

#[test]
fn what_would_not_import_or_not_draw_is_found() {
    const LAYER: &str = "/attributes/state/datasourceStates/formBased/layers/layer";
    let column = |name: &str, rest: &str| format!("{LAYER}/columns/{name}{rest}");
    let set = |id: &'static str, pointer: String, value: Value| {
        broken(move |objects| {
            let place = find(objects, id).pointer_mut(&pointer);
            *place.unwrap_or_else(|| panic!("{id} has no {pointer}")) = value.clone();
        })
    };
    let top = "kelp-web-top-urls";
    let field = column("group0", "/sourceField");
    let panels = r#"[{"panelIndex":"a","panelRefName":"panel_a","gridData":{"x":0,"y":0,"w":30,"h":5,"i":"a"}},
        {"panelIndex":"b","panelRefName":"panel_b","gridData":{"x":29,"y":4,"w":20,"h":5,"i":"b"}}]"#;
    for (said, expected) in [
        (
            set(top, field.clone(), json!("message")),
            "message is text, which is no type to group by",
        ),
        (set(top, field, json!("url.no")), "has no url.no"),
        (
            set(top, column("value1", "/sourceField"), json!("url.path")),
            "url.path is keyword",
        ),
        (
            set(top, "/attributes/state/query/query".into(), json!("a: (")),
            "is no KQL",
        ),
        (
            set(
                top,
                column("group0", "/params/orderBy/columnId"),
                json!("x"),
            ),
            "cannot be ordered",
        ),
        (
            set(top, format!("{LAYER}/columnOrder"), json!(["group0"])),
            "their order differ",
        ),
        (
            set(
                top,
                "/attributes/state/visualization/columns/0/columnId".into(),
                json!("x"),
            ),
            "which is no column",
        ),
        (
            set(top, "/id".into(), json!("kelp-web-bytes-sent")),
            "not the only one",
        ),
        (
            set(top, "/references/0/id".into(), json!("other")),
            "refers to \"index-pattern\" \"other\"",
        ),
        (
            set("kelp-web", "/attributes/optionsJSON".into(), json!("{")),
            "is not JSON in a string",
        ),
        (
            set("kelp-web", "/attributes/panelsJSON".into(), json!(panels)),
            "panels b and a overlap",
        ),
        (
            set("kelp-web", "/attributes/panelsJSON".into(), json!(panels)),
            "does not fit into the grid",
        ),
        (
            set("kelp-web", "/references".into(), json!([])),
            "there is no reference controlGroup_",
        ),
        (
            set(
                "kelp-overview-error-rate",
                column("value0", "/params/formula"),
                json!("count()"),
            ),
            "is no share",
        ),
    ] {
        assert!(said.contains(expected), "{expected}:\n{said}");
    }
}
