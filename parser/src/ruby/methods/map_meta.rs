//! Methods of `map_meta`, what code of the filter `aggregate` knows of its map (source: `LogStash::Filters::Aggregate::Element`).

use crate::ruby::class::Class;
use crate::ruby::interp::{Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::Val;

impl Run<'_, '_> {
    pub(super) fn map_meta(&mut self, method: M, arguments: &[Val]) -> Result<Option<Val>, Flow> {
        let Some(task) = &mut self.task else {
            return Ok(None);
        };
        Ok(Some(match (method, arguments) {
            (M::Timeout, []) => task.timeout,
            (M::InactivityTimeout, []) => task.inactivity_timeout,
            (M::TimeoutSet | M::InactivityTimeoutSet, [value]) => {
                if !matches!(value, Val::Nil | Val::Int(_) | Val::Float(_)) {
                    let message = "a timeout must be a number of seconds";
                    return self.raise(Class::TypeError, message);
                }
                if method == M::TimeoutSet {
                    task.timeout = *value;
                } else {
                    task.inactivity_timeout = *value;
                }
                *value
            }
            (M::CreationTimestamp, []) => {
                let at = task.created;
                self.new_time(at, false)
            }
            (M::LasteventTimestamp, []) => {
                let at = task.last_event;
                self.new_time(at, false)
            }
            (M::TaskId, []) => {
                let id = task.id.clone();
                self.new_str(&id)
            }
            (M::Map, []) => task.map,
            _ => return Ok(None),
        }))
    }
}
