//! `clone`: makes copies of an event (source: logstash-filter-clone).

use crate::event::{Array, Event, FieldRef, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Copies an event, and marks each copy with a name.
    ///
    /// The name is added to the copy's `tags`; with ECS disabled it becomes its `type`. The common options apply to the
    /// copies, not to the event itself.
    pub struct CloneOptions for Filter "clone" {
        /// The names: one copy is made for each.
        clones: Vec<String>,
    }
}

/// Makes copies of an event.
pub struct Clone {
    names: Vec<&'static str>,
    tag: bool,
}

const TAGS: FieldRef<'static> = FieldRef::top(&["tags"]);

impl BuildFilter for Clone {
    type Options = CloneOptions;

    fn build(
        options: CloneOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        if options.clones.is_empty() {
            let span = settings.span_of("clones");
            settings.warn(span, "`clones` is empty, so there will be no copies");
        }
        Some(Self {
            names: options.clones.iter().map(|name| intern(name)).collect(),
            tag: context.ecs.is_enabled(),
        })
    }
}

impl Filter for Clone {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        for name in &self.names {
            let mut copy = event.clone();
            if self.tag {
                let mut tags = copy
                    .remove_for_append(TAGS)
                    .unwrap_or_else(|| Array::new_in(event.arena()));
                tags.push(Value::Str(name));
                copy.fields_mut().set("tags", Value::Array(tags));
            } else {
                copy.fields_mut().set("type", Value::Str(name));
            }
            context.emit(copy, true);
        }
        Outcome::Unmatched
    }
}
