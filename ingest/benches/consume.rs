//! What consuming costs: CPU-seconds of the whole process per million messages, from a real broker through
//! the `kafka` input to a worker that looks at every payload and settles it. And how much memory it takes.
//!
//! `cargo bench -p kelp-ingest` starts Kafka by itself. `KELP_BENCH_MESSAGES` says how many messages,
//! `KELP_BENCH_CODECS` which compressions (`none,lz4,zstd`).
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use kelp_harness::{Kafka, KafkaOptions};
use kelp_ingest::kafka::{KafkaInput, KafkaInputOptions};
use kelp_ingest::{Batch, Limits, Source};
use kelp_parser::config::ast::{Literal, Plugin, Setting, Spanned};
use kelp_parser::config::{SourceMap, Span};
use kelp_parser::spec::{PluginOptions, Settings};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

fn main() {
    // Consuming is measured in a process of its own: what the producer left in memory is not its business.
    if let Ok(servers) = std::env::var("KELP_BENCH_CONSUME") {
        let words: Vec<&str> = servers.split(' ').collect();
        match words[2].parse() {
            Ok(messages) => consume(words[0], words[1], messages),
            Err(_) => hold(words[0], words[1]),
        }
        return;
    }
    let messages = number("KELP_BENCH_MESSAGES", 1_000_000);
    let codecs = std::env::var("KELP_BENCH_CODECS").unwrap_or_else(|_| "none,lz4,zstd".to_owned());
    let kafka = Kafka::start(KafkaOptions::default()).unwrap();
    println!("CPU-s per million | peak resident | messages a second | what");
    for codec in codecs.split(',') {
        let topic = format!("264-byte-{codec}");
        produce(&kafka.bootstrap(), &topic, codec, messages, 264);
        for _ in 0..3 {
            consume_apart(&kafka.bootstrap(), &topic, &messages.to_string());
        }
        consume_apart(&kafka.bootstrap(), &topic, "hold");
    }
    produce(&kafka.bootstrap(), "900000-byte", "none", 400, 900_000);
    consume_apart(&kafka.bootstrap(), "900000-byte", "400");
    consume_apart(&kafka.bootstrap(), "900000-byte", "hold");
}

fn consume_apart(bootstrap: &str, topic: &str, messages: &str) {
    let done = Command::new(std::env::current_exe().unwrap())
        .env(
            "KELP_BENCH_CONSUME",
            format!("{bootstrap} {topic} {messages}"),
        )
        .status();
    assert!(done.unwrap().success());
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Lines that look like an access log and differ enough not to compress to nothing.
fn produce(bootstrap: &str, topic: &str, codec: &str, messages: usize, bytes: usize) {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("compression.type", codec)
        .set("linger.ms", "50")
        .set("batch.size", "262144")
        .set("queue.buffering.max.messages", "200000")
        .create()
        .unwrap();
    let mut state = 88_172_645_463_325_252_u64;
    for index in 0..messages {
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut line = format!(
            "{}.{}.{}.{} - - [{:02}/Nov/2026:{:02}:{:02}:{:02} +0000] \"GET /api/v1/users/{}/orders?limit=50 HTTP/1.1\" 200 {} \"https://www.example.com/page/{}\" \"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0\" ",
            random(255),
            random(256),
            random(256),
            random(256),
            1 + random(28),
            random(24),
            random(60),
            random(60),
            random(99_999),
            random(300_000),
            random(9_999)
        );
        while line.len() < bytes {
            line.push(char::from(b'a' + random(26) as u8));
        }
        line.truncate(bytes);
        let mut record = BaseRecord::<(), str>::to(topic)
            .partition((index % 4) as i32)
            .payload(&line);
        while let Err((_, back)) = producer.send(record) {
            record = back;
            thread::sleep(Duration::from_millis(5));
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
}

/// Settles nothing, as when Elasticsearch is down: how much memory that takes.
fn hold(bootstrap: &str, topic: &str) {
    let group = format!("bench-{}", std::process::id());
    let options = group_options(bootstrap, topic, &group);
    let (sender, batches) = bounded::<Batch>(4);
    let source = KafkaInput::start(&options, Limits::default(), 0, sender).unwrap();
    let held: Vec<Batch> =
        std::iter::from_fn(|| batches.recv_timeout(Duration::from_secs(5)).ok()).collect();
    let records: usize = held.iter().map(|batch| batch.records.len()).sum();
    println!(
        "{:17} | {:9.1} MiB | {:17} | {topic}, {records} messages held, counted as {:.1} MiB",
        "",
        peak_memory_mib(),
        "",
        source.stats().in_flight_bytes as f64 / f64::from(1 << 20),
    );
    drop(batches);
    Box::new(source).drain(Instant::now());
}

fn group_options(bootstrap: &str, topic: &str, group: &str) -> KafkaInputOptions {
    options(&[
        ("bootstrap_servers", bootstrap),
        ("topics", topic),
        ("group_id", group),
        ("auto_offset_reset", "earliest"),
    ])
}

fn consume(bootstrap: &str, topic: &str, messages: usize) {
    let group = format!("bench-{}", std::process::id());
    let options = group_options(bootstrap, topic, &group);
    let (sender, batches) = bounded::<Batch>(4);
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let source = KafkaInput::start(&options, Limits::default(), 0, sender).unwrap();
    let (mut seen, mut bytes, mut count) = (0, 0, 0);
    let mut first = started;
    while seen < messages {
        let batch = batches.recv().unwrap();
        if seen == 0 {
            first = Instant::now();
        }
        let records = &batch.records;
        for index in 0..records.len() {
            bytes += records.record(index).payload.map_or(0, <[u8]>::len);
            records.receipts().settle(index as u32);
        }
        seen += records.len();
        count += 1;
    }
    let (elapsed, cpu) = (first.elapsed(), cpu_seconds() - cpu);
    let stats = source.stats();
    let drained = Box::new(source).drain(Instant::now() + Duration::from_secs(10));
    let per_million = cpu * 1e6 / messages as f64;
    println!(
        "{per_million:17.3} | {:9.1} MiB | {:17.0} | {topic} ({} B each, {:.0} a batch, {} stalls, committed: {}, first after {:?})",
        peak_memory_mib(),
        messages as f64 / elapsed.as_secs_f64(),
        bytes / messages,
        messages as f64 / f64::from(count),
        stats.stalls,
        drained.committed,
        first - started,
    );
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}

fn peak_memory_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}

fn options(settings: &[(&str, &str)]) -> KafkaInputOptions {
    let file = SourceMap::default().add("bench", "");
    let span = Span {
        file,
        start: 0,
        end: 0,
    };
    let spanned = |text: &str| Spanned {
        node: text.to_owned(),
        span,
    };
    let setting = |(name, value): &(&str, &str)| Setting {
        name: spanned(name),
        value: Spanned {
            node: Literal::String((*value).to_owned()),
            span,
        },
    };
    let plugin = Plugin {
        name: spanned("kafka"),
        settings: settings.iter().map(setting).collect(),
        span,
    };
    KafkaInputOptions::read(&mut Settings::new(&plugin, &mut Vec::new())).unwrap()
}
