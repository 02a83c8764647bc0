//! Methods that change an array.

use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl<'r> Run<'r, '_> {
    /// Puts new elements into an array.
    pub(super) fn store(&mut self, receiver: Val, values: Vec<Val>) -> Result<(), Flow> {
        self.steps(1 + values.len() / 64)?;
        if self.heap().replace(receiver, Obj::Array(values)) {
            return Ok(());
        }
        self.raise(Class::FrozenError, "can't modify frozen Array")
    }

    /// Methods that change the array.
    pub(super) fn array_change(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        if let (M::Shl | M::Push | M::Append, Val::Ref(handle)) = (method, receiver) {
            self.steps(1)?;
            self.heap().taken += 16 * arguments.len();
            return match self.heap().get_mut(handle) {
                Some(Obj::Array(values)) => {
                    values.extend_from_slice(arguments);
                    Ok(Some(receiver))
                }
                _ => self.raise(Class::FrozenError, "can't modify frozen Array"),
            };
        }
        let computed = match method {
            M::MapBang | M::CollectBang => M::Map,
            M::SelectBang | M::KeepIf | M::FilterBang => M::Select,
            M::RejectBang | M::DeleteIf => M::Reject,
            M::SortBang => M::Sort,
            M::SortByBang => M::SortBy,
            M::UniqBang => M::Uniq,
            M::CompactBang => M::Compact,
            M::FlattenBang => M::Flatten,
            M::ReverseBang => M::Reverse,
            _ => M::Unknown,
        };
        let Some(mut values) = self.memory.heap.array(receiver).map(<[Val]>::to_vec) else {
            return Ok(None);
        };
        if computed != M::Unknown {
            let copy = self.new_array(values.clone());
            let changed = self.send(copy, computed, arguments, block)?;
            let new = self.elements(changed)?;
            let same = new.len() == values.len();
            self.store(receiver, new)?;
            let tells = matches!(
                method,
                M::UniqBang | M::CompactBang | M::SelectBang | M::RejectBang | M::FlattenBang
            );
            return Ok(Some(if tells && same { Val::Nil } else { receiver }));
        }
        let result = match (method, arguments) {
            (M::Pop, []) => values.pop().unwrap_or(Val::Nil),
            (M::Shift, []) => {
                if values.is_empty() {
                    Val::Nil
                } else {
                    values.remove(0)
                }
            }
            (M::Shift, [Val::Int(count)]) => {
                let taken = values
                    .drain(..values.len().min((*count).max(0) as usize))
                    .collect();
                self.new_array(taken)
            }
            (M::Unshift | M::Prepend, more) => {
                values.splice(0..0, more.iter().copied());
                receiver
            }
            (M::Insert, [Val::Int(at), more @ ..]) => {
                let at = if *at < 0 {
                    at + values.len() as i64 + 1
                } else {
                    *at
                };
                let at = (at.max(0) as usize).min(values.len());
                values.splice(at..at, more.iter().copied());
                receiver
            }
            (M::Concat, more) => {
                for list in more {
                    values.extend(self.elements(*list)?);
                }
                receiver
            }
            (M::Replace, [other]) => {
                values = self.elements(*other)?;
                receiver
            }
            (M::Clear, []) => {
                values.clear();
                receiver
            }
            (M::IndexSet, [Val::Int(at), value]) => {
                let index = if *at < 0 {
                    at + values.len() as i64
                } else {
                    *at
                };
                if !(0..1 << 20).contains(&index) {
                    return self.raise(Class::IndexError, format!("index {at} out of bounds"));
                }
                if values.len() <= index as usize {
                    values.resize(index as usize + 1, Val::Nil);
                }
                values[index as usize] = *value;
                *value
            }
            (M::Delete, [value]) => {
                let before = values.len();
                values.retain(|have| !self.memory.heap.equal(*have, *value, 0));
                if values.len() < before {
                    *value
                } else {
                    Val::Nil
                }
            }
            (M::DeleteAt, [Val::Int(at)]) => {
                let index = if *at < 0 {
                    at + values.len() as i64
                } else {
                    *at
                };
                match usize::try_from(index)
                    .ok()
                    .filter(|index| *index < values.len())
                {
                    Some(index) => values.remove(index),
                    None => Val::Nil,
                }
            }
            _ => return Ok(None),
        };
        self.store(receiver, values)?;
        Ok(Some(result))
    }
}
