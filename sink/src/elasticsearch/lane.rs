//! The way of one output's bulk requests: a bounded queue from the workers, then a bounded number of
//! deliveries at a time. When Elasticsearch is slow the queue fills, the workers wait, and so
//! does consumption.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kelp_parser::in_flight::{InFlight, Share};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use super::backoff::Jitter;
use super::client::Node;
use super::deliver::Delivery;
use super::pool::Pool;
use super::request::{BulkRequest, Doc};
use super::response::FILTER_PATH;
use super::stats::{Fault, Stats};
use super::verdict::Rules;
use crate::dead_letter::DeadLetters;
use crate::reason::Reason;

/// How bulk requests are delivered.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Path and query that bodies are posted to.
    pub bulk_path: String,
    /// 0 for none, else gzip's level up to 9.
    pub compression_level: u32,
    /// The first ceiling of the waits between attempts.
    pub retry_initial: Duration,
    /// The last ceiling of the waits between attempts.
    pub retry_max: Duration,
    /// The longest that a node which failed is left alone.
    pub resurrect_delay: Duration,
    /// Requests that wait for an answer at a time.
    pub in_flight_requests: usize,
    /// Bytes of their bodies, before compression. A request takes three quarters at most, so that one that is larger still has
    /// a place, and others go on beside it: a document of tens of MiB takes seconds.
    pub in_flight_bytes: usize,
    /// For how long documents of a request may be refused one by one, an index being blocked or a shard away, before other requests go
    /// on in its place while it waits for the next attempt. Short enough to let the others go on, long enough not to press a server that is busy.
    pub gives_way_after: Duration,
    /// What the configuration adds to the verdicts.
    pub rules: Rules,
    /// Types of errors that are not logged (`silence_errors_in_log`).
    pub silence_errors: Vec<String>,
    /// Counts the bytes of bodies, from when they are handed over until they are delivered.
    pub in_flight: InFlight,
    /// Makes random waits repeatable.
    pub jitter_seed: Option<u64>,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            bulk_path: format!("_bulk?{FILTER_PATH}"),
            compression_level: 1,
            retry_initial: Duration::from_secs(2),
            retry_max: Duration::from_secs(64),
            resurrect_delay: Duration::from_secs(5),
            in_flight_requests: 8,
            in_flight_bytes: 32 << 20,
            gives_way_after: Duration::from_secs(5),
            rules: Rules::default(),
            silence_errors: Vec::new(),
            in_flight: InFlight::default(),
            jitter_seed: None,
        }
    }
}

/// Requests that wait in the queue; their buffers count towards memory, so they are few.
const QUEUE_REQUESTS: usize = 2;
/// The unit in which bytes in flight are counted.
const PERMIT_BYTES: usize = 1024;
/// A larger body's memory is not kept for another one.
const SPARE_BYTES_MAX: usize = 2 << 20;

/// A request in the queue, with its share of what is in flight.
type Queued = (BulkRequest, Share);

/// The delivery of one output.
pub struct BulkDelivery {
    queue: mpsc::Sender<Queued>,
    shared: Arc<Shared>,
    dispatcher: JoinHandle<()>,
}

/// A worker's end of the queue. Cheap to clone.
#[derive(Clone)]
pub struct BulkSender {
    queue: mpsc::Sender<Queued>,
    shared: Arc<Shared>,
}

/// What all deliveries of an output share.
pub(super) struct Shared {
    pub(super) pool: Pool,
    pub(super) settings: DeliverySettings,
    pub(super) stats: Arc<Stats>,
    pub(super) dead_letters: DeadLetters,
    pub(super) turns: Turns,
    /// The size of the smallest body that was refused as too large.
    too_large_bytes: AtomicUsize,
    spares: Mutex<Vec<(Vec<u8>, Vec<Doc>)>>,
}

impl Shared {
    /// Bodies of this size and more are known to be refused.
    pub(super) fn too_large(&self) -> usize {
        self.too_large_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn learn_too_large(&self, bytes: usize) {
        self.too_large_bytes.fetch_min(bytes, Ordering::Relaxed);
    }

    fn recycle(&self, body: Option<Vec<u8>>, docs: Vec<Doc>) {
        let mut spares = self
            .spares
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if spares.len() < self.settings.in_flight_requests {
            let body = body.filter(|body| body.capacity() <= SPARE_BYTES_MAX);
            spares.push((body.unwrap_or_default(), docs));
        }
    }
}

impl BulkDelivery {
    /// Starts the delivery on `runtime`. Nothing is sent before the first request.
    pub fn start(
        runtime: &Handle,
        nodes: Vec<Node>,
        settings: DeliverySettings,
        dead_letters: DeadLetters,
    ) -> Self {
        let jitter = settings
            .jitter_seed
            .map_or_else(Jitter::random, Jitter::seeded);
        let shared = Arc::new(Shared {
            pool: Pool::new(nodes, settings.resurrect_delay, jitter),
            turns: Turns::new(&settings),
            settings,
            stats: Arc::default(),
            dead_letters,
            too_large_bytes: AtomicUsize::new(usize::MAX),
            spares: Mutex::default(),
        });
        let (queue, requests) = mpsc::channel(QUEUE_REQUESTS);
        let dispatcher = runtime.spawn(dispatch(Arc::clone(&shared), requests));
        Self {
            queue,
            shared,
            dispatcher,
        }
    }

    /// For one worker.
    pub fn sender(&self) -> BulkSender {
        BulkSender {
            queue: self.queue.clone(),
            shared: Arc::clone(&self.shared),
        }
    }

    /// Counters.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.shared.stats
    }

    /// Nodes that answer, and all nodes.
    pub fn nodes(&self) -> (usize, usize) {
        (self.shared.pool.usable(), self.shared.pool.len())
    }

    /// Delivers what was handed over, for at most `within`; call it when all senders are dropped.
    /// Gives the number of documents that were given up: they stay held and will be read again.
    pub async fn drain(self, within: Duration) -> u64 {
        drop(self.queue);
        let mut dispatcher = self.dispatcher;
        if tokio::time::timeout(within, &mut dispatcher).await.is_err() {
            dispatcher.abort();
            let _ = dispatcher.await;
        }
        self.shared.stats.in_flight.load(Ordering::Relaxed)
    }
}

impl BulkSender {
    /// Empty buffers for the next request, used ones where there are.
    pub fn buffers(&self) -> (Vec<u8>, Vec<Doc>) {
        let mut spares = self
            .shared
            .spares
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        spares.pop().unwrap_or_default()
    }

    /// Hands a request over, waiting while too much is in flight. For threads outside of the
    /// runtime. After the delivery was shut down the request is dropped and its documents stay held.
    pub fn send_blocking(&self, request: BulkRequest) {
        let share = self.count(&request);
        let _ = self.queue.blocking_send((request, share));
    }

    /// Like [`send_blocking`](Self::send_blocking), for tasks.
    pub async fn send(&self, request: BulkRequest) {
        let share = self.count(&request);
        let _ = self.queue.send((request, share)).await;
    }

    /// Counts and tells of documents that a writer could not even encode.
    pub(super) fn tell_rejected(&self, count: usize, reason: &Reason) {
        let stats = &self.shared.stats;
        Stats::add(&stats.rejected, count);
        if let Some(silent) = stats.tell(Fault::Rejected) {
            tracing::warn!(count, %reason, silent, "events cannot be sent; they go to the dead letters");
        }
    }

    fn count(&self, request: &BulkRequest) -> Share {
        Stats::add(&self.shared.stats.in_flight, request.docs.len());
        self.shared.settings.in_flight.share(request.body.len())
    }
}

/// Whose turn it is to send: so many requests at a time, and so many bytes.
pub(super) struct Turns {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    large: usize,
}

/// The right to send, for as long as it is kept.
pub(super) struct Turn {
    _request: Option<OwnedSemaphorePermit>,
    _bytes: Option<OwnedSemaphorePermit>,
}

impl Turns {
    fn new(settings: &DeliverySettings) -> Self {
        let bytes = (settings.in_flight_bytes / PERMIT_BYTES).max(1);
        Self {
            requests: Arc::new(Semaphore::new(settings.in_flight_requests.max(1))),
            bytes: Arc::new(Semaphore::new(bytes)),
            large: (bytes * 3 / 4).max(1),
        }
    }

    /// Waits for a turn to send a body of so many bytes.
    pub(super) async fn take(&self, body_bytes: usize) -> Turn {
        let wanted = body_bytes.div_ceil(PERMIT_BYTES).clamp(1, self.large);
        Turn {
            _request: permit(&self.requests, 1).await,
            _bytes: permit(&self.bytes, wanted).await,
        }
    }
}

/// Starts a delivery for each request as turns come, and ends when the last is done. Dropping it
/// drops all deliveries.
async fn dispatch(shared: Arc<Shared>, mut requests: mpsc::Receiver<Queued>) {
    let mut deliveries = JoinSet::new();
    while let Some((request, share)) = requests.recv().await {
        let turn = shared.turns.take(request.body.len()).await;
        let shared = Arc::clone(&shared);
        deliveries.spawn(async move {
            let (body, docs) = Delivery::new(&shared, request, turn).run().await;
            shared.recycle(body, docs);
            drop(share);
        });
        while let Some(ended) = deliveries.try_join_next() {
            report(ended);
        }
    }
    while let Some(ended) = deliveries.join_next().await {
        report(ended);
    }
}

async fn permit(semaphore: &Arc<Semaphore>, count: usize) -> Option<OwnedSemaphorePermit> {
    // Never closed, so it is never an error.
    Arc::clone(semaphore)
        .acquire_many_owned(count as u32)
        .await
        .ok()
}

/// A delivery that panicked is a defect; what it carried stays held.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a delivery failed; its documents stay held, restart to send them again");
    }
}
