//! `kelp sample-logs`: writes log lines of a small web shop to Kafka, for whoever has no logs at hand.
//!
//! Access lines go to `logs.web`, those of applications to `logs.shop`, those of a host to `logs`.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use kelp_parser::time::{DateFormat, Timestamp};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::demo::lines::{Lines, TOPICS};
use crate::cli::SampleLogsArgs;
use crate::signals::{Signal, Signals};

/// Of so many lines, one is of the host.
const SYSTEM_ONE_IN: u64 = 10;

/// What a host says: a program, and a text in which `IP` stands for an address.
const SYSTEM: &[(&str, &str)] = &[
    (
        "sshd[2201]",
        "Accepted publickey for deploy from IP port 50122 ssh2: ED25519 SHA256:x",
    ),
    (
        "sshd[2202]",
        "Failed password for root from IP port 40022 ssh2",
    ),
    (
        "sshd[2203]",
        "Failed password for invalid user admin from IP port 40023 ssh2",
    ),
    (
        "sudo",
        "  deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl restart shop",
    ),
    (
        "systemd[1]",
        "Started Daily apt upgrade and clean activities.",
    ),
    ("CRON[8123]", "(root) CMD (run-parts /etc/cron.hourly)"),
];

/// Runs the command.
pub fn run(args: &SampleLogsArgs) -> ExitCode {
    match write(args) {
        Ok(written) => {
            println!("{written} lines written");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(args: &SampleLogsArgs) -> Result<u64, Box<dyn std::error::Error>> {
    let signals = Signals::install()?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &args.kafka)
        .set("enable.idempotence", "true")
        .set("linger.ms", "50")
        .create()?;
    let mut lines = Lines::new(args.seed)?;
    let syslog = DateFormat::joda("MMM dd HH:mm:ss")?;
    let begun = Instant::now();
    let mut written = 0;
    while args.count.is_none_or(|count| written < count) {
        let due = (begun.elapsed().as_secs_f64() * f64::from(args.rate)) as u64 + 1;
        let due = args.count.map_or(due, |count| due.min(count));
        while written < due {
            let now = now();
            let (topic, text) = match written % SYSTEM_ONE_IN {
                0 => ("logs", system_line(written / SYSTEM_ONE_IN, now, &syslog)),
                _ => {
                    let line = lines.next(now);
                    let topic = if line.topic == TOPICS[0] {
                        "logs.web"
                    } else {
                        "logs.shop"
                    };
                    (topic, line.text)
                }
            };
            send(&producer, topic, &text)?;
            written += 1;
        }
        producer.poll(Duration::ZERO);
        if signals.wait(Duration::from_millis(100)) == Some(Signal::Stop) {
            break;
        }
    }
    producer.flush(Duration::from_secs(30))?;
    Ok(written)
}

/// Waits while the producer's queue is full, which bounds what is held in memory.
fn send(producer: &BaseProducer, topic: &str, text: &str) -> Result<(), KafkaError> {
    let mut record = BaseRecord::<(), str>::to(topic).payload(text);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(100));
            }
            Err((error, _)) => return Err(error),
        }
    }
}

fn system_line(number: u64, now: Timestamp, syslog: &DateFormat) -> String {
    let (program, text) = SYSTEM[(number % SYSTEM.len() as u64) as usize];
    let mut time = Vec::new();
    syslog.write(now, &mut time);
    let address = format!("203.0.113.{}", number * 7 % 254 + 1);
    format!(
        "<86>{} web-1 {program}: {}",
        String::from_utf8_lossy(&time),
        text.replace("IP", &address)
    )
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::new(since_epoch.as_secs() as i64, since_epoch.subsec_nanos())
}
