//! The watermark of one partition: the offset below which everything is settled.
//!
//! Pure bookkeeping: it knows nothing of Kafka, threads or time. Batches enter in order of
//! consumption; [`Watermark::advance`] looks at their receipts and moves over the settled prefix.
//! The guarantee: [`Watermark::committable`] never passes a record that is not settled. A gap in the
//! offsets (a compacted topic, the control records of transactions) is normal and is passed over. A step
//! back (a topic made anew under our feet, a record fetched twice) is followed once all before it is
//! settled.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use kelp_parser::receipt::Receipts;
use kelp_parser::record::{Origin, RecordBatch};

/// The unsettled records of one partition, in the order in which they were consumed.
#[derive(Default)]
pub struct Watermark {
    spans: VecDeque<Span>,
    committable: Option<i64>,
    unsettled_records: u64,
}

/// Memory of a span, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanBytes {
    /// Of its own records.
    pub own: usize,
    /// Of the whole batch, which is kept as long as any record of the span is not settled.
    pub batch: usize,
}

/// Consecutive records of the partition within one batch.
struct Span {
    /// `None` once all of it is settled, so that the payloads can be freed while an earlier span is
    /// still waiting.
    batch: Option<Arc<dyn RecordBatch>>,
    /// The first record that was not settled when last looked at.
    cursor: u32,
    end: u32,
    /// The offset after the span's last record.
    next_offset: i64,
    bytes: SpanBytes,
}

impl Watermark {
    /// Nothing below `offset` is ever to be consumed: with nothing consumed yet, it is the offset to commit.
    pub fn start_at(&mut self, offset: i64) {
        self.committable.get_or_insert(offset);
    }

    /// Appends the records of `batch` at the indices `range`, which were consumed after all earlier ones.
    ///
    /// The range must not be empty, its records must be of this partition and their offsets must rise.
    pub fn push(&mut self, batch: Arc<dyn RecordBatch>, range: Range<u32>, bytes: SpanBytes) {
        debug_assert!(!range.is_empty(), "an empty span has no offset to commit");
        let next_offset = offset_of(&*batch, range.end - 1) + 1;
        self.unsettled_records += u64::from(range.end - range.start);
        self.spans.push_back(Span {
            batch: Some(batch),
            cursor: range.start,
            end: range.end,
            next_offset,
            bytes,
        });
    }

    /// Looks at the receipts again and moves over what is settled.
    ///
    /// Returns the offset to commit if it changed: that of the next record to consume after a restart.
    pub fn advance(&mut self) -> Option<i64> {
        let before = self.committable;
        for span in &mut self.spans {
            self.unsettled_records -= span.pass_settled();
        }
        while let Some(front) = self.spans.front() {
            self.committable = Some(front.settled_below());
            if front.batch.is_some() {
                break;
            }
            self.spans.pop_front();
        }
        self.merge_settled();
        (self.committable != before)
            .then_some(self.committable)
            .flatten()
    }

    /// The offset that may be committed as of the last [`advance`](Self::advance); `None` before anything
    /// was consumed.
    ///
    /// It is known as soon as a record was consumed, settled or not: committing the first position of a
    /// new group keeps its first records from being skipped by `auto_offset_reset => latest` after a crash.
    pub fn committable(&self) -> Option<i64> {
        self.committable
    }

    /// Whether nothing is on its way, as of the last [`advance`](Self::advance).
    pub fn is_settled(&self) -> bool {
        self.spans.is_empty()
    }

    /// Records that were not at the settled start of their span at the last [`advance`](Self::advance):
    /// an upper bound of what is on its way.
    pub fn unsettled_records(&self) -> u64 {
        self.unsettled_records
    }

    /// How far consumption is ahead of the watermark, in bytes: of what is not settled all that it keeps in memory, of what
    /// is settled behind it what would be consumed again after a crash.
    pub fn ahead_bytes(&self) -> usize {
        let bytes = |span: &Span| match span.batch {
            Some(_) => span.bytes.batch,
            None => span.bytes.own,
        };
        self.spans.iter().map(bytes).sum()
    }

    /// Asks for the records that are not settled of those who wait for more to come.
    pub fn recall(&self) {
        self.each_open(|receipts, record| receipts.recall(record));
    }

    /// Whether nothing is on its way: what is not settled was given up.
    pub fn is_quiet(&self) -> bool {
        let mut is_quiet = true;
        self.each_open(|receipts, record| {
            is_quiet &= receipts.is_settled(record) || receipts.is_abandoned(record);
        });
        is_quiet
    }

    /// Tells everybody who has a record that is not settled that nobody waits for it any more.
    pub fn abandon(&self) {
        self.each_open(|receipts, record| receipts.abandon(record));
    }

    fn each_open(&self, mut each: impl FnMut(&Receipts, u32)) {
        for span in &self.spans {
            if let Some(batch) = &span.batch {
                (span.cursor..span.end).for_each(|record| each(batch.receipts(), record));
            }
        }
    }

    /// Of several settled spans in a row, only the last one's offset matters. Without this, one record
    /// that is never settled would let the list grow for ever.
    fn merge_settled(&mut self) {
        if self.spans.len() < 2 {
            return;
        }
        let mut into: Option<usize> = None;
        for index in (0..self.spans.len()).rev() {
            if self.spans[index].batch.is_some() {
                into = None;
            } else if let Some(later) = into {
                self.spans[later].bytes.own += self.spans[index].bytes.own;
                self.spans[index].end = 0;
            } else {
                into = Some(index);
            }
        }
        self.spans.retain(|span| span.end != 0);
    }
}

impl Span {
    /// The offset below which this span has nothing unsettled.
    fn settled_below(&self) -> i64 {
        match &self.batch {
            Some(batch) => offset_of(&**batch, self.cursor),
            None => self.next_offset,
        }
    }

    /// Moves the cursor over settled records and returns how many they were.
    fn pass_settled(&mut self) -> u64 {
        let Some(batch) = &self.batch else { return 0 };
        let receipts = batch.receipts();
        let start = self.cursor;
        self.cursor = (start..self.end)
            .find(|&record| !receipts.is_settled(record))
            .unwrap_or(self.end);
        let passed = u64::from(self.cursor - start);
        if self.cursor == self.end {
            self.batch = None;
        }
        passed
    }
}

fn offset_of(batch: &dyn RecordBatch, record: u32) -> i64 {
    match batch.record(record as usize).origin {
        Origin::Kafka { offset, .. } => offset,
        Origin::Line { number, .. } => i64::try_from(number).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Offsets, batch};
    use proptest::prelude::*;

    /// What each span of these tests takes.
    const BYTES: SpanBytes = SpanBytes { own: 3, batch: 10 };

    #[test]
    fn nothing_consumed_gives_nothing_to_commit() {
        let mut watermark = Watermark::default();
        assert_eq!(watermark.advance(), None);
        assert!(watermark.is_settled());
    }

    #[test]
    fn the_first_position_is_committable_at_once() {
        let mut watermark = Watermark::default();
        watermark.push(batch(10..13), 0..3, BYTES);
        assert_eq!(watermark.advance(), Some(10));
        assert_eq!(watermark.advance(), None);
        assert_eq!(watermark.unsettled_records(), 3);
    }

    #[test]
    fn settling_out_of_order_waits_for_the_gap_to_close() {
        let mut watermark = Watermark::default();
        let records = batch(10..13);
        watermark.push(records.clone(), 0..3, BYTES);
        watermark.advance();
        records.receipts.settle(2);
        records.receipts.settle(1);
        assert_eq!(watermark.advance(), None);
        records.receipts.settle(0);
        assert_eq!(watermark.advance(), Some(13));
        assert!(watermark.is_settled());
    }

    #[test]
    fn offsets_missing_from_the_log_are_passed_over() {
        let mut watermark = Watermark::default();
        let records = batch([3, 7, 20]);
        watermark.push(records.clone(), 0..3, BYTES);
        records.receipts.settle(0);
        assert_eq!(watermark.advance(), Some(7));
        records.receipts.settle(1);
        records.receipts.settle(2);
        assert_eq!(watermark.advance(), Some(21));
    }

    #[test]
    fn a_stuck_record_does_not_keep_later_payloads_in_memory() {
        let mut watermark = Watermark::default();
        let stuck = batch(0..1);
        watermark.push(stuck.clone(), 0..1, BYTES);
        for first in 1..100 {
            let later = batch(first..first + 1);
            watermark.push(later.clone(), 0..1, BYTES);
            later.receipts.settle(0);
            watermark.advance();
            assert_eq!(Arc::strong_count(&later), 1);
            assert!(watermark.spans.len() <= 2);
        }
        assert_eq!(watermark.committable(), Some(0));
        assert_eq!(watermark.ahead_bytes(), BYTES.batch + 99 * BYTES.own);
        stuck.receipts.settle(0);
        assert_eq!(watermark.advance(), Some(100));
        assert_eq!(watermark.ahead_bytes(), 0);
    }

    #[test]
    fn only_the_spans_records_count() {
        let mut watermark = Watermark::default();
        let shared = batch([0, 5, 6, 9]);
        watermark.push(shared.clone(), 1..3, BYTES);
        shared.receipts.settle(1);
        shared.receipts.settle(2);
        assert_eq!(
            watermark.advance(),
            Some(7),
            "records 0 and 3 belong to another partition"
        );
    }

    #[test]
    fn a_step_back_is_followed_when_its_turn_comes() {
        let mut watermark = Watermark::default();
        let (old, new) = (batch(100..102), batch(0..2));
        watermark.push(old.clone(), 0..2, BYTES);
        watermark.push(new.clone(), 0..2, BYTES);
        new.receipts.settle(0);
        assert_eq!(watermark.advance(), Some(100));
        old.receipts.settle(0);
        old.receipts.settle(1);
        assert_eq!(watermark.advance(), Some(1));
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Consume a batch: how many records precede and follow this partition's in it, and the gaps
        /// before each of its offsets.
        Consume {
            before: u32,
            gaps: Vec<i64>,
            after: u32,
        },
        /// The next offsets start from here.
        Jump(i64),
        /// Settle one of the unsettled records, chosen by this number.
        Settle(prop::sample::Index),
        Advance,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..3u32, prop::collection::vec(0..4i64, 1..6), 0..3u32)
                .prop_map(|(before, gaps, after)| Step::Consume { before, gaps, after }),
            6 => any::<prop::sample::Index>().prop_map(Step::Settle),
            2 => Just(Step::Advance),
            1 => (0..100i64).prop_map(Step::Jump),
        ]
    }

    /// What the watermark must say, from a flat list of everything ever consumed.
    fn naive(consumed: &[(i64, Arc<Offsets>, u32)]) -> Option<i64> {
        let open = consumed
            .iter()
            .find(|(_, batch, record)| !batch.receipts.is_settled(*record));
        match open {
            Some((offset, ..)) => Some(*offset),
            None => consumed.last().map(|(offset, ..)| offset + 1),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn agrees_with_a_naive_model(steps in prop::collection::vec(step(), 1..80)) {
            let mut watermark = Watermark::default();
            let mut consumed: Vec<(i64, Arc<Offsets>, u32)> = Vec::new();
            let mut open: Vec<(Arc<Offsets>, u32)> = Vec::new();
            let mut next = 0;
            let mut reported = None;
            for step in steps {
                match step {
                    Step::Consume { before, gaps, after } => {
                        let mut offsets = vec![i64::MIN / 2; before as usize];
                        for gap in &gaps {
                            offsets.push(next + gap);
                            next += gap + 1;
                        }
                        offsets.resize(offsets.len() + after as usize, i64::MAX / 2);
                        let records = batch(offsets);
                        let range = before..before + gaps.len() as u32;
                        for record in range.clone() {
                            consumed.push((records.offsets[record as usize], records.clone(), record));
                            open.push((records.clone(), record));
                        }
                        watermark.push(records, range, BYTES);
                    }
                    Step::Jump(offset) => next = offset,
                    Step::Settle(_) if open.is_empty() => {}
                    Step::Settle(which) => {
                        let (records, record) = open.swap_remove(which.index(open.len()));
                        records.receipts.settle(record);
                    }
                    Step::Advance => {
                        let moved = watermark.advance();
                        prop_assert_eq!(watermark.committable(), naive(&consumed));
                        prop_assert_eq!(watermark.is_settled(), open.is_empty());
                        prop_assert_eq!(moved.is_some(), watermark.committable() != reported);
                        prop_assert!(watermark.unsettled_records() >= open.len() as u64);
                        reported = watermark.committable();
                    }
                }
            }
        }
    }
}
