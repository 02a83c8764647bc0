//! How many bytes the batches that are alive hold in memory: what back-pressure goes by.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A count of bytes shared by all consumers of an input and by every batch they handed out.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    /// Counts `bytes` until the returned share is dropped.
    pub fn share(&self, bytes: usize) -> Share {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Share {
            total: self.clone(),
            bytes,
        }
    }

    /// Bytes held by all batches that are alive.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The bytes of one batch, counted as long as this lives.
#[derive(Debug)]
pub struct Share {
    total: InFlight,
    bytes: usize,
}

impl Share {
    /// How many bytes these are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.total.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
