//! `drop`: ends an event's way.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::Event;
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Drops every event that reaches it.
    ///
    /// Mostly used inside a condition.
    pub struct DropOptions for Filter "drop" {
        /// Drops only about so many of a hundred events, chosen at random. It may be a fraction, such as 0.5.
        percentage: f64 = 100.0,
    }
}

/// Drops events.
pub struct Drop {
    percentage: f64,
    hasher: RandomState,
    seen: AtomicU64,
}

impl BuildFilter for Drop {
    type Options = DropOptions;

    fn build(options: DropOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self {
            percentage: options.percentage,
            hasher: RandomState::new(),
            seen: AtomicU64::new(0),
        })
    }
}

impl Filter for Drop {
    fn apply<'a>(&self, _: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        if self.percentage >= 100.0 || self.draw() < self.percentage {
            Outcome::Drop
        } else {
            Outcome::Unmatched
        }
    }
}

impl Drop {
    /// A number from 0 up to 100, all about as often.
    fn draw(&self) -> f64 {
        let count = self.seen.fetch_add(1, Ordering::Relaxed);
        self.hasher.hash_one(count) as f64 / u64::MAX as f64 * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_percent_is_one_in_hundreds() {
        let drop = Drop {
            percentage: 0.5,
            hasher: RandomState::new(),
            seen: AtomicU64::new(0),
        };
        let dropped = (0..100_000)
            .filter(|_| drop.draw() < drop.percentage)
            .count();
        // 500 are expected; 8 standard deviations are 180.
        assert!((320..680).contains(&dropped), "{dropped}");
    }
}
