//! What a producer could not deliver, for commands that write messages once and tell how many.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use crate::producer::Brokers;

/// Messages that the broker did not take.
#[derive(Default)]
pub struct Undelivered {
    failed: Mutex<Failed>,
    /// So that they are found again.
    pub brokers: Brokers,
}

/// How many, and why the first of them.
#[derive(Default)]
pub struct Failed {
    /// Of all that were handed to the producer.
    pub count: u64,
    /// Its error.
    pub first: Option<KafkaError>,
}

impl Undelivered {
    /// What is known now.
    pub fn lock(&self) -> MutexGuard<'_, Failed> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Undelivered {
    fn error(&self, error: KafkaError, reason: &str) {
        self.brokers.failed(&error);
        tracing::warn!("kafka: {error}: {reason}");
    }
}

impl ProducerContext for Undelivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => self.brokers.answered(),
            Err((error, _)) => {
                let mut failed = self.lock();
                failed.count += 1;
                failed.first.get_or_insert_with(|| error.clone());
            }
        }
    }
}
