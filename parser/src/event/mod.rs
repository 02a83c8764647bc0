//! The event: an ordered, nested object that filters read and change.
//!
//! Everything an event holds is either a slice of the record's payload, a constant of the
//! configuration, or lies in the arena of the worker that processes the record. So strings are
//! never copied on their way through a pipeline, an event is freed by resetting the arena, and an
//! event cannot outlive its record.

mod field_limit;
mod field_ref;
mod field_template;
mod intern;
mod json;
mod lineage;
mod many_fields;
mod number;
mod object;
mod owned;
mod ruby_text;
mod template;
mod value;

pub(crate) use field_limit::FieldLimit;
pub use field_limit::{TooManyFields, limit_fields};
pub use field_ref::{FieldRef, FieldRefError, Root};
pub use field_template::{EventError, FieldTemplate};
pub use intern::intern;
pub use json::{write_json, write_json_string};
pub use lineage::Lineage;
pub use number::{push_float, push_float_ruby};
pub use object::Object;
pub use owned::OwnedValue;
pub use ruby_text::ruby_text;
pub(crate) use ruby_text::{push_escaped_ruby, push_quoted_ruby};
pub(crate) use template::push_java;
pub use template::{Template, TemplateError};
pub use value::{Array, Value, same};

use crate::time::Timestamp;

/// Where the strings and containers of an event live. Reset after each record.
pub type Arena = bumpalo::Bump;

/// A string under construction in an [`Arena`].
pub type ArenaString<'a> = bumpalo::collections::String<'a>;

/// How many fields an event has room for before its list of fields moves.
const FIELDS: usize = 16;
/// The same for an object that a field reference makes.
const NESTED_FIELDS: usize = 4;

/// One event on its way through a pipeline.
#[derive(Clone)]
pub struct Event<'a> {
    arena: &'a Arena,
    fields: Object<'a>,
    metadata: Object<'a>,
    lineage: Lineage,
    now: Option<Timestamp>,
}

/// A field could not be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFieldSet {
    /// Something on the way to the field is neither object nor array.
    #[error(
        "cannot set `{path}`: `{parent}` is neither an object nor an array, so nothing can lie below it"
    )]
    Parent {
        /// The field that was to be set.
        path: String,
        /// The part of its path that is in the way.
        parent: String,
    },
    /// The reserved field `@timestamp` was to become something else than a timestamp.
    #[error(
        "cannot set `@timestamp`: it holds a timestamp and nothing else; use the filter `date`"
    )]
    Timestamp,
    /// The reserved field `tags` was to become something else than a string or a list of strings.
    #[error("cannot set `{path}`: `tags` holds a string or a list of strings and nothing else")]
    Tags {
        /// The field that was to be set.
        path: String,
    },
}

impl<'a> Event<'a> {
    /// An event without any fields, not even `@timestamp`.
    pub fn empty(arena: &'a Arena) -> Self {
        Self {
            arena,
            fields: Object::with_capacity(arena, FIELDS),
            metadata: Object::new(arena),
            lineage: Lineage::default(),
            now: None,
        }
    }

    /// An event with `@version` and `@timestamp`.
    pub fn new(arena: &'a Arena, timestamp: Timestamp) -> Self {
        let mut event = Self::empty(arena);
        event.fields.push("@timestamp", Value::Timestamp(timestamp));
        event.fields.push("@version", Value::Str("1"));
        event
    }

    /// An event from a decoded object, as Logstash makes one of a map: `@timestamp` and `@version`
    /// are added where missing, `@metadata` is set apart, and an ill-typed `@timestamp` or `tags` is
    /// moved to `_@timestamp` or `_tags` and tagged
    /// (source: `org.logstash.Event(ConvertedMap)` and its constants).
    pub fn from_object(arena: &'a Arena, mut fields: Object<'a>, now: Timestamp) -> Self {
        let mut metadata = Object::new(arena);
        if let Some(Value::Object(given)) = fields.remove("@metadata") {
            metadata = given;
        }
        let mut bad_timestamp = None;
        let timestamp = match fields.get("@timestamp") {
            None | Some(Value::Null) => now,
            Some(Value::Timestamp(timestamp)) => *timestamp,
            Some(Value::Str(text)) => Timestamp::parse_iso8601(text).unwrap_or_else(|| {
                bad_timestamp = Some(Value::Str(text));
                now
            }),
            Some(other) => {
                bad_timestamp = Some(other.clone());
                now
            }
        };
        fields.set("@timestamp", Value::Timestamp(timestamp));
        if fields.get("@version").is_none() {
            fields.push("@version", Value::Str("1"));
        }
        let mut event = Self {
            arena,
            fields,
            metadata,
            lineage: Lineage::default(),
            now: Some(now),
        };
        event.set_apart_bad_tags();
        if let Some(bad) = bad_timestamp {
            event.tag("_timestampparsefailure");
            event.fields.set("_@timestamp", bad);
        }
        event
    }

    /// `tags` must be a string or a list of strings; anything else moves to `_tags`.
    fn set_apart_bad_tags(&mut self) {
        let well_typed = self.fields.get("tags").is_none_or(is_legal_tags);
        if !well_typed && let Some(bad) = self.fields.remove("tags") {
            let mut list = Array::new_in(self.arena);
            list.push(bad);
            self.fields.set("_tags", Value::Array(list));
            self.tag("_tagsparsefailure");
        }
    }

    /// Where new strings and containers of this event are made.
    pub fn arena(&self) -> &'a Arena {
        self.arena
    }

    /// What time it was when the pipeline took the event, for `%{{TIME_NOW}}`.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// Tells the event what time it is.
    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = Some(now);
    }

    /// Which of the events made of its record this is.
    pub fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// Whoever makes several events of one names each; a copy has the name of its original.
    pub fn set_lineage(&mut self, lineage: Lineage) {
        self.lineage = lineage;
    }

    /// All top-level fields in order; `@metadata` is not among them.
    pub fn fields(&self) -> &Object<'a> {
        &self.fields
    }

    /// All top-level fields, to change them directly. Whoever only wants one field set uses [`set`](Self::set).
    pub fn fields_mut(&mut self) -> &mut Object<'a> {
        &mut self.fields
    }

    /// What lies under `[@metadata]`: never sent out.
    pub fn metadata(&self) -> &Object<'a> {
        &self.metadata
    }

    /// What lies under `[@metadata]`, to change it.
    pub fn metadata_mut(&mut self) -> &mut Object<'a> {
        &mut self.metadata
    }

    /// The event's `@timestamp`, unless a filter removed or spoilt it.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match self.fields.get("@timestamp") {
            Some(Value::Timestamp(timestamp)) => Some(*timestamp),
            _ => None,
        }
    }

    /// The value of a field; `None` where there is no such field. A reference to `[@metadata]`
    /// itself is answered by [`get_owned`](Self::get_owned) only.
    pub fn get(&self, field: FieldRef<'_>) -> Option<&Value<'a>> {
        let (first, rest) = field.segments().split_first()?;
        let root = match field.root() {
            Root::Fields => &self.fields,
            Root::Metadata => &self.metadata,
        };
        let mut value = root.get(first)?;
        for segment in rest {
            value = value.child(segment)?;
        }
        Some(value)
    }

    /// A copy of a field's value (strings are shared, containers are copied); also answers for all of `[@metadata]`.
    pub fn get_owned(&self, field: FieldRef<'_>) -> Option<Value<'a>> {
        if field.is_all_metadata() {
            return Some(Value::Object(self.metadata.clone()));
        }
        self.get(field).cloned()
    }

    /// The value of a field, to change it in place.
    pub fn get_mut(&mut self, field: FieldRef<'_>) -> Option<&mut Value<'a>> {
        let (first, rest) = field.segments().split_first()?;
        let root = match field.root() {
            Root::Fields => &mut self.fields,
            Root::Metadata => &mut self.metadata,
        };
        let mut value = root.get_mut(first)?;
        for segment in rest {
            value = value.child_mut(segment)?;
        }
        Some(value)
    }

    /// Whether there is such a field, be it null; a null element of an array is not
    /// (source: `org.logstash.Accessors.includes`).
    pub fn contains(&self, field: FieldRef<'_>) -> bool {
        field.is_all_metadata()
            || match self.get(field) {
                None => false,
                Some(Value::Null) => !self.lies_in_array(field),
                Some(_) => true,
            }
    }

    fn lies_in_array(&self, field: FieldRef<'_>) -> bool {
        let parent = field.parent();
        parent.is_some_and(|parent| matches!(self.get(parent), Some(Value::Array(_))))
    }

    /// Sets a field, making the objects on the way to it; an array on the way is indexed, and padded
    /// with nulls where it is too short. What is set below an array under a name that is no index is
    /// lost, as in Logstash (source: `org.logstash.Accessors.set`, `org.logstash.Event.setField`).
    pub fn set(&mut self, field: FieldRef<'a>, value: Value<'a>) -> Result<(), InvalidFieldSet> {
        let arena = self.arena;
        if field.is_all_metadata() {
            let Value::Object(metadata) = value else {
                return Err(field.invalid_set(0));
            };
            self.metadata = metadata;
            return Ok(());
        }
        let Some((first, rest)) = field.segments().split_first() else {
            return Err(field.invalid_set(0));
        };
        // Logstash reserves what lies below `[@metadata][tags]`, too.
        if *first == "tags"
            && (!rest.is_empty() || field.root() == Root::Fields && !is_legal_tags(&value))
        {
            let path = field.to_string();
            return Err(InvalidFieldSet::Tags { path });
        }
        let root = match field.root() {
            Root::Fields => &mut self.fields,
            Root::Metadata => &mut self.metadata,
        };
        if rest.is_empty() {
            root.set(first, value);
            return Ok(());
        }
        let mut at = root.entry(first, || {
            Value::Object(Object::with_capacity(arena, NESTED_FIELDS))
        });
        for (depth, segment) in rest.iter().enumerate() {
            let last = depth + 1 == rest.len();
            let fill = || {
                if last {
                    Value::Null
                } else {
                    Value::Object(Object::with_capacity(arena, NESTED_FIELDS))
                }
            };
            at = match at {
                Value::Object(object) => object.entry(segment, fill),
                Value::Array(_) if segment.parse::<i32>().is_err() => return Ok(()),
                Value::Array(array) => {
                    let slot = value::array_slot(array, segment)
                        .ok_or_else(|| field.invalid_set(depth + 1))?;
                    if !last && matches!(slot, Value::Null) {
                        *slot = Value::Object(Object::new(arena));
                    }
                    slot
                }
                _ => return Err(field.invalid_set(depth + 1)),
            };
        }
        *at = value;
        Ok(())
    }

    /// The value of a field, made as null where there is none, along with the objects on the way. One
    /// walk where looking and setting would take two. `None` where something on the way is no object;
    /// nothing is made then.
    pub(crate) fn slot(&mut self, field: FieldRef<'a>) -> Option<&mut Value<'a>> {
        let arena = self.arena;
        let (last, parents) = field.segments().split_last()?;
        let mut object = match field.root() {
            Root::Fields => &mut self.fields,
            Root::Metadata => &mut self.metadata,
        };
        for segment in parents {
            let child = object.entry(segment, || {
                Value::Object(Object::with_capacity(arena, NESTED_FIELDS))
            });
            object = match child {
                Value::Object(object) => object,
                _ => return None,
            };
        }
        Some(object.entry(last, || Value::Null))
    }

    /// Sets a field as a filter written in Ruby does: `@timestamp` takes only timestamps
    /// (source: `JrubyEventExtLibrary.RubyEvent#ruby_set_field`).
    pub fn set_checked(
        &mut self,
        field: FieldRef<'a>,
        value: Value<'a>,
    ) -> Result<(), InvalidFieldSet> {
        match field.top_level() {
            Some("@timestamp") if !matches!(value, Value::Timestamp(_)) => {
                Err(InvalidFieldSet::Timestamp)
            }
            _ => self.set(field, value),
        }
    }

    /// Sets the fields of an object, whose names are field references, up to the first that cannot be set.
    pub(crate) fn set_all(&mut self, mut fields: Object<'a>) -> Result<(), EventError> {
        // As names in an object differ, each is looked for only among the fields that were there before.
        let mut searched = self.fields.len();
        for (name, value) in fields.iter_mut() {
            let value = std::mem::replace(value, Value::Null);
            if name.contains(['[', ']', '@']) || name == "tags" {
                self.set_checked(FieldRef::parse_in(self.arena, name)?, value)?;
                searched = self.fields.len();
                continue;
            }
            self.fields.set_among(searched, name, value);
        }
        Ok(())
    }

    /// Like [`set_checked`](Self::set_checked); whether the field was set.
    pub fn try_set(&mut self, field: FieldRef<'a>, value: Value<'a>) -> bool {
        self.set_checked(field, value).is_ok()
    }

    /// Removes a field and returns what it held.
    pub fn remove(&mut self, field: FieldRef<'_>) -> Option<Value<'a>> {
        if field.is_all_metadata() {
            let old = std::mem::replace(&mut self.metadata, Object::new(self.arena));
            return Some(Value::Object(old));
        }
        let (last, parents) = field.segments().split_last()?;
        let root = match field.root() {
            Root::Fields => &mut self.fields,
            Root::Metadata => &mut self.metadata,
        };
        let Some((first, between)) = parents.split_first() else {
            return root.remove(last);
        };
        let mut parent = root.get_mut(first)?;
        for segment in between {
            parent = parent.child_mut(segment)?;
        }
        match parent {
            Value::Object(object) => object.remove(last),
            Value::Array(array) => {
                let index = value::array_index(array.len(), last)?;
                Some(array.remove(index))
            }
            _ => None,
        }
    }

    /// An error where a list of texts cannot be set as the field, because the field is reserved for something else.
    pub(crate) fn check_list(&self, field: FieldRef<'_>) -> Result<(), InvalidFieldSet> {
        if field.top_level() == Some("@timestamp") {
            return Err(InvalidFieldSet::Timestamp);
        }
        match field.segments() {
            ["tags", _, ..] => Err(InvalidFieldSet::Tags {
                path: field.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Takes out a field's value as the list to which another value is to be appended; `None` where
    /// there is no such field (source: `LogStash::Util::Decorators.add_fields`, where Ruby's `Array()`
    /// makes pairs of an object and nothing of a null).
    pub(crate) fn remove_for_append(&mut self, field: FieldRef<'_>) -> Option<Array<'a>> {
        let arena = self.arena;
        let old = std::mem::replace(self.get_mut(field)?, Value::Null);
        let mut list = Array::new_in(arena);
        match old {
            Value::Array(values) => return Some(values),
            Value::Null => {}
            Value::Object(object) => {
                for (key, value) in object.iter() {
                    let mut pair = Array::new_in(arena);
                    pair.extend([Value::Str(key), value.clone()]);
                    list.push(Value::Array(pair));
                }
            }
            single => list.push(single),
        }
        Some(list)
    }

    /// Adds a tag unless it is there already (source: `org.logstash.Event.tag`).
    pub fn tag(&mut self, tag: &'a str) {
        let arena = self.arena;
        match self.fields.get_mut("tags") {
            Some(Value::Array(tags)) => {
                if !tags
                    .iter()
                    .any(|have| matches!(have, Value::Str(text) if *text == tag))
                {
                    tags.push(Value::Str(tag));
                }
            }
            Some(Value::Null) | None => {
                let mut tags = Array::new_in(arena);
                tags.push(Value::Str(tag));
                self.fields.set("tags", Value::Array(tags));
            }
            Some(single) => {
                if !matches!(single, Value::Str(text) if *text == tag) {
                    let mut tags = Array::new_in(arena);
                    tags.push(std::mem::replace(single, Value::Null));
                    tags.push(Value::Str(tag));
                    *single = Value::Array(tags);
                }
            }
        }
    }

    /// Adds each of the tags unless it is there already.
    pub fn tag_all(&mut self, tags: &[&'a str]) {
        for tag in tags {
            self.tag(tag);
        }
    }
}

/// Whether `tags` may hold that.
pub(crate) fn is_legal_tags(value: &Value<'_>) -> bool {
    match value {
        Value::Str(_) => true,
        Value::Array(tags) => tags.iter().all(|tag| matches!(tag, Value::Str(_))),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
