//! The methods of all kinds of values. One that a value does not have raises `NoMethodError`, as in Ruby.

mod copy;
mod event;
mod hash;
mod list;
mod map_meta;
mod module;
mod moment;
mod net;
mod number;
mod pack;
mod pattern;
mod set;
mod string;
mod substitute;
mod table;
pub(crate) mod time;

use std::cmp::Ordering;

use super::class::Class;
use super::interp::{Block, Eval, Flow, Run};
use super::names::M;
use super::value::{Obj, Text, Val};

impl<'r> Run<'r, '_> {
    /// Calls a method.
    pub(crate) fn send(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Eval {
        if let (Val::Int(left), [Val::Int(right)]) = (receiver, arguments)
            && let Some(result) = number::fast(left, method, *right)
        {
            return Ok(result);
        }
        // Methods such as `dig` and `send` call others without an evaluation in between.
        self.check_stack()?;
        let found = match receiver {
            Val::Int(_) | Val::Float(_) => self.number(receiver, method, arguments, block)?,
            Val::Class(class) => self.module(class, method, arguments, block)?,
            Val::Nil => self.nil(method, arguments)?,
            Val::True | Val::False => match (method, arguments) {
                (M::BitAnd, [other]) => Some(Val::bool(receiver == Val::True && other.truthy())),
                (M::BitOr, [other]) => Some(Val::bool(receiver == Val::True || other.truthy())),
                (M::BitXor, [other]) => Some(Val::bool((receiver == Val::True) != other.truthy())),
                _ => None,
            },
            Val::Ref(handle) => match self.memory.heap.get(handle) {
                Obj::Str(_) => self.string(receiver, method, arguments, block)?,
                Obj::Sym(name) => {
                    let name = name.to_string();
                    self.symbol(name, method, arguments, block)?
                }
                Obj::Array(_) | Obj::Range { .. } | Obj::Enumerator(_) => {
                    self.list(receiver, method, arguments, block)?
                }
                Obj::Hash(_) => self.hash_method(receiver, method, arguments, block)?,
                Obj::Big(_) | Obj::Decimal(_) => self.number(receiver, method, arguments, block)?,
                Obj::Time(time) => {
                    let time = *time;
                    self.time(time, method, arguments)?
                }
                Obj::Timestamp(at) => {
                    let at = *at;
                    self.timestamp(at, method)?
                }
                Obj::Event(event) => {
                    let number = self.event_number(*event)?;
                    self.event(number, receiver, method, arguments)?
                }
                Obj::MapMeta => self.map_meta(method, arguments)?,
                Obj::Set(_) => self.set_method(receiver, method, arguments, block)?,
                &Obj::Date(days) => self.date_method(days, method, arguments)?,
                &Obj::Ip(address, prefix) => {
                    self.ip_method((address, prefix), method, arguments)?
                }
                Obj::Uri(uri) => {
                    let uri = uri.clone();
                    self.uri_method(&uri, method)
                }
                Obj::NewEventBlock if method == M::Call => return self.emit(arguments),
                Obj::Proc(_) if matches!(method, M::Call | M::Index | M::CaseEq) => {
                    let block = self.block_of(receiver)?;
                    return self.call_block(block, arguments);
                }
                Obj::Match(found) => {
                    let found = found.clone();
                    self.match_method(&found, method, arguments)?
                }
                Obj::Regex(regex, _) => {
                    let regex = regex.clone();
                    self.regex_method(&regex, method, arguments)?
                }
                Obj::Exception { message, .. } if method == M::Message => {
                    let message = message.to_string();
                    Some(self.new_string(message))
                }
                Obj::Logger
                    if matches!(method, M::Debug | M::Info | M::Warn | M::Error | M::Fatal) =>
                {
                    Some(Val::Nil)
                }
                _ => None,
            },
        };
        match found {
            Some(value) => Ok(value),
            None => self.object_method(receiver, method, arguments, block),
        }
    }

    fn nil(&mut self, method: M, arguments: &[Val]) -> Result<Option<Val>, Flow> {
        Ok(Some(match method {
            M::ToA => self.new_array(Vec::new()),
            M::ToI => Val::Int(0),
            M::ToF => Val::Float(0.0),
            M::ToH => self.heap().add(Obj::Hash(Default::default())),
            M::BitAnd => Val::False,
            M::BitOr => Val::bool(arguments.first().is_some_and(|one| one.truthy())),
            _ => return Ok(None),
        }))
    }

    /// What every object has.
    fn object_method(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Eval {
        let value = match (method, arguments) {
            (M::Eq, [other]) => Val::bool(self.memory.heap.equal(receiver, *other, 0)),
            (M::EqlP, [other]) => Val::bool(self.memory.heap.eql(receiver, *other, 0)),
            (M::EqualP, [other]) => Val::bool(self.is_same(receiver, *other)),
            (M::FrozenP, []) => Val::bool(self.is_frozen(receiver)),
            (M::Hash, []) => Val::Int((self.memory.heap.hash_of(receiver) >> 2) as i64),
            (M::ObjectId, []) => match receiver {
                Val::Ref(handle) => Val::Int(8 * (i64::from(handle) + 1_000)),
                Val::Int(number) => Val::Int(number.wrapping_mul(2).wrapping_add(1)),
                other => Val::Int((self.memory.heap.hash_of(other) >> 2) as i64),
            },
            (M::Clamp, [low, high]) => {
                if self.order(receiver, *low)? == Ordering::Less {
                    *low
                } else if self.order(receiver, *high)? == Ordering::Greater {
                    *high
                } else {
                    receiver
                }
            }
            (M::NotEq, [other]) => Val::bool(!self.memory.heap.equal(receiver, *other, 0)),
            (M::CaseEq, [other]) => Val::bool(self.case_equal(receiver, *other)?),
            (M::Cmp, [other]) => match self.memory.heap.compare(receiver, *other, 0) {
                Some(order) => Val::Int(order as i64),
                None => Val::Nil,
            },
            (M::Lt | M::Le | M::Gt | M::Ge, [other]) if self.comparable(receiver) => {
                let order = self.order(receiver, *other)?;
                Val::bool(match method {
                    M::Lt => order == Ordering::Less,
                    M::Le => order != Ordering::Greater,
                    M::Gt => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                })
            }
            (M::BetweenP, [low, high]) => Val::bool(
                self.order(receiver, *low)? != Ordering::Less
                    && self.order(receiver, *high)? != Ordering::Greater,
            ),
            (M::Match_, [_]) => Val::Nil,
            (M::NotMatch, [_]) => Val::bool(
                !self
                    .send(receiver, M::Match_, arguments, Block::None)?
                    .truthy(),
            ),
            (M::Bang, []) => Val::bool(!receiver.truthy()),
            (M::NilP, []) => Val::bool(receiver.is_nil()),
            (M::Class, []) => Val::Class(self.class_of(receiver)),
            (M::IsAP | M::KindOfP, [Val::Class(class)]) => {
                Val::bool(self.class_of(receiver).is_a(*class))
            }
            (M::InstanceOfP, [Val::Class(class)]) => Val::bool(self.class_of(receiver) == *class),
            (M::RespondToP, [name]) => self.respond_to(receiver, *name),
            (M::ToS, []) => {
                let text = self.text_of(receiver)?;
                self.new_string(text)
            }
            (M::Inspect, []) => {
                let text = self.inspect(receiver)?;
                self.new_string(text)
            }
            (M::ToJson, _) => {
                let value = self.export(receiver, 0)?;
                let mut json = Vec::new();
                value.write_json(&mut json);
                self.heap().add(Obj::Str(Text::from_utf8(json)))
            }
            (M::Dup | M::Clone, _) => match receiver {
                Val::Ref(handle) => {
                    let copy = self.memory.heap.get(handle).clone();
                    self.heap().add(copy)
                }
                other => other,
            },
            (M::Freeze | M::Itself, []) => receiver,
            (M::Tap, []) => {
                self.call_block(block, &[receiver])?;
                receiver
            }
            (M::Then | M::YieldSelf, []) => return self.call_block(block, &[receiver]),
            (M::Send | M::PublicSend, [name, rest @ ..]) => {
                let name = self.memory.heap.name(*name).and_then(M::named);
                return match name {
                    Some(method) => self.send(receiver, method, rest, block),
                    None => self.no_method(receiver, "send"),
                };
            }
            _ => return self.no_method(receiver, method.name()),
        };
        Ok(value)
    }

    fn is_same(&self, left: Val, right: Val) -> bool {
        match (left, right) {
            (Val::Ref(left), Val::Ref(right)) if left != right => {
                match (self.memory.heap.get(left), self.memory.heap.get(right)) {
                    (Obj::Sym(left), Obj::Sym(right)) => left == right,
                    (Obj::Event(left), Obj::Event(right)) => left == right,
                    _ => false,
                }
            }
            (left, right) => left == right,
        }
    }

    fn is_frozen(&mut self, value: Val) -> bool {
        let Val::Ref(handle) = value else { return true };
        let plain = matches!(
            self.memory.heap.get(handle),
            Obj::Str(_) | Obj::Array(_) | Obj::Hash(_)
        );
        !plain || self.memory.heap.get_mut(handle).is_none()
    }

    fn respond_to(&mut self, receiver: Val, name: Val) -> Val {
        let class = self.class_of(receiver);
        let name = self.memory.heap.name(name).unwrap_or("");
        Val::bool(match name {
            "each" | "map" | "select" => class.is_a(Class::Enumerable),
            "keys" | "key?" | "has_key?" | "each_pair" => class == Class::Hash,
            "split" | "gsub" | "upcase" | "downcase" | "strip" | "to_str" => class == Class::String,
            "push" | "<<" => class == Class::Array,
            "empty?" | "length" | "size" => {
                matches!(class, Class::String | Class::Array | Class::Hash)
            }
            "to_s" | "inspect" | "nil?" | "class" => true,
            "to_i" | "to_f" => matches!(
                class,
                Class::String | Class::Integer | Class::Float | Class::NilClass | Class::Time
            ),
            _ => false,
        })
    }

    fn comparable(&mut self, value: Val) -> bool {
        self.class_of(value).is_a(Class::Comparable)
    }

    /// The order of two values that must have one.
    pub(crate) fn order(&mut self, left: Val, right: Val) -> Result<Ordering, Flow> {
        match self.memory.heap.compare(left, right, 0) {
            Some(order) => Ok(order),
            None => {
                let class = self.class_of(left).name();
                let other = match right {
                    Val::Nil | Val::Int(_) | Val::Float(_) | Val::True | Val::False => {
                        self.inspect(right)?
                    }
                    _ => self.class_of(right).name().to_owned(),
                };
                self.raise(
                    Class::ArgumentError,
                    format!("comparison of {class} with {other} failed"),
                )
            }
        }
    }

    /// `test === value`
    pub(crate) fn case_equal(&mut self, test: Val, value: Val) -> Result<bool, Flow> {
        if let Val::Class(class) = test {
            return Ok(self.class_of(value).is_a(class));
        }
        match self.memory.heap.object(test) {
            Some(Obj::Regex(regex, _)) => {
                let regex = regex.clone();
                let Some(text) = self.memory.heap.name(value).map(str::to_owned) else {
                    return Ok(false);
                };
                Ok(self.find(&regex, &text, 0)?.is_some())
            }
            Some(&Obj::Range {
                first,
                last,
                exclusive,
            }) => Ok(self.covers(first, last, exclusive, value)),
            Some(Obj::Proc(_)) => {
                let block = self.block_of(test)?;
                Ok(self.call_block(block, &[value])?.truthy())
            }
            _ => Ok(self.memory.heap.equal(test, value, 0)),
        }
    }

    pub(crate) fn covers(&mut self, first: Val, last: Val, exclusive: bool, value: Val) -> bool {
        let above = first.is_nil()
            || matches!(
                self.memory.heap.compare(first, value, 0),
                Some(Ordering::Less | Ordering::Equal)
            );
        let below = last.is_nil()
            || match self.memory.heap.compare(value, last, 0) {
                Some(Ordering::Less) => true,
                Some(Ordering::Equal) => !exclusive,
                _ => false,
            };
        above && below
    }

    pub(crate) fn class_of(&mut self, value: Val) -> Class {
        match value {
            Val::Nil => Class::NilClass,
            Val::True => Class::TrueClass,
            Val::False => Class::FalseClass,
            Val::Int(_) => Class::Integer,
            Val::Float(_) => Class::Float,
            Val::Class(_) => Class::Module,
            Val::Ref(handle) => match self.memory.heap.get(handle) {
                Obj::Str(_) => Class::String,
                Obj::Sym(_) => Class::Symbol,
                Obj::Big(_) => Class::Integer,
                Obj::Decimal(_) => Class::BigDecimal,
                Obj::Array(_) => Class::Array,
                Obj::Hash(_) => Class::Hash,
                Obj::Range { .. } => Class::Range,
                Obj::Regex(..) => Class::Regexp,
                Obj::Match(_) => Class::MatchData,
                Obj::Time(time) if time.date_time => Class::DateTime,
                Obj::Time(_) => Class::Time,
                Obj::Date(_) => Class::Date,
                Obj::Set(_) => Class::Set,
                Obj::Uri(_) => Class::Uri,
                Obj::Ip(..) => Class::IpAddr,
                Obj::Dumped(_) => Class::String,
                Obj::Timestamp(_) => Class::LogstashTimestamp,
                Obj::Event(_) => Class::LogstashEvent,
                Obj::Proc(_) | Obj::NewEventBlock => Class::Proc,
                Obj::Exception { class, .. } => *class,
                Obj::Enumerator(_) => Class::Enumerator,
                Obj::Logger | Obj::MapMeta => Class::Object,
            },
        }
    }

    // Functions.

    /// Calls what needs no receiver.
    pub(crate) fn function(&mut self, method: M, arguments: &[Val], block: Block<'r>) -> Eval {
        Ok(match (method, arguments) {
            (M::Raise | M::Fail, _) => return self.raise_function(arguments),
            (M::Puts | M::Print | M::Warn | M::P | M::Sleep, _) => Val::Nil,
            (M::Lambda, []) => self.proc_of(block, true),
            (M::Proc, []) => self.proc_of(block, false),
            (M::Loop, []) if !block.given() => return self.call_block(block, &[]),
            (M::Loop, []) => loop {
                match self.call_block(block, &[]) {
                    Ok(_) => self.step()?,
                    Err(flow) => return Err(flow),
                }
            },
            (M::Rand, []) => Val::Float(random() as f64 / u64::MAX as f64),
            (M::Rand, [Val::Int(most)]) if *most > 0 => Val::Int((random() % *most as u64) as i64),
            (M::Format | M::Sprintf, [format, rest @ ..]) => return self.format(*format, rest),
            (M::KInteger, [value, rest @ ..]) => {
                return self.integer_of(*value, rest.first().copied());
            }
            (M::KFloat, [value, ..]) => return self.float_of(*value),
            (M::KString, [value]) => {
                let text = self.text_of(*value)?;
                self.new_string(text)
            }
            (M::KArray, [value]) => {
                let values = match self.memory.heap.object(*value) {
                    Some(Obj::Array(_)) => return Ok(*value),
                    Some(Obj::Hash(_) | Obj::Range { .. }) => self.elements(*value)?,
                    None if value.is_nil() => Vec::new(),
                    _ => vec![*value],
                };
                self.new_array(values)
            }
            (M::KUri, [value]) => {
                let made = self.web_function(Class::Uri, M::KUri, &[*value])?;
                made.unwrap_or(Val::Nil)
            }
            (M::KHash, [value]) if self.memory.heap.hash(*value).is_some() => *value,
            (M::KHash, [_]) => self.heap().add(Obj::Hash(Default::default())),
            (M::Logger, []) => self.heap().add(Obj::Logger),
            (M::Test | M::Parameters | M::InEvent | M::InEvents | M::Expect, _) => {
                return self.test_function(method, arguments, block);
            }
            (M::Catch, [tag]) => match self.call_block(block, &[*tag]) {
                Err(Flow::Throw(to, value)) if self.memory.heap.equal(to, *tag, 0) => value,
                other => return other,
            },
            (M::Throw, [tag, rest @ ..]) => {
                return Err(Flow::Throw(*tag, rest.first().copied().unwrap_or(Val::Nil)));
            }
            _ => {
                let name = method.name();
                return self.raise(
                    Class::NameError,
                    format!("undefined local variable or method `{name}' for main"),
                );
            }
        })
    }

    fn raise_function(&mut self, arguments: &[Val]) -> Eval {
        let flow = match arguments {
            [] => self.error(Class::RuntimeError, "unhandled exception"),
            [Val::Class(class)] => self.error(*class, class.name()),
            [Val::Class(class), message, ..] => {
                let message = self.text_of(*message)?;
                self.error(*class, message)
            }
            [one, ..] if matches!(self.memory.heap.object(*one), Some(Obj::Exception { .. })) => {
                Flow::Raise(*one)
            }
            [message, ..] => {
                let message = self.text_of(*message)?;
                self.error(Class::RuntimeError, message)
            }
        };
        Err(flow)
    }
}

/// A random number.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
