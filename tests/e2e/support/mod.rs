//! What the scenarios are written with.

mod access;
mod broker;
mod cpu;
mod documents;
mod kelp;
mod killing;
mod servers;

pub use access::{AccessLog, Expected};
pub use broker::Topic;
pub use cpu::cpu_seconds;
pub use documents::{distinct, every_document, terms};
pub use kelp::{Kelp, ship};
pub use killing::{Done, killed_while_writing};
pub use servers::{Alone, Servers, alone, distribution, optimizing, shared};

use std::time::{Duration, Instant};

/// A multiple of what a run in CI needs, `KELP_E2E_SCALE` times.
pub fn scaled(count: usize) -> usize {
    count * std::env::var("KELP_E2E_SCALE").map_or(1, |scale| scale.parse::<usize>().unwrap())
}

/// Asks again and again until `done`; panics with the last `state` after `timeout_s`.
#[track_caller]
pub fn wait_until<T: std::fmt::Debug>(
    what: &str,
    timeout_s: u64,
    mut state: impl FnMut() -> T,
    done: impl Fn(&T) -> bool,
) -> T {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(25);
    loop {
        let now = state();
        if done(&now) {
            return now;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(timeout_s),
            "waited {timeout_s} s for {what}; at last: {now:?}"
        );
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(400));
    }
}
