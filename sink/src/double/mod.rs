//! A small Elasticsearch in the process: for `kelp demo`, and for tests, which make it fail on cue.
//!
//! It stores documents in memory and answers as Elasticsearch 9 does, as far as a log pipeline can
//! tell: bulk requests with all four actions, versions and conflicts, data streams, index
//! templates, counts and the simplest search. It is not a search engine and forgets everything.

mod bulk;
mod fault;
mod server;
mod store;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use fault::{Fault, Which};
use store::Store;

/// How the double behaves all the time; single faults are scripted with [`Cluster::script`].
#[derive(Clone, Debug, Default)]
pub struct DoubleSettings {
    /// Store nothing: answer with as many successes as the request has documents.
    pub null: bool,
    /// Refuse larger bodies, unpacked, with 413.
    pub max_body_bytes: Option<usize>,
    /// Refuse the documents of larger bodies with 429, as a node does whose memory for operations is smaller.
    pub max_operation_bytes: Option<usize>,
    /// Refuse requests whose `Authorization` header is not this, with 401.
    pub authorization: Option<String>,
    /// Refuse documents that contain this text with 400, as a mapping would.
    pub reject_containing: Option<String>,
    /// Refuse documents that contain this text with 403, as an index does whose writes are blocked for now.
    pub block_containing: Option<String>,
    /// Wait before answering a bulk.
    pub latency: Duration,
}

/// A running double; it stops when dropped, its [`Cluster`] stays.
pub struct Double {
    addr: SocketAddr,
    cluster: Arc<Cluster>,
    server: JoinHandle<()>,
}

/// What the double stores and what it saw.
pub struct Cluster {
    settings: Mutex<DoubleSettings>,
    store: Mutex<Store>,
    faults: Mutex<VecDeque<Fault>>,
    seen: Seen,
}

/// What the double saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Bulk requests, failed ones too.
    pub bulks: AtomicU64,
    /// Documents in them, those sent again counted again.
    pub docs: AtomicU64,
    /// Bytes of their bodies as they came, compressed or not.
    pub bytes: AtomicU64,
    /// Scripted faults that took effect.
    pub faults: AtomicU64,
}

/// A stored document.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its index or data stream.
    pub index: String,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Where it was routed, if anywhere.
    pub routing: Option<String>,
    /// Its source.
    pub source: Value,
}

impl Double {
    /// Starts on a free loopback port.
    pub async fn start(settings: DoubleSettings) -> io::Result<Self> {
        let cluster = Arc::new(Cluster {
            settings: Mutex::new(settings),
            store: Mutex::default(),
            faults: Mutex::default(),
            seen: Seen::default(),
        });
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), cluster).await
    }

    /// Starts at an address with what a stopped double has stored, as a restarted server would.
    pub async fn start_at(addr: SocketAddr, cluster: Arc<Cluster>) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let server = tokio::spawn(server::serve(listener, Arc::clone(&cluster)));
        Ok(Self {
            addr,
            cluster,
            server,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address for `hosts`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it stores and saw.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Closes the port and every connection, and waits until that is done.
    pub async fn stop(mut self) -> Arc<Cluster> {
        self.server.abort();
        let _ = (&mut self.server).await;
        Arc::clone(&self.cluster)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Cluster {
    /// Each of the next bulk requests meets the next of these faults.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.faults).extend(faults);
    }

    /// Changes how it behaves from now on.
    pub fn configure(&self, change: impl FnOnce(&mut DoubleSettings)) {
        change(&mut lock(&self.settings));
    }

    /// What it saw so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Number of documents stored in the indices that match `pattern` (`*` for all).
    pub fn count(&self, pattern: &str) -> usize {
        lock(&self.store).count(pattern)
    }

    /// The documents in the indices that match `pattern`, in the order they were first stored, at most `limit`.
    pub fn documents(&self, pattern: &str, limit: usize) -> Vec<Stored> {
        lock(&self.store).documents(pattern, limit)
    }

    /// The names of all indices and data streams, in alphabetical order.
    pub fn indices(&self) -> Vec<String> {
        lock(&self.store).indices()
    }

    /// An installed index template.
    pub fn template(&self, name: &str) -> Option<Value> {
        lock(&self.store).template(name).cloned()
    }

    fn next_fault(&self) -> Fault {
        let fault = lock(&self.faults).pop_front().unwrap_or(Fault::None);
        if !matches!(fault, Fault::None) {
            self.seen.faults.fetch_add(1, Ordering::Relaxed);
        }
        fault
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests;
