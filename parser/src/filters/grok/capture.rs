//! Where captures go, and how they are merged into what is there.

use super::Stop;
use crate::event::{Arena, Array, Event, FieldRef, Root, Value};
use crate::grok::{Capture, Coercion, Integer, to_f, to_i};
use crate::regex::Scratch;

/// Where a group of a pattern goes.
pub(super) struct Destination {
    group: usize,
    /// `None`: its name is no field reference, so that setting it fails.
    field: Option<FieldRef<'static>>,
    coercion: Coercion,
    overwrite: bool,
    /// Whether the field takes any value: `@timestamp` and the tags do not.
    free: bool,
    /// The name, where it is a free top-level field that no other capture of the pattern touches.
    alone: Option<&'static str>,
}

impl Destination {
    /// Where `capture` goes, below `target` if there is one.
    pub(super) fn new(capture: &Capture, target: Option<&str>, overwrite: bool) -> Self {
        let name = &capture.field;
        let field = match target {
            Some(target) => FieldRef::parse(&format!("{target}[{name}]")),
            None => FieldRef::parse(name),
        };
        let restricted = |field: &FieldRef<'_>| {
            field.root() == Root::Fields
                && matches!(field.segments().first(), Some(&("@timestamp" | "tags")))
        };
        Self {
            alone: None,
            group: capture.group,
            free: !field.as_ref().is_ok_and(restricted),
            field: field.ok(),
            coercion: capture.coercion,
            overwrite,
        }
    }
}

/// Notes which of a pattern's captures have a top-level field for themselves.
pub(super) fn note_alone(destinations: &mut [Destination]) {
    let touched: Vec<_> = destinations
        .iter()
        .map(|destination| destination.field.and_then(first_segment))
        .collect();
    for (number, destination) in destinations.iter_mut().enumerate() {
        let name = destination.field.and_then(FieldRef::top_level);
        let mut others = touched.iter().enumerate();
        let shared = others.any(|(other, have)| other != number && *have == name);
        destination.alone = name.filter(|_| destination.free && !shared);
    }
}

/// The top-level field that a field is or lies in.
fn first_segment(field: FieldRef<'static>) -> Option<&'static str> {
    match field.root() {
        Root::Fields => field.segments().first().copied(),
        Root::Metadata => None,
    }
}

/// Sets the captures of the match that `scratch` holds, in order, up to the first that cannot be set.
pub(super) fn set<'a>(
    destinations: &[Destination],
    keep_empty: bool,
    text: &'a str,
    event: &mut Event<'a>,
    scratch: &Scratch,
) -> Result<(), Stop> {
    let arena = event.arena();
    // What captures add need not be searched for captures that touch other fields.
    let searched = event.fields().len();
    for capture in destinations {
        let span = scratch.span(capture.group);
        let captured = span.map(|(start, end)| &text[start..end]);
        match (captured, capture.coercion) {
            (None, _) | (Some(""), Coercion::Text) if !keep_empty => {}
            (None, _) => set_one(capture, Value::Null, searched, event)?,
            (Some(text), Coercion::Text) => {
                set_one(capture, Value::Str(text), searched, event)?;
            }
            (Some(text), Coercion::Float) => {
                set_one(capture, Value::Float(to_f(text)), searched, event)?;
            }
            (Some(text), Coercion::Integer) => {
                let number = match to_i(text) {
                    Integer::Small(number) => Value::Int(number),
                    Integer::Big(digits) => Value::BigInt(arena.alloc_str(&digits)),
                };
                set_one(capture, number, searched, event)?;
            }
        }
    }
    Ok(())
}

/// Sets what was captured. Inlined, so that a value is made where it is to lie: one that is made elsewhere in
/// parts and then copied as a whole makes the processor wait for the parts.
#[inline(always)]
fn set_one<'a>(
    capture: &Destination,
    value: Value<'a>,
    searched: usize,
    event: &mut Event<'a>,
) -> Result<(), Stop> {
    let arena = event.arena();
    if let Some(name) = capture.alone {
        let fields = event.fields_mut();
        match fields.get_mut_among(searched, name) {
            Some(slot) => merge(slot, value, capture.overwrite, arena),
            None => fields.push(name, value),
        }
        return Ok(());
    }
    let field = capture.field.ok_or(Stop::BadField)?;
    if !capture.free {
        return set_restricted(event, field, value, capture.overwrite);
    }
    match event.slot(field) {
        Some(slot @ Value::Null) => *slot = value,
        Some(slot) => merge(slot, value, capture.overwrite, arena),
        None => return set_restricted(event, field, value, capture.overwrite),
    }
    Ok(())
}

/// Merges what was captured into what is there: a string becomes an array of both, an array gets
/// longer, and anything else but null stays as it is, unless it is to be overwritten.
fn merge<'a>(have: &mut Value<'a>, value: Value<'a>, overwrite: bool, arena: &'a Arena) {
    match have {
        Value::Null => *have = value,
        _ if overwrite => *have = value,
        Value::Array(values) => values.push(value),
        Value::Str(_) => {
            let mut both = Array::with_capacity_in(2, arena);
            both.push(std::mem::replace(have, Value::Null));
            both.push(value);
            *have = Value::Array(both);
        }
        _ => {}
    }
}

/// The same for fields that do not take every value, and where something on the way is no object.
fn set_restricted<'a>(
    event: &mut Event<'a>,
    field: FieldRef<'static>,
    value: Value<'a>,
    overwrite: bool,
) -> Result<(), Stop> {
    let mut merged = event.get(field).cloned().unwrap_or(Value::Null);
    let before = merged.clone();
    merge(&mut merged, value, overwrite, event.arena());
    if merged == before && !overwrite && before != Value::Null {
        return Ok(());
    }
    event
        .try_set(field, merged)
        .then_some(())
        .ok_or(Stop::BadField)
}
