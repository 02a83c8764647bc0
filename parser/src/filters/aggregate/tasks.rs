//! The maps of a pipeline: by `task_id` pattern, then by task, in the order in which the tasks began.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::store::{list, numbers};
use crate::event::{Arena, Object, Value};
use crate::ruby::{Constants, Map, TaskMeta, Val, seconds};
use crate::time::Timestamp;

/// What the filters of a pipeline share.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    pub(super) groups: Mutex<BTreeMap<String, Arc<Group>>>,
    /// Where maps are kept from a stop to the next start.
    pub(super) kept_in: Mutex<Option<PathBuf>>,
}

impl Pipeline {
    /// The maps of a `task_id` pattern.
    pub(super) fn group(&self, pattern: &str) -> Arc<Group> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(groups.entry(pattern.to_owned()).or_default())
    }
}

/// The maps of a `task_id` pattern, shared by its filters.
#[derive(Debug, Default)]
pub(crate) struct Group(Mutex<Tasks>);

impl Group {
    pub(super) fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which filter looks after timeouts, and what of it the others must know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flusher {
    pub(super) filter: usize,
    pub(super) pushes_on_timeout: bool,
}

/// In seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) total: f64,
    pub(super) inactivity: f64,
}

/// The maps of a `task_id` pattern.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tasks: HashMap<Arc<str>, Task>,
    /// The tasks by the order in which they began.
    order: BTreeMap<u64, Arc<str>>,
    begun: u64,
    bytes: usize,
    /// How many filters there are.
    pub(super) members: usize,
    pub(super) flusher: Option<Flusher>,
    /// The constants of the filters' programs. No filter is added any more when there are maps.
    pub(super) constants: Constants,
    last_flush: Option<Timestamp>,
    /// Some map has a timeout of its own.
    pub(super) check_always: bool,
    pub(super) events_since_warning: u64,
    last_said: Option<i64>,
}

/// A task and its map.
#[derive(Debug)]
pub(super) struct Task {
    number: u64,
    pub(super) map: Map,
    pub(super) meta: TaskMeta,
    /// Seconds that the clock was ahead of the time by which timeouts are measured, when the task began and at its last event.
    lead_at_creation: i64,
    lead_at_last_event: i64,
    /// What it takes, as it is counted in [`Tasks::bytes`].
    size: usize,
}

/// What a task takes beside its map.
const TASK_BYTES: usize = size_of::<Task>() + 100;

impl Task {
    /// Whether the code has said that the task ends at once.
    pub(super) fn ends_now(&self) -> bool {
        let own = [self.meta.timeout, self.meta.inactivity_timeout];
        own.into_iter().any(|value| seconds(value) == Some(0.0))
    }

    /// Whether the code has set a timeout.
    pub(super) fn has_own_timeout(&self) -> bool {
        !(self.meta.timeout.is_nil() && self.meta.inactivity_timeout.is_nil())
    }

    /// An event of the task has come.
    pub(super) fn note_event(&mut self, at: Timestamp, now: Timestamp) {
        self.meta.last_event = at;
        self.lead_at_last_event = whole_seconds(now, at);
    }

    /// What a file needs to know of it.
    pub(super) fn describe<'a>(&mut self, line: &mut Object<'a>, arena: &'a Arena) {
        let point = |at: Timestamp| [at.seconds(), i64::from(at.subsec_nanos())];
        let [created, nanos] = point(self.meta.created);
        let numbers = [created, nanos, self.lead_at_creation];
        line.set("created", list(arena, &numbers));
        let [last_event, nanos] = point(self.meta.last_event);
        let numbers = [last_event, nanos, self.lead_at_last_event];
        line.set("last_event", list(arena, &numbers));
        let own = |value| seconds(value).map_or(Value::Null, Value::Float);
        line.set("timeout", own(self.meta.timeout));
        line.set("inactivity_timeout", own(self.meta.inactivity_timeout));
        line.set("map", self.map.export(arena));
    }

    fn timeouts(&self, default: Timeouts) -> Timeouts {
        Timeouts {
            total: seconds(self.meta.timeout).unwrap_or(default.total),
            inactivity: seconds(self.meta.inactivity_timeout).unwrap_or(default.inactivity),
        }
    }

    /// Whether it is over by the clock.
    fn has_expired(&self, now: Timestamp, default: Timeouts) -> bool {
        let timeouts = self.timeouts(default);
        let age = between(self.meta.created, now) - self.lead_at_creation as f64;
        let rest = between(self.meta.last_event, now) - self.lead_at_last_event as f64;
        age > timeouts.total || rest > timeouts.inactivity
    }

    /// Whether it is over by the time of an event.
    fn has_expired_by_event(&self, at: Timestamp, default: Timeouts) -> bool {
        let timeouts = self.timeouts(default);
        between(self.meta.created, at) > timeouts.total
            || between(self.meta.last_event, at) > timeouts.inactivity
    }
}

impl Tasks {
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.tasks.contains_key(id)
    }

    /// Whether the maps take more than they may.
    pub(super) fn is_full(&self, bytes_max: u64) -> bool {
        self.bytes as u64 >= bytes_max
    }

    /// Takes a task out, to be put back or forgotten: one that is neither, because of a panic, is gone.
    pub(super) fn take(&mut self, id: &str) -> Option<(Arc<str>, Task)> {
        let (id, task) = self.tasks.remove_entry(id)?;
        self.bytes -= task.size;
        Some((id, task))
    }

    /// A new task, to be put back or forgotten.
    pub(super) fn begin(&mut self, id: &str, at: Timestamp, now: Timestamp) -> (Arc<str>, Task) {
        let id: Arc<str> = id.into();
        self.begun += 1;
        self.order.insert(self.begun, Arc::clone(&id));
        let lead = whole_seconds(now, at);
        let task = Task {
            number: self.begun,
            map: Map::new(&self.constants),
            meta: TaskMeta::new(Arc::clone(&id), at),
            lead_at_creation: lead,
            lead_at_last_event: lead,
            size: 0,
        };
        (id, task)
    }

    /// A task as a file describes it.
    pub(super) fn restore<'a>(
        &mut self,
        id: &str,
        line: &Object<'a>,
        arena: &'a Arena,
    ) -> Option<()> {
        let [created, nanos, lead_at_creation] = numbers(line.get("created"))?;
        let created = Timestamp::new(created, nanos.try_into().ok()?);
        let [last_event, nanos, lead_at_last_event] = numbers(line.get("last_event"))?;
        let (id, mut task) = self.begin(id, created, created);
        task.lead_at_creation = lead_at_creation;
        task.lead_at_last_event = lead_at_last_event;
        task.meta.last_event = Timestamp::new(last_event, nanos.try_into().ok()?);
        let own = |name| match line.get(name) {
            Some(Value::Float(seconds)) => Val::Float(*seconds),
            Some(Value::Int(seconds)) => Val::Int(*seconds),
            _ => Val::Nil,
        };
        task.meta.timeout = own("timeout");
        task.meta.inactivity_timeout = own("inactivity_timeout");
        self.check_always |= task.has_own_timeout();
        task.map.import(line.get("map")?, arena);
        self.put_back(id, task);
        Some(())
    }

    /// Keeps a task that was taken.
    pub(super) fn put_back(&mut self, id: Arc<str>, mut task: Task) {
        task.size = task.map.size() + TASK_BYTES + 2 * id.len();
        self.bytes += task.size;
        self.tasks.insert(id, task);
    }

    /// A task that was taken will not be put back.
    pub(super) fn forget(&mut self, task: &Task) {
        self.order.remove(&task.number);
    }

    /// Removes the task that began first.
    pub(super) fn take_first(&mut self) -> Option<(Arc<str>, Task)> {
        loop {
            let (_, id) = self.order.pop_first()?;
            if let Some(found) = self.take(&id) {
                return Some(found);
            }
        }
    }

    /// Removes a task that is over by the time of an event.
    pub(super) fn take_expired_by_event(
        &mut self,
        id: &str,
        at: Timestamp,
        default: Timeouts,
    ) -> Option<(Arc<str>, Task)> {
        let task = self.tasks.get(id)?;
        if !task.has_expired_by_event(at, default) {
            return None;
        }
        let (id, task) = self.take(id)?;
        self.forget(&task);
        Some((id, task))
    }

    /// Whether it is time to look for tasks that are over: every half of the inactivity timeout.
    pub(super) fn flush_is_due(&self, now: Timestamp, inactivity: f64) -> bool {
        let half = if inactivity.fract() == 0.0 {
            (inactivity / 2.0).floor()
        } else {
            inactivity / 2.0
        };
        self.check_always || self.last_flush.is_none_or(|last| between(last, now) > half)
    }

    /// Removes the tasks that are over by the clock, in the order in which they began.
    pub(super) fn take_expired(
        &mut self,
        now: Timestamp,
        default: Timeouts,
    ) -> Vec<(Arc<str>, Task)> {
        self.last_flush = Some(now);
        let over = |id: &Arc<str>| match self.tasks.get(id) {
            Some(task) => task.has_expired(now, default),
            None => true,
        };
        let expired: Vec<(u64, Arc<str>)> = self
            .order
            .iter()
            .filter(|(_, id)| over(id))
            .map(|(number, id)| (*number, Arc::clone(id)))
            .collect();
        let mut taken = Vec::new();
        for (number, id) in expired {
            self.order.remove(&number);
            taken.extend(self.take(&id));
        }
        self.check_always &= !self.tasks.is_empty();
        taken
    }

    /// The tasks in the order in which they began.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Arc<str>, &mut Task)> {
        let mut tasks: Vec<(Arc<str>, &mut Task)> = self
            .tasks
            .iter_mut()
            .map(|(id, task)| (Arc::clone(id), task))
            .collect();
        tasks.sort_by_key(|(_, task)| task.number);
        tasks.into_iter()
    }

    /// Whether something may be said that was not said for so many seconds.
    pub(super) fn may_say(&mut self, now: Timestamp, every: i64) -> bool {
        let now = now.seconds();
        let may = self
            .last_said
            .is_none_or(|last| now - last >= every || now < last);
        if may {
            self.last_said = Some(now);
        }
        may
    }
}

/// Seconds from one point in time to another.
fn between(from: Timestamp, to: Timestamp) -> f64 {
    let seconds = to.seconds() as f64 - from.seconds() as f64;
    seconds + (f64::from(to.subsec_nanos()) - f64::from(from.subsec_nanos())) / 1e9
}

/// Seconds from one point in time to another, the fraction cut off.
fn whole_seconds(now: Timestamp, at: Timestamp) -> i64 {
    between(at, now) as i64
}
