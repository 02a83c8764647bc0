//! After a start: which events are in the topic that the positions do not know of, because the process was killed before it saved them.
//! They are not written again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::positions::Place;
use super::producer::MARK;

/// How long the brokers may take to say how the topic is.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long they may take until the next message.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the process before had sent may still be on its way to the broker.
const SETTLING: Duration = Duration::from_secs(1);

/// What a topic holds.
#[derive(Debug, Default)]
pub struct Found {
    /// How far each partition goes.
    pub ends: BTreeMap<i32, i64>,
    /// Events by the mark of their file and the place behind them.
    pub events: BTreeMap<(u64, u64), Place>,
}

/// Whether brokers that fail in this way may do better later: all but those that do not let us read.
pub fn may_pass(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let refused = [
        Code::TopicAuthorizationFailed,
        Code::GroupAuthorizationFailed,
        Code::ClusterAuthorizationFailed,
        Code::InvalidTopic,
    ];
    error
        .rdkafka_error_code()
        .is_some_and(|code| !refused.contains(&code))
}

/// Looks into the topic from `since` on; where that is not known there is nothing to look for. Nothing if `stopped` says so meanwhile.
///
/// # Errors
/// The brokers do not answer, or do not let us read.
pub fn look(
    brokers: &str,
    topic: &str,
    properties: &[(String, String)],
    since: Option<&BTreeMap<i32, i64>>,
    stopped: &mut dyn FnMut() -> bool,
) -> Result<Option<Found>, KafkaError> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "kelp-ship")
        .set("group.id", "kelp-ship")
        .set("enable.auto.commit", "false");
    for (name, value) in properties {
        config.set(name, value);
    }
    let consumer: BaseConsumer = config.create()?;
    if since.is_some() {
        std::thread::sleep(SETTLING);
    }
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_WITHIN)?;
    let topics = metadata.topics();
    for error in topics.iter().filter_map(|topic| topic.error()) {
        // The producer makes the topic, where that is allowed.
        let code = RDKafkaErrorCode::from(error);
        if code != RDKafkaErrorCode::UnknownTopicOrPartition {
            return Err(KafkaError::MetadataFetch(code));
        }
    }
    let partitions = topics.iter().flat_map(|topic| topic.partitions());
    let mut found = Found::default();
    let mut wanted = TopicPartitionList::new();
    let mut left = BTreeMap::new();
    for partition in partitions.map(|partition| partition.id()) {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ANSWER_WITHIN)?;
        found.ends.insert(partition, high);
        let Some(since) = since else {
            continue;
        };
        let from = since.get(&partition).copied().unwrap_or(0).max(low);
        if from < high {
            wanted.add_partition_offset(topic, partition, Offset::Offset(from))?;
            left.insert(partition, high);
        }
    }
    consumer.assign(&wanted)?;
    let mut answered = Instant::now();
    while !left.is_empty() {
        if stopped() {
            return Ok(None);
        }
        if answered.elapsed() > PATIENCE {
            let code = RDKafkaErrorCode::RequestTimedOut;
            return Err(KafkaError::MessageConsumption(code));
        }
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message?;
            answered = Instant::now();
            if let Some(event) = event_of(&message) {
                let place = (message.partition(), message.offset());
                found.events.insert(event, place);
            }
        }
        // Positions go on over what is no message, too.
        for position in consumer.position()?.elements() {
            let end = left.get(&position.partition());
            if let (Offset::Offset(offset), Some(end)) = (position.offset(), end)
                && offset >= *end
            {
                left.remove(&position.partition());
            }
        }
    }
    Ok(Some(found))
}

fn event_of(message: &impl Message) -> Option<(u64, u64)> {
    let mut headers = message.headers()?.iter();
    let header = headers.find(|header| header.key == MARK)?;
    let text = std::str::from_utf8(header.value?).ok()?;
    let (mark, end) = text.split_once(':')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(mark)?, number(end)?))
}
