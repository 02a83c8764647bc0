//! The command line: Logstash's flags, and commands of our own.

mod run;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kelp_parser::spec::EcsCompatibility;

pub use run::{LogFormat, LogLevel, RunArgs};

use crate::commands::dlq::DlqArgs;

/// Runs Logstash pipelines from Kafka to Elasticsearch.
#[derive(Debug, Parser)]
#[command(name = "kelp", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of running a pipeline.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How to run a pipeline.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What Logstash has no command for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run only the filters: events come from standard input, one JSON object in each line, and go to standard output.
    Filter(FilterArgs),
    /// Try a grok pattern on lines from standard input, and see why a line does not match.
    Grok(GrokArgs),
    /// Check configurations: everything that `-t` finds, and what is probably not meant.
    Check(CheckArgs),
    /// Run the test cases that lie beside configurations, and those of logstash-filter-verifier.
    Test(TestArgs),
    /// What the plugins do and which options they have.
    Reference(ReferenceArgs),
    /// Lay configurations out; comments and meaning stay.
    Fmt(FmtArgs),
    /// See a pipeline at work without any server: Kafka and Elasticsearch are stand-ins in this process.
    Demo(DemoArgs),
    /// Prepare Elasticsearch and Kibana for the default pipeline: templates, retention, a user to write with, dashboards.
    Setup(Box<SetupArgs>),
    /// Ask a running kelp whether it is well: exit code 0 or 1, for health checks of containers.
    Health(HealthArgs),
    /// See, replay and purge dead letters.
    Dlq(Box<DlqArgs>),
    /// Follow files and write their lines to Kafka.
    Ship(ShipArgs),
    /// Write log lines of a small web shop to Kafka, to see something arrive.
    SampleLogs(SampleLogsArgs),
}

/// Where the configuration is.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigArgs {
    /// A configuration file, a directory of them, or a pattern; several are read in the order of their names.
    #[arg(short = 'f', long = "path.config", value_name = "FILE|DIR|GLOB")]
    pub path: Option<String>,

    /// The configuration itself.
    #[arg(short = 'e', long = "config.string", value_name = "CONFIG")]
    pub text: Option<String>,

    /// Process escapes such as \n in the strings of the configuration.
    #[arg(long = "config.support_escapes")]
    pub support_escapes: bool,

    /// What diagnostics call the text, where it does not come from `-e`.
    #[arg(skip)]
    pub text_name: Option<String>,
}

/// `kelp filter`
#[derive(Args, Debug)]
pub struct FilterArgs {
    /// Where the configuration is; only its filter sections are used.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// The ECS mode of plugins that do not set their own.
    #[arg(long, default_value = "v8", value_name = "MODE")]
    pub ecs: Ecs,
}

/// `kelp grok`
#[derive(Args, Debug)]
pub struct GrokArgs {
    /// The pattern, such as '%{IP:client} %{GREEDYDATA:message}'; of several, the first that matches a line counts.
    #[arg(value_name = "PATTERN", required_unless_present = "suggest")]
    pub patterns: Vec<String>,

    /// Propose patterns for the lines, instead of trying one.
    #[arg(long, conflicts_with_all = ["patterns", "explain", "all_captures"])]
    pub suggest: bool,

    /// For a line that does not match, say how far it did, and what was expected there; of several patterns, the one
    /// that came furthest.
    #[arg(long)]
    pub explain: bool,

    /// Print a JSON object for each line.
    #[arg(long)]
    pub json: bool,

    /// A directory or file with further patterns, one a line; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub patterns_dir: Vec<PathBuf>,

    /// Which stock patterns: those of ECS, or those from before.
    #[arg(long, default_value = "v8", value_name = "MODE")]
    pub ecs: Ecs,

    /// Capture what has no field, too, by the name of its pattern.
    #[arg(long)]
    pub all_captures: bool,
}

/// `kelp check`
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// A configuration each: a file, a directory (its files together, as with -f), or a pattern.
    #[arg(
        value_name = "FILE|DIR|GLOB",
        required_unless_present_any = ["text", "settings"]
    )]
    pub paths: Vec<String>,

    /// The directory of logstash.yml and pipelines.yml: check all its pipelines, and what connects them.
    #[arg(long = "path.settings", value_name = "DIR", conflicts_with_all = ["paths", "text"])]
    pub settings: Option<PathBuf>,

    /// The configuration itself.
    #[arg(
        short = 'e',
        long = "config.string",
        value_name = "CONFIG",
        conflicts_with = "paths"
    )]
    pub text: Option<String>,

    /// Process escapes such as \n in the strings of the configuration.
    #[arg(long = "config.support_escapes")]
    pub support_escapes: bool,

    /// The ECS mode of plugins that do not set their own.
    #[arg(long, default_value = "v8", value_name = "MODE")]
    pub ecs: Ecs,

    /// How findings are printed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,

    /// Exit with 1 for warnings too.
    #[arg(long)]
    pub strict: bool,

    /// List the rules, by whose names warnings are silenced, and exit.
    #[arg(long, exclusive = true)]
    pub rules: bool,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// With the text they are about, for people
    Text,
    /// One JSON document, for programs
    Json,
}

/// `kelp test`
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Files of test cases (`NAME.test.yml`), directories of them, or configurations that have some beside them.
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,

    /// The configuration that is tested, for files that do not name one: a file, a directory, or a pattern.
    #[arg(short = 'f', long = "path.config", value_name = "FILE|DIR|GLOB")]
    pub config: Option<PathBuf>,

    /// Process escapes such as \n in the strings of the configuration.
    #[arg(long = "config.support_escapes")]
    pub support_escapes: bool,

    /// The ECS mode of plugins that do not set their own, for files that do not say.
    #[arg(long, default_value = "v8", value_name = "MODE")]
    pub ecs: Ecs,

    /// Write a report for build servers, in JUnit's format.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// `kelp reference`
#[derive(Args, Debug)]
pub struct ReferenceArgs {
    /// The plugin; none for a list of all.
    #[arg(value_name = "NAME")]
    pub plugin: Option<String>,

    /// Write the pages of all plugins to a directory.
    #[arg(long, value_name = "DIR", conflicts_with = "plugin")]
    pub write: Option<PathBuf>,
}

/// `kelp fmt`
#[derive(Args, Debug)]
pub struct FmtArgs {
    /// Files, and directories whose `*.conf` are meant; none for standard input to standard output.
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,

    /// Change nothing: list the files that are not laid out, and exit with 1 if there are any.
    #[arg(long)]
    pub check: bool,
}

/// `kelp demo`
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// How long lines are written, in seconds.
    #[arg(long, default_value_t = 15, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,

    /// How many lines are written a second.
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
}

/// `kelp setup`
#[derive(Args, Debug)]
pub struct SetupArgs {
    /// Where Elasticsearch is.
    #[arg(
        long,
        env = "ELASTICSEARCH",
        default_value = "http://127.0.0.1:9200",
        value_name = "URL"
    )]
    pub elasticsearch: String,

    /// Where Kibana is; without it Kibana is left alone.
    #[arg(long, env = "KIBANA", value_name = "URL")]
    pub kibana: Option<String>,

    /// The space of Kibana that gets the dashboards [default: the default space].
    #[arg(long, value_name = "SPACE")]
    pub space: Option<String>,

    /// Set up only one of the two.
    #[arg(long, value_name = "PART")]
    pub only: Option<SetupPart>,

    /// Who sets up; it takes effect with a password.
    #[arg(
        long,
        env = "ELASTIC_USER",
        default_value = "elastic",
        value_name = "NAME"
    )]
    pub user: String,

    /// The user's password; in the environment nobody sees it in a list of processes.
    #[arg(
        long,
        env = "ELASTIC_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    pub password: Option<String>,

    /// A file whose first line is the password.
    #[arg(long, env = "ELASTIC_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// An API key instead, as `id:key` or encoded.
    #[arg(
        long,
        env = "ELASTIC_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub api_key: Option<String>,

    /// Certificates of authorities to trust, PEM.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Makes this user, who may only write logs, if there is a password for it.
    #[arg(long, default_value = "kelp_writer", value_name = "NAME")]
    pub writer_user: String,

    /// That user's password.
    #[arg(
        long,
        env = "KELP_WRITER_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    pub writer_password: Option<String>,

    /// A file whose first line is that user's password.
    #[arg(long, value_name = "FILE")]
    pub writer_password_file: Option<PathBuf>,

    /// Makes an API key that may only write logs, and keeps it in this file; one that is there and works stays.
    #[arg(long, value_name = "FILE")]
    pub writer_api_key_file: Option<PathBuf>,

    /// Gives this password to the user `kibana_system`, as whom Kibana speaks to Elasticsearch.
    #[arg(
        long,
        env = "KIBANA_SYSTEM_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    pub kibana_system_password: Option<String>,

    /// How long documents are kept, as in 30d or 12h.
    #[arg(long, default_value = "30d", value_name = "TIME", value_parser = parse_retention)]
    pub retention: String,

    /// What deletes old documents.
    #[arg(long, default_value = "data-stream", value_name = "KIND")]
    pub lifecycle: Lifecycle,

    /// How many seconds to wait for each server to become ready.
    #[arg(long, default_value_t = 180, value_name = "SECONDS")]
    pub wait: u64,

    /// Print what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// `kelp health`
#[derive(Args, Debug)]
pub struct HealthArgs {
    /// The API of the running kelp.
    #[arg(long, default_value = "127.0.0.1:9600", value_name = "HOST:PORT")]
    pub api: String,

    /// Who asks, where the API wants to know (`api.auth.type: basic`).
    #[arg(
        long,
        env = "KELP_API_LOGIN",
        hide_env_values = true,
        value_name = "USER:PASSWORD"
    )]
    pub login: Option<String>,

    /// The process that is asked about, such as 1 in a container. One that runs no pipelines (`kelp ship`) has no API and is well
    /// while it runs. Needs /proc.
    #[arg(long, value_name = "PID")]
    pub process: Option<u32>,
}

/// `kelp ship`
#[derive(Args, Debug)]
pub struct ShipArgs {
    /// Files to follow, and patterns such as '/var/log/*.log', which are looked at again and again.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,

    /// The topic to write to.
    #[arg(long, short = 't', value_name = "TOPIC")]
    pub topic: String,

    /// The brokers to write to.
    #[arg(
        long,
        env = "KAFKA",
        default_value = "127.0.0.1:9092",
        value_name = "HOST:PORT"
    )]
    pub kafka: String,

    /// Any property of librdkafka, such as security.protocol=ssl; may be given several times.
    #[arg(long, short = 'X', value_name = "NAME=VALUE")]
    pub property: Vec<String>,

    /// The service that writes these files, for service.name.
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,

    /// The host, for host.name [default: this one].
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,

    /// Join the lines of an event: those that do not begin as lines of logs do (with a time, say), or do not match the expression given
    /// as --multiline='^expression', belong to the line before.
    #[arg(
        long,
        value_name = "BEGINNING",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub multiline: Option<String>,

    /// Leave out what files hold at the first start.
    #[arg(long)]
    pub from_end: bool,

    /// Ship what files hold now, and end.
    #[arg(long)]
    pub once: bool,

    /// The most bytes of an event; a longer line is cut into several.
    #[arg(long, default_value_t = 900_000, value_name = "N")]
    pub max_bytes: usize,

    /// Where it is kept how far each file was shipped [default: data/ship/TOPIC.json].
    #[arg(long, value_name = "FILE")]
    pub positions: Option<PathBuf>,
}

/// `kelp sample-logs`
#[derive(Args, Debug)]
pub struct SampleLogsArgs {
    /// The brokers to write to.
    #[arg(
        long,
        env = "KAFKA",
        default_value = "127.0.0.1:9092",
        value_name = "HOST:PORT"
    )]
    pub kafka: String,

    /// How many lines are written a second.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,

    /// How many lines are written in all [default: no end].
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,

    /// The same seed gives the same lines, but for their times.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,

    /// Print the lines with their topics, as JSON, instead of writing them.
    #[arg(long)]
    pub print: bool,
}

/// One of the servers that are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SetupPart {
    /// Elasticsearch
    Elasticsearch,
    /// Kibana
    Kibana,
}

/// What deletes old documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lifecycle {
    /// The data stream lifecycle, of Elasticsearch 8.14 and later
    DataStream,
    /// Index lifecycle management
    Ilm,
    /// Nothing
    None,
}

/// An ECS mode on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Ecs {
    /// Names from before ECS
    Disabled,
    /// ECS 1
    V1,
    /// ECS 8
    V8,
}

impl From<Ecs> for EcsCompatibility {
    fn from(ecs: Ecs) -> Self {
        match ecs {
            Ecs::Disabled => Self::Disabled,
            Ecs::V1 => Self::V1,
            Ecs::V8 => Self::V8,
        }
    }
}

/// Elasticsearch refuses any other time just as a feature that it does not have, which `kelp setup` would then leave out.
fn parse_retention(text: &str) -> Result<String, String> {
    let digits = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let number = text[..text.len() - digits.len()].parse::<u64>();
    match (number, digits) {
        (Ok(1..), "d" | "h" | "m" | "s") => Ok(text.to_owned()),
        _ => Err("a time is a number with d, h, m or s behind it, as in 30d".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_retention;

    #[test]
    fn a_retention_is_a_time_as_elasticsearch_writes_it() {
        for good in ["30d", "1h", "90m", "5s"] {
            assert_eq!(parse_retention(good), Ok(good.to_owned()));
        }
        for bad in ["", "d", "30", "0d", "30 d", "30days", "-1d", "1w", "1.5d"] {
            assert!(parse_retention(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn commands_and_options_do_not_clash() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
