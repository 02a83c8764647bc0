//! Records that make the pipeline panic, from the queue to the dead letters.

use std::sync::{Mutex, PoisonError};

use clap::Parser;
use kelp_parser::codec::{Codec, build_codec};
use kelp_parser::event::{FieldRef, Value};
use kelp_sink::dead_letter::{DeadLetterSettings, DeadLetterStore};
use kelp_sink::{Output, OutputStats};

use super::*;
use crate::cli::Cli;
use crate::configuration::Configuration;
use crate::run::Compiled;
use crate::settings::Settings;

const CONFIG: &str = r#"
    input { generator { lines => ["none"] } }
    filter { mutate { uppercase => ["message"] } }
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

    fn flush(&mut self, _batch: &Arc<dyn RecordBatch>) {}
}

struct Messages(&'static [&'static str], Receipts);

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

#[test]
fn a_record_that_panics_is_a_dead_letter_and_the_others_go_on() {
    let folder = std::env::temp_dir().join(format!("kelp-worker-{}", std::process::id()));
    let (store, dead_letters) =
        DeadLetterStore::open(DeadLetterSettings::new(folder.join("letters"))).unwrap();
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
        .start(runtime.handle(), &dead_letters, &folder, &settings)
        .unwrap();
    let output = FaultyOutput::default();
    topology.outputs = vec![Box::new(output.clone())];

    let messages = &[
        "one",
        "bad for the codec",
        "two",
        "bad for the output",
        "three",
    ];
    let batch = Arc::new(Messages(messages, Receipts::new(messages.len())));
    let (sender, receiver) = crossbeam_channel::unbounded();
    let records = Arc::clone(&batch) as Arc<dyn RecordBatch>;
    sender.send(Batch { records, input: 0 }).unwrap();
    drop(sender);
    let stats = Arc::new(WorkerStats::default());
    Worker::new(Arc::new(topology), stats, dead_letters, true)
        .run(&receiver, &crossbeam_channel::never());
    store.close(false);

    let arrived = output.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*arrived, ["ONE", "TWO", "THREE"]);
    let mut letters = String::new();
    for file in std::fs::read_dir(folder.join("letters")).unwrap() {
        letters += &std::fs::read_to_string(file.unwrap().path()).unwrap();
    }
    let letters: Vec<&str> = letters.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(letters.len(), 2, "{letters:?}");
    let expected = [
        ("bad for the codec", "the codec's defect", 101),
        ("bad for the output", "the output's defect", 103),
    ];
    for (letter, (payload, defect, offset)) in letters.iter().zip(expected) {
        let letter: serde_json::Value = serde_json::from_str(letter).unwrap();
        assert_eq!(letter["payload"]["text"], payload);
        assert_eq!(letter["reason"]["type"], "panic");
        let reason = letter["reason"]["reason"].as_str().unwrap();
        assert!(reason.contains(defect), "{reason}");
        assert!(letter.to_string().contains(&offset.to_string()), "{letter}");
    }
    assert_eq!(batch.receipts().first_unsettled(0), messages.len() as u32);
    let _ = std::fs::remove_dir_all(folder);
}
