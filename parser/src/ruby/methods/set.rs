//! Methods of sets, which are hashes of their elements.

use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl<'r> Run<'r, '_> {
    /// A set of these values.
    pub(super) fn new_set(&mut self, values: &[Val]) -> Eval {
        let set = self.heap().add(Obj::Set(Default::default()));
        for &value in values {
            self.step()?;
            self.heap().set_key(set, value, Val::True);
        }
        Ok(set)
    }

    fn has(&self, set: Val, value: Val) -> bool {
        match self.memory.heap.object(set) {
            Some(Obj::Set(members)) => self.memory.heap.lookup(members, value).is_some(),
            _ => false,
        }
    }

    pub(super) fn set_method(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        if let ([value], M::IncludeP | M::MemberP | M::CaseEq | M::KeyP) = (arguments, method) {
            return Ok(Some(Val::bool(self.has(receiver, *value))));
        }
        if let (M::AddNamed | M::Shl | M::AddP, [value]) = (method, arguments) {
            let there = self.has(receiver, *value);
            if !self.heap().set_key(receiver, *value, Val::True) {
                return self.raise(Class::FrozenError, "can't modify frozen Set");
            }
            let unchanged = there && method == M::AddP;
            return Ok(Some(if unchanged { Val::Nil } else { receiver }));
        }
        let values = self.elements(receiver)?;
        self.steps(1 + values.len() / 4)?;
        Ok(Some(match (method, arguments) {
            (M::Length | M::Size | M::Count, []) if !block.given() => Val::Int(values.len() as i64),
            (M::EmptyP, []) => Val::bool(values.is_empty()),
            (M::ToSet, []) => receiver,
            (M::Delete, [value]) => {
                self.heap().remove_key(receiver, *value);
                receiver
            }
            (M::Merge, others) => {
                for &other in others {
                    for value in self.elements(other)? {
                        self.step()?;
                        self.heap().set_key(receiver, value, Val::True);
                    }
                }
                receiver
            }
            (M::BitOr | M::Add | M::Union, [other]) => {
                let mut all = values;
                all.extend(self.elements(*other)?);
                self.new_set(&all)?
            }
            (M::BitAnd | M::Intersection | M::Sub | M::Difference, [other]) => {
                let others = self.elements(*other)?;
                let others = self.new_set(&others)?;
                let wanted = matches!(method, M::BitAnd | M::Intersection);
                let mut kept = values;
                kept.retain(|value| self.has(others, *value) == wanted);
                self.new_set(&kept)?
            }
            (M::SubsetP | M::Le, [other]) => {
                Val::bool(values.iter().all(|value| self.has(*other, *value)))
            }
            (M::SupersetP | M::Ge, [other]) => {
                let others = self.elements(*other)?;
                Val::bool(others.iter().all(|value| self.has(receiver, *value)))
            }
            (M::DisjointP | M::IntersectP, [other]) => {
                let others = self.elements(*other)?;
                let meets = others.iter().any(|value| self.has(receiver, *value));
                Val::bool(meets == (method == M::IntersectP))
            }
            (M::Select | M::Filter | M::Reject, []) => {
                let list = self
                    .enumerate(receiver, values, method, arguments, block)?
                    .unwrap_or(Val::Nil);
                let kept = self.elements(list)?;
                self.new_set(&kept)?
            }
            (M::Each, []) if block.given() => {
                for value in values {
                    self.call_block(block, &[value])?;
                }
                receiver
            }
            (M::Eq | M::NotEq | M::Dup | M::Clone | M::Inspect | M::ToS | M::ToJson, _) => {
                return Ok(None);
            }
            _ => {
                let list = self.new_array(values);
                return self.list(list, method, arguments, block);
            }
        }))
    }
}
