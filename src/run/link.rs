//! Pipelines connected to each other: the input and the output `pipeline`.
//!
//! The worker of the sending pipeline runs the receiving one's filters and writers in place, on a copy of the
//! event and with the same receipts. So an event's way ends where the last pipeline's outputs have acknowledged it, and
//! no queue lies between (source: `LogStash::Plugins::Builtin::Pipeline`, which has one).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use kelp_ingest::{Batch, Drained, Source, SourceState, SourceStats};
use kelp_parser::config::Diagnostic;
use kelp_parser::config::ast::{Plugin, Spanned};
use kelp_parser::event::Event;
use kelp_parser::pipeline::WorkerState;
use kelp_parser::plugin_options;
use kelp_parser::record::RecordBatch;
use kelp_parser::spec::{Any, EcsCompatibility, PluginOptions, PluginSpec, Settings};
use kelp_parser::time::Timestamp;
use kelp_sink::output::OutputCommon;
use kelp_sink::{Output, OutputStats, Provenance, Writer};

use super::stats::WorkerStats;
use super::topology::Topology;
use super::worker::route;
use crate::clock::now;

plugin_options! {
    /// Receives the events that `pipeline` outputs of other pipelines send to an address.
    pub struct PipelineInputOptions for Input "pipeline" {
        /// The address, which only one input of all pipelines may have.
        pub address: Spanned<String>,
    }
}

plugin_options! {
    /// Sends events to other pipelines of the same process.
    pub struct PipelineOutputOptions for Output "pipeline" {
        /// Accepted for compatibility: events are handed over as they are.
        pub codec: Option<Any>,
        /// Whether an address without an input is a mistake. If not, what is sent there is discarded.
        pub ensure_delivery: bool = true,
        /// The addresses of `pipeline` inputs. Each gets a copy.
        pub send_to: Vec<Spanned<String>>,
    }
}

/// What the reference says about the output `pipeline`.
pub static PIPELINE_OUTPUT: PluginSpec = PipelineOutputOptions::SPEC;

/// An output `pipeline` whose options are valid.
pub struct LinkConfig {
    /// Its `id`, where it has one.
    pub id: Option<String>,
    /// Where it sends to.
    pub options: PipelineOutputOptions,
}

impl LinkConfig {
    /// Reads the settings; `None` after errors were reported.
    pub fn read(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut settings = Settings::new(plugin, diagnostics);
        let common = OutputCommon::read(&mut settings, ecs);
        let options = PipelineOutputOptions::read(&mut settings)?;
        Some(Self {
            id: common.id,
            options,
        })
    }
}

/// An input `pipeline` of a pipeline that runs.
#[derive(Clone)]
pub struct Receiver {
    /// The pipeline.
    pub topology: Arc<Topology>,
    /// Which of its inputs it is.
    pub input: usize,
}

/// A running input `pipeline`: it only keeps the queue of its pipeline open, for nothing comes that way.
pub(super) struct Listener {
    _batches: Sender<Batch>,
    is_stopped: AtomicBool,
}

impl Listener {
    /// Until it is drained, the queue stays open.
    pub fn new(batches: Sender<Batch>) -> Self {
        Self {
            _batches: batches,
            is_stopped: AtomicBool::new(false),
        }
    }
}

impl Source for Listener {
    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    fn drain(self: Box<Self>, _deadline: Instant) -> Drained {
        Drained {
            unsettled_records: 0,
            committed: true,
        }
    }

    fn state(&self) -> SourceState {
        match self.is_stopped.load(Ordering::Relaxed) {
            true => SourceState::Ended,
            false => SourceState::Running,
        }
    }

    fn stats(&self) -> SourceStats {
        SourceStats::default()
    }
}

/// A running output `pipeline`.
pub(super) struct Link {
    receivers: Vec<Receiver>,
    /// Tells its events from those that the sending pipeline's filters make (see `Lineage`).
    step: u32,
    sent: Arc<AtomicU64>,
}

impl Link {
    /// To `receivers`; the sending pipeline counts its filters and then its outputs, of which this is the one at `step`.
    pub fn new(receivers: Vec<Receiver>, step: u32) -> Self {
        Self {
            receivers,
            step,
            sent: Arc::default(),
        }
    }

    /// Where it sends to.
    pub fn receivers(&self) -> &[Receiver] {
        &self.receivers
    }
}

impl Output for Link {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(LinkWriter {
            stages: self.receivers.iter().map(Stage::new).collect(),
            step: self.step,
            now: None,
            sent: Arc::clone(&self.sent),
            unpublished: 0,
        })
    }

    fn drain(self: Box<Self>, _within: Duration) -> u64 {
        0
    }

    fn stats(&self) -> OutputStats {
        let sent = self.sent.load(Ordering::Relaxed);
        OutputStats {
            documents: sent,
            acknowledged: sent,
            ..OutputStats::default()
        }
    }
}

/// One worker's way into the receiving pipelines.
struct LinkWriter {
    stages: Vec<Stage>,
    step: u32,
    /// The time of the batch.
    now: Option<Timestamp>,
    sent: Arc<AtomicU64>,
    unpublished: u64,
}

/// A receiving pipeline, as run by one worker of a sending one.
struct Stage {
    receiver: Receiver,
    writers: Vec<Box<dyn Writer>>,
    state: WorkerState,
    stats: Arc<WorkerStats>,
}

impl Stage {
    fn new(receiver: &Receiver) -> Self {
        let outputs = receiver.topology.outputs.iter();
        Self {
            receiver: receiver.clone(),
            writers: outputs.map(|output| output.writer()).collect(),
            state: WorkerState::default(),
            stats: receiver.topology.visitor(),
        }
    }

    fn run(&mut self, mut event: Event<'_>, now: Timestamp, from: &Provenance<'_>) {
        let Self {
            receiver,
            writers,
            state,
            stats,
        } = self;
        let topology = &receiver.topology;
        topology.inputs[receiver.input].decorate(&mut event, from.record);
        let mut left = 0;
        topology
            .pipeline
            .run(event, now, state, &mut |event, state| {
                route(topology, writers, state, &event, from);
                left += 1;
            });
        stats.count_events(1, left);
    }
}

impl Writer for LinkWriter {
    fn write(&mut self, event: &Event<'_>, from: &Provenance<'_>) {
        let now = *self.now.get_or_insert_with(now);
        self.unpublished += 1;
        for (index, stage) in (0..).zip(&mut self.stages) {
            let mut copy = event.clone();
            copy.set_lineage(event.lineage().child(self.step, index));
            let run = AssertUnwindSafe(|| stage.run(copy, now, from));
            if let Err(panic) = catch_unwind(run) {
                // What it left half way is not for the next event; whoever runs the worker deals with the record.
                stage.state.scratch = Default::default();
                resume_unwind(panic);
            }
        }
    }

    fn waiting_bytes(&self) -> usize {
        let writers = self.stages.iter().flat_map(|stage| &stage.writers);
        writers.map(|writer| writer.waiting_bytes()).sum()
    }

    fn flush(&mut self, batch: &Arc<dyn RecordBatch>) {
        self.now = None;
        self.sent
            .fetch_add(std::mem::take(&mut self.unpublished), Ordering::Relaxed);
        for stage in &mut self.stages {
            for writer in &mut stage.writers {
                writer.flush(batch);
            }
            stage.stats.publish_filters(&stage.state);
        }
    }
}
