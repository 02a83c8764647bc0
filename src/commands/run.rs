//! `kelp -f FILE`: runs a pipeline until it is told to stop.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::cli::RunArgs;
use crate::configuration::Configuration;
use crate::logging;
use crate::monitor::{Monitor, Snapshot};
use crate::run::{Compiled, Running};
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
    let Some(compiled) = compile(&settings) else {
        return ExitCode::FAILURE;
    };
    if test {
        println!("Configuration OK");
        return ExitCode::SUCCESS;
    }
    if compiled.inputs.is_empty() {
        eprintln!("error: the configuration has no input: add `input {{ kafka {{ ... }} }}`");
        return ExitCode::FAILURE;
    }
    match run_until_told(compiled, &settings) {
        Ok(code) => code,
        Err(message) => {
            error!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Loads and compiles the configuration, and prints what is wrong with it.
fn compile(settings: &Settings) -> Option<Compiled> {
    let mut configuration = match Configuration::load(&settings.config) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("error: {error}");
            return None;
        }
    };
    let compiled = Compiled::compile(&mut configuration, settings);
    configuration.print_diagnostics();
    compiled
}

fn run_until_told(compiled: Compiled, settings: &Settings) -> Result<ExitCode, String> {
    let signals = Signals::install().map_err(|error| format!("cannot watch signals: {error}"))?;
    let mut running = Running::start(compiled, settings).map_err(|error| error.to_string())?;
    info!(
        pipeline = settings.pipeline_id,
        workers = settings.workers,
        "pipeline started"
    );
    let mut changes = Changes::watch(settings);
    let monitor = Monitor::start(settings.api.as_ref(), Snapshot::of(&running, settings));
    let mut published = Instant::now();
    let mut code = ExitCode::SUCCESS;
    loop {
        match signals.wait(WATCH_EVERY) {
            Some(Signal::Stop) => {
                info!("stopping: delivering what is in flight");
                break;
            }
            Some(Signal::Reload) => running = reload(running, settings)?,
            None if changes.found(settings) => running = reload(running, settings)?,
            None => {}
        }
        if published.elapsed() >= PUBLISH_EVERY {
            monitor.publish(Snapshot::of(&running, settings));
            published = Instant::now();
        }
        if running.has_ended() {
            break;
        }
        if let Some(error) = running.failure() {
            error!("{error}");
            code = ExitCode::FAILURE;
            break;
        }
        if running.has_lost_worker() {
            error!("a worker has died, which is a defect; what it held is not committed");
            code = ExitCode::FAILURE;
            break;
        }
    }
    let patience = if running.has_ended() {
        // Everything is consumed; whoever pipes a file in wants all of it delivered.
        Duration::from_secs(u64::from(u32::MAX))
    } else {
        settings.shutdown_timeout
    };
    let ended = running.stop(patience);
    if ended.unsettled_records > 0 {
        warn!(
            records = ended.unsettled_records,
            "stopped before everything was delivered; what was not will be consumed again"
        );
    }
    if !ended.committed {
        warn!("the last offsets could not be committed; some records will be consumed again");
    }
    info!("stopped");
    Ok(code)
}

/// Replaces the pipeline by that of the configuration as it is now; a broken one changes nothing.
fn reload(running: Running, settings: &Settings) -> Result<Running, String> {
    let Some(compiled) = compile(settings) else {
        error!("the configuration is broken; the pipeline goes on as it was");
        return Ok(running);
    };
    info!("reloading the configuration");
    running.stop(settings.shutdown_timeout);
    let running = Running::start(compiled, settings).map_err(|error| error.to_string())?;
    info!("reloaded");
    Ok(running)
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
