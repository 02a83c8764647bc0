//! The stand-in for Kafka: librdkafka's mock broker in this process, and who writes lines to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{
    BaseRecord, DefaultProducerContext, Producer, ProducerContext, ThreadedProducer,
};

use super::lines::{Lines, TOPICS};
use crate::clock;
use crate::producer;

/// Partitions of each topic.
pub const PARTITIONS: i32 = 4;

/// The mock broker forgets what exceeds 5 MiB in a partition, so no more than this may lie unread.
const UNREAD_LINES_MAX: u64 = 20_000;

/// How often some lines are written.
const TICK: Duration = Duration::from_millis(20);

/// A broker, gone when dropped.
pub struct Broker {
    mock: MockCluster<'static, DefaultProducerContext>,
}

impl Broker {
    /// Starts it, with the topics.
    pub fn start() -> Result<Self, KafkaError> {
        let mock = MockCluster::new(1)?;
        for topic in TOPICS {
            mock.create_topic(topic, PARTITIONS, 1)?;
        }
        Ok(Self { mock })
    }

    /// Its address for `bootstrap_servers`.
    pub fn address(&self) -> String {
        self.mock.bootstrap_servers()
    }
}

/// What the broker has acknowledged to the writer, and what the writer needs to know in turn.
#[derive(Default)]
pub struct Ledger {
    /// Each acknowledged line under its topic, partition and offset, written as `topic-partition-offset`.
    lines: Mutex<HashMap<String, String>>,
    acknowledged: AtomicU64,
    failed: AtomicU64,
    consumed: AtomicU64,
    stop: AtomicBool,
}

impl Ledger {
    /// Lines that the broker has acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Lines that the broker did not take.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Tells the writer how many lines have been read.
    pub fn set_consumed(&self, lines: u64) {
        self.consumed.store(lines, Ordering::Relaxed);
    }

    /// All acknowledged lines, under `topic-partition-offset`.
    pub fn take_lines(&self) -> HashMap<String, String> {
        std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn unread(&self) -> u64 {
        self.acknowledged()
            .saturating_sub(self.consumed.load(Ordering::Relaxed))
    }
}

/// Enters what the broker acknowledges into the ledger.
struct Deliveries(Arc<Ledger>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Ok(message) = result else {
            self.0.failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let line = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.insert(format!("{topic}-{partition}-{offset}"), line);
        self.0.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

/// The thread that writes.
pub struct LineWriter {
    ledger: Arc<Ledger>,
    thread: JoinHandle<()>,
}

impl LineWriter {
    /// Writes `rate` lines a second to the broker at `address` until it is stopped.
    pub fn start(address: &str, rate: u32) -> Result<Self, Box<dyn std::error::Error>> {
        let ledger = Arc::new(Ledger::default());
        let config = {
            let mut config = producer::reliable();
            config
                .set("bootstrap.servers", address)
                .set("linger.ms", "20");
            config
        };
        let context = Deliveries(Arc::clone(&ledger));
        let producer = ThreadedProducer::from_config_and_context(&config, context)?;
        let lines = Lines::new(1)?;
        let shared = Arc::clone(&ledger);
        let thread = std::thread::Builder::new()
            .name("demo-writer".to_owned())
            .spawn(move || write(&producer, lines, rate, &shared))?;
        Ok(Self { ledger, thread })
    }

    /// What was written.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Stops writing and waits until the broker has acknowledged everything.
    pub fn stop(self) -> Arc<Ledger> {
        self.ledger.stop.store(true, Ordering::Relaxed);
        // A writer that panicked has said so itself; what it wrote is in the ledger.
        let _ = self.thread.join();
        self.ledger
    }
}

fn write(producer: &ThreadedProducer<Deliveries>, mut lines: Lines, rate: u32, ledger: &Ledger) {
    let mut written: u64 = 0;
    let mut begun = Instant::now();
    while !ledger.stop.load(Ordering::Relaxed) {
        if ledger.unread() > UNREAD_LINES_MAX {
            std::thread::sleep(TICK);
            (begun, written) = (Instant::now(), 0);
            continue;
        }
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        // At most one tick's unread lines at a time, should this thread have slept for long.
        let due = due.min(written + UNREAD_LINES_MAX / 10);
        while written < due {
            let line = lines.next(clock::now());
            // Lines alternate between topics, three at a time, so this reaches every partition of both.
            let partition = ((written / 3) % PARTITIONS as u64) as i32;
            let record = BaseRecord::<(), str>::to(line.topic)
                .partition(partition)
                .payload(&line.text);
            if producer.send(record).is_err() {
                ledger.failed.fetch_add(1, Ordering::Relaxed);
            }
            written += 1;
        }
        std::thread::sleep(TICK);
    }
    // What is not acknowledged by then is counted as failed by its delivery report.
    let _ = producer.flush(Duration::from_secs(10));
}
