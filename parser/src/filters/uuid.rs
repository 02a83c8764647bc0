//! `uuid`: gives events a random identifier (source: logstash-filter-uuid).

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{Arena, ArenaString, Event, FieldRef, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Sets a field to a random UUID.
    ///
    /// Where records may be read again, a fingerprint is the better identifier: it stays the same.
    pub struct UuidOptions for Filter "uuid" {
        /// The field to set.
        target: FieldRef<'static>,
        /// Replaces what the field holds; without it such a field is left alone.
        overwrite: bool = false,
    }
}

/// Gives events a random identifier.
pub struct Uuid {
    options: UuidOptions,
    random: RandomUuids,
}

impl BuildFilter for Uuid {
    type Options = UuidOptions;

    fn build(options: UuidOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self {
            options,
            random: RandomUuids::default(),
        })
    }
}

impl Filter for Uuid {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let target = self.options.target;
        let missing = matches!(event.get(target), None | Some(Value::Null));
        if !missing && !self.options.overwrite {
            return Outcome::Matched;
        }
        let uuid = self.random.next(event.arena());
        if event.try_set(target, Value::Str(uuid)) {
            Outcome::Matched
        } else {
            event.tag_all(self.failure_tags());
            Outcome::Unmatched
        }
    }
}

/// Random UUIDs of version 4: the counts of a counter, hashed with keys that the system chose at random.
#[derive(Default)]
pub(crate) struct RandomUuids {
    high: RandomState,
    low: RandomState,
    count: AtomicU64,
}

impl RandomUuids {
    /// The next one as text.
    pub(crate) fn next<'a>(&self, arena: &'a Arena) -> &'a str {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let high = u128::from(self.high.hash_one(count));
        let low = u128::from(self.low.hash_one(!count));
        text(high << 64 | low, arena)
    }
}

/// A UUID as text, its version and variant set.
fn text(bits: u128, arena: &Arena) -> &str {
    let bits = bits & !(0xf000 << 64) & !(0xc0 << 56) | 0x4000 << 64 | 0x80 << 56;
    let mut text = ArenaString::with_capacity_in(36, arena);
    for nibble in 0..32 {
        if matches!(nibble, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        let digit = (bits >> (124 - 4 * nibble) & 0xf) as u32;
        text.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
    text.into_bump_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_set() {
        let arena = Arena::new();
        assert_eq!(text(0, &arena), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            text(u128::MAX, &arena),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            text(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, &arena),
            "01234567-89ab-4def-8123-456789abcdef"
        );
    }

    #[test]
    fn no_two_are_the_same() {
        let arena = Arena::new();
        let random = RandomUuids::default();
        let other = RandomUuids::default();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            assert!(seen.insert(random.next(&arena)));
            assert!(seen.insert(other.next(&arena)));
        }
    }
}
