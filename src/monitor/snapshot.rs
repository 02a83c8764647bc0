//! What the process looks like at one moment.

use std::time::Instant;

use kelp_ingest::{SourceState, SourceStats};
use kelp_parser::pipeline::FilterCounters;
use kelp_sink::OutputStats;

use crate::run::{Running, Totals};
use crate::settings::Settings;

/// Everything that the API shows.
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
    /// Whether the dead letters cannot be written.
    pub dead_letters_failing: bool,
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
    pub fn of(running: &Running, settings: &Settings) -> Self {
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
        let filters = topology.pipeline.filter_names().enumerate();
        let filters = filters.map(|(at, (name, id))| FilterSnapshot {
            name,
            id: id_of(id, name, at),
            counters: totals.filters.get(at).copied().unwrap_or_default(),
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
            pipeline_id: settings.pipeline_id.clone(),
            workers: settings.workers,
            batch_size: settings.batch_size,
            batch_delay_ms: settings.batch_delay.as_millis() as u64,
            started: running.started(),
            inputs: inputs.collect(),
            filters: filters.collect(),
            outputs: outputs.collect(),
            dead_letters: running.dead_letters().written(),
            dead_letters_failing: running.dead_letters().is_failing(),
            totals,
        }
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
