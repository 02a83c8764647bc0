//! What everything with elements has.

use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl<'r> Run<'r, '_> {
    /// What everything with elements has.
    pub(in crate::ruby::methods) fn enumerate(
        &mut self,
        receiver: Val,
        values: Vec<Val>,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        let given = block.given();
        Ok(Some(match (method, arguments) {
            (M::Each | M::Map | M::EachEntry, []) if !given => {
                self.heap().add(Obj::Enumerator(values))
            }
            (M::Each | M::EachEntry, []) => {
                for value in values {
                    self.call_block(block, &[value])?;
                }
                receiver
            }
            (M::ReverseEach, []) => {
                for value in values.into_iter().rev() {
                    self.call_block(block, &[value])?;
                }
                receiver
            }
            (M::EachIndex, []) => {
                for at in 0..values.len() {
                    self.call_block(block, &[Val::Int(at as i64)])?;
                }
                receiver
            }
            (M::EachWithIndex | M::WithIndex, _) => {
                let offset = match arguments {
                    [Val::Int(offset)] => *offset,
                    _ => 0,
                };
                let mut results = Vec::new();
                for (at, value) in values.into_iter().enumerate() {
                    let index = Val::Int(offset.saturating_add(at as i64));
                    results.push(match given {
                        true => self.call_block(block, &[value, index])?,
                        false => self.new_array(vec![value, index]),
                    });
                }
                match (method, given) {
                    (M::EachWithIndex, true) => receiver,
                    (M::EachWithIndex, false) => self.heap().add(Obj::Enumerator(results)),
                    _ => self.new_array(results),
                }
            }
            (M::EachWithObject | M::WithObject, [object]) => {
                for value in values {
                    self.call_block(block, &[value, *object])?;
                }
                *object
            }
            (M::Map | M::Collect | M::FlatMap | M::CollectConcat | M::FilterMap, []) => {
                let mut mapped = Vec::with_capacity(values.len());
                for value in values {
                    let result = self.call_block(block, &[value])?;
                    match method {
                        M::FilterMap if !result.truthy() => {}
                        M::FlatMap | M::CollectConcat => {
                            self.steps_to_copy(result)?;
                            match self.memory.heap.array(result).map(<[Val]>::to_vec) {
                                Some(inner) => mapped.extend(inner),
                                None => mapped.push(result),
                            }
                        }
                        _ => mapped.push(result),
                    }
                }
                self.new_array(mapped)
            }
            (M::Select | M::Filter | M::Reject, []) => {
                let mut kept = Vec::new();
                for value in values {
                    if self.call_block(block, &[value])?.truthy() != (method == M::Reject) {
                        kept.push(value);
                    }
                }
                self.new_array(kept)
            }
            (M::Partition, []) => {
                let (mut yes, mut no) = (Vec::new(), Vec::new());
                for value in values {
                    let holds = self.call_block(block, &[value])?.truthy();
                    if holds {
                        yes.push(value)
                    } else {
                        no.push(value)
                    }
                }
                let pair = vec![self.new_array(yes), self.new_array(no)];
                self.new_array(pair)
            }
            (M::Find | M::Detect, [_])
            | (M::Find | M::Detect | M::FindIndex | M::IndexNamed, []) => {
                for (at, value) in values.into_iter().enumerate() {
                    if self.call_block(block, &[value])?.truthy() {
                        let whole = matches!(method, M::Find | M::Detect);
                        return Ok(Some(if whole { value } else { Val::Int(at as i64) }));
                    }
                }
                match arguments {
                    [make] if !make.is_nil() => {
                        let make = self.block_of(*make)?;
                        self.call_block(make, &[])?
                    }
                    _ => Val::Nil,
                }
            }
            (M::AnyP | M::AllP | M::NoneP | M::OneP | M::Count, tests) => {
                let mut held = 0;
                let total = values.len();
                for value in values {
                    let holds = match (tests, given) {
                        ([test], _) => self.case_equal(*test, value)?,
                        (_, true) => self.call_block(block, &[value])?.truthy(),
                        (_, false) => method == M::Count || value.truthy(),
                    };
                    held += usize::from(holds);
                    if holds && method == M::AnyP || !holds && method == M::AllP {
                        break;
                    }
                }
                match method {
                    M::AnyP => Val::bool(held > 0),
                    M::AllP => Val::bool(held == total),
                    M::NoneP => Val::bool(held == 0),
                    M::OneP => Val::bool(held == 1),
                    _ => Val::Int(held as i64),
                }
            }
            (M::TakeWhile | M::DropWhile, []) => {
                let mut at = 0;
                while at < values.len() && self.call_block(block, &[values[at]])?.truthy() {
                    at += 1;
                }
                let part = if method == M::TakeWhile {
                    &values[..at]
                } else {
                    &values[at..]
                };
                self.new_array(part.to_vec())
            }
            (M::Inject | M::Reduce | M::Sum, _) => {
                return self.fold(values, method, arguments, block).map(Some);
            }
            (M::Sort | M::SortBy | M::Min | M::Max | M::MinBy | M::MaxBy | M::Minmax, _) => {
                return self.sorted(values, method, arguments, block).map(Some);
            }
            (M::Uniq | M::GroupBy | M::Tally, []) => {
                return self.grouped(values, method, block).map(Some);
            }
            (M::EachSlice | M::EachCons, [Val::Int(size)]) if *size > 0 => {
                let size = *size as usize;
                if method == M::EachCons {
                    let count = (values.len() + 1).saturating_sub(size);
                    self.steps(count.saturating_mul(size) / 4)?;
                }
                let groups: Vec<Vec<Val>> = match method {
                    M::EachSlice => values.chunks(size).map(<[Val]>::to_vec).collect(),
                    _ => values.windows(size).map(<[Val]>::to_vec).collect(),
                };
                let groups: Vec<Val> = groups
                    .into_iter()
                    .map(|group| self.new_array(group))
                    .collect();
                if !given {
                    return Ok(Some(self.heap().add(Obj::Enumerator(groups))));
                }
                for group in groups {
                    self.call_block(block, &[group])?;
                }
                receiver
            }
            (M::ToH, []) => {
                let hash = self.heap().add(Obj::Hash(Default::default()));
                for value in values {
                    let pair = if given {
                        self.call_block(block, &[value])?
                    } else {
                        value
                    };
                    match self.memory.heap.array(pair) {
                        Some(&[key, value]) => self.heap().set_key(hash, key, value),
                        _ => {
                            return self
                                .raise(Class::TypeError, "wrong element type (expected array)");
                        }
                    };
                }
                hash
            }
            (M::ToA | M::Entries, []) => self.new_array(values),
            (M::Lazy, []) => self.heap().add(Obj::Enumerator(values)),
            (M::Rotate, _) => {
                let by = match arguments {
                    [Val::Int(by)] => *by,
                    _ => 1,
                };
                let mut values = values;
                if !values.is_empty() {
                    let by = by.rem_euclid(values.len() as i64) as usize;
                    values.rotate_left(by);
                }
                self.new_array(values)
            }
            (M::Shuffle, []) => {
                let mut values = values;
                for at in (1..values.len()).rev() {
                    values.swap(
                        at,
                        (crate::ruby::methods::random() % (at as u64 + 1)) as usize,
                    );
                }
                self.new_array(values)
            }
            (M::Combination, [Val::Int(size)]) => {
                let groups = self.combinations(&values, (*size).max(0) as usize)?;
                if !given {
                    return Ok(Some(self.heap().add(Obj::Enumerator(groups))));
                }
                for group in groups {
                    self.call_block(block, &[group])?;
                }
                receiver
            }
            (M::Product, [other]) => {
                let others = self.elements(*other)?;
                self.steps(values.len().saturating_mul(others.len()))?;
                let mut pairs = Vec::new();
                for &left in &values {
                    for &right in &others {
                        pairs.push(self.new_array(vec![left, right]));
                    }
                }
                self.new_array(pairs)
            }
            (M::Cycle, [Val::Int(times)]) => {
                for _ in 0..*times {
                    for &value in &values {
                        self.call_block(block, &[value])?;
                    }
                    self.step()?;
                }
                Val::Nil
            }
            (M::Assoc, [key]) => {
                let found = values.iter().find(|&&pair| {
                    let first = self.memory.heap.array(pair).and_then(|pair| pair.first());
                    first.is_some_and(|first| self.memory.heap.equal(*first, *key, 0))
                });
                found.copied().unwrap_or(Val::Nil)
            }
            (M::SliceWhen | M::ChunkWhile, []) => {
                let mut groups: Vec<Vec<Val>> = Vec::new();
                for value in values {
                    let before = groups.last().and_then(|group| group.last()).copied();
                    let joins = match before {
                        None => false,
                        Some(before) => {
                            let held = self.call_block(block, &[before, value])?.truthy();
                            held == (method == M::ChunkWhile)
                        }
                    };
                    match groups.last_mut() {
                        Some(group) if joins => group.push(value),
                        _ => groups.push(vec![value]),
                    }
                }
                let groups = groups.into_iter().map(|group| self.new_array(group));
                let groups = groups.collect();
                self.heap().add(Obj::Enumerator(groups))
            }
            (M::Pack, [format]) => {
                let format = self.text_of(*format)?;
                return self.pack(&values, &format).map(Some);
            }
            (M::ToCsv, _) => return self.csv_line(&values).map(Some),
            (M::ToSet, []) => return self.new_set(&values).map(Some),
            (M::Step, [Val::Int(by)]) if *by > 0 => {
                let picked: Vec<Val> = values.into_iter().step_by(*by as usize).collect();
                if !given {
                    return Ok(Some(self.new_array(picked)));
                }
                for value in picked {
                    self.call_block(block, &[value])?;
                }
                receiver
            }
            _ => return Ok(None),
        }))
    }
}
