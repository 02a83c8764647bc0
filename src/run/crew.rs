//! The workers of a running pipeline, as one.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use kelp_ingest::Batch;
use kelp_sink::dead_letter::DeadLetters;

use super::RunError;
use super::misses::MissWatch;
use super::stats::{Totals, WorkerStats};
use super::topology::Topology;
use super::worker::Worker;
use crate::settings::PipelineSettings;

/// How long to wait before looking again whether the workers have ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The workers.
pub(super) struct Crew {
    topology: Arc<Topology>,
    threads: Vec<JoinHandle<()>>,
    stats: Vec<Arc<WorkerStats>>,
    /// Dropping it ends the workers after the batch that they are at.
    stop: Sender<Infallible>,
    misses: Option<MissWatch>,
}

impl Crew {
    /// Starts workers that take from `batches`.
    pub fn start(
        topology: &Arc<Topology>,
        settings: &PipelineSettings,
        dead_letters: &DeadLetters,
        batches: &Receiver<Batch>,
    ) -> Result<Self, RunError> {
        let (stop, stopped) = crossbeam_channel::bounded(0);
        topology.pipeline.open();
        let mut crew = Self {
            topology: Arc::clone(topology),
            threads: Vec::new(),
            stats: Vec::new(),
            stop,
            misses: MissWatch::start(&topology.pipeline),
        };
        for number in 0..topology.workers(settings) {
            let stats = Arc::new(WorkerStats::default());
            crew.stats.push(Arc::clone(&stats));
            let worker = Worker::new(
                Arc::clone(topology),
                stats,
                dead_letters.for_output(&settings.id, ""),
                settings.event_limits,
                number == 0,
            );
            let (batches, stopped) = (batches.clone(), stopped.clone());
            let thread = thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || worker.run(&batches, &stopped))
                .map_err(RunError::Thread)?;
            crew.threads.push(thread);
        }
        Ok(crew)
    }

    /// What they have counted, and workers of other pipelines on their behalf.
    pub fn totals(&self, visitors: &[Arc<WorkerStats>]) -> Totals {
        Totals::of(self.stats.iter().chain(visitors).map(Arc::as_ref))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// Whether one of them has ended.
    pub fn has_lost_one(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Has them end after the batch that they are at; `false` when one still waits for an output at `deadline`.
    pub fn stop(self, deadline: Instant) -> bool {
        drop(self.stop);
        while !self.threads.iter().all(JoinHandle::is_finished) {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(LOOK_EVERY);
        }
        for thread in self.threads {
            let _ = thread.join();
        }
        if let Some(misses) = self.misses {
            misses.end();
        }
        self.topology.pipeline.close();
        true
    }
}
