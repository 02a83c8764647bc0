//! Events on their way to Kafka: an idempotent producer that never gives up, and what it has acknowledged.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::follow::{Origin, Ticket};
use super::lines::Event;
use super::positions::Place;
use crate::producer::{self, Brokers};

/// The header that says which event of which file a message is.
pub const MARK: &str = "kelp.ship";

/// How long to wait for room in the producer's queue at a time.
const WAIT: Duration = Duration::from_millis(100);

/// Why nothing can be shipped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ShipError {
    /// A property or a client that cannot be made.
    #[error("the producer cannot be set up: {0}")]
    SetUp(KafkaError),
    /// It does not fit into the topic.
    #[error(
        "the topic refuses an event of {bytes} bytes as too large: raise max.message.bytes of the topic, or give --max-bytes below it"
    )]
    TooLarge {
        /// The event's.
        bytes: usize,
    },
    /// The broker will never take it.
    #[error("the broker refuses what is written: {0}")]
    Refused(RDKafkaErrorCode),
    /// librdkafka has given up.
    #[error(
        "the producer cannot go on: {0}; started again, it goes on behind what was acknowledged"
    )]
    Broken(KafkaError),
    /// Told to stop while waiting.
    #[error("stopped")]
    Stopped,
}

/// What became of events, as the producer tells.
#[derive(Default)]
struct Outcomes {
    acknowledged: Vec<(Ticket, Place)>,
    failed: Vec<(Vec<u8>, Option<OwnedHeaders>, Ticket)>,
    fatal: Option<ShipError>,
}

#[derive(Default)]
struct Context {
    outcomes: Arc<Mutex<Outcomes>>,
    brokers: Brokers,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        self.brokers.failed(&error);
        tracing::warn!(%error, reason, "Kafka cannot be reached as it should be; it is tried again");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Self::DeliveryOpaque) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(message) => {
                self.brokers.answered();
                let place = (message.partition(), message.offset());
                outcomes.acknowledged.push((*ticket, place));
            }
            Err((error, message)) => {
                let payload = message.payload().unwrap_or_default();
                match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                        let bytes = payload.len();
                        outcomes.fatal = Some(ShipError::TooLarge { bytes });
                    }
                    Some(
                        code @ (RDKafkaErrorCode::TopicAuthorizationFailed
                        | RDKafkaErrorCode::InvalidTopic),
                    ) => outcomes.fatal = Some(ShipError::Refused(code)),
                    _ => {
                        let headers = message
                            .headers()
                            .map(rdkafka::message::BorrowedHeaders::detach);
                        outcomes.failed.push((payload.to_vec(), headers, *ticket));
                    }
                }
            }
        }
    }
}

/// Writes events to a topic.
pub struct Shipper {
    producer: BaseProducer<Context>,
    bootstrap_servers: String,
    outcomes: Arc<Mutex<Outcomes>>,
    topic: String,
    /// Host and service, which are the same for all.
    headers: Vec<(&'static str, String)>,
}

impl Shipper {
    /// Sets the producer up; `properties` are librdkafka's.
    ///
    /// # Errors
    /// A property that there is not, or that cannot be.
    pub fn new(
        brokers: &str,
        topic: &str,
        properties: &[(String, String)],
        headers: Vec<(&'static str, String)>,
    ) -> Result<Self, ShipError> {
        let mut config = producer::reliable();
        config
            .set("bootstrap.servers", brokers)
            .set("client.id", "kelp-ship")
            .set("compression.type", "zstd")
            .set("linger.ms", "50")
            // An event is tried for ever; what bounds memory is the queue.
            .set("message.timeout.ms", "0")
            .set("message.max.bytes", "10000000")
            .set("queue.buffering.max.messages", "20000")
            .set("queue.buffering.max.kbytes", "32768");
        for (name, value) in properties {
            config.set(name, value);
        }
        let context = Context::default();
        let outcomes = Arc::clone(&context.outcomes);
        let bootstrap_servers = config
            .get("bootstrap.servers")
            .unwrap_or(brokers)
            .to_owned();
        let producer = config
            .create_with_context(context)
            .map_err(ShipError::SetUp)?;
        Ok(Self {
            producer,
            bootstrap_servers,
            outcomes,
            topic: topic.to_owned(),
            headers,
        })
    }

    /// Hands an event over, waiting for room; `stopped` ends the wait.
    ///
    /// # Errors
    /// Kafka will never take it, or it was told to stop.
    pub fn send(
        &self,
        path: &Path,
        event: &Event,
        origin: Origin,
        stopped: &mut dyn FnMut() -> bool,
    ) -> Result<(), ShipError> {
        let path = path.to_string_lossy();
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let mark = format!("{:x}:{:x}", origin.mark, event.end);
        let headers = headers.chain([("path", &*path), (MARK, &mark)]);
        let headers = headers.fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        });
        self.produce(&event.text, Some(headers), origin.ticket, stopped)
    }

    fn produce(
        &self,
        payload: &[u8],
        headers: Option<OwnedHeaders>,
        ticket: Ticket,
        stopped: &mut dyn FnMut() -> bool,
    ) -> Result<(), ShipError> {
        let mut record =
            BaseRecord::<(), [u8], Box<Ticket>>::with_opaque_to(&self.topic, Box::new(ticket))
                .payload(payload);
        if let Some(headers) = headers {
            record = record.headers(headers);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.producer.poll(WAIT);
                    self.check()?;
                    if stopped() {
                        return Err(ShipError::Stopped);
                    }
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    return Err(ShipError::TooLarge {
                        bytes: payload.len(),
                    });
                }
                Err((error, _)) => return Err(ShipError::Broken(error)),
            }
        }
    }

    fn check(&self) -> Result<(), ShipError> {
        let brokers = &self.producer.context().brokers;
        brokers.look_after(self.producer.client(), &self.bootstrap_servers);
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcomes.fatal {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// What was acknowledged since the last time. What failed is sent again.
    ///
    /// # Errors
    /// Kafka will never take an event.
    pub fn acknowledged(
        &self,
        stopped: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<(Ticket, Place)>, ShipError> {
        self.producer.poll(Duration::ZERO);
        self.check()?;
        let (acknowledged, failed) = {
            let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            (
                std::mem::take(&mut outcomes.acknowledged),
                std::mem::take(&mut outcomes.failed),
            )
        };
        if !failed.is_empty() {
            tracing::warn!(events = failed.len(), "not delivered; they are sent again");
        }
        for (payload, headers, ticket) in failed {
            self.produce(&payload, headers, ticket, stopped)?;
        }
        Ok(acknowledged)
    }

    /// Waits until everything is acknowledged, for at most `within`.
    pub fn flush(&self, within: Duration) {
        // What is not acknowledged by then is shipped again after the next start.
        let _ = self.producer.flush(within);
    }
}
