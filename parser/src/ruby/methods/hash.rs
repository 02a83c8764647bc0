//! Methods of hashes.

use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl<'r> Run<'r, '_> {
    fn new_hash(&mut self, pairs: impl IntoIterator<Item = (Val, Val)>) -> Val {
        let hash = self.heap().add(Obj::Hash(Default::default()));
        for (key, value) in pairs {
            self.heap().set_key(hash, key, value);
        }
        hash
    }

    /// The value of a key, or what the hash has for keys that are not there.
    fn fetch_or_default(&mut self, receiver: Val, key: Val) -> Eval {
        let Some(hash) = self.memory.heap.hash(receiver) else {
            return Ok(Val::Nil);
        };
        let (default, make) = (hash.default, hash.default_proc);
        if let Some(value) = self
            .memory
            .heap
            .hash(receiver)
            .and_then(|hash| self.memory.heap.lookup(hash, key))
        {
            return Ok(value);
        }
        match make {
            Some(make) => {
                let block = self.block_of(make)?;
                self.call_block(block, &[receiver, key])
            }
            None => Ok(default.unwrap_or(Val::Nil)),
        }
    }

    pub(super) fn hash_method(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        if let (M::Index, [key]) = (method, arguments) {
            return self.fetch_or_default(receiver, *key).map(Some);
        }
        if let (M::IndexSet | M::Store, [key, value]) = (method, arguments) {
            if !self.heap().set_key(receiver, *key, *value) {
                return self.raise(Class::FrozenError, "can't modify frozen Hash");
            }
            return Ok(Some(*value));
        }
        let get = |run: &Self, key: Val| {
            run.memory
                .heap
                .hash(receiver)
                .and_then(|hash| run.memory.heap.lookup(hash, key))
        };
        match (method, arguments) {
            (M::Length | M::Size | M::Count, []) if !block.given() => {
                return Ok(self
                    .memory
                    .heap
                    .hash(receiver)
                    .map(|hash| Val::Int(hash.len() as i64)));
            }
            (M::EmptyP, []) => {
                return Ok(self
                    .memory
                    .heap
                    .hash(receiver)
                    .map(|hash| Val::bool(hash.len() == 0)));
            }
            (M::KeyP | M::HasKeyP | M::IncludeP | M::MemberP, [key]) => {
                return Ok(Some(Val::bool(get(self, *key).is_some())));
            }
            (M::Fetch, [key, rest @ ..]) => {
                return match (get(self, *key), rest) {
                    (Some(value), _) => Ok(Some(value)),
                    (None, [default]) => Ok(Some(*default)),
                    (None, _) if block.given() => self.call_block(block, &[*key]).map(Some),
                    (None, _) => {
                        let shown = self.inspect(*key)?;
                        self.raise(Class::KeyError, format!("key not found: {shown}"))
                    }
                };
            }
            (M::Dig, [key, rest @ ..]) => {
                let value = self.fetch_or_default(receiver, *key)?;
                return match rest {
                    [] => Ok(Some(value)),
                    _ if value.is_nil() => Ok(Some(Val::Nil)),
                    rest => self.send(value, M::Dig, rest, Block::None).map(Some),
                };
            }
            (M::Delete, [key]) => {
                return Ok(Some(
                    self.heap().remove_key(receiver, *key).unwrap_or(Val::Nil),
                ));
            }
            (M::ToH | M::ToHash, []) if !block.given() => return Ok(Some(receiver)),
            _ => {}
        }
        let pairs = self.memory.heap.pairs(receiver);
        self.steps(1 + pairs.len() / 4)?;
        if let Some(result) = self.hash_read(receiver, &pairs, method, arguments, block)? {
            return Ok(Some(result));
        }
        if let Some(result) = self.hash_change(receiver, &pairs, method, arguments, block)? {
            return Ok(Some(result));
        }
        let elements = self.elements(receiver)?;
        if matches!((method, arguments), (M::Each | M::EachPair, [])) {
            return Ok(Some(self.heap().add(Obj::Enumerator(elements))));
        }
        if matches!(method, M::First | M::Take | M::Drop | M::Zip) {
            return self.array_read(receiver, &elements, method, arguments);
        }
        self.enumerate(receiver, elements, method, arguments, block)
    }

    fn hash_read(
        &mut self,
        receiver: Val,
        pairs: &[(Val, Val)],
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        Ok(Some(match (method, arguments) {
            (M::Keys, []) => self.new_array(pairs.iter().map(|pair| pair.0).collect()),
            (M::Values, []) => self.new_array(pairs.iter().map(|pair| pair.1).collect()),
            (M::ValueP | M::HasValueP, [value]) => Val::bool(
                pairs
                    .iter()
                    .any(|pair| self.memory.heap.equal(pair.1, *value, 0)),
            ),
            (M::Key, [value]) => pairs
                .iter()
                .find(|pair| self.memory.heap.equal(pair.1, *value, 0))
                .map_or(Val::Nil, |pair| pair.0),
            (M::Each | M::EachPair, []) if block.given() => {
                for (key, value) in pairs {
                    let pair = self.new_array(vec![*key, *value]);
                    self.call_block(block, &[pair])?;
                }
                receiver
            }
            (M::EachKey | M::EachValue, []) => {
                for (key, value) in pairs {
                    self.call_block(block, &[if method == M::EachKey { *key } else { *value }])?;
                }
                receiver
            }
            (M::Select | M::Filter | M::Reject, []) => {
                let mut kept = Vec::new();
                for (key, value) in pairs {
                    if self.call_block(block, &[*key, *value])?.truthy() != (method == M::Reject) {
                        kept.push((*key, *value));
                    }
                }
                self.new_hash(kept)
            }
            (M::AnyP, []) if !block.given() => Val::bool(!pairs.is_empty()),
            (
                M::Map
                | M::Collect
                | M::FlatMap
                | M::FilterMap
                | M::AnyP
                | M::AllP
                | M::NoneP
                | M::Find
                | M::Detect
                | M::SortBy
                | M::MinBy
                | M::MaxBy
                | M::Sum
                | M::Count
                | M::GroupBy
                | M::Partition
                | M::EachWithIndex
                | M::EachWithObject
                | M::ToH,
                _,
            ) => return Ok(None),
            (M::TransformValues, []) => {
                let mut mapped = Vec::new();
                for (key, value) in pairs {
                    mapped.push((*key, self.call_block(block, &[*value])?));
                }
                self.new_hash(mapped)
            }
            (M::TransformKeys, []) => {
                let mut mapped = Vec::new();
                for (key, value) in pairs {
                    mapped.push((self.call_block(block, &[*key])?, *value));
                }
                self.new_hash(mapped)
            }
            (M::Merge, others) => {
                let merged = self.new_hash(pairs.iter().copied());
                self.merge_into(merged, others, block)?;
                merged
            }
            (M::Invert, []) => self.new_hash(pairs.iter().map(|(key, value)| (*value, *key))),
            (M::Compact, []) => {
                self.new_hash(pairs.iter().copied().filter(|pair| !pair.1.is_nil()))
            }
            (M::Slice, keys) => {
                let kept: Vec<_> = pairs
                    .iter()
                    .copied()
                    .filter(|pair| keys.iter().any(|key| self.memory.heap.eql(*key, pair.0, 0)))
                    .collect();
                self.new_hash(kept)
            }
            (M::Except, keys) => {
                let kept: Vec<_> = pairs
                    .iter()
                    .copied()
                    .filter(|pair| !keys.iter().any(|key| self.memory.heap.eql(*key, pair.0, 0)))
                    .collect();
                self.new_hash(kept)
            }
            (M::ValuesAt, keys) => {
                let mut values = Vec::new();
                for key in keys {
                    values.push(self.fetch_or_default(receiver, *key)?);
                }
                self.new_array(values)
            }
            _ => return Ok(None),
        }))
    }

    fn merge_into(&mut self, target: Val, others: &[Val], block: Block<'r>) -> Result<(), Flow> {
        for &other in others {
            let Some(pairs) = self
                .memory
                .heap
                .hash(other)
                .map(|hash| hash.iter().collect::<Vec<_>>())
            else {
                return self.raise(Class::TypeError, "no implicit conversion into Hash");
            };
            for (key, mut value) in pairs {
                self.step()?;
                let old = self
                    .memory
                    .heap
                    .hash(target)
                    .and_then(|hash| self.memory.heap.lookup(hash, key));
                if let (Some(old), true) = (old, block.given()) {
                    value = self.call_block(block, &[key, old, value])?;
                }
                if !self.heap().set_key(target, key, value) {
                    return self.raise(Class::FrozenError, "can't modify frozen Hash");
                }
            }
        }
        Ok(())
    }

    fn hash_change(
        &mut self,
        receiver: Val,
        pairs: &[(Val, Val)],
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        let computed = match method {
            M::SelectBang | M::KeepIf | M::FilterBang => M::Select,
            M::RejectBang | M::DeleteIf => M::Reject,
            M::CompactBang => M::Compact,
            M::TransformValuesBang => M::TransformValues,
            M::TransformKeysBang => M::TransformKeys,
            M::Replace => M::Merge,
            _ => M::Unknown,
        };
        if computed != M::Unknown {
            let source = if method == M::Replace { &[][..] } else { pairs };
            let new = self
                .hash_read(receiver, source, computed, arguments, block)?
                .unwrap_or(Val::Nil);
            let new = self.memory.heap.pairs(new);
            self.clear_hash(receiver)?;
            for (key, value) in new {
                self.heap().set_key(receiver, key, value);
            }
            return Ok(Some(receiver));
        }
        Ok(Some(match (method, arguments) {
            (M::MergeBang | M::Update, others) => {
                self.merge_into(receiver, others, block)?;
                receiver
            }
            (M::Default, []) => {
                let hash = self.memory.heap.hash(receiver);
                hash.and_then(|hash| hash.default).unwrap_or(Val::Nil)
            }
            (M::DefaultProc, []) => {
                let hash = self.memory.heap.hash(receiver);
                hash.and_then(|hash| hash.default_proc).unwrap_or(Val::Nil)
            }
            (M::DefaultSet | M::DefaultProcSet, [value]) => {
                let Val::Ref(handle) = receiver else {
                    return Ok(None);
                };
                let given = (!value.is_nil()).then_some(*value);
                match self.heap().get_mut(handle) {
                    Some(Obj::Hash(hash)) if method == M::DefaultSet => hash.default = given,
                    Some(Obj::Hash(hash)) => hash.default_proc = given,
                    _ => return self.raise(Class::FrozenError, "can't modify frozen Hash"),
                }
                *value
            }
            (M::Clear, []) => {
                self.clear_hash(receiver)?;
                receiver
            }
            (M::Shift, []) => match pairs.first() {
                Some(&(key, value)) => {
                    self.heap().remove_key(receiver, key);
                    self.new_array(vec![key, value])
                }
                None => Val::Nil,
            },
            _ => return Ok(None),
        }))
    }

    fn clear_hash(&mut self, receiver: Val) -> Result<(), Flow> {
        let Val::Ref(handle) = receiver else {
            return Ok(());
        };
        match self.heap().get_mut(handle) {
            Some(Obj::Hash(hash)) => {
                hash.clear();
                Ok(())
            }
            _ => self.raise(Class::FrozenError, "can't modify frozen Hash"),
        }
    }
}
