//! The part of setup that Elasticsearch takes: templates, retention, and a user who may do nothing but write.

use std::time::Duration;

use kelp_sink::elasticsearch::{Login, Method};
use serde_json::{Value, json};

use super::api_key;
use super::server::{Answer, Server, SetupError, read_secret, reason};
use super::{Outcome, Report};
use crate::cli::{Lifecycle, SetupArgs};
use crate::fnv::fnv1a;
use crate::stdout::print_line;

/// A component template with mappings, and the index template that makes data streams of it. The first is what the default pipeline
/// writes, the second what Kelp says about itself.
const STREAMS: [(&str, &str, &str, &str); 2] = [
    (
        "kelp-ecs",
        include_str!("templates/ecs-mappings.json"),
        "kelp-logs",
        "logs-kelp.*-*",
    ),
    (
        "kelp-metrics-mappings",
        include_str!("templates/metrics-mappings.json"),
        "kelp-metrics",
        "metrics-kelp.*-*",
    ),
];

/// Elasticsearch's own template for `logs-*-*` has priority 100, those of integrations have 200.
const PRIORITY: u32 = 250;

/// Waits until the cluster answers.
pub async fn wait(server: &Server, patience: Duration) -> Result<(), SetupError> {
    let ready = |(status, health): &Answer| match (status, health["status"].as_str()) {
        (200, Some("green" | "yellow")) => Ok(()),
        (200, status) => Err(format!("its status is {}", status.unwrap_or("unknown"))),
        (status, _) => Err(format!("status {status}: {}", reason(health))),
    };
    server.wait("_cluster/health", patience, ready).await
}

/// Makes everything.
pub async fn set_up(
    server: &Server,
    args: &SetupArgs,
    report: &mut Report,
) -> Result<(), SetupError> {
    let policy = lifecycle_policy(server, args, report).await?;
    for (name, mappings, ..) in STREAMS {
        mappings_template(server, args, (name, mappings), report).await?;
    }
    settings(server, args, policy.as_deref(), report).await?;
    for (mappings, _, name, pattern) in STREAMS {
        index_template(server, args, (name, pattern, mappings), report).await?;
    }
    if report.updated > 0 {
        print_line!(
            "data streams that are there already take the changed templates when they roll over, by their lifecycle or by POST /NAME/_rollover"
        );
    }
    writer(server, args, report).await?;
    api_key::set_up(server, args, report).await?;
    kibana_system(server, args, report).await
}

/// The mappings of a data stream.
async fn mappings_template(
    server: &Server,
    args: &SetupArgs,
    (name, mappings): (&str, &str),
    report: &mut Report,
) -> Result<(), SetupError> {
    // A constant, which a test reads.
    let mappings: Value = serde_json::from_str(mappings).unwrap_or_default();
    let template = |mappings: &Value| json!({"template": {"mappings": mappings}});
    let mut variants = vec![template(&mappings)];
    // Without subobjects a field may be a text in one document and an object in the next.
    if !mappings["properties"]["app"].is_null() {
        let mut without = mappings.clone();
        without["properties"]["app"] = json!({"type": "object"});
        variants.push(template(&without));
    }
    let path = format!("_component_template/{name}");
    let outcome = put(server, args, &path, &variants).await?;
    let refused = outcome.refused.clone();
    report.tell(&format!("component template {name}"), told(outcome));
    if let Some(reason) = refused {
        let reason = format!(
            "this server has no `subobjects` ({reason}); a field of an application that is a text here and an object there sends documents to the dead letters"
        );
        report.tell("fields of applications", Outcome::Missing(reason));
    }
    Ok(())
}

/// The settings that all data streams share.
async fn settings(
    server: &Server,
    args: &SetupArgs,
    policy: Option<&str>,
    report: &mut Report,
) -> Result<(), SetupError> {
    // What the server has, from the best to what every server has.
    let logsdb = ("logsdb", json!({"index.mode": "logsdb"}));
    let compression = (
        "best_compression",
        json!({"index.codec": "best_compression"}),
    );
    let variants: Vec<Value> = [(&logsdb, true), (&compression, true), (&compression, false)]
        .iter()
        .map(|((_, settings), drops_fields)| {
            let mut settings = settings.clone();
            settings["index.mapping.ignore_malformed"] = true.into();
            settings["index.mapping.total_fields.limit"] = 2000.into();
            if *drops_fields {
                // Beyond the limit fields are kept and not indexed; without it the document is refused.
                settings["index.mapping.total_fields.ignore_dynamic_beyond_limit"] = true.into();
            }
            if let Some(policy) = policy {
                settings["index.lifecycle.name"] = policy.into();
            }
            json!({"template": {"settings": settings}})
        })
        .collect();
    let outcome = put(server, args, "_component_template/kelp-settings", &variants).await?;
    let refused = outcome.refused.clone();
    report.tell("component template kelp-settings", told(outcome));
    if let Some(reason) = refused {
        let reason = format!("this server has no logsdb ({reason}); best_compression is used");
        report.tell("index mode logsdb", Outcome::Missing(reason));
    }
    Ok(())
}

/// Makes data streams of every index whose name is of `pattern`.
async fn index_template(
    server: &Server,
    args: &SetupArgs,
    (name, pattern, mappings): (&str, &str, &str),
    report: &mut Report,
) -> Result<(), SetupError> {
    let template = |lifecycle: Option<Value>| {
        let mut template = json!({
            "index_patterns": [pattern], "priority": PRIORITY, "data_stream": {},
            "composed_of": [mappings, "kelp-settings"], "template": {},
        });
        if let Some(lifecycle) = lifecycle {
            template["template"]["lifecycle"] = lifecycle;
        }
        template
    };
    let variants = match args.lifecycle {
        Lifecycle::DataStream => vec![
            template(Some(json!({"data_retention": args.retention}))),
            template(None),
        ],
        Lifecycle::Ilm | Lifecycle::None => vec![template(None)],
    };
    let outcome = put(server, args, &format!("_index_template/{name}"), &variants).await?;
    let refused = outcome.refused.clone();
    report.tell(&format!("index template {name}"), told(outcome));
    if let Some(reason) = refused {
        let reason = format!(
            "this server has no data stream lifecycle ({reason}); documents stay for ever unless you give --lifecycle ilm"
        );
        report.tell("retention", Outcome::Missing(reason));
    }
    Ok(())
}

/// The policy's name, if there is one to be used.
async fn lifecycle_policy(
    server: &Server,
    args: &SetupArgs,
    report: &mut Report,
) -> Result<Option<String>, SetupError> {
    if args.lifecycle != Lifecycle::Ilm {
        return Ok(None);
    }
    let path = "_ilm/policy/kelp-logs";
    let policy = json!({"policy": {"phases": {
        "hot": {"actions": {"rollover": {"max_age": "7d", "max_primary_shard_size": "25gb"}}},
        "delete": {"min_age": args.retention, "actions": {"delete": {}}},
    }}});
    let outcome = put(server, args, path, &[policy]).await;
    match outcome {
        Ok(outcome) => {
            report.tell("lifecycle policy kelp-logs", told(outcome));
            Ok(Some("kelp-logs".to_owned()))
        }
        Err(SetupError::Status {
            status: 400 | 405 | 410,
            reason,
            ..
        }) => {
            let reason = format!("this server has no ILM ({reason}); documents stay for ever");
            report.tell("lifecycle policy kelp-logs", Outcome::Missing(reason));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What became of a `PUT`, and why the server refused a better variant.
struct Put {
    outcome: Outcome,
    refused: Option<String>,
}

fn told(put: Put) -> Outcome {
    put.outcome
}

/// Puts the first of `variants` that the server takes, unless it is there already.
async fn put(
    server: &Server,
    args: &SetupArgs,
    path: &str,
    variants: &[Value],
) -> Result<Put, SetupError> {
    let (status, there) = server.ask(Method::Get, path, None).await?;
    let there = (status == 200).then_some(there);
    let mut refused = None;
    for (at, variant) in variants.iter().enumerate() {
        let digest = digest(variant);
        if there.as_ref().is_some_and(|there| holds(there, &digest)) {
            return Ok(Put {
                outcome: Outcome::Unchanged,
                refused,
            });
        }
        if args.dry_run {
            let action = if there.is_some() { "update" } else { "create" };
            return Ok(Put {
                outcome: Outcome::Planned(format!("{action} PUT {path} {variant}")),
                refused: None,
            });
        }
        let mut body = variant.clone();
        let about = json!({"managed_by": "kelp setup", "digest": digest});
        match body.get_mut("policy") {
            Some(policy) => policy["_meta"] = about,
            None => body["_meta"] = about,
        }
        let answer = server.ask(Method::Put, path, Some(&body)).await?;
        match answer.0 {
            200..300 => {
                let created = there.is_none();
                return Ok(Put {
                    outcome: if created {
                        Outcome::Created
                    } else {
                        Outcome::Updated
                    },
                    refused,
                });
            }
            400 if at + 1 < variants.len() => refused = Some(reason(&answer.1)),
            _ => return Err(server.unexpected("PUT", path, &answer)),
        }
    }
    unreachable_variants(server, path)
}

fn unreachable_variants(server: &Server, path: &str) -> Result<Put, SetupError> {
    Err(server.unexpected(
        "PUT",
        path,
        &(0, Value::String("nothing to put".to_owned())),
    ))
}

/// Whether what the server has carries the digest, wherever its API shows it.
pub(super) fn holds(there: &Value, digest: &str) -> bool {
    match there {
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name == "digest" && value == digest || holds(value, digest)),
        Value::Array(values) => values.iter().any(|value| holds(value, digest)),
        _ => false,
    }
}

/// Of the text, in which keys are sorted.
pub(super) fn digest(value: &Value) -> String {
    format!("{:016x}", fnv1a(value.to_string().as_bytes()))
}

/// May create documents in Kelp's data streams, and those streams, and nothing else.
pub(super) fn writer_role() -> Value {
    json!({
        "cluster": ["monitor"],
        "indices": [{"names": ["logs-*-*", "metrics-kelp*"], "privileges": ["auto_configure", "create_doc"]}],
    })
}

/// A user who may create documents in Kelp's data streams, and those streams, and nothing else.
async fn writer(server: &Server, args: &SetupArgs, report: &mut Report) -> Result<(), SetupError> {
    let password = match (&args.writer_password, &args.writer_password_file) {
        (Some(password), _) => password.clone(),
        (None, Some(file)) => read_secret(file)?,
        (None, None) => return Ok(()),
    };
    let name = &args.writer_user;
    let what = format!("user {name}");
    let role = writer_role();
    let digest = digest(&role);
    let path = format!("_security/role/{name}");
    let (status, there) = server.ask_patiently(Method::Get, &path, None).await?;
    if !matches!(status, 200 | 404) {
        let reason = format!("this server has no users of its own (status {status})");
        report.tell(&what, Outcome::Missing(reason));
        return Ok(());
    }
    let same_role = status == 200 && holds(&there, &digest);
    let same_password = is_password(args, name, &password).await?;
    if same_role && same_password {
        report.tell(&what, Outcome::Unchanged);
        return Ok(());
    }
    if args.dry_run {
        let action = format!("create it, with role {role}");
        report.tell(&what, Outcome::Planned(action));
        return Ok(());
    }
    let mut body = role;
    body["metadata"] = json!({"managed_by": "kelp setup", "digest": digest});
    let user = json!({"password": password, "roles": [name], "full_name": "Kelp, who writes logs"});
    for (path, body) in [(path, body), (format!("_security/user/{name}"), user)] {
        let answer = server
            .ask_patiently(Method::Put, &path, Some(&body))
            .await?;
        if !(200..300).contains(&answer.0) {
            return Err(server.unexpected("PUT", &path, &answer));
        }
    }
    let outcome = if status == 200 {
        Outcome::Updated
    } else {
        Outcome::Created
    };
    report.tell(&what, outcome);
    Ok(())
}

/// Whether the server lets the user in with this password.
async fn is_password(args: &SetupArgs, user: &str, password: &str) -> Result<bool, SetupError> {
    let login = Some(Login::Basic(user.to_owned(), password.to_owned()));
    let server = Server::with_login("Elasticsearch", &args.elasticsearch, args, &[], login)?;
    let answer = server
        .ask(Method::Get, "_security/_authenticate", None)
        .await;
    Ok(matches!(answer, Ok((200, _))))
}

/// Kibana speaks to Elasticsearch as this built-in user, who has no password at first.
async fn kibana_system(
    server: &Server,
    args: &SetupArgs,
    report: &mut Report,
) -> Result<(), SetupError> {
    let Some(password) = &args.kibana_system_password else {
        return Ok(());
    };
    let what = "password of kibana_system";
    if is_password(args, "kibana_system", password).await? {
        report.tell(what, Outcome::Unchanged);
        return Ok(());
    }
    if args.dry_run {
        report.tell(what, Outcome::Planned("set it".to_owned()));
        return Ok(());
    }
    let path = "_security/user/kibana_system/_password";
    let body = json!({"password": password});
    let answer = server.ask_patiently(Method::Put, path, Some(&body)).await?;
    if !(200..300).contains(&answer.0) {
        return Err(server.unexpected("PUT", path, &answer));
    }
    report.tell(what, Outcome::Updated);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mappings_are_json_and_map_what_dashboards_ask_for() {
        let [(_, mappings, ..), (_, metrics, ..)] = STREAMS;
        let mappings: Value = serde_json::from_str(mappings).unwrap();
        serde_json::from_str::<Value>(metrics).unwrap();
        for (field, kind) in [
            ("/properties/source/properties/ip", "ip"),
            ("/properties/log/properties/level", "keyword"),
            ("/properties/event/properties/duration", "long"),
        ] {
            assert_eq!(mappings.pointer(field).unwrap()["type"], kind, "{field}");
        }
    }

    #[test]
    fn a_digest_is_found_wherever_the_api_shows_it() {
        let digest = digest(&json!({"a": 1}));
        let there = json!({"index_templates": [{"index_template": {"_meta": {"digest": digest}}}]});
        assert!(holds(&there, &digest));
        assert!(!holds(&there, "another"));
    }
}
