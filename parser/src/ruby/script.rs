//! Programs as filters use them: compiled with diagnostics, run on events.

use std::sync::{Arc, Mutex, PoisonError};

use super::ast::Program;
use super::class::Class;
use super::interp::{Block, Flow, Held, Memory, Run};
use super::names::M;
use super::parser::{Problem, Unresolved, Wanted, parse_unit};
use super::value::{Obj, Val};
use crate::config::Span;
use crate::event::{Arena, Event};
use crate::filter::Context;
use crate::regex::Scratch;
use crate::spec::Settings;
use crate::time::Timestamp;

/// From so many objects on garbage is collected after an event, if they have doubled since the last time.
const GARBAGE_MIN: usize = 4096;
/// Or from so many bytes on.
const GARBAGE_BYTES_MIN: usize = 8 << 20;

/// A source of a program.
pub(crate) struct Source<'s> {
    pub(crate) text: &'s str,
    /// Where it stands, with its quotes.
    pub(crate) span: Span,
    /// The variables that it begins with.
    pub(crate) variables: &'static [&'static str],
    /// It runs once, before the first event.
    pub(crate) init: bool,
    /// It is a file, which `span` names.
    pub(crate) is_file: bool,
}

impl<'s> Source<'s> {
    /// A script file, which `span` names.
    pub(crate) fn file(text: &'s str, span: Span) -> Self {
        Self {
            is_file: true,
            ..Self::init(text, span)
        }
    }

    /// Code that runs once, before the first event.
    pub(crate) fn init(text: &'s str, span: Span) -> Self {
        Self {
            text,
            span,
            variables: &[],
            init: true,
            is_file: false,
        }
    }

    /// Code that runs for events, with the variables that it begins with.
    pub(crate) fn code(text: &'s str, span: Span, variables: &'static [&'static str]) -> Self {
        Self {
            text,
            span,
            variables,
            init: false,
            is_file: false,
        }
    }
}

/// A compiled program with what its `init` left behind.
pub(crate) struct Script {
    program: Program,
    entry: Entry,
    state: State,
}

/// What runs for an event.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    /// A unit with the variables `event` and `new_event_block`.
    Unit(usize),
    /// A method with the event as its argument, which returns a list of events.
    Method(u32),
}

enum State {
    /// Nothing that outlives an event changes: workers share it without a lock.
    Shared {
        objects: Arc<Vec<Obj>>,
        globals: Vec<Val>,
    },
    Locked(Mutex<Memory>),
}

/// What became of an event.
pub(crate) struct Outcome {
    pub(crate) cancelled: bool,
    /// The message of the exception that ended the code.
    pub(crate) error: Option<String>,
}

/// Compiles sources to the units of a program; `None` after errors were reported. The program's constants come behind those
/// that are given.
pub(super) fn compile_units(
    sources: &[Source<'_>],
    constants: Vec<Obj>,
    settings: &mut Settings<'_>,
) -> Option<Program> {
    let mut program = Program {
        constants,
        ..Program::default()
    };
    let mut problems = Vec::new();
    let mut unresolved = Vec::new();
    let mut failed = false;
    for source in sources {
        match parse_unit(
            source.text,
            source.variables,
            source.init,
            &mut program,
            &mut problems,
            &mut unresolved,
        ) {
            Ok(unit) => program.units.push(unit),
            Err(error) => {
                report(settings, source, error.at, error.message, error.help, false);
                return None;
            }
        }
        for Problem {
            at,
            message,
            help,
            runs,
        } in problems.drain(..)
        {
            failed |= !runs;
            report(settings, source, at, message, help, runs);
        }
    }
    failed |= report_unresolved(&program, &unresolved, sources, settings);
    (!failed).then_some(program)
}

impl Script {
    /// Compiles the sources, of which the last is the code for events, and runs the first if it is an `init`; `None` after
    /// errors were reported.
    pub(crate) fn compile(
        sources: &[Source<'_>],
        now: Timestamp,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        let mut program = compile_units(sources, Vec::new(), settings)?;
        let objects = Arc::new(std::mem::take(&mut program.constants));
        let mut memory = Memory::new(objects);
        if sources.len() > 1
            && let Err(message) = run_init(&program, &mut memory, now)
        {
            settings.report(
                sources[0].span,
                format!("`init` raised an exception: {message}"),
            );
            return None;
        }
        let code = program.units.len() - 1;
        Some(Self::ready(program, Entry::Unit(code), memory))
    }

    /// A program with what its first run left behind.
    pub(super) fn ready(program: Program, entry: Entry, mut memory: Memory) -> Self {
        memory.globals.resize(program.globals.len(), Val::Nil);
        memory.lasting_envs = memory.envs.len();
        let facts = program.facts;
        let state = if facts.uses_state
            && (facts.changes_state || !memory.envs.is_empty() && has_procs(&memory))
        {
            State::Locked(Mutex::new(memory))
        } else {
            let globals = memory.globals.clone();
            State::Shared {
                objects: memory.heap.freeze(),
                globals,
            }
        };
        Self {
            program,
            entry,
            state,
        }
    }

    /// Runs the code on an event.
    pub(crate) fn run<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        match &self.state {
            State::Shared { objects, globals } => {
                let mut memory = Memory::new(Arc::clone(objects));
                memory.globals.clone_from(globals);
                self.run_in(&mut memory, event, context)
            }
            State::Locked(memory) => {
                let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
                let outcome = self.run_in(&mut memory, event, context);
                memory.collect();
                outcome
            }
        }
    }

    fn run_in<'a>(
        &self,
        memory: &mut Memory,
        event: &mut Event<'a>,
        context: &mut Context<'a, '_>,
    ) -> Outcome {
        let (envs, slots) = (memory.envs.len(), memory.slots.len());
        let kept_bytes = memory.kept_bytes;
        let mut run = Run::new(
            &self.program,
            memory,
            context.arena,
            context.scratch,
            context.now,
        );
        // What outlives events counts towards the bound, so that it cannot grow for ever.
        run.heap().taken = kept_bytes;
        let held = run.take_event(event);
        let result = match self.entry {
            Entry::Unit(code) => {
                let block = run.heap().add(Obj::NewEventBlock);
                run.unit(code, &[held, block]).map(|_| ())
            }
            Entry::Method(filter) => run
                .call_method(filter, &[held], Block::None)
                .and_then(|result| run.take_result(result)),
        };
        let error = result.err().map(|flow| run.message(flow));
        let (cancelled, emitted) = run.give_back(event);
        for event in emitted {
            context.emit(event, false);
        }
        memory.envs.truncate(envs);
        memory.slots.truncate(slots);
        Outcome { cancelled, error }
    }
}

impl<'a> Run<'_, 'a> {
    /// Takes the event that the code is about, and gives its value.
    pub(super) fn take_event(&mut self, event: &mut Event<'a>) -> Val {
        let taken = std::mem::replace(event, Event::empty(self.arena));
        self.events.push(Held {
            event: taken,
            cancelled: false,
        });
        self.event_value(0)
    }

    /// Puts the event back: whether the code cancelled it, and the events that it gave to `new_event_block`.
    pub(super) fn give_back(&mut self, event: &mut Event<'a>) -> (bool, Vec<Event<'a>>) {
        let held = std::mem::take(&mut self.events);
        let mut events: Vec<Option<Held<'a>>> = held.into_iter().map(Some).collect();
        let mut cancelled = false;
        if let Some(held) = events.first_mut().and_then(Option::take) {
            cancelled = held.cancelled;
            *event = held.event;
        }
        let mut given = Vec::new();
        for number in std::mem::take(&mut self.emitted) {
            match events.get_mut(number as usize).and_then(Option::take) {
                Some(held) if !held.cancelled => given.push(held.event),
                None if number == 0 => given.push(event.clone()),
                _ => {}
            }
        }
        (cancelled, given)
    }
}

impl Memory {
    /// Collects garbage if there may be much of it.
    fn collect(&mut self) {
        self.since += self.heap.taken.saturating_sub(self.kept_bytes);
        let many = self.heap.len() > GARBAGE_MIN && self.heap.len() > 2 * self.kept;
        if many || self.since > self.kept_bytes.max(GARBAGE_BYTES_MIN) {
            let mut roots: Vec<&mut Val> = self
                .globals
                .iter_mut()
                .chain(self.slots.iter_mut())
                .collect();
            self.heap.compact(&mut roots);
            self.kept = self.heap.len();
            self.kept_bytes = self.heap.size();
            self.since = 0;
        }
    }
}

fn has_procs(memory: &Memory) -> bool {
    memory.globals.iter().any(|&value| {
        matches!(
            memory.heap.object(value),
            Some(Obj::Proc(_) | Obj::Array(_) | Obj::Hash(_))
        )
    })
}

fn run_init(program: &Program, memory: &mut Memory, now: Timestamp) -> Result<(), String> {
    let arena = Arena::new();
    let mut scratch = Scratch::default();
    let mut run = Run::new(program, memory, &arena, &mut scratch, now);
    run.is_first = true;
    let result = run.unit(0, &[]);
    result.map(|_| ()).map_err(|flow| run.message(flow))
}

impl Run<'_, '_> {
    /// The message of what ended the code.
    pub(crate) fn message(&mut self, flow: Flow) -> String {
        match flow {
            Flow::Raise(exception) => match self.memory.heap.object(exception) {
                Some(Obj::Exception { message, .. }) => message.to_string(),
                _ => "exception".to_owned(),
            },
            Flow::Exhausted(what) => what.to_owned(),
            Flow::Break(..) => "break from proc-closure".to_owned(),
            Flow::Throw(tag, _) => {
                format!("uncaught throw {}", self.inspect(tag).unwrap_or_default())
            }
            Flow::Next(_) | Flow::Return(..) | Flow::Retry => "unexpected return".to_owned(),
        }
    }
}

/// Reports names that nothing explains; whether one is an error.
fn report_unresolved(
    program: &Program,
    unresolved: &[Unresolved],
    sources: &[Source<'_>],
    settings: &mut Settings<'_>,
) -> bool {
    let mut failed = false;
    for one in unresolved {
        let source = &sources[one.unit];
        match one.what {
            Wanted::Method { with_arguments } => {
                let defined = program
                    .methods
                    .iter()
                    .any(|method| *method.name == *one.name && method.code.is_some());
                if defined {
                    continue;
                }
                let message = format!("there is no variable or method `{}`", one.name);
                let help = "Logstash would raise a NameError here for every event";
                let known = M::named(&one.name).is_some();
                failed |= with_arguments && !known;
                report(
                    settings,
                    source,
                    one.at,
                    message,
                    Some(help.to_owned()),
                    !with_arguments || known,
                );
            }
            Wanted::Constant if program.constants_assigned.contains(&one.name) => {}
            Wanted::Constant => {
                failed = true;
                let near = crate::config::nearest(&one.name, Class::names());
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "Kelp knows Ruby's core classes and JSON, Base64, Digest, SecureRandom, Math and LogStash's own".to_owned(),
                };
                let message = format!("the constant `{}` is not supported", one.name);
                report(settings, source, one.at, message, Some(help), false);
            }
        }
    }
    failed
}

/// Reports something at a place in the code.
fn report(
    settings: &mut Settings<'_>,
    source: &Source<'_>,
    at: usize,
    message: String,
    help: Option<String>,
    warning: bool,
) {
    let mut span = source.span;
    // Unless a variable of the environment or an escape moved it, the code stands there as it is.
    if !source.is_file && (span.end - span.start) as usize == source.text.len() + 2 {
        let start = span.start + 1 + at.min(source.text.len()) as u32;
        span.start = start;
        span.end = span.end.min(start + 1);
    }
    let line = source.text[..at.min(source.text.len())]
        .matches('\n')
        .count()
        + 1;
    let what = if source.is_file {
        "this script"
    } else {
        "this Ruby code"
    };
    let message = format!("in {what}, line {line}: {message}");
    let diagnostic = if warning {
        settings.warn(span, message)
    } else {
        settings.report(span, message)
    };
    diagnostic.help = help;
}
