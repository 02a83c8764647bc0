//! A topic on a real Kafka, filled with lines.

use std::error::Error;
use std::time::Duration;

use kelp_harness::{Kafka, KafkaOptions};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::lines::Lines;

/// How many partitions the topic has.
pub const PARTITIONS: i32 = 4;

/// A filled topic.
pub struct Topic {
    kafka: Kafka,
    /// Its name.
    pub name: &'static str,
    /// How many messages it holds.
    pub events: u64,
}

impl Topic {
    /// Starts a broker and writes `events` lines, spread over the partitions.
    pub fn filled(events: u64) -> Result<Self, Box<dyn Error>> {
        let kafka = Kafka::start(KafkaOptions::default())?;
        let topic = Self {
            kafka,
            name: "bench",
            events,
        };
        topic.create()?;
        topic.fill()?;
        Ok(topic)
    }

    /// The broker's address.
    pub fn bootstrap(&self) -> String {
        self.kafka.bootstrap()
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    fn create(&self) -> Result<(), Box<dyn Error>> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let topic = NewTopic::new(self.name, PARTITIONS, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        for created in runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()))? {
            created.map_err(|(topic, code)| format!("cannot create `{topic}`: {code}"))?;
        }
        Ok(())
    }

    fn fill(&self) -> Result<(), Box<dyn Error>> {
        let producer: ThreadedProducer<DefaultProducerContext> = self
            .client()
            .set("linger.ms", "50")
            .set("batch.size", "262144")
            .set("queue.buffering.max.messages", "200000")
            .create()?;
        for (number, line) in Lines::new().take(self.events as usize).enumerate() {
            let partition = number as i32 % PARTITIONS;
            let mut record = BaseRecord::<(), str>::to(self.name)
                .payload(&line)
                .partition(partition);
            while let Err((error, unsent)) = producer.send(record) {
                if !matches!(
                    error,
                    KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
                ) {
                    return Err(error.into());
                }
                std::thread::sleep(Duration::from_millis(5));
                record = unsent;
            }
        }
        producer.flush(Duration::from_secs(120))?;
        Ok(())
    }
}
