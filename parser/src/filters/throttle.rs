//! `throttle`: tells events that come too often, or not often enough (source: logstash-filter-throttle).
//!
//! The counts are shared by all workers, behind a lock: whoever throttles by a key wants one count of it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::event::{Event, Template};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::grok::{Integer, to_i};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Applies the common options, as in `add_tag`, to events beyond a count in a period.
    ///
    /// Time is that of the events' timestamps.
    pub struct ThrottleOptions for Filter "throttle" {
        /// What is counted: events with the same text are counted together.
        key: Template,
        /// Events before this one are throttled; -1 for none.
        before_count: i64 = -1,
        /// Events after this one are throttled; -1 for none.
        after_count: i64 = -1,
        /// The length of a period in seconds, also from a field.
        period: Template = "60",
        /// How long counts are kept, in seconds, behind the latest event.
        max_age: i64 = 3600,
        /// How many counts are kept: with more of them `max_age` is lowered step by step. -1 for any number.
        max_counters: i64 = 100000,
    }
}

/// Tells events beyond a count in a period.
pub struct Throttle {
    options: ThrottleOptions,
    counts: Mutex<Counts>,
}

struct Counts {
    keys: HashMap<Box<str>, Periods>,
    max_age: i64,
    /// When counts were last cleared away, in seconds.
    cleared: i64,
}

/// The periods of one key.
struct Periods {
    /// Second at which the first one started.
    created: i64,
    /// Second of the latest event.
    latest: i64,
    /// Counts by the second at which a period starts; few at a time.
    counts: Vec<(i64, u64)>,
}

/// How often counts are cleared away, in seconds.
const CLEAR_INTERVAL: i64 = 5;

impl BuildFilter for Throttle {
    type Options = ThrottleOptions;

    fn build(options: ThrottleOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let counts = Mutex::new(Counts {
            keys: HashMap::new(),
            max_age: options.max_age,
            cleared: 0,
        });
        Some(Self { options, counts })
    }
}

impl Filter for Throttle {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let key = self.options.key.render(event);
        let period = match to_i(self.options.period.render(event)) {
            Integer::Small(0) => 60,
            Integer::Small(period) => period,
            Integer::Big(_) => i64::MAX,
        };
        let second = event.timestamp().unwrap_or(context.now).seconds();
        let count = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.add(key, period, second)
        };
        let beyond = |limit: i64| u64::try_from(limit).ok();
        let early = beyond(self.options.before_count).is_some_and(|limit| count < limit);
        let late = beyond(self.options.after_count).is_some_and(|limit| count > limit);
        if early || late {
            Outcome::Matched
        } else {
            Outcome::Unmatched
        }
    }

    fn flush<'a>(&self, context: &mut Context<'a, '_>) {
        let now = context.now.seconds();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // Each worker calls.
        if now - counts.cleared >= CLEAR_INTERVAL {
            counts.cleared = now;
            counts.clear(&self.options);
        }
    }
}

impl Counts {
    /// Counts an event; how many there are now in its period.
    fn add(&mut self, key: &str, period: i64, second: i64) -> u64 {
        if !self.keys.contains_key(key) {
            let periods = Periods {
                created: second,
                latest: second,
                counts: Vec::new(),
            };
            self.keys.insert(key.into(), periods);
        }
        let Some(periods) = self.keys.get_mut(key) else {
            return 0;
        };
        periods.latest = periods.latest.max(second);
        let start =
            second.saturating_sub(floor_mod(second.saturating_sub(periods.created), period));
        let found = periods.counts.iter().position(|(at, _)| *at == start);
        let index = found.unwrap_or_else(|| {
            periods.counts.push((start, 0));
            periods.counts.len() - 1
        });
        periods.counts[index].1 += 1;
        let count = periods.counts[index].1;
        if found.is_none() {
            let latest = periods.counts.iter().map(|(at, _)| *at).max().unwrap_or(0);
            let oldest = latest.saturating_sub(self.max_age);
            periods.counts.retain(|(at, _)| *at >= oldest);
        }
        count
    }

    /// Drops the counts of keys that are not seen any more, and keeps their number within the limit.
    fn clear(&mut self, options: &ThrottleOptions) {
        let latest = self.keys.values().map(|periods| periods.latest).max();
        let oldest = latest.unwrap_or(0).saturating_sub(self.max_age);
        self.keys.retain(|_, periods| periods.latest >= oldest);
        let total: usize = self.keys.values().map(|periods| periods.counts.len()).sum();
        let (total, limit, whole) = (total as i64, options.max_counters, options.max_age);
        if limit == -1 {
            return;
        }
        let step = whole * 5 / 100;
        if total > limit && self.max_age > step {
            self.max_age -= step;
        } else if self.max_age < whole && total < limit * 80 / 100 {
            self.max_age += step;
        }
    }
}

/// Ruby's `%`, whose result has the sign of the divisor.
fn floor_mod(number: i64, divisor: i64) -> i64 {
    let rest = number.checked_rem(divisor).unwrap_or(0);
    if rest != 0 && (rest < 0) != (divisor < 0) {
        rest + divisor
    } else {
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(max_age: i64) -> Counts {
        Counts {
            keys: HashMap::new(),
            max_age,
            cleared: 0,
        }
    }

    #[test]
    fn periods_start_with_the_first_event_of_a_key() {
        let mut counts = counts(3600);
        let seconds = [30, 89, 90, 0, -29, -31];
        let found = seconds.map(|second| counts.add("a", 60, second));
        assert_eq!(found, [1, 2, 1, 1, 2, 1]);
        assert_eq!(counts.add("b", 60, 30), 1);
    }

    #[test]
    fn old_counts_are_dropped() {
        let mut counts = counts(100);
        for second in [0, 50, 200] {
            counts.add("a", 10, second);
        }
        assert_eq!(counts.keys["a"].counts, [(200, 1)]);
    }

    #[test]
    fn too_many_counts_shorten_their_age_until_there_are_fewer() {
        let options = ThrottleOptions {
            key: Template::parse("x").unwrap(),
            before_count: -1,
            after_count: 1,
            period: Template::parse("60").unwrap(),
            max_age: 100,
            max_counters: 10,
        };
        let mut counts = counts(100);
        for key in 0..20 {
            counts.add(&key.to_string(), 60, key * 10);
        }
        let mut keys = 20;
        while keys > 10 {
            let age = counts.max_age;
            counts.clear(&options);
            keys = counts.keys.len();
            assert!(counts.max_age < age || keys <= 10);
        }
        counts.keys.clear();
        let lowered = counts.max_age;
        counts.clear(&options);
        assert!(counts.max_age > lowered);
    }
}
