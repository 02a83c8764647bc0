//! Bringing the pipelines to what their files say: started, replaced or stopped. Connected pipelines change together, or,
//! where one of them is broken, not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use tracing::{error, info, warn};

use super::connections::{Connections, connect, groups, sort};
use super::definition::{Candidate, Definition, Version};
use super::{Agent, Pipeline, Reloads};
use crate::run::{Leaving, Left, Letters, Prepared, RunError, Running, end};
use crate::settings::PipelineSettings;

/// A pipeline that is ready to begin.
struct Ready {
    definition: Definition,
    prepared: Prepared,
}

impl Agent {
    /// Brings the pipelines to what their files say now: changed ones are replaced, new ones started, and those that are
    /// gone stopped. With `all`, unchanged ones are replaced too (certificates and pattern files may have changed).
    /// What is broken or cannot start changes nothing. `before` is called where something may be about to change, which ends
    /// what the old pipelines have counted.
    pub fn reload(&mut self, all: bool, before: impl FnOnce(&Self)) {
        match self.settings.pipelines() {
            Ok(wanted) => {
                self.refused = None;
                self.bring(wanted, all, before);
            }
            Err(error) => {
                let why = error.to_string();
                if all || self.refused.as_ref() != Some(&why) {
                    error!("not reloaded, the pipelines go on as they were: {why}");
                    self.reloads.failed(&why);
                    self.refused = Some(why);
                }
            }
        }
    }

    pub(super) fn bring(
        &mut self,
        wanted: Vec<PipelineSettings>,
        all: bool,
        before: impl FnOnce(&Self),
    ) {
        let mut changed = BTreeSet::new();
        let mut seen = BTreeMap::new();
        for settings in &wanted {
            let (id, version) = (settings.id.clone(), Version::of(settings));
            let runs = self.pipelines.get(&id).map(|one| one.definition.version());
            // What is broken is told once, not at each look.
            let is_news = self.seen.get(&id) != Some(&version) && runs.as_ref() != Some(&version);
            if all || is_news {
                changed.insert(id.clone());
            }
            seen.insert(id, version);
        }
        let is_gone = |id: &&String| !seen.contains_key(*id);
        changed.extend(self.pipelines.keys().filter(is_gone).cloned());
        self.seen = seen;
        self.failed.retain(|id| self.seen.contains_key(id));
        if changed.is_empty() {
            return;
        }
        before(self);
        let mut candidates: Vec<Candidate> = wanted.into_iter().map(Candidate::load).collect();
        let connections = connect(&mut candidates);
        let mut candidates: BTreeMap<String, Candidate> = candidates
            .into_iter()
            .map(|candidate| (candidate.settings.id.clone(), candidate))
            .collect();
        let ids = candidates
            .keys()
            .chain(self.pipelines.keys())
            .cloned()
            .collect();
        for group in groups(&ids, &[&connections, &self.connections]) {
            if group.iter().any(|id| changed.contains(id)) {
                let news = group
                    .iter()
                    .filter_map(|id| candidates.remove(id))
                    .collect();
                self.bring_group(&group, news, &connections);
            }
        }
    }

    /// Replaces connected pipelines by `news`, or leaves all of them as they are.
    fn bring_group(&mut self, group: &[String], news: Vec<Candidate>, connections: &Connections) {
        for candidate in &news {
            candidate.print_diagnostics();
            for notice in &candidate.settings.notices {
                warn!(pipeline = candidate.settings.id, "{notice}");
            }
        }
        let hindered = |candidate: &Candidate| {
            let why = candidate.hindrance()?;
            Some((candidate.settings.id.clone(), why))
        };
        let broken: Vec<(String, String)> = news.iter().filter_map(hindered).collect();
        let fixed = group.iter().find(|id| {
            let old = self.pipelines.get(*id);
            let is_fixed =
                |pipeline: &Pipeline| pipeline.running.is_some() && !pipeline.settings().reloadable;
            old.is_some_and(is_fixed)
        });
        if !broken.is_empty() {
            self.refuse(group, &broken);
        } else if let Some(id) = fixed {
            let why = "`pipeline.reloadable` is false".to_owned();
            self.refuse(group, &[(id.clone(), why)]);
        } else {
            self.replace(group, news, connections);
        }
    }

    /// Tells why nothing changes.
    fn refuse(&mut self, group: &[String], why: &[(String, String)]) {
        for (id, why) in why {
            match self
                .pipelines
                .get(id)
                .is_some_and(|one| one.running.is_some())
            {
                true => error!(
                    pipeline = id,
                    "not reloaded, the pipeline goes on as it was: {why}"
                ),
                false => error!(pipeline = id, "not started: {why}"),
            }
        }
        let because = why.first().map_or("", |(id, _)| id.as_str());
        for id in group {
            let own = why.iter().find(|(broken, _)| broken == id);
            if own.is_none() {
                error!(
                    pipeline = id,
                    "it stays as it was: it is connected with `{because}`"
                );
            }
            let text = own.map_or(because, |(_, why)| why.as_str()).to_owned();
            match self.pipelines.get_mut(id) {
                Some(pipeline) => {
                    pipeline.reloads.failed(&text);
                    self.reloads.failed(&text);
                }
                None => {
                    self.failed.insert(id.clone());
                }
            }
        }
    }

    fn replace(&mut self, group: &[String], news: Vec<Candidate>, connections: &Connections) {
        let mut new_letters = BTreeMap::new();
        let ready = match self.prepare(news, connections, &mut new_letters) {
            Ok(ready) => ready,
            Err((id, error)) => {
                close(new_letters);
                self.refuse(group, &[(id, error.to_string())]);
                return;
            }
        };
        let mut old: Vec<String> = group.to_vec();
        old.retain(|id| self.pipelines.contains_key(id));
        let before: BTreeMap<String, Reloads> = old
            .iter()
            .filter_map(|id| Some((id.clone(), self.pipelines.get(id)?.reloads.clone())))
            .collect();
        let (definitions, mut left) = self.make_room(old, &ready);
        for (id, letters) in new_letters {
            left.insert(
                id,
                Left {
                    inlet: None,
                    letters,
                },
            );
        }
        self.connections.retain(|id, _| !group.contains(id));
        match self.begin(ready, &mut left, &before) {
            Ok(()) => {
                let ours = connections.iter().filter(|(id, _)| group.contains(*id));
                self.connections
                    .extend(ours.map(|(id, to)| (id.clone(), to.clone())));
                for (id, left) in left {
                    left.letters.close();
                    info!(pipeline = id, "pipeline removed");
                }
            }
            Err((id, error)) if definitions.is_empty() => {
                left.into_values().for_each(|left| left.letters.close());
                self.refuse(group, &[(id, error.to_string())]);
            }
            Err((id, error)) => {
                error!(
                    pipeline = id,
                    "{error}; going back to the configuration from before"
                );
                self.reloads.failed(&error.to_string());
                self.go_back(group, definitions, left, before);
            }
        }
    }

    /// Readies candidates, those that receive before those that send. Dead letters of new pipelines are opened.
    fn prepare(
        &self,
        candidates: Vec<Candidate>,
        connections: &Connections,
        new_letters: &mut BTreeMap<String, Letters>,
    ) -> Result<Vec<Ready>, (String, RunError)> {
        let mut candidates: BTreeMap<String, Candidate> = candidates
            .into_iter()
            .map(|candidate| (candidate.settings.id.clone(), candidate))
            .collect();
        let mut order: Vec<String> = candidates.keys().cloned().collect();
        sort(&mut order, connections);
        let mut ready: Vec<Ready> = Vec::new();
        for id in order.into_iter().rev() {
            let Some(candidate) = candidates.remove(&id) else {
                continue;
            };
            match self.prepare_one(candidate, &ready, new_letters) {
                Ok(one) => ready.extend(one),
                Err(error) => {
                    ready.into_iter().for_each(|ready| ready.prepared.cancel());
                    return Err((id, error));
                }
            }
        }
        Ok(ready)
    }

    fn prepare_one(
        &self,
        candidate: Candidate,
        ready: &[Ready],
        new_letters: &mut BTreeMap<String, Letters>,
    ) -> Result<Option<Ready>, RunError> {
        let Candidate {
            settings,
            configuration: Ok(configuration),
            compiled: Some(compiled),
        } = candidate
        else {
            return Ok(None);
        };
        let old = self.pipelines.get(&settings.id);
        let running = old.and_then(Pipeline::running);
        // They go on with what was opened for them.
        if let (Some(old), Some(_)) = (old, running)
            && old.settings().dead_letters != settings.dead_letters
        {
            return Err(RunError::DeadLetterSettings);
        }
        let dead_letters = match (running, new_letters.get(&settings.id)) {
            (Some(running), _) => running.dead_letters().clone(),
            (None, Some(letters)) => letters.handle().clone(),
            (None, None) => {
                let letters = Letters::open(&settings)?;
                let handle = letters.handle().clone();
                new_letters.insert(settings.id.clone(), letters);
                handle
            }
        };
        let find = |address: &str| {
            let mut topologies = ready.iter().map(|ready| ready.prepared.topology());
            topologies.find_map(|topology| topology.receiver(address))
        };
        let prepared = Prepared::new(compiled, &settings, &dead_letters, &find)?;
        if let Some(running) = running
            && let Err(error) = running.check_successor(&prepared, &settings)
        {
            prepared.cancel();
            return Err(error);
        }
        Ok(Some(Ready {
            definition: Definition {
                settings,
                sources: configuration.sources,
            },
            prepared,
        }))
    }

    /// Ends the old pipelines for the new ones. Gives their definitions, those that send first, and what is left of them.
    fn make_room(
        &mut self,
        mut old: Vec<String>,
        ready: &[Ready],
    ) -> (Vec<Definition>, BTreeMap<String, Left>) {
        sort(&mut old, &self.connections);
        let (mut definitions, mut ids, mut leaving) = (Vec::new(), Vec::new(), Vec::new());
        for id in old {
            let Some(pipeline) = self.pipelines.remove(&id) else {
                continue;
            };
            let next = ready
                .iter()
                .find(|ready| ready.definition.settings.id == id);
            if let Some(running) = pipeline.running {
                leaving.push(match next {
                    Some(next) => {
                        info!(pipeline = id, "reloading: delivering what is in flight");
                        Leaving::before(running, &next.prepared, &next.definition.settings)
                    }
                    None => {
                        info!(
                            pipeline = id,
                            "no longer wanted: delivering what is in flight"
                        );
                        Leaving::for_good(running)
                    }
                });
                ids.push(id);
                definitions.push(pipeline.definition);
            }
        }
        let (ended, left) = end(leaving, self.settings.shutdown_timeout);
        ended.warn_of_rest();
        (definitions, ids.into_iter().zip(left).collect())
    }

    /// Begins what is ready, those that receive first. On an error the others are ended again.
    fn begin(
        &mut self,
        ready: Vec<Ready>,
        left: &mut BTreeMap<String, Left>,
        before: &BTreeMap<String, Reloads>,
    ) -> Result<(), (String, RunError)> {
        let mut begun = Vec::new();
        let mut failure = None;
        for Ready {
            definition,
            prepared,
        } in ready
        {
            let id = definition.settings.id.clone();
            if failure.is_some() {
                prepared.cancel();
                continue;
            }
            let Some(Left { inlet, letters }) = left.remove(&id) else {
                prepared.cancel();
                continue;
            };
            match prepared.begin(inlet, &definition.settings, letters) {
                Ok(running) => {
                    self.put(definition, running, before.get(&id));
                    begun.push(id);
                }
                Err(unstarted) => {
                    let letters = unstarted.letters;
                    left.insert(
                        id.clone(),
                        Left {
                            inlet: None,
                            letters,
                        },
                    );
                    failure = Some((id, unstarted.error));
                }
            }
        }
        let Some(failure) = failure else {
            return Ok(());
        };
        begun.reverse();
        let runnings = begun
            .iter()
            .filter_map(|id| self.pipelines.remove(id)?.running);
        let leaving = runnings.map(Leaving::for_good).collect();
        let (_, ended) = end(leaving, self.settings.shutdown_timeout);
        left.extend(begun.into_iter().zip(ended));
        Err(failure)
    }

    fn put(&mut self, definition: Definition, running: Running, before: Option<&Reloads>) {
        let settings = &definition.settings;
        self.failed.remove(&settings.id);
        let mut reloads = before.cloned().unwrap_or_default();
        match before {
            Some(_) => {
                reloads.succeeded();
                self.reloads.succeeded();
                info!(pipeline = settings.id, "reloaded");
            }
            None => {
                let workers = running.workers();
                info!(pipeline = settings.id, workers, "pipeline started");
            }
        }
        let pipeline = Pipeline {
            running: Some(running),
            reloads,
            definition,
        };
        self.pipelines
            .insert(pipeline.settings().id.clone(), pipeline);
    }

    /// Starts the old pipelines once more, after their successors could not.
    fn go_back(
        &mut self,
        group: &[String],
        definitions: Vec<Definition>,
        left: BTreeMap<String, Left>,
        before: BTreeMap<String, Reloads>,
    ) {
        let mut candidates: Vec<Candidate> =
            definitions.iter().map(Definition::candidate).collect();
        let connections = connect(&mut candidates);
        let mut letters = BTreeMap::new();
        for (id, left) in left {
            if let Some(inlet) = left.inlet {
                inlet.drain(Instant::now()).warn_of_rest();
            }
            letters.insert(id, left.letters);
        }
        let ready = self.prepare(candidates, &connections, &mut letters);
        let mut left: BTreeMap<String, Left> = letters
            .into_iter()
            .map(|(id, letters)| {
                (
                    id,
                    Left {
                        inlet: None,
                        letters,
                    },
                )
            })
            .collect();
        let begun = ready.and_then(|ready| self.begin(ready, &mut left, &BTreeMap::new()));
        for left in left.into_values() {
            left.letters.close();
        }
        if let Err((id, error)) = begun {
            error!(
                pipeline = id,
                "the configuration from before does not start either: {error}"
            );
            self.failed.extend(group.iter().cloned());
            return;
        }
        self.connections.extend(connections);
        for (id, reloads) in before {
            if let Some(pipeline) = self.pipelines.get_mut(&id) {
                pipeline.reloads = reloads;
                pipeline.reloads.failed("it could not start");
            }
        }
        info!(pipelines = group.join(", "), "running as before");
    }
}

fn close(letters: BTreeMap<String, Letters>) {
    letters.into_values().for_each(Letters::close);
}
