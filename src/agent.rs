//! The pipelines of the process: started, watched, reloaded and stopped each by itself.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant, SystemTime};

use kelp_parser::config::SourceMap;
use tracing::{error, info, warn};

use crate::configuration::{Configuration, LoadError, copy, read_for_run};
use crate::run::{Compiled, Letters, Prepared, Running};
use crate::settings::{PipelineSettings, Settings, SettingsError};

/// The pipelines, by id.
pub struct Agent {
    settings: Settings,
    pipelines: BTreeMap<String, Pipeline>,
    /// What was looked at last of each pipeline that is wanted, whatever became of it.
    seen: BTreeMap<String, Version>,
    /// What was wrong with `pipelines.yml` when it was looked at last.
    refused: Option<String>,
    /// Reloads of all pipelines, those that are gone too.
    reloads: Reloads,
    has_failed: bool,
}

/// One pipeline.
pub struct Pipeline {
    definition: Definition,
    state: State,
    reloads: Reloads,
}

/// Settings and texts of a pipeline.
struct Definition {
    settings: PipelineSettings,
    sources: SourceMap,
}

enum State {
    Running(Box<Running>),
    /// It has come to its end, or has given up: nothing of it runs.
    Ended,
}

/// How reloads went.
#[derive(Clone, Debug, Default)]
pub struct Reloads {
    /// Pipelines replaced.
    pub successes: u64,
    /// Pipelines that went on as they were.
    pub failures: u64,
    /// When the last one succeeded.
    pub last_success: Option<SystemTime>,
    /// When the last one failed, and why.
    pub last_failure: Option<(SystemTime, String)>,
}

/// Why nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No pipeline could start; each has said why.
    #[error("no pipeline could start")]
    NoPipeline,
}

/// Why one pipeline cannot start; diagnostics have been printed.
#[derive(Debug, thiserror::Error)]
enum PipelineError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("the configuration is broken")]
    Broken,
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    #[error("`pipeline.reloadable` is false")]
    NotReloadable,
}

impl Reloads {
    fn succeeded(&mut self) {
        self.successes += 1;
        self.last_success = Some(SystemTime::now());
    }

    fn failed(&mut self, why: &str) {
        self.failures += 1;
        self.last_failure = Some((SystemTime::now(), why.to_owned()));
    }
}

impl Pipeline {
    /// What it goes by.
    pub fn settings(&self) -> &PipelineSettings {
        &self.definition.settings
    }

    /// What runs of it.
    pub fn running(&self) -> Option<&Running> {
        match &self.state {
            State::Running(running) => Some(running),
            State::Ended => None,
        }
    }

    /// Changes when its configuration does.
    pub fn hash(&self) -> String {
        let mut hasher = DefaultHasher::new();
        texts(&self.definition.sources).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// How its reloads went.
    pub fn reloads(&self) -> &Reloads {
        &self.reloads
    }
}

/// Starting and watching.
impl Agent {
    /// Checks all pipelines; prints what is wrong with them, and whether all are valid.
    pub fn check(settings: &Settings) -> Result<bool, AgentError> {
        let mut all_valid = true;
        for pipeline in settings.pipelines()? {
            if let Err(error) = compile(&pipeline) {
                eprintln!("error: pipeline `{}`: {error}", pipeline.id);
                all_valid = false;
            }
        }
        Ok(all_valid)
    }

    /// Starts the pipelines. One that cannot start keeps no other from running, as in Logstash.
    pub fn start(settings: Settings) -> Result<Self, AgentError> {
        let wanted = settings.pipelines()?;
        let mut agent = Self {
            settings,
            pipelines: BTreeMap::new(),
            seen: BTreeMap::new(),
            refused: None,
            reloads: Reloads::default(),
            has_failed: false,
        };
        for pipeline in wanted {
            agent
                .seen
                .insert(pipeline.id.clone(), Version::of(&pipeline));
            agent.start_pipeline(pipeline);
        }
        match agent.pipelines.is_empty() {
            true => Err(AgentError::NoPipeline),
            false => Ok(agent),
        }
    }

    /// The pipelines, by id.
    pub fn pipelines(&self) -> impl Iterator<Item = &Pipeline> {
        self.pipelines.values()
    }

    /// What the process goes by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How reloads went, of all pipelines together.
    pub fn reloads(&self) -> &Reloads {
        &self.reloads
    }

    /// Whether a pipeline has given up.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Whether anything may still happen.
    pub fn is_at_work(&self) -> bool {
        self.pipelines
            .values()
            .any(|pipeline| pipeline.running().is_some())
    }

    /// Ends pipelines that have come to their end or cannot go on.
    pub fn look(&mut self) {
        let at_work = self
            .pipelines
            .values()
            .filter(|one| one.running().is_some());
        let is_last = at_work.count() == 1;
        for (id, pipeline) in &mut self.pipelines {
            let State::Running(running) = &pipeline.state else {
                continue;
            };
            let mut patience = self.settings.shutdown_timeout;
            if let Some(error) = running.failure() {
                error!(pipeline = id, "{error}");
                self.has_failed = true;
            } else if running.has_lost_worker() {
                error!(
                    pipeline = id,
                    "a worker has died, which is a defect; what it held is not committed"
                );
                self.has_failed = true;
            } else if running.has_ended() && running.unsettled_records() == 0 {
                // What filters still hold back is made now; only where nobody else waits may that take long.
                if is_last {
                    patience = Duration::from_secs(u64::from(u32::MAX));
                }
            } else {
                continue;
            }
            if let State::Running(running) = std::mem::replace(&mut pipeline.state, State::Ended) {
                running.stop(patience).warn_of_rest();
                info!(pipeline = id, "pipeline ended");
            }
        }
    }

    /// Ends all pipelines.
    pub fn stop(mut self) {
        let deadline = Instant::now() + self.settings.shutdown_timeout;
        for pipeline in self.pipelines.values() {
            if let Some(running) = pipeline.running() {
                running.stop_consuming();
            }
        }
        for pipeline in std::mem::take(&mut self.pipelines).into_values() {
            if let State::Running(running) = pipeline.state {
                let patience = deadline.saturating_duration_since(Instant::now());
                running.stop(patience).warn_of_rest();
            }
        }
    }

    fn start_pipeline(&mut self, settings: PipelineSettings) {
        let id = settings.id.clone();
        for notice in &settings.notices {
            warn!(pipeline = id, "{notice}");
        }
        let started = compile(&settings).and_then(|(compiled, sources)| {
            let running = Running::start(compiled, &settings)?;
            Ok((running, sources))
        });
        match started {
            Ok((running, sources)) => {
                info!(
                    pipeline = id,
                    workers = settings.workers,
                    "pipeline started"
                );
                let pipeline = Pipeline {
                    definition: Definition { settings, sources },
                    state: State::Running(Box::new(running)),
                    reloads: Reloads::default(),
                };
                self.pipelines.insert(id, pipeline);
            }
            Err(why) => {
                error!(pipeline = id, "not started: {why}");
                self.has_failed = true;
            }
        }
    }
}

/// Reloading.
impl Agent {
    /// Brings the pipelines to what their files say now: changed ones are replaced, new ones started, and those that are
    /// gone stopped. With `all`, unchanged ones are replaced too (certificates and pattern files may have changed).
    /// What is broken or cannot start changes nothing.
    pub fn reload(&mut self, all: bool) {
        let wanted = match self.settings.pipelines() {
            Ok(wanted) => wanted,
            Err(error) => {
                let why = error.to_string();
                if all || self.refused.as_ref() != Some(&why) {
                    error!("not reloaded, the pipelines go on as they were: {why}");
                    self.reloads.failed(&why);
                    self.refused = Some(why);
                }
                return;
            }
        };
        self.refused = None;
        let is_wanted = |id: &String| wanted.iter().any(|pipeline| pipeline.id == *id);
        self.seen.retain(|id, _| is_wanted(id));
        let mut gone = Vec::new();
        gone.extend(self.pipelines.keys().filter(|id| !is_wanted(id)).cloned());
        for id in gone {
            self.remove(&id);
        }
        for settings in wanted {
            let id = settings.id.clone();
            let version = Version::of(&settings);
            let seen = self.seen.insert(id.clone(), version.clone());
            // What is broken is told once, not at each look.
            if !all && seen.as_ref() == Some(&version) {
                continue;
            }
            match self.pipelines.remove(&id) {
                None => self.start_pipeline(settings),
                Some(pipeline) if !all && pipeline.definition.version() == version => {
                    self.pipelines.insert(id, pipeline);
                }
                Some(pipeline) => {
                    let pipeline = self.replace(pipeline, settings);
                    self.pipelines.insert(id, pipeline);
                }
            }
        }
    }

    fn remove(&mut self, id: &str) {
        let Some(pipeline) = self.pipelines.remove(id) else {
            return;
        };
        if let State::Running(running) = pipeline.state {
            info!(
                pipeline = id,
                "no longer wanted: delivering what is in flight"
            );
            running.stop(self.settings.shutdown_timeout).warn_of_rest();
        }
        info!(pipeline = id, "pipeline removed");
    }

    /// Replaces a pipeline by what its files say now, or leaves it as it is.
    fn replace(&mut self, mut pipeline: Pipeline, settings: PipelineSettings) -> Pipeline {
        let id = settings.id.clone();
        let compiled = match settings.reloadable && pipeline.settings().reloadable {
            true => compile(&settings),
            false => Err(PipelineError::NotReloadable),
        };
        let State::Running(running) = pipeline.state else {
            // It has ended: what is new about it may start again.
            self.start_pipeline(settings);
            return self.pipelines.remove(&id).unwrap_or(pipeline);
        };
        let prepared = compiled.and_then(|(compiled, sources)| {
            let prepared = running.prepare(compiled, &settings)?;
            Ok((prepared, sources))
        });
        let (prepared, sources) = match prepared {
            Ok(prepared) => prepared,
            Err(why) => {
                error!(
                    pipeline = id,
                    "not reloaded, the pipeline goes on as it was: {why}"
                );
                self.failed(&mut pipeline.reloads, &why.to_string());
                pipeline.state = State::Running(running);
                return pipeline;
            }
        };
        info!(pipeline = id, "reloading: delivering what is in flight");
        let patience = self.settings.shutdown_timeout;
        match running.replace(prepared, &settings, patience) {
            Ok(running) => {
                pipeline.reloads.succeeded();
                self.reloads.succeeded();
                info!(pipeline = id, "reloaded");
                pipeline.definition = Definition { settings, sources };
                pipeline.state = State::Running(Box::new(running));
            }
            Err(unstarted) => {
                let why = &unstarted.error;
                error!(
                    pipeline = id,
                    "{why}; going back to the configuration from before"
                );
                self.failed(&mut pipeline.reloads, &why.to_string());
                pipeline.state = match pipeline.definition.start(unstarted.letters) {
                    Ok(running) => State::Running(Box::new(running)),
                    Err(why) => {
                        error!(
                            pipeline = id,
                            "the configuration from before does not start either: {why}"
                        );
                        self.has_failed = true;
                        State::Ended
                    }
                };
            }
        }
        pipeline
    }

    fn failed(&mut self, reloads: &mut Reloads, why: &str) {
        reloads.failed(why);
        self.reloads.failed(why);
    }
}

impl Definition {
    fn version(&self) -> Version {
        Version {
            settings: self.settings.values().clone(),
            texts: Ok(texts(&self.sources)),
        }
    }

    /// Starts it once more, whatever the files hold by now.
    fn start(&self, letters: Letters) -> Result<Running, PipelineError> {
        let settings = &self.settings;
        let configuration = Configuration::of(copy(&self.sources), &settings.config);
        let (compiled, _) = compile_loaded(configuration, settings)?;
        let prepared = Prepared::new(compiled, settings, letters.handle())?;
        let started = prepared.start(settings, letters);
        Ok(started.map_err(|unstarted| unstarted.error)?)
    }
}

/// Settings and texts as they are at one time, to see whether they have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    settings: BTreeMap<String, String>,
    texts: Result<Vec<String>, String>,
}

impl Version {
    fn of(settings: &PipelineSettings) -> Self {
        let sources = read_for_run(&settings.config);
        Self {
            settings: settings.values().clone(),
            texts: sources
                .map(|sources| texts(&sources))
                .map_err(|error| error.to_string()),
        }
    }
}

fn texts(sources: &SourceMap) -> Vec<String> {
    let texts = sources.files().map(|file| sources.text(file));
    texts.map(str::to_owned).collect()
}

/// Loads and compiles a configuration, and prints what is wrong with it.
fn compile(settings: &PipelineSettings) -> Result<(Compiled, SourceMap), PipelineError> {
    let sources = read_for_run(&settings.config)?;
    compile_loaded(Configuration::of(sources, &settings.config), settings)
}

fn compile_loaded(
    mut configuration: Configuration,
    settings: &PipelineSettings,
) -> Result<(Compiled, SourceMap), PipelineError> {
    let compiled = Compiled::compile(&mut configuration, settings);
    configuration.print_diagnostics();
    let compiled = compiled.ok_or(PipelineError::Broken)?;
    Ok((compiled, configuration.sources))
}

/// When to look for changes (`config.reload.automatic`).
pub struct Watch {
    interval: Option<Duration>,
    looked: Instant,
}

impl Watch {
    /// Every `interval`, if at all.
    pub fn every(interval: Option<Duration>) -> Self {
        Self {
            interval,
            looked: Instant::now(),
        }
    }

    /// Whether it is time; if so, the next time is an interval away.
    pub fn is_due(&mut self) -> bool {
        let due = self
            .interval
            .is_some_and(|interval| self.looked.elapsed() >= interval);
        if due {
            self.looked = Instant::now();
        }
        due
    }
}
