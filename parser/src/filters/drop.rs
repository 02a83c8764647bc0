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
        /// Drops only about so many of a hundred events, chosen at random.
        percentage: i64 = 100,
    }
}

/// Drops events.
pub struct Drop {
    percentage: i64,
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
        if self.percentage >= 100 || self.draw() < self.percentage {
            Outcome::Drop
        } else {
            Outcome::Unmatched
        }
    }
}

impl Drop {
    /// A number from 0 to 99, all about as often.
    fn draw(&self) -> i64 {
        let count = self.seen.fetch_add(1, Ordering::Relaxed);
        (self.hasher.hash_one(count) % 100) as i64
    }
}
