//! Receipts: what tells a source that it may forget a record.
//!
//! Every record of a batch starts with one hold, that of the pipeline's pass over it; each document
//! made of the record adds one. A record is settled when every hold was given back. A hold that is
//! lost is never given back, so the record stays unsettled and its partition's offset stays where it
//! is: a defect can delay messages but cannot lose them.
//!
//! A source that will never look at a record's receipt again, because somebody else reads the record now, says so by
//! [`Receipts::abandon`]. Before that it may ask for what waits for something else than its delivery ([`Receipts::recall`]).

use crate::sync::{AtomicU32, Ordering};

/// Set in a counter: nobody waits for the record any more.
const ABANDONED: u32 = 1 << 31;
/// Set in a counter: the record is soon to be read by somebody else. It does not count as a hold.
const RECALLED: u32 = 1 << 30;

/// One counter of holds for each record of a batch.
#[derive(Debug)]
pub struct Receipts {
    holds: Box<[AtomicU32]>,
}

impl Receipts {
    /// For `len` records, each held once.
    pub fn new(len: usize) -> Self {
        Self {
            holds: (0..len).map(|_| AtomicU32::new(1)).collect(),
        }
    }

    /// Adds a hold: one more thing made of `record` is on its way. Only whoever has a hold may add one.
    pub fn hold(&self, record: u32) {
        let before = self.holds[record as usize].fetch_add(1, Ordering::Relaxed);
        debug_assert!(
            before & !RECALLED > 0,
            "record {record} was held again after it was settled"
        );
    }

    /// Gives a hold back: what was on its way has safely arrived, or was dropped on purpose.
    pub fn settle(&self, record: u32) {
        let before = self.holds[record as usize].fetch_sub(1, Ordering::Release);
        debug_assert!(
            before & !RECALLED > 0,
            "record {record} was settled once too often"
        );
    }

    /// Whether nothing of `record` is on its way any more.
    pub fn is_settled(&self, record: u32) -> bool {
        self.load(record) & !RECALLED == 0
    }

    /// The record was read again by somebody else, or will be: what becomes of it here does not matter.
    pub fn abandon(&self, record: u32) {
        self.holds[record as usize].fetch_or(ABANDONED, Ordering::Release);
    }

    /// Whether nobody waits for the record any more.
    pub fn is_abandoned(&self, record: u32) -> bool {
        self.load(record) & ABANDONED != 0
    }

    /// Somebody else will read the record soon: whoever keeps it back until more comes should give it up, by
    /// [`abandon`](Self::abandon). What is on its way to be delivered goes on.
    pub fn recall(&self, record: u32) {
        self.holds[record as usize].fetch_or(RECALLED, Ordering::Release);
    }

    /// Whether the record was asked for.
    pub fn is_recalled(&self, record: u32) -> bool {
        self.load(record) & RECALLED != 0
    }

    /// The first record at or after `from` that is not settled, or the number of records.
    pub fn first_unsettled(&self, from: u32) -> u32 {
        let open = self.holds[from as usize..]
            .iter()
            .position(|holds| holds.load(Ordering::Acquire) & !RECALLED != 0);
        open.map_or(self.holds.len() as u32, |at| from + at as u32)
    }

    fn load(&self, record: u32) -> u32 {
        self.holds[record as usize].load(Ordering::Acquire)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.holds.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }
}
