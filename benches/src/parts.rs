//! The stages, each alone, in this process.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use kelp_ingest::kafka::{KafkaInput, KafkaInputOptions};
use kelp_ingest::{Batch, Limits, Source};
use kelp_parser::codec::{DecodeContext, InvalidUtf8, default_codec};
use kelp_parser::config::ast::{Config, Statement};
use kelp_parser::config::{ParseOptions, SourceMap, parse as parse_config, render};
use kelp_parser::event::{Arena, Value};
use kelp_parser::filter::BuildContext;
use kelp_parser::input::InputCommon;
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, Record, RecordBatch};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;
use kelp_sink::dead_letter::{DeadLetterSettings, DeadLetterStore};
use kelp_sink::output::configure;
use kelp_sink::{Output, Provenance, StartContext};

use crate::broker::Topic;
use crate::cpu::{Cost, measure};
use crate::lines::Lines;
use crate::null_sink::NullSink;
use crate::whole::ACCESS_FILTERS;

/// How many records make a batch where there is no broker to make them.
const BATCH: usize = 2000;

fn config(text: &str) -> Result<Config, Box<dyn Error>> {
    let mut sources = SourceMap::default();
    sources.add("benchmark", text);
    let (config, diagnostics) = parse_config(&sources, &ParseOptions::default());
    match diagnostics.is_empty() {
        true => Ok(config),
        false => Err(render(&diagnostics, &sources, false).into()),
    }
}

fn start_consumer(
    topic: &Topic,
    group: &str,
) -> Result<(KafkaInput, Receiver<Batch>), Box<dyn Error>> {
    let config = config(&format!(
        "input {{ kafka {{ bootstrap_servers => \"{}\" topics => \"{}\" group_id => \"{group}\" auto_offset_reset => \"earliest\" }} }}",
        topic.bootstrap(),
        topic.name
    ))?;
    let Some(Statement::Plugin(plugin)) = config.sections[0].body.first() else {
        return Err("no input".into());
    };
    let mut diagnostics = Vec::new();
    let (_, options) = InputCommon::read::<KafkaInputOptions>(
        plugin,
        "plain",
        EcsCompatibility::V8,
        &mut diagnostics,
    )
    .ok_or_else(|| format!("{diagnostics:?}"))?;
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let limits = Limits {
        batch_records: BATCH,
        ..Limits::default()
    };
    Ok((KafkaInput::start(&options, limits, 0, sender)?, receiver))
}

/// Consumes every message and settles it at once.
pub fn consume(topic: &Topic) -> Result<Cost, Box<dyn Error>> {
    measure(|| {
        let (input, batches) = start_consumer(topic, "bench-consume")?;
        let mut left = topic.events as usize;
        while left > 0 {
            let batch = batches.recv_timeout(Duration::from_secs(30))?;
            for index in 0..batch.records.len() {
                batch.records.receipts().settle(index as u32);
            }
            left -= batch.records.len();
        }
        Box::new(input).drain(Instant::now() + Duration::from_secs(10));
        Ok(())
    })
}

/// Runs lines from memory through codec and filters.
pub fn parse(events: u64) -> Result<Cost, Box<dyn Error>> {
    let lines: Vec<String> = Lines::new().take(10_000).collect();
    let config = config(&format!("filter {{ {ACCESS_FILTERS} }}"))?;
    let context = BuildContext::new(EcsCompatibility::V8);
    let mut diagnostics = Vec::new();
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let codec = default_codec("plain", EcsCompatibility::V8).ok_or("no codec")?;
    let now = Timestamp::from_millis(1_795_000_000_000);
    let mut arena = Arena::new();
    let mut worker = WorkerState::default();
    let mut parsed = 0u64;
    let cost = measure(|| {
        for line in lines.iter().cycle().take(events as usize) {
            codec.decode(
                line.as_bytes(),
                &mut DecodeContext {
                    arena: &arena,
                    timestamp: now,
                    invalid_utf8: InvalidUtf8::Replace,
                    emit: &mut |event| {
                        pipeline.run(event, now, &mut worker, &mut |event, _| {
                            parsed += u64::from(event.fields().get("tags").is_none());
                        });
                    },
                },
            );
            arena.reset();
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    if parsed != events {
        return Err(format!("only {parsed} of {events} lines were parsed").into());
    }
    Ok(cost)
}

/// Records that come from nowhere.
struct Synthetic {
    receipts: Receipts,
}

impl RecordBatch for Synthetic {
    fn len(&self) -> usize {
        self.receipts.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        Record {
            payload: None,
            key: None,
            timestamp: None,
            origin: Origin::Line {
                source: "benchmark",
                number: index as u64,
            },
            headers: &(),
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }
}

/// A running elasticsearch output on a runtime of its own.
struct RunningOutput {
    output: Box<dyn Output>,
    store: DeadLetterStore,
    runtime: tokio::runtime::Runtime,
}

impl RunningOutput {
    fn start(sink: &NullSink, level: u32) -> Result<Self, Box<dyn Error>> {
        let config = config(&format!(
            "output {{ elasticsearch {{ hosts => \"{}\" index => \"bench-%{{+YYYY.MM.dd}}\" compression_level => {level} manage_template => false }} }}",
            sink.url
        ))?;
        let Some(Statement::Plugin(plugin)) = config.sections[0].body.first() else {
            return Err("no output".into());
        };
        let mut diagnostics = Vec::new();
        let configured = configure(plugin, EcsCompatibility::V8, &mut diagnostics)
            .ok_or_else(|| format!("{diagnostics:?}"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let path = std::env::temp_dir().join(format!("kelp-bench-{}", std::process::id()));
        let (store, dead_letters) = DeadLetterStore::open(DeadLetterSettings::new(path.clone()))?;
        let output = configured.start(&StartContext {
            runtime: runtime.handle(),
            data_dir: &path,
            workers: 1,
            dead_letters: &dead_letters,
            pipeline: "bench",
            in_flight: &Default::default(),
        })?;
        Ok(Self {
            output,
            store,
            runtime,
        })
    }

    fn end(self) {
        self.output.drain(Duration::from_secs(30));
        self.store.close(true);
        self.runtime.shutdown_background();
    }
}

/// Encodes one parsed event over and over, and posts it.
pub fn encode_and_post(events: u64, sink: &NullSink, level: u32) -> Result<Cost, Box<dyn Error>> {
    let line = Lines::new().next().ok_or("no line")?;
    let config = config(&format!("filter {{ {ACCESS_FILTERS} }}"))?;
    let context = BuildContext::new(EcsCompatibility::V8);
    let pipeline = Pipeline::compile(&config, &context, &mut Vec::new());
    let arena = Arena::new();
    let now = Timestamp::from_millis(1_795_000_000_000);
    let mut event = kelp_parser::event::Event::new(&arena, now);
    event.fields_mut().push("message", Value::Str(&line));
    let mut parsed = None;
    let mut worker = WorkerState::default();
    pipeline.run(event, now, &mut worker, &mut |event, _| {
        parsed = Some(event)
    });
    let event = parsed.ok_or("the event was dropped")?;
    let before = sink.seen()?.0;
    measure(|| {
        let running = RunningOutput::start(sink, level)?;
        let mut writer = running.output.writer();
        for _ in 0..events as usize / BATCH {
            let batch: Arc<dyn RecordBatch> = Arc::new(Synthetic {
                receipts: Receipts::new(BATCH),
            });
            for index in 0..BATCH {
                let from = Provenance {
                    record: &batch.record(index),
                    index: index as u32,
                    namespace: "",
                    receipts: batch.receipts(),
                };
                writer.write(&event, &from);
                batch.receipts().settle(index as u32);
            }
            writer.flush(&batch);
        }
        drop(writer);
        sink.wait_for(before, events / BATCH as u64 * BATCH as u64)?;
        running.end();
        Ok(())
    })
}

/// Consumes every message and posts its raw bytes in bulk bodies, unparsed and unescaped.
pub fn floor(topic: &Topic, sink: &NullSink) -> Result<Cost, Box<dyn Error>> {
    let before = sink.seen()?.0;
    measure(|| {
        let (input, batches) = start_consumer(topic, "bench-floor")?;
        let agent = ureq::agent();
        let url = format!("{}/_bulk", sink.url);
        let mut left = topic.events as usize;
        let mut body = Vec::new();
        while left > 0 {
            let batch = batches.recv_timeout(Duration::from_secs(30))?;
            body.clear();
            for index in 0..batch.records.len() {
                let record = batch.records.record(index);
                body.extend_from_slice(b"{\"index\":{\"_index\":\"bench\"}}\n");
                body.extend_from_slice(record.payload.unwrap_or_default());
                body.push(b'\n');
                batch.records.receipts().settle(index as u32);
            }
            agent
                .post(&url)
                .header("content-type", "application/x-ndjson")
                .send(&body[..])?
                .body_mut()
                .read_to_vec()?;
            left -= batch.records.len();
        }
        sink.wait_for(before, topic.events)?;
        Box::new(input).drain(Instant::now() + Duration::from_secs(10));
        Ok(())
    })
}
