//! What the process looks like at one moment.

use std::sync::Arc;
use std::time::Instant;

use kelp_ingest::{SourceState, SourceStats};
use kelp_parser::filter::CountName;
use kelp_parser::grok::{Misses, Stops};
use kelp_parser::pipeline::FilterCounters;
use kelp_sink::OutputStats;
use kelp_sink::dead_letter::StoragePolicy;
use serde_json::{Value, json};

use crate::agent::{Agent, Reloads};
use crate::run::{Running, Totals};
use crate::settings::PipelineSettings;

/// Everything that the API shows.
#[derive(Clone, Debug)]
pub struct NodeSnapshot {
    /// What the process is called.
    pub name: String,
    /// The workers, batch size and batch delay (in milliseconds) of pipelines that do not set their own.
    pub defaults: (usize, usize, u64),
    /// The pipelines that run.
    pub pipelines: Vec<Snapshot>,
    /// The pipelines that have come to their end.
    pub ended: Vec<String>,
    /// The pipelines that have given up or could not start.
    pub failed: Vec<String>,
    /// How reloads went, of all pipelines together.
    pub reloads: Reloads,
    /// Rates of all pipelines together, as JSON.
    pub flow: Value,
}

impl NodeSnapshot {
    /// Looks at the pipelines.
    pub fn of(agent: &Agent) -> Self {
        let settings = agent.settings();
        let common = &settings.pipeline;
        let mut node = Self {
            name: settings.node_name.clone(),
            defaults: (
                common.workers,
                common.batch_size,
                common.batch_delay.as_millis() as u64,
            ),
            pipelines: Vec::new(),
            ended: Vec::new(),
            failed: agent.failed().iter().cloned().collect(),
            reloads: agent.reloads().clone(),
            flow: json!({}),
        };
        for pipeline in agent.pipelines() {
            match pipeline.running() {
                Some(running) => {
                    let mut snapshot = Snapshot::of(running, pipeline.settings());
                    snapshot.reloads = pipeline.reloads().clone();
                    snapshot.hash = pipeline.hash();
                    node.pipelines.push(snapshot);
                }
                None => {
                    let id = &pipeline.settings().id;
                    if !agent.failed().contains(id) {
                        node.ended.push(id.clone());
                    }
                }
            }
        }
        node
    }
}

/// A pipeline at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The pipeline's name.
    pub pipeline_id: String,
    /// Threads that run filters.
    pub workers: usize,
    /// Records in a batch, at most.
    pub batch_size: usize,
    /// How long a batch waits to fill, in milliseconds.
    pub batch_delay_ms: u64,
    /// When the pipeline started.
    pub started: Instant,
    /// When this was seen.
    pub taken: Instant,
    /// What the workers have counted.
    pub totals: Totals,
    /// Each input.
    pub inputs: Vec<InputSnapshot>,
    /// Each filter.
    pub filters: Vec<FilterSnapshot>,
    /// Each output.
    pub outputs: Vec<OutputSnapshot>,
    /// Documents among the dead letters since the start.
    pub dead_letters: u64,
    /// Documents that did not fit among them and were dropped, as the policy says.
    pub dead_letters_dropped: u64,
    /// Whether the dead letters cannot be written.
    pub dead_letters_failing: bool,
    /// How its reloads went.
    pub reloads: Reloads,
    /// Its rates, as JSON.
    pub flow: Value,
    /// Changes when its configuration does.
    pub hash: String,
    /// The most that records and bulk bodies in flight may take, in bytes.
    pub max_in_flight_bytes: usize,
    /// Where its dead letters are.
    pub dead_letters_at: String,
    /// The most that they may take, in bytes.
    pub max_dead_letter_bytes: u64,
    /// What happens when they do.
    pub storage_policy: &'static str,
}

/// An input at one moment.
#[derive(Clone, Debug)]
pub struct InputSnapshot {
    /// The plugin's name.
    pub name: &'static str,
    /// Its `id`, or one made of its name and place.
    pub id: String,
    /// Its counters.
    pub stats: SourceStats,
    /// Why it has given up, if it has.
    pub failure: Option<String>,
}

/// A filter at one moment.
#[derive(Clone, Debug)]
pub struct FilterSnapshot {
    /// The plugin's name.
    pub name: &'static str,
    /// Its `id`, or one made of its name and place.
    pub id: String,
    /// Its counters.
    pub counters: FilterCounters,
    /// What it counts of its parts.
    pub parts: Vec<PartSnapshot>,
}

/// A part of a filter, such as a pattern of grok, at one moment.
#[derive(Clone, Debug)]
pub struct PartSnapshot {
    /// The part, as the configuration has it.
    pub of: String,
    /// The field that it is for, or nothing.
    pub field: String,
    /// What is counted, and how often.
    pub counts: Vec<(&'static str, u64)>,
    /// Where it stopped in lines that it did not match.
    pub stops: Option<Stops>,
}

impl PartSnapshot {
    /// One of its counts.
    pub fn count(&self, what: &str) -> u64 {
        let mut counts = self.counts.iter();
        counts
            .find(|(name, _)| *name == what)
            .map_or(0, |(_, count)| *count)
    }

    /// The parts of a filter that counts these, and has counted so many.
    fn all(names: Vec<CountName>, counts: &[u64], misses: Option<&Misses>) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for (at, name) in names.into_iter().enumerate() {
            let count = (name.what, counts.get(at).copied().unwrap_or(0));
            match parts.last_mut() {
                Some(part)
                    if part.of == name.of
                        && part.field == name.field
                        && part.counts.iter().all(|(what, _)| *what != name.what) =>
                {
                    part.counts.push(count);
                }
                _ => parts.push(Self {
                    of: name.of,
                    field: name.field,
                    counts: vec![count],
                    stops: None,
                }),
            }
        }
        let stops = misses.map(Misses::stops).unwrap_or_default();
        for (part, stops) in parts.iter_mut().zip(stops) {
            part.stops = Some(stops);
        }
        parts
    }
}

/// An output at one moment.
#[derive(Clone, Debug)]
pub struct OutputSnapshot {
    /// The plugin's name.
    pub name: String,
    /// Its `id`, or one made of its name and place.
    pub id: String,
    /// Its counters.
    pub stats: OutputStats,
}

impl Snapshot {
    /// Looks at a running pipeline.
    pub fn of(running: &Running, settings: &PipelineSettings) -> Self {
        let topology = running.topology();
        let totals = running.totals();
        let inputs = topology.inputs.iter().zip(running.sources());
        let inputs = inputs
            .enumerate()
            .map(|(at, (input, source))| InputSnapshot {
                name: input.name,
                id: id_of(input.common.id.as_deref(), input.name, at),
                stats: source.stats(),
                failure: match source.state() {
                    SourceState::Failed(error) => Some(error.to_string()),
                    SourceState::Running | SourceState::Ended => None,
                },
            });
        let filters = topology.pipeline.filter_names();
        let filters = filters
            .zip(topology.pipeline.count_names())
            .zip(topology.pipeline.misses())
            .enumerate();
        let filters = filters.map(|(at, (((name, id), names), misses))| FilterSnapshot {
            name,
            id: id_of(id, name, at),
            counters: totals.filters.get(at).copied().unwrap_or_default(),
            parts: PartSnapshot::all(
                names,
                totals.counts.get(at).map_or(&[], Vec::as_slice),
                misses.map(Arc::as_ref),
            ),
        });
        let outputs = topology.outputs.iter().zip(&topology.output_names);
        let outputs = outputs
            .enumerate()
            .map(|(at, (output, (name, id)))| OutputSnapshot {
                name: name.clone(),
                id: id_of(id.as_deref(), name, at),
                stats: output.stats(),
            });
        Self {
            pipeline_id: settings.id.clone(),
            workers: running.workers(),
            batch_size: settings.batch_size,
            batch_delay_ms: settings.batch_delay.as_millis() as u64,
            started: running.started(),
            taken: Instant::now(),
            inputs: inputs.collect(),
            filters: filters.collect(),
            outputs: outputs.collect(),
            dead_letters: running.dead_letters().written(),
            dead_letters_dropped: running.dead_letters().dropped(),
            dead_letters_failing: running.dead_letters().is_failing(),
            totals,
            reloads: Reloads::default(),
            flow: json!({}),
            hash: String::new(),
            max_in_flight_bytes: settings.in_flight_bytes,
            dead_letters_at: settings.dead_letters.place_of(&settings.id),
            max_dead_letter_bytes: settings.dead_letters.max_bytes,
            storage_policy: match settings.dead_letters.storage_policy {
                StoragePolicy::Stop => "stop",
                StoragePolicy::DropNewer => "drop_newer",
                StoragePolicy::DropOlder => "drop_older",
            },
        }
    }

    /// A pipeline in which nothing has happened.
    #[cfg(test)]
    pub fn empty(pipeline_id: &str, started: Instant) -> Self {
        Self {
            dead_letters_dropped: 0,
            flow: json!({}),
            pipeline_id: pipeline_id.to_owned(),
            workers: 1,
            batch_size: 1,
            batch_delay_ms: 0,
            started,
            taken: started,
            totals: Totals::default(),
            inputs: Vec::new(),
            filters: Vec::new(),
            outputs: Vec::new(),
            dead_letters: 0,
            dead_letters_failing: false,
            reloads: Reloads::default(),
            hash: String::new(),
            max_in_flight_bytes: 0,
            dead_letters_at: String::new(),
            max_dead_letter_bytes: 0,
            storage_policy: "stop",
        }
    }

    /// Documents acknowledged.
    pub fn acknowledged(&self) -> u64 {
        let outputs = self.outputs.iter();
        outputs
            .map(|output| output.stats.acknowledged + output.stats.duplicates)
            .sum()
    }

    /// Records consumed and not settled.
    pub fn unsettled(&self) -> u64 {
        let inputs = self.inputs.iter();
        inputs.map(|input| input.stats.unsettled_records).sum()
    }

    /// Bytes of records and bulk bodies in flight, of everything that shares the limit.
    pub fn in_flight_bytes(&self) -> usize {
        let inputs = self.inputs.iter();
        let bytes = inputs.map(|input| input.stats.in_flight_bytes);
        bytes.max().unwrap_or(0)
    }

    /// For how long inputs have waited for workers and outputs, in milliseconds.
    pub fn stalled_ms(&self) -> u64 {
        let inputs = self.inputs.iter();
        inputs
            .map(|input| input.stats.stalled_time.as_millis() as u64)
            .sum()
    }

    /// Records not consumed yet, over all partitions.
    pub fn lag(&self) -> i64 {
        let partitions = self.inputs.iter().flat_map(|input| &input.stats.partitions);
        partitions.filter_map(|partition| partition.lag()).sum()
    }
}

fn id_of(id: Option<&str>, name: &str, at: usize) -> String {
    id.map_or_else(|| format!("{name}_{at}"), str::to_owned)
}
