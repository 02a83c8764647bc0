//! The pipelines of the process: started, watched and stopped, each by itself or with those that it is connected to.

mod connections;
mod definition;
mod reload;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use tracing::{error, info};

use crate::run::{Leaving, Running, end};
use crate::settings::{PipelineSettings, Settings, SettingsError};
use connections::{Connections, connect, groups, sort};
pub use definition::Candidate;
use definition::{Definition, Version};

/// The pipelines, by id.
pub struct Agent {
    settings: Settings,
    pipelines: BTreeMap<String, Pipeline>,
    /// Which of those that run send to which.
    connections: Connections,
    /// What was looked at last of each pipeline that is wanted, whatever became of it.
    seen: BTreeMap<String, Version>,
    /// What was wrong with `pipelines.yml` when it was looked at last.
    refused: Option<String>,
    /// Reloads of all pipelines, those that are gone too.
    reloads: Reloads,
    /// Those that have given up or could not start, by id, until they run or are not wanted any more.
    failed: BTreeSet<String>,
}

/// One pipeline.
pub struct Pipeline {
    definition: Definition,
    /// Nothing runs of a pipeline that has come to its end, or has given up.
    running: Option<Running>,
    reloads: Reloads,
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
        self.running.as_ref()
    }

    /// Changes when its configuration does.
    pub fn hash(&self) -> String {
        self.definition.hash()
    }

    /// How its reloads went.
    pub fn reloads(&self) -> &Reloads {
        &self.reloads
    }
}

/// All pipelines and what connects them, checked.
pub fn candidates(settings: &Settings) -> Result<Vec<Candidate>, SettingsError> {
    let wanted = settings.pipelines()?.into_iter();
    let mut candidates: Vec<Candidate> = wanted.map(Candidate::load).collect();
    connect(&mut candidates);
    Ok(candidates)
}

impl Agent {
    /// Checks all pipelines and what connects them; prints what is wrong, and says whether all are valid.
    pub fn check(settings: &Settings) -> Result<bool, AgentError> {
        let mut all_valid = true;
        for candidate in candidates(settings)? {
            candidate.print_diagnostics();
            if let Some(why) = candidate.hindrance() {
                eprintln!("error: pipeline `{}`: {why}", candidate.settings.id);
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
            connections: Connections::new(),
            seen: BTreeMap::new(),
            refused: None,
            reloads: Reloads::default(),
            failed: BTreeSet::new(),
        };
        agent.bring(wanted, false, |_| {});
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

    /// The pipelines that have given up or could not start, by id.
    pub fn failed(&self) -> &BTreeSet<String> {
        &self.failed
    }

    /// Whether anything may still happen.
    pub fn is_at_work(&self) -> bool {
        self.pipelines
            .values()
            .any(|pipeline| pipeline.running().is_some())
    }

    /// Ends pipelines that have come to their end or cannot go on, with those that they are connected to.
    pub fn look(&mut self) {
        let at_work: BTreeSet<String> = self.at_work().map(|(id, _)| id.clone()).collect();
        let groups = groups(&at_work, &[&self.connections]);
        let is_last = groups.len() == 1;
        for group in groups {
            let mut patience = self.settings.shutdown_timeout;
            if let Some(why) = self.failure_of(&group) {
                error!(pipeline = group[0], "{why}");
                self.failed.extend(group.iter().cloned());
                if self.nothing_can_be_written(&group) {
                    patience = Duration::ZERO;
                }
            } else if self.is_done(&group) {
                // What filters still hold back is made now; only where nobody else waits may that take long.
                if is_last {
                    patience = Duration::from_secs(u64::from(u32::MAX));
                }
            } else {
                continue;
            }
            self.end(group, patience);
        }
    }

    /// Ends all pipelines.
    pub fn stop(mut self) {
        for (_, running) in self.at_work() {
            running.stop_consuming();
        }
        let all = self.at_work().map(|(id, _)| id.clone()).collect();
        self.end(all, self.settings.shutdown_timeout);
    }

    fn at_work(&self) -> impl Iterator<Item = (&String, &Running)> {
        let pipelines = self.pipelines.iter();
        pipelines.filter_map(|(id, pipeline)| Some((id, pipeline.running()?)))
    }

    fn running_of<'a>(&'a self, group: &'a [String]) -> impl Iterator<Item = &'a Running> {
        let pipelines = group.iter().filter_map(|id| self.pipelines.get(id));
        pipelines.filter_map(Pipeline::running)
    }

    fn failure_of(&self, group: &[String]) -> Option<String> {
        self.running_of(group).find_map(|running| {
            if let Some(error) = running.failure() {
                return Some(error.to_string());
            }
            let mut outputs = running.topology().outputs.iter();
            if let Some(why) = outputs.find_map(|output| output.failure()) {
                return Some(why.to_owned());
            }
            let lost = "a worker has died, which is a defect; what it held is not committed";
            running.has_lost_worker().then(|| lost.to_owned())
        })
    }

    /// Whether there are outputs, and none of them will ever write again: then there is nothing to wait for.
    fn nothing_can_be_written(&self, group: &[String]) -> bool {
        let mut outputs = self
            .running_of(group)
            .flat_map(|running| &running.topology().outputs)
            .peekable();
        outputs.peek().is_some() && outputs.all(|output| output.failure().is_some())
    }

    /// Whether nothing more comes, and all that came is settled.
    fn is_done(&self, group: &[String]) -> bool {
        let mut sources = self
            .running_of(group)
            .filter(|running| !running.topology().only_listens())
            .peekable();
        sources.peek().is_some()
            && sources.all(|running| running.has_ended() && running.unsettled_records() == 0)
    }

    /// Ends what runs of these pipelines.
    fn end(&mut self, mut ids: Vec<String>, patience: Duration) {
        sort(&mut ids, &self.connections);
        let mut leaving = Vec::new();
        for id in &ids {
            let pipeline = self.pipelines.get_mut(id);
            leaving.extend(pipeline.and_then(|pipeline| pipeline.running.take()));
        }
        let (ended, left) = end(
            leaving.into_iter().map(Leaving::for_good).collect(),
            patience,
        );
        ended.warn_of_rest();
        for left in left {
            left.letters.close();
        }
        for id in ids {
            info!(pipeline = id, "pipeline ended");
        }
    }
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
