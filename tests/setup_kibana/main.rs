//! `kelp setup` against a double of Kibana.

#![allow(clippy::unwrap_used)]

mod double;
#[path = "../http_double/mod.rs"]
mod http_double;

use std::process::{Command, Output};

use double::{Kibana, start};
use serde_json::json;

fn setup(url: &str, password: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["setup", "--only", "kibana", "--kibana", url])
        .args(arguments)
        .env("ELASTIC_PASSWORD", password)
        .output()
        .unwrap()
}

#[track_caller]
fn prints(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

#[track_caller]
fn complains(output: &Output, of: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains(of), "{errors}");
}

const UNCHANGED: &str = "data view kelp-logs: unchanged\ndata view kelp-metrics: unchanged\ndashboards: unchanged\n\
    everything is as it should be; nothing was changed\n";

#[test]
fn everything_is_made_once_kibana_is_ready_and_only_once() {
    let (url, state) = start(Kibana {
        starting: 2,
        busy: 1,
        ..Kibana::default()
    });
    let planned = prints(&setup(&url, "secret", &["--dry-run"]));
    assert!(
        planned.contains("data view kelp-logs: would create it"),
        "{planned}"
    );
    assert!(
        planned.contains("dashboards: would create them"),
        "{planned}"
    );
    assert!(planned.contains("[Kelp] Pipeline health"), "{planned}");
    assert!(
        planned.ends_with("3 to be changed; nothing was\n"),
        "{planned}"
    );
    {
        let state = state.lock().unwrap();
        assert!(state.data_views.is_empty() && state.objects.is_empty());
        let writes = state
            .requests
            .iter()
            .filter(|request| request.starts_with("POST"));
        assert!(
            writes.clone().all(|request| request.ends_with("_export")),
            "{:?}",
            state.requests
        );
    }
    let first = prints(&setup(&url, "secret", &[]));
    let made = "data view kelp-logs: created\ndata view kelp-metrics: created\ndashboards: created\n3 changed\n";
    assert_eq!(first, made);
    {
        let state = state.lock().unwrap();
        assert_eq!(state.data_views["kelp-logs"]["title"], "logs-*");
        let format = &state.data_views["kelp-logs"]["fieldFormats"]["event.duration"];
        assert_eq!(format["id"], "duration");
        let boards = state.objects.keys().filter(|(kind, _)| kind == "dashboard");
        assert_eq!(boards.count(), 5);
    }
    assert_eq!(prints(&setup(&url, "secret", &[])), UNCHANGED);
}

#[test]
fn what_was_deleted_or_is_of_another_version_is_made_again() {
    let (url, state) = start(Kibana::default());
    prints(&setup(&url, "secret", &[]));
    let gone = ("dashboard".to_owned(), "kelp-web".to_owned());
    state.lock().unwrap().objects.remove(&gone).unwrap();
    let again = prints(&setup(&url, "secret", &[]));
    assert!(again.contains("dashboards: updated\n1 changed"), "{again}");
    assert!(state.lock().unwrap().objects.contains_key(&gone));
    let tag = ("tag".to_owned(), "kelp".to_owned());
    state.lock().unwrap().objects.get_mut(&tag).unwrap()["attributes"]["description"] =
        "Made by kelp setup, 0123456789abcdef".into();
    let again = prints(&setup(&url, "secret", &[]));
    assert!(again.contains("dashboards: updated\n1 changed"), "{again}");
    assert_eq!(prints(&setup(&url, "secret", &[])), UNCHANGED);
}

#[test]
fn a_data_view_that_someone_changed_is_overwritten() {
    let changed =
        json!({"id": "kelp-logs", "title": "other-*", "name": "x", "timeFieldName": "@timestamp"});
    let (url, state) = start(Kibana {
        data_views: [("kelp-logs".to_owned(), changed)].into(),
        ..Kibana::default()
    });
    let first = prints(&setup(&url, "secret", &["--space", "team"]));
    assert!(first.contains("data view kelp-logs: updated\n"), "{first}");
    let requests = state.lock().unwrap().requests.clone();
    for expected in [
        "POST /s/team/api/data_views/data_view",
        "POST /s/team/api/saved_objects/_import?overwrite=true",
    ] {
        assert!(requests.contains(&expected.to_owned()), "{requests:?}");
    }
}

#[test]
fn what_another_space_holds_is_told_by_its_name() {
    let (url, _) = start(Kibana {
        taken: vec!["kelp-web".to_owned()],
        ..Kibana::default()
    });
    let output = setup(&url, "secret", &[]);
    complains(
        &output,
        "Kibana did not take one of the objects:\n  dashboard kelp-web: an object of another space",
    );
}

#[test]
fn a_kibana_that_is_too_old_for_the_dashboards_gets_the_data_views() {
    let (url, state) = start(Kibana {
        version: "8.6.2",
        ..Kibana::default()
    });
    let first = prints(&setup(&url, "secret", &[]));
    let told = "dashboards: left out: this Kibana is 8.6, and they need 8.9 or later\n";
    assert!(first.contains(told), "{first}");
    let state = state.lock().unwrap();
    assert!(state.objects.is_empty() && state.data_views.len() == 2);
}

#[test]
fn a_wrong_password_ends_the_wait_at_once() {
    let (url, state) = start(Kibana::default());
    let output = setup(&url, "wrong", &[]);
    complains(&output, "Kibana at");
    complains(&output, "(401)");
    assert!(state.lock().unwrap().requests.is_empty());
}

#[test]
fn a_kibana_that_never_gets_ready_is_told_with_what_it_said() {
    let (url, _) = start(Kibana {
        starting: usize::MAX,
        ..Kibana::default()
    });
    let output = setup(&url, "secret", &["--wait", "1"]);
    complains(
        &output,
        "did not become ready within 1 s: it is unavailable",
    );
}
