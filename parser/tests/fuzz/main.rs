//! Texts of anything through what reads text: field references, templates, patterns, the filters that take text apart, JSON. None
//! may panic, hang or take memory without bound. The texts are pseudo-random but the same on every run, and made of what the readers
//! give a meaning to. `FUZZ_ROUNDS=1000000 cargo test --release -p kelp-parser --test fuzz` is the long search.

mod avro;
mod bounds;
mod fields;
mod filters;
mod formats;
#[path = "../support/memory.rs"]
mod memory;
mod patterns;
#[path = "../support/random.rs"]
mod random;
mod xml;

use memory::{Memory, ignore_full_arenas, is_full, measured, uncounted};
use random::Random;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use kelp_parser::codec::{Codec, DecodeContext, InvalidUtf8, default_codec};
use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, FieldRef, Template, Value, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

/// No input may take this long of the processor, even of a slow one.
const LONGEST: Duration = Duration::from_secs(20);

/// What takes longer, and longer than all before, is told.
const NOTABLE: Duration = Duration::from_secs(2);

/// Neither a configuration nor an event may take more memory than this, in its arena or elsewhere.
const MEMORY_MAX: usize = 64 << 20;

/// What an event may take in its arena, as `kelp.event.max_bytes` says it in a pipeline.
const EVENT_MAX: usize = 32 << 20;

/// What all texts together may leave behind, beside the constants of configurations: what is kept for the next one.
const KEPT_MAX: usize = 16 << 20;

fn now() -> Timestamp {
    Timestamp::new(1_795_478_400, 0)
}

/// How many texts each reader gets.
fn rounds() -> usize {
    let rounds = std::env::var("FUZZ_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(400)
}

/// Calls `read` with texts made of `pieces`.
fn texts(seed: u64, pieces: &[&str], mut read: impl FnMut(&str, &mut Random)) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
    let mut seen = Seen::default();
    let began = Instant::now();
    for round in 1..=rounds() {
        let text = text(pieces, &mut random);
        let watch = StopWatch::start();
        let ((), memory) = measured(|| read(&text, &mut random));
        let took = watch.took();
        assert!(took < LONGEST, "{took:?} for {text:?}");
        let peak = memory.peak;
        assert!(peak < MEMORY_MAX, "{peak} bytes for {text:?}");
        if took > seen.slowest.max(NOTABLE) {
            eprintln!("{seed}: text {round} took {took:?}: {text:?}");
        }
        seen.add(took, memory);
        if round.is_multiple_of(100_000) {
            eprintln!("{seed}: {round} texts in {:?}, {seen:?}", began.elapsed());
        }
    }
    let configured = CONFIGURED.get();
    assert!(
        seen.kept < (KEPT_MAX + 4 * configured) as isize,
        "{seen:?} for configurations of {configured} bytes"
    );
}

/// What was seen of the texts so far.
#[derive(Debug, Default)]
struct Seen {
    slowest: Duration,
    most_bytes: usize,
    kept: isize,
}

impl Seen {
    fn add(&mut self, took: Duration, memory: Memory) {
        self.slowest = self.slowest.max(took);
        self.most_bytes = self.most_bytes.max(memory.peak);
        self.kept += memory.kept;
    }
}

thread_local! {
    /// The bytes of all configurations that this thread has read.
    static CONFIGURED: Cell<usize> = const { Cell::new(0) };
}

/// Measures how long this thread needs a processor: a machine under load may take long for anything.
struct StopWatch {
    began: Instant,
    began_busy: Duration,
}

impl StopWatch {
    fn start() -> Self {
        Self {
            began: Instant::now(),
            began_busy: busy(),
        }
    }

    fn took(&self) -> Duration {
        let took = self.began.elapsed();
        took.min(busy().saturating_sub(self.began_busy))
    }
}

/// How long this thread has had a processor; where the system does not tell, as long as it takes.
fn busy() -> Duration {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

/// A text of some pieces; now and then one that repeats them often.
fn text(pieces: &[&str], random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(14) {
        match random.below(12) {
            0 => text.extend(char::from_u32(random.below(0x2_0000) as u32)),
            1 => {
                let piece = pieces[random.below(pieces.len())];
                text.push_str(&piece.repeat(random.below(60)));
            }
            _ => text.push_str(pieces[random.below(pieces.len())]),
        }
    }
    if random.below(50) == 0 {
        text = text.repeat(1 + random.below(40));
    }
    text
}

/// A string as a configuration takes it.
fn quoted(text: &str) -> String {
    let text = text.replace('"', "'");
    format!("\"{}\"", text.trim_end_matches('\\'))
}

/// A filter; `None` where its options are refused.
fn filter(name: &str, options: &str) -> Option<Pipeline> {
    filters(&format!("{name} {{ {options} }}"))
}

/// Filters; `None` where they are refused.
fn filters(text: &str) -> Option<Pipeline> {
    CONFIGURED.set(CONFIGURED.get() + text.len());
    let mut sources = SourceMap::default();
    sources.add("fuzz.conf", format!("filter {{ {text} }}"));
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(EcsCompatibility::default());
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let refused = diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    (!refused).then_some(pipeline)
}

/// Reads bytes by a codec, and writes what comes of them; gives how many events that were.
fn decode(codec: &dyn Codec, bytes: &[u8], mut seen: impl FnMut(&Event<'_>)) -> usize {
    let arena = Arena::new();
    let mut events = 0;
    let mut context = DecodeContext {
        arena: &arena,
        timestamp: now(),
        invalid_utf8: InvalidUtf8::Replace,
        emit: &mut |event| {
            events += 1;
            seen(&event);
            write_json(&mut Vec::new(), &event);
        },
    };
    codec.decode(bytes, &mut context);
    assert!(arena.allocated_bytes() < MEMORY_MAX, "{bytes:?}");
    events
}

/// Runs an event with `message` through a filter, and writes what comes of it. As in a pipeline, an event ends that takes more
/// memory than it may.
fn run(pipeline: &Pipeline, message: &str) {
    let arena = Arena::new();
    arena.set_allocation_limit(Some(EVENT_MAX));
    ignore_full_arenas();
    let passed = catch_unwind(AssertUnwindSafe(|| pass(pipeline, message, &arena)));
    if let Err(panic) = passed
        && !is_full(&*panic)
    {
        resume_unwind(panic);
    }
}

/// The same without a bound but [`MEMORY_MAX`] at the end, for what is to come to its end.
fn run_to_the_end(pipeline: &Pipeline, message: &str) {
    let arena = Arena::new();
    pass(pipeline, message, &arena);
    let taken = arena.allocated_bytes();
    assert!(taken < MEMORY_MAX, "{taken} bytes");
}

fn pass(pipeline: &Pipeline, message: &str, arena: &Arena) {
    let mut event = Event::new(arena, now());
    event.fields_mut().push("message", Value::Str(message));
    let mut worker = WorkerState::default();
    let mut written = Vec::new();
    pipeline.run(event, now(), &mut worker, &mut |event, _| {
        // What goes on here is none of the filters' doing.
        uncounted(|| {
            write_json(&mut written, &event);
            let text = std::str::from_utf8(&written).unwrap_or_else(|error| panic!("{error}"));
            let read = Arena::new();
            assert!(parse_json(text, &read, Fractions::Double).is_ok(), "{text}");
            written = Vec::new();
        });
    });
}
