//! Several things at a time, in threads that end with them.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More do not help with what takes some milliseconds each: every thread has its own memory to begin with.
const THREADS_MAX: usize = 4;

/// Does the work of each number below `count`; returns when all is done, and panics if some of it did.
pub fn run(count: usize, work: &(dyn Fn(usize) + Sync)) {
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            match next.fetch_add(1, Ordering::Relaxed) {
                number if number < count => work(number),
                _ => break,
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 1..cores.min(THREADS_MAX).min(count) {
            // Where there are no more threads, this one does what is left.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once() {
        for count in [0, 1, 2, 100] {
            let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            run(count, &|number| {
                done[number].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn a_panic_is_not_swallowed() {
        let outcome = std::panic::catch_unwind(|| run(8, &|number| assert_ne!(number, 5)));
        assert!(outcome.is_err());
    }
}
