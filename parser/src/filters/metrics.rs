//! `metrics`: counts and times events, and makes an event of the figures now and then (source: logstash-filter-metrics, metriks).
//!
//! The figures are shared by all workers, behind a lock: they are of all events.

mod meter;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::event::{ArenaString, Event, FieldRef, Template, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::grok::to_f;
use crate::host::host_name;
use crate::plugin_options;
use crate::spec::{Pairs, Settings};
use crate::time::Timestamp;
use meter::{Meter, Timer};

plugin_options! {
    /// Counts events and the values in their fields, and makes an event of the figures every few seconds.
    ///
    /// The common options apply to the events that it makes, so that `add_tag` tells them from others.
    pub struct MetricsOptions for Filter "metrics" {
        /// Names of what is counted: each event counts for each of them.
        meter: Vec<Template> = [],
        /// Names of what is measured, with the value, mostly taken from a field.
        timer: Pairs<Template> = [],
        /// Passes over events whose timestamp is older than so many seconds; 0 for none.
        ignore_older_than: i64 = 0,
        /// How often an event is made, in seconds; a multiple of 5.
        flush_interval: i64 = 5,
        /// How often all figures start anew, in seconds; a multiple of 5. -1 for never.
        clear_interval: i64 = -1,
        /// Over how many minutes rates are averaged: 1, 5, 15.
        rates: Option<Vec<i64>>,
        /// Which percentiles of measured values are given.
        percentiles: Vec<String> = ["1", "5", "10", "90", "95", "99", "100"],
    }
}

/// Counts and times events.
pub struct Metrics {
    meters: Vec<Template>,
    timers: Vec<(Template, Template)>,
    ignore_older_than: i64,
    flush_interval: i64,
    clear_interval: i64,
    rates: Vec<i64>,
    /// Each with its name.
    percentiles: Vec<(f64, String)>,
    figures: Mutex<Figures>,
}

#[derive(Default)]
struct Figures {
    meters: BTreeMap<Box<str>, Meter>,
    timers: BTreeMap<Box<str>, Timer>,
    /// When an event was last made, and when the figures last started, in milliseconds.
    flushed: Option<i64>,
    cleared: i64,
}

impl BuildFilter for Metrics {
    type Options = MetricsOptions;

    fn build(
        options: MetricsOptions,
        settings: &mut Settings<'_>,
        _: &BuildContext,
    ) -> Option<Self> {
        let rates = options.rates.unwrap_or_else(|| vec![1, 5, 15]);
        if let Some(rate) = rates.iter().find(|rate| ![1, 5, 15].contains(*rate)) {
            let span = settings.span_of("rates");
            settings.report(span, format!("`{rate}` is no rate: there are 1, 5 and 15"));
            return None;
        }
        let mut percentiles = Vec::new();
        for text in options.percentiles {
            match text.parse::<f64>() {
                Ok(number) if (0.0..=100.0).contains(&number) => {
                    percentiles.push((number, format!("p{text}")));
                }
                _ => {
                    let span = settings.span_of("percentiles");
                    let message = format!("`{text}` is no percentile: they go from 0 to 100");
                    settings.report(span, message);
                    return None;
                }
            }
        }
        let timers = options.timer.0.into_iter();
        Some(Self {
            meters: options.meter,
            timers: timers
                .map(|(name, value)| (Template::lenient(&name.node), value))
                .collect(),
            ignore_older_than: options.ignore_older_than,
            flush_interval: options.flush_interval,
            clear_interval: options.clear_interval,
            rates,
            percentiles,
            figures: Mutex::default(),
        })
    }
}

impl Filter for Metrics {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let now = context.now;
        if self.is_too_old(event, now) {
            return Outcome::Unmatched;
        }
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.meters {
            let name = name.render(event);
            entry(&mut figures.meters, name, || Meter::new(now.millis())).mark(now.millis());
        }
        for (name, value) in &self.timers {
            let (name, value) = (name.render(event), to_f(value.render(event)));
            entry(&mut figures.timers, name, || Timer::new(now.millis()))
                .update(value, now.millis());
        }
        Outcome::Unmatched
    }

    fn flush<'a>(&self, context: &mut Context<'a, '_>) {
        let now = context.now;
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(flushed) = figures.flushed else {
            (figures.flushed, figures.cleared) = (Some(now.millis()), now.millis());
            return;
        };
        let empty = figures.meters.is_empty() && figures.timers.is_empty();
        if empty || seconds_since(flushed, now) < self.flush_interval {
            return;
        }
        figures.flushed = Some(now.millis());
        let event = self.event_of(&mut figures, context);
        if self.clear_interval > 0 && seconds_since(figures.cleared, now) >= self.clear_interval {
            figures.cleared = now.millis();
            figures.meters.clear();
            figures.timers.clear();
        }
        drop(figures);
        context.emit(event, true);
    }
}

impl Metrics {
    fn is_too_old(&self, event: &Event<'_>, now: Timestamp) -> bool {
        let limit = self.ignore_older_than.saturating_mul(1000);
        let old = |at: Timestamp| now.millis().saturating_sub(at.millis()) > limit;
        limit > 0 && event.timestamp().is_some_and(old)
    }

    fn event_of<'a>(&self, figures: &mut Figures, context: &Context<'a, '_>) -> Event<'a> {
        let now = context.now;
        let mut event = Event::new(context.arena, now);
        event.fields_mut().set("message", Value::Str(host_name()));
        for (name, meter) in &mut figures.meters {
            self.set_rates(&mut event, name, meter, now);
        }
        for (name, timer) in &mut figures.timers {
            self.set_rates(&mut event, name, &mut timer.meter, now);
            set(&mut event, name, "min", Value::Float(timer.min()));
            set(&mut event, name, "max", Value::Float(timer.max()));
            set(
                &mut event,
                name,
                "stddev",
                Value::Float(timer.standard_deviation()),
            );
            set(&mut event, name, "mean", Value::Float(timer.mean()));
            let values = timer.sorted();
            for (percentile, field) in &self.percentiles {
                let value = meter::quantile(&values, percentile / 100.0);
                set(&mut event, name, field, Value::Float(value));
            }
        }
        event
    }

    fn set_rates(&self, event: &mut Event<'_>, name: &str, meter: &mut Meter, now: Timestamp) {
        set(event, name, "count", Value::Int(meter.count as i64));
        let rates = meter.rates(now.millis());
        for (minutes, rate) in [1, 5, 15].into_iter().zip(rates) {
            if self.rates.contains(&minutes) {
                set(event, name, &format!("rate_{minutes}m"), Value::Float(rate));
            }
        }
    }
}

fn entry<'f, T>(
    figures: &'f mut BTreeMap<Box<str>, T>,
    name: &str,
    new: impl FnOnce() -> T,
) -> &'f mut T {
    if !figures.contains_key(name) {
        figures.insert(name.into(), new());
    }
    match figures.get_mut(name) {
        Some(figure) => figure,
        None => unreachable!("it was just set"),
    }
}

/// Sets `[name][figure]`; a name that makes no field is passed over.
fn set<'a>(event: &mut Event<'a>, name: &str, figure: &str, value: Value<'a>) {
    let arena = event.arena();
    let text = ArenaString::from_str_in(&format!("[{name}][{figure}]"), arena);
    if let Ok(field) = FieldRef::parse_in(arena, text.into_bump_str()) {
        event.try_set(field, value);
    }
}

/// Logstash counts calls that come every 5 seconds; the time since is rounded to as many.
fn seconds_since(then: i64, now: Timestamp) -> i64 {
    (now.millis() - then + 2500) / 5000 * 5
}
