//! An API key that may only write, kept in a file that only its owner may read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use kelp_sink::elasticsearch::{Login, Method};
use serde_json::{Value, json};

use super::elasticsearch::{digest, holds, writer_role};
use super::server::{Server, SetupError, read_secret};
use super::{Outcome, Report};
use crate::cli::SetupArgs;

const NAME: &str = "kelp-writer";

/// Makes the key, unless the file has one that works and may do what it should.
pub async fn set_up(
    server: &Server,
    args: &SetupArgs,
    report: &mut Report,
) -> Result<(), SetupError> {
    let Some(file) = &args.writer_api_key_file else {
        return Ok(());
    };
    let what = format!("API key {NAME} in {}", file.display());
    let role = writer_role();
    let digest = digest(&role);
    let is_there = file.exists();
    if is_there && is_good(server, args, file, &digest).await? {
        report.tell(&what, Outcome::Unchanged);
        return Ok(());
    }
    if args.dry_run {
        let action = format!("make a new one, with role {role}");
        report.tell(&what, Outcome::Planned(action));
        return Ok(());
    }
    let body = json!({
        "name": NAME, "role_descriptors": {NAME: role},
        "metadata": {"managed_by": "kelp setup", "digest": digest},
    });
    let path = "_security/api_key";
    let answer = server
        .ask_patiently(Method::Post, path, Some(&body))
        .await?;
    match (answer.0, answer.1["encoded"].as_str()) {
        (200..300, Some(key)) => keep(file, key)?,
        (404 | 405, _) => {
            let reason = format!("this server has no API keys (status {})", answer.0);
            report.tell(&what, Outcome::Missing(reason));
            return Ok(());
        }
        _ => return Err(server.unexpected("POST", path, &answer)),
    }
    let outcome = match is_there {
        true => Outcome::Updated,
        false => Outcome::Created,
    };
    report.tell(&what, outcome);
    Ok(())
}

/// Whether the server lets the key in, and it has the privileges of today.
async fn is_good(
    server: &Server,
    args: &SetupArgs,
    file: &Path,
    digest: &str,
) -> Result<bool, SetupError> {
    let Some(login @ Login::ApiKey(_)) = Login::api_key(&read_secret(file)?) else {
        return Ok(false);
    };
    let as_writer =
        Server::with_login("Elasticsearch", &args.elasticsearch, args, &[], Some(login))?;
    let whose = as_writer
        .ask(Method::Get, "_security/_authenticate", None)
        .await;
    let Ok((200, whose)) = whose else {
        return Ok(false);
    };
    let Some(id) = whose.pointer("/api_key/id").and_then(Value::as_str) else {
        return Ok(false);
    };
    let key = server.get(&format!("_security/api_key?id={id}")).await?;
    Ok(key.is_some_and(|key| holds(&key, digest)))
}

fn keep(file: &Path, key: &str) -> Result<(), SetupError> {
    let written = || {
        // One that others may read must not stay so.
        let _ = fs::remove_file(file);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        writeln!(file, "{key}")
    };
    written().map_err(|source| SetupError::Write {
        path: file.to_owned(),
        source,
    })
}
