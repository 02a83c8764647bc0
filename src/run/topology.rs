//! A pipeline put together: what its configuration compiles to, and what of it the workers share.

use std::path::Path;

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
    config: Box<dyn OutputConfig>,
    name: String,
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
}

impl Compiled {
    /// Compiles a configuration. Errors and warnings are added to its diagnostics; with errors there is nothing to run.
    pub fn compile(configuration: &mut Configuration, settings: &PipelineSettings) -> Option<Self> {
        let Configuration {
            config,
            diagnostics,
            ..
        } = configuration;
        let context = BuildContext::new(settings.ecs);
        let mut inputs = read_inputs(config, &context, diagnostics);
        for input in &mut inputs {
            input.set_places(settings);
        }
        let pipeline = Pipeline::compile(config, &context, diagnostics);
        let mut outputs = Vec::new();
        let mut add_output = |plugin: &Plugin, diagnostics: &mut Vec<Diagnostic>| {
            outputs.push(ConfiguredOutput {
                config: configure(plugin, context.ecs, diagnostics)?,
                name: plugin.name.node.clone(),
            });
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

    /// Starts the outputs.
    pub fn start(
        self,
        runtime: &Handle,
        dead_letters: &DeadLetters,
        data_dir: &Path,
        settings: &PipelineSettings,
    ) -> Result<Topology, StartError> {
        let mut outputs = Vec::new();
        let mut output_names = Vec::new();
        for ConfiguredOutput { config, name } in self.outputs {
            let id = config.id().map(str::to_owned);
            let context = StartContext {
                runtime,
                dead_letters,
                pipeline: &settings.id,
                data_dir,
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
        })
    }
}

impl Topology {
    /// How many workers can run it: one where a filter needs the order of events.
    pub fn workers(&self, settings: &PipelineSettings) -> usize {
        match self.pipeline.ordered_filter() {
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
