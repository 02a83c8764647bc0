//! Outputs: what they are, the options they all share, and the list of those there are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kelp_parser::config::ast::Plugin;
use kelp_parser::config::{Diagnostic, nearest};
use kelp_parser::event::Event;
use kelp_parser::filter::read_ecs_compatibility;
use kelp_parser::in_flight::InFlight;
use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Record, RecordBatch};
use kelp_parser::spec::{EcsCompatibility, PluginOptions, PluginSpec, Settings};

use crate::dead_letter::DeadLetters;
use crate::elasticsearch::{Elasticsearch, ElasticsearchOptions, SideChannel};
use crate::file::{FileOptions, FileOutput};
use crate::null::{Null, NullOptions};
use crate::stdout::{Stdout, StdoutOptions};

/// A running output.
pub trait Output: Send + Sync {
    /// What a worker writes events with.
    fn writer(&self) -> Box<dyn Writer>;

    /// Waits until everything handed over is delivered, for at most `within`; all writers are
    /// dropped before. Gives the number of documents that were given up: they stay held.
    fn drain(self: Box<Self>, within: Duration) -> u64;

    /// A snapshot of its counters.
    fn stats(&self) -> OutputStats;

    /// Why it will never write again, which ends the pipeline: what it has not written stays held. Only what nobody can open
    /// again comes to that; a server is waited for.
    fn failure(&self) -> Option<&'static str> {
        None
    }

    /// A way of its own to the same server, for what Kelp says about itself. Only Elasticsearch has one.
    fn side_channel(&self) -> Option<SideChannel> {
        None
    }
}

/// One worker's end of an output.
pub trait Writer: Send {
    /// Encodes an event at once. Takes a hold on the record for each document that is on its way.
    fn write(&mut self, event: &Event<'_>, from: &Provenance<'_>);

    /// Hands over what was written since the last flush; all of it was made of records of `batch`.
    /// Waits while too much is on its way.
    fn flush(&mut self, batch: &Arc<dyn RecordBatch>);

    /// About how many bytes were written since the last flush. When they are many it is flushed before the batch is done, or one message
    /// that a filter makes a million events of would grow beyond all bounds.
    fn waiting_bytes(&self) -> usize;
}

/// What an event was made of.
pub struct Provenance<'r> {
    /// The record.
    pub record: &'r Record<'r>,
    /// Its index in the batch.
    pub index: u32,
    /// What tells records of the same coordinates apart (`document_id_namespace`); mostly the consumer group.
    pub namespace: &'r str,
    /// The receipts of the batch.
    pub receipts: &'r Receipts,
}

/// Counters of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputStats {
    /// Documents written by workers.
    pub documents: u64,
    /// Documents acknowledged.
    pub acknowledged: u64,
    /// Documents that were there already.
    pub duplicates: u64,
    /// Documents that went to the dead letters.
    pub dead_letters: u64,
    /// Attempts that had to be repeated.
    pub retries: u64,
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// The answers, by their HTTP status.
    pub responses: Responses,
    /// Time spent waiting for answers, in milliseconds.
    pub request_ms: u64,
    /// Documents on their way.
    pub in_flight: u64,
    /// Whether the server cannot be reached or refuses everything.
    pub is_stalled: bool,
}

/// How many answers had which HTTP status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Responses([(u16, u64); STATUSES_MAX]);

/// More statuses than these are not told apart from no answer.
const STATUSES_MAX: usize = 12;

impl Responses {
    /// Counts an answer.
    pub fn add(&mut self, status: u16) {
        let slot = self
            .0
            .iter_mut()
            .find(|(known, count)| *known == status || *count == 0);
        if let Some(slot) = slot {
            *slot = (status, slot.1 + 1);
        }
    }

    /// Each status and how many answers had it.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        self.0.iter().copied().filter(|(_, count)| *count > 0)
    }
}

/// What an output needs beside its options to start.
pub struct StartContext<'c> {
    /// Where its tasks run.
    pub runtime: &'c tokio::runtime::Handle,
    /// Where state is kept.
    pub data_dir: &'c Path,
    /// How many workers will write.
    pub workers: usize,
    /// Where documents go that can never be delivered.
    pub dead_letters: &'c DeadLetters,
    /// The pipeline's id.
    pub pipeline: &'c str,
    /// Counts what was made of records and is not delivered yet.
    pub in_flight: &'c InFlight,
}

/// An output that cannot start.
#[derive(Debug, thiserror::Error)]
#[error("output `{output}` cannot start: {message}")]
pub struct StartError {
    /// Its name.
    pub output: &'static str,
    /// Why, and what to do.
    pub message: String,
}

/// An output whose options are valid, ready to start.
pub trait OutputConfig: Send {
    /// Its `id`, where it has one.
    fn id(&self) -> Option<&str>;

    /// Starts it. An unreachable server is no error: it is waited for.
    fn start(self: Box<Self>, context: &StartContext<'_>) -> Result<Box<dyn Output>, StartError>;
}

/// The options that all outputs have (source: `LogStash::Outputs::Base`).
pub struct OutputCommon {
    /// The name of this instance in statistics and dead letters.
    pub id: Option<String>,
    /// The mode of this output, else of the pipeline.
    pub ecs: EcsCompatibility,
}

impl OutputCommon {
    /// Takes the common options out of `settings`; `codec` is left to the output.
    pub fn read(settings: &mut Settings<'_>, mut ecs: EcsCompatibility) -> Self {
        settings.set_common(&[
            "id",
            "enable_metric",
            "codec",
            "workers",
            "ecs_compatibility",
        ]);
        settings.take_optional::<bool>("enable_metric");
        // How many workers there are is the pipeline's business, as in Logstash.
        settings.take_optional::<i64>("workers");
        read_ecs_compatibility(settings, &mut ecs);
        Self {
            id: settings.take_optional("id"),
            ecs,
        }
    }
}

/// An entry of [`OUTPUTS`].
pub struct OutputPlugin {
    /// Its declaration.
    pub spec: PluginSpec,
    /// Reads its settings; `None` after errors were reported.
    pub configure: Configure,
}

/// Reads the settings of an output; `None` after errors were reported.
pub type Configure =
    fn(&Plugin, EcsCompatibility, &mut Vec<Diagnostic>) -> Option<Box<dyn OutputConfig>>;

/// Every output, by name.
pub static OUTPUTS: &[OutputPlugin] = &[
    OutputPlugin {
        spec: ElasticsearchOptions::SPEC,
        configure: Elasticsearch::configure,
    },
    OutputPlugin {
        spec: FileOptions::SPEC,
        configure: FileOutput::configure,
    },
    OutputPlugin {
        spec: NullOptions::SPEC,
        configure: Null::configure,
    },
    OutputPlugin {
        spec: StdoutOptions::SPEC,
        configure: Stdout::configure,
    },
];

/// Reads the settings of the output that `plugin` names; `None` after errors were reported.
pub fn configure(
    plugin: &Plugin,
    ecs: EcsCompatibility,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Box<dyn OutputConfig>> {
    let name = &plugin.name.node;
    if let Some(found) = OUTPUTS.iter().find(|output| output.spec.name == name) {
        return (found.configure)(plugin, ecs, diagnostics);
    }
    let diagnostic = Diagnostic::error(plugin.name.span, format!("there is no output `{name}`"))
        .label("unknown output");
    let names = OUTPUTS.iter().map(|output| output.spec.name);
    diagnostics.push(match nearest(name, names.clone()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("outputs: {}", names.collect::<Vec<_>>().join(", "))),
    });
    None
}
