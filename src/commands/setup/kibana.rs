//! The part of setup that Kibana takes: data views and dashboards.
//!
//! Kibana changes what it imports to the shape of its own version, so what is there cannot be compared with what is wanted. A tag that all
//! dashboards carry says instead of which digest they are; whoever changes a dashboard in Kibana keeps it so until Kelp brings new ones.

use std::time::Duration;

use kelp_sink::elasticsearch::Method;
use serde_json::{Value, json};

use super::elasticsearch::digest;
use super::server::{Answer, Server, SetupError, reason};
use super::{Outcome, Report};
use crate::cli::SetupArgs;

/// Made of the sources in `dashboards/`.
const OBJECTS: &str = include_str!("../../../dashboards/kelp.ndjson");

/// The first Kibana that reads the objects as they are written.
const FIRST_KIBANA: (u64, u64) = (8, 9);

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

/// Makes data views and dashboards.
pub async fn set_up(
    server: &Server,
    args: &SetupArgs,
    report: &mut Report,
) -> Result<(), SetupError> {
    let prefix = match args.space.as_deref() {
        None | Some("default") => String::new(),
        Some(space) => format!("s/{space}/"),
    };
    let (views, dashboards): (Vec<Value>, Vec<Value>) = objects()
        .into_iter()
        .partition(|object| object["type"] == "index-pattern");
    for view in &views {
        data_view(server, args, &prefix, view, report).await?;
    }
    let what = "dashboards";
    if let Some((major, minor)) = version(server).await?
        && (major, minor) < FIRST_KIBANA
    {
        let reason = format!("this Kibana is {major}.{minor}, and they need 8.9 or later");
        report.tell(what, Outcome::Missing(reason));
        return Ok(());
    }
    let outcome = import(server, args, &prefix, dashboards).await?;
    report.tell(what, outcome);
    Ok(())
}

fn objects() -> Vec<Value> {
    // A constant, which a test reads.
    let lines = OBJECTS.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap_or_default()
}

/// Kibana's version; `None` where it does not say.
async fn version(server: &Server) -> Result<Option<(u64, u64)>, SetupError> {
    let status = server.get("api/status").await?.unwrap_or_default();
    let number = status["version"]["number"].as_str().unwrap_or_default();
    let mut parts = number.split('.').map(str::parse);
    Ok(match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    })
}

/// Makes a data view of its saved object. The API of data views is the same in Kibana 8 and 9.
async fn data_view(
    server: &Server,
    args: &SetupArgs,
    prefix: &str,
    object: &Value,
    report: &mut Report,
) -> Result<(), SetupError> {
    let id = object["id"].as_str().unwrap_or_default();
    let mut wanted = object["attributes"].clone();
    wanted["id"] = id.into();
    let formats = wanted
        .as_object_mut()
        .and_then(|view| view.remove("fieldFormatMap"));
    let formats = formats.as_ref().and_then(Value::as_str).unwrap_or("{}");
    wanted["fieldFormats"] = serde_json::from_str(formats).unwrap_or_default();
    let path = format!("{prefix}api/data_views/data_view/{id}");
    let there = server.get(&path).await?;
    let same = |there: &Value| {
        let view = &there["data_view"];
        let texts = ["title", "name", "timeFieldName"];
        let mut formats = wanted["fieldFormats"].as_object().into_iter().flatten();
        texts.iter().all(|name| view[name] == wanted[name])
            && formats.all(|(field, format)| view["fieldFormats"][field] == *format)
    };
    let what = format!("data view {id}");
    if there.as_ref().is_some_and(same) {
        report.tell(&what, Outcome::Unchanged);
        return Ok(());
    }
    if args.dry_run {
        let action = if there.is_some() { "update" } else { "create" };
        report.tell(&what, Outcome::Planned(format!("{action} it: {wanted}")));
        return Ok(());
    }
    let path = format!("{prefix}api/data_views/data_view");
    let body = json!({"data_view": wanted, "override": true});
    let answer = server
        .ask_patiently(Method::Post, &path, Some(&body))
        .await?;
    if !(200..300).contains(&answer.0) {
        return Err(server.unexpected("POST", &path, &answer));
    }
    let outcome = if there.is_some() {
        Outcome::Updated
    } else {
        Outcome::Created
    };
    report.tell(&what, outcome);
    Ok(())
}

/// Imports the dashboards, unless they are there with this digest.
async fn import(
    server: &Server,
    args: &SetupArgs,
    prefix: &str,
    mut objects: Vec<Value>,
) -> Result<Outcome, SetupError> {
    let digest = digest(&Value::Array(objects.clone()));
    for object in &mut objects {
        if object["type"] == "tag" {
            object["attributes"]["description"] = format!("Made by kelp setup, {digest}").into();
        }
    }
    let tags = objects.iter().filter(|object| object["type"] == "tag");
    let tags: Vec<Value> = tags.cloned().collect();
    let there = export(server, prefix, &objects).await?;
    let is_same = |there: &String| there.contains(&digest);
    if there.as_ref().is_some_and(is_same) {
        return Ok(Outcome::Unchanged);
    }
    let was_there = there.is_some() || export(server, prefix, &tags).await?.is_some();
    if args.dry_run {
        let (action, count) = (if was_there { "update" } else { "create" }, objects.len());
        let boards = objects
            .iter()
            .filter(|object| object["type"] == "dashboard");
        let titles = boards.filter_map(|board| board["attributes"]["title"].as_str());
        let titles = titles.collect::<Vec<_>>().join(", ");
        let action = format!(
            "{action} them with POST {prefix}api/saved_objects/_import?overwrite=true of {count} objects: {titles}"
        );
        return Ok(Outcome::Planned(action));
    }
    let path = format!("{prefix}api/saved_objects/_import?overwrite=true");
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let answer = server.upload(&path, "kelp.ndjson", &lines).await?;
    if answer.0 != 200 {
        return Err(server.unexpected("POST", &path, &answer));
    }
    let failed = failures(&answer.1);
    if !failed.is_empty() || answer.1["success"] != true {
        return Err(SetupError::Import { failed });
    }
    Ok(match was_there {
        true => Outcome::Updated,
        false => Outcome::Created,
    })
}

/// The objects as Kibana has them; `None` if one is not there.
async fn export(
    server: &Server,
    prefix: &str,
    objects: &[Value],
) -> Result<Option<String>, SetupError> {
    let named = objects.iter();
    let named: Vec<Value> = named
        .map(|object| json!({"type": object["type"], "id": object["id"]}))
        .collect();
    let body =
        json!({"objects": named, "excludeExportDetails": true, "includeReferencesDeep": false});
    let path = format!("{prefix}api/saved_objects/_export");
    let answer = server
        .ask_patiently(Method::Post, &path, Some(&body))
        .await?;
    match answer {
        (200, Value::String(lines)) => Ok(Some(lines)),
        (200, object) => Ok(Some(object.to_string())),
        // It names those that are not there.
        (400, _) => Ok(None),
        answer => Err(server.unexpected("POST", &path, &answer)),
    }
}

/// What Kibana did not import, each with the reason.
fn failures(answer: &Value) -> Vec<String> {
    let errors = answer["errors"].as_array().into_iter().flatten();
    errors
        .map(|failed| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let error = &failed["error"];
            let why = match text(&error["type"]).as_str() {
                "conflict" | "ambiguous_conflict" => {
                    "an object of another space or of another name is in its way; delete that, or use another --space".to_owned()
                }
                "missing_references" => format!("it refers to what is not there: {}", error["references"]),
                "unsupported_type" => "this Kibana does not know its type".to_owned(),
                other => match text(&error["message"]) {
                    message if message.is_empty() => other.to_owned(),
                    message => message,
                },
            };
            format!("{} {}: {why}", text(&failed["type"]), text(&failed["id"]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboards_are_there() {
        let objects = objects();
        assert_eq!(objects.len(), OBJECTS.lines().count());
        let boards = objects
            .iter()
            .filter(|object| object["type"] == "dashboard");
        assert_eq!(boards.count(), 5);
    }

    #[test]
    fn failures_say_what_to_do() {
        let answer = json!({"success": false, "errors": [
            {"type": "dashboard", "id": "kelp-web", "error": {"type": "conflict"}},
            {"type": "lens", "id": "x", "error": {"type": "unknown", "message": "no"}},
        ]});
        let said = failures(&answer);
        assert!(
            said[0].starts_with("dashboard kelp-web: an object"),
            "{said:?}"
        );
        assert_eq!(said[1], "lens x: no");
    }
}
