//! The output `null`: events go nowhere, for measuring what comes before
//! (source: logstash-output-null).

use std::sync::Arc;
use std::time::Duration;

use kelp_parser::config::Diagnostic;
use kelp_parser::config::ast::Plugin;
use kelp_parser::event::Event;
use kelp_parser::plugin_options;
use kelp_parser::record::RecordBatch;
use kelp_parser::spec::{Any, EcsCompatibility, PluginOptions, Settings};

use crate::counters::Counters;
use crate::output::{
    Output, OutputCommon, OutputConfig, OutputStats, Provenance, StartContext, StartError, Writer,
};

plugin_options! {
    /// Drops events.
    pub struct NullOptions for Output "null" {
        /// Accepted for compatibility: nothing is encoded.
        pub codec: Option<Any>,
    }
}

/// The output, ready to start; also the running output, which has nothing to start.
#[derive(Default)]
pub struct Null {
    id: Option<String>,
    counters: Arc<Counters>,
}

struct NullWriter {
    events: u64,
    counters: Arc<Counters>,
}

impl Null {
    /// Reads the settings; `None` after errors were reported.
    pub fn configure(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Box<dyn OutputConfig>> {
        let mut settings = Settings::new(plugin, diagnostics);
        let common = OutputCommon::read(&mut settings, ecs);
        NullOptions::read(&mut settings)?;
        Some(Box::new(Self {
            id: common.id,
            ..Self::default()
        }))
    }
}

impl OutputConfig for Null {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn start(self: Box<Self>, _: &StartContext<'_>) -> Result<Box<dyn Output>, StartError> {
        Ok(self)
    }
}

impl Output for Null {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(NullWriter {
            events: 0,
            counters: Arc::clone(&self.counters),
        })
    }

    fn drain(self: Box<Self>, _within: Duration) -> u64 {
        0
    }

    fn stats(&self) -> OutputStats {
        self.counters.stats()
    }
}

impl Writer for NullWriter {
    fn write(&mut self, _event: &Event<'_>, _from: &Provenance<'_>) {
        self.events += 1;
    }

    fn waiting_bytes(&self) -> usize {
        0
    }

    fn flush(&mut self, _batch: &Arc<dyn RecordBatch>) {
        self.counters.written(self.events);
        self.events = 0;
    }
}
