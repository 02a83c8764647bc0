//! `elapsed`: measures the time between two events (source: logstash-filter-elapsed).
//!
//! The starts that wait for their end are shared by all workers, behind a lock: the two events may be in any of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::event::{Event, FieldRef, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::host::host_name;
use crate::json::{Fractions, parse};
use crate::spec::Settings;
use crate::time::Timestamp;
use crate::{plugin_choice, plugin_options};

plugin_options! {
    /// Measures the time between an event with a start tag and one with an end tag.
    ///
    /// The two belong together if they hold the same identifier. The second one gets the tags `elapsed` and
    /// `elapsed_match` and the seconds between their timestamps in `elapsed_time`. A start without an end in time makes an
    /// event with the tag `elapsed_expired_error`.
    pub struct ElapsedOptions for Filter "elapsed" {
        /// The tag of the first event.
        start_tag: String,
        /// The tag of the second event.
        end_tag: String,
        /// The field that holds the identifier.
        unique_id_field: FieldRef<'static>,
        /// How long to wait for the second event, in seconds.
        timeout: i64 = 1800,
        /// Makes an event for the result, and leaves the second one as it is.
        new_event_on_match: bool = false,
        /// Which event counts if several start before one ends.
        keep_start_event: KeepStart = "first",
    }
}

plugin_choice! {
    /// Which of several starts counts.
    pub enum KeepStart {
        /// The first one.
        First = "first",
        /// The last one.
        Last = "last",
    }
}

const TAG: &str = "elapsed";
const MATCH_TAG: &str = "elapsed_match";
const EXPIRED_TAG: &str = "elapsed_expired_error";
const NO_START_TAG: &str = "elapsed_end_without_start";

/// Measures the time between two events.
pub struct Elapsed {
    options: ElapsedOptions,
    start_tag: &'static str,
    end_tag: &'static str,
    waiting: Mutex<Waiting>,
    host: FieldRef<'static>,
    time: FieldRef<'static>,
    start: FieldRef<'static>,
}

#[derive(Default)]
struct Waiting {
    /// By identifier, as JSON: 1 and "1" differ.
    starts: HashMap<Box<str>, Start>,
    /// So many came before.
    count: u64,
}

struct Start {
    timestamp: Option<Timestamp>,
    /// When it came here, in seconds.
    since: i64,
    number: u64,
}

impl BuildFilter for Elapsed {
    type Options = ElapsedOptions;

    fn build(options: ElapsedOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self {
            start_tag: intern(&options.start_tag),
            end_tag: intern(&options.end_tag),
            options,
            waiting: Mutex::default(),
            host: FieldRef::constant("host"),
            time: FieldRef::constant("elapsed_time"),
            start: FieldRef::constant("elapsed_timestamp_start"),
        })
    }
}

impl Filter for Elapsed {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let id = match event.get(self.options.unique_id_field) {
            None | Some(Value::Null) => return Outcome::Unmatched,
            Some(id) => id.clone(),
        };
        if has_tag(event, self.start_tag) {
            self.remember(key(&id), event.timestamp(), context.now.seconds());
            return Outcome::Matched;
        }
        if !has_tag(event, self.end_tag) {
            return Outcome::Unmatched;
        }
        let start = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.starts.remove(&key(&id))
        };
        let Some(start) = start else {
            event.tag(NO_START_TAG);
            return Outcome::Matched;
        };
        let elapsed = seconds_between(start.timestamp, event.timestamp());
        if self.options.new_event_on_match {
            let mut made = Event::new(context.arena, context.now);
            made.try_set(self.host, Value::Str(host_name()));
            self.add_result(&mut made, id, Value::Float(elapsed), start.timestamp);
            context.emit(made, true);
        } else {
            self.add_result(event, id, Value::Float(elapsed), start.timestamp);
        }
        Outcome::Matched
    }

    fn flush<'a>(&self, context: &mut Context<'a, '_>) {
        let now = context.now.seconds();
        let mut expired = self.expired(now);
        expired.sort_by_key(|(_, start)| start.number);
        for (id, start) in expired {
            let arena = context.arena;
            let id = parse(arena.alloc_str(&id), arena, Fractions::Decimal);
            let mut made = Event::new(arena, context.now);
            made.tag_all(&[TAG, EXPIRED_TAG]);
            made.try_set(self.host, Value::Str(host_name()));
            made.try_set(self.options.unique_id_field, id.unwrap_or(Value::Null));
            made.try_set(self.time, Value::Int(now - start.since));
            self.set_start(&mut made, start.timestamp);
            context.emit(made, true);
        }
    }
}

impl Elapsed {
    fn remember(&self, id: Box<str>, timestamp: Option<Timestamp>, since: i64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = self.options.keep_start_event == KeepStart::First;
        if keep && waiting.starts.contains_key(&id) {
            return;
        }
        waiting.count += 1;
        let number = waiting.count;
        let start = Start {
            timestamp,
            since,
            number,
        };
        waiting.starts.insert(id, start);
    }

    /// Takes out the starts that have waited too long.
    fn expired(&self, now: i64) -> Vec<(Box<str>, Start)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let too_old = |start: &Start| now - start.since >= self.options.timeout;
        waiting
            .starts
            .extract_if(|_, start| too_old(start))
            .collect()
    }

    fn add_result<'a>(
        &self,
        event: &mut Event<'a>,
        id: Value<'a>,
        elapsed: Value<'a>,
        start: Option<Timestamp>,
    ) {
        event.tag_all(&[TAG, MATCH_TAG]);
        event.try_set(self.time, elapsed);
        event.try_set(self.options.unique_id_field, id);
        self.set_start(event, start);
    }

    fn set_start(&self, event: &mut Event<'_>, start: Option<Timestamp>) {
        event.try_set(self.start, start.map_or(Value::Null, Value::Timestamp));
    }
}

/// Tags may be a list or, as Ruby has it, a text that holds the tag.
fn has_tag(event: &Event<'_>, tag: &str) -> bool {
    match event.fields().get("tags") {
        Some(Value::Array(tags)) => tags.iter().any(|have| have.as_str() == Some(tag)),
        Some(Value::Str(tags)) => tags.contains(tag),
        _ => false,
    }
}

fn key(id: &Value<'_>) -> Box<str> {
    let mut json = Vec::new();
    id.write_json(&mut json);
    String::from_utf8_lossy(&json).into()
}

fn seconds_between(start: Option<Timestamp>, end: Option<Timestamp>) -> f64 {
    let (Some(start), Some(end)) = (start, end) else {
        return 0.0;
    };
    let nanos =
        |at: Timestamp| i128::from(at.seconds()) * 1_000_000_000 + i128::from(at.subsec_nanos());
    (nanos(end) - nanos(start)) as f64 / 1e9
}
