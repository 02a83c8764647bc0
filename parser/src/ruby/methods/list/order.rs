//! Methods that put elements in order, into groups, or together.

use std::cmp::Ordering;

use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl<'r> Run<'r, '_> {
    pub(super) fn combinations(&mut self, values: &[Val], size: usize) -> Result<Vec<Val>, Flow> {
        let mut groups = Vec::new();
        let mut places: Vec<usize> = (0..size).collect();
        if size > values.len() {
            return Ok(groups);
        }
        loop {
            self.steps(1 + size)?;
            let group = places.iter().map(|&at| values[at]).collect();
            groups.push(self.new_array(group));
            let Some(at) = (0..size)
                .rev()
                .find(|&at| places[at] < values.len() - size + at)
            else {
                return Ok(groups);
            };
            places[at] += 1;
            for next in at + 1..size {
                places[next] = places[next - 1] + 1;
            }
        }
    }

    pub(super) fn fold(
        &mut self,
        values: Vec<Val>,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Eval {
        let mut values = values.into_iter();
        if method == M::Sum {
            let mut sum = arguments.first().copied().unwrap_or(Val::Int(0));
            for value in values {
                let value = if block.given() {
                    self.call_block(block, &[value])?
                } else {
                    value
                };
                sum = self.send(sum, M::Add, &[value], Block::None)?;
            }
            return Ok(sum);
        }
        let operator = match arguments.last() {
            Some(last) if !block.given() => self.memory.heap.name(*last).and_then(M::named),
            _ => None,
        };
        let initial = match (arguments, operator) {
            ([initial, _], _) | ([initial], None) => Some(*initial),
            _ => values.next(),
        };
        let Some(mut result) = initial else {
            return Ok(Val::Nil);
        };
        for value in values {
            result = match operator {
                Some(method) => self.send(result, method, &[value], Block::None)?,
                None => self.call_block(block, &[result, value])?,
            };
        }
        Ok(result)
    }

    pub(super) fn sorted(
        &mut self,
        values: Vec<Val>,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Eval {
        let by = matches!(method, M::SortBy | M::MinBy | M::MaxBy);
        let mut keyed = Vec::with_capacity(values.len());
        for value in values {
            let key = if by {
                self.call_block(block, &[value])?
            } else {
                value
            };
            keyed.push((key, value));
        }
        self.steps(keyed.len().saturating_mul(16))?;
        merge_sort(&mut keyed, &mut |left, right| {
            if !block.given() || by {
                return self.order(left.0, right.0);
            }
            match self.call_block(block, &[left.1, right.1])? {
                Val::Int(order) => Ok(order.cmp(&0)),
                Val::Float(order) => Ok(order.partial_cmp(&0.0).unwrap_or(Ordering::Equal)),
                _ => Err(self.error(Class::ArgumentError, "comparison failed")),
            }
        })?;
        let mut values: Vec<Val> = keyed.into_iter().map(|(_, value)| value).collect();
        let count = match arguments {
            [Val::Int(count)] => Some((*count).max(0) as usize),
            _ => None,
        };
        Ok(match (method, count) {
            (M::Min | M::MinBy, None) => values.first().copied().unwrap_or(Val::Nil),
            (M::Max | M::MaxBy, None) => values.last().copied().unwrap_or(Val::Nil),
            (M::Minmax, _) => {
                let pair = vec![
                    values.first().copied().unwrap_or(Val::Nil),
                    values.last().copied().unwrap_or(Val::Nil),
                ];
                self.new_array(pair)
            }
            (M::Max | M::MaxBy, Some(count)) => {
                values.reverse();
                values.truncate(count);
                self.new_array(values)
            }
            (_, Some(count)) => {
                values.truncate(count);
                self.new_array(values)
            }
            _ => self.new_array(values),
        })
    }

    pub(super) fn grouped(&mut self, values: Vec<Val>, method: M, block: Block<'r>) -> Eval {
        let hash = self.heap().add(Obj::Hash(Default::default()));
        for value in values {
            let key = if block.given() {
                self.call_block(block, &[value])?
            } else {
                value
            };
            let old = self
                .memory
                .heap
                .hash(hash)
                .and_then(|hash| self.memory.heap.lookup(hash, key));
            let new = match (method, old) {
                (M::Uniq, Some(_)) => continue,
                (M::Uniq, None) => value,
                (M::Tally, Some(Val::Int(count))) => Val::Int(count + 1),
                (M::Tally, _) => Val::Int(1),
                (_, Some(list)) => {
                    self.send(list, M::Push, &[value], Block::None)?;
                    list
                }
                (_, None) => self.new_array(vec![value]),
            };
            self.heap().set_key(hash, key, new);
        }
        if method != M::Uniq {
            return Ok(hash);
        }
        let values = self
            .memory
            .heap
            .hash(hash)
            .map(|hash| hash.iter().map(|(_, value)| value).collect())
            .unwrap_or_default();
        Ok(self.new_array(values))
    }
}

/// A stable sort that stops at an exception, whatever order the comparison claims: the standard library's may panic where it
/// is none.
fn merge_sort<T: Copy>(
    items: &mut [T],
    compare: &mut dyn FnMut(&T, &T) -> Result<Ordering, Flow>,
) -> Result<(), Flow> {
    if items.len() < 2 {
        return Ok(());
    }
    let middle = items.len() / 2;
    merge_sort(&mut items[..middle], compare)?;
    merge_sort(&mut items[middle..], compare)?;
    let (left, right) = (items[..middle].to_vec(), items[middle..].to_vec());
    let (mut at_left, mut at_right) = (0, 0);
    for item in items {
        let takes_left = at_right == right.len()
            || at_left < left.len()
                && compare(&left[at_left], &right[at_right])? != Ordering::Greater;
        let from = if takes_left {
            at_left += 1;
            left[at_left - 1]
        } else {
            at_right += 1;
            right[at_right - 1]
        };
        *item = from;
    }
    Ok(())
}
