//! `kelp sample-logs`: writes log lines of a small web shop to Kafka, for whoever has no logs at hand.
//!
//! Access lines go to `logs.web`, those of applications to `logs.shop`, those of hosts to `logs`.

mod lines;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;

use crate::cli::SampleLogsArgs;
use crate::clock;
use crate::commands::undelivered::Undelivered;
use crate::producer;
use crate::signals::{Signal, Signals};
use lines::SampleLines;

/// How many are printed when nobody says.
const PRINTED: u64 = 100;

/// Runs the command.
pub fn run(args: &SampleLogsArgs) -> ExitCode {
    let written = match args.print {
        true => print(args),
        false => write(args),
    };
    match written {
        Ok(written) => {
            eprintln!("{written} lines written");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what would have been written until now.
fn print(args: &SampleLogsArgs) -> Result<u64, Box<dyn std::error::Error>> {
    let count = args.count.unwrap_or(PRINTED);
    let mut lines = SampleLines::new(args.seed)?;
    let now = SystemTime::now();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for left in (0..count).rev() {
        let ago = Duration::from_secs_f64(left as f64 / f64::from(args.rate));
        let then = now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
        let line = lines.next(clock::timestamp(then));
        writeln!(
            out,
            "{}",
            json!({"topic": line.topic, "message": line.text})
        )?;
    }
    out.flush()?;
    Ok(count)
}

fn write(args: &SampleLogsArgs) -> Result<u64, Box<dyn std::error::Error>> {
    let signals = Signals::install()?;
    let producer: BaseProducer<Undelivered> = producer::reliable()
        .set("bootstrap.servers", &args.kafka)
        .set("linger.ms", "50")
        .create_with_context(Undelivered::default())?;
    let mut lines = SampleLines::new(args.seed)?;
    let begun = Instant::now();
    let mut written = 0;
    let mut stopped = false;
    while !stopped && args.count.is_none_or(|count| written < count) {
        let due = (begun.elapsed().as_secs_f64() * f64::from(args.rate)) as u64 + 1;
        let due = args.count.map_or(due, |count| due.min(count));
        while written < due && !stopped {
            let line = lines.next(clock::now());
            stopped = !send(&producer, line.topic, &line.text, &signals)?;
            written += u64::from(!stopped);
        }
        producer.poll(Duration::ZERO);
        let brokers = &producer.context().brokers;
        brokers.look_after(producer.client(), &args.kafka);
        stopped = stopped || signals.wait(Duration::from_millis(100)) == Some(Signal::Stop);
    }
    // Docker gives ten seconds to stop in.
    let patience = Duration::from_secs(if stopped { 5 } else { 30 });
    if producer.flush(patience).is_err() {
        let left = producer.in_flight_count();
        let seconds = patience.as_secs();
        return Err(format!(
            "{left} of {written} lines were not written: {} did not take them within {seconds} s",
            args.kafka
        )
        .into());
    }
    let undelivered = producer.context().lock();
    match &undelivered.first {
        None => Ok(written),
        Some(error) => Err(format!(
            "{} of {written} lines were not written: {error}",
            undelivered.count
        )
        .into()),
    }
}

/// Waits while the producer's queue is full, which bounds what is held in memory. `false`: Kelp was told to stop
/// meanwhile, and the line is not written.
fn send(
    producer: &BaseProducer<Undelivered>,
    topic: &str,
    text: &str,
    signals: &Signals,
) -> Result<bool, KafkaError> {
    let mut record = BaseRecord::<(), str>::to(topic).payload(text);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(true),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(100));
                if signals.wait(Duration::ZERO) == Some(Signal::Stop) {
                    return Ok(false);
                }
            }
            Err((error, _)) => return Err(error),
        }
    }
}
