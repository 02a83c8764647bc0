//! Methods of arrays and ranges, and what hashes share with them: everything that goes through elements.

mod change;
mod enumerate;
mod order;

use super::string::range_span;
use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl<'r> Run<'r, '_> {
    /// The elements of anything that has some; of a hash its pairs.
    pub(crate) fn elements(&mut self, value: Val) -> Result<Vec<Val>, Flow> {
        self.steps_to_copy(value)?;
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
                        self.steps(u32::from(last).saturating_sub(first.into()) as usize)?;
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
        // What loops ask for does not walk the array each time.
        if let Some(Obj::Array(values)) = self.memory.heap.object(receiver) {
            match (method, arguments) {
                (M::Index | M::At, [Val::Int(index)]) => return Ok(Some(element(values, *index))),
                (M::Length | M::Size, []) => return Ok(Some(Val::Int(values.len() as i64))),
                (M::EmptyP, []) => return Ok(Some(Val::bool(values.is_empty()))),
                _ => {}
            }
        }
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
                    self.steps(1 + others.len() / 4)?;
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
            self.steps(1 + separator.len() / 64)?;
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
        self.check_stack()?;
        for value in values {
            self.step()?;
            self.steps_to_copy(*value)?;
            match self.memory.heap.array(*value).map(<[Val]>::to_vec) {
                Some(inner) if depth > 0 => self.flatten(out, &inner, depth - 1)?,
                _ => out.push(*value),
            }
        }
        Ok(())
    }
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
