//! The only `unsafe` code of this crate: messages taken in batches from librdkafka, without a copy.
//!
//! rdkafka's own consumers hand out one message per call and allocate for each; reading a queue of our
//! own with `rd_kafka_consume_batch_queue` costs a third of that. The queue gets its messages because
//! each assigned partition's queue is forwarded to it ([`Queue::forward`]), while the consumer's queue
//! keeps serving rebalances, errors and logs through `BaseConsumer::poll`.
//!
//! What keeps this sound:
//! * a [`MessageBatch`] owns its messages and an `Arc` of the [`Client`] they came from, so neither they
//!   nor what they point to (payload, topic) can outlive librdkafka's client;
//! * the queue is destroyed before the client (field order of [`Client`], and its `Drop`);
//! * messages are only read after they were taken, apart from their headers, which librdkafka parses
//!   upon the first look: that look is taken under a lock.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Headers, Origin, Record, RecordBatch};
use kelp_parser::time::Timestamp;
use rdkafka::ClientContext;
use rdkafka::bindings as ffi;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::context::GroupContext;
use kelp_parser::in_flight::{InFlight, Share};

/// What librdkafka and this module allocate for a message besides its payload and key: an operation of
/// 304 bytes with its allocator's header, the record's framing, a pointer and a receipt.
const MESSAGE_OVERHEAD_BYTES: usize = 352;

/// A member of a consumer group and the queue its messages arrive in.
pub(super) struct Client {
    queue: Arc<Queue>,
    consumer: BaseConsumer<GroupContext>,
    bootstrap_servers: CString,
}

impl Client {
    /// Gives `consumer` a message queue, which its context needs before the first partition is assigned.
    pub fn new(consumer: BaseConsumer<GroupContext>, bootstrap_servers: &str) -> Option<Self> {
        let bootstrap_servers = CString::new(bootstrap_servers).ok()?;
        // SAFETY: the pointer is that of a live client, which outlives the queue (see `Drop`).
        let queue = unsafe { ffi::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = Arc::new(Queue(NonNull::new(queue)?));
        consumer.context().set_queue(Some(queue.clone()));
        Some(Self {
            queue,
            consumer,
            bootstrap_servers,
        })
    }

    /// See [`add_bootstrap_servers`].
    pub fn add_bootstrap_servers(&self) {
        add_bootstrap_servers(self.consumer.client(), &self.bootstrap_servers);
    }

    /// The consumer, for everything but messages.
    pub fn consumer(&self) -> &BaseConsumer<GroupContext> {
        &self.consumer
    }

    /// The first offset and the one after the last, as of the last fetch; no request is made.
    pub fn cached_watermarks(&self, topic: &str, partition: i32) -> Option<(i64, i64)> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client is alive, the name ends in NUL, both results are valid for writing.
        let code = unsafe {
            ffi::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
                &mut low,
                &mut high,
            )
        };
        let known = code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        (known && low >= 0 && high >= 0).then_some((low, high))
    }
}

/// Makes librdkafka know these servers again, should it have forgotten them, and connect to one if it is connected to none.
///
/// What to call when [`LostBrokers`](super::LostBrokers) says so.
pub fn add_bootstrap_servers<C: ClientContext>(
    client: &rdkafka::client::Client<C>,
    servers: &CStr,
) {
    // SAFETY: the client is alive, the list ends in NUL and is copied.
    unsafe { ffi::rd_kafka_brokers_add(client.native_ptr(), servers.as_ptr()) };
}

impl Drop for Client {
    /// The context lives until librdkafka's client is gone, but the queue must go before: take it away.
    fn drop(&mut self) {
        self.consumer.context().set_queue(None);
    }
}

/// Commits without waiting; the result comes to the context's `commit_callback`.
///
/// rdkafka's own asynchronous commit (as of 0.39) never tells how it went: librdkafka reports that only
/// to a queue named in the call.
pub(super) fn commit(
    consumer: &BaseConsumer<GroupContext>,
    offsets: &TopicPartitionList,
) -> Result<(), RDKafkaErrorCode> {
    let client = consumer.client().native_ptr();
    // SAFETY: client and list are alive, the list is copied; the reference to the consumer's queue is
    // given back. Without a callback the result is an event, which `BaseConsumer::poll` serves.
    let code = unsafe {
        let events = ffi::rd_kafka_queue_get_consumer(client);
        let code = ffi::rd_kafka_commit_queue(client, offsets.ptr(), events, None, ptr::null_mut());
        ffi::rd_kafka_queue_destroy(events);
        code
    };
    match code {
        ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(code.into()),
    }
}

/// A librdkafka message queue.
pub(super) struct Queue(NonNull<ffi::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues are guarded by their own locks and may be used from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// Lets the messages of a partition arrive in this queue.
    ///
    /// To be called from the rebalance callback, before the partition is assigned: librdkafka keeps a
    /// forwarding that is there when the fetcher starts, undoes it when the fetcher has stopped, and
    /// calls back with a new assignment only after that. Returns whether the partition has a queue.
    pub fn forward(
        &self,
        consumer: &BaseConsumer<GroupContext>,
        topic: &str,
        partition: i32,
    ) -> bool {
        let Ok(topic) = CString::new(topic) else {
            return false;
        };
        let client = consumer.client().native_ptr();
        // SAFETY: client, name and queue are alive; the partition's handle is destroyed here, once.
        unsafe {
            let source = ffi::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition);
            if source.is_null() {
                return false;
            }
            ffi::rd_kafka_queue_forward(source, self.0.as_ptr());
            ffi::rd_kafka_queue_destroy(source);
        }
        true
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: created by `rd_kafka_queue_new`, destroyed once, before its client.
        unsafe { ffi::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// An error that librdkafka put among the messages.
#[derive(Debug)]
pub(super) struct PartitionError {
    pub code: RDKafkaErrorCode,
    pub topic: String,
    pub partition: i32,
    pub text: String,
}

/// A message that this process owns.
#[repr(transparent)]
struct Message(NonNull<ffi::rd_kafka_message_t>);

// SAFETY: a message that was handed out belongs to whoever took it; librdkafka itself destroys messages
// on other threads than the one that made them.
unsafe impl Send for Message {}
// SAFETY: everything is read only but the headers, which are guarded by `PARSING_HEADERS`.
unsafe impl Sync for Message {}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once, and the client is still alive: batches keep it.
        unsafe { ffi::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

impl Message {
    fn raw(&self) -> &ffi::rd_kafka_message_t {
        // SAFETY: valid and unchanged until it is destroyed in `Drop`.
        unsafe { self.0.as_ref() }
    }

    fn payload(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka gives the length that belongs to the pointer; both live as long as the message.
        unsafe { bytes(self.raw().payload.cast(), self.raw().len) }
    }

    fn key(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.raw().key.cast(), self.raw().key_len) }
    }

    fn timestamp(&self) -> Option<Timestamp> {
        let mut kind = ffi::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: reads two fields of a live message and writes `kind`.
        let millis = unsafe { ffi::rd_kafka_message_timestamp(self.0.as_ptr(), &mut kind) };
        (millis >= 0).then(|| Timestamp::from_millis(millis))
    }

    fn topic(&self) -> &str {
        if self.raw().rkt.is_null() {
            return "";
        }
        // SAFETY: the topic handle is kept by the message, its name by the handle.
        let name = unsafe { CStr::from_ptr(ffi::rd_kafka_topic_name(self.raw().rkt)) };
        name.to_str().unwrap_or_default() // Kafka allows ASCII only
    }

    fn memory(&self) -> usize {
        self.raw().len + self.raw().key_len + MESSAGE_OVERHEAD_BYTES
    }

    fn error(&self) -> Option<PartitionError> {
        let code = self.raw().err;
        if code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        Some(PartitionError {
            code: code.into(),
            topic: self.topic().to_owned(),
            partition: self.raw().partition,
            text: String::from_utf8_lossy(self.payload().unwrap_or_default()).into_owned(),
        })
    }
}

/// librdkafka parses a message's headers, and stores them in it, when they are first asked for. Few
/// pipelines do ask, so messages share some locks instead of having one each.
static PARSING_HEADERS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

impl Headers for Message {
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>)) {
        let mut headers: *mut ffi::rd_kafka_headers_t = ptr::null_mut();
        let found = {
            let lock = &PARSING_HEADERS[(self.0.addr().get() / 64) % PARSING_HEADERS.len()];
            let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: the message is alive and nobody else parses its headers meanwhile.
            unsafe { ffi::rd_kafka_message_headers(self.0.as_ptr(), &mut headers) }
        };
        if found != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let mut name: *const c_char = ptr::null();
            let mut value: *const c_void = ptr::null();
            let mut len = 0;
            // SAFETY: the headers belong to the message and are not changed once parsed; name and value
            // are valid as long as they are, and the name ends in NUL.
            unsafe {
                let code =
                    ffi::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut len);
                if code != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return;
                }
                visit(
                    &CStr::from_ptr(name).to_string_lossy(),
                    bytes(value.cast(), len),
                );
            }
        }
    }
}

/// # Safety
/// Unless null, `start` must point to `len` bytes that stay valid and unchanged for `'m`.
unsafe fn bytes<'m>(start: *const u8, len: usize) -> Option<&'m [u8]> {
    // SAFETY: promised by the caller.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, len) })
}

/// Consecutive messages of one partition within a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Indices into the batch; never empty.
    pub range: Range<u32>,
}

/// Messages as they came from librdkafka, alive until each of them is settled and the batch is dropped.
pub(super) struct MessageBatch {
    messages: Vec<Message>,
    /// The topics that occur, by librdkafka's handle: few, mostly one.
    topics: Vec<(usize, Arc<str>)>,
    receipts: Receipts,
    share: Share,
    /// Keeps what the messages point to. Declared last, so dropped after them.
    _client: Arc<Client>,
}

impl MessageBatch {
    /// Takes up to `max` messages. Waits for the first one as long as `idle`, and from then on as long as
    /// `delay` for the others.
    ///
    /// Errors that lay among the messages are appended to `errors`. `None` if there was no message.
    pub fn read(
        client: &Arc<Client>,
        max: usize,
        (idle, delay): (Duration, Duration),
        in_flight: &InFlight,
        errors: &mut Vec<PartitionError>,
    ) -> Option<Self> {
        let mut messages = Vec::with_capacity(max);
        take(&client.queue, &mut messages, max, Duration::ZERO);
        if messages.is_empty() {
            take(&client.queue, &mut messages, 1, idle);
        }
        if !messages.is_empty() && messages.len() < max {
            let missing = max - messages.len();
            take(&client.queue, &mut messages, missing, delay);
            messages.shrink_to_fit();
        }
        Self::new(messages, client.clone(), in_flight, errors)
    }

    fn new(
        mut messages: Vec<Message>,
        client: Arc<Client>,
        in_flight: &InFlight,
        errors: &mut Vec<PartitionError>,
    ) -> Option<Self> {
        let mut topics: Vec<(usize, Arc<str>)> = Vec::new();
        let mut bytes = 0;
        let mut failed = false;
        for message in &messages {
            bytes += message.memory();
            failed |= message.raw().err != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
            let handle = message.raw().rkt.addr();
            if topics.last().is_none_or(|(known, _)| *known != handle)
                && !topics.iter().any(|(known, _)| *known == handle)
            {
                topics.push((handle, message.topic().into()));
            }
        }
        if failed {
            errors.extend(messages.iter().filter_map(Message::error));
            messages.retain(|message| message.error().is_none());
        }
        if messages.is_empty() {
            return None;
        }
        Some(Self {
            receipts: Receipts::new(messages.len()),
            messages,
            topics,
            share: in_flight.share_of_records(bytes),
            _client: client,
        })
    }

    /// Bytes of memory, counted as in flight until the batch is dropped.
    pub fn memory_bytes(&self) -> usize {
        self.share.bytes()
    }

    /// The messages grouped by partition, in order; where offsets do not rise, a new run begins.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut last = (0, i32::MIN, i64::MIN);
        for (index, message) in (0..).zip(&self.messages) {
            let raw = message.raw();
            let (handle, partition, offset) = (raw.rkt.addr(), raw.partition, raw.offset);
            let follows = (handle, partition) == (last.0, last.1) && offset > last.2;
            match runs.last_mut() {
                Some(run) if follows => run.range.end = index + 1,
                _ => runs.push(Run {
                    topic: self.topic_of(message).clone(),
                    partition,
                    range: index..index + 1,
                }),
            }
            last = (handle, partition, offset);
        }
        runs
    }

    /// The offset of the message at `index`.
    pub fn offset(&self, index: u32) -> i64 {
        self.messages[index as usize].raw().offset
    }

    /// Gives the messages for which `keep` is false back to librdkafka, as if they had not been read.
    ///
    /// For a batch that nobody else has seen yet: indices change.
    pub fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        let mut index = 0;
        self.messages.retain(|_| {
            index += 1;
            keep(index - 1)
        });
        self.receipts = Receipts::new(self.messages.len());
    }

    fn topic_of(&self, message: &Message) -> &Arc<str> {
        let handle = message.raw().rkt.addr();
        let known = self.topics.iter().find(|(known, _)| *known == handle);
        known.map_or(&self.topics[0].1, |(_, name)| name)
    }
}

/// Moves up to `max` messages from the queue into our hands.
fn take(queue: &Queue, messages: &mut Vec<Message>, max: usize, timeout: Duration) {
    messages.reserve(max);
    let timeout_ms = timeout.as_millis().try_into().unwrap_or(i32::MAX);
    let start = messages.len();
    // SAFETY: the queue is alive and there is room for `max` pointers. librdkafka says how many it wrote
    // (-1 upon an error, which it does not return for a valid queue); none of them is null, and
    // `Message` is nothing but such a pointer (`repr(transparent)`).
    unsafe {
        let room = messages.as_mut_ptr().add(start).cast();
        let count = ffi::rd_kafka_consume_batch_queue(queue.0.as_ptr(), timeout_ms, room, max);
        messages.set_len(start + usize::try_from(count).unwrap_or(0));
    }
}

impl RecordBatch for MessageBatch {
    fn len(&self) -> usize {
        self.messages.len()
    }

    fn record(&self, index: usize) -> Record<'_> {
        let message = &self.messages[index];
        Record {
            payload: message.payload(),
            key: message.key(),
            timestamp: message.timestamp(),
            origin: Origin::Kafka {
                topic: self.topic_of(message),
                partition: message.raw().partition,
                offset: message.raw().offset,
            },
            headers: message,
        }
    }

    fn made(&self) {
        self.share.made();
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }
}
