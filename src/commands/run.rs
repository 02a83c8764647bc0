//! `kelp -f FILE`: runs a pipeline until it is told to stop.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use kelp_parser::config::SourceMap;
use tracing::{error, info, warn};

use crate::cli::RunArgs;
use crate::configuration::Configuration;
use crate::logging;
use crate::monitor::{Monitor, Snapshot};
use crate::run::{Compiled, Letters, Prepared, Running};
use crate::settings::Settings;
use crate::signals::{Signal, Signals};

/// How often the parts of the pipeline are looked at.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// How often the API gets a new snapshot.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Runs the command.
pub fn run(args: RunArgs) -> ExitCode {
    let test = args.test;
    let settings = match Settings::load(args) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    logging::start(settings.log_level);
    for notice in &settings.notices {
        warn!("{notice}");
    }
    let Some((compiled, sources)) = compile(&settings) else {
        return ExitCode::FAILURE;
    };
    if test {
        println!("Configuration OK");
        return ExitCode::SUCCESS;
    }
    let started = Signals::install()
        .map_err(|error| format!("cannot watch signals: {error}"))
        .and_then(|signals| {
            let running = Running::start(compiled, &settings).map_err(|error| error.to_string())?;
            Ok((signals, running))
        });
    match started {
        Ok((signals, running)) => Process::new(&settings, running, sources).run(&signals),
        Err(message) => {
            error!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Loads and compiles the configuration, and prints what is wrong with it.
fn compile(settings: &Settings) -> Option<(Compiled, SourceMap)> {
    match Configuration::load(&settings.config) {
        Ok(configuration) => compile_loaded(configuration, settings),
        Err(error) => {
            eprintln!("error: {error}");
            None
        }
    }
}

fn compile_loaded(
    mut configuration: Configuration,
    settings: &Settings,
) -> Option<(Compiled, SourceMap)> {
    let compiled = Compiled::compile(&mut configuration, settings);
    configuration.print_diagnostics();
    Some((compiled?, configuration.sources))
}

/// The running pipeline and what it is made of.
struct Process<'s> {
    settings: &'s Settings,
    running: Running,
    /// The configuration that runs, to go back to.
    sources: SourceMap,
    reloads: Reloads,
}

/// How reloads went.
#[derive(Clone, Copy, Debug, Default)]
struct Reloads {
    successes: u64,
    failures: u64,
}

impl<'s> Process<'s> {
    fn new(settings: &'s Settings, running: Running, sources: SourceMap) -> Self {
        info!(
            pipeline = settings.pipeline_id,
            workers = settings.workers,
            "pipeline started"
        );
        Self {
            settings,
            running,
            sources,
            reloads: Reloads::default(),
        }
    }

    fn run(mut self, signals: &Signals) -> ExitCode {
        let settings = self.settings;
        let mut changes = Changes::watch(settings);
        let monitor = Monitor::start(settings.api.as_ref(), Snapshot::of(&self.running, settings));
        let mut published = Instant::now();
        let mut code = ExitCode::SUCCESS;
        loop {
            let reload = match signals.wait(WATCH_EVERY) {
                Some(Signal::Stop) => {
                    info!("stopping: delivering what is in flight");
                    break;
                }
                Some(Signal::Reload) => true,
                None => changes.found(settings),
            };
            if reload {
                self = match self.reload() {
                    Ok(process) => process,
                    Err(message) => {
                        error!("{message}");
                        return ExitCode::FAILURE;
                    }
                };
            }
            if published.elapsed() >= PUBLISH_EVERY {
                monitor.publish(Snapshot::of(&self.running, settings));
                published = Instant::now();
            }
            if self.running.has_ended() {
                break;
            }
            if let Some(error) = self.running.failure() {
                error!("{error}");
                code = ExitCode::FAILURE;
                break;
            }
            if self.running.has_lost_worker() {
                error!("a worker has died, which is a defect; what it held is not committed");
                code = ExitCode::FAILURE;
                break;
            }
        }
        self.stop();
        code
    }

    fn stop(self) {
        let patience = if self.running.has_ended() {
            // Everything is consumed; whoever pipes a file in wants all of it delivered.
            Duration::from_secs(u64::from(u32::MAX))
        } else {
            self.settings.shutdown_timeout
        };
        self.running.stop(patience).warn_of_rest();
        info!("stopped");
    }

    /// Replaces the pipeline by that of the configuration as it is now; one that is broken or cannot start changes
    /// nothing. An error means that nothing runs any more.
    fn reload(mut self) -> Result<Self, String> {
        let settings = self.settings;
        let prepared = match compile(settings) {
            None => Err("the configuration is broken".to_owned()),
            Some((compiled, sources)) => match self.running.prepare(compiled, settings) {
                Ok(prepared) => Ok((prepared, sources)),
                Err(error) => Err(error.to_string()),
            },
        };
        let (prepared, sources) = match prepared {
            Ok(prepared) => prepared,
            Err(why) => {
                error!("not reloaded, the pipeline goes on as it was: {why}");
                self.reloads.failures += 1;
                return Ok(self);
            }
        };
        info!("reloading: delivering what is in flight");
        let patience = settings.shutdown_timeout;
        match self.running.replace(prepared, settings, patience) {
            Ok(running) => {
                self.reloads.successes += 1;
                info!(
                    reloads = self.reloads.successes,
                    failures = self.reloads.failures,
                    "reloaded"
                );
                Ok(Self {
                    running,
                    sources,
                    ..self
                })
            }
            Err(unstarted) => {
                error!(
                    "{}; going back to the configuration from before",
                    unstarted.error
                );
                self.reloads.failures += 1;
                let running = restart(&self.sources, settings, unstarted.letters)?;
                Ok(Self { running, ..self })
            }
        }
    }
}

/// Starts the configuration that ran before, after its successor could not start.
fn restart(sources: &SourceMap, settings: &Settings, letters: Letters) -> Result<Running, String> {
    let configuration = Configuration::load_texts(sources, &settings.config);
    let (compiled, _) = compile_loaded(configuration, settings)
        .ok_or("the configuration from before is not valid any more")?;
    let prepared = Prepared::new(compiled, settings, letters.handle());
    let prepared = prepared.map_err(|error| error.to_string())?;
    prepared
        .start(settings, letters)
        .map_err(|unstarted| unstarted.error.to_string())
}

/// Whether the texts of the configuration change (`config.reload.automatic`).
struct Changes {
    interval: Option<Duration>,
    looked: Instant,
    texts: Vec<String>,
}

impl Changes {
    fn watch(settings: &Settings) -> Self {
        Self {
            interval: settings.reload_interval,
            looked: Instant::now(),
            texts: Self::texts(settings).unwrap_or_default(),
        }
    }

    /// Looks again, if it is time to; a file that cannot be read just now is not a change.
    fn found(&mut self, settings: &Settings) -> bool {
        let due = |interval| self.looked.elapsed() >= interval;
        if !self.interval.is_some_and(due) {
            return false;
        }
        self.looked = Instant::now();
        match Self::texts(settings) {
            Some(texts) if texts != self.texts => {
                self.texts = texts;
                true
            }
            _ => false,
        }
    }

    fn texts(settings: &Settings) -> Option<Vec<String>> {
        let configuration = Configuration::load(&settings.config).ok()?;
        Some(configuration.texts())
    }
}
