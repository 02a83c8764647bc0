//! How long to wait before the next attempt: exponential with full jitter.

use std::sync::Mutex;
use std::time::Duration;

/// Random numbers for waiting times; seeded in tests.
pub struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    /// Different in every process.
    pub fn random() -> Self {
        Self(Mutex::new(fastrand::Rng::new()))
    }

    /// The same sequence in every run.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A duration up to and with `max`, to the microsecond.
    pub fn up_to(&self, max: Duration) -> Duration {
        let micros = u64::try_from(max.as_micros()).unwrap_or(u64::MAX);
        let mut rng = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        Duration::from_micros(rng.u64(0..=micros))
    }
}

/// Waiting times that double from `initial` up to `max`, counted from the last success.
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts with a ceiling of `initial`.
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self {
            initial,
            max: max.max(initial),
            failures: 0,
        }
    }

    /// Something was achieved: start again from the initial ceiling.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and gives the longest wait before the next attempt.
    pub fn next_ceiling(&mut self) -> Duration {
        let doublings = self.failures.min(30);
        self.failures = self.failures.saturating_add(1);
        self.initial.saturating_mul(1 << doublings).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_maximum_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(64));
        let ceilings: Vec<u64> = (0..8).map(|_| backoff.next_ceiling().as_secs()).collect();
        assert_eq!(ceilings, [2, 4, 8, 16, 32, 64, 64, 64]);
        for _ in 0..100 {
            assert_eq!(backoff.next_ceiling().as_secs(), 64);
        }
        backoff.reset();
        assert_eq!(backoff.next_ceiling().as_secs(), 2);
    }

    #[test]
    fn jitter_is_full_and_repeatable() {
        let max = Duration::from_millis(100);
        let sequence = |jitter: &Jitter| (0..1000).map(|_| jitter.up_to(max)).collect::<Vec<_>>();
        let waits = sequence(&Jitter::seeded(7));
        assert_eq!(waits, sequence(&Jitter::seeded(7)));
        assert!(waits.iter().all(|wait| *wait <= max));
        assert!(waits.iter().any(|wait| *wait < max / 10));
        assert!(waits.iter().any(|wait| *wait > max * 9 / 10));
    }
}
