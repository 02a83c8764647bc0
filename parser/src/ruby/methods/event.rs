//! Methods of events (source: `org.logstash.ext.JrubyEventExtLibrary`) and what emits them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::event::{FieldRef, Template, Value};
use crate::ruby::class::Class;
use crate::ruby::interp::{Eval, Flow, Held, Run};
use crate::ruby::names::M;
use crate::ruby::value::{EventRef, Obj, Val};
use crate::time::Timestamp;

impl<'a> Run<'_, 'a> {
    fn field(&mut self, name: Val) -> Result<FieldRef<'a>, Flow> {
        let arena = self.arena;
        let Some(text) = self.memory.heap.str(name) else {
            let class = self.class_of(name).name();
            return self.raise(
                Class::TypeError,
                format!("wrong argument type {class} (expected String)"),
            );
        };
        let text = arena.alloc_str(text);
        FieldRef::parse_in(arena, text)
            .map_err(|error| self.error(Class::RuntimeError, error.to_string()))
    }

    pub(super) fn event(
        &mut self,
        number: usize,
        receiver: Val,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        Ok(Some(match (method, arguments) {
            (M::Get, [name]) => {
                let field = self.field(*name)?;
                match self.events[number].event.get_owned(field) {
                    Some(value) => self.import(&value),
                    None => Val::Nil,
                }
            }
            (M::Set, [name, value]) => {
                let field = self.field(*name)?;
                let exported = self.export(*value, 0)?;
                if field.top_level() == Some("@timestamp")
                    && !matches!(self.memory.heap.object(*value), Some(Obj::Timestamp(_)))
                {
                    let class = self.class_of(*value).name();
                    return self.raise(
                        Class::TypeError,
                        format!("wrong argument type {class} (expected LogStash::Timestamp)"),
                    );
                }
                if let Err(error) = self.events[number].event.set(field, exported) {
                    return self.raise(Class::JavaException, error.to_string());
                }
                *value
            }
            (M::Remove, [name]) => {
                let field = self.field(*name)?;
                match self.events[number].event.remove(field) {
                    Some(value) => self.import(&value),
                    None => Val::Nil,
                }
            }
            (M::IncludeP, [name]) => {
                let field = self.field(*name)?;
                Val::bool(self.events[number].event.contains(field))
            }
            (M::Tag, [tag]) => {
                let tag = self.text_of(*tag)?;
                let tag = self.arena.alloc_str(&tag);
                self.events[number].event.tag(tag);
                Val::Nil
            }
            (M::Cancel | M::Uncancel, []) => {
                self.events[number].cancelled = method == M::Cancel;
                Val::bool(method == M::Cancel)
            }
            (M::CancelledP, []) => Val::bool(self.events[number].cancelled),
            (M::ToHash | M::ToHashWithMetadata, []) => {
                let event = self.events[number].event.clone();
                let hash = self.import_object(event.fields());
                if method == M::ToHashWithMetadata && !event.metadata().is_empty() {
                    let metadata = self.import_object(event.metadata());
                    let key = self.new_str("@metadata");
                    self.heap().set_key(hash, key, metadata);
                }
                hash
            }
            (M::Sprintf, [format]) => {
                let format = self.text_of(*format)?;
                match template(&format) {
                    Some(template) => {
                        let text = template.render(&self.events[number].event).to_owned();
                        self.new_string(text)
                    }
                    None => {
                        return self
                            .raise(Class::RangeError, "too many different formats for sprintf");
                    }
                }
            }
            (M::Timestamp, []) => {
                let at = self.events[number].event.timestamp();
                at.map_or(Val::Nil, |at| self.new_timestamp(at))
            }
            (M::TimestampSet, [value]) => match self.memory.heap.object(*value) {
                Some(Obj::Timestamp(at)) => {
                    let at = *at;
                    self.events[number]
                        .event
                        .fields_mut()
                        .set("@timestamp", Value::Timestamp(at));
                    *value
                }
                _ => {
                    return self.raise(
                        Class::TypeError,
                        "wrong argument type (expected LogStash::Timestamp)",
                    );
                }
            },
            (M::Clone | M::Dup, []) => {
                let event = self.events[number].event.clone();
                self.hold(event)?
            }
            (M::Overwrite, [other]) => {
                let Some(&Obj::Event(other)) = self.memory.heap.object(*other) else {
                    return self.raise(
                        Class::TypeError,
                        "wrong argument type (expected LogStash::Event)",
                    );
                };
                let other = self.event_number(other)?;
                self.events[number].event = self.events[other].event.clone();
                receiver
            }
            (M::ToJson, _) => {
                let mut json = Vec::new();
                crate::event::write_json(&mut json, &self.events[number].event);
                self.new_string(String::from_utf8_lossy(&json).into_owned())
            }
            (M::Index | M::IndexSet, _) => {
                let message = "Direct event field references (i.e. event['field']) have been disabled in favor of using event get and set methods (e.g. event.get('field')). Please consult the Logstash 5.0 breaking changes documentation for more details.";
                return self.raise(Class::NoMethodError, message);
            }
            _ => return Ok(None),
        }))
    }

    /// Keeps an event and gives its value.
    pub(crate) fn hold(&mut self, event: crate::event::Event<'a>) -> Eval {
        self.steps(100)?;
        self.events.push(Held {
            event,
            cancelled: false,
        });
        Ok(self.event_value(self.events.len() - 1))
    }

    /// The value that stands for one of the run's events.
    pub(crate) fn event_value(&mut self, number: usize) -> Val {
        let event = EventRef {
            run: self.memory.run,
            number: number as u32,
        };
        self.heap().add(Obj::Event(event))
    }

    /// Where an event is among those of the run.
    pub(crate) fn event_number(&mut self, event: EventRef) -> Result<usize, Flow> {
        let number = event.number as usize;
        if event.run == self.memory.run && number < self.events.len() {
            return Ok(number);
        }
        let message =
            "this event was kept from an earlier run and is gone; keep its fields instead";
        self.raise(Class::RuntimeError, message)
    }

    /// `new_event_block.call(event)`
    pub(super) fn emit(&mut self, arguments: &[Val]) -> Eval {
        self.steps(100)?;
        match arguments
            .first()
            .and_then(|&event| self.memory.heap.object(event))
        {
            Some(&Obj::Event(event)) => {
                let number = self.event_number(event)?;
                self.emitted.push(number as u32);
                Ok(Val::Nil)
            }
            _ => self.raise(Class::TypeError, "new_event_block needs a LogStash::Event"),
        }
    }

    pub(super) fn new_timestamp(&mut self, at: Timestamp) -> Val {
        self.heap().add(Obj::Timestamp(at))
    }
}

/// Templates stay compiled, and compiled ones are never freed, so there is a bound to them.
const TEMPLATES_MAX: usize = 1000;

fn template(format: &str) -> Option<Arc<Template>> {
    static TEMPLATES: LazyLock<Mutex<HashMap<String, Arc<Template>>>> =
        LazyLock::new(Mutex::default);
    let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = templates.get(format) {
        return Some(Arc::clone(template));
    }
    if templates.len() >= TEMPLATES_MAX || format.len() > 4096 {
        return None;
    }
    let template = Arc::new(Template::lenient(format));
    templates.insert(format.to_owned(), Arc::clone(&template));
    Some(template)
}
