//! Running a pipeline: starting its parts in order, watching them, replacing them, and ending them so that nothing
//! is lost.
//!
//! Parts start from the end to the beginning (dead letters, outputs, workers, inputs) and end from the
//! beginning to the end, so there is always somewhere for what is on its way to go.

mod crew;
mod inlet;
mod inputs;
mod joiner;
mod poison;
mod stats;
mod topology;
mod worker;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kelp_ingest::{InputError, Source};
use kelp_sink::StartError;
use kelp_sink::dead_letter::{DeadLetterStore, DeadLetters};
use tokio::runtime::Runtime;

pub use inputs::INPUT_SPECS;
pub use poison::EventLimits;
pub use stats::Totals;
pub use topology::{Compiled, Topology};

use crate::dead_letters::OpenError;
use crate::settings::PipelineSettings;
use crew::Crew;
use inlet::{Inlet, Queue};
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

/// A pipeline whose outputs run and whose inputs are ready to: what may fail has been done, and nothing that runs
/// was disturbed.
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

    /// Where to put them.
    pub fn handle(&self) -> &DeadLetters {
        &self.handle
    }
}

impl Prepared {
    /// Starts the outputs, and looks whether the inputs could start.
    pub fn new(
        compiled: Compiled,
        settings: &PipelineSettings,
        dead_letters: &DeadLetters,
    ) -> Result<Self, RunError> {
        if compiled.inputs.is_empty() {
            return Err(RunError::NoInput);
        }
        for input in &compiled.inputs {
            input.probe().map_err(|source| RunError::Input {
                input: input.name,
                source,
            })?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sink")
            .enable_all()
            .build()
            .map_err(RunError::Runtime)?;
        let started = compiled.start(runtime.handle(), dead_letters, &settings.data_dir, settings);
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

    /// Starts the workers and the inputs.
    pub fn start(
        self,
        settings: &PipelineSettings,
        letters: Letters,
    ) -> Result<Running, Box<Unstarted>> {
        let queue = Queue::new(settings);
        let started = Crew::start(&self.topology, settings, &letters.handle, queue.batches())
            .and_then(|crew| Ok((crew, queue.open(&self.topology, settings)?)));
        match started {
            Ok((crew, inlet)) => Ok(self.running(inlet, crew, letters)),
            Err(error) => {
                self.runtime.shutdown_background();
                Err(Box::new(Unstarted { error, letters }))
            }
        }
    }

    fn running(self, inlet: Inlet, crew: Crew, letters: Letters) -> Running {
        Running {
            runtime: self.runtime,
            topology: self.topology,
            inlet,
            crew,
            letters,
            started: Instant::now(),
        }
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
        let prepared = Prepared::new(compiled, settings, &letters.handle)?;
        prepared
            .start(settings, letters)
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

    /// What the workers have counted.
    pub fn totals(&self) -> Totals {
        self.crew.totals()
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
    /// Readies what is to replace this; nothing changes yet.
    pub fn prepare(
        &self,
        compiled: Compiled,
        settings: &PipelineSettings,
    ) -> Result<Prepared, RunError> {
        let next = Prepared::new(compiled, settings, &self.letters.handle)?;
        let stdin = |topology: &Topology| topology.inputs.iter().any(|input| input.is_stdin());
        let reads_stdin = stdin(&self.topology) || stdin(&next.topology);
        if reads_stdin && !self.inlet.serves(&next.topology, settings) {
            next.runtime.shutdown_background();
            return Err(RunError::StandardInput);
        }
        Ok(next)
    }

    /// Puts `next` in the place of this. What is in flight is delivered first, for at most `patience`; what is not
    /// delivered by then is consumed again. Inputs that stay as they are go on reading meanwhile.
    pub fn replace(
        self,
        next: Prepared,
        settings: &PipelineSettings,
        patience: Duration,
    ) -> Result<Self, Box<Unstarted>> {
        let inlet = match self.inlet.serves(&next.topology, settings) {
            true => self.inlet_kept(patience),
            false => self.inlet_closed(patience),
        };
        let (kept, letters) = inlet;
        let Some(inlet) = kept else {
            return next.start(settings, letters);
        };
        let started = Crew::start(&next.topology, settings, &letters.handle, inlet.batches());
        match started {
            Ok(crew) => Ok(next.running(inlet, crew, letters)),
            Err(error) => {
                inlet.drain(Instant::now());
                next.runtime.shutdown_background();
                Err(Box::new(Unstarted { error, letters }))
            }
        }
    }

    /// Ends everything but the inputs, unless what is in flight could only be delivered by reading it again.
    fn inlet_kept(self, patience: Duration) -> (Option<Inlet>, Letters) {
        let deadline = Instant::now() + patience;
        let Self {
            runtime,
            topology,
            inlet,
            crew,
            letters,
            ..
        } = self;
        if !topology.inputs.iter().all(Input::can_read_again) {
            deliver_in_background((runtime, topology, crew), deadline);
            return (Some(inlet), letters);
        }
        let is_delivered = crew.stop(deadline) && deliver_rest(topology, deadline);
        runtime.shutdown_background();
        if is_delivered {
            return (Some(inlet), letters);
        }
        // Its holds will never be given back, so the records have to be consumed again.
        inlet.drain(Instant::now()).warn_of_rest();
        (None, letters)
    }

    /// Ends everything.
    fn inlet_closed(self, patience: Duration) -> (Option<Inlet>, Letters) {
        let deadline = Instant::now() + patience;
        let ended = self.inlet.drain(deadline);
        ended.warn_of_rest();
        if ended.unsettled_records == 0 {
            self.crew.join();
            deliver_rest(self.topology, deadline);
        }
        self.runtime.shutdown_background();
        (None, self.letters)
    }

    /// Consumes nothing more; [`stop`](Self::stop) is to follow.
    pub fn stop_consuming(&self) {
        for source in self.inlet.sources() {
            source.stop();
        }
    }

    /// Ends the pipeline: nothing more is consumed, what is in flight is delivered for at most `timeout`, what
    /// is settled is committed. What was not settled by then is consumed again by whoever comes next.
    pub fn stop(self, timeout: Duration) -> Ended {
        let deadline = Instant::now() + timeout;
        let ended = self.inlet.drain(deadline);
        if ended.unsettled_records > 0 {
            // Workers may wait for an output that does not answer; the process's end ends them.
            self.topology.pipeline.close();
            self.letters.store.close(true);
            self.runtime.shutdown_background();
            return ended;
        }
        self.crew.join();
        deliver_rest(self.topology, deadline);
        drop(self.letters.handle);
        self.letters.store.close(true);
        self.runtime.shutdown_background();
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

/// Waits until the outputs have delivered what they were given; the workers have ended. Whether they have.
fn deliver_rest(topology: Arc<Topology>, deadline: Instant) -> bool {
    let Ok(topology) = Arc::try_unwrap(topology) else {
        return false;
    };
    let mut given_up = 0;
    for output in topology.outputs {
        given_up += output.drain(deadline.saturating_duration_since(Instant::now()));
    }
    given_up == 0
}

/// Lets a pipeline that was replaced deliver what it still holds, for as long as that takes; returns at
/// `deadline` at the latest.
fn deliver_in_background(
    (runtime, topology, crew): (Runtime, Arc<Topology>, Crew),
    deadline: Instant,
) {
    let (delivered, wait) = crossbeam_channel::bounded::<()>(1);
    let far = Instant::now() + Duration::from_secs(u64::from(u32::MAX));
    let work = move || {
        crew.stop(far);
        deliver_rest(topology, far);
        runtime.shutdown_background();
        let _ = delivered.send(());
    };
    let spawned = thread::Builder::new()
        .name("replaced".to_owned())
        .spawn(work);
    let in_time = spawned.is_ok() && wait.recv_deadline(deadline).is_ok();
    if !in_time {
        tracing::warn!(
            "the pipeline that is replaced goes on trying to deliver what it holds: lines cannot be read again"
        );
    }
}
