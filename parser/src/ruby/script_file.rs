//! Script files: a method `filter(event)`, a method `register(params)`, and tests
//! (source: `LogStash::Filters::Ruby::Script` in logstash-filter-ruby).

use std::sync::Arc;

use super::ast::Program;
use super::class::Class;
use super::interp::{Block, Eval, Flow, Memory, Run};
use super::names::M;
use super::script::{Entry, Script, Source, compile_units};
use super::value::{Obj, Val};
use crate::event::{Arena, Event, OwnedValue};
use crate::regex::Scratch;
use crate::spec::Settings;
use crate::time::Timestamp;

/// Tests of one script that are run.
const TESTS_MAX: usize = 1000;

/// A test that is being run: the script is loaded for it anew, so that it has a state of its own.
#[derive(Debug, Default)]
pub(crate) struct Test {
    /// Which of the script's tests it is.
    wanted: usize,
    seen: usize,
    name: String,
    parameters: Option<Val>,
    events: Vec<Val>,
    /// The names and the blocks of what is expected.
    expectations: Vec<(String, Val)>,
    /// What did not hold.
    failures: Vec<String>,
}

impl Script {
    /// Compiles a script file, runs its tests, and runs `register` with the parameters; `None` after errors were reported.
    pub(crate) fn compile_file(
        source: Source<'_>,
        params: &[(String, OwnedValue)],
        now: Timestamp,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        let span = source.span;
        let mut program = compile_units(&[source], Vec::new(), settings)?;
        let Some(filter) = method(&program, "filter") else {
            settings
                .report(span, "the script does not define the method `filter`")
                .help = Some(
                "it runs for every event and returns a list of events: `def filter(event) ... [event] end`".to_owned(),
            );
            return None;
        };
        let constants = Arc::new(std::mem::take(&mut program.constants));
        for wanted in 0..TESTS_MAX {
            let mut memory = Memory::new(Arc::clone(&constants));
            let Some(failures) = run_test(&program, &mut memory, wanted, now) else {
                break;
            };
            for failure in failures {
                if program.facts.tests_know_more {
                    settings.warn(span, failure);
                } else {
                    settings.report(span, failure);
                    return None;
                }
            }
        }
        let mut memory = Memory::new(constants);
        if let Err(message) = load(&program, &mut memory, params, now) {
            let message =
                format!("the script raised an exception before the first event: {message}");
            settings.report(span, message);
            return None;
        }
        Some(Self::ready(program, Entry::Method(filter), memory))
    }
}

/// The number of a method that the program defines.
fn method(program: &Program, name: &str) -> Option<u32> {
    let mut methods = program.methods.iter();
    let found = methods.position(|method| &*method.name == name && method.code.is_some())?;
    Some(found as u32)
}

/// Runs the script itself, then `register`.
fn load(
    program: &Program,
    memory: &mut Memory,
    params: &[(String, OwnedValue)],
    now: Timestamp,
) -> Result<(), String> {
    let arena = Arena::new();
    let mut scratch = Scratch::default();
    let mut run = Run::new(program, memory, &arena, &mut scratch, now);
    run.is_first = true;
    let mut loaded = run.unit(0, &[]);
    if let (Ok(_), Some(register)) = (&loaded, method(program, "register")) {
        let hash = run.heap().add(Obj::Hash(Default::default()));
        for (name, value) in params {
            let name = run.new_str(name);
            let value = run.import(&value.to_value(&arena));
            run.heap().set_key(hash, name, value);
        }
        loaded = run.call_method(register, &[hash], Block::None);
    }
    match loaded {
        Ok(_) => Ok(()),
        Err(flow) => Err(run.message(flow)),
    }
}

/// Runs one of the script's tests; what did not hold, or `None` where there is no such test.
fn run_test(
    program: &Program,
    memory: &mut Memory,
    wanted: usize,
    now: Timestamp,
) -> Option<Vec<String>> {
    let arena = Arena::new();
    let mut scratch = Scratch::default();
    let mut run = Run::new(program, memory, &arena, &mut scratch, now);
    run.test = Some(Test {
        wanted,
        ..Test::default()
    });
    run.is_first = true;
    let loaded = run.unit(0, &[]);
    let mut test = run.test.take()?;
    if test.seen <= wanted {
        return None;
    }
    if let Err(flow) = loaded {
        let message = run.message(flow);
        test.failures.push(format!(
            "the script's test `{}` raised an exception: {message}",
            test.name
        ));
    }
    Some(test.failures)
}

impl<'r> Run<'r, '_> {
    /// `test`, and what is called within: `parameters`, `in_event`, `expect`.
    pub(crate) fn test_function(&mut self, method: M, arguments: &[Val], block: Block<'r>) -> Eval {
        if method == M::Test {
            let Some(test) = &mut self.test else {
                return Ok(Val::Nil);
            };
            test.seen += 1;
            if test.seen - 1 != test.wanted {
                return Ok(Val::Nil);
            }
            let name = arguments.first().copied().unwrap_or(Val::Nil);
            let name = self.text_of(name)?;
            if let Some(test) = &mut self.test {
                test.name = name;
            }
            self.call_block(block, &[])?;
            return self.execute_test();
        }
        if self.test.is_none() {
            let message = format!("undefined local variable or method `{}'", method.name());
            return self.raise(Class::NameError, message);
        }
        if method == M::Expect {
            let name = arguments.first().copied().unwrap_or(Val::Nil);
            let name = self.text_of(name)?;
            let block = self.proc_of(block, false);
            if let Some(test) = &mut self.test {
                test.expectations.push((name, block));
            }
            return Ok(Val::Nil);
        }
        if !block.given() {
            let parameters = self.test.as_ref().and_then(|test| test.parameters);
            return Ok(parameters.unwrap_or(Val::Nil));
        }
        let given = self.call_block(block, &[])?;
        if method == M::Parameters {
            if self.memory.heap.hash(given).is_none() {
                return self.raise(Class::ArgumentError, "test parameters must be a hash");
            }
            if let Some(test) = &mut self.test {
                test.parameters = Some(given);
            }
            if let Some(register) = super::script_file::method(self.program, "register") {
                self.call_method(register, &[given], Block::None)?;
            }
            return Ok(Val::Nil);
        }
        let hashes = match self.memory.heap.array(given) {
            Some(list) => list.to_vec(),
            None => vec![given],
        };
        if let Some(test) = &mut self.test {
            test.events = hashes;
        }
        Ok(Val::Nil)
    }

    /// Filters the test's events and looks whether what is expected holds.
    fn execute_test(&mut self) -> Eval {
        let Some(test) = &mut self.test else {
            return Ok(Val::Nil);
        };
        let (events, expectations) = (
            std::mem::take(&mut test.events),
            std::mem::take(&mut test.expectations),
        );
        let Some(filter) = method(self.program, "filter") else {
            return Ok(Val::Nil);
        };
        let mut results = Vec::new();
        for hash in events {
            if self.memory.heap.hash(hash).is_none() {
                return self.raise(Class::ArgumentError, "`in_event` must give a hash");
            }
            let fields = self.export_hash(hash, 0)?;
            let event = self.hold(Event::from_object(self.arena, fields, self.now))?;
            let given = self.call_method(filter, &[event], Block::None)?;
            results.extend(self.result_events(given)?);
        }
        let results = self.new_array(results);
        for (expected, block) in expectations {
            let block = self.block_of(block)?;
            let failure = match self.call_block(block, &[results]) {
                Ok(value) if value.truthy() => continue,
                Ok(_) => "does not hold".to_owned(),
                Err(flow @ Flow::Exhausted(_)) => return Err(flow),
                Err(flow) => format!("raised an exception: {}", self.message(flow)),
            };
            if let Some(test) = &mut self.test {
                let message = format!("the script's test `{}`: `{expected}` {failure}", test.name);
                test.failures.push(message);
            }
        }
        Ok(Val::Nil)
    }

    /// What the script's `filter` has returned: events only, in a list.
    fn result_events(&mut self, result: Val) -> Result<Vec<Val>, Flow> {
        let Some(events) = self.memory.heap.array(result).map(<[Val]>::to_vec) else {
            let message =
                "Custom script did not return an array from 'filter'. Only arrays may be returned!";
            return self.raise(Class::RuntimeError, message);
        };
        for &event in &events {
            if !matches!(self.memory.heap.object(event), Some(Obj::Event(_))) {
                let message = format!(
                    "Custom script returned a non event object '{}'! You must an array of events from this function! To drop an event simply return nil.",
                    self.inspect(event)?
                );
                return self.raise(Class::RuntimeError, message);
            }
        }
        Ok(events)
    }

    /// Emits the events that the script's `filter` has returned; the event at hand is dropped unless it is among them.
    pub(super) fn take_result(&mut self, result: Val) -> Result<(), Flow> {
        let mut returned = false;
        for event in self.result_events(result)? {
            let Some(&Obj::Event(event)) = self.memory.heap.object(event) else {
                continue;
            };
            match self.event_number(event)? {
                0 => returned = true,
                number => self.emitted.push(number as u32),
            }
        }
        self.events[0].cancelled |= !returned;
        Ok(())
    }
}
