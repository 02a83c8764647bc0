//! Settings as they were given: a name and a text each, from files and flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kelp_parser::config::nearest;
use kelp_parser::spec::EcsCompatibility;
use serde_yaml_ng::Value;

use super::known::{self, Fate, Known, SETTINGS};
use super::units::{parse_bytes, parse_duration};
use crate::cli::{LogFormat, LogLevel};

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file of the settings directory that cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("`{path}` is not valid YAML: {source}")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_yaml_ng::Error,
    },
    /// A name that neither Kelp nor Logstash knows.
    #[error("unknown setting `{name}`{}", near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// As written.
        name: String,
        /// The nearest known name.
        near: Option<&'static str>,
    },
    /// A value of the wrong type or range.
    #[error("setting `{name}` is `{value}`, expected {expected}")]
    Value {
        /// The setting.
        name: &'static str,
        /// As written.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// What Logstash knows and this cannot do.
    #[error("setting `{name}` cannot be `{value}`: {instead}")]
    Refused {
        /// The setting.
        name: String,
        /// As written.
        value: String,
        /// What to do.
        instead: &'static str,
    },
    /// A `${VAR}` without value and default.
    #[error(
        "setting `{name}` uses the environment variable `{variable}`, which is not set; set it, or write ${{{variable}:default}}"
    )]
    Variable {
        /// The setting.
        name: String,
        /// The variable.
        variable: String,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Conflict(String),
}

/// Values by name. Only known names get in.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    values: BTreeMap<String, String>,
    /// What was given and means nothing here.
    pub notices: Vec<String>,
}

impl Values {
    /// Reads `logstash.yml`; without the file there are none.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let mut values = Self::default();
        if let Some(yaml) = read_yaml(path)? {
            values.add("", &yaml, &|_| true)?;
        }
        Ok(values)
    }

    /// Adds a YAML value: `pipeline: {workers: 2}` and `pipeline.workers: 2` alike. Of what is `allowed`.
    pub fn add(
        &mut self,
        name: &str,
        value: &Value,
        allowed: &dyn Fn(&Known) -> bool,
    ) -> Result<(), SettingsError> {
        let text = match value {
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    let key = text_of(key);
                    let name = match name {
                        "" => key,
                        _ => format!("{name}.{key}"),
                    };
                    self.add(&name, value, allowed)?;
                }
                return Ok(());
            }
            Value::Sequence(elements) => {
                let texts: Vec<String> = elements.iter().map(text_of).collect();
                expand(name, &texts.join(","))?
            }
            Value::Null => return Ok(()),
            value => expand(name, &text_of(value))?,
        };
        self.set(name, text, allowed)
    }

    /// Sets one value, as given by a flag or a file.
    pub fn set(
        &mut self,
        name: &str,
        value: String,
        allowed: &dyn Fn(&Known) -> bool,
    ) -> Result<(), SettingsError> {
        let Some(known) = known::find(name) else {
            let names = SETTINGS.iter().filter(|known| allowed(known));
            let near = nearest(name, names.map(|known| known.name));
            let name = name.to_owned();
            return Err(SettingsError::Unknown { name, near });
        };
        if !allowed(known) {
            return Err(SettingsError::Conflict(format!(
                "setting `{name}` is one of the whole process: move it to logstash.yml"
            )));
        }
        match known.fate {
            Fate::Used => {
                self.values.insert(name.to_owned(), value);
            }
            Fate::Only(values, _) if values.contains(&value.as_str()) => {}
            Fate::Ignored(why) => {
                let notice = format!("setting `{name}` has no effect: {why}");
                if !self.notices.contains(&notice) {
                    self.notices.push(notice);
                }
            }
            Fate::Only(_, instead) | Fate::Refused(instead) => {
                let name = name.to_owned();
                return Err(SettingsError::Refused {
                    name,
                    value,
                    instead,
                });
            }
        }
        Ok(())
    }

    /// Takes a value out: something else has replaced it.
    pub fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    pub fn all(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// All below a prefix, by what follows it.
    pub fn below<'v>(&'v self, prefix: &'v str) -> impl Iterator<Item = (String, String)> + 'v {
        let below = move |(name, value): (&String, &String)| {
            Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
        };
        self.values.iter().filter_map(below)
    }

    pub fn parse<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        parse(value).map(Some).ok_or_else(|| SettingsError::Value {
            name,
            value: value.clone(),
            expected,
        })
    }

    pub fn boolean(&self, name: &'static str) -> Result<Option<bool>, SettingsError> {
        self.parse(name, "true or false", |text| text.parse().ok())
    }

    pub fn number(&self, name: &'static str) -> Result<Option<u64>, SettingsError> {
        let expected = "a whole number that is not negative";
        self.parse(name, expected, |text| text.parse().ok())
    }

    pub fn positive(&self, name: &'static str) -> Result<Option<usize>, SettingsError> {
        let positive = |text: &str| text.parse().ok().filter(|number| *number > 0);
        self.parse(name, "a whole number above 0", positive)
    }

    pub fn duration(&self, name: &'static str) -> Result<Option<Duration>, SettingsError> {
        self.parse(name, "a time such as 3s, 500ms or 2m", parse_duration)
    }

    pub fn bytes(&self, name: &'static str) -> Result<Option<u64>, SettingsError> {
        let above_zero = |text: &str| parse_bytes(text).filter(|bytes| *bytes > 0);
        self.parse(name, "a size above 0, such as 1024mb", above_zero)
    }

    pub fn ecs(&self) -> Result<Option<EcsCompatibility>, SettingsError> {
        let name = "pipeline.ecs_compatibility";
        self.parse(name, "disabled, v1 or v8", EcsCompatibility::parse)
    }

    pub fn log_level(&self) -> Result<Option<LogLevel>, SettingsError> {
        let levels = "fatal, error, warn, info, debug or trace";
        self.parse("log.level", levels, |text| {
            <LogLevel as clap::ValueEnum>::from_str(text, true).ok()
        })
    }

    pub fn log_format(&self) -> Result<Option<LogFormat>, SettingsError> {
        self.parse("log.format", "plain or json", |text| {
            <LogFormat as clap::ValueEnum>::from_str(text, false).ok()
        })
    }
}

/// A file of the settings directory; `None` where there is none, or nothing in it.
pub(super) fn read_yaml(path: &Path) -> Result<Option<Value>, SettingsError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(SettingsError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let yaml: Value = serde_yaml_ng::from_str(&text).map_err(|source| SettingsError::Yaml {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(yaml).filter(|yaml| !yaml.is_null()))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => value.clone(),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => String::new(),
    }
}

/// Replaces `${VAR}` and `${VAR:default}`.
fn expand(name: &str, value: &str) -> Result<String, SettingsError> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(open) = rest.find("${") {
        let Some(length) = rest[open..].find('}') else {
            break;
        };
        let inner = &rest[open + 2..open + length];
        let (variable, default) = match inner.split_once(':') {
            Some((variable, default)) => (variable, Some(default.to_owned())),
            None => (inner, None),
        };
        let known = std::env::var(variable).ok().or(default);
        out.push_str(&rest[..open]);
        out.push_str(&known.ok_or_else(|| SettingsError::Variable {
            name: name.to_owned(),
            variable: variable.to_owned(),
        })?);
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(yaml: &str) -> Result<Values, SettingsError> {
        let mut values = Values::default();
        values.add("", &serde_yaml_ng::from_str(yaml).unwrap(), &|_| true)?;
        Ok(values)
    }

    /// With no memory for what is in flight nothing would ever be consumed.
    #[test]
    fn a_size_of_nothing_is_refused() {
        let bytes = |yaml: &str| values(yaml).unwrap().bytes("kelp.memory");
        assert_eq!(bytes("kelp.memory: 1mb").unwrap(), Some(1 << 20));
        for none in ["0", "0mb", "0.1b"] {
            let error = bytes(&format!("kelp.memory: {none}")).unwrap_err();
            assert!(error.to_string().contains("a size above 0"), "{error}");
        }
    }

    fn refusal(yaml: &str) -> String {
        values(yaml).unwrap_err().to_string()
    }

    #[test]
    fn settings_may_be_nested_or_flat() {
        for yaml in [
            "pipeline.batch.size: 500",
            "pipeline:\n  batch:\n    size: 500",
            "pipeline:\n  batch.size: \"500\"",
        ] {
            let size = values(yaml).unwrap().positive("pipeline.batch.size");
            assert_eq!(size.unwrap(), Some(500), "{yaml}");
        }
    }

    #[test]
    fn what_means_nothing_is_said_and_what_nobody_knows_is_refused() {
        let notices = values("queue.type: persisted").unwrap().notices;
        assert!(notices[0].contains("`queue.type` has no effect: Kafka is the durable queue"));
        assert_eq!(
            refusal("pipelin.workers: 3"),
            "unknown setting `pipelin.workers`; did you mean `pipeline.workers`?"
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_what_to_do() {
        assert!(values("api.ssl.enabled: false").is_ok());
        assert!(refusal("api.ssl.enabled: true").contains("put a proxy with TLS before it"));
        assert!(refusal("xpack.management.enabled: true").contains("pipelines.yml"));
        assert!(refusal("http.host: 0.0.0.0").contains("use `api.http.host`"));
    }

    #[test]
    fn variables_take_the_environment_or_their_default() {
        assert_eq!(expand("x", "a${KELP_NOT_SET:b}c").unwrap(), "abc");
        let error = expand("path.data", "${KELP_NOT_SET}").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`KELP_NOT_SET`, which is not set")
        );
    }
}
