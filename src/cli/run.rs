//! The flags of a run: all of Logstash 9's (source: `runner.rb` of elastic/logstash). Each stands for a setting.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ConfigArgs, Ecs};

/// The flags of a run, named as in Logstash.
#[derive(Args, Debug, Default)]
pub struct RunArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Check the configuration and exit: 0 if it is valid, 1 if not.
    #[arg(short = 't', long = "config.test_and_exit")]
    pub test: bool,

    /// Load the configuration again when it changes.
    #[arg(short = 'r', long = "config.reload.automatic")]
    pub reload: bool,

    /// How often to look whether the configuration has changed [default: 3s].
    #[arg(long = "config.reload.interval", value_name = "TIME")]
    pub reload_interval: Option<String>,

    /// The directory that holds logstash.yml and pipelines.yml.
    #[arg(long = "path.settings", env = "LS_SETTINGS_DIR", value_name = "DIR")]
    pub settings: Option<PathBuf>,

    /// The name of this process in the API [default: the name of the host].
    #[arg(short = 'n', long = "node.name", value_name = "NAME")]
    pub node_name: Option<String>,

    /// The name of the pipeline [default: main].
    #[arg(long = "pipeline.id", value_name = "ID")]
    pub pipeline_id: Option<String>,

    /// How many threads run the filters [default: one for each CPU].
    #[arg(short = 'w', long = "pipeline.workers", value_name = "N")]
    pub workers: Option<usize>,

    /// Whether events stay in order, which takes one worker: auto, true or false [default: auto].
    #[arg(long = "pipeline.ordered", value_name = "ORDERED")]
    pub ordered: Option<String>,

    /// How many records a worker takes at most before it hands its documents over [default: 2000].
    #[arg(short = 'b', long = "pipeline.batch.size", value_name = "N")]
    pub batch_size: Option<usize>,

    /// How long to wait for a batch to fill, in milliseconds [default: 50].
    #[arg(short = 'u', long = "pipeline.batch.delay", value_name = "MS")]
    pub batch_delay: Option<u64>,

    /// The ECS mode of plugins that do not set their own [default: v8].
    #[arg(long = "pipeline.ecs_compatibility", value_name = "MODE")]
    pub ecs: Option<Ecs>,

    /// Where dead letters and other state are kept [default: data].
    #[arg(long = "path.data", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// How many mebibytes of records, and of bulk bodies made of them, may be in flight [default: 64].
    #[arg(long = "memory", value_name = "MIB")]
    pub memory: Option<usize>,

    /// Write Kelp's own metrics to data streams metrics-kelp.*-NAMESPACE of the same Elasticsearch every 10 s [namespace: default].
    #[arg(
        long = "metrics",
        value_name = "NAMESPACE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "default"
    )]
    pub metrics: Option<String>,

    /// How many seconds a shutdown or a reload waits for what is in flight [default: 10].
    #[arg(long = "shutdown-timeout", value_name = "SECONDS")]
    pub shutdown_timeout: Option<u64>,

    /// What is logged [default: info].
    #[arg(long = "log.level", value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,

    /// How the log is written [default: plain].
    #[arg(long = "log.format", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Whether there is an HTTP API: true or false [default: true].
    #[arg(long = "api.enabled", value_name = "ENABLED")]
    pub api_enabled: Option<bool>,

    /// The address on which the API listens [default: 127.0.0.1].
    #[arg(long = "api.http.host", value_name = "HOST")]
    pub api_host: Option<String>,

    /// Its port, or a range of which it takes the first that is free [default: 9600-9700].
    #[arg(long = "api.http.port", value_name = "PORT")]
    pub api_port: Option<String>,

    /// Any setting of logstash.yml; may be given several times.
    #[arg(short = 'S', long = "setting", value_name = "NAME=VALUE")]
    pub set: Vec<String>,

    /// What Logstash has and Kelp takes for the sake of scripts.
    #[command(flatten)]
    pub compatible: CompatibleArgs,
}

/// Flags that mean nothing here, or whose use is refused with advice.
#[derive(Args, Debug, Default)]
pub struct CompatibleArgs {
    #[arg(long = "config.debug", hide = true)]
    config_debug: bool,

    #[arg(long = "field-reference-escape-style", hide = true)]
    escape_style: Option<String>,

    #[arg(long = "plugin-classloaders", hide = true)]
    plugin_classloaders: bool,

    #[arg(
        long = "pipeline.batch.output_chunking.growth_threshold_factor",
        hide = true
    )]
    growth_threshold_factor: Option<String>,

    #[arg(long = "pipeline.unsafe_shutdown", hide = true)]
    unsafe_shutdown: bool,

    #[arg(short = 'p', long = "path.plugins", hide = true)]
    plugins: Vec<String>,

    #[arg(short = 'l', long = "path.logs", hide = true)]
    logs: Option<String>,

    #[arg(long = "log.format.json.fix_duplicate_message_fields", hide = true)]
    fix_duplicate_message_fields: Option<String>,

    #[arg(long = "enable-local-plugin-development", hide = true)]
    local_plugins: bool,

    #[arg(short = 'i', long = "interactive", hide = true)]
    interactive: Option<String>,

    #[arg(short = 'M', long = "modules", hide = true)]
    modules: Option<String>,

    #[arg(long, hide = true)]
    verbose: bool,

    #[arg(long, hide = true)]
    debug: bool,

    #[arg(long, hide = true)]
    quiet: bool,
}

impl RunArgs {
    /// Calls `set` with each setting that was given by a flag; the more particular flag comes last.
    pub fn overlay<E>(&self, set: &mut dyn FnMut(&str, String) -> Result<(), E>) -> Result<(), E> {
        self.compatible.overlay(set)?;
        let config = &self.config;
        let yes = |given: bool| given.then(|| "true".to_owned());
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let value_of = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_owned())
        };
        let number = |number: &Option<usize>| number.map(|number| number.to_string());
        let given = [
            ("path.config", config.path.clone()),
            ("config.string", config.text.clone()),
            ("config.support_escapes", yes(config.support_escapes)),
            ("config.test_and_exit", yes(self.test)),
            ("config.reload.automatic", yes(self.reload)),
            ("config.reload.interval", self.reload_interval.clone()),
            ("node.name", self.node_name.clone()),
            ("pipeline.id", self.pipeline_id.clone()),
            ("pipeline.workers", number(&self.workers)),
            ("pipeline.ordered", self.ordered.clone()),
            ("pipeline.batch.size", number(&self.batch_size)),
            (
                "pipeline.batch.delay",
                self.batch_delay.map(|delay| delay.to_string()),
            ),
            (
                "pipeline.ecs_compatibility",
                value_of(self.ecs.and_then(|ecs| ecs.to_possible_value())),
            ),
            ("path.data", path(&self.data)),
            ("kelp.memory", self.memory.map(|mib| format!("{mib}mb"))),
            ("kelp.metrics.enabled", yes(self.metrics.is_some())),
            ("kelp.metrics.namespace", self.metrics.clone()),
            (
                "kelp.shutdown_timeout",
                self.shutdown_timeout.map(|seconds| format!("{seconds}s")),
            ),
            (
                "log.level",
                value_of(self.log_level.and_then(|level| level.to_possible_value())),
            ),
            (
                "log.format",
                value_of(
                    self.log_format
                        .and_then(|format| format.to_possible_value()),
                ),
            ),
            ("api.enabled", self.api_enabled.map(|on| on.to_string())),
            ("api.http.host", self.api_host.clone()),
            ("api.http.port", self.api_port.clone()),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                set(name, value)?;
            }
        }
        for setting in &self.set {
            let (name, value) = setting.split_once('=').unwrap_or((setting, "true"));
            set(name, value.to_owned())?;
        }
        Ok(())
    }
}

impl CompatibleArgs {
    fn overlay<E>(&self, set: &mut dyn FnMut(&str, String) -> Result<(), E>) -> Result<(), E> {
        let yes = |given: bool| given.then(|| "true".to_owned());
        let level = |given: bool, level: &str| given.then(|| level.to_owned());
        let plugins = self.plugins.join(",");
        let given = [
            ("log.level", level(self.verbose, "info")),
            ("log.level", level(self.debug, "debug")),
            ("log.level", level(self.quiet, "error")),
            ("config.debug", yes(self.config_debug)),
            (
                "config.field_reference.escape_style",
                self.escape_style.clone(),
            ),
            (
                "pipeline.plugin_classloaders",
                yes(self.plugin_classloaders),
            ),
            (
                "pipeline.batch.output_chunking.growth_threshold_factor",
                self.growth_threshold_factor.clone(),
            ),
            ("pipeline.unsafe_shutdown", yes(self.unsafe_shutdown)),
            ("path.plugins", Some(plugins).filter(|all| !all.is_empty())),
            ("path.logs", self.logs.clone()),
            (
                "log.format.json.fix_duplicate_message_fields",
                self.fix_duplicate_message_fields.clone(),
            ),
            ("enable-local-plugin-development", yes(self.local_plugins)),
            ("interactive", self.interactive.clone()),
            ("modules", self.modules.clone()),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                set(name, value)?;
            }
        }
        Ok(())
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogLevel {
    /// Only what needs attention at once
    #[value(alias = "fatal")]
    Error,
    /// And what may need it
    Warn,
    /// And what happens in the large
    #[default]
    Info,
    /// And what happens in the small
    Debug,
    /// And everything else
    Trace,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of text for people
    #[default]
    Plain,
    /// A JSON object in each line
    Json,
}
