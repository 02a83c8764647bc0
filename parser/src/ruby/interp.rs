//! Runs programs: walks the tree within a budget of steps and memory.

use std::sync::Arc;

use super::ast::{AssignOp, BlockCode, Call, Interpolated, Kind, Node, Parameter, Program, Target};
use super::class::Class;
use super::heap::Heap;
use super::names::M;
use super::script_file::Test;
use super::task::TaskMeta;
use super::value::{Obj, Proc, Text, Val};
use crate::event::{Arena, Event};
use crate::regex::Scratch;
use crate::time::Timestamp;

/// Steps that one run may take: some tenths of a second.
const STEPS_MAX: u64 = 4_000_000;
/// Values that one run may compare or hash.
pub(crate) const WORK_MAX: u64 = 20_000_000;
/// Bytes that one run may take.
const BYTES_MAX: usize = 256 << 20;
/// How deep calls may nest.
const CALLS_MAX: usize = 120;

/// Why evaluation leaves its course.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flow {
    /// An exception.
    Raise(Val),
    /// `break` out of the call with that number.
    Break(u64, Val),
    Next(Val),
    /// `return` out of the method call with that number.
    Return(u64, Val),
    Retry,
    Throw(Val, Val),
    /// A budget is spent; no `rescue` catches it.
    Exhausted(&'static str),
}

pub(crate) type Eval = Result<Val, Flow>;

/// What outlives a run.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) heap: Heap,
    pub(crate) globals: Vec<Val>,
    pub(crate) slots: Vec<Val>,
    pub(crate) envs: Vec<Env>,
    /// How many objects were there when garbage was last collected.
    pub(crate) kept: usize,
    /// About how many bytes they took.
    pub(crate) kept_bytes: usize,
    /// About how many bytes were taken since.
    pub(crate) since: usize,
    /// The number of the run: no other run on these objects had it.
    pub(crate) run: u64,
    /// How many of the first environments outlive the run that made them.
    pub(crate) lasting_envs: usize,
}

/// The variables of a block or method that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env {
    base: u32,
    parent: u32,
}

/// An event that a program holds.
pub(crate) struct Held<'a> {
    pub(crate) event: Event<'a>,
    pub(crate) cancelled: bool,
}

/// One run of a unit.
pub(crate) struct Run<'r, 'a> {
    pub(crate) program: &'r Program,
    pub(crate) memory: &'r mut Memory,
    pub(crate) arena: &'a Arena,
    pub(crate) scratch: &'r mut Scratch,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Held<'a>>,
    /// Events given to `new_event_block`.
    pub(crate) emitted: Vec<u32>,
    pub(crate) last_match: Val,
    /// What `map_meta` stands for.
    pub(crate) task: Option<TaskMeta>,
    /// The test of a script that is being run.
    pub(crate) test: Option<Test>,
    /// It runs before the first event, so it may read files.
    pub(crate) is_first: bool,
    steps: u64,
    depth: usize,
    /// Where the stack was when the run began.
    stack: usize,
    frames: u64,
    procs: u64,
}

/// Where code runs.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'r> {
    env: u32,
    /// The method call it belongs to.
    method: u64,
    /// The call whose block it is, for `break`.
    call: u64,
    block: Block<'r>,
}

/// The block of a call.
#[derive(Clone, Copy)]
pub(crate) enum Block<'r> {
    None,
    Code {
        code: &'r BlockCode,
        number: u32,
        env: u32,
        method: u64,
        call: u64,
        lambda: bool,
    },
    Symbol(M),
    Method(u32),
}

impl Block<'_> {
    pub(crate) fn given(&self) -> bool {
        !matches!(self, Block::None)
    }
}

const NO_ENV: u32 = u32::MAX;

impl<'r, 'a> Run<'r, 'a> {
    pub(crate) fn new(
        program: &'r Program,
        memory: &'r mut Memory,
        arena: &'a Arena,
        scratch: &'r mut Scratch,
        now: Timestamp,
    ) -> Self {
        memory.globals.resize(program.globals.len(), Val::Nil);
        memory.heap.begin_run();
        memory.run += 1;
        Self {
            program,
            memory,
            arena,
            scratch,
            now,
            events: Vec::new(),
            emitted: Vec::new(),
            last_match: Val::Nil,
            task: None,
            test: None,
            is_first: false,
            steps: STEPS_MAX,
            depth: 0,
            stack: super::stack_position(),
            frames: 0,
            procs: 0,
        }
    }

    pub(crate) fn heap(&mut self) -> &mut Heap {
        &mut self.memory.heap
    }

    /// Runs a unit with the values of the variables that it begins with.
    pub(crate) fn unit(&mut self, number: usize, variables: &[Val]) -> Eval {
        let unit = &self.program.units[number];
        let env = self.push_env(unit.slots, NO_ENV);
        let base = self.memory.envs[env as usize].base as usize;
        self.memory.slots[base..base + variables.len()].copy_from_slice(variables);
        self.frames += 1;
        let method = self.frames;
        let frame = Frame {
            env,
            method,
            call: method,
            block: Block::None,
        };
        match self.eval(&unit.body, frame) {
            Err(Flow::Return(to, value)) if to == method => Ok(value),
            Err(Flow::Next(value)) => Ok(value),
            other => other,
        }
    }

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

    fn enter(&mut self, call: impl FnOnce(&mut Self) -> Eval) -> Eval {
        if self.depth >= CALLS_MAX {
            return self.too_deep();
        }
        self.depth += 1;
        let result = call(self);
        self.depth -= 1;
        result
    }

    #[cold]
    #[inline(never)]
    fn too_deep(&mut self) -> Eval {
        self.raise(Class::SystemStackError, "stack level too deep")
    }

    fn mark(&self) -> (usize, usize, u64) {
        (self.memory.envs.len(), self.memory.slots.len(), self.procs)
    }

    /// Drops the variables of a call, unless a block that was made an object may see them.
    fn release(&mut self, (envs, slots, procs): (usize, usize, u64)) {
        if self.procs == procs {
            self.memory.envs.truncate(envs);
            self.memory.slots.truncate(slots);
        }
    }

    fn push_env(&mut self, slots: u16, parent: u32) -> u32 {
        let base = self.memory.slots.len() as u32;
        let length = self.memory.slots.len() + slots as usize;
        self.memory.slots.resize(length, Val::Nil);
        self.memory.envs.push(Env { base, parent });
        self.memory.envs.len() as u32 - 1
    }

    fn slot(&self, env: u32, depth: u16, slot: u16) -> usize {
        let mut env = self.memory.envs[env as usize];
        for _ in 0..depth {
            env = self.memory.envs[env.parent as usize];
        }
        env.base as usize + slot as usize
    }

    fn set_local(&mut self, frame: Frame<'r>, slot: u16, value: Val) {
        let at = self.slot(frame.env, 0, slot);
        self.memory.slots[at] = value;
    }

    /// Gives parameters their values.
    fn bind(
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
    fn other_keywords(&mut self, parameters: &super::ast::Parameters, given: Option<Val>) -> Val {
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

    /// Lets the run take as many steps more as it takes to walk over so many bytes of objects.
    pub(crate) fn allow_for(&mut self, bytes: usize) {
        self.steps += bytes as u64 / 8;
    }

    /// Takes a step.
    pub(crate) fn step(&mut self) -> Result<(), Flow> {
        self.steps(1)
    }

    /// Takes steps for work that a method does in one go.
    pub(crate) fn steps(&mut self, count: usize) -> Result<(), Flow> {
        if self.steps <= count as u64 {
            self.steps = 0;
            return Err(Flow::Exhausted("the code took too many steps"));
        }
        self.steps -= count as u64;
        if self.memory.heap.work() > WORK_MAX {
            return Err(Flow::Exhausted("the code took too many steps"));
        }
        if self.memory.heap.taken > BYTES_MAX {
            return Err(Flow::Exhausted("the code took too much memory"));
        }
        Ok(())
    }

    /// Evaluates a node.
    pub(crate) fn eval(&mut self, node: &'r Node, frame: Frame<'r>) -> Eval {
        self.step()?;
        if super::stack_position().abs_diff(self.stack) > super::STACK_MAX {
            return self.too_deep();
        }
        match &node.kind {
            Kind::Value(value) => Ok(*value),
            Kind::Local { depth, slot } => {
                let at = self.slot(frame.env, *depth, *slot);
                Ok(self.memory.slots[at])
            }
            Kind::Str(constant) => {
                let text = self.memory.heap.text(*constant).cloned();
                Ok(self
                    .memory
                    .heap
                    .add(Obj::Str(text.unwrap_or(Text::Utf8(String::new())))))
            }
            Kind::Call(call) => self.eval_call(call, frame),
            Kind::Global(number) => Ok(self.memory.globals[*number as usize]),
            Kind::Sequence(nodes) => {
                let mut last = Val::Nil;
                for node in nodes {
                    last = self.eval(node, frame)?;
                }
                Ok(last)
            }
            Kind::If {
                condition,
                then,
                otherwise,
            } => {
                let holds = self.eval(condition, frame)?.truthy();
                self.eval(if holds { then } else { otherwise }, frame)
            }
            Kind::Assign(target, value) => self.eval_assign(target, value, frame),
            Kind::Not(operand) => Ok(Val::bool(!self.eval(operand, frame)?.truthy())),
            Kind::And(left, right) => match self.eval(left, frame)? {
                value if value.truthy() => self.eval(right, frame),
                value => Ok(value),
            },
            Kind::Or(left, right) => match self.eval(left, frame)? {
                value if value.truthy() => Ok(value),
                _ => self.eval(right, frame),
            },
            _ => self.eval_other(node, frame),
        }
    }

    #[inline(never)]
    fn eval_other(&mut self, node: &'r Node, frame: Frame<'r>) -> Eval {
        match &node.kind {
            Kind::Array(nodes) => {
                let values = self.eval_list(nodes, frame)?;
                Ok(self.new_array(values))
            }
            Kind::Hash(pairs) => self.eval_hash(pairs, frame),
            Kind::Interpolated(what, parts) => self.eval_interpolated(*what, parts, frame),
            Kind::Range {
                first,
                last,
                exclusive,
            } => {
                let first = self.eval(first, frame)?;
                let last = self.eval(last, frame)?;
                Ok(self.memory.heap.add(Obj::Range {
                    first,
                    last,
                    exclusive: *exclusive,
                }))
            }
            Kind::LastMatch(group) => Ok(self.last_match_group(*group)),
            Kind::NamedMatch(call, names) => {
                let result = self.eval(call, frame)?;
                for (target, name) in names {
                    let value = self.last_match_named(name);
                    self.assign(target, value, frame)?;
                }
                Ok(result)
            }
            Kind::MultiAssign(targets, value) => {
                let value = self.eval(value, frame)?;
                self.destructure(targets, value, frame)?;
                Ok(value)
            }
            Kind::OpAssign(target, operator, value) => {
                self.op_assign(target, *operator, value, frame)
            }
            Kind::Yield(arguments) => {
                let arguments = self.eval_list(arguments, frame)?;
                self.call_block(frame.block, &arguments)
            }
            Kind::Defined(operand) => self.defined(operand, frame),
            Kind::While {
                condition,
                body,
                until,
                body_first,
            } => self.eval_while(condition, body, *until, *body_first, frame),
            Kind::Case(case) => self.eval_case(case, frame),
            Kind::For { target, list, body } => {
                let list = self.eval(list, frame)?;
                let elements = self.elements(list)?;
                for element in elements {
                    self.assign(target, element, frame)?;
                    match self.eval(body, frame) {
                        Ok(_) | Err(Flow::Next(_)) => {}
                        Err(Flow::Break(0, value)) => return Ok(value),
                        Err(flow) => return Err(flow),
                    }
                }
                Ok(list)
            }
            Kind::Begin(begin) => self.eval_begin(begin, frame),
            Kind::Return(value) => {
                let value = self.eval_optional(value.as_deref(), frame)?;
                Err(Flow::Return(frame.method, value))
            }
            Kind::Break(value) => {
                let value = self.eval_optional(value.as_deref(), frame)?;
                Err(Flow::Break(frame.call, value))
            }
            Kind::Next(value) => Err(Flow::Next(self.eval_optional(value.as_deref(), frame)?)),
            Kind::Retry => Err(Flow::Retry),
            Kind::Define(number) => {
                let name = self.program.methods[*number as usize].name.clone();
                Ok(self.new_symbol(&name))
            }
            Kind::Lambda(number) => {
                let block = self.literal_block(*number, frame);
                Ok(self.proc_of(block, true))
            }
            Kind::Splat(list) => {
                let list = self.eval(list, frame)?;
                let values = self.splat(list)?;
                Ok(self.new_array(values))
            }
            _ => Ok(Val::Nil),
        }
    }

    /// The receiver and the arguments of the target come before the value.
    fn eval_assign(&mut self, target: &'r Target, value: &'r Node, frame: Frame<'r>) -> Eval {
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

    fn eval_optional(&mut self, node: Option<&'r Node>, frame: Frame<'r>) -> Eval {
        match node {
            Some(node) => self.eval(node, frame),
            None => Ok(Val::Nil),
        }
    }

    fn literal_block(&mut self, number: u32, frame: Frame<'r>) -> Block<'r> {
        self.frames += 1;
        Block::Code {
            code: &self.program.blocks[number as usize],
            number,
            env: frame.env,
            method: frame.method,
            call: self.frames,
            lambda: false,
        }
    }

    fn eval_call(&mut self, call: &'r Call, frame: Frame<'r>) -> Eval {
        let receiver = match &call.receiver {
            Some(node) => {
                let receiver = self.eval(node, frame)?;
                if call.safe && receiver.is_nil() {
                    return Ok(Val::Nil);
                }
                Some(receiver)
            }
            None => None,
        };
        if call.arguments.is_empty() && call.block.is_none() {
            return self.dispatch(call, receiver, &[], Block::None, frame);
        }
        if !call.spread
            && call.block.is_none()
            && call.arguments.len() <= 2
            && call.method.borrows()
            && receiver.is_some()
        {
            // The methods that keep none of their arguments need no copies of literal strings.
            let mut values = [Val::Nil; 2];
            for (value, node) in values.iter_mut().zip(&call.arguments) {
                *value = match &node.kind {
                    Kind::Str(constant) => *constant,
                    _ => self.eval(node, frame)?,
                };
            }
            return self.dispatch(
                call,
                receiver,
                &values[..call.arguments.len()],
                Block::None,
                frame,
            );
        }
        let mut block = Block::None;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for node in &call.arguments {
            match &node.kind {
                Kind::Splat(list) => {
                    let list = self.eval(list, frame)?;
                    arguments.extend(self.splat(list)?);
                }
                Kind::BlockPass(value) => {
                    let value = self.eval(value, frame)?;
                    block = self.block_of(value)?;
                }
                _ => arguments.push(self.eval(node, frame)?),
            }
        }
        let Some(number) = call.block else {
            return self.dispatch(call, receiver, &arguments, block, frame);
        };
        let block = self.literal_block(number, frame);
        let Block::Code { call: tag, .. } = block else {
            return Ok(Val::Nil);
        };
        match self.dispatch(call, receiver, &arguments, block, frame) {
            Err(Flow::Break(to, value)) if to == tag => Ok(value),
            other => other,
        }
    }

    fn dispatch(
        &mut self,
        call: &'r Call,
        receiver: Option<Val>,
        arguments: &[Val],
        block: Block<'r>,
        frame: Frame<'r>,
    ) -> Eval {
        match receiver {
            Some(receiver) if call.method == M::Unknown => {
                let name = call
                    .own
                    .map_or("", |own| &self.program.methods[own as usize].name);
                self.no_method(receiver, name)
            }
            Some(receiver) => self.send(receiver, call.method, arguments, block),
            None => {
                if let Some(own) = call.own
                    && (self.program.methods[own as usize].code.is_some()
                        || call.method == M::Unknown)
                {
                    return self.call_method(own, arguments, block);
                }
                if call.method == M::BlockGivenP {
                    return Ok(Val::bool(frame.block.given()));
                }
                self.function(call.method, arguments, block)
            }
        }
    }

    pub(crate) fn eval_list(
        &mut self,
        nodes: &'r [Node],
        frame: Frame<'r>,
    ) -> Result<Vec<Val>, Flow> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.kind {
                Kind::Splat(list) => {
                    let list = self.eval(list, frame)?;
                    values.extend(self.splat(list)?);
                }
                _ => values.push(self.eval(node, frame)?),
            }
        }
        Ok(values)
    }

    /// The values of `*value`.
    fn splat(&mut self, value: Val) -> Result<Vec<Val>, Flow> {
        match self.memory.heap.object(value) {
            Some(Obj::Array(values)) => Ok(values.clone()),
            Some(Obj::Hash(_) | Obj::Range { .. }) => self.elements(value),
            None if value.is_nil() => Ok(Vec::new()),
            _ => Ok(vec![value]),
        }
    }

    fn eval_hash(&mut self, pairs: &'r [(Node, Node)], frame: Frame<'r>) -> Eval {
        let hash = self.memory.heap.add(Obj::Hash(Default::default()));
        for (key, value) in pairs {
            if matches!(key.kind, Kind::DoubleSplat) {
                let other = self.eval(value, frame)?;
                let entries: Vec<_> = self
                    .memory
                    .heap
                    .hash(other)
                    .map(|hash| hash.iter().collect())
                    .unwrap_or_default();
                for (key, value) in entries {
                    self.memory.heap.set_key(hash, key, value);
                }
                continue;
            }
            let key = match &key.kind {
                Kind::Str(constant) => *constant,
                _ => self.eval(key, frame)?,
            };
            let value = self.eval(value, frame)?;
            self.memory.heap.set_key(hash, key, value);
        }
        Ok(hash)
    }

    fn eval_interpolated(
        &mut self,
        what: Interpolated,
        parts: &'r [Node],
        frame: Frame<'r>,
    ) -> Eval {
        let mut bytes = Vec::new();
        for part in parts {
            if let Kind::Str(constant) = &part.kind {
                if let Some(text) = self.memory.heap.text(*constant) {
                    bytes.extend_from_slice(text.bytes());
                }
                continue;
            }
            let value = self.eval(part, frame)?;
            if let (Interpolated::Regex(..), Some(Obj::Regex(regex, flags))) =
                (what, self.memory.heap.object(value))
            {
                let text = super::text::regex_source(regex, flags);
                bytes.extend_from_slice(text.as_bytes());
                continue;
            }
            self.push_text(&mut bytes, value)?;
        }
        self.steps(bytes.len() / 64)?;
        match what {
            Interpolated::Str => Ok(self.memory.heap.add(Obj::Str(Text::from_utf8(bytes)))),
            Interpolated::Sym => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Ok(self.new_symbol(&text))
            }
            Interpolated::Regex(options, flags) => {
                let pattern = String::from_utf8_lossy(&bytes).into_owned();
                self.new_regex(&pattern, options, flags)
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

    fn destructure(
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

    fn op_assign(
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

    fn defined(&mut self, operand: &'r Node, frame: Frame<'r>) -> Eval {
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

    fn eval_while(
        &mut self,
        condition: &'r Node,
        body: &'r Node,
        until: bool,
        body_first: bool,
        frame: Frame<'r>,
    ) -> Eval {
        self.frames += 1;
        let frame = Frame {
            call: self.frames,
            ..frame
        };
        let mut first = body_first;
        loop {
            if !first && self.eval(condition, frame)?.truthy() == until {
                return Ok(Val::Nil);
            }
            first = false;
            match self.eval(body, frame) {
                Ok(_) | Err(Flow::Next(_)) => {}
                Err(Flow::Break(to, value)) if to == frame.call => return Ok(value),
                Err(flow) => return Err(flow),
            }
        }
    }

    fn eval_case(&mut self, case: &'r super::ast::Case, frame: Frame<'r>) -> Eval {
        let subject = match &case.subject {
            Some(subject) => Some(self.eval(subject, frame)?),
            None => None,
        };
        for (tests, body) in &case.branches {
            for test in self.eval_list(tests, frame)? {
                let holds = match subject {
                    Some(subject) => self.case_equal(test, subject)?,
                    None => test.truthy(),
                };
                if holds {
                    return self.eval(body, frame);
                }
            }
        }
        self.eval_optional(case.otherwise.as_ref(), frame)
    }

    fn eval_begin(&mut self, begin: &'r super::ast::Begin, frame: Frame<'r>) -> Eval {
        let result = loop {
            let mut result = self.eval(&begin.body, frame);
            if let Err(Flow::Raise(exception)) = result {
                result = self.rescue(begin, exception, frame);
                if result == Err(Flow::Retry) {
                    self.step()?;
                    continue;
                }
            } else if let (Ok(_), Some(otherwise)) = (&result, &begin.otherwise) {
                result = self.eval(otherwise, frame);
            }
            break result;
        };
        if let Some(ensure) = &begin.ensure {
            self.eval(ensure, frame)?;
        }
        result
    }

    fn rescue(&mut self, begin: &'r super::ast::Begin, exception: Val, frame: Frame<'r>) -> Eval {
        let class = self.class_of(exception);
        for rescue in &begin.rescues {
            let classes = self.eval_list(&rescue.classes, frame)?;
            let catches = match &classes[..] {
                [] => class.is_a(Class::StandardError),
                classes => classes
                    .iter()
                    .any(|one| matches!(one, Val::Class(one) if class.is_a(*one))),
            };
            if catches {
                if let Some(target) = &rescue.target {
                    self.assign(target, exception, frame)?;
                }
                return self.eval(&rescue.body, frame);
            }
        }
        Err(Flow::Raise(exception))
    }

    // What methods need to make values and errors.

    pub(crate) fn new_str(&mut self, text: &str) -> Val {
        self.memory.heap.add(Obj::Str(Text::Utf8(text.to_owned())))
    }

    pub(crate) fn new_string(&mut self, text: String) -> Val {
        self.memory.heap.add(Obj::Str(Text::Utf8(text)))
    }

    pub(crate) fn new_symbol(&mut self, name: &str) -> Val {
        self.memory.heap.add(Obj::Sym(name.into()))
    }

    pub(crate) fn new_array(&mut self, values: Vec<Val>) -> Val {
        self.memory.heap.add(Obj::Array(values))
    }

    pub(crate) fn error(&mut self, class: Class, message: impl Into<String>) -> Flow {
        let message: String = message.into();
        Flow::Raise(self.memory.heap.add(Obj::Exception {
            class,
            message: message.into(),
        }))
    }

    pub(crate) fn raise<T>(&mut self, class: Class, message: impl Into<String>) -> Result<T, Flow> {
        Err(self.error(class, message))
    }

    pub(crate) fn no_method<T>(&mut self, receiver: Val, name: &str) -> Result<T, Flow> {
        let what = match receiver {
            Val::Nil => "nil:NilClass".to_owned(),
            Val::True => "true:TrueClass".to_owned(),
            Val::False => "false:FalseClass".to_owned(),
            Val::Class(class) => format!("{}:Class", class.name()),
            Val::Ref(handle)
                if !matches!(
                    self.memory.heap.get(handle),
                    Obj::Str(_) | Obj::Array(_) | Obj::Hash(_) | Obj::Sym(_) | Obj::Big(_)
                ) =>
            {
                format!("#<{}>", self.class_of(receiver).name())
            }
            other => {
                let text = self.inspect(other).unwrap_or_default();
                format!("{text}:{}", self.class_of(other).name())
            }
        };
        self.raise(
            Class::NoMethodError,
            format!("undefined method `{name}' for {what}"),
        )
    }
}

impl Memory {
    pub(crate) fn new(shared: Arc<Vec<Obj>>) -> Self {
        Self {
            heap: Heap::new(shared),
            ..Self::default()
        }
    }
}

impl M {
    /// Whether the method keeps none of its arguments and changes none.
    fn borrows(self) -> bool {
        matches!(
            self,
            M::Get
                | M::Set
                | M::Remove
                | M::Tag
                | M::IncludeP
                | M::Index
                | M::Eq
                | M::NotEq
                | M::Add
                | M::Split
                | M::StartWithP
                | M::EndWithP
                | M::Gsub
                | M::SubNamed
                | M::KeyP
                | M::HasKeyP
                | M::Join
                | M::Delete
                | M::Strftime
                | M::Cmp
                | M::MatchP
                | M::Sprintf
                | M::Count
        )
    }
}
