//! Topics: writing to them, and what a group has committed.

use kelp_harness::Kafka;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 4;
/// A broker answers in milliseconds; on a machine under full load a minute has not been enough.
const TIMEOUT: Duration = Duration::from_secs(240);
/// A broker that was killed may take minutes to come back on a machine under full load.
const WRITE_TIMEOUT: Duration = Duration::from_secs(600);

/// A topic with four partitions, written to in turn.
pub struct Topic {
    pub name: String,
    bootstrap: String,
    producer: BaseProducer<Refused>,
    next: AtomicI32,
}

impl Topic {
    /// The topic exists once something was written to it.
    pub fn new(kafka: &Kafka, name: &str) -> Self {
        let bootstrap = kafka.bootstrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap)
            .set("acks", "all")
            .set("enable.idempotence", "true") // a broker that restarts must not make duplicates that we count
            .set("max.in.flight", "1") // with more, librdkafka loses the first message of a new topic now and then
            .set("linger.ms", "20")
            .set("message.timeout.ms", WRITE_TIMEOUT.as_millis().to_string())
            .set("message.max.bytes", "100000000") // the broker's limit is what matters
            .set("queue.buffering.max.messages", "1000000")
            .create_with_context(Refused::default())
            .unwrap();
        Self {
            name: name.to_owned(),
            bootstrap,
            producer,
            next: AtomicI32::new(0),
        }
    }

    /// Writes messages and waits until the broker has them.
    pub fn write<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>) {
        self.enqueue(values, None);
        self.flush();
    }

    /// As [`write`](Self::write), with this time in each record, in milliseconds.
    pub fn write_at<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>, time_ms: i64) {
        self.enqueue(values, Some(time_ms));
        self.flush();
    }

    fn flush(&self) {
        self.producer.flush(WRITE_TIMEOUT).unwrap();
        let refused = self.producer.context().0.lock().unwrap();
        assert!(refused.is_empty(), "not written: {refused:?}");
    }

    fn enqueue<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>, time_ms: Option<i64>) {
        for value in values {
            let partition = self.next.fetch_add(1, Ordering::Relaxed) % PARTITIONS;
            let mut record = BaseRecord::<(), [u8]>::to(&self.name)
                .payload(value.as_ref())
                .partition(partition);
            if let Some(time_ms) = time_ms {
                record = record.timestamp(time_ms);
            }
            while let Err((error, again)) = self.producer.send(record) {
                assert!(
                    matches!(
                        error,
                        KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
                    ),
                    "{error}"
                );
                self.producer.poll(Duration::from_millis(20));
                record = again;
            }
        }
    }

    /// All its messages: payload, and headers by name.
    pub fn read(&self) -> Vec<(String, BTreeMap<String, String>)> {
        let consumer = self.reader("kelp-e2e-reader");
        let mut left = self.len();
        let mut partitions = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            let added = partitions.add_partition_offset(&self.name, partition, Offset::Beginning);
            added.unwrap();
        }
        consumer.assign(&partitions).unwrap();
        let mut messages = Vec::new();
        while left > 0 {
            let message = consumer.poll(TIMEOUT).unwrap().unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let headers = message
                .headers()
                .into_iter()
                .flat_map(|headers| headers.iter());
            let headers = headers
                .map(|header| (header.key.to_owned(), text(header.value.unwrap())))
                .collect();
            messages.push((text(message.payload().unwrap()), headers));
            left -= 1;
        }
        messages
    }

    /// The number of messages in it.
    pub fn len(&self) -> i64 {
        let consumer = self.reader("kelp-e2e-watcher");
        (0..PARTITIONS)
            .map(|partition| {
                consumer
                    .fetch_watermarks(&self.name, partition, TIMEOUT)
                    .unwrap()
                    .1
            })
            .sum()
    }

    /// How many of its messages `group` has committed.
    pub fn committed(&self, group: &str) -> i64 {
        let consumer = self.reader(group);
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_range(&self.name, 0, PARTITIONS - 1);
        let begun = Instant::now();
        let committed = loop {
            match consumer.committed_offsets(partitions.clone(), TIMEOUT) {
                Ok(committed) => break committed,
                // a broker that has just started does not know yet which groups are its own
                Err(error) => assert!(begun.elapsed() < TIMEOUT, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        committed
            .elements()
            .iter()
            .filter_map(|partition| partition.offset().to_raw())
            .map(|offset| offset.max(0))
            .sum()
    }

    /// Asks on behalf of `group` without being its member.
    fn reader(&self, group: &str) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", group)
            .create()
            .unwrap()
    }
}

/// What the broker did not take, or librdkafka gave up.
#[derive(Default)]
struct Refused(Mutex<Vec<String>>);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let bytes = message.payload_len();
            let refused = format!(
                "{bytes} bytes for partition {}: {error}",
                message.partition()
            );
            self.0.lock().unwrap().push(refused);
        }
    }
}
