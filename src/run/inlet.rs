//! Where a pipeline's records come from: its sources and the queue to its workers. It outlives a reload that
//! leaves the inputs as they were, so that nothing is read again and no consumer group has to find itself anew.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};
use kelp_ingest::{Batch, InputError, Limits, Source, SourceState};

use super::joiner::{Joiner, JoinerThread};
use super::topology::Topology;
use super::{Ended, RunError};
use crate::settings::PipelineSettings;

/// How many batches may wait for a worker, for each worker.
const BATCHES_WAITING: usize = 1;
/// Smaller batches are hardly worth a bulk request.
const BATCH_BYTES_MIN: usize = 64 << 10;

/// The sources and the queue.
pub struct Inlet {
    sources: Vec<Box<dyn Source>>,
    /// Between the sources whose events span records and the workers.
    joiners: Vec<JoinerThread>,
    batches: Receiver<Batch>,
    basis: Basis,
}

/// The queue to the workers, nothing feeding it yet.
pub(super) struct Queue {
    sender: Sender<Batch>,
    batches: Receiver<Batch>,
}

/// What the sources were started with; while it is the same, they can be kept.
#[derive(PartialEq, Eq)]
struct Basis {
    inputs: Vec<String>,
    workers: usize,
    batch_size: usize,
    batch_delay_ms: u128,
}

impl Basis {
    fn of(topology: &Topology, settings: &PipelineSettings) -> Self {
        let inputs = topology.inputs.iter();
        Self {
            inputs: inputs
                .map(|input| input.source_settings().to_owned())
                .collect(),
            workers: settings.workers,
            batch_size: settings.batch_size,
            batch_delay_ms: settings.batch_delay.as_millis(),
        }
    }
}

impl Queue {
    /// For the workers that `settings` name.
    pub fn new(settings: &PipelineSettings) -> Self {
        let (sender, batches) = crossbeam_channel::bounded(settings.workers * BATCHES_WAITING);
        Self { sender, batches }
    }

    /// The workers' end.
    pub fn batches(&self) -> &Receiver<Batch> {
        &self.batches
    }

    /// Starts the inputs.
    pub fn open(self, topology: &Topology, settings: &PipelineSettings) -> Result<Inlet, RunError> {
        let usual = Limits::default();
        // Each worker has one in hand and one waits for it, and of each batch twice as much is still to be made: together less than half.
        let batch_bytes = settings.in_flight_bytes / (16 * settings.workers.max(1));
        let limits = Limits {
            in_flight: settings.in_flight.clone(),
            in_flight_bytes: settings.in_flight_bytes,
            batch_records: settings.batch_size,
            batch_delay: settings.batch_delay,
            batch_bytes: usual.batch_bytes.min(batch_bytes.max(BATCH_BYTES_MIN)),
            ..usual
        };
        let mut sources = Vec::new();
        let mut joiners = Vec::new();
        for (number, input) in topology.inputs.iter().enumerate() {
            let mut sender = self.sender.clone();
            if input.joins() {
                let to_workers = sender;
                let (to_joiner, records) = crossbeam_channel::bounded(BATCHES_WAITING);
                sender = to_joiner;
                let codec = Arc::clone(&input.common.codec);
                let lines_of = (number, input.keeps_empty_lines());
                let joiner = Joiner::new(codec, lines_of, limits.clone(), to_workers);
                joiners.push(JoinerThread::start(joiner, records).map_err(RunError::Thread)?);
            }
            let source = input
                .start(limits.clone(), number, sender)
                .map_err(|source| RunError::Input {
                    input: input.name,
                    source,
                })?;
            sources.push(source);
        }
        Ok(Inlet {
            sources,
            joiners,
            batches: self.batches,
            basis: Basis::of(topology, settings),
        })
    }
}

impl Inlet {
    /// The inputs, in the order of the configuration.
    pub fn sources(&self) -> &[Box<dyn Source>] {
        &self.sources
    }

    /// The workers' end of the queue.
    pub fn batches(&self) -> &Receiver<Batch> {
        &self.batches
    }

    /// Whether its sources are those that `topology` wants, set up as they would be.
    pub fn serves(&self, topology: &Topology, settings: &PipelineSettings) -> bool {
        self.basis == Basis::of(topology, settings)
    }

    /// Whether every input has come to its end (a file was read, standard input was closed).
    pub fn has_ended(&self) -> bool {
        let mut states = self.sources.iter().map(|source| source.state());
        states.all(|state| matches!(state, SourceState::Ended))
    }

    /// Whether a joiner has died, which is a defect: what it held stays uncommitted.
    pub fn has_lost_joiner(&self) -> bool {
        self.joiners.iter().any(JoinerThread::is_lost)
    }

    /// What made an input give up, if one has.
    pub fn failure(&self) -> Option<Arc<InputError>> {
        self.sources.iter().find_map(|source| match source.state() {
            SourceState::Failed(error) => Some(error),
            SourceState::Running | SourceState::Ended => None,
        })
    }

    /// Consumes nothing more, waits until everything handed over is settled or `deadline` has come, and commits.
    pub fn drain(self, deadline: Instant) -> Ended {
        for source in &self.sources {
            source.stop();
        }
        let mut ended = Ended {
            unsettled_records: 0,
            committed: true,
        };
        for source in self.sources {
            let drained = source.drain(deadline);
            ended.unsettled_records += drained.unsettled_records;
            ended.committed &= drained.committed;
        }
        ended
    }
}
