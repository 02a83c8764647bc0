//! Where objects live. A run's objects lie behind those that outlive it and are dropped with it.

use std::cell::Cell;
use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use num_bigint::BigInt;

use super::hash::RubyHash;
use super::interp::WORK_MAX;
use super::value::{Obj, Text, Val};

/// Objects, by handle: first those that are shared and never change, then the heap's own.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    shared: Arc<Vec<Obj>>,
    own: Vec<Obj>,
    /// About how many bytes the objects of this run have taken.
    pub(crate) taken: usize,
    /// How many values this run has compared or hashed: that takes no steps of the interpreter's.
    work: Cell<u64>,
}

/// How deep values may nest where they are compared, printed or copied.
pub(crate) const NESTING_MAX: usize = 200;

impl Heap {
    pub(crate) fn new(shared: Arc<Vec<Obj>>) -> Self {
        Self {
            shared,
            own: Vec::new(),
            taken: 0,
            work: Cell::new(0),
        }
    }

    /// A run begins: what it takes is counted anew.
    pub(crate) fn begin_run(&mut self) {
        self.taken = 0;
        self.work.set(0);
    }

    /// How many values this run has compared or hashed.
    pub(crate) fn work(&self) -> u64 {
        self.work.get()
    }

    /// Counts a value that is compared or hashed; whether there may be more. Beyond the bound the answer is wrong, and the run
    /// ends with its next step.
    fn may_go_on(&self) -> bool {
        self.work.set(self.work.get() + 1);
        self.work.get() <= WORK_MAX
    }

    /// Makes all objects shared.
    pub(crate) fn freeze(self) -> Arc<Vec<Obj>> {
        let mut all = Vec::clone(&self.shared);
        all.extend(self.own);
        Arc::new(all)
    }

    pub(crate) fn get(&self, handle: u32) -> &Obj {
        let handle = handle as usize;
        match self.shared.get(handle) {
            Some(object) => object,
            None => &self.own[handle - self.shared.len()],
        }
    }

    /// `None` for what is shared: it is frozen.
    pub(crate) fn get_mut(&mut self, handle: u32) -> Option<&mut Obj> {
        let own = (handle as usize).checked_sub(self.shared.len())?;
        self.own.get_mut(own)
    }

    pub(crate) fn add(&mut self, object: Obj) -> Val {
        self.taken += size_of(&object);
        self.own.push(object);
        Val::Ref((self.shared.len() + self.own.len() - 1) as u32)
    }

    /// Puts another object in the place of one; false where that is frozen.
    pub(crate) fn replace(&mut self, value: Val, object: Obj) -> bool {
        let size = size_of(&object);
        let Val::Ref(handle) = value else {
            return false;
        };
        let Some(place) = self.get_mut(handle) else {
            return false;
        };
        let grown = size.saturating_sub(size_of(place));
        *place = object;
        self.taken += 16 + grown;
        true
    }

    /// How many objects there are of the heap's own.
    pub(crate) fn len(&self) -> usize {
        self.own.len()
    }

    pub(crate) fn object(&self, value: Val) -> Option<&Obj> {
        match value {
            Val::Ref(handle) => Some(self.get(handle)),
            _ => None,
        }
    }

    pub(crate) fn array(&self, value: Val) -> Option<&[Val]> {
        match self.object(value) {
            Some(Obj::Array(values) | Obj::Enumerator(values)) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn hash(&self, value: Val) -> Option<&RubyHash> {
        match self.object(value) {
            Some(Obj::Hash(hash)) => Some(hash),
            _ => None,
        }
    }

    /// The keys and values of a hash; none of what is not one.
    pub(crate) fn pairs(&self, value: Val) -> Vec<(Val, Val)> {
        match self.hash(value) {
            Some(hash) => hash.iter().collect(),
            None => Vec::new(),
        }
    }

    pub(crate) fn text(&self, value: Val) -> Option<&Text> {
        match self.object(value) {
            Some(Obj::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// The text of a string of valid UTF-8.
    pub(crate) fn str(&self, value: Val) -> Option<&str> {
        match self.text(value) {
            Some(Text::Utf8(text)) => Some(text),
            _ => None,
        }
    }

    /// The text of a string or symbol.
    pub(crate) fn name(&self, value: Val) -> Option<&str> {
        match self.object(value) {
            Some(Obj::Str(Text::Utf8(text))) => Some(text),
            Some(Obj::Sym(text)) => Some(text),
            _ => None,
        }
    }

    /// The hash of a key.
    pub(crate) fn hash_of(&self, value: Val) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash_into(value, &mut hasher, 0);
        hasher.finish()
    }

    fn hash_into(&self, value: Val, hasher: &mut DefaultHasher, depth: usize) {
        if !self.may_go_on() {
            return;
        }
        match value {
            Val::Nil => 0.hash(hasher),
            Val::True => 1.hash(hasher),
            Val::False => 2.hash(hasher),
            Val::Int(number) => number.hash(hasher),
            Val::Float(number) => number.to_bits().hash(hasher),
            Val::Class(class) => class.hash(hasher),
            Val::Ref(handle) => match self.get(handle) {
                Obj::Str(text) => text.bytes().hash(hasher),
                Obj::Sym(text) => (3, text).hash(hasher),
                Obj::Big(big) => big.hash(hasher),
                Obj::Array(values) if depth < NESTING_MAX => {
                    values
                        .iter()
                        .for_each(|value| self.hash_into(*value, hasher, depth + 1));
                }
                Obj::Hash(hash) | Obj::Set(hash) => hash.len().hash(hasher),
                Obj::Date(days) => (6, days).hash(hasher),
                Obj::Ip(address, prefix) => (7, address, prefix).hash(hasher),
                Obj::Time(time) => time.at.hash(hasher),
                Obj::Timestamp(at) => at.hash(hasher),
                _ => 5.hash(hasher),
            },
        }
    }

    /// The value of a key.
    pub(crate) fn lookup(&self, hash: &RubyHash, key: Val) -> Option<Val> {
        let place = hash.find(self.hash_of(key), |have| self.eql(have, key, 0))?;
        Some(hash.value_at(place))
    }

    /// Sets a key in a hash or set; false where it is frozen or neither.
    pub(crate) fn set_key(&mut self, target: Val, key: Val, value: Val) -> bool {
        let Val::Ref(handle) = target else {
            return false;
        };
        let code = self.hash_of(key);
        let found = match self.get(handle) {
            Obj::Hash(hash) | Obj::Set(hash) => hash.find(code, |have| self.eql(have, key, 0)),
            _ => return false,
        };
        // A string that becomes a key is copied, so that it stays what it is.
        let key = match (found, self.text(key)) {
            (None, Some(text)) => {
                let text = text.clone();
                self.add(Obj::Str(text))
            }
            _ => key,
        };
        // An entry, of lists that may be half empty, and its places in the table.
        self.taken += if found.is_none() { 128 } else { 0 };
        match self.get_mut(handle) {
            Some(Obj::Hash(hash) | Obj::Set(hash)) => match found {
                Some(place) => hash.set_value_at(place, value),
                None => hash.push(code, key, value),
            },
            _ => return false,
        }
        true
    }

    /// Removes a key and returns its value.
    pub(crate) fn remove_key(&mut self, target: Val, key: Val) -> Option<Val> {
        let Val::Ref(handle) = target else {
            return None;
        };
        let place = match self.get(handle) {
            Obj::Hash(hash) | Obj::Set(hash) => {
                hash.find(self.hash_of(key), |have| self.eql(have, key, 0))?
            }
            _ => return None,
        };
        match self.get_mut(handle) {
            Some(Obj::Hash(hash) | Obj::Set(hash)) => Some(hash.remove_at(place).1),
            _ => None,
        }
    }

    /// `eql?`: equal and of the same type.
    pub(crate) fn eql(&self, left: Val, right: Val, depth: usize) -> bool {
        match (left, right) {
            (Val::Int(_), Val::Float(_)) | (Val::Float(_), Val::Int(_)) => false,
            _ => self.equal(left, right, depth),
        }
    }

    /// `==`
    pub(crate) fn equal(&self, left: Val, right: Val, depth: usize) -> bool {
        if depth > NESTING_MAX || !self.may_go_on() {
            return false;
        }
        match (left, right) {
            (Val::Int(left), Val::Float(right)) => left as f64 == right,
            (Val::Float(left), Val::Int(right)) => left == right as f64,
            (Val::Ref(left), Val::Ref(right)) => {
                left == right || self.equal_objects(self.get(left), self.get(right), depth)
            }
            (Val::Ref(object), number) | (number, Val::Ref(object)) => match self.get(object) {
                Obj::Decimal(_) | Obj::Big(_) => {
                    self.compare_numbers(left, right) == Some(Ordering::Equal) && number != Val::Nil
                }
                _ => false,
            },
            (left, right) => left == right,
        }
    }

    fn equal_objects(&self, left: &Obj, right: &Obj, depth: usize) -> bool {
        match (left, right) {
            (Obj::Str(left), Obj::Str(right)) => left.bytes() == right.bytes(),
            (Obj::Sym(left), Obj::Sym(right)) => left == right,
            (Obj::Big(left), Obj::Big(right)) => left == right,
            (Obj::Array(left), Obj::Array(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .zip(right)
                        .all(|(a, b)| self.equal(*a, *b, depth + 1))
            }
            (Obj::Date(left), Obj::Date(right)) => left == right,
            (Obj::Ip(left, a), Obj::Ip(right, b)) => left == right && a == b,
            (Obj::Uri(left), Obj::Uri(right)) => left.text == right.text,
            (Obj::Set(left), Obj::Set(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .all(|(key, _)| self.lookup(right, key).is_some())
            }
            (Obj::Hash(left), Obj::Hash(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(key, value)| {
                        self.lookup(right, key)
                            .is_some_and(|other| self.equal(value, other, depth + 1))
                    })
            }
            (
                Obj::Range {
                    first: a,
                    last: b,
                    exclusive: e,
                },
                Obj::Range {
                    first: c,
                    last: d,
                    exclusive: f,
                },
            ) => e == f && self.equal(*a, *c, depth + 1) && self.equal(*b, *d, depth + 1),
            (Obj::Time(left), Obj::Time(right)) => left.at == right.at,
            (Obj::Timestamp(left), Obj::Timestamp(right)) => left == right,
            (Obj::Regex(left, a), Obj::Regex(right, b)) => {
                left.pattern() == right.pattern() && a == b
            }
            (Obj::Event(left), Obj::Event(right)) => left == right,
            (Obj::Decimal(left), Obj::Decimal(right)) => {
                left.parse::<f64>() == right.parse::<f64>()
            }
            _ => false,
        }
    }

    /// `<=>`
    pub(crate) fn compare(&self, left: Val, right: Val, depth: usize) -> Option<Ordering> {
        if depth > NESTING_MAX || !self.may_go_on() {
            return None;
        }
        if let (Val::Int(left), Val::Int(right)) = (left, right) {
            return Some(left.cmp(&right));
        }
        match (self.object(left), self.object(right)) {
            (Some(Obj::Str(left)), Some(Obj::Str(right))) => Some(left.bytes().cmp(right.bytes())),
            (Some(Obj::Sym(left)), Some(Obj::Sym(right))) => Some(left.cmp(right)),
            (Some(Obj::Array(left)), Some(Obj::Array(right))) => {
                for (left, right) in left.iter().zip(right) {
                    match self.compare(*left, *right, depth + 1) {
                        Some(Ordering::Equal) => {}
                        other => return other,
                    }
                }
                Some(left.len().cmp(&right.len()))
            }
            (Some(Obj::Time(left)), Some(Obj::Time(right))) => Some(left.at.cmp(&right.at)),
            (Some(Obj::Date(left)), Some(Obj::Date(right))) => Some(left.cmp(right)),
            (Some(Obj::Ip(left, _)), Some(Obj::Ip(right, _))) => Some(left.cmp(right)),
            (Some(Obj::Timestamp(left)), Some(Obj::Timestamp(right))) => Some(left.cmp(right)),
            _ => self
                .compare_numbers(left, right)
                .or_else(|| (left == right).then_some(Ordering::Equal)),
        }
    }

    fn compare_numbers(&self, left: Val, right: Val) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.big(left), self.big(right)) {
            return Some(left.cmp(&right));
        }
        self.float(left)?.partial_cmp(&self.float(right)?)
    }

    /// An integer of any size.
    pub(crate) fn big(&self, value: Val) -> Option<BigInt> {
        match value {
            Val::Int(number) => Some(number.into()),
            Val::Ref(handle) => match self.get(handle) {
                Obj::Big(big) => Some(big.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Any number as a float.
    pub(crate) fn float(&self, value: Val) -> Option<f64> {
        match value {
            Val::Int(number) => Some(number as f64),
            Val::Float(number) => Some(number),
            Val::Ref(handle) => match self.get(handle) {
                Obj::Big(big) => big.to_string().parse().ok(),
                Obj::Decimal(digits) => digits.parse().ok(),
                _ => None,
            },
            _ => None,
        }
    }

    /// About how many bytes the heap's own objects take.
    pub(crate) fn size(&self) -> usize {
        self.own.iter().map(size_of).sum()
    }

    /// Keeps what the roots reach, renumbered; the rest goes.
    pub(crate) fn compact(&mut self, roots: &mut [&mut Val]) {
        let base = self.shared.len();
        let mut places = vec![u32::MAX; self.own.len()];
        let mut order: Vec<usize> = Vec::new();
        for root in roots.iter() {
            mark(**root, base, &mut places, &mut order);
        }
        let mut next = 0;
        while next < order.len() {
            for value in children(&mut self.own[order[next]]) {
                mark(*value, base, &mut places, &mut order);
            }
            next += 1;
        }
        let mut kept = Vec::with_capacity(order.len());
        for &old in &order {
            let mut object = std::mem::replace(&mut self.own[old], Obj::Logger);
            for value in children(&mut object) {
                renumber(value, base, &places);
            }
            kept.push(object);
        }
        self.own = kept;
        for root in roots.iter_mut() {
            renumber(root, base, &places);
        }
    }
}

/// What the allocator needs for a block beside what is asked for.
const BLOCK_BYTES: usize = 16;

/// About how many bytes an object takes: in the list of objects, of which half may be empty, and outside of it.
fn size_of(object: &Obj) -> usize {
    2 * std::mem::size_of::<Obj>()
        + match object {
            Obj::Str(text) => BLOCK_BYTES + text.bytes().len(),
            Obj::Sym(text) | Obj::Decimal(text) => BLOCK_BYTES + text.len(),
            Obj::Array(values) | Obj::Enumerator(values) => values.len() * size_of_val(&Val::Nil),
            Obj::Hash(hash) | Obj::Set(hash) => hash.size(),
            Obj::Uri(uri) => 2 * uri.text.len() + size_of_val(&**uri),
            Obj::Big(big) => big.bits() as usize / 8,
            Obj::Match(found) => {
                size_of_val(&**found)
                    + size_of_val(&*found.spans)
                    + found.text.len() / Arc::strong_count(&found.text)
            }
            Obj::Exception { message, .. } => message.len(),
            _ => 0,
        }
}

fn mark(value: Val, base: usize, places: &mut [u32], order: &mut Vec<usize>) {
    if let Val::Ref(handle) = value
        && let Some(own) = (handle as usize).checked_sub(base)
        && places[own] == u32::MAX
    {
        places[own] = order.len() as u32;
        order.push(own);
    }
}

fn renumber(value: &mut Val, base: usize, places: &[u32]) {
    if let Val::Ref(handle) = value
        && let Some(own) = (*handle as usize).checked_sub(base)
    {
        *handle = base as u32 + places[own];
    }
}

fn children(object: &mut Obj) -> Vec<&mut Val> {
    match object {
        Obj::Array(values) | Obj::Enumerator(values) => values.iter_mut().collect(),
        Obj::Hash(hash) | Obj::Set(hash) => hash.values_mut().collect(),
        Obj::Dumped(value) => vec![value],
        Obj::Range { first, last, .. } => vec![first, last],
        _ => Vec::new(),
    }
}
