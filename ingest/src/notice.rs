//! Log lines that would otherwise repeat for ever, such as those of a broker that is down.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Says when something was last said, per kind of thing.
#[derive(Debug)]
pub(crate) struct RateLimit<K> {
    interval: Duration,
    said: HashMap<K, (Instant, u64)>,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// Lets each kind through once in `interval`.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            said: HashMap::new(),
        }
    }

    /// Whether to say it now, and then how often it was suppressed since the last time.
    pub fn pass(&mut self, kind: K, now: Instant) -> Option<u64> {
        match self.said.get_mut(&kind) {
            Some((last, suppressed)) if now.duration_since(*last) < self.interval => {
                *suppressed += 1;
                None
            }
            Some(entry) => Some(std::mem::replace(entry, (now, 0)).1),
            None => {
                self.said.insert(kind, (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_not_said() {
        let mut limit = RateLimit::new(Duration::from_secs(30));
        let start = Instant::now();
        assert_eq!(limit.pass("down", start), Some(0));
        assert_eq!(limit.pass("down", start + Duration::from_secs(1)), None);
        assert_eq!(limit.pass("down", start + Duration::from_secs(2)), None);
        assert_eq!(limit.pass("other", start), Some(0));
        assert_eq!(limit.pass("down", start + Duration::from_secs(31)), Some(2));
    }
}
