//! Methods of arrays and ranges, and what hashes share with them: everything that goes through elements.

use std::cmp::Ordering;

use super::string::range_span;
use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl<'r> Run<'r, '_> {
    /// The elements of anything that has some; of a hash its pairs.
    pub(crate) fn elements(&mut self, value: Val) -> Result<Vec<Val>, Flow> {
        match self.memory.heap.object(value).cloned() {
            Some(Obj::Array(values) | Obj::Enumerator(values)) => Ok(values),
            Some(Obj::Set(set)) => {
                self.steps(set.len() / 4)?;
                Ok(set.iter().map(|(value, _)| value).collect())
            }
            Some(Obj::Hash(hash)) => {
                self.steps(hash.len())?;
                let pairs: Vec<(Val, Val)> = hash.iter().collect();
                Ok(pairs
                    .into_iter()
                    .map(|(key, value)| self.new_array(vec![key, value]))
                    .collect())
            }
            Some(Obj::Range {
                first: Val::Int(first),
                last: Val::Int(last),
                exclusive,
            }) => {
                let end = if exclusive {
                    last
                } else {
                    last.saturating_add(1)
                };
                self.steps(end.saturating_sub(first).max(0) as usize)?;
                Ok((first..end).map(Val::Int).collect())
            }
            Some(Obj::Range {
                first,
                last,
                exclusive,
            }) => {
                let (Some(first), Some(last)) =
                    (self.memory.heap.str(first), self.memory.heap.str(last))
                else {
                    return self.raise(Class::TypeError, "can't iterate from this range");
                };
                let ends = (first.chars().next(), last.chars().next());
                let single = first.chars().count() == 1 && last.chars().count() == 1;
                if !single {
                    let (first, last) = (first.to_owned(), last.to_owned());
                    return self.text_range(&first, &last, exclusive);
                }
                match ends {
                    (Some(first), Some(last)) if single => {
                        let characters: Vec<char> = (first..=last)
                            .filter(|c| !exclusive || *c != last)
                            .collect();
                        Ok(characters
                            .into_iter()
                            .map(|c| self.new_string(c.to_string()))
                            .collect())
                    }
                    _ => self.raise(
                        Class::TypeError,
                        "only ranges of integers and single letters can be gone through",
                    ),
                }
            }
            _ => {
                let class = self.class_of(value).name();
                self.raise(
                    Class::NoMethodError,
                    format!("undefined method `each' for an instance of {class}"),
                )
            }
        }
    }

    /// The strings from one to another, by `succ`.
    pub(super) fn text_range(
        &mut self,
        first: &str,
        last: &str,
        exclusive: bool,
    ) -> Result<Vec<Val>, Flow> {
        let mut values = Vec::new();
        let mut text = first.to_owned();
        while text.len() <= last.len() {
            self.steps(1 + text.len() / 16)?;
            let is_last = text == last;
            if !(is_last && exclusive) {
                values.push(self.new_str(&text));
            }
            if is_last {
                break;
            }
            text = super::string::successor(&text);
        }
        Ok(values)
    }

    pub(super) fn list(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        if let Some(&Obj::Range {
            first,
            last,
            exclusive,
        }) = self.memory.heap.object(receiver)
        {
            match (method, arguments) {
                (M::IncludeP | M::CoverP | M::MemberP, [value]) => {
                    return Ok(Some(Val::bool(self.covers(first, last, exclusive, *value))));
                }
                (M::First | M::Begin | M::Min, []) => return Ok(Some(first)),
                (M::Last | M::End | M::Max, []) => return Ok(Some(last)),
                (M::ToS | M::Inspect, []) => return Ok(None),
                _ => {}
            }
        } else if let Some(changed) = self.array_change(receiver, method, arguments, block)? {
            return Ok(Some(changed));
        }
        let values = self.elements(receiver)?;
        self.steps(values.len() / 4)?;
        if let Some(found) = self.array_read(receiver, &values, method, arguments)? {
            return Ok(Some(found));
        }
        self.enumerate(receiver, values, method, arguments, block)
    }

    pub(super) fn array_read(
        &mut self,
        receiver: Val,
        values: &[Val],
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        Ok(Some(match (method, arguments) {
            (M::Length | M::Size, []) => Val::Int(values.len() as i64),
            (M::EmptyP, []) => Val::bool(values.is_empty()),
            (M::ToA | M::Entries, [])
                if matches!(self.memory.heap.object(receiver), Some(Obj::Array(_))) =>
            {
                receiver
            }
            (M::ToA | M::Entries, []) => self.new_array(values.to_vec()),
            (M::First, []) => values.first().copied().unwrap_or(Val::Nil),
            (M::Last, []) => values.last().copied().unwrap_or(Val::Nil),
            (M::First | M::Take, [Val::Int(count)]) => {
                self.new_array(values[..values.len().min((*count).max(0) as usize)].to_vec())
            }
            (M::Last, [Val::Int(count)]) => self.new_array(
                values[values.len() - values.len().min((*count).max(0) as usize)..].to_vec(),
            ),
            (M::Drop, [Val::Int(count)]) => {
                self.new_array(values[values.len().min((*count).max(0) as usize)..].to_vec())
            }
            (M::Index | M::Slice | M::At, [Val::Int(index)]) => element(values, *index),
            (M::Index | M::Slice, [Val::Int(start), Val::Int(length)]) => {
                let last = Val::Int(start.saturating_add(*length));
                let start = if *start < 0 {
                    start + values.len() as i64
                } else {
                    *start
                };
                let last = if start < 0 {
                    last
                } else {
                    Val::Int(start.saturating_add((*length).max(0)))
                };
                match range_span(Val::Int(start), last, true, values.len()) {
                    Some((start, end)) if start <= values.len() => {
                        self.new_array(values[start..end].to_vec())
                    }
                    _ => Val::Nil,
                }
            }
            (M::Index | M::Slice, [range]) => match self.memory.heap.object(*range) {
                Some(&Obj::Range {
                    first,
                    last,
                    exclusive,
                }) => match range_span(first, last, exclusive, values.len()) {
                    Some((start, end)) => self.new_array(values[start..end].to_vec()),
                    None => Val::Nil,
                },
                _ => return self.raise(Class::TypeError, "no implicit conversion into Integer"),
            },
            (M::Dig, [Val::Int(index), rest @ ..]) => {
                let value = element(values, *index);
                match rest {
                    [] => value,
                    _ if value.is_nil() => Val::Nil,
                    rest => self.send(value, M::Dig, rest, Block::None)?,
                }
            }
            (M::Fetch, [Val::Int(index), rest @ ..]) => match (element(values, *index), rest) {
                (Val::Nil, [default]) => *default,
                (Val::Nil, []) => {
                    return self.raise(Class::IndexError, format!("index {index} out of array"));
                }
                (value, _) => value,
            },
            (M::ValuesAt, indexes) => {
                let picked = indexes.iter().map(|index| match index {
                    Val::Int(index) => element(values, *index),
                    _ => Val::Nil,
                });
                let picked = picked.collect();
                self.new_array(picked)
            }
            (M::Join, _) => {
                let separator = match arguments.first() {
                    Some(separator) => self.text_of(*separator)?,
                    None => String::new(),
                };
                let mut out = Vec::new();
                self.join(&mut out, values, &separator, 0)?;
                self.new_string(String::from_utf8_lossy(&out).into_owned())
            }
            (M::Add, [other]) => match self.memory.heap.array(*other) {
                Some(other) => {
                    let joined = [values, other].concat();
                    self.new_array(joined)
                }
                None => {
                    let what = if other.is_nil() {
                        "nil"
                    } else {
                        self.class_of(*other).name()
                    };
                    return self.raise(
                        Class::TypeError,
                        format!("no implicit conversion of {what} into Array"),
                    );
                }
            },
            (M::Sub | M::Difference, [other]) => self.filter_by(values, *other, false)?,
            (M::BitAnd | M::Intersection, [other]) => {
                let common = self.filter_by(values, *other, true)?;
                return self.send(common, M::Uniq, &[], Block::None).map(Some);
            }
            (M::BitOr | M::Union, [other]) => {
                let other = self.elements(*other)?;
                let joined = self.new_array([values, &other].concat());
                return self.send(joined, M::Uniq, &[], Block::None).map(Some);
            }
            (M::Mul, [Val::Int(count)]) if *count >= 0 => {
                self.steps(values.len().saturating_mul(*count as usize))?;
                let repeated = values.repeat(*count as usize);
                self.new_array(repeated)
            }
            (M::Mul, [_]) => return self.array_read(receiver, values, M::Join, arguments),
            (M::IncludeP | M::MemberP, [value]) => Val::bool(
                values
                    .iter()
                    .any(|have| self.memory.heap.equal(*have, *value, 0)),
            ),
            (M::IndexNamed | M::FindIndex, [value]) => place(
                values
                    .iter()
                    .position(|have| self.memory.heap.equal(*have, *value, 0)),
            ),
            (M::Rindex, [value]) => place(
                values
                    .iter()
                    .rposition(|have| self.memory.heap.equal(*have, *value, 0)),
            ),
            (M::Count, [value]) => Val::Int(
                values
                    .iter()
                    .filter(|have| self.memory.heap.equal(**have, *value, 0))
                    .count() as i64,
            ),
            (M::Compact, []) => self.new_array(
                values
                    .iter()
                    .copied()
                    .filter(|value| !value.is_nil())
                    .collect(),
            ),
            (M::Reverse, []) => self.new_array(values.iter().rev().copied().collect()),
            (M::Flatten, _) => {
                let depth = match arguments {
                    [Val::Int(depth)] if *depth >= 0 => *depth as usize,
                    _ => 100,
                };
                let mut flat = Vec::new();
                self.flatten(&mut flat, values, depth)?;
                self.new_array(flat)
            }
            (M::Transpose, []) => {
                let rows = values
                    .iter()
                    .map(|row| self.elements(*row))
                    .collect::<Result<Vec<_>, _>>()?;
                let width = rows.first().map_or(0, Vec::len);
                let columns: Vec<Vec<Val>> = (0..width)
                    .map(|at| {
                        rows.iter()
                            .map(|row| row.get(at).copied().unwrap_or(Val::Nil))
                            .collect()
                    })
                    .collect();
                let columns = columns
                    .into_iter()
                    .map(|column| self.new_array(column))
                    .collect();
                self.new_array(columns)
            }
            (M::Zip, others) => {
                let others = others
                    .iter()
                    .map(|other| self.elements(*other))
                    .collect::<Result<Vec<_>, _>>()?;
                let mut rows = Vec::new();
                for (at, value) in values.iter().enumerate() {
                    let mut row = vec![*value];
                    row.extend(
                        others
                            .iter()
                            .map(|other| other.get(at).copied().unwrap_or(Val::Nil)),
                    );
                    rows.push(self.new_array(row));
                }
                self.new_array(rows)
            }
            (M::Sample, []) if !values.is_empty() => {
                values[(super::random() % values.len() as u64) as usize]
            }
            _ => return Ok(None),
        }))
    }

    fn filter_by(&mut self, values: &[Val], other: Val, keep: bool) -> Eval {
        let other = self.elements(other)?;
        self.steps(values.len().saturating_mul(other.len()) / 8)?;
        let kept = values.iter().copied().filter(|value| {
            other
                .iter()
                .any(|have| self.memory.heap.eql(*have, *value, 0))
                == keep
        });
        let kept = kept.collect();
        Ok(self.new_array(kept))
    }

    fn join(
        &mut self,
        out: &mut Vec<u8>,
        values: &[Val],
        separator: &str,
        depth: usize,
    ) -> Result<(), Flow> {
        for (at, value) in values.iter().enumerate() {
            self.step()?;
            if at > 0 {
                out.extend_from_slice(separator.as_bytes());
            }
            match self.memory.heap.array(*value).map(<[Val]>::to_vec) {
                Some(inner) if depth < 100 => self.join(out, &inner, separator, depth + 1)?,
                _ => self.push_text(out, *value)?,
            }
        }
        Ok(())
    }

    fn flatten(&mut self, out: &mut Vec<Val>, values: &[Val], depth: usize) -> Result<(), Flow> {
        for value in values {
            self.step()?;
            match self.memory.heap.array(*value).map(<[Val]>::to_vec) {
                Some(inner) if depth > 0 => self.flatten(out, &inner, depth - 1)?,
                _ => out.push(*value),
            }
        }
        Ok(())
    }

    /// Puts new elements into an array.
    fn store(&mut self, receiver: Val, values: Vec<Val>) -> Result<(), Flow> {
        self.steps(1 + values.len() / 64)?;
        self.heap().taken += 16;
        let Val::Ref(handle) = receiver else {
            return Ok(());
        };
        match self.heap().get_mut(handle) {
            Some(object) => {
                *object = Obj::Array(values);
                Ok(())
            }
            None => self.raise(Class::FrozenError, "can't modify frozen Array"),
        }
    }

    /// Methods that change the array.
    fn array_change(
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

    /// What everything with elements has.
    pub(super) fn enumerate(
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
                    let index = Val::Int(at as i64 + offset);
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
                    values.swap(at, (super::random() % (at as u64 + 1)) as usize);
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

    fn combinations(&mut self, values: &[Val], size: usize) -> Result<Vec<Val>, Flow> {
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

    fn fold(&mut self, values: Vec<Val>, method: M, arguments: &[Val], block: Block<'r>) -> Eval {
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

    fn sorted(&mut self, values: Vec<Val>, method: M, arguments: &[Val], block: Block<'r>) -> Eval {
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

    fn grouped(&mut self, values: Vec<Val>, method: M, block: Block<'r>) -> Eval {
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

fn element(values: &[Val], index: i64) -> Val {
    let index = if index < 0 {
        index + values.len() as i64
    } else {
        index
    };
    usize::try_from(index)
        .ok()
        .and_then(|index| values.get(index))
        .copied()
        .unwrap_or(Val::Nil)
}

fn place(at: Option<usize>) -> Val {
    at.map_or(Val::Nil, |at| Val::Int(at as i64))
}
