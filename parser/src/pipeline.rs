//! The filter section: compiled once, run for every event.

use crate::config::ast::{Config, Plugin, SectionKind};
use crate::config::{Diagnostic, nearest};
use crate::event::{Arena, Event};
use crate::filter::{
    BuildContext, Context, CountName, Emitted, FILTERS, FilterInstance, Outcome,
    UNSUPPORTED_FILTERS,
};
use crate::flow::{Flow, Position};
use crate::regex::Scratch;
use crate::spec::Settings;
use crate::time::Timestamp;

/// All filters of a configuration in the order of its text.
pub struct Pipeline {
    filters: Vec<FilterInstance>,
    flow: Flow,
}

/// What one worker needs to run pipelines: nothing of it is shared.
#[derive(Default)]
pub struct WorkerState {
    /// Memory for regular expressions.
    pub scratch: Scratch,
    /// What the worker has counted, one for each filter.
    pub counters: Vec<FilterCounters>,
    /// What the filters have counted for themselves; [`Pipeline::count_names`] names it.
    pub counts: Vec<Vec<u64>>,
}

/// How many events a filter has seen and let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterCounters {
    /// Events that reached it.
    pub events_in: u64,
    /// Events that left it, those it made included.
    pub events_out: u64,
    /// Events on which it succeeded.
    pub matched: u64,
}

impl Pipeline {
    /// Compiles the filter sections of `config`. Errors go to `diagnostics`; with errors the pipeline is not to be run.
    pub fn compile(
        config: &Config,
        context: &BuildContext,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut filters = Vec::new();
        let mut add_plugin = |plugin: &Plugin, diagnostics: &mut Vec<Diagnostic>| {
            let filter = build_filter(plugin, context, diagnostics)?;
            filters.push(filter);
            Some(filters.len() as u32 - 1)
        };
        let mut flow = Flow::default();
        for section in &config.sections {
            if section.kind == SectionKind::Filter {
                flow.append(&section.body, &mut add_plugin, diagnostics);
            }
        }
        Self { filters, flow }
    }

    /// Whether there are no filters: events pass as they are.
    pub fn is_empty(&self) -> bool {
        self.flow.is_empty()
    }

    /// The plugin name and the `id`, where it has one, of each filter; in the order of [`WorkerState::counters`].
    pub fn filter_names(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        self.filters
            .iter()
            .map(|filter| (filter.name, filter.common.id.as_deref()))
    }

    /// What each filter counts for itself; in the order of [`WorkerState::counts`].
    pub fn count_names(&self) -> impl Iterator<Item = Vec<CountName>> {
        self.filters
            .iter()
            .map(|filter| filter.filter.count_names())
    }

    /// Runs one event through the filters and hands what comes of it to `out`, in order.
    pub fn run<'a>(
        &self,
        event: Event<'a>,
        now: Timestamp,
        worker: &mut WorkerState,
        out: &mut dyn FnMut(Event<'a>, &mut WorkerState),
    ) {
        if self.filters.is_empty() {
            return out(event, worker);
        }
        worker
            .counters
            .resize(self.filters.len(), FilterCounters::default());
        worker.counts.resize_with(self.filters.len(), Vec::new);
        // Events still to be run, the next one last. A filter's own event goes on before those it made.
        let mut waiting: Vec<(Event<'a>, Position)> = Vec::new();
        let mut emitted = Vec::new();
        self.run_one(
            event,
            Position::default(),
            now,
            worker,
            &mut waiting,
            &mut emitted,
            out,
        );
        while let Some((event, position)) = waiting.pop() {
            self.run_one(
                event,
                position,
                now,
                worker,
                &mut waiting,
                &mut emitted,
                out,
            );
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the state of one loop, private to this file"
    )]
    fn run_one<'a>(
        &self,
        mut event: Event<'a>,
        mut position: Position,
        now: Timestamp,
        worker: &mut WorkerState,
        waiting: &mut Vec<(Event<'a>, Position)>,
        emitted: &mut Vec<Emitted<'a>>,
        out: &mut dyn FnMut(Event<'a>, &mut WorkerState),
    ) {
        while let Some(number) = self.flow.next(&mut position, &event, &mut worker.scratch) {
            let instance = &self.filters[number as usize];
            let counters = &mut worker.counters[number as usize];
            counters.events_in += 1;
            let counts = &mut worker.counts[number as usize];
            counts.resize(instance.own_counts, 0);
            let mut context = Context {
                now,
                scratch: &mut worker.scratch,
                counts,
                emitted,
            };
            let outcome = instance.filter.apply(&mut event, &mut context);
            if outcome == Outcome::Matched {
                counters.matched += 1;
                instance.decorate(&mut event);
            }
            counters.events_out += emitted.len() as u64;
            while let Some(mut made) = emitted.pop() {
                if made.matched {
                    instance.decorate(&mut made.event);
                }
                waiting.push((made.event, position));
            }
            if outcome == Outcome::Drop {
                return;
            }
            counters.events_out += 1;
        }
        out(event, worker);
    }

    /// Lets filters that hold something back give it out; called about every five seconds.
    pub fn flush<'a>(
        &self,
        _arena: &'a Arena,
        now: Timestamp,
        worker: &mut WorkerState,
        out: &mut dyn FnMut(Event<'a>, &mut WorkerState),
    ) {
        for instance in &self.filters {
            let mut emitted = Vec::new();
            instance.filter.flush(&mut Context {
                now,
                scratch: &mut worker.scratch,
                counts: &mut [],
                emitted: &mut emitted,
            });
            for made in emitted {
                out(made.event, worker);
            }
        }
    }
}

fn build_filter(
    plugin: &Plugin,
    context: &BuildContext,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<FilterInstance> {
    let name = &plugin.name.node;
    if let Some(found) = FILTERS.iter().find(|filter| filter.spec.name == name) {
        let mut settings = Settings::new(plugin, diagnostics);
        return FilterInstance::build(found, &mut settings, context);
    }
    let span = plugin.name.span;
    let diagnostic = match UNSUPPORTED_FILTERS.iter().find(|(known, _)| known == name) {
        Some((_, instead)) => {
            Diagnostic::error(span, format!("filter `{name}` is not supported")).help(*instead)
        }
        None => {
            let diagnostic = Diagnostic::error(span, format!("there is no filter `{name}`"))
                .label("unknown filter");
            match nearest(name, FILTERS.iter().map(|filter| filter.spec.name)) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic,
            }
        }
    };
    diagnostics.push(diagnostic);
    None
}
