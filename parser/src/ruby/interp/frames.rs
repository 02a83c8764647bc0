//! Calls of methods and blocks: their variables and their parameters.

use super::{Block, CALLS_MAX, Env, Eval, Flow, Frame, NO_ENV, Run};
use crate::ruby::ast::{BlockCode, Parameter};
use crate::ruby::class::Class;
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Proc, Val};

impl<'r> Run<'r, '_> {
    /// Calls a method of the program, if it is defined.
    pub(crate) fn call_method(&mut self, number: u32, arguments: &[Val], block: Block<'r>) -> Eval {
        let program = self.program;
        let Some(code) = &program.methods[number as usize].code else {
            let name = program.methods[number as usize].name.to_string();
            return self.raise(
                Class::NameError,
                format!("undefined local variable or method `{name}' for main"),
            );
        };
        self.enter(|run| {
            let mark = run.mark();
            let env = run.push_env(code.slots, NO_ENV);
            run.frames += 1;
            let method = run.frames;
            let frame = Frame {
                env,
                method,
                call: method,
                block,
            };
            let result = match run.bind(code, arguments, frame, true) {
                Ok(()) => run.eval(&code.body, frame),
                Err(flow) => Err(flow),
            };
            run.release(mark);
            match result {
                Err(Flow::Return(to, value)) if to == method => Ok(value),
                Err(Flow::Next(value)) => Ok(value),
                other => other,
            }
        })
    }

    /// Calls a block.
    pub(crate) fn call_block(&mut self, block: Block<'r>, arguments: &[Val]) -> Eval {
        match block {
            Block::None => self.raise(Class::LocalJumpError, "no block given (yield)"),
            Block::Symbol(method) => match arguments.split_first() {
                Some((receiver, rest)) => self.send(*receiver, method, rest, Block::None),
                None => self.raise(Class::ArgumentError, "no receiver given"),
            },
            Block::Method(number) => self.call_method(number, arguments, Block::None),
            Block::Code {
                code,
                env,
                method,
                call,
                lambda,
                ..
            } => self.enter(|run| {
                let mark = run.mark();
                let inner = run.push_env(code.slots, env);
                let mut frame = Frame {
                    env: inner,
                    method,
                    call,
                    block: Block::None,
                };
                if lambda {
                    run.frames += 1;
                    frame.method = run.frames;
                }
                let result = match run.bind(code, arguments, frame, lambda) {
                    Ok(()) => run.eval(&code.body, frame),
                    Err(flow) => Err(flow),
                };
                run.release(mark);
                match result {
                    Err(Flow::Next(value)) => Ok(value),
                    Err(Flow::Return(to, value)) if lambda && to == frame.method => Ok(value),
                    Err(Flow::Break(to, value)) if lambda && to == call => Ok(value),
                    other => other,
                }
            }),
        }
    }

    /// The block that an object stands for.
    pub(crate) fn block_of(&mut self, value: Val) -> Result<Block<'r>, Flow> {
        let program = self.program;
        match self.memory.heap.object(value) {
            None if value.is_nil() => Ok(Block::None),
            Some(Obj::Proc(Proc::Block {
                block,
                env,
                run,
                lambda,
            })) => {
                let (number, env, lambda) = (*block, *env, *lambda);
                if *run != self.memory.run && env as usize >= self.memory.lasting_envs {
                    return Err(self.error(
                        Class::LocalJumpError,
                        "this block belongs to an event that is gone",
                    ));
                }
                self.frames += 1;
                Ok(Block::Code {
                    code: &program.blocks[number as usize],
                    number,
                    env,
                    method: 0,
                    call: self.frames,
                    lambda,
                })
            }
            Some(Obj::Proc(Proc::Symbol(method))) => Ok(Block::Symbol(*method)),
            Some(Obj::Proc(Proc::Method(number))) => Ok(Block::Method(*number)),
            Some(Obj::Sym(name)) => match M::named(name) {
                Some(method) => Ok(Block::Symbol(method)),
                None => {
                    let message = format!("undefined method `{name}'");
                    Err(self.error(Class::NoMethodError, message))
                }
            },
            Some(Obj::Hash(_)) => {
                Err(self.error(Class::TypeError, "a hash as a block is not supported"))
            }
            _ => Err(self.error(Class::TypeError, "wrong argument type (expected Proc)")),
        }
    }

    /// A block as an object.
    pub(crate) fn proc_of(&mut self, block: Block<'r>, as_lambda: bool) -> Val {
        self.procs += 1;
        let proc = match block {
            Block::None => return Val::Nil,
            Block::Symbol(method) => Proc::Symbol(method),
            Block::Method(number) => Proc::Method(number),
            Block::Code {
                number,
                env,
                lambda,
                ..
            } => Proc::Block {
                block: number,
                env,
                run: self.memory.run,
                lambda: lambda || as_lambda,
            },
        };
        self.memory.heap.add(Obj::Proc(proc))
    }

    pub(super) fn enter(&mut self, call: impl FnOnce(&mut Self) -> Eval) -> Eval {
        if self.depth >= CALLS_MAX {
            return self.too_deep();
        }
        self.depth += 1;
        let result = call(self);
        self.depth -= 1;
        result
    }

    /// Raises where the stack has grown to what a run may take of it.
    #[inline]
    pub(crate) fn check_stack(&mut self) -> Result<(), Flow> {
        if crate::ruby::stack_position().abs_diff(self.stack) > crate::ruby::STACK_MAX {
            self.too_deep()?;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn too_deep(&mut self) -> Eval {
        self.raise(Class::SystemStackError, "stack level too deep")
    }

    pub(super) fn mark(&self) -> (usize, usize, u64) {
        (self.memory.envs.len(), self.memory.slots.len(), self.procs)
    }

    /// Drops the variables of a call, unless a block that was made an object may see them.
    pub(super) fn release(&mut self, (envs, slots, procs): (usize, usize, u64)) {
        if self.procs == procs {
            self.memory.envs.truncate(envs);
            self.memory.slots.truncate(slots);
            self.counted_slots = self.counted_slots.min(slots);
        } else if let Some(more) = self.memory.slots.len().checked_sub(self.counted_slots) {
            self.heap().taken += more * 2 * size_of::<Val>() + 2 * size_of::<Env>();
            self.counted_slots += more;
        }
    }

    pub(super) fn push_env(&mut self, slots: u16, parent: u32) -> u32 {
        let base = self.memory.slots.len() as u32;
        let length = self.memory.slots.len() + slots as usize;
        self.memory.slots.resize(length, Val::Nil);
        self.memory.envs.push(Env { base, parent });
        self.memory.envs.len() as u32 - 1
    }

    pub(super) fn slot(&self, env: u32, depth: u16, slot: u16) -> usize {
        let mut env = self.memory.envs[env as usize];
        for _ in 0..depth {
            env = self.memory.envs[env.parent as usize];
        }
        env.base as usize + slot as usize
    }

    pub(super) fn set_local(&mut self, frame: Frame<'r>, slot: u16, value: Val) {
        let at = self.slot(frame.env, 0, slot);
        self.memory.slots[at] = value;
    }

    /// Gives parameters their values.
    pub(super) fn bind(
        &mut self,
        code: &'r BlockCode,
        arguments: &[Val],
        frame: Frame<'r>,
        strict: bool,
    ) -> Result<(), Flow> {
        let parameters = &code.parameters;
        if let ([Parameter::Required(slot)], [value]) = (&parameters.list[..], arguments)
            && !parameters.trailing_comma
        {
            self.set_local(frame, *slot, *value);
            return Ok(());
        }
        let mut arguments = arguments.to_vec();
        let takes = parameters.required + parameters.optional;
        if !strict
            && arguments.len() == 1
            && (takes > 1 || (takes == 1 && (parameters.rest || parameters.trailing_comma)))
            && let Some(elements) = self.memory.heap.array(arguments[0])
        {
            arguments = elements.to_vec();
        }
        let keywords = match arguments.last() {
            Some(&last) if parameters.keywords && self.memory.heap.hash(last).is_some() => {
                arguments.pop();
                Some(last)
            }
            _ => None,
        };
        if strict
            && (arguments.len() < parameters.required
                || (!parameters.rest && arguments.len() > takes))
        {
            let given = arguments.len();
            let expected = if parameters.optional == 0 && !parameters.rest {
                takes.to_string()
            } else if parameters.rest {
                format!("{}+", parameters.required)
            } else {
                format!("{}..{takes}", parameters.required)
            };
            return Err(self.error(
                Class::ArgumentError,
                format!("wrong number of arguments (given {given}, expected {expected})"),
            ));
        }
        let mut spare = arguments.len().saturating_sub(parameters.required);
        let mut required_left = parameters
            .list
            .iter()
            .filter(|one| matches!(one, Parameter::Required(_) | Parameter::Nested(_)))
            .count();
        let mut next = 0;
        for parameter in &parameters.list {
            match parameter {
                Parameter::Required(slot) => {
                    self.set_local(
                        frame,
                        *slot,
                        arguments.get(next).copied().unwrap_or(Val::Nil),
                    );
                    next += 1;
                    required_left -= 1;
                }
                Parameter::Nested(targets) => {
                    let value = arguments.get(next).copied().unwrap_or(Val::Nil);
                    next += 1;
                    required_left -= 1;
                    self.destructure(targets, value, frame)?;
                }
                Parameter::Optional(slot, default) => {
                    let value = if spare > 0 {
                        spare -= 1;
                        next += 1;
                        arguments.get(next - 1).copied().unwrap_or(Val::Nil)
                    } else {
                        self.eval(default, frame)?
                    };
                    self.set_local(frame, *slot, value);
                }
                Parameter::Rest(slot) => {
                    let end = arguments.len().saturating_sub(required_left).max(next);
                    let rest = arguments.get(next..end).unwrap_or(&[]).to_vec();
                    next = end;
                    if let Some(slot) = slot {
                        let rest = self.new_array(rest);
                        self.set_local(frame, *slot, rest);
                    }
                }
                Parameter::Keyword(name, slot, default) => {
                    let key = self.new_symbol(name);
                    let given = keywords.and_then(|hash| {
                        self.memory.heap.lookup(self.memory.heap.hash(hash)?, key)
                    });
                    let value = match (given, default) {
                        (Some(value), _) => value,
                        (None, Some(default)) => self.eval(default, frame)?,
                        (None, None) => {
                            return Err(self
                                .error(Class::ArgumentError, format!("missing keyword: :{name}")));
                        }
                    };
                    self.set_local(frame, *slot, value);
                }
                Parameter::KeywordRest(slot) => {
                    if let Some(slot) = slot {
                        let value = self.other_keywords(parameters, keywords);
                        self.set_local(frame, *slot, value);
                    }
                }
                Parameter::Block(slot) => {
                    let block = self.proc_of(frame.block, false);
                    self.set_local(frame, *slot, block);
                }
            }
        }
        Ok(())
    }

    /// The keywords that no parameter has taken.
    pub(super) fn other_keywords(
        &mut self,
        parameters: &crate::ruby::ast::Parameters,
        given: Option<Val>,
    ) -> Val {
        let hash = self.memory.heap.add(Obj::Hash(Default::default()));
        let pairs: Vec<(Val, Val)> = given
            .and_then(|given| self.memory.heap.hash(given))
            .map(|given| given.iter().collect())
            .unwrap_or_default();
        for (key, value) in pairs {
            let name = self.memory.heap.name(key);
            let taken = parameters
                .list
                .iter()
                .any(|one| matches!(one, Parameter::Keyword(own, ..) if Some(&**own) == name));
            if !taken {
                self.memory.heap.set_key(hash, key, value);
            }
        }
        hash
    }
}
