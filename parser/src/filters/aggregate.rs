//! `aggregate`: gathers what several events say about one task (source: logstash-filter-aggregate).
//!
//! The maps are in [`tasks`], shared by all filters of the pipeline with the same `task_id` pattern. The code is Ruby, see
//! [`crate::ruby`].

mod store;
mod tasks;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use tasks::Pipeline as SharedTasks;
use tasks::{Flusher, Group, Task, Tasks, Timeouts};

use crate::config::ast::Spanned;
use crate::event::{Event, FieldRef, Template, Value};
use crate::filter::{BuildContext, BuildFilter, Context, CountName, Filter, Outcome, add_tags};
use crate::ruby::{Source, TaskScript};
use crate::spec::{PositiveInt, Settings};
use crate::time::Timestamp;
use crate::{plugin_choice, plugin_options};

plugin_options! {
    /// Gathers what several events say about one task.
    ///
    /// All events with the same text for `task_id` share a map, in which the code keeps what it needs from one event to the
    /// next. Filters with the same `task_id` pattern share their maps. The events must come in order, so a pipeline with this
    /// filter has one worker. Maps are in memory: what was gathered is lost when the process is killed.
    pub struct AggregateOptions for Filter "aggregate" {
        /// Which task an event belongs to: a text with at least one `%{field}`. An event without those fields passes as it is.
        task_id: Spanned<String>,
        /// The code for each event, which it has as `event`; beside it there are `map`, `map_meta` and `new_event_block`.
        code: Spanned<String>,
        /// Whether the map is made here, must be there already, or either.
        map_action: MapAction = "create_or_update",
        /// Forgets the map after the code has run.
        end_of_task: bool = false,
        /// A file in which all maps of the pipeline are kept from a stop to the next start. In one filter only. It is no file
        /// of Logstash's, which has a format of Ruby's own.
        aggregate_maps_path: Option<Spanned<PathBuf>>,
        /// How long a map may exist, in seconds: 1800 unless it is set. Like all timeout options only in one of the filters
        /// with the same `task_id` pattern.
        timeout: Option<Spanned<f64>>,
        /// How long a map may exist without an event, in seconds. Not more than `timeout`.
        inactivity_timeout: Option<Spanned<f64>>,
        /// Code for events made of maps, which it has as `event`.
        timeout_code: Option<Spanned<String>>,
        /// Makes an event of each map that has timed out.
        push_map_as_event_on_timeout: bool = false,
        /// Makes an event of the map of the task before, whenever a new task begins, and at the end.
        push_previous_map_as_event: bool = false,
        /// The field with the time by which timeouts are measured; unless it is set, that is the time of processing.
        timeout_timestamp_field: Option<FieldRef<'static>>,
        /// The field of events made of maps that gets the task's identifier.
        timeout_task_id_field: Option<FieldRef<'static>>,
        /// Tags of events made of maps.
        timeout_tags: Vec<Template> = [],
        /// From so many maps of one `task_id` pattern on, the log warns of them; 0 for never.
        map_count_warning_threshold: PositiveInt = 5000,
        /// How many bytes the maps of one `task_id` pattern may take together. Beyond it an event that would add to them is
        /// tagged with `_aggregatelimit` instead. An option of Kelp's own.
        map_bytes_max: PositiveInt = 268435456,
    }
}

plugin_choice! {
    /// What to do with a map.
    pub enum MapAction {
        /// Make it, and run the code only then.
        Create = "create",
        /// Run the code only if it is there.
        Update = "update",
        /// Make it where it is not there, and run the code.
        CreateOrUpdate = "create_or_update",
    }
}

const EXCEPTION_TAG: &str = "_aggregateexception";
const FINAL_TAG: &str = "_aggregatefinalflush";
const LIMIT_TAG: &str = "_aggregatelimit";

/// How long a map may exist unless `timeout` says so, in seconds.
const DEFAULT_TIMEOUT: f64 = 1800.0;
/// A fault that comes with every event is said once in so many seconds.
const SAY_EVERY: i64 = 60;

/// Gathers what several events say about one task.
pub struct Aggregate {
    options: AggregateOptions,
    task_id: Template,
    script: TaskScript,
    pipeline: Arc<SharedTasks>,
    group: Arc<Group>,
    /// Which of the filters of its group it is.
    number: usize,
    timeouts: Timeouts,
}

/// What is counted, by its place.
const COUNTS: [&str; 5] = [
    "code_errors",
    "timeout_code_errors",
    "task_timeouts",
    "pushed_events",
    "events_beyond_limit",
];
const CODE_ERRORS: usize = 0;
const TIMEOUT_CODE_ERRORS: usize = 1;
const TASK_TIMEOUTS: usize = 2;
const PUSHED_EVENTS: usize = 3;
const BEYOND_LIMIT: usize = 4;

impl BuildFilter for Aggregate {
    type Options = AggregateOptions;

    fn build(
        options: AggregateOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        let pattern = &options.task_id;
        if !has_field(&pattern.node) {
            let message = format!("`task_id` is always `{}`", pattern.node);
            settings.report(pattern.span, message).help =
                Some("name a field that tells tasks apart, such as \"%{request_id}\"".to_owned());
            return None;
        }
        let timeouts = options.timeouts(settings)?;
        let pipeline = Arc::clone(&context.tasks);
        let group = pipeline.group(&pattern.node);
        let mut tasks = group.lock();
        let number = tasks.members;
        tasks.members += 1;
        if options.has_timeout_options() {
            if tasks.flusher.is_some() {
                let message = format!(
                    "another filter with the `task_id` \"{}\" has timeout options already",
                    pattern.node
                );
                settings.report(pattern.span, message).help = Some(
                    "of the filters with the same `task_id` only one may have `timeout`, `inactivity_timeout`, `timeout_code`, `push_map_as_event_on_timeout`, `push_previous_map_as_event`, `timeout_timestamp_field`, `timeout_task_id_field` or `timeout_tags`".to_owned(),
                );
                return None;
            }
            tasks.flusher = Some(options.flusher(number));
        }
        if let Some(path) = &options.aggregate_maps_path {
            pipeline.keep_in(path, settings)?;
        }
        let code_variables = &["event", "map", "map_meta", "new_event_block"];
        let code = Source::code(&options.code.node, options.code.span, code_variables);
        let timeout_code = options
            .timeout_code
            .as_ref()
            .map(|code| Source::code(&code.node, code.span, &["event"]));
        let script = TaskScript::compile(code, timeout_code, &mut tasks.constants, settings)?;
        drop(tasks);
        Some(Self {
            task_id: Template::lenient(&pattern.node),
            options,
            script,
            pipeline,
            group,
            number,
            timeouts,
        })
    }
}

/// Whether a text has a `%{field}` on one line.
fn has_field(text: &str) -> bool {
    text.lines().any(|line| {
        line.match_indices("%{")
            .any(|(at, _)| line[at + 2..].rfind('}').is_some_and(|length| length > 0))
    })
}

impl AggregateOptions {
    fn has_timeout_options(&self) -> bool {
        self.timeout.is_some()
            || self.inactivity_timeout.is_some()
            || self.timeout_code.is_some()
            || self.push_map_as_event_on_timeout
            || self.push_previous_map_as_event
            || self.timeout_timestamp_field.is_some()
            || self.timeout_task_id_field.is_some()
            || !self.timeout_tags.is_empty()
    }

    fn timeouts(&self, settings: &mut Settings<'_>) -> Option<Timeouts> {
        let total = self.timeout.as_ref().map(|timeout| timeout.node);
        let total = total.unwrap_or(DEFAULT_TIMEOUT);
        let Some(inactivity) = &self.inactivity_timeout else {
            return Some(Timeouts {
                total,
                inactivity: total,
            });
        };
        if inactivity.node > total {
            let message = format!(
                "`inactivity_timeout` ({}) is more than `timeout` ({total}), so it would never be reached",
                inactivity.node
            );
            settings.report(inactivity.span, message);
            return None;
        }
        Some(Timeouts {
            total,
            inactivity: inactivity.node,
        })
    }

    fn flusher(&self, filter: usize) -> Flusher {
        Flusher {
            filter,
            pushes_on_timeout: self.push_map_as_event_on_timeout,
        }
    }

    fn pushes(&self) -> bool {
        self.push_previous_map_as_event || self.push_map_as_event_on_timeout
    }
}

impl Filter for Aggregate {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let id = self.task_id.render(event);
        if id == self.task_id.source() {
            return Outcome::Unmatched;
        }
        let mut pushed = Vec::new();
        let outcome = self.gather(id, event, &mut pushed, context);
        for event in pushed {
            context.emit(event, false);
        }
        outcome
    }

    fn count_names(&self) -> Vec<CountName> {
        let name = |what| CountName {
            field: String::new(),
            of: self.options.task_id.node.clone(),
            what,
        };
        COUNTS.map(name).to_vec()
    }

    fn flush<'a>(&self, context: &mut Context<'a, '_>) {
        let mut tasks = self.group.lock();
        let own = self.options.flusher(self.number);
        if tasks.flusher.get_or_insert(own).filter != self.number {
            return;
        }
        if !(context.closing || tasks.flush_is_due(context.now, self.timeouts.inactivity)) {
            return;
        }
        let mut pushed = Vec::new();
        for (id, mut task) in tasks.take_expired(context.now, self.timeouts) {
            count(context, TASK_TIMEOUTS);
            if self.options.pushes() {
                pushed.push(self.event_of(&id, &mut task, context));
            }
        }
        if context.closing
            && self.options.push_previous_map_as_event
            && let Some((id, mut task)) = tasks.take_first()
        {
            pushed.push(self.event_of(&id, &mut task, context));
        }
        drop(tasks);
        for mut event in pushed {
            if context.closing {
                event.tag(FINAL_TAG);
            }
            context.emit(event, false);
        }
    }

    fn open(&self) {
        if let Some(path) = &self.options.aggregate_maps_path {
            self.pipeline.load(&path.node);
        }
    }

    fn close(&self) {
        if let Some(path) = &self.options.aggregate_maps_path {
            self.pipeline.save(&path.node);
        }
    }

    fn needs_order(&self) -> bool {
        true
    }
}

impl Aggregate {
    /// Runs the code on an event and the map of its task.
    fn gather<'a>(
        &self,
        id: &str,
        event: &mut Event<'a>,
        pushed: &mut Vec<Event<'a>>,
        context: &mut Context<'a, '_>,
    ) -> Outcome {
        let Some(at) = self.reference_time(event, context.now) else {
            event.tag(EXCEPTION_TAG);
            count(context, CODE_ERRORS);
            return Outcome::Unmatched;
        };
        let mut tasks = self.group.lock();
        self.warn_of_many(&mut tasks);
        if self.options.timeout_timestamp_field.is_some()
            && let Some((id, mut task)) = tasks.take_expired_by_event(id, at, self.timeouts)
        {
            count(context, TASK_TIMEOUTS);
            if self.options.pushes() {
                pushed.push(self.event_of(&id, &mut task, context));
            }
        }
        let known = tasks.contains(id);
        match self.options.map_action {
            MapAction::Update if !known => return Outcome::Unmatched,
            MapAction::Create if known => return Outcome::Unmatched,
            _ => {}
        }
        if !known
            && self.options.push_previous_map_as_event
            && let Some((id, mut task)) = tasks.take_first()
        {
            pushed.push(self.event_of(&id, &mut task, context));
        }
        let full = tasks.is_full(self.options.map_bytes_max.0);
        if full && !(known && self.options.end_of_task) {
            self.say_full(&mut tasks, context);
            event.tag(LIMIT_TAG);
            count(context, BEYOND_LIMIT);
            return Outcome::Unmatched;
        }
        let (id, mut task) = match tasks.take(id) {
            Some(found) => found,
            None => tasks.begin(id, at, context.now),
        };
        task.note_event(at, context.now);
        let outcome = self
            .script
            .run(event, &mut task.map, &mut task.meta, context);
        if let Some(message) = &outcome.error {
            event.tag(EXCEPTION_TAG);
            count(context, CODE_ERRORS);
            self.say_exception(&mut tasks, "code", message, context.now);
        }
        self.put_back(&mut tasks, id, task, pushed, context);
        match outcome {
            _ if outcome.cancelled => Outcome::Drop,
            _ if outcome.error.is_some() => Outcome::Unmatched,
            _ => Outcome::Matched,
        }
    }

    /// Puts a map back after the code has run, unless the task has ended with it.
    fn put_back<'a>(
        &self,
        tasks: &mut Tasks,
        id: Arc<str>,
        mut task: Task,
        pushed: &mut Vec<Event<'a>>,
        context: &mut Context<'a, '_>,
    ) {
        let own = self.options.flusher(self.number);
        if task.ends_now() {
            if tasks.flusher.get_or_insert(own).pushes_on_timeout {
                pushed.push(self.event_of(&id, &mut task, context));
            }
            count(context, TASK_TIMEOUTS);
            return tasks.forget(&task);
        }
        if task.has_own_timeout() {
            tasks.flusher.get_or_insert(own);
            tasks.check_always = true;
        }
        if self.options.end_of_task {
            tasks.forget(&task);
        } else {
            tasks.put_back(id, task);
        }
    }

    /// The time by which timeouts are measured; `None` where the event lacks it.
    fn reference_time(&self, event: &Event<'_>, now: Timestamp) -> Option<Timestamp> {
        let Some(field) = self.options.timeout_timestamp_field else {
            return Some(now);
        };
        if field.top_level() == Some("@timestamp") {
            return event.timestamp();
        }
        match event.get(field) {
            Some(Value::Timestamp(at)) => Some(*at),
            _ => None,
        }
    }

    /// The event that a map becomes.
    fn event_of<'a>(&self, id: &str, task: &mut Task, context: &mut Context<'a, '_>) -> Event<'a> {
        let arena = context.arena;
        count(context, PUSHED_EVENTS);
        let (mut event, error) = self.script.timeout_event(&mut task.map, context, |event| {
            if let Some(field) = self.options.timeout_task_id_field {
                event.try_set(field, Value::Str(arena.alloc_str(id)));
            }
            if !self.options.timeout_tags.is_empty()
                && add_tags(event, &self.options.timeout_tags).is_err()
            {
                event.tag(EXCEPTION_TAG);
            }
        });
        if let Some(message) = error {
            event.tag(EXCEPTION_TAG);
            count(context, TIMEOUT_CODE_ERRORS);
            tracing::warn!(
                task_id = self.task_id.source(),
                "aggregate: a map could not be made an event as it should: {message}"
            );
        }
        event
    }

    fn warn_of_many(&self, tasks: &mut Tasks) {
        let threshold = self.options.map_count_warning_threshold.0;
        let count = tasks.len() as u64;
        if threshold == 0 {
            return;
        }
        if count < threshold {
            tasks.events_since_warning = 0;
            return;
        }
        if tasks.events_since_warning == 0 {
            tracing::warn!(
                task_id = self.task_id.source(),
                maps = count,
                threshold,
                "aggregate: there are many maps in memory; are there tasks that never end?"
            );
        }
        tasks.events_since_warning = (tasks.events_since_warning + 1) % (threshold / 5).max(1);
    }

    fn say_full(&self, tasks: &mut Tasks, context: &Context<'_, '_>) {
        if tasks.may_say(context.now, SAY_EVERY) {
            tracing::warn!(
                task_id = self.task_id.source(),
                maps = tasks.len(),
                bytes_max = self.options.map_bytes_max.0,
                "aggregate: the maps take all the memory they may; events that would add to them get the tag {LIMIT_TAG}. \
                 Shorten `timeout`, end tasks by `end_of_task`, or raise `map_bytes_max`"
            );
        }
    }

    fn say_exception(&self, tasks: &mut Tasks, what: &str, message: &str, now: Timestamp) {
        if tasks.may_say(now, SAY_EVERY) {
            tracing::warn!(
                task_id = self.task_id.source(),
                "aggregate: `{what}` raised an exception, so the event has the tag {EXCEPTION_TAG}: {message}"
            );
        }
    }
}

fn count(context: &mut Context<'_, '_>, what: usize) {
    if let Some(count) = context.counts.get_mut(what) {
        *count += 1;
    }
}
