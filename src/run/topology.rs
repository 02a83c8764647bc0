//! A pipeline put together: what its configuration compiles to, and what of it the workers share.

use std::sync::{Arc, Mutex, PoisonError};

use kelp_parser::config::Diagnostic;
use kelp_parser::config::ast::{Config, Plugin, SectionKind};
use kelp_parser::filter::BuildContext;
use kelp_parser::flow::Flow;
use kelp_parser::pipeline::Pipeline;
use kelp_sink::dead_letter::DeadLetters;
use kelp_sink::output::configure;
use kelp_sink::{Output, OutputConfig, StartContext, StartError};
use tokio::runtime::Handle;

use super::inputs::Input;
use super::link::{Link, LinkConfig, Receiver};
use super::stats::WorkerStats;
use crate::clock;
use crate::configuration::Configuration;
use crate::settings::PipelineSettings;

/// A valid configuration, nothing of it started.
pub struct Compiled {
    /// Where records come from.
    pub inputs: Vec<Input>,
    pipeline: Pipeline,
    outputs: Vec<ConfiguredOutput>,
    output_flow: Flow,
}

struct ConfiguredOutput {
    config: Configured,
    name: String,
}

enum Configured {
    Sink(Box<dyn OutputConfig>),
    Link(LinkConfig),
}

/// What the workers of a running pipeline share; nothing in it changes.
pub struct Topology {
    /// Where records come from.
    pub inputs: Vec<Input>,
    /// The filters.
    pub pipeline: Pipeline,
    /// The outputs, in the order of the configuration.
    pub outputs: Vec<Box<dyn Output>>,
    /// The plugin name and the `id`, where it has one, of each output.
    pub output_names: Vec<(String, Option<String>)>,
    /// Which outputs an event goes to.
    pub output_flow: Flow,
    /// The pipelines that it sends to.
    sends_to: Vec<Arc<Topology>>,
    /// What the workers of pipelines that send to it have counted here.
    visitors: Mutex<Vec<Arc<WorkerStats>>>,
}

/// Finds the input that listens to an address, among the pipelines that were started before.
pub type FindReceiver<'f> = &'f dyn Fn(&str) -> Option<Receiver>;

impl Compiled {
    /// Compiles a configuration. Errors and warnings are added to its diagnostics; with errors there is nothing to run.
    pub fn compile(configuration: &mut Configuration, settings: &PipelineSettings) -> Option<Self> {
        let Configuration {
            config,
            diagnostics,
            ..
        } = configuration;
        let mut context = BuildContext::new(settings.ecs)
            .at(clock::now())
            .asking(crate::resolver::open)
            .side_by_side(super::side_by_side::run);
        if let Some(directory) = &settings.geoip_directory {
            context = context.geoip_directory(directory.clone());
        }
        let mut inputs = read_inputs(config, &context, diagnostics);
        for input in &mut inputs {
            input.set_places(settings);
        }
        let pipeline = Pipeline::compile(config, &context, diagnostics);
        let mut outputs = Vec::new();
        let mut add_output = |plugin: &Plugin, diagnostics: &mut Vec<Diagnostic>| {
            let config = match plugin.name.node.as_str() {
                "pipeline" => Configured::Link(LinkConfig::read(plugin, context.ecs, diagnostics)?),
                _ => Configured::Sink(configure(plugin, context.ecs, diagnostics)?),
            };
            let name = plugin.name.node.clone();
            outputs.push(ConfiguredOutput { config, name });
            Some(outputs.len() as u32 - 1)
        };
        let mut output_flow = Flow::default();
        for section in &config.sections {
            if section.kind == SectionKind::Output {
                output_flow.append(&section.body, &mut add_output, diagnostics);
            }
        }
        if configuration.has_errors() {
            return None;
        }
        Some(Self {
            inputs,
            pipeline,
            outputs,
            output_flow,
        })
    }

    /// The outputs `pipeline`.
    pub fn links(&self) -> impl Iterator<Item = &LinkConfig> {
        self.outputs
            .iter()
            .filter_map(|output| match &output.config {
                Configured::Link(link) => Some(link),
                Configured::Sink(_) => None,
            })
    }

    /// Starts the outputs. Where nobody listens, what is sent there is discarded.
    pub fn start(
        self,
        runtime: &Handle,
        dead_letters: &DeadLetters,
        settings: &PipelineSettings,
        find_receiver: FindReceiver<'_>,
    ) -> Result<Topology, StartError> {
        let mut outputs: Vec<Box<dyn Output>> = Vec::new();
        let mut output_names = Vec::new();
        let mut sends_to = Vec::new();
        let filters = self.pipeline.filter_names().count();
        for ConfiguredOutput { config, name } in self.outputs {
            let config = match config {
                Configured::Sink(config) => config,
                Configured::Link(link) => {
                    let addresses = link.options.send_to.iter();
                    let receivers = addresses.filter_map(|address| find_receiver(&address.node));
                    let running = Link::new(receivers.collect(), (filters + outputs.len()) as u32);
                    let topologies = running.receivers().iter();
                    sends_to.extend(topologies.map(|receiver| Arc::clone(&receiver.topology)));
                    outputs.push(Box::new(running));
                    output_names.push((name, link.id));
                    continue;
                }
            };
            let id = config.id().map(str::to_owned);
            let context = StartContext {
                runtime,
                dead_letters,
                pipeline: &settings.id,
                in_flight: &settings.in_flight,
                data_dir: &settings.data_dir,
                workers: self
                    .pipeline
                    .ordered_filter()
                    .map_or(settings.workers, |_| 1),
            };
            outputs.push(config.start(&context)?);
            output_names.push((name, id));
        }
        Ok(Topology {
            inputs: self.inputs,
            pipeline: self.pipeline,
            outputs,
            output_names,
            output_flow: self.output_flow,
            sends_to,
            visitors: Mutex::default(),
        })
    }
}

impl Topology {
    /// Counters for a worker of a pipeline that sends to this one.
    pub(super) fn visitor(&self) -> Arc<WorkerStats> {
        let stats = Arc::new(WorkerStats::default());
        self.visitors().push(Arc::clone(&stats));
        stats
    }

    /// What the workers of pipelines that send to this one have counted here.
    pub(super) fn visitors(&self) -> std::sync::MutexGuard<'_, Vec<Arc<WorkerStats>>> {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A filter that needs the order of events, here or in a pipeline that this one sends to.
    fn ordered_filter(&self) -> Option<&'static str> {
        let own = self.pipeline.ordered_filter();
        own.or_else(|| self.sends_to.iter().find_map(|to| to.ordered_filter()))
    }

    /// How many workers can run it: one where a filter needs the order of events, or where the workers of others do all
    /// but flush.
    pub fn workers(&self, settings: &PipelineSettings) -> usize {
        if self.only_listens() {
            return 1;
        }
        match self.ordered_filter() {
            Some(filter) if settings.workers > 1 => {
                tracing::warn!(
                    pipeline = %settings.id,
                    "the filter `{filter}` needs events in their order, so there is one worker instead of {}",
                    settings.workers
                );
                1
            }
            _ => settings.workers,
        }
    }

    /// Whether everything comes from other pipelines.
    pub fn only_listens(&self) -> bool {
        self.inputs.iter().all(|input| input.address().is_some())
    }

    /// The input that listens to an address.
    pub fn receiver(self: &Arc<Self>, address: &str) -> Option<Receiver> {
        let listens = |input: &Input| input.address().is_some_and(|own| own.node == address);
        Some(Receiver {
            topology: Arc::clone(self),
            input: self.inputs.iter().position(listens)?,
        })
    }
}

fn read_inputs(
    config: &Config,
    context: &BuildContext,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut add_input = |plugin: &Plugin, diagnostics: &mut Vec<Diagnostic>| {
        inputs.extend(Input::read(plugin, context.ecs, diagnostics));
        None
    };
    for section in &config.sections {
        if section.kind == SectionKind::Input {
            Flow::compile(&section.body, &mut add_input, diagnostics);
        }
    }
    inputs
}
