//! Dead letters in a Kafka topic: the original key, payload and headers, and what happened to them in
//! further headers, so that sending one again is a plain copy.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kelp_parser::record::Origin;
use kelp_sink::dead_letter::{Appended, Letter, Medium};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use crate::producer::{self, Brokers};

/// What the names of the headers begin with that tell what happened.
pub const HEADER_PREFIX: &str = "kelp.";
/// How long the broker may take for a letter before it counts as failed and is tried again.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// A pause between looks at the results.
const POLL: Duration = Duration::from_millis(50);

/// Which topic, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// Its name.
    pub name: String,
    /// librdkafka's properties, `bootstrap.servers` among them.
    pub properties: BTreeMap<String, String>,
}

struct Topic {
    name: String,
    bootstrap: String,
    producer: BaseProducer<Deliveries>,
    /// The number of the last sending.
    sending: u64,
}

/// Which letter a delivery is of: the number of the sending, and the letter's place among the letters.
type Sent = (u64, usize);

/// What became of letters.
#[derive(Default)]
struct Deliveries {
    done: Mutex<Vec<(Sent, Option<KafkaError>)>>,
    brokers: Brokers,
}

impl TopicSettings {
    /// A producer that acknowledges what all replicas have.
    pub fn producer(&self) -> io::Result<Box<dyn Medium>> {
        let Some(bootstrap) = self.properties.get("bootstrap.servers") else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there are no brokers: set kelp.dead_letters.librdkafka.bootstrap.servers",
            ));
        };
        let mut config = producer::reliable();
        config
            // The topic's own limit decides.
            .set("message.max.bytes", "1000000000")
            .set("linger.ms", "5")
            .set(
                "message.timeout.ms",
                DELIVERY_TIMEOUT.as_millis().to_string(),
            );
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        let producer = config
            .create_with_context(Deliveries::default())
            .map_err(io::Error::other)?;
        Ok(Box::new(Topic {
            name: self.name.clone(),
            bootstrap: bootstrap.clone(),
            producer,
            sending: 0,
        }))
    }
}

impl Medium for Topic {
    fn append(&mut self, letters: &[Letter<'_>]) -> io::Result<Appended> {
        let all: Vec<(usize, Extent)> = (0..letters.len()).map(|at| (at, Extent::All)).collect();
        let failed = self.send(letters, &all)?;
        // What is too large together with what was made of it may fit by itself.
        let is_too_large = |error: &KafkaError| {
            error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
        };
        let (large, others): (Vec<_>, Vec<_>) = failed
            .into_iter()
            .partition(|(_, error)| is_too_large(error));
        let again: Vec<_> = large
            .iter()
            .map(|(at, _)| (*at, Extent::Original))
            .collect();
        let failed = self.send(letters, &again)?;
        match failed.into_iter().chain(others).next() {
            None => Ok(Appended {
                written: letters.len() as u64,
                dropped: 0,
            }),
            Some((_, error)) if is_too_large(&error) => Err(io::Error::other(format!(
                "{error}; raise max.message.bytes of the topic"
            ))),
            Some((_, error)) => Err(io::Error::other(error)),
        }
    }

    fn look_after(&mut self) -> io::Result<()> {
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    fn place(&self) -> String {
        format!("topic {} at {}", self.name, self.bootstrap)
    }
}

/// How much of a letter is sent.
#[derive(Clone, Copy)]
enum Extent {
    All,
    /// Without the lines that were made of it.
    Original,
}

impl Topic {
    /// Sends some of the letters and waits for what becomes of them; gives those that failed.
    fn send(
        &mut self,
        letters: &[Letter<'_>],
        which: &[(usize, Extent)],
    ) -> io::Result<Vec<(usize, KafkaError)>> {
        self.sending += 1;
        let mut failed = Vec::new();
        let mut sent = 0;
        for (at, extent) in which {
            match self.send_one(&letters[*at], *at, *extent) {
                Ok(()) => sent += 1,
                Err(error) => failed.push((*at, error)),
            }
        }
        let deadline = Instant::now() + DELIVERY_TIMEOUT * 2;
        let mut results = Vec::new();
        while results.len() < sent {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
            }
            self.producer.poll(POLL);
            let brokers = &self.producer.context().brokers;
            brokers.look_after(self.producer.client(), &self.bootstrap);
            results.append(&mut self.producer.context().take(self.sending));
        }
        failed.extend(
            results
                .into_iter()
                .filter_map(|(at, error)| Some((at, error?))),
        );
        Ok(failed)
    }

    fn send_one(&self, letter: &Letter<'_>, at: usize, extent: Extent) -> Result<(), KafkaError> {
        let original = letter.record();
        let sent = Box::new((self.sending, at));
        let mut record =
            BaseRecord::with_opaque_to(&self.name, sent).headers(headers(letter, extent));
        if let Some(key) = original.key {
            record = record.key(key);
        }
        if let Some(payload) = original.payload {
            record = record.payload(payload);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.producer.poll(POLL);
                    record = back;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

fn headers(letter: &Letter<'_>, extent: Extent) -> OwnedHeaders {
    let original = letter.record();
    let mut headers = Some(OwnedHeaders::new());
    let mut insert = |key: &str, value: Option<&[u8]>| {
        headers = headers.take().map(|all| all.insert(Header { key, value }));
    };
    original.headers.visit(&mut insert);
    let mut tell =
        |name: &str, value: &[u8]| insert(&format!("{HEADER_PREFIX}{name}"), Some(value));
    match original.origin {
        Origin::Kafka {
            topic,
            partition,
            offset,
        } => {
            tell("topic", topic.as_bytes());
            tell("partition", partition.to_string().as_bytes());
            tell("offset", offset.to_string().as_bytes());
        }
        Origin::Line { source, number } => {
            tell("source", source.as_bytes());
            tell("line", number.to_string().as_bytes());
        }
    }
    if let Some(timestamp) = original.timestamp {
        tell("timestamp", timestamp.millis().to_string().as_bytes());
    }
    tell("time", letter.time().as_bytes());
    tell("pipeline", letter.pipeline.as_bytes());
    tell("output", letter.output.as_bytes());
    let reason = &letter.letter.reason;
    if let Some(status) = reason.status {
        tell("reason.status", status.to_string().as_bytes());
    }
    tell("reason.type", reason.kind.as_bytes());
    tell("reason", reason.text.as_bytes());
    if let Extent::All = extent {
        let (action, event) = letter.lines();
        if let Some(action) = action {
            tell("action", action);
        }
        if let Some(event) = event {
            tell("event", event);
        }
    }
    headers.unwrap_or_default()
}

impl Deliveries {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Sent, Option<KafkaError>)>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of one sending. An answer to an earlier one, which was given up, must not count for a letter of this one.
    fn take(&self, sending: u64) -> Vec<(usize, Option<KafkaError>)> {
        let all = std::mem::take(&mut *self.lock());
        let of_this = all.into_iter().filter(|((of, _), _)| *of == sending);
        of_this.map(|((_, at), error)| (at, error)).collect()
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(?level, facility, "dead letters: librdkafka: {line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.brokers.failed(&error);
        tracing::warn!("dead letters: kafka: {error}: {reason}");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Sent>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Sent>) {
        let error = result.as_ref().err().map(|(error, _)| error.clone());
        if error.is_none() {
            self.brokers.answered();
        }
        self.lock().push((*sent, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_does_not_count_for_a_later_letter() {
        let deliveries = Deliveries::default();
        deliveries.lock().extend([((1, 0), None), ((2, 3), None)]);
        let places = |sending| -> Vec<usize> {
            let taken = deliveries.take(sending).into_iter();
            taken.map(|(at, _)| at).collect()
        };
        assert_eq!(places(2), [3]);
        assert!(places(1).is_empty(), "what was given up is forgotten");
    }
}
