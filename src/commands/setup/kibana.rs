//! The part of setup that Kibana takes: the data view.

use std::time::Duration;

use kelp_sink::elasticsearch::Method;
use serde_json::{Value, json};

use super::server::{Answer, Server, SetupError, reason};
use super::{Outcome, Report};
use crate::cli::SetupArgs;

/// Waits until Kibana is available: it answers 503 for a minute after its start.
pub async fn wait(server: &Server, patience: Duration) -> Result<(), SetupError> {
    let ready = |(status, body): &Answer| {
        let level = body
            .pointer("/status/overall/level")
            .and_then(Value::as_str);
        match (status, level) {
            (200, Some("available")) => Ok(()),
            (_, Some(level)) => Err(format!("it is {level}")),
            (status, None) => Err(format!("status {status}: {}", reason(body))),
        }
    };
    server.wait("api/status", patience, ready).await
}

/// Makes the data view. The API of data views is the same in Kibana 8 and 9.
pub async fn set_up(
    server: &Server,
    args: &SetupArgs,
    report: &mut Report,
) -> Result<(), SetupError> {
    let prefix = match args.space.as_deref() {
        None | Some("default") => String::new(),
        Some(space) => format!("s/{space}/"),
    };
    let wanted = json!({"id": "kelp-logs", "title": "logs-*", "name": "Kelp logs", "timeFieldName": "@timestamp"});
    let path = format!("{prefix}api/data_views/data_view/kelp-logs");
    let there = server.get(&path).await?;
    let same = |there: &Value| {
        ["title", "name", "timeFieldName"]
            .iter()
            .all(|name| there["data_view"][name] == wanted[name])
    };
    let what = "data view kelp-logs";
    if there.as_ref().is_some_and(same) {
        report.tell(what, Outcome::Unchanged);
        return Ok(());
    }
    if args.dry_run {
        let action = if there.is_some() { "update" } else { "create" };
        report.tell(what, Outcome::Planned(format!("{action} it: {wanted}")));
        return Ok(());
    }
    let path = format!("{prefix}api/data_views/data_view");
    let body = json!({"data_view": wanted, "override": true});
    let answer = server.ask(Method::Post, &path, Some(&body)).await?;
    if !(200..300).contains(&answer.0) {
        return Err(server.unexpected("POST", &path, &answer));
    }
    let outcome = if there.is_some() {
        Outcome::Updated
    } else {
        Outcome::Created
    };
    report.tell(what, outcome);
    Ok(())
}
