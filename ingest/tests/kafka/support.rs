//! A mock cluster, and an input that consumes from it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use kelp_harness::{Kafka, KafkaOptions};
use kelp_ingest::kafka::{KafkaInput, KafkaInputOptions};
use kelp_ingest::{Batch, Drained, Limits, Source, SourceStats};
use kelp_parser::config::SourceMap;
use kelp_parser::config::ast::{Literal, Plugin, Setting, Spanned};
use kelp_parser::record::{Origin, RecordBatch};
use kelp_parser::spec::{PluginOptions, Settings};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Longer than anything here takes: the mock broker waits 3 s before a group's first assignment.
pub const LONG: Duration = Duration::from_secs(60);

pub struct Cluster {
    servers: Servers,
    pub producer: Arc<ThreadedProducer<DefaultProducerContext>>,
}

enum Servers {
    Mock(MockCluster<'static, DefaultProducerContext>),
    Real(Box<Kafka>),
}

impl Servers {
    fn bootstrap(&self) -> String {
        match self {
            Self::Mock(mock) => mock.bootstrap_servers(),
            Self::Real(kafka) => kafka.bootstrap(),
        }
    }
}

impl Cluster {
    /// librdkafka's mock broker with one topic.
    pub fn new(topic: &str, partitions: i32) -> Self {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic(topic, partitions, 1).unwrap();
        Self::with(Servers::Mock(mock))
    }

    /// A real broker, whose topics have so many partitions.
    pub fn real(partitions: u32) -> Self {
        let options = KafkaOptions {
            partitions,
            ..KafkaOptions::default()
        };
        Self::with(Servers::Real(Box::new(Kafka::start(options).unwrap())))
    }

    fn with(servers: Servers) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", servers.bootstrap())
            .set("linger.ms", "0")
            .create()
            .unwrap();
        Self {
            servers,
            producer: Arc::new(producer),
        }
    }

    pub fn mock(&self) -> &MockCluster<'static, DefaultProducerContext> {
        match &self.servers {
            Servers::Mock(mock) => mock,
            Servers::Real(_) => panic!("a real broker"),
        }
    }

    /// Writes `numbers` as payloads, spread over the partitions.
    pub fn produce(&self, topic: &str, partitions: i32, numbers: Range<u64>) {
        produce(&self.producer, topic, partitions, numbers);
    }

    /// Deletes the messages of partition 0 below an offset, as retention would.
    pub fn delete_records(&self, topic: &str, below: i64) {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", self.servers.bootstrap())
            .create()
            .unwrap();
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topic, 0, Offset::Offset(below))
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let deleted = admin.delete_records(&offsets, &AdminOptions::new());
        let deleted = runtime.block_on(deleted).unwrap();
        assert!(deleted.elements()[0].error().is_ok());
    }

    /// What the group has committed, per partition.
    pub fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.servers.bootstrap())
            .set("group.id", group)
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let list = consumer.committed_offsets(list, LONG).unwrap();
        let offset = |offset| match offset {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        list.elements()
            .iter()
            .map(|element| offset(element.offset()))
            .collect()
    }

    /// Starts an input with these settings, and the ones every test needs.
    pub fn input(&self, settings: &[(&str, &str)], limits: Limits, capacity: usize) -> Running {
        let servers = self.servers.bootstrap();
        let mut all = vec![("bootstrap_servers", servers.as_str())];
        if !settings
            .iter()
            .any(|(name, _)| *name == "auto_offset_reset")
        {
            all.push(("auto_offset_reset", "earliest"));
        }
        all.extend_from_slice(settings);
        let (sender, batches) = bounded(capacity);
        let source = KafkaInput::start(&options(&all), limits, 7, sender).unwrap();
        Running {
            source: Box::new(source),
            batches,
        }
    }
}

/// Writes `numbers` as payloads, spread over the partitions.
pub fn produce(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    partitions: i32,
    numbers: Range<u64>,
) {
    for number in numbers {
        let payload = number.to_string();
        let partition = (number % partitions as u64) as i32;
        let record = BaseRecord::<(), str>::to(topic)
            .partition(partition)
            .payload(&payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(LONG).unwrap();
}

pub struct Running {
    pub source: Box<dyn Source>,
    pub batches: Receiver<Batch>,
}

impl Running {
    /// Receives until `count` records came.
    pub fn receive(&self, count: usize) -> Vec<Batch> {
        let deadline = Instant::now() + LONG;
        let mut batches: Vec<Batch> = Vec::new();
        while batches
            .iter()
            .map(|batch| batch.records.len())
            .sum::<usize>()
            < count
        {
            batches.push(
                self.batches
                    .recv_deadline(deadline)
                    .expect("records in time"),
            );
        }
        batches
    }

    /// Looks at the statistics until they are as wanted.
    pub fn wait_for(
        &self,
        what: &str,
        mut wanted: impl FnMut(&SourceStats) -> bool,
    ) -> SourceStats {
        let deadline = Instant::now() + LONG;
        loop {
            let stats = self.source.stats();
            if wanted(&stats) {
                return stats;
            }
            assert!(
                Instant::now() < deadline,
                "{what} did not happen: {stats:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn drain(self) -> Drained {
        drop(self.batches);
        self.source.drain(Instant::now() + Duration::from_secs(10))
    }
}

/// Settles every record.
pub fn settle(batches: &[Batch]) {
    for batch in batches {
        for record in 0..batch.records.len() {
            batch.records.receipts().settle(record as u32);
        }
    }
}

/// Partition, offset and payload as text of every record.
pub fn contents(records: &Arc<dyn RecordBatch>) -> Vec<(i32, i64, String)> {
    let content = |index| {
        let record = records.record(index);
        let Origin::Kafka {
            partition, offset, ..
        } = record.origin
        else {
            panic!("not from kafka");
        };
        let payload = String::from_utf8_lossy(record.payload.unwrap_or_default()).into_owned();
        (partition, offset, payload)
    };
    (0..records.len()).map(content).collect()
}

/// How often each number came.
pub fn count(batches: &[Batch], counts: &mut BTreeMap<u64, u32>) {
    for (_, _, payload) in batches.iter().flat_map(|batch| contents(&batch.records)) {
        *counts.entry(payload.parse().unwrap()).or_default() += 1;
    }
}

/// The options that a configuration with these settings gives.
pub fn options(settings: &[(&str, &str)]) -> KafkaInputOptions {
    let mut sources = SourceMap::default();
    let file = sources.add("test", "");
    let span = kelp_parser::config::Span {
        file,
        start: 0,
        end: 0,
    };
    let spanned = |text: &str| Spanned {
        node: text.to_owned(),
        span,
    };
    let plugin = Plugin {
        name: spanned("kafka"),
        settings: settings
            .iter()
            .map(|(name, value)| Setting {
                name: spanned(name),
                value: Spanned {
                    node: Literal::String((*value).to_owned()),
                    span,
                },
            })
            .collect(),
        span,
    };
    let mut diagnostics = Vec::new();
    let mut settings = Settings::new(&plugin, &mut diagnostics);
    let options = KafkaInputOptions::read(&mut settings);
    options.unwrap_or_else(|| panic!("{diagnostics:?}"))
}
