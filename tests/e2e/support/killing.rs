//! A process that is killed in the middle of its work.

use super::{Kelp, Servers, Topic, wait_until};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Starts `kelp` and kills it twice with `kill -9`, starting it again each time, while the messages of `at_least` events are written, `chunk`
/// events at a time. They go on arriving until both kills are done: however fast the machine is, each falls in the middle of the work.
/// Returns the process that runs at the end, and of how many events the messages were written.
#[track_caller]
pub fn killed_while_writing(
    servers: &Servers,
    topic: &Topic,
    config: &str,
    arguments: &[&str],
    at_least: usize,
    chunk: usize,
    messages: impl Fn(Range<usize>) -> Vec<String> + Sync,
) -> (Kelp, usize) {
    topic.write(messages(0..at_least / 2));
    let written = AtomicUsize::new(at_least / 2);
    let killing = AtomicBool::new(true);
    let mut kelp = Kelp::start(servers, topic, config, arguments);
    thread::scope(|scope| {
        scope.spawn(|| {
            while killing.load(Ordering::Acquire) || written.load(Ordering::Acquire) < at_least {
                let first = written.load(Ordering::Acquire);
                topic.write(messages(first..first + chunk));
                written.fetch_add(chunk, Ordering::AcqRel);
                thread::sleep(Duration::from_millis(50));
            }
        });
        let _done = Done(&killing);
        let indexed = || servers.client().count(&topic.name).unwrap();
        for part in [1, 2] {
            let reached = (at_least * part / 4) as u64;
            wait_until("documents before the kill", 120, indexed, |&count| {
                count >= reached
            });
            kelp.kill();
            let written = written.load(Ordering::Acquire);
            println!(
                "kill {part}: {} indexed, {written} or more written",
                indexed()
            );
            kelp.run();
        }
    });
    (kelp, written.into_inner())
}

/// Ends the writer even when an assertion fails in the middle.
pub struct Done<'a>(pub &'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
