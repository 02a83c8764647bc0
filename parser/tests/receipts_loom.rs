//! Receipts under every order in which threads can meet.
//!
//! The module is compiled once more here, with loom's atomics in the place of the standard ones.

/// What `receipt.rs` finds under this name here.
mod sync {
    pub use loom::sync::atomic::{AtomicU32, Ordering};
}

#[path = "../src/receipt.rs"]
#[allow(dead_code, missing_docs)]
mod receipt;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use receipt::Receipts;

/// A worker makes a document of a record and ends its pass; a delivery acknowledges the document; the input looks
/// whether it may commit. It may only when both are done, and then sees all that was done before.
#[test]
fn a_record_counts_as_settled_only_when_all_of_it_is_done() {
    loom::model(|| {
        let receipts = Arc::new(Receipts::new(1));
        let passed = Arc::new(AtomicBool::new(false));
        let stored = Arc::new(AtomicBool::new(false));
        // The document is held before it is handed over.
        receipts.hold(0);
        let delivery = {
            let (receipts, stored) = (receipts.clone(), stored.clone());
            thread::spawn(move || {
                stored.store(true, Ordering::Relaxed);
                receipts.settle(0);
            })
        };
        let worker = {
            let (receipts, passed) = (receipts.clone(), passed.clone());
            thread::spawn(move || {
                passed.store(true, Ordering::Relaxed);
                receipts.settle(0);
            })
        };
        if receipts.is_settled(0) {
            assert!(passed.load(Ordering::Relaxed) && stored.load(Ordering::Relaxed));
        }
        delivery.join().unwrap();
        worker.join().unwrap();
        assert!(receipts.is_settled(0));
    });
}

/// The watermark moves over a settled prefix: it never passes a record that is still held.
#[test]
fn the_prefix_never_passes_what_is_held() {
    loom::model(|| {
        let receipts = Arc::new(Receipts::new(3));
        let stored: Arc<[AtomicBool; 2]> =
            Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let settle = |record: u32| {
            let (receipts, stored) = (receipts.clone(), stored.clone());
            thread::spawn(move || {
                stored[record as usize].store(true, Ordering::Relaxed);
                receipts.settle(record);
            })
        };
        let threads = [settle(1), settle(0)];
        let first = receipts.first_unsettled(0);
        for record in 0..first {
            assert!(stored[record as usize].load(Ordering::Relaxed), "{record}");
        }
        assert!(first <= 2, "the third is held for ever");
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(receipts.first_unsettled(0), 2);
    });
}

/// One document becomes several (`split`, `clone`) while an earlier one is acknowledged already.
#[test]
fn a_hold_that_is_added_in_time_counts() {
    loom::model(|| {
        let receipts = Arc::new(Receipts::new(1));
        receipts.hold(0);
        let delivery = {
            let receipts = receipts.clone();
            thread::spawn(move || receipts.settle(0))
        };
        // The worker still has the hold of its pass, so it may add another.
        receipts.hold(0);
        receipts.settle(0);
        assert!(!receipts.is_settled(0), "the second document is on its way");
        delivery.join().unwrap();
        assert!(!receipts.is_settled(0));
        receipts.settle(0);
        assert!(receipts.is_settled(0));
    });
}

/// A partition is taken away: lines that wait for more are given up, and what is on its way may still arrive. Neither
/// makes a record count as settled that is not, nor keeps one from counting that is.
#[test]
fn what_is_recalled_is_settled_or_given_up() {
    loom::model(|| {
        let receipts = Arc::new(Receipts::new(2));
        let delivery = {
            let receipts = receipts.clone();
            thread::spawn(move || receipts.settle(0))
        };
        let joiner = {
            let receipts = receipts.clone();
            thread::spawn(move || {
                if receipts.is_recalled(1) {
                    receipts.abandon(1);
                }
            })
        };
        receipts.recall(0);
        receipts.recall(1);
        assert!(!receipts.is_settled(1));
        delivery.join().unwrap();
        joiner.join().unwrap();
        assert!(receipts.is_settled(0) && !receipts.is_abandoned(0));
        assert!(!receipts.is_settled(1));
        assert_eq!(receipts.first_unsettled(0), 1);
    });
}
