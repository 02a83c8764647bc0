//! `pipelines.yml`: several pipelines in one process (source: `LogStash::Config::Source::MultiLocal`).

use std::collections::BTreeSet;
use std::path::Path;

use serde_yaml_ng::Value;

use super::values::{SettingsError, Values, read_yaml};

/// The file's name in the settings directory.
pub(super) const FILE_NAME: &str = "pipelines.yml";

/// Settings that Logstash still tolerates for one pipeline, without effect.
const TOLERATED: [&str; 2] = ["config.reload.automatic", "config.reload.interval"];

/// The values of each pipeline, what it leaves out being taken from `base`. A file that is empty or gone is an error: it is so for
/// a moment whenever it is written anew, and pipelines that run must not end for that.
pub(super) fn read(path: &Path, base: &Values) -> Result<Vec<Values>, SettingsError> {
    let conflict = |message: String| {
        let path = path.display();
        SettingsError::Conflict(format!("`{path}`: {message}"))
    };
    let Some(yaml) = read_yaml(path)? else {
        let message =
            "it is empty or gone: list pipelines in it, or name a configuration with -f or -e";
        return Err(conflict(message.to_owned()));
    };
    let Value::Sequence(entries) = yaml else {
        let message = "expected a list, each pipeline with `- pipeline.id: name`";
        return Err(conflict(message.to_owned()));
    };
    let mut ids = BTreeSet::new();
    let mut pipelines = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let values = pipeline(entry, base)
            .map_err(|error| conflict(format!("pipeline {}: {error}", at + 1)))?;
        let id = values.text("pipeline.id").unwrap_or("main".to_owned());
        if !ids.insert(id.clone()) {
            let message =
                format!("there are two pipelines `{id}`: each needs a `pipeline.id` of its own");
            return Err(conflict(message));
        }
        let sources = ["path.config", "config.string"].map(|name| values.text(name).is_some());
        if sources[0] == sources[1] {
            let message = format!("pipeline `{id}` needs either `path.config` or `config.string`");
            return Err(conflict(message));
        }
        pipelines.push(values);
    }
    match pipelines.is_empty() {
        true => Err(conflict("there is no pipeline in it".to_owned())),
        false => Ok(pipelines),
    }
}

fn pipeline(entry: &Value, base: &Values) -> Result<Values, SettingsError> {
    let Value::Mapping(entries) = entry else {
        let message = "expected settings such as `pipeline.id: name`";
        return Err(SettingsError::Conflict(message.to_owned()));
    };
    let mut values = base.clone();
    // The process has told those already.
    values.notices.clear();
    for (key, value) in entries {
        let key = key.as_str().unwrap_or_default();
        if TOLERATED.contains(&key) {
            values.notices.push(format!(
                "setting `{key}` has no effect on one pipeline: move it to logstash.yml"
            ));
            continue;
        }
        values.add(key, value, &|known| known.by_pipeline)?;
    }
    Ok(values)
}
