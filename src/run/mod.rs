//! Running a pipeline: starting its parts in order, watching them, and ending them so that nothing is lost.
//!
//! Parts start from the end to the beginning (dead letters, outputs, workers, inputs) and end from the
//! beginning to the end, so there is always somewhere for what is on its way to go.

mod inputs;
mod poison;
mod stats;
mod topology;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kelp_ingest::{InputError, Limits, Source, SourceState};
use kelp_sink::StartError;
use kelp_sink::dead_letter::{DeadLetterStore, DeadLetters};
use tokio::runtime::Runtime;

pub use stats::Totals;
pub use topology::{Compiled, Topology};

use crate::dead_letters::OpenError;
use crate::settings::Settings;
use stats::WorkerStats;
use worker::Worker;

/// A pipeline that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The async runtime.
    #[error("cannot start the runtime: {0}")]
    Runtime(std::io::Error),
    /// A thread.
    #[error("cannot start a worker thread: {0}")]
    Thread(std::io::Error),
    /// The dead letters.
    #[error(transparent)]
    DeadLetters(#[from] OpenError),
    /// An output.
    #[error(transparent)]
    Output(#[from] StartError),
    /// An input.
    #[error("input `{input}` cannot start: {source}")]
    Input {
        /// Its name.
        input: &'static str,
        /// Why.
        source: InputError,
    },
}

/// How many batches may wait for a worker, for each worker.
const BATCHES_WAITING: usize = 1;

/// A running pipeline.
pub struct Running {
    runtime: Runtime,
    topology: Arc<Topology>,
    sources: Vec<Box<dyn Source>>,
    workers: Vec<JoinHandle<()>>,
    worker_stats: Vec<Arc<WorkerStats>>,
    store: DeadLetterStore,
    dead_letters: DeadLetters,
    started: Instant,
}

/// How a pipeline ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Records that were consumed but not settled; they will be consumed again.
    pub unsettled_records: u64,
    /// Whether everything settled was also committed.
    pub committed: bool,
}

impl Running {
    /// Starts all parts of a compiled pipeline.
    pub fn start(compiled: Compiled, settings: &Settings) -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sink")
            .enable_all()
            .build()
            .map_err(RunError::Runtime)?;
        let (store, dead_letters) = settings.dead_letters.open(&settings.pipeline_id)?;
        let topology = Arc::new(compiled.start(
            runtime.handle(),
            &dead_letters,
            &settings.data_dir,
            settings,
        )?);
        let (sender, receiver) = crossbeam_channel::bounded(settings.workers * BATCHES_WAITING);
        let mut workers = Vec::new();
        let mut worker_stats = Vec::new();
        for number in 0..settings.workers {
            let stats = Arc::new(WorkerStats::default());
            worker_stats.push(Arc::clone(&stats));
            let worker = Worker::new(
                Arc::clone(&topology),
                stats,
                dead_letters.for_output(&settings.pipeline_id, ""),
                number == 0,
            );
            let batches = receiver.clone();
            let thread = std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || worker.run(&batches))
                .map_err(RunError::Thread)?;
            workers.push(thread);
        }
        let limits = Limits {
            in_flight_bytes: settings.in_flight_bytes,
            batch_records: settings.batch_size,
            batch_delay: settings.batch_delay,
            ..Limits::default()
        };
        let mut sources = Vec::new();
        for (number, input) in topology.inputs.iter().enumerate() {
            let source = input
                .start(limits.clone(), number, sender.clone())
                .map_err(|source| RunError::Input {
                    input: input.name,
                    source,
                })?;
            sources.push(source);
        }
        Ok(Self {
            runtime,
            topology,
            sources,
            workers,
            worker_stats,
            store,
            dead_letters,
            started: Instant::now(),
        })
    }

    /// When it started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Where documents go that can never be indexed.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.dead_letters
    }

    /// What the workers share.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// The inputs, in the order of the configuration.
    pub fn sources(&self) -> &[Box<dyn Source>] {
        &self.sources
    }

    /// What the workers have counted.
    pub fn totals(&self) -> Totals {
        Totals::of(self.worker_stats.iter().map(Arc::as_ref))
    }

    /// Whether every input has come to its end (a file was read, standard input was closed).
    pub fn has_ended(&self) -> bool {
        let mut states = self.sources.iter().map(|source| source.state());
        states.all(|state| matches!(state, SourceState::Ended))
    }

    /// What made an input give up, if one has.
    pub fn failure(&self) -> Option<Arc<InputError>> {
        self.sources.iter().find_map(|source| match source.state() {
            SourceState::Failed(error) => Some(error),
            SourceState::Running | SourceState::Ended => None,
        })
    }

    /// Whether a worker thread has died, which is a defect: what it held stays uncommitted.
    pub fn has_lost_worker(&self) -> bool {
        let ended = self.has_ended();
        !ended && self.workers.iter().any(JoinHandle::is_finished)
    }

    /// Ends the pipeline: nothing more is consumed, what is in flight is delivered for at most `timeout`, what
    /// is settled is committed. What was not settled by then is consumed again by whoever comes next.
    pub fn stop(self, timeout: Duration) -> Ended {
        let deadline = Instant::now() + timeout;
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
        if ended.unsettled_records > 0 {
            // Workers may wait for an output that does not answer; the process's end ends them.
            self.store.close(true);
            self.runtime.shutdown_background();
            return ended;
        }
        for worker in self.workers {
            // A worker that panicked has said so itself.
            let _ = worker.join();
        }
        if let Ok(topology) = Arc::try_unwrap(self.topology) {
            for output in topology.outputs {
                output.drain(deadline.saturating_duration_since(Instant::now()));
            }
        }
        drop(self.dead_letters);
        self.store.close(true);
        self.runtime.shutdown_background();
        ended
    }
}
