//! Runs programs: walks the tree within a budget of steps and memory.

mod assign;
mod evaluate;
mod frames;

use std::sync::Arc;

use super::ast::{BlockCode, Program};
use super::class::Class;
use super::heap::Heap;
use super::names::M;
use super::script_file::Test;
use super::task::TaskMeta;
use super::value::{Obj, Text, Val};
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
    /// How many of the variables count as memory taken, as they outlive their calls.
    counted_slots: usize,
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
            counted_slots: 0,
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

    /// Takes the steps that copying a value goes for, not counting what its elements hold: what is named many times in an
    /// array is as much text each time.
    pub(crate) fn steps_to_copy(&mut self, value: Val) -> Result<(), Flow> {
        let bytes = match self.memory.heap.object(value) {
            Some(Obj::Str(text)) => text.bytes().len(),
            Some(Obj::Sym(text) | Obj::Decimal(text)) => text.len(),
            Some(Obj::Array(values) | Obj::Enumerator(values)) => size_of_val(&values[..]),
            Some(Obj::Exception { message, .. }) => message.len(),
            _ => return Ok(()),
        };
        self.steps(bytes / 64)
    }

    /// How many steps the run may still take.
    pub(crate) fn steps_left(&self) -> u64 {
        self.steps
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
