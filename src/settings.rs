//! Settings: flags over `logstash.yml` over defaults, and `pipelines.yml` over them for each pipeline.
//!
//! The names are Logstash's; a file may write them nested or flat. What becomes of each is in [`known`].

mod known;
mod pipelines;
mod units;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kelp_parser::in_flight::InFlight;
use kelp_parser::spec::EcsCompatibility;
use kelp_sink::dead_letter::StoragePolicy;

use crate::cli::{ConfigArgs, LogFormat, LogLevel, RunArgs};
use crate::dead_letters::{DeadLetterPlace, TopicSettings};
use crate::run::EventLimits;
use units::parse_ports;
use values::Values;

pub use values::SettingsError;

/// What the process goes by.
#[derive(Debug)]
pub struct Settings {
    /// What the API calls this process.
    pub node_name: String,
    /// How long a shutdown or a reload waits for what is in flight.
    pub shutdown_timeout: Duration,
    /// Whether changed configurations are loaded, and how often they are looked at.
    pub reload_interval: Option<Duration>,
    /// Where the API listens; none when it is off.
    pub api: Option<ApiAddress>,
    /// How Kelp's own metrics are written to Elasticsearch, if they are.
    pub metrics: Option<MetricsSettings>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// How it is written.
    pub log_format: LogFormat,
    /// What is checked instead of run.
    pub test_and_exit: bool,
    /// Notices about settings that mean nothing here, to be logged.
    pub notices: Vec<String>,
    /// The pipeline that flags and `logstash.yml` describe, or what those of `pipelines.yml` have in common.
    pub pipeline: PipelineSettings,
    values: Values,
    list: Option<PathBuf>,
}

/// What a pipeline goes by.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Its name in statistics and dead letters.
    pub id: String,
    /// Where its configuration is.
    pub config: ConfigArgs,
    /// Threads that run filters.
    pub workers: usize,
    /// Records in a batch, at most.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batch_delay: Duration,
    /// The ECS mode of plugins that do not set their own.
    pub ecs: EcsCompatibility,
    /// Whether it may be reloaded.
    pub reloadable: bool,
    /// Where state is kept.
    pub data_dir: PathBuf,
    /// Where dead letters go.
    pub dead_letters: DeadLetterPlace,
    /// What one record may become.
    pub event_limits: EventLimits,
    /// Where `geoip` looks for databases, if not where they usually are.
    pub geoip_directory: Option<PathBuf>,
    /// Counts the bytes of all records and bulk bodies in flight, of all pipelines of the process.
    pub in_flight: InFlight,
    /// The most that they may take.
    pub in_flight_bytes: usize,
    /// Notices about its settings in `pipelines.yml`, to be logged.
    pub notices: Vec<String>,
    values: BTreeMap<String, String>,
}

/// How Kelp's own metrics are written to data streams `metrics-kelp.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    /// The last part of the data streams' names.
    pub namespace: String,
    /// How often.
    pub interval: Duration,
}

/// Where the API listens: the first free port of a range; and who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAddress {
    /// A host name or address.
    pub host: String,
    /// First and last port.
    pub ports: (u16, u16),
    /// User and password, where they are asked for.
    pub login: Option<(String, String)>,
}

impl Settings {
    /// Reads the files that the flags name.
    pub fn load(args: RunArgs) -> Result<Self, SettingsError> {
        let directory = args.settings.clone();
        let (mut values, notice) = match &directory {
            Some(directory) => {
                let file = directory.join("logstash.yml");
                let values = Values::read(&file)?;
                (values, notice_of_directory(directory, &file))
            }
            None => (Values::default(), Vec::new()),
        };
        values.notices.extend(notice);
        args.overlay(&mut |name, value| values.set(name, value, &|_| true))?;
        // A flag goes before what the file has of the other; of two flags it is told that they do not go together.
        match (&args.config.path, &args.config.text) {
            (Some(_), None) => values.remove("config.string"),
            (None, Some(_)) => values.remove("path.config"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        Self::of(values, directory)
    }

    fn of(mut values: Values, directory: Option<PathBuf>) -> Result<Self, SettingsError> {
        let named = ["path.config", "config.string"]
            .iter()
            .any(|name| values.text(name).is_some());
        let list = directory.map(|directory| directory.join(pipelines::FILE_NAME));
        let list = list.filter(|list| list.is_file());
        if let (true, Some(list)) = (named, &list) {
            let path = list.display();
            values.notices.push(format!(
                "`{path}` is not used: there is a configuration by flag or in logstash.yml"
            ));
        }
        let reload = values.boolean("config.reload.automatic")?.unwrap_or(false);
        let interval = values.duration("config.reload.interval")?;
        let memory = values.bytes("kelp.memory")?.unwrap_or(64 << 20) as usize;
        let host = || gethostname::gethostname().to_string_lossy().into_owned();
        Ok(Self {
            node_name: values.text("node.name").unwrap_or_else(host),
            shutdown_timeout: values
                .duration("kelp.shutdown_timeout")?
                .unwrap_or(Duration::from_secs(10)),
            reload_interval: reload.then_some(interval.unwrap_or(Duration::from_secs(3))),
            api: api(&values)?,
            metrics: metrics(&values)?,
            log_level: values.log_level()?.unwrap_or_default(),
            log_format: values.log_format()?.unwrap_or_default(),
            test_and_exit: values.boolean("config.test_and_exit")?.unwrap_or(false),
            notices: values.notices.clone(),
            pipeline: PipelineSettings {
                notices: Vec::new(),
                ..PipelineSettings::of(&values, InFlight::default(), memory)?
            },
            values,
            list: list.filter(|_| !named),
        })
    }

    /// The pipelines as the files describe them now: those of `pipelines.yml` where it is used, else one.
    pub fn pipelines(&self) -> Result<Vec<PipelineSettings>, SettingsError> {
        let Some(list) = &self.list else {
            return Ok(vec![self.pipeline.clone()]);
        };
        let listed = pipelines::read(list, &self.values)?;
        let common = &self.pipeline;
        let pipeline = |values: &Values| {
            let (in_flight, bytes) = (common.in_flight.clone(), common.in_flight_bytes);
            let mut pipeline = PipelineSettings::of(values, in_flight, bytes)?;
            pipeline.config.text_name = Some(format!("{}, {}", pipelines::FILE_NAME, pipeline.id));
            Ok(pipeline)
        };
        listed.iter().map(pipeline).collect()
    }
}

/// What is to be said about a settings directory.
fn notice_of_directory(directory: &Path, file: &Path) -> Vec<String> {
    let mut notices = Vec::new();
    if !file.is_file() {
        let file = file.display();
        notices.push(format!("there is no `{file}`: everything has its default"));
    }
    let keystore = directory.join("logstash.keystore");
    if keystore.is_file() {
        let keystore = keystore.display();
        notices.push(format!(
            "`{keystore}` is not read: set its keys as environment variables"
        ));
    }
    notices
}

impl PipelineSettings {
    fn of(
        values: &Values,
        in_flight: InFlight,
        in_flight_bytes: usize,
    ) -> Result<Self, SettingsError> {
        let id = values.text("pipeline.id").unwrap_or("main".to_owned());
        if id.is_empty() || id.contains(['/', '\\']) || id.starts_with('.') {
            return Err(SettingsError::Value {
                name: "pipeline.id",
                value: id,
                expected: "a name without slashes that does not start with a dot (it names a directory)",
            });
        }
        let data_dir = values
            .text("path.data")
            .map_or("data".into(), PathBuf::from);
        let delay = values.number("pipeline.batch.delay")?.unwrap_or(50);
        Ok(Self {
            id,
            config: ConfigArgs {
                path: values.text("path.config"),
                text: values.text("config.string"),
                support_escapes: values.boolean("config.support_escapes")?.unwrap_or(false),
                text_name: None,
            },
            workers: workers(values)?,
            batch_size: values.positive("pipeline.batch.size")?.unwrap_or(2000),
            batch_delay: Duration::from_millis(delay),
            ecs: values.ecs()?.unwrap_or_default(),
            reloadable: values.boolean("pipeline.reloadable")?.unwrap_or(true),
            dead_letters: dead_letters(values, &data_dir)?,
            event_limits: event_limits(values)?,
            geoip_directory: values.text("kelp.geoip.directory").map(PathBuf::from),
            data_dir,
            in_flight,
            in_flight_bytes,
            notices: values.notices.clone(),
            values: values.all().clone(),
        })
    }

    /// All settings of it, as text, to see whether they have changed.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }
}

/// One worker where order is to be kept, else one for each CPU.
fn workers(values: &Values) -> Result<usize, SettingsError> {
    let ordered = |text: &str| match text {
        "auto" | "false" => Some(false),
        "true" => Some(true),
        _ => None,
    };
    let ordered = values.parse("pipeline.ordered", "auto, true or false", ordered)?;
    let workers = values.positive("pipeline.workers")?;
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    match (ordered.unwrap_or(false), workers) {
        (true, Some(workers)) if workers > 1 => Err(SettingsError::Conflict(format!(
            "`pipeline.ordered: true` takes `pipeline.workers: 1`, not {workers}"
        ))),
        (true, _) => Ok(1),
        (false, workers) => Ok(workers.unwrap_or_else(all)),
    }
}

fn event_limits(values: &Values) -> Result<EventLimits, SettingsError> {
    let mut limits = EventLimits::default();
    if let Some(bytes) = values.bytes("kelp.event.max_bytes")? {
        limits.max_bytes = bytes as usize;
    }
    if let Some(fields) = values.positive("kelp.event.max_fields")? {
        limits.max_fields = fields;
    }
    Ok(limits)
}

fn dead_letters(values: &Values, data_dir: &Path) -> Result<DeadLetterPlace, SettingsError> {
    let mut place = DeadLetterPlace::below(data_dir);
    if let Some(path) = values.text("path.dead_letter_queue") {
        place.path = path.into();
    }
    if let Some(bytes) = values.bytes("dead_letter_queue.max_bytes")? {
        place.max_bytes = bytes;
    }
    let policy = |text: &str| match text {
        "drop_newer" => Some(StoragePolicy::DropNewer),
        "drop_older" => Some(StoragePolicy::DropOlder),
        "stop" => Some(StoragePolicy::Stop),
        _ => None,
    };
    let policies = "stop, drop_newer or drop_older";
    let policy = values.parse("dead_letter_queue.storage_policy", policies, policy)?;
    place.storage_policy = policy.unwrap_or_default();
    place.retain_age = values.duration("dead_letter_queue.retain.age")?;
    place.topic = values
        .text("kelp.dead_letters.topic")
        .map(|name| TopicSettings {
            name,
            properties: values.below("kelp.dead_letters.librdkafka.").collect(),
        });
    Ok(place)
}

fn metrics(values: &Values) -> Result<Option<MetricsSettings>, SettingsError> {
    if !values.boolean("kelp.metrics.enabled")?.unwrap_or(false) {
        return Ok(None);
    }
    let interval = values.duration("kelp.metrics.interval")?;
    let namespace = values.text("kelp.metrics.namespace");
    Ok(Some(MetricsSettings {
        namespace: namespace.unwrap_or_else(|| "default".to_owned()),
        interval: interval
            .unwrap_or(Duration::from_secs(10))
            .max(Duration::from_secs(1)),
    }))
}

fn api(values: &Values) -> Result<Option<ApiAddress>, SettingsError> {
    if values.boolean("api.enabled")? == Some(false) {
        return Ok(None);
    }
    let expected = "a port, or a range of them such as 9600-9700";
    let ports = values.parse("api.http.port", expected, parse_ports)?;
    let kind = |text: &str| match text {
        "none" => Some(false),
        "basic" => Some(true),
        _ => None,
    };
    let asks = values.parse("api.auth.type", "none or basic", kind)?;
    let login = match asks.unwrap_or(false) {
        false => None,
        true => {
            let user = values.text("api.auth.basic.username");
            let password = values.text("api.auth.basic.password");
            let message = "`api.auth.type: basic` needs `api.auth.basic.username` and `api.auth.basic.password`";
            let missing = || SettingsError::Conflict(message.to_owned());
            Some(user.zip(password).ok_or_else(missing)?)
        }
    };
    Ok(Some(ApiAddress {
        host: values
            .text("api.http.host")
            .unwrap_or("127.0.0.1".to_owned()),
        ports: ports.unwrap_or((9600, 9700)),
        login,
    }))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    struct Directory(PathBuf);

    impl Directory {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let path = std::env::temp_dir().join(format!("kelp-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            for (name, text) in files {
                std::fs::write(path.join(name), text).unwrap();
            }
            Self(path)
        }

        fn load(&self, flags: &[&str]) -> Result<Settings, SettingsError> {
            let path = self.0.to_string_lossy();
            let own = ["kelp", "--path.settings", &path];
            let all = own.iter().chain(flags);
            Settings::load(Cli::try_parse_from(all).unwrap().run)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn flags_go_over_the_file_and_the_file_over_defaults() {
        let yaml = "pipeline.workers: 3\npipeline.id: logs\npath.config: /a.conf\nnode.name: n1\n";
        let directory = Directory::with("flags", &[("logstash.yml", yaml)]);
        let settings = directory.load(&["-w", "2", "-e", "input {}"]).unwrap();
        let pipeline = &settings.pipelines().unwrap()[0];
        assert_eq!((pipeline.workers, pipeline.id.as_str()), (2, "logs"));
        assert_eq!(pipeline.config.text.as_deref(), Some("input {}"));
        assert_eq!(pipeline.config.path, None);
        let both = directory.load(&["-f", "a.conf", "-e", "input {}"]).unwrap();
        let both = crate::configuration::read(&both.pipelines().unwrap()[0].config);
        assert!(both.unwrap_err().to_string().contains("-f and -e"));
        assert_eq!(settings.node_name, "n1");
        let refused = directory.load(&["--pipeline.ordered", "true"]).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("takes `pipeline.workers: 1`, not 3")
        );
    }

    #[test]
    fn pipelines_have_settings_of_their_own_over_common_ones() {
        let list = "- pipeline.id: a\n  path.config: /a\n  pipeline.batch.size: 7\n- pipeline.id: b\n  config.string: 'input {}'\n";
        let yaml = "pipeline.batch.size: 9\n";
        let directory = Directory::with("list", &[("logstash.yml", yaml), ("pipelines.yml", list)]);
        let pipelines = directory.load(&[]).unwrap().pipelines().unwrap();
        let sizes: Vec<_> = pipelines
            .iter()
            .map(|pipeline| (pipeline.id.as_str(), pipeline.batch_size))
            .collect();
        assert_eq!(sizes, [("a", 7), ("b", 9)]);
        let single = directory.load(&["-f", "x.conf"]).unwrap();
        assert_eq!(single.pipelines().unwrap().len(), 1);
        assert!(
            single
                .notices
                .iter()
                .any(|notice| notice.contains("pipelines.yml` is not used"))
        );
    }

    #[test]
    fn a_list_of_pipelines_that_cannot_be_is_refused() {
        let refusals = [
            ("pipeline.id: a", "expected a list"),
            (
                "- pipeline.id: a",
                "either `path.config` or `config.string`",
            ),
            ("- path.config: x\n- path.config: y", "two pipelines `main`"),
            (
                "- path.config: x\n  api.http.port: 1",
                "move it to logstash.yml",
            ),
            (
                "- path.config: x\n  pipeline.worker: 1",
                "did you mean `pipeline.workers`",
            ),
            (
                "- path.config: x\n  pipeline.id: a/b",
                "a name without slashes",
            ),
        ];
        let gone = [("", "empty or gone"), ("# nothing yet", "empty or gone")];
        for (list, why) in refusals.into_iter().chain(gone) {
            let directory = Directory::with("refused", &[("pipelines.yml", list)]);
            let error = directory.load(&[]).unwrap().pipelines().unwrap_err();
            assert!(error.to_string().contains(why), "{list}: {error}");
        }
    }

    #[test]
    fn who_may_ask_the_api_is_set() {
        let directory = Directory::with("api", &[("logstash.yml", "api.auth.type: basic")]);
        assert!(directory.load(&[]).is_err());
        let flags = [
            "-S",
            "api.auth.basic.username=u",
            "-S",
            "api.auth.basic.password=p",
        ];
        let api = directory.load(&flags).unwrap().api.unwrap();
        assert_eq!(api.login, Some(("u".to_owned(), "p".to_owned())));
    }

    #[test]
    fn dead_letters_go_where_logstash_s_settings_say_or_to_a_topic() {
        let place = |yaml: &str| {
            let mut values = Values::default();
            values.add("", &serde_yaml_ng::from_str(yaml).unwrap(), &|_| true)?;
            dead_letters(&values, Path::new("data"))
        };
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
}
