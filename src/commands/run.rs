//! `kelp -f FILE`: runs pipelines until it is told to stop.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::agent::{Agent, Watch};
use crate::cli::RunArgs;
use crate::logging;
use crate::monitor::{MetricsStream, Monitor, NodeSnapshot};
use crate::settings::Settings;
use crate::signals::{Signal, Signals};
use crate::stdout::print_line;

/// How often the parts of the pipelines are looked at.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// How often the API gets a new snapshot.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Runs the command.
pub fn run(args: RunArgs) -> ExitCode {
    let settings = match Settings::load(args) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    logging::start(settings.log_level, settings.log_format);
    for notice in &settings.notices {
        warn!("{notice}");
    }
    if settings.test_and_exit {
        return check(&settings);
    }
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            error!("cannot watch signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    match Agent::start(settings) {
        Ok(agent) => run_until_told(agent, &signals),
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn check(settings: &Settings) -> ExitCode {
    match Agent::check(settings) {
        Ok(true) => {
            print_line!("Configuration OK");
            ExitCode::SUCCESS
        }
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_until_told(mut agent: Agent, signals: &Signals) -> ExitCode {
    let settings = agent.settings();
    let mut watch = Watch::every(settings.reload_interval);
    let mut monitor = Monitor::start(settings.api.as_ref(), NodeSnapshot::of(&agent));
    let mut metrics = MetricsStream::start(settings.metrics.as_ref());
    let mut published = Instant::now();
    loop {
        let before_reload = |agent: &Agent| metrics.observe(agent);
        match signals.wait(WATCH_EVERY) {
            Some(Signal::Stop) => {
                info!("stopping: delivering what is in flight");
                break;
            }
            Some(Signal::Reload) => agent.reload(true, before_reload),
            None if watch.is_due() => agent.reload(false, before_reload),
            None => {}
        }
        if published.elapsed() >= PUBLISH_EVERY {
            monitor.publish(NodeSnapshot::of(&agent));
            published = Instant::now();
        }
        if metrics.is_due() {
            metrics.observe(&agent);
        }
        agent.look();
        if !agent.is_at_work() {
            break;
        }
    }
    metrics.observe(&agent);
    let code = ExitCode::from(u8::from(!agent.failed().is_empty()));
    agent.stop();
    info!("stopped");
    code
}
