//! `kelp dlq replay`: the original messages once more, to a topic or through a pipeline.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use kelp_sink::dead_letter::{Origin, Position};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::list::{end, origin};
use super::{Failure, Place, ReplayArgs};
use crate::commands::undelivered::Undelivered;
use crate::configuration::Configuration;
use crate::dead_letters::{Choice, OwnedRecord, Reading, What};
use crate::logging;
use crate::producer;
use crate::run::{Compiled, Running};
use crate::signals::{Signal, Signals};
use crate::stdout::print_line;

/// How long the broker may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn run(place: Place, args: ReplayArgs) -> Result<ExitCode, Failure> {
    if args.config.path.is_some() || args.config.text.is_some() {
        through_pipeline(place, args)
    } else {
        to_topic(&place, args)
    }
}

/// Runs the original records through filters and outputs, as if they had been consumed again: with the same
/// ids, so that what is stored already is not stored twice. What is refused again lies among the dead letters of
/// a pipeline of its own, `ID.replay`.
fn through_pipeline(mut place: Place, args: ReplayArgs) -> Result<ExitCode, Failure> {
    let until = end(&place)?;
    logging::start(place.settings.log_level, place.settings.log_format);
    let shutdown_timeout = place.settings.shutdown_timeout;
    let settings = &mut place.settings.pipeline;
    settings.id = format!("{}.replay", settings.id);
    settings.config = args.config;
    let mut configuration = Configuration::load(&settings.config)?;
    let compiled = Compiled::compile(&mut configuration, settings);
    configuration.print_diagnostics();
    let Some(mut compiled) = compiled else {
        return Ok(ExitCode::FAILURE);
    };
    if compiled.inputs.is_empty() {
        return Err("the configuration has no input: it says how messages are decoded".into());
    }
    compiled.inputs.truncate(1);
    compiled.inputs[0].replay(Reading {
        directory: place.directory.clone(),
        from: Position::default(),
        since: None,
        what: What::Originals(args.choice.into(), until),
        sincedb: None,
        clean_consumed: false,
    });
    let signals = Signals::install()?;
    let running = Running::start(compiled, settings)?;
    let mut patience = Duration::from_secs(u64::from(u32::MAX));
    let failure = loop {
        if signals.wait(LOOK_EVERY) == Some(Signal::Stop) {
            patience = shutdown_timeout;
            break None;
        }
        if running.has_ended() {
            break None;
        }
        if let Some(error) = running.failure() {
            break Some(error.to_string());
        }
        if running.has_lost_worker() {
            break Some("a worker has died, which is a defect".to_owned());
        }
    };
    let sources = running.sources().iter();
    let records: u64 = sources.map(|source| source.stats().consumed_records).sum();
    let dead_letters = running.dead_letters().clone();
    let ended = running.stop(patience);
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    print_line!(
        "{} messages replayed, {} not delivered, {} dead letters again",
        records.saturating_sub(ended.unsettled_records),
        ended.unsettled_records,
        dead_letters.written()
    );
    Ok(match ended.unsettled_records {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Writes each original message once, however many dead letters were made of it.
fn to_topic(place: &Place, args: ReplayArgs) -> Result<ExitCode, Failure> {
    let mut config = producer::reliable();
    config.set("message.max.bytes", "1000000000");
    if let Some(kafka) = &args.kafka {
        config.set("bootstrap.servers", kafka);
    }
    for (name, value) in &args.properties {
        config.set(name, value);
    }
    let producer: BaseProducer<Undelivered> = config.create_with_context(Undelivered::default())?;
    let (mut sent, mut seen) = (0_u64, HashSet::new());
    place.each(&Choice::from(args.choice), |_, entry| {
        if !seen.insert(origin(&entry.origin)) {
            return Ok(true);
        }
        let record = OwnedRecord::of_original(entry);
        let (topic, partition) = match (&args.to_topic, &record.origin) {
            (Some(topic), _) => (topic, None),
            (
                None,
                Origin::Kafka {
                    topic, partition, ..
                },
            ) => (topic, Some(*partition)),
            (None, Origin::Line { source, .. }) => {
                return Err(
                    format!("a line of {source} has no topic: name one with --topic").into(),
                );
            }
        };
        send(&producer, topic, partition, &record)?;
        sent += 1;
        Ok(true)
    })?;
    producer.flush(FLUSH_TIMEOUT)?;
    let failures = producer.context().lock();
    print_line!(
        "{} messages replayed, {} failed",
        sent.saturating_sub(failures.count),
        failures.count
    );
    match &failures.first {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(error.to_string().into()),
    }
}

fn send(
    producer: &BaseProducer<Undelivered>,
    topic: &str,
    partition: Option<i32>,
    original: &OwnedRecord,
) -> Result<(), KafkaError> {
    let mut headers = OwnedHeaders::new();
    for (key, value) in &original.headers.0 {
        headers = headers.insert(Header {
            key,
            value: value.as_ref(),
        });
    }
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).headers(headers);
    record.partition = partition;
    record.key = original.key.as_deref();
    record.payload = original.payload.as_deref();
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.poll(LOOK_EVERY);
                record = back;
            }
            Err((error, _)) => return Err(error),
        }
    }
}
