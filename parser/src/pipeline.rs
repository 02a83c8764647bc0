//! The filter section: compiled once, run for every event.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::config::ast::{Config, Plugin, SectionKind};
use crate::config::{Diagnostic, nearest};
use crate::event::{Arena, Event};
use crate::filter::{
    BuildContext, Context, CountName, Emitted, FILTERS, Filter, FilterInstance, Outcome,
    UNSUPPORTED_FILTERS,
};
use crate::flow::{Flow, Position};
use crate::grok::Misses;
use crate::groks_ahead::GroksAhead;
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
    /// How long it took, in nanoseconds. Measured for the first events and then for one in many, which counts for all of
    /// them: looking at a clock takes as long as a cheap filter does.
    pub busy_nanos: u64,
}

/// Of so many events one is measured.
const MEASURED_EVERY: u64 = 64;

impl FilterCounters {
    /// For how many events the next one is measured; 0 where it is not.
    fn weight(&self) -> u64 {
        match self.events_in {
            ..MEASURED_EVERY => 1,
            events if events.is_multiple_of(MEASURED_EVERY) => MEASURED_EVERY,
            _ => 0,
        }
    }
}

impl Pipeline {
    /// Compiles the filter sections of `config`. Errors go to `diagnostics`; with errors the pipeline is not to be run.
    pub fn compile(
        config: &Config,
        context: &BuildContext,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let context = &context.of_pipeline();
        let sections = config.sections.iter();
        let bodies = sections
            .filter(|section| section.kind == SectionKind::Filter)
            .map(|section| &section.body);
        let build = |plugin: &Plugin, diagnostics: &mut Vec<Diagnostic>| {
            build_filter(plugin, context, diagnostics)
        };
        let mut ahead = match context.side_by_side {
            Some(run) => GroksAhead::build(bodies.clone().flatten(), run, build),
            None => GroksAhead::none(),
        };
        let mut filters = Vec::new();
        let mut add_plugin = |plugin: &Plugin, diagnostics: &mut Vec<Diagnostic>| {
            let filter = match ahead.take(plugin) {
                Some((filter, found)) => {
                    diagnostics.extend(found);
                    filter
                }
                None => build(plugin, diagnostics),
            };
            filters.push(filter?);
            Some(filters.len() as u32 - 1)
        };
        let mut flow = Flow::default();
        for body in bodies {
            flow.append(body, &mut add_plugin, diagnostics);
        }
        Self { filters, flow }
    }

    /// Puts another filter in the place of one, for tests of what surrounds a pipeline.
    #[doc(hidden)]
    pub fn replace_filter(&mut self, number: usize, filter: Box<dyn Filter>) {
        self.filters[number].filter = filter;
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

    /// The texts that each filter could not take apart, where it keeps some; in the order of the configuration.
    pub fn misses(&self) -> impl Iterator<Item = Option<&Arc<Misses>>> {
        self.filters.iter().map(|filter| filter.filter.misses())
    }

    /// Runs one event through the filters and hands what comes of it to `out`, in order.
    pub fn run<'a>(
        &self,
        mut event: Event<'a>,
        now: Timestamp,
        worker: &mut WorkerState,
        out: &mut dyn FnMut(Event<'a>, &mut WorkerState),
    ) {
        event.set_now(now);
        if self.filters.is_empty() {
            return out(event, worker);
        }
        self.run_on(Traveller::new(event), now, worker, out);
    }

    /// Runs one event from where it is through the filters that are left.
    fn run_on<'a>(
        &self,
        mut traveller: Traveller<'a>,
        now: Timestamp,
        worker: &mut WorkerState,
        out: &mut dyn FnMut(Event<'a>, &mut WorkerState),
    ) {
        worker
            .counters
            .resize(self.filters.len(), FilterCounters::default());
        worker.counts.resize_with(self.filters.len(), Vec::new);
        let mut emitted = Vec::new();
        match self.advance(&mut traveller, false, now, worker, &mut emitted) {
            Stop::End => out(traveller.event, worker),
            Stop::Dropped if emitted.is_empty() => {}
            stop => {
                let finished = self.run_group(traveller, stop, now, worker, emitted);
                for event in finished {
                    out(event, worker);
                }
            }
        }
    }

    /// Runs on an event that has become several. The result is in the order in which Logstash has it.
    fn run_group<'a>(
        &self,
        first: Traveller<'a>,
        mut stop: Stop,
        now: Timestamp,
        worker: &mut WorkerState,
        mut emitted: Vec<Emitted<'a>>,
    ) -> Vec<Event<'a>> {
        // The next one last. A filter's own event goes on before those it made.
        let mut waiting: Vec<Traveller<'a>> = Vec::new();
        let mut finished: Vec<Traveller<'a>> = Vec::new();
        let mut current = first;
        loop {
            while let Some(made) = emitted.pop() {
                waiting.push(Traveller {
                    event: made.event,
                    position: current.position,
                    decisions: current.decisions.clone(),
                });
            }
            match stop {
                Stop::End => finished.push(current),
                Stop::Dropped => {}
                Stop::Emitted => waiting.push(current),
            }
            let Some(next) = waiting.pop() else {
                return in_order_of_branches(finished);
            };
            current = next;
            stop = self.advance(&mut current, true, now, worker, &mut emitted);
        }
    }

    /// Runs an event until it has passed all filters, is dropped, or a filter made further events of it.
    fn advance<'a>(
        &self,
        traveller: &mut Traveller<'a>,
        noting: bool,
        now: Timestamp,
        worker: &mut WorkerState,
        emitted: &mut Vec<Emitted<'a>>,
    ) -> Stop {
        let Traveller {
            event,
            position,
            decisions,
        } = traveller;
        while let Some(number) =
            self.flow
                .next_noting(position, event, &mut worker.scratch, |step, held| {
                    if noting {
                        decisions.push((step, held));
                    }
                })
        {
            let instance = &self.filters[number as usize];
            let counters = &mut worker.counters[number as usize];
            let weight = counters.weight();
            let began = (weight > 0).then(Instant::now);
            counters.events_in += 1;
            let counts = &mut worker.counts[number as usize];
            counts.resize(instance.own_counts, 0);
            let mut context = Context {
                now,
                arena: event.arena(),
                closing: false,
                scratch: &mut worker.scratch,
                counts,
                emitted,
                instance,
            };
            let outcome = instance.filter.apply(event, &mut context);
            if outcome == Outcome::Matched {
                instance.decorate(event);
            }
            counters.matched += u64::from(matches!(outcome, Outcome::Matched | Outcome::Decorated));
            if let Some(began) = began {
                counters.busy_nanos += began.elapsed().as_nanos() as u64 * weight;
            }
            counters.events_out += emitted.len() as u64;
            for (index, made) in (0..).zip(emitted.iter_mut()) {
                made.event.set_lineage(event.lineage().child(number, index));
                if made.matched {
                    instance.decorate(&mut made.event);
                }
            }
            if outcome == Outcome::Drop {
                return Stop::Dropped;
            }
            counters.events_out += 1;
            if !emitted.is_empty() {
                return Stop::Emitted;
            }
        }
        Stop::End
    }

    /// The first filter that needs the events in the order in which they were read: only one worker may then run the
    /// pipeline.
    pub fn ordered_filter(&self) -> Option<&'static str> {
        let mut filters = self.filters.iter();
        let found = filters.find(|instance| instance.filter.needs_order())?;
        Some(found.name)
    }

    /// Lets filters take up what they have kept from the last run of the program.
    pub fn open(&self) {
        self.filters
            .iter()
            .for_each(|instance| instance.filter.open());
    }

    /// Lets filters keep what the next run of the program shall have; behind the last flush.
    pub fn close(&self) {
        self.filters
            .iter()
            .for_each(|instance| instance.filter.close());
    }

    /// Lets filters that hold something back give it out; called about every five seconds, the last time with `closing`.
    /// What they give runs through the filters behind them.
    pub fn flush<'a>(
        &self,
        arena: &'a Arena,
        now: Timestamp,
        closing: bool,
        worker: &mut WorkerState,
        out: &mut dyn FnMut(Event<'a>, &mut WorkerState),
    ) {
        worker.counts.resize_with(self.filters.len(), Vec::new);
        for (number, instance) in self.filters.iter().enumerate() {
            let mut emitted = Vec::new();
            let counts = &mut worker.counts[number];
            counts.resize(instance.own_counts, 0);
            instance.filter.flush(&mut Context {
                now,
                arena,
                closing,
                scratch: &mut worker.scratch,
                counts,
                emitted: &mut emitted,
                instance,
            });
            for mut made in emitted {
                if made.matched {
                    instance.decorate(&mut made.event);
                }
                let traveller = Traveller {
                    position: self.flow.behind(number as u32),
                    ..Traveller::new(made.event)
                };
                self.run_on(traveller, now, worker, out);
            }
        }
    }
}

/// An event on its way through the filters.
struct Traveller<'a> {
    event: Event<'a>,
    position: Position,
    /// The conditions it met since it was one of several, and whether they held.
    decisions: Vec<(u32, bool)>,
}

impl<'a> Traveller<'a> {
    fn new(event: Event<'a>) -> Self {
        Self {
            event,
            position: Position::default(),
            decisions: Vec::new(),
        }
    }

    fn decided(&self, step: u32) -> Option<bool> {
        let mut decisions = self.decisions.iter();
        decisions.find_map(|(at, held)| (*at == step).then_some(*held))
    }
}

/// Why an event does not move on.
enum Stop {
    End,
    Dropped,
    /// There are further events, which are to be looked after first.
    Emitted,
}

/// Logstash runs all events of a batch through a branch before it turns to the next branch. So
/// behind a condition the events for which it held come first
/// (source: `SplitDataset` in `org.logstash.config.ir.compiler.DatasetCompiler`).
fn in_order_of_branches<'a>(mut travellers: Vec<Traveller<'a>>) -> Vec<Event<'a>> {
    let decisions = travellers.iter().flat_map(|one| &one.decisions);
    let steps: BTreeSet<u32> = decisions.map(|(step, _)| *step).collect();
    for step in steps {
        // Those that met the condition change places among themselves; the others stay where they are.
        let places: Vec<usize> = (0..travellers.len())
            .filter(|&at| travellers[at].decided(step).is_some())
            .collect();
        let mut order = places.clone();
        order.sort_by_key(|&at| travellers[at].decided(step) != Some(true));
        let mut moved: Vec<Option<Traveller<'a>>> = travellers.into_iter().map(Some).collect();
        let sorted: Vec<_> = order.iter().map(|&at| moved[at].take()).collect();
        for (place, traveller) in places.into_iter().zip(sorted) {
            moved[place] = traveller;
        }
        travellers = moved.into_iter().flatten().collect();
    }
    travellers
        .into_iter()
        .map(|traveller| traveller.event)
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ParseOptions, SourceMap, parse};
    use crate::spec::EcsCompatibility;

    #[test]
    fn filters_are_measured_by_samples() {
        let mut sources = SourceMap::default();
        sources.add("a.conf", "filter { sleep { time => \"0.001\" } drop { } }");
        let (config, mut found) = parse(&sources, &ParseOptions::default());
        let context = BuildContext::new(EcsCompatibility::default());
        let pipeline = Pipeline::compile(&config, &context, &mut found);
        let mut worker = WorkerState::default();
        for _ in 0..MEASURED_EVERY + 2 {
            let arena = Arena::new();
            let now = Timestamp::new(0, 0);
            let event = Event::new(&arena, now);
            pipeline.run(event, now, &mut worker, &mut |_, _| {});
        }
        // Each of the first, and one for those that follow.
        let measured = worker.counters[0].busy_nanos;
        assert!(measured >= 2 * MEASURED_EVERY * 1_000_000, "{measured}");
        assert!(worker.counters[1].busy_nanos < measured);
    }
}
