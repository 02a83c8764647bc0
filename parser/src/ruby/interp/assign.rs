//! Assignments, and what is defined.

use super::{Block, Eval, Flow, Frame, Run};
use crate::ruby::ast::{AssignOp, Kind, Node, Target};
use crate::ruby::names::M;
use crate::ruby::value::Val;

impl<'r> Run<'r, '_> {
    /// The receiver and the arguments of the target come before the value.
    pub(super) fn eval_assign(
        &mut self,
        target: &'r Target,
        value: &'r Node,
        frame: Frame<'r>,
    ) -> Eval {
        match target {
            Target::Index {
                receiver,
                arguments,
            } => {
                let receiver = self.eval(receiver, frame)?;
                let mut arguments = self.eval_list(arguments, frame)?;
                let value = self.eval(value, frame)?;
                arguments.push(value);
                self.send(receiver, M::IndexSet, &arguments, Block::None)?;
                Ok(value)
            }
            Target::Attribute {
                receiver,
                name,
                safe,
            } => {
                let receiver = self.eval(receiver, frame)?;
                if *safe && receiver.is_nil() {
                    return Ok(Val::Nil);
                }
                let value = self.eval(value, frame)?;
                self.send(receiver, *name, &[value], Block::None)?;
                Ok(value)
            }
            _ => {
                let value = self.eval(value, frame)?;
                self.assign(target, value, frame)?;
                Ok(value)
            }
        }
    }

    /// Assigns a value to a target.
    pub(crate) fn assign(
        &mut self,
        target: &'r Target,
        value: Val,
        frame: Frame<'r>,
    ) -> Result<(), Flow> {
        match target {
            Target::Local { depth, slot } => {
                let at = self.slot(frame.env, *depth, *slot);
                self.memory.slots[at] = value;
            }
            Target::Global(number) => self.memory.globals[*number as usize] = value,
            Target::Index {
                receiver,
                arguments,
            } => {
                let receiver = self.eval(receiver, frame)?;
                let mut arguments = self.eval_list(arguments, frame)?;
                arguments.push(value);
                self.send(receiver, M::IndexSet, &arguments, Block::None)?;
            }
            Target::Attribute {
                receiver,
                name,
                safe,
            } => {
                let receiver = self.eval(receiver, frame)?;
                if !(*safe && receiver.is_nil()) {
                    self.send(receiver, *name, &[value], Block::None)?;
                }
            }
            Target::Splat(inner) => {
                if let Some(inner) = inner {
                    self.assign(inner, value, frame)?;
                }
            }
            Target::Nested(targets) => self.destructure(targets, value, frame)?,
        }
        Ok(())
    }

    pub(super) fn destructure(
        &mut self,
        targets: &'r [Target],
        value: Val,
        frame: Frame<'r>,
    ) -> Result<(), Flow> {
        let values = match self.memory.heap.array(value) {
            Some(values) => values.to_vec(),
            None => vec![value],
        };
        let splat = targets
            .iter()
            .position(|target| matches!(target, Target::Splat(_)));
        let behind = splat.map_or(0, |at| targets.len() - at - 1);
        let mut next = 0;
        for target in targets {
            if matches!(target, Target::Splat(_)) {
                let end = values.len().saturating_sub(behind).max(next);
                let rest = values.get(next..end).unwrap_or(&[]).to_vec();
                next = end;
                let rest = self.new_array(rest);
                self.assign(target, rest, frame)?;
            } else {
                self.assign(target, values.get(next).copied().unwrap_or(Val::Nil), frame)?;
                next += 1;
            }
        }
        Ok(())
    }

    pub(super) fn op_assign(
        &mut self,
        target: &'r Target,
        operator: AssignOp,
        value: &'r Node,
        frame: Frame<'r>,
    ) -> Eval {
        // The receiver and the arguments of the target are evaluated once.
        let (receiver, mut arguments, setter, getter) = match target {
            Target::Index {
                receiver,
                arguments,
            } => {
                let receiver = self.eval(receiver, frame)?;
                (
                    receiver,
                    self.eval_list(arguments, frame)?,
                    M::IndexSet,
                    M::Index,
                )
            }
            Target::Attribute { receiver, name, .. } => {
                let receiver = self.eval(receiver, frame)?;
                let getter = M::named(name.name().trim_end_matches('=')).unwrap_or(M::Unknown);
                (receiver, Vec::new(), *name, getter)
            }
            _ => (Val::Nil, Vec::new(), M::Unknown, M::Unknown),
        };
        let old = match target {
            Target::Local { depth, slot } => self.memory.slots[self.slot(frame.env, *depth, *slot)],
            Target::Global(number) => self.memory.globals[*number as usize],
            _ => self.send(receiver, getter, &arguments, Block::None)?,
        };
        let new = match operator {
            AssignOp::Or if old.truthy() => return Ok(old),
            AssignOp::And if !old.truthy() => return Ok(old),
            AssignOp::Or | AssignOp::And => self.eval(value, frame)?,
            AssignOp::Call(method) => {
                let operand = self.eval(value, frame)?;
                self.send(old, method, &[operand], Block::None)?
            }
        };
        if setter == M::Unknown {
            self.assign(target, new, frame)?;
        } else {
            arguments.push(new);
            self.send(receiver, setter, &arguments, Block::None)?;
        }
        Ok(new)
    }

    pub(super) fn defined(&mut self, operand: &'r Node, frame: Frame<'r>) -> Eval {
        let text = match &operand.kind {
            Kind::Local { .. } => Some("local-variable"),
            Kind::Global(number) => {
                (!self.memory.globals[*number as usize].is_nil()).then_some("instance-variable")
            }
            Kind::Call(call) if call.receiver.is_none() => {
                let own = call
                    .own
                    .is_some_and(|own| self.program.methods[own as usize].code.is_some());
                (own || call.method != M::Unknown).then_some("method")
            }
            Kind::Value(Val::Nil) => Some("expression"),
            Kind::Value(Val::Class(_)) => Some("constant"),
            Kind::Yield(_) => frame.block.given().then_some("yield"),
            _ => match self.eval(operand, frame) {
                Ok(_) => Some("expression"),
                Err(Flow::Raise(_)) => None,
                Err(flow) => return Err(flow),
            },
        };
        Ok(text.map_or(Val::Nil, |text| self.new_str(text)))
    }
}
