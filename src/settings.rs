//! Settings of the process: flags, then `logstash.yml`, then defaults.
//!
//! The names are Logstash's; a file may write them nested or flat. A setting of Logstash that means
//! nothing here is accepted with a notice, an unknown one is refused with the nearest name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kelp_parser::config::nearest;
use kelp_parser::spec::EcsCompatibility;
use kelp_sink::dead_letter::StoragePolicy;
use serde_yaml_ng::Value;

use crate::cli::{ConfigArgs, LogLevel, RunArgs};
use crate::dead_letters::{DeadLetterPlace, TopicSettings};

/// What a run goes by.
#[derive(Debug)]
pub struct Settings {
    /// Where the pipeline's configuration is.
    pub config: ConfigArgs,
    /// The pipeline's name in statistics and dead letters.
    pub pipeline_id: String,
    /// Threads that run filters.
    pub workers: usize,
    /// Records in a batch, at most.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batch_delay: Duration,
    /// The ECS mode of plugins that do not set their own.
    pub ecs: EcsCompatibility,
    /// Where dead letters and other state are kept.
    pub data_dir: PathBuf,
    /// Where dead letters go.
    pub dead_letters: DeadLetterPlace,
    /// The most that all records in flight may take, in bytes.
    pub in_flight_bytes: usize,
    /// How long a shutdown waits for what is in flight.
    pub shutdown_timeout: Duration,
    /// Whether a changed configuration is loaded, and how often it is looked at.
    pub reload_interval: Option<Duration>,
    /// Where the API listens; none when it is off.
    pub api: Option<ApiAddress>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// Notices about settings that mean nothing here, to be logged.
    pub notices: Vec<String>,
}

/// Where the API listens: the first free port of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAddress {
    /// A host name or address.
    pub host: String,
    /// First and last port.
    pub ports: (u16, u16),
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings directory has no readable `logstash.yml`.
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
}

/// The settings that are used here.
const USED: &[&str] = &[
    "api.enabled",
    "api.http.host",
    "api.http.port",
    "config.reload.automatic",
    "config.reload.interval",
    "config.string",
    "config.support_escapes",
    "dead_letter_queue.max_bytes",
    "dead_letter_queue.retain.age",
    "dead_letter_queue.storage_policy",
    "http.enabled",
    "http.host",
    "http.port",
    "log.level",
    "path.config",
    "path.data",
    "path.dead_letter_queue",
    "pipeline.batch.delay",
    "pipeline.batch.size",
    "pipeline.ecs_compatibility",
    "pipeline.id",
    "pipeline.workers",
    "kelp.dead_letters.topic",
    "kelp.memory",
    "kelp.shutdown_timeout",
];

/// Settings of Logstash that mean nothing here, and why.
const IGNORED: &[(&str, &str)] = &[
    (
        "queue.",
        "Kafka is the durable queue: an offset is committed only after its document is acknowledged",
    ),
    (
        "dead_letter_queue.",
        "dead letters are always on, and each is durable at once",
    ),
    (
        "xpack.",
        "there is no monitoring or management by Elasticsearch; use the API and /metrics",
    ),
    (
        "monitoring.",
        "there is no monitoring by Elasticsearch; use the API and /metrics",
    ),
    (
        "pipeline.ordered",
        "order within a partition is kept with one worker",
    ),
    ("pipeline.", "it tunes Logstash's engine"),
    ("api.", "the API listens on loopback without login"),
    ("node.", "it names a Logstash node"),
    ("log.", "logs go to standard error"),
    ("path.", "it locates parts of Logstash"),
    ("config.", "it tunes Logstash's configuration loader"),
    ("modules", "modules are gone from Logstash too"),
    ("allow_superuser", "kelp needs no privileges"),
    ("slowlog.", "counters per filter tell which is slow"),
    ("http.", "the API listens on loopback"),
    ("ssl.", "it tunes Logstash's keystores"),
    ("cloud.", "set `cloud_id` in the elasticsearch output"),
];

/// Whatever is below it is a property of librdkafka.
const DEAD_LETTER_PROPERTIES: &str = "kelp.dead_letters.librdkafka.";

/// Where the file's values come together.
#[derive(Default)]
struct File {
    values: BTreeMap<String, String>,
    notices: Vec<String>,
}

impl Settings {
    /// Flags over the file over defaults.
    pub fn load(args: RunArgs) -> Result<Self, SettingsError> {
        let file = match &args.settings {
            Some(directory) => File::read(&directory.join("logstash.yml"))?,
            None => File::default(),
        };
        let mut config = args.config;
        if config.path.is_none() && config.text.is_none() {
            config.path = file.text("path.config");
            config.text = file.text("config.string");
        }
        config.support_escapes |= file.boolean("config.support_escapes")?.unwrap_or(false);
        let reload = args.reload || file.boolean("config.reload.automatic")?.unwrap_or(false);
        let reload_interval = file
            .duration("config.reload.interval")?
            .unwrap_or(Duration::from_secs(3));
        let data_dir = args
            .data
            .or(file.text("path.data").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("data"));
        let default_workers = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            config,
            pipeline_id: file
                .text("pipeline.id")
                .unwrap_or_else(|| "main".to_owned()),
            workers: args
                .workers
                .or(file.number("pipeline.workers")?)
                .unwrap_or(default_workers)
                .max(1),
            batch_size: args
                .batch_size
                .or(file.number("pipeline.batch.size")?)
                .unwrap_or(2000)
                .max(1),
            batch_delay: Duration::from_millis(
                args.batch_delay
                    .or(file.number("pipeline.batch.delay")?)
                    .unwrap_or(50),
            ),
            ecs: args.ecs.map(Into::into).or(file.ecs()?).unwrap_or_default(),
            dead_letters: file.dead_letters(&data_dir)?,
            data_dir,
            in_flight_bytes: args
                .memory
                .map(|mebibytes| mebibytes << 20)
                .or(file.bytes("kelp.memory")?.map(|bytes| bytes as usize))
                .unwrap_or(64 << 20),
            shutdown_timeout: args
                .shutdown_timeout
                .map(Duration::from_secs)
                .or(file.duration("kelp.shutdown_timeout")?)
                .unwrap_or(Duration::from_secs(10)),
            reload_interval: reload.then_some(reload_interval),
            api: file.api()?,
            log_level: args.log_level.or(file.log_level()?).unwrap_or_default(),
            notices: file.notices,
        })
    }
}

impl File {
    fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
            path: path.to_owned(),
            source,
        })?;
        let yaml = serde_yaml_ng::from_str(&text).map_err(|source| SettingsError::Yaml {
            path: path.to_owned(),
            source,
        })?;
        let mut file = Self::default();
        file.flatten(String::new(), &yaml)?;
        Ok(file)
    }

    /// Takes `pipeline: {workers: 2}` and `pipeline.workers: 2` alike.
    fn flatten(&mut self, name: String, value: &Value) -> Result<(), SettingsError> {
        let text = match value {
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    let key = key.as_str().unwrap_or_default();
                    let name = if name.is_empty() {
                        key.to_owned()
                    } else {
                        format!("{name}.{key}")
                    };
                    self.flatten(name, value)?;
                }
                return Ok(());
            }
            Value::Null => return Ok(()),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::String(value) => expand(&name, value)?,
            Value::Sequence(_) | Value::Tagged(_) => String::new(),
        };
        if USED.contains(&name.as_str()) || name.starts_with(DEAD_LETTER_PROPERTIES) {
            self.values.insert(name, text);
        } else if let Some((_, why)) = IGNORED.iter().find(|(known, _)| name.starts_with(known)) {
            self.notices
                .push(format!("setting `{name}` is ignored: {why}"));
        } else {
            let near = nearest(&name, USED.iter().copied());
            return Err(SettingsError::Unknown { name, near });
        }
        Ok(())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    fn parse<T>(
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

    fn boolean(&self, name: &'static str) -> Result<Option<bool>, SettingsError> {
        self.parse(name, "true or false", |text| text.parse().ok())
    }

    fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, SettingsError> {
        self.parse(name, "a whole number that is not negative", |text| {
            text.parse().ok()
        })
    }

    fn duration(&self, name: &'static str) -> Result<Option<Duration>, SettingsError> {
        self.parse(name, "a time such as 3s, 500ms or 2m", parse_duration)
    }

    fn bytes(&self, name: &'static str) -> Result<Option<u64>, SettingsError> {
        self.parse(name, "a size such as 1024mb", parse_bytes)
    }

    fn ecs(&self) -> Result<Option<EcsCompatibility>, SettingsError> {
        let name = "pipeline.ecs_compatibility";
        self.parse(name, "disabled, v1 or v8", EcsCompatibility::parse)
    }

    fn log_level(&self) -> Result<Option<LogLevel>, SettingsError> {
        self.parse("log.level", "error, warn, info, debug or trace", |text| {
            <LogLevel as clap::ValueEnum>::from_str(text, true).ok()
        })
    }

    fn dead_letters(&self, data_dir: &Path) -> Result<DeadLetterPlace, SettingsError> {
        let mut place = DeadLetterPlace::below(data_dir);
        if let Some(path) = self.text("path.dead_letter_queue") {
            place.path = path.into();
        }
        if let Some(bytes) = self.bytes("dead_letter_queue.max_bytes")? {
            place.max_bytes = bytes;
        }
        let policy = |text: &str| match text {
            "drop_newer" => Some(StoragePolicy::DropNewer),
            "drop_older" => Some(StoragePolicy::DropOlder),
            "stop" => Some(StoragePolicy::Stop),
            _ => None,
        };
        let policies = "stop, drop_newer or drop_older";
        let policy = self.parse("dead_letter_queue.storage_policy", policies, policy)?;
        place.storage_policy = policy.unwrap_or_default();
        place.retain_age = self.duration("dead_letter_queue.retain.age")?;
        let property = |(name, value): (&String, &String)| {
            let property = name.strip_prefix(DEAD_LETTER_PROPERTIES)?;
            Some((property.to_owned(), value.clone()))
        };
        place.topic = self
            .text("kelp.dead_letters.topic")
            .map(|name| TopicSettings {
                name,
                properties: self.values.iter().filter_map(property).collect(),
            });
        Ok(place)
    }

    fn api(&self) -> Result<Option<ApiAddress>, SettingsError> {
        let enabled = match self.boolean("api.enabled")? {
            Some(enabled) => Some(enabled),
            None => self.boolean("http.enabled")?,
        };
        if enabled == Some(false) {
            return Ok(None);
        }
        let ports = |name| {
            self.parse(
                name,
                "a port, or a range of them such as 9600-9700",
                parse_ports,
            )
        };
        let host = self
            .text("api.http.host")
            .or_else(|| self.text("http.host"));
        Ok(Some(ApiAddress {
            host: host.unwrap_or_else(|| "127.0.0.1".to_owned()),
            ports: match ports("api.http.port")? {
                Some(range) => range,
                None => ports("http.port")?.unwrap_or((9600, 9700)),
            },
        }))
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

fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        "d" => number * 86_400.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(seconds))
}

fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1u64,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    Some((number * scale as f64) as u64)
}

fn parse_ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let ports = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (ports.0 <= ports.1).then_some(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(yaml: &str) -> Result<File, SettingsError> {
        let mut file = File::default();
        file.flatten(String::new(), &serde_yaml_ng::from_str(yaml).unwrap())?;
        Ok(file)
    }

    #[test]
    fn settings_may_be_nested_or_flat() {
        for yaml in [
            "pipeline.batch.size: 500",
            "pipeline:\n  batch:\n    size: 500",
            "pipeline:\n  batch.size: \"500\"",
        ] {
            let size: Option<usize> = file(yaml).unwrap().number("pipeline.batch.size").unwrap();
            assert_eq!(size, Some(500), "{yaml}");
        }
    }

    #[test]
    fn what_logstash_knows_is_ignored_aloud_and_what_nobody_knows_is_refused() {
        let notices = file("queue.type: persisted").unwrap().notices;
        assert!(notices[0].contains("`queue.type` is ignored: Kafka is the durable queue"));
        let error = file("pipelin.workers: 3")
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("unknown setting `pipelin.workers`; did you mean `pipeline.workers`?")
        );
    }

    #[test]
    fn sizes_times_and_ports_are_read_in_logstash_s_units() {
        assert_eq!(parse_bytes("1024mb"), Some(1 << 30));
        assert_eq!(parse_bytes("12 parsecs"), None);
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("5"), None);
        assert_eq!(parse_ports("9600-9700"), Some((9600, 9700)));
        assert_eq!(parse_ports("9700-9600"), None);
    }

    #[test]
    fn dead_letters_go_where_logstash_s_settings_say_or_to_a_topic() {
        let place = |yaml: &str| file(yaml)?.dead_letters(Path::new("data"));
        let default = place("{}").unwrap();
        assert_eq!(default.path, Path::new("data/dead_letter_queue"));
        assert_eq!(default.storage_policy, StoragePolicy::Stop);
        assert_eq!((default.max_bytes, default.retain_age), (1 << 30, None));
        let full = place(
            "path.dead_letter_queue: /dlq\ndead_letter_queue:\n  max_bytes: 2mb\n  storage_policy: drop_older\n  retain.age: 2d",
        )
        .unwrap();
        assert_eq!(full.path, Path::new("/dlq"));
        assert_eq!(full.storage_policy, StoragePolicy::DropOlder);
        assert_eq!(full.max_bytes, 2 << 20);
        assert_eq!(full.retain_age, Some(Duration::from_secs(2 * 86_400)));
        let topic = place(
            "kelp.dead_letters:\n  topic: rejected\n  librdkafka:\n    bootstrap.servers: kafka:9092",
        );
        let topic = topic.unwrap().topic.unwrap();
        assert_eq!(topic.name, "rejected");
        assert_eq!(topic.properties["bootstrap.servers"], "kafka:9092");
        let error = place("dead_letter_queue.storage_policy: drop").unwrap_err();
        assert!(error.to_string().contains("stop, drop_newer or drop_older"));
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
