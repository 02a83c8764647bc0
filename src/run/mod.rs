//! Running a pipeline: starting its parts in order, watching them, replacing them, and ending them so that nothing
//! is lost.
//!
//! Parts start from the end to the beginning (dead letters, outputs, workers, inputs) and end from the
//! beginning to the end, so there is always somewhere for what is on its way to go.

mod crew;
mod ending;
mod inlet;
mod inputs;
mod joiner;
mod link;
mod misses;
mod poison;
mod side_by_side;
mod stats;
mod topology;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use kelp_ingest::{Batch, InputError, Source};
use kelp_sink::StartError;
use kelp_sink::dead_letter::{DeadLetterStore, DeadLetters};
use tokio::runtime::Runtime;

pub use ending::{Leaving, Left, end};
pub use inlet::Inlet;
pub use inputs::INPUT_SPECS;
pub use link::PIPELINE_OUTPUT;
pub use poison::{EventLimits, caught};
pub use stats::Totals;
pub use topology::{Compiled, FindReceiver, Topology};

use crate::dead_letters::OpenError;
use crate::settings::PipelineSettings;
use crew::Crew;
use inlet::Queue;
use inputs::Input;

/// A pipeline that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is nothing to consume.
    #[error("the configuration has no input: add `input {{ kafka {{ ... }} }}`")]
    NoInput,
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
    /// A reload would have to open standard input again.
    #[error("standard input cannot be opened again: restart to change the inputs")]
    StandardInput,
    /// A reload would have to move the dead letters.
    #[error(
        "the settings of its dead letters (`dead_letter_queue.*`, `path.dead_letter_queue`) have changed: restart to change them"
    )]
    DeadLetterSettings,
}

/// A running pipeline.
pub struct Running {
    runtime: Runtime,
    topology: Arc<Topology>,
    inlet: Inlet,
    crew: Crew,
    letters: Letters,
    started: Instant,
}

/// A pipeline whose outputs run: what may fail has been done or, by [`Running::check_successor`], looked at, and nothing
/// that runs was disturbed.
pub struct Prepared {
    runtime: Runtime,
    topology: Arc<Topology>,
}

/// The dead letters of a pipeline, which stay the same when it is replaced.
pub struct Letters {
    store: DeadLetterStore,
    handle: DeadLetters,
}

/// How a pipeline ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Records that were consumed but not settled; they will be consumed again.
    pub unsettled_records: u64,
    /// Whether everything settled was also committed.
    pub committed: bool,
}

impl Letters {
    /// Opens those of the pipeline that `settings` name.
    pub fn open(settings: &PipelineSettings) -> Result<Self, RunError> {
        let (store, handle) = settings.dead_letters.open(&settings.id)?;
        Ok(Self { store, handle })
    }

    /// Closes them, when whatever writes to them has ended.
    pub fn close(self) {
        drop(self.handle);
        self.store.close(true);
    }

    /// Where to put them.
    pub fn handle(&self) -> &DeadLetters {
        &self.handle
    }
}

impl Prepared {
    /// Starts the outputs.
    pub fn new(
        compiled: Compiled,
        settings: &PipelineSettings,
        dead_letters: &DeadLetters,
        find_receiver: FindReceiver<'_>,
    ) -> Result<Self, RunError> {
        if compiled.inputs.is_empty() {
            return Err(RunError::NoInput);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sink")
            .enable_all()
            .build()
            .map_err(RunError::Runtime)?;
        let started = compiled.start(runtime.handle(), dead_letters, settings, find_receiver);
        match started {
            Ok(topology) => Ok(Self {
                runtime,
                topology: Arc::new(topology),
            }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error.into())
            }
        }
    }

    /// What the workers will share.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// Starts the workers, and the inputs unless those of the predecessor go on.
    pub fn begin(
        self,
        kept: Option<Inlet>,
        settings: &PipelineSettings,
        letters: Letters,
    ) -> Result<Running, Box<Unstarted>> {
        let start = |batches: &Receiver<Batch>| {
            Crew::start(&self.topology, settings, &letters.handle, batches)
        };
        let started = match kept {
            Some(inlet) => match start(inlet.batches()) {
                Ok(crew) => Ok((crew, inlet)),
                Err(error) => {
                    inlet.drain(Instant::now());
                    Err(error)
                }
            },
            None => {
                let queue = Queue::new(settings);
                start(queue.batches())
                    .and_then(|crew| Ok((crew, queue.open(&self.topology, settings)?)))
            }
        };
        match started {
            Ok((crew, inlet)) => Ok(Running {
                runtime: self.runtime,
                topology: self.topology,
                inlet,
                crew,
                letters,
                started: Instant::now(),
            }),
            Err(error) => {
                self.runtime.shutdown_background();
                Err(Box::new(Unstarted { error, letters }))
            }
        }
    }

    /// Ends what was started.
    pub fn cancel(self) {
        self.runtime.shutdown_background();
    }
}

/// A pipeline that could not start after all.
pub struct Unstarted {
    /// Why.
    pub error: RunError,
    /// Its dead letters, for another attempt.
    pub letters: Letters,
}

/// Starting and watching.
impl Running {
    /// Starts all parts of a compiled pipeline.
    pub fn start(compiled: Compiled, settings: &PipelineSettings) -> Result<Self, RunError> {
        let letters = Letters::open(settings)?;
        let prepared = Prepared::new(compiled, settings, &letters.handle, &|_| None)?;
        prepared
            .begin(None, settings, letters)
            .map_err(|unstarted| unstarted.error)
    }

    /// When it started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Where documents go that can never be indexed.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.letters.handle
    }

    /// What the workers share.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// The inputs, in the order of the configuration.
    pub fn sources(&self) -> &[Box<dyn Source>] {
        self.inlet.sources()
    }

    /// How many workers there are: fewer than were asked for where a filter needs the order of events.
    pub fn workers(&self) -> usize {
        self.crew.len()
    }

    /// What the workers have counted.
    pub fn totals(&self) -> Totals {
        self.crew.totals(&self.topology.visitors())
    }

    /// Whether every input has come to its end (a file was read, standard input was closed).
    pub fn has_ended(&self) -> bool {
        self.inlet.has_ended()
    }

    /// Records consumed and not settled.
    pub fn unsettled_records(&self) -> u64 {
        let sources = self.sources().iter();
        sources.map(|source| source.stats().unsettled_records).sum()
    }

    /// What made an input give up, if one has.
    pub fn failure(&self) -> Option<Arc<InputError>> {
        self.inlet.failure()
    }

    /// Whether a worker or a joiner has died, which is a defect: what it held stays uncommitted.
    pub fn has_lost_worker(&self) -> bool {
        let ended = self.has_ended();
        self.inlet.has_lost_joiner() || (!ended && self.crew.has_lost_one())
    }
}

/// Replacing and ending.
impl Running {
    /// Whether `next` may take its place: its inputs, unless they stay as they are, look as if they could start, and
    /// standard input is not opened a second time. A first start is spared this: there is nothing to be left running.
    pub fn check_successor(
        &self,
        next: &Prepared,
        settings: &PipelineSettings,
    ) -> Result<(), RunError> {
        if self.inlet.serves(&next.topology, settings) {
            return Ok(());
        }
        let stdin = |topology: &Topology| topology.inputs.iter().any(Input::is_stdin);
        if stdin(&self.topology) || stdin(&next.topology) {
            return Err(RunError::StandardInput);
        }
        for input in &next.topology.inputs {
            input.probe().map_err(|source| RunError::Input {
                input: input.name,
                source,
            })?;
        }
        Ok(())
    }

    /// Consumes nothing more; [`stop`](Self::stop) or [`end`] is to follow.
    pub fn stop_consuming(&self) {
        for source in self.inlet.sources() {
            source.stop();
        }
    }

    /// Ends a pipeline that is connected to no other: nothing more is consumed, what is in flight is delivered for at
    /// most `timeout`, what is settled is committed. What was not settled by then is consumed again by whoever comes next.
    pub fn stop(self, timeout: Duration) -> Ended {
        let (ended, left) = end(vec![Leaving::for_good(self)], timeout);
        for left in left {
            left.letters.close();
        }
        ended
    }
}

impl Ended {
    /// Says what will be consumed again, if anything.
    pub fn warn_of_rest(self) {
        if self.unsettled_records > 0 {
            tracing::warn!(
                records = self.unsettled_records,
                "stopped before everything was delivered; what was not will be consumed again"
            );
        }
        if !self.committed {
            tracing::warn!(
                "the last offsets could not be committed; some records will be consumed again"
            );
        }
    }
}
