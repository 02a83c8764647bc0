//! What delivering bulk bodies costs: CPU seconds of this process for each million documents,
//! posted to a double that stores nothing and runs in a process of its own.
//!
//! `cargo bench -p kelp-sink` runs it; the first argument changes the number of documents.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, Record, RecordBatch};
use kelp_sink::dead_letter::{DeadLetterSettings, DeadLetterStore};
use kelp_sink::double::{Double, DoubleSettings};
use kelp_sink::elasticsearch::{
    BulkDelivery, BulkRequest, ClientSettings, DeliverySettings, Doc, HostUrl, Node,
};

const BATCH_DOCS: usize = 2000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--serve") {
        return serve();
    }
    let docs = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000);
    let mut server = Command::new(&arguments[0])
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the double's process starts");
    let mut url = String::new();
    BufReader::new(server.stdout.take().expect("it is piped"))
        .read_line(&mut url)
        .expect("the double says where it listens");
    for compression_level in [0, 1] {
        deliver(url.trim(), docs, compression_level);
    }
    drop(server.stdin.take());
    server.wait().expect("the double's process ends");
}

/// The double, until standard input is closed.
fn serve() {
    runtime().block_on(async {
        let settings = DoubleSettings {
            null: true,
            ..DoubleSettings::default()
        };
        let double = Double::start(settings).await.expect("a port is free");
        println!("{}", double.url());
        let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        let _ = closed.await;
    });
}

fn deliver(url: &str, docs: usize, compression_level: u32) {
    let runtime = runtime();
    let directory = std::env::temp_dir().join(format!("kelp-bench-{}", std::process::id()));
    let (store, dead_letters) = DeadLetterStore::open(DeadLetterSettings::new(directory.clone()))
        .expect("the temporary directory can be written");
    let client = ClientSettings {
        timeout: Duration::from_secs(60),
        ..ClientSettings::default()
    };
    let host = HostUrl::parse(url, None).expect("it is an address");
    let node = Node::new(host, &client).expect("the settings are valid");
    let settings = DeliverySettings {
        compression_level,
        in_flight_requests: 4,
        ..DeliverySettings::default()
    };
    let delivery = BulkDelivery::start(runtime.handle(), vec![node], settings, dead_letters);
    let sender = delivery.sender();
    let (body, starts) = bulk_body();
    let cpu_before = cpu_seconds();
    let started = Instant::now();
    for _ in 0..docs / BATCH_DOCS {
        let batch = Arc::new(Batch(Receipts::new(BATCH_DOCS)));
        let (mut own_body, mut own_docs) = sender.buffers();
        // Copying the body stands for encoding it.
        own_body.extend_from_slice(&body);
        own_docs.extend_from_slice(&starts);
        sender.send_blocking(BulkRequest {
            body: own_body,
            docs: own_docs,
            batch,
        });
    }
    drop(sender);
    let stats = Arc::clone(delivery.stats());
    let left = runtime.block_on(delivery.drain(Duration::from_secs(60)));
    let (cpu, wall) = (cpu_seconds() - cpu_before, started.elapsed().as_secs_f64());
    let millions = docs as f64 / 1e6;
    let indexed = stats.indexed.load(std::sync::atomic::Ordering::Relaxed);
    let sent = stats.sent_bytes.load(std::sync::atomic::Ordering::Relaxed);
    println!(
        "compression_level {compression_level}: {:.3} CPU-s and {:.3} s per million documents of {} bytes, {:.0} bytes each on the wire ({indexed} indexed, {left} left)",
        cpu / millions,
        wall / millions,
        body.len() / BATCH_DOCS,
        sent as f64 / docs as f64,
    );
    store.close(true);
    let _ = std::fs::remove_dir_all(directory);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started")
}

/// Documents of about 540 bytes with their action lines, like those that grok makes of an access
/// log. How well they compress decides what gzip costs: real ones, with their action lines, come to
/// about a sixth.
fn bulk_body() -> (Vec<u8>, Vec<Doc>) {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut body = Vec::new();
    let mut docs = Vec::new();
    for record in 0..BATCH_DOCS as u32 {
        docs.push(Doc {
            start: body.len() as u32,
            record,
            has_derived_id: false,
        });
        let [a, b, c, d] = rng.u32(..).to_be_bytes();
        let (bytes, second) = (rng.u32(200..900_000), record % 60);
        let mut word =
            |letters: usize| -> String { (0..letters).map(|_| rng.lowercase()).collect() };
        let (path, referrer, agent) = (word(12), word(8), word(10));
        let line = format!(
            "{a}.{b}.{c}.{d} - - [17/May/2015:10:05:{second:02} +0000] \\\"GET /articles/{path}.html HTTP/1.1\\\" 200 {bytes} \\\"http://{referrer}.com/\\\" \\\"Mozilla/5.0 (X11; Linux x86_64; {agent}) Gecko\\\""
        );
        let document = format!(
            "{{\"index\":{{\"_index\":\"apache-2015.05.17\"}}}}\n{{\"@timestamp\":\"2015-05-17T10:05:{second:02}.000Z\",\"@version\":\"1\",\"message\":\"{line}\",\"clientip\":\"{a}.{b}.{c}.{d}\",\"timestamp\":\"17/May/2015:10:05:{second:02} +0000\",\"verb\":\"GET\",\"request\":\"/articles/{path}.html\",\"response\":200,\"bytes\":{bytes},\"referrer\":\"http://{referrer}.com/\",\"agent\":\"Mozilla/5.0 (X11; Linux x86_64; {agent}) Gecko\"}}\n"
        );
        body.extend_from_slice(document.as_bytes());
    }
    (body, docs)
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok());
    // 100 ticks a second on every Linux that Rust supports.
    (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / 100.0
}

struct Batch(Receipts);

impl RecordBatch for Batch {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        Record {
            payload: None,
            key: None,
            timestamp: None,
            origin: Origin::Line {
                source: "bench",
                number: index as u64,
            },
            headers: &(),
        }
    }

    fn receipts(&self) -> &Receipts {
        &self.0
    }
}
