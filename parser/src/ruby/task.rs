//! Code that works on a map which outlives the event, as the filter `aggregate` has it.
//!
//! Each map has a heap of its own, so that dropping a map frees what it held and its size is known. Several programs may work on
//! one map: the constants of all of them lie in one list, which each program that is compiled makes longer.

use std::sync::Arc;

use super::ast::Program;
use super::heap::Heap;
use super::interp::{Memory, Run};
use super::script::{Outcome, Source, compile_units};
use super::value::{Obj, Val};
use crate::event::{Arena, Event, Object, Value};
use crate::filter::Context;
use crate::regex::Scratch;
use crate::spec::Settings;
use crate::time::Timestamp;

/// Garbage is collected once a map's heap has this many objects more than twice what was kept the last time.
const GARBAGE_MIN: usize = 16;
/// The same for bytes.
const GARBAGE_BYTES_MIN: usize = 8192;

/// The constants of all programs that work on the same maps.
pub(crate) type Constants = Arc<Vec<Obj>>;

/// A map and what it holds.
#[derive(Debug)]
pub(crate) struct Map {
    heap: Heap,
    /// The hash.
    root: Val,
    /// How many objects were there when garbage was last collected, and their bytes.
    kept: usize,
    kept_bytes: usize,
    /// Bytes taken since.
    taken: usize,
    /// How many programs ran on it.
    runs: u64,
}

/// What code knows of the task that a map belongs to.
#[derive(Clone, Debug)]
pub(crate) struct TaskMeta {
    pub(crate) id: Arc<str>,
    pub(crate) created: Timestamp,
    pub(crate) last_event: Timestamp,
    /// In seconds; `nil` where the code has set none.
    pub(crate) timeout: Val,
    pub(crate) inactivity_timeout: Val,
    /// The hash; set while code runs.
    pub(crate) map: Val,
}

impl TaskMeta {
    /// A task that begins.
    pub(crate) fn new(id: Arc<str>, created: Timestamp) -> Self {
        Self {
            id,
            created,
            last_event: created,
            timeout: Val::Nil,
            inactivity_timeout: Val::Nil,
            map: Val::Nil,
        }
    }
}

/// Seconds as code has set them.
pub(crate) fn seconds(value: Val) -> Option<f64> {
    match value {
        Val::Int(seconds) => Some(seconds as f64),
        Val::Float(seconds) => Some(seconds),
        _ => None,
    }
}

impl Map {
    /// An empty map for programs with these constants.
    pub(crate) fn new(constants: &Constants) -> Self {
        let mut heap = Heap::new(Arc::clone(constants));
        let root = heap.add(Obj::Hash(Default::default()));
        Self {
            kept: heap.len(),
            kept_bytes: heap.size(),
            heap,
            root,
            taken: 0,
            runs: 0,
        }
    }

    /// About how many bytes it takes, garbage included.
    pub(crate) fn size(&self) -> usize {
        self.kept_bytes + self.taken
    }

    /// What it holds as JSON, to be kept outside of the process.
    pub(crate) fn export<'a>(&mut self, arena: &'a Arena) -> Value<'a> {
        let (program, now) = (Program::default(), Timestamp::new(0, 0));
        let mut scratch = Scratch::default();
        self.with_run(&program, arena, &mut scratch, now, |run, root| {
            run.export_marked(root, 0).unwrap_or(Value::Null)
        })
    }

    /// Fills an empty map with what was kept.
    pub(crate) fn import<'a>(&mut self, value: &Value<'a>, arena: &'a Arena) {
        let (program, now) = (Program::default(), Timestamp::new(0, 0));
        let mut scratch = Scratch::default();
        self.with_run(&program, arena, &mut scratch, now, |run, root| {
            let filled = run.import_marked(value);
            let entries = run.memory.heap.pairs(filled);
            for (key, value) in entries {
                run.heap().set_key(root, key, value);
            }
        });
        self.collect_garbage();
    }

    /// Lets something run on the map's objects.
    fn with_run<'a, T>(
        &mut self,
        program: &Program,
        arena: &'a Arena,
        scratch: &mut Scratch,
        now: Timestamp,
        work: impl FnOnce(&mut Run<'_, 'a>, Val) -> T,
    ) -> T {
        let size = self.size();
        let mut memory = Memory::new(Arc::default());
        memory.heap = std::mem::take(&mut self.heap);
        memory.run = self.runs;
        let mut run = Run::new(program, &mut memory, arena, scratch, now);
        run.allow_for(size);
        let result = work(&mut run, self.root);
        self.runs = memory.run;
        self.heap = memory.heap;
        self.taken += self.heap.taken;
        if self.heap.len() > 2 * self.kept + GARBAGE_MIN
            || self.taken > self.kept_bytes + GARBAGE_BYTES_MIN
        {
            self.collect_garbage();
        }
        result
    }

    fn collect_garbage(&mut self) {
        self.heap.compact(&mut [&mut self.root]);
        self.kept = self.heap.len();
        self.kept_bytes = self.heap.size();
        self.taken = 0;
    }

    /// A copy of what it holds. What no event can hold is left out, and said.
    fn fields<'a>(run: &mut Run<'_, 'a>, root: Val) -> (Object<'a>, Option<String>) {
        let arena = run.arena;
        let entries = run.memory.heap.pairs(root);
        let mut fields = Object::with_capacity(arena, entries.len());
        let mut error = None;
        for (key, value) in entries {
            let copied = run
                .text_of(key)
                .and_then(|key| Ok((key, run.export(value, 0)?)));
            match copied {
                Ok((key, value)) => fields.set(arena.alloc_str(&key), value),
                Err(flow) => error = Some(run.message(flow)),
            }
        }
        (fields, error)
    }
}

/// The programs of one filter.
pub(crate) struct TaskScript {
    program: Program,
    /// Whether the second unit is the code for events made of a map.
    has_timeout_code: bool,
}

impl TaskScript {
    /// Compiles the code for events, and that for events made of a map; `None` after errors were reported. The constants become
    /// those of both programs and of all before.
    pub(crate) fn compile(
        code: Source<'_>,
        timeout_code: Option<Source<'_>>,
        constants: &mut Constants,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        let span = code.span;
        let has_timeout_code = timeout_code.is_some();
        let sources: Vec<Source<'_>> = [Some(code), timeout_code].into_iter().flatten().collect();
        let mut program = compile_units(&sources, Vec::clone(constants), settings)?;
        if program.facts.uses_state {
            settings.report(
                span,
                "variables that outlive an event (`@name`, `$name`) are not supported in `aggregate`",
            )
            .help = Some("keep the values in `map`".to_owned());
            return None;
        }
        *constants = Arc::new(std::mem::take(&mut program.constants));
        Some(Self {
            program,
            has_timeout_code,
        })
    }

    /// Runs the code on an event and its map. What the code gives to `new_event_block` is emitted.
    pub(crate) fn run<'a>(
        &self,
        event: &mut Event<'a>,
        map: &mut Map,
        meta: &mut TaskMeta,
        context: &mut Context<'a, '_>,
    ) -> Outcome {
        let (arena, now) = (context.arena, context.now);
        let scratch = &mut *context.scratch;
        let (outcome, emitted) = map.with_run(&self.program, arena, scratch, now, |run, root| {
            meta.map = root;
            run.task = Some(meta.clone());
            let held = run.take_event(event);
            let map_meta = run.heap().add(Obj::MapMeta);
            let block = run.heap().add(Obj::NewEventBlock);
            let error = run.unit(0, &[held, root, map_meta, block]).err();
            let error = error.map(|flow| run.message(flow));
            if let Some(changed) = run.task.take() {
                *meta = changed;
            }
            let (cancelled, emitted) = run.give_back(event);
            (Outcome { cancelled, error }, emitted)
        });
        for event in emitted {
            context.emit(event, false);
        }
        outcome
    }

    /// Makes an event of a map: `prepare` sets what the options say, then the code for it runs. Also the message of an
    /// exception.
    pub(crate) fn timeout_event<'a>(
        &self,
        map: &mut Map,
        context: &mut Context<'a, '_>,
        prepare: impl FnOnce(&mut Event<'a>),
    ) -> (Event<'a>, Option<String>) {
        let (arena, now) = (context.arena, context.now);
        let scratch = &mut *context.scratch;
        map.with_run(&self.program, arena, scratch, now, |run, root| {
            let (fields, mut error) = Map::fields(run, root);
            let mut event = Event::from_object(arena, fields, now);
            prepare(&mut event);
            if self.has_timeout_code {
                let held = run.take_event(&mut event);
                let failed = run.unit(1, &[held]).err();
                error = error.or(failed.map(|flow| run.message(flow)));
                // It goes out even if it was cancelled, as in Logstash.
                run.give_back(&mut event);
            }
            (event, error)
        })
    }
}
