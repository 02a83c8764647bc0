//! `kelp demo`: a first look without any server.
//!
//! The pipeline is the real one, from the consumer group to the bulk requests, and so is its
//! configuration, `examples/demo.conf`. Only what it talks to is a stand-in inside this process:
//! librdkafka's mock broker and the double of Elasticsearch. At the end every line that the broker has
//! acknowledged is looked for in the double; the demo fails if one is missing or altered.

mod broker;
pub mod lines;
mod outcome;
mod screen;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kelp_parser::config::{ParseOptions, SourceMap};
use kelp_sink::double::{Cluster, Double, DoubleSettings};

use crate::cli::{DemoArgs, LogFormat, LogLevel, RunArgs};
use crate::configuration::Configuration;
use crate::logging;
use crate::monitor::Snapshot;
use crate::run::{Compiled, Running};
use crate::settings::{PipelineSettings, Settings};
use crate::signals::{Signal, Signals};
use crate::stdout::print_line;

use broker::{Broker, Ledger, LineWriter};
use outcome::Outcome;
use screen::{Addresses, Progress};

/// The configuration as in the repository, so that an installed program has it too.
const CONFIG: &str = include_str!("../../../examples/demo.conf");
/// Its name on the screen and in diagnostics.
const CONFIG_NAME: &str = "examples/demo.conf";

/// How often to look for what has changed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long to wait for what is written to arrive. The mock broker alone lets a new group wait for 3 s.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(20);

type Error = Box<dyn std::error::Error>;

/// Runs the command.
pub fn run(args: &DemoArgs) -> ExitCode {
    logging::start(LogLevel::Warn, LogFormat::Plain);
    match demonstrate(args) {
        Ok(outcome) if outcome.is_complete() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate(args: &DemoArgs) -> Result<Outcome, Error> {
    let signals = Signals::install()?;
    let broker = Broker::start()?;
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("double")
        .enable_all()
        .build()?;
    let double = servers.block_on(Double::start(DoubleSettings::default()))?;
    let addresses = Addresses {
        kafka: broker.address(),
        elasticsearch: double.url(),
    };
    let state = StateDirectory::create()?;
    let settings = Settings::load(RunArgs {
        data: Some(state.path.clone()),
        ..RunArgs::default()
    })?;
    let compiled = compile(&addresses, &settings.pipeline)?;

    screen::introduce(&addresses, args, &state.path);
    let running = Running::start(compiled, &settings.pipeline)?;
    let writer = LineWriter::start(&addresses.kafka, args.rate)?;
    let mut watch = Watch {
        running: &running,
        settings: &settings.pipeline,
        cluster: double.cluster(),
        signals: &signals,
        progress: Progress::new(),
    };
    watch.watch(writer.ledger(), Duration::from_secs(args.seconds), |_| {
        false
    });
    let ledger = writer.stop();
    let written = ledger.acknowledged();
    watch.watch(&ledger, ARRIVAL_TIMEOUT, |watch| watch.settled() >= written);
    let snapshot = watch.print(&ledger);
    running.stop(settings.shutdown_timeout);

    let outcome = Outcome::compare(&ledger, double.cluster(), snapshot.dead_letters);
    screen::conclude(&outcome, &snapshot, double.cluster());
    state.end(snapshot.dead_letters > 0);
    Ok(outcome)
}

/// Compiles the example with the addresses of the stand-ins.
fn compile(addresses: &Addresses, settings: &PipelineSettings) -> Result<Compiled, Error> {
    let mut sources = SourceMap::default();
    sources.add(CONFIG_NAME, CONFIG);
    let lookup = |name: &str| addresses.variable(name).map(str::to_owned);
    let mut configuration = Configuration::parse(sources, &ParseOptions::default(), &lookup);
    let compiled = Compiled::compile(&mut configuration, settings);
    configuration.print_diagnostics();
    compiled.ok_or_else(|| format!("{CONFIG_NAME} is not valid").into())
}

/// Follows what happens, a line a second.
struct Watch<'r> {
    running: &'r Running,
    settings: &'r PipelineSettings,
    cluster: &'r Arc<Cluster>,
    signals: &'r Signals,
    progress: Progress,
}

impl Watch<'_> {
    /// Watches for at most `time`, until `done`, Ctrl-C or a failure of the pipeline.
    fn watch(&mut self, ledger: &Ledger, time: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline && !done(self) {
            if self.signals.wait(LOOK_EVERY) == Some(Signal::Stop) {
                print_line!("ending ...");
                return;
            }
            if let Some(error) = self.running.failure() {
                eprintln!("error: {error}");
                return;
            }
            let sources = self.running.sources().iter();
            ledger.set_consumed(sources.map(|source| source.stats().consumed_records).sum());
            if self.progress.is_due() {
                self.print(ledger);
            }
        }
    }

    fn print(&mut self, ledger: &Ledger) -> Snapshot {
        let snapshot = Snapshot::of(self.running, self.settings);
        self.progress.print(&snapshot, ledger, self.cluster);
        snapshot
    }

    /// Lines whose way is at its end.
    fn settled(&self) -> u64 {
        self.cluster.count("*") as u64 + self.running.dead_letters().written()
    }
}

/// Where the pipeline keeps its dead letters during the demo.
struct StateDirectory {
    path: PathBuf,
}

impl StateDirectory {
    fn create() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("kelp-demo-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self { path })
    }

    /// Removes it, unless there is something in it to look at.
    fn end(self, has_dead_letters: bool) {
        if !has_dead_letters {
            // A leftover in the temporary directory harms nobody.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
