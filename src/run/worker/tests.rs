//! Records that make the pipeline panic, from the queue to the dead letters.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use kelp_parser::codec::{Codec, build_codec};
use kelp_parser::event::{FieldRef, Value};
use kelp_parser::filter::{Context, Filter, Outcome};
use kelp_sink::dead_letter::{DeadLetterSettings, DeadLetterStore};
use kelp_sink::{Output, OutputStats};

use super::*;
use crate::cli::Cli;
use crate::configuration::Configuration;
use crate::run::Compiled;
use crate::settings::Settings;

const CONFIG: &str = r#"
    input { generator { lines => ["none"] } }
    filter { mutate { id => "faulty" } mutate { uppercase => ["message"] } }
    output { null {} }
"#;

/// A codec with a defect.
struct FaultyCodec(Box<dyn Codec>);

impl Codec for FaultyCodec {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        assert_ne!(payload, b"bad for the codec", "the codec's defect");
        self.0.decode(payload, context);
    }

    fn encode(
        &self,
        event: &Event<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), kelp_parser::codec::EncodeError> {
        self.0.encode(event, out)
    }
}

/// A filter with a defect, which makes one event when it is asked for what it holds back for the last time.
struct FaultyFilter;

impl Filter for FaultyFilter {
    fn apply<'a>(&self, event: &mut Event<'a>, _context: &mut Context<'a, '_>) -> Outcome {
        let message = event.get(FieldRef::constant("message"));
        assert_ne!(
            message,
            Some(&Value::Str("bad for the filter")),
            "the filter's defect"
        );
        Outcome::Matched
    }

    fn flush<'a>(&self, context: &mut Context<'a, '_>) {
        if context.closing {
            context.emit(Event::new(context.arena, context.now), true);
        }
    }
}

/// Notes the messages that reach it; a message with a defect of its own unwinds through the filters too.
#[derive(Clone, Default)]
struct FaultyOutput(Arc<Mutex<Vec<String>>>);

impl Output for FaultyOutput {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(self.clone())
    }

    fn drain(self: Box<Self>, _within: Duration) -> u64 {
        0
    }

    fn stats(&self) -> OutputStats {
        OutputStats::default()
    }
}

impl Writer for FaultyOutput {
    fn write(&mut self, event: &Event<'_>, _from: &Provenance<'_>) {
        let Some(Value::Str(message)) = event.get(FieldRef::constant("message")) else {
            return;
        };
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_ne!(*message, "BAD FOR THE OUTPUT", "the output's defect");
        messages.push((*message).to_owned());
    }

    fn waiting_bytes(&self) -> usize {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match messages.iter().any(|message| message == FAULTY_EARLY_FLUSH) {
            true => FLUSH_FROM_BYTES,
            false => 0,
        }
    }

    fn flush(&mut self, _batch: &Arc<dyn RecordBatch>) {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_faulty = |message: &String| [FAULTY_FLUSH, FAULTY_EARLY_FLUSH].contains(&&**message);
        assert!(!messages.iter().any(is_faulty), "the flush's defect");
    }
}

/// A message after which the output cannot be flushed.
const FAULTY_FLUSH: &str = "BAD FOR THE FLUSH";
/// Another one, which is too large to wait for the end of the batch.
const FAULTY_EARLY_FLUSH: &str = "LARGE AND BAD FOR THE FLUSH";

/// An output to which each event is a MiB; it notes how many waited when it was flushed.
#[derive(Clone, Default)]
struct CountingOutput {
    waiting: usize,
    flushed: Arc<Mutex<Vec<usize>>>,
}

impl Output for CountingOutput {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(self.clone())
    }

    fn drain(self: Box<Self>, _within: Duration) -> u64 {
        0
    }

    fn stats(&self) -> OutputStats {
        OutputStats::default()
    }
}

impl Writer for CountingOutput {
    fn write(&mut self, _event: &Event<'_>, _from: &Provenance<'_>) {
        self.waiting += 1;
    }

    fn waiting_bytes(&self) -> usize {
        self.waiting << 20
    }

    fn flush(&mut self, _batch: &Arc<dyn RecordBatch>) {
        let mut flushed = self.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        flushed.push(std::mem::take(&mut self.waiting));
    }
}

struct Messages(Vec<String>, Receipts);

impl RecordBatch for Messages {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        Record {
            payload: Some(self.0[index].as_bytes()),
            key: None,
            timestamp: None,
            origin: Origin::Kafka {
                topic: "t",
                partition: 0,
                offset: 100 + index as i64,
            },
            headers: &(),
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.1
    }
}

/// A pipeline with defects, and its dead letters.
struct Bench {
    folder: PathBuf,
    topology: Topology,
    output: FaultyOutput,
    store: DeadLetterStore,
    dead_letters: DeadLetters,
    stats: Arc<WorkerStats>,
    _runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new(name: &str) -> Self {
        let name = format!("kelp-worker-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let settings = DeadLetterSettings::new(folder.join("letters"));
        let (store, dead_letters) = DeadLetterStore::open(settings).unwrap();
        let settings = Settings::load(Cli::parse_from(["kelp", "-e", CONFIG]).run).unwrap();
        let settings = settings.pipeline;
        let mut configuration = Configuration::load(&settings.config).unwrap();
        let mut compiled = Compiled::compile(&mut configuration, &settings).unwrap();
        let plain = build_codec(None, "plain", settings.ecs, &mut Vec::new()).unwrap();
        compiled.inputs[0].common.codec = Arc::new(FaultyCodec(plain));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut topology = compiled
            .start(runtime.handle(), &dead_letters, &settings, &|_| None)
            .unwrap();
        topology.pipeline.replace_filter(0, Box::new(FaultyFilter));
        let output = FaultyOutput::default();
        topology.outputs = vec![Box::new(output.clone())];
        Self {
            folder,
            topology,
            output,
            store,
            dead_letters,
            stats: Arc::default(),
            _runtime: runtime,
        }
    }

    /// Lets a worker work on the batches on a thread of its own; gives what reached the output, the dead
    /// letters, and whether the worker came to a good end.
    fn run(self, batches: &[&Arc<Messages>]) -> (Vec<String>, Vec<serde_json::Value>, bool) {
        let (sender, receiver) = crossbeam_channel::unbounded();
        for batch in batches {
            let records = Arc::clone(batch) as Arc<dyn RecordBatch>;
            sender.send(Batch { records, input: 0 }).unwrap();
        }
        drop(sender);
        let limits = EventLimits {
            max_bytes: 1 << 20,
            max_fields: 100,
        };
        let topology = Arc::new(self.topology);
        let worker = Worker::new(topology, self.stats, self.dead_letters, limits, true);
        let thread = std::thread::spawn(move || worker.run(&receiver, &crossbeam_channel::never()));
        let is_well = thread.join().is_ok();
        self.store.close(false);
        let mut letters = String::new();
        for file in std::fs::read_dir(self.folder.join("letters")).unwrap() {
            letters += &std::fs::read_to_string(file.unwrap().path()).unwrap();
        }
        let _ = std::fs::remove_dir_all(self.folder);
        let lines = letters.lines().filter(|line| !line.is_empty());
        let letters = lines.map(|line| serde_json::from_str(line).unwrap());
        let arrived = self.output.0.lock().unwrap_or_else(PoisonError::into_inner);
        (arrived.clone(), letters.collect(), is_well)
    }
}

fn batch(messages: &[&str]) -> Arc<Messages> {
    let messages: Vec<String> = messages
        .iter()
        .map(|message| (*message).to_owned())
        .collect();
    let receipts = Receipts::new(messages.len());
    Arc::new(Messages(messages, receipts))
}

#[test]
fn a_record_that_panics_is_a_dead_letter_and_the_others_go_on() {
    let batch = batch(&[
        "one",
        "bad for the codec",
        "two",
        "bad for the filter",
        "bad for the output",
        "three",
    ]);
    let (arrived, letters, is_well) = Bench::new("panics").run(&[&batch]);
    assert!(is_well);
    assert_eq!(arrived, ["ONE", "TWO", "THREE"]);
    assert_eq!(letters.len(), 3, "{letters:?}");
    let expected = [
        ("bad for the codec", "the codec's defect", 101),
        ("bad for the filter", "the filter's defect", 103),
        ("bad for the output", "the output's defect", 104),
    ];
    for (letter, (payload, defect, offset)) in letters.iter().zip(expected) {
        assert_eq!(letter["payload"]["text"], payload);
        assert_eq!(letter["reason"]["type"], "panic");
        let reason = letter["reason"]["reason"].as_str().unwrap();
        assert!(reason.contains(defect), "{reason}");
        assert!(reason.contains("src/run/worker/tests.rs:"), "{reason}");
        assert_eq!(letter["origin"]["offset"], offset);
    }
    assert_eq!(batch.receipts().first_unsettled(0), batch.len() as u32);
}

#[test]
fn what_filters_held_back_is_counted() {
    let bench = Bench::new("held-back");
    let stats = Arc::clone(&bench.stats);
    assert!(bench.run(&[&batch(&["one", "two"])]).2);
    let totals = crate::run::Totals::of(std::iter::once(&*stats));
    assert_eq!((totals.events_in, totals.events_out), (2, 3));
    // The second filter has had it, too.
    assert_eq!(totals.filters[1].events_in, 3);
}

#[test]
fn a_record_that_grows_beyond_the_limits_is_a_dead_letter() {
    let large = "x".repeat(2 << 20);
    let batch = batch(&["one", &large, "two"]);
    let (arrived, letters, is_well) = Bench::new("limits").run(&[&batch]);
    assert!(is_well);
    assert_eq!(arrived, ["ONE", "TWO"]);
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0]["reason"]["type"], "event_too_large",
        "{}",
        letters[0]["reason"]
    );
    assert_eq!(letters[0]["payload"]["text"], large.as_str());
    assert_eq!(batch.receipts().first_unsettled(0), 3);
}

#[test]
fn fields_are_counted_however_small_the_limit_is() {
    let of = |count: usize| {
        let fields: Vec<String> = (0..count).map(|at| format!("\"f{at}\":1")).collect();
        format!(
            "{{\"message\":\"{count}\",\"in\":{{{}}}}}",
            fields.join(",")
        )
    };
    let (few, many) = (of(90), of(110));
    let mut bench = Bench::new("fields");
    let codec = build_codec(None, "json", Default::default(), &mut Vec::new()).unwrap();
    bench.topology.inputs[0].common.codec = codec.into();
    let (arrived, letters, is_well) = bench.run(&[&batch(&[&few, &many])]);
    assert!(is_well);
    assert_eq!(arrived, ["90"]);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["reason"]["type"], "event_too_large");
}

/// Nothing behind it is committed, and the process ends for want of a worker.
#[test]
fn an_output_that_panics_when_flushed_ends_its_worker_and_settles_nothing_more() {
    let first = batch(&["one", "bad for the flush"]);
    let second = batch(&["two"]);
    let (arrived, letters, is_well) = Bench::new("flush").run(&[&first, &second]);
    assert!(!is_well);
    assert_eq!(arrived, ["ONE", FAULTY_FLUSH]);
    assert_eq!(letters.len(), 0);
    assert_eq!(second.receipts().first_unsettled(0), 0);
}

#[test]
fn an_output_that_panics_when_flushed_in_the_middle_of_a_batch_ends_its_worker_too() {
    let records = batch(&["one", "large and bad for the flush", "two"]);
    let (arrived, letters, is_well) = Bench::new("early-flush").run(&[&records]);
    assert!(!is_well);
    assert_eq!(arrived, ["ONE", FAULTY_EARLY_FLUSH]);
    assert_eq!(letters.len(), 0);
    assert_eq!(records.receipts().first_unsettled(0), 1);
}

/// However many events are made of a record, and of a batch, no writer holds more than so much of them.
#[test]
fn what_is_made_of_a_record_is_handed_over_before_it_grows_too_large() {
    let many = format!("[{}]", vec![r#"{"a":1}"#; 25].join(","));
    let mut bench = Bench::new("many");
    let output = CountingOutput::default();
    bench.topology.outputs = vec![Box::new(output.clone())];
    let codec = build_codec(None, "json", Default::default(), &mut Vec::new()).unwrap();
    bench.topology.inputs[0].common.codec = codec.into();
    let (_, letters, is_well) = bench.run(&[&batch(&[&many, r#"{"a":1}"#, &many])]);
    assert!(is_well && letters.is_empty());
    let flushed = output.flushed.lock().unwrap();
    // The last two are of the end of the batch, and of the end of all.
    assert_eq!(*flushed, [10, 10, 10, 10, 10, 1, 1]);
}
