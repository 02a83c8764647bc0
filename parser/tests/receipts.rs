//! Receipts, one step at a time; `receipts_loom.rs` has them under every order of threads.

use kelp_parser::receipt::Receipts;

#[test]
fn a_record_is_settled_when_every_hold_was_given_back() {
    let receipts = Receipts::new(2);
    receipts.hold(0);
    receipts.settle(0);
    assert!(!receipts.is_settled(0));
    receipts.settle(0);
    assert!(receipts.is_settled(0));
    assert!(!receipts.is_settled(1));
}

#[test]
fn a_lost_hold_keeps_everything_behind_it_unsettled() {
    let receipts = Receipts::new(3);
    receipts.settle(0);
    receipts.settle(2);
    assert_eq!(receipts.first_unsettled(0), 1);
    receipts.settle(1);
    assert_eq!(receipts.first_unsettled(0), 3);
    assert_eq!(receipts.first_unsettled(3), 3);
}
