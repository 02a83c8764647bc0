//! Which of the events made of one record an event is.

/// Names an event among all that are made of its record: the same when the record is processed again,
/// whatever other events were dropped, held back or added that time.
///
/// The record's own event is [`Lineage::default`]. Every other one is named by what made it (the codec, or
/// a filter by its place in the pipeline) and by how many that had made before. Names of one step are
/// small numbers; those of more steps (a `split` behind a `clone`) are a hash of 63 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lineage(u64);

/// Steps that fit into a small number beside the count: 0 is the codec, a filter is its place plus 1.
const SMALL_STEPS: u64 = 64;
/// From so many joined lines on, their number is hashed.
const JOINED_LINES: u64 = 1 << 20;
const HASHED: u64 = 1 << 63;

impl Lineage {
    /// The event that a codec made at `index` of a payload.
    pub fn decoded(index: u32) -> Self {
        match index {
            0 => Self::default(),
            _ => Self::default().step(0, index.into()),
        }
    }

    /// The event that was joined of so many `lines`, the first of them at `line` of its record: what is joined in another way
    /// when it is read again has another name, so that no line is taken for stored that is not.
    pub fn joined(line: u32, lines: u32) -> Self {
        let more = u64::from(lines.saturating_sub(1));
        match (line, more) {
            (0, 0) => Self::default(),
            (_, JOINED_LINES..) => Self::default().step(u64::from(line) + SMALL_STEPS, more),
            _ => Self::default().step(0, u64::from(line) * JOINED_LINES + more),
        }
    }

    /// The event that a codec made at `index` of the text that this names.
    pub fn then_decoded(self, index: u32) -> Self {
        match index {
            0 => self,
            _ => self.step(0, index.into()),
        }
    }

    /// The event that the filter at `filter` made of this one, `index` others before.
    pub fn child(self, filter: u32, index: u32) -> Self {
        self.step(u64::from(filter) + 1, u64::from(index) + 1)
    }

    fn step(self, step: u64, count: u64) -> Self {
        if self.0 == 0 && step < SMALL_STEPS {
            return Self(count * SMALL_STEPS + step);
        }
        Self(mix(mix(self.0 ^ mix(step)) ^ count) | HASHED)
    }

    /// 0 for the record's own event.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The finalizer of splitmix64.
fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_event_of_a_record_has_a_name_of_its_own() {
        let mut seen = HashSet::new();
        for decoded in 0..50 {
            let decoded = Lineage::decoded(decoded);
            assert!(seen.insert(decoded));
            for filter in [0, 1, 62, 63, 64, 1000] {
                for index in 0..20 {
                    let child = decoded.child(filter, index);
                    assert!(seen.insert(child), "{decoded:?} {filter} {index}");
                    assert!(seen.insert(child.child(filter + 1, index)));
                }
            }
        }
    }

    #[test]
    fn joins_of_other_lines_have_other_names() {
        let mut seen = std::collections::HashSet::new();
        for line in [0, 1, 2, 500, u32::MAX] {
            for lines in [1, 2, 3, 500, 1 << 20, (1 << 20) + 1, u32::MAX] {
                let joined = Lineage::joined(line, lines);
                assert!(seen.insert(joined), "{line} {lines}");
                assert!(seen.insert(joined.child(0, 0)), "{line} {lines}");
            }
        }
        assert_eq!(Lineage::joined(0, 1), Lineage::default());
    }

    #[test]
    fn what_one_filter_makes_is_named_by_small_numbers_in_order() {
        let numbers: Vec<u64> = (0..3)
            .map(|index| Lineage::default().child(2, index).number())
            .collect();
        assert_eq!(numbers, [67, 131, 195]);
        assert_eq!(Lineage::decoded(0).number(), 0);
    }
}
