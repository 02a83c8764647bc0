//! What all of Kelp's producers have in common.

use std::ffi::CString;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use kelp_ingest::kafka::{LostBrokers, add_bootstrap_servers};
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The configuration to start from: each message is written once, and none is taken for written that is not.
///
/// With several requests under way librdkafka (2.12) loses what the first of them carries where its leader has just been chosen: the
/// broker answers it with `NOT_LEADER_OR_FOLLOWER` and takes the second, since of a producer that it has no state of it takes any sequence
/// number; librdkafka then counts the first as acknowledged by the second ("implicitly acked"). Seen on Kafka 4 with topics that the first
/// message makes. So there is one request at a time.
pub fn reliable() -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("enable.idempotence", "true")
        .set("max.in.flight", "1");
    config
}

/// What a producer's context notes of its brokers, so that they are found again (see [`LostBrokers`]).
#[derive(Default)]
pub struct Brokers(Mutex<LostBrokers>);

impl Brokers {
    /// librdkafka reports an error.
    pub fn failed(&self, error: &KafkaError) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.lock().lost(Instant::now());
        }
    }

    /// A message was delivered.
    pub fn answered(&self) {
        self.lock().found();
    }

    /// To be called again and again: has librdkafka ask the bootstrap servers when it is time.
    pub fn look_after<C: ClientContext>(&self, client: &Client<C>, bootstrap_servers: &str) {
        if self.lock().is_search_due(Instant::now())
            && let Ok(servers) = CString::new(bootstrap_servers)
        {
            tracing::warn!("no broker answers; those of {bootstrap_servers} are asked again");
            add_bootstrap_servers(client, &servers);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LostBrokers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::Message;
    use rdkafka::message::DeliveryResult;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    /// The offsets of what was delivered.
    #[derive(Default)]
    struct Offsets(Mutex<Vec<i64>>);

    impl ClientContext for Offsets {}

    impl ProducerContext for Offsets {
        type DeliveryOpaque = ();

        fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
            if let Ok(message) = result {
                self.0.lock().unwrap().push(message.offset());
            }
        }
    }

    /// Two requests, of which the broker refuses the first as one that is not the leader yet does.
    fn offsets_after_a_refusal(mut config: ClientConfig) -> Vec<i64> {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        cluster
            .broker_round_trip_time(1, Duration::from_millis(200))
            .unwrap();
        let not_leader = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
        cluster.request_errors(RDKafkaApiKey::Produce, &[not_leader]);
        config
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "0")
            .set("batch.num.messages", "1");
        let producer: BaseProducer<Offsets> =
            config.create_with_context(Offsets::default()).unwrap();
        for payload in ["first", "second"] {
            let record = BaseRecord::<(), str>::to("t").partition(0).payload(payload);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(60)).unwrap();
        producer.context().0.lock().unwrap().clone()
    }

    #[test]
    fn what_a_broker_refuses_is_not_taken_for_written() {
        assert_eq!(offsets_after_a_refusal(reliable()), [0, 1]);
    }

    /// If this fails, librdkafka has been mended and [`reliable`] can allow more requests at a time.
    #[test]
    fn librdkafka_takes_for_written_what_was_refused_before_something_else_was_taken() {
        let mut config = reliable();
        config.set("max.in.flight", "5");
        assert_eq!(offsets_after_a_refusal(config), [-1001, 0]);
    }
}
