//! `kill -9` loses nothing and repeats nothing.

use super::support::{Kelp, Topic, distinct, every_document, scaled, shared, wait_until};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const CONFIG: &str = include_str!("pipelines/json.conf");

/// Messages written at a time.
const CHUNK: usize = 1_000;

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn kill_in_the_middle_and_restart_lose_and_repeat_nothing() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("crash");
    let topic = Topic::new(&servers.kafka, &name);
    let at_least = scaled(40_000);
    let message = |n| format!(r#"{{"n":{n},"text":"message number {n} of many"}}"#);
    topic.write((0..at_least / 2).map(message));

    // Messages go on arriving until both kills are done: however fast the machine is, each falls in the middle of the work.
    let written = AtomicUsize::new(at_least / 2);
    let killing = AtomicBool::new(true);
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    thread::scope(|scope| {
        scope.spawn(|| {
            while killing.load(Ordering::Acquire) || written.load(Ordering::Acquire) < at_least {
                let first = written.load(Ordering::Acquire);
                topic.write((first..first + CHUNK).map(message));
                written.fetch_add(CHUNK, Ordering::AcqRel);
                thread::sleep(Duration::from_millis(50));
            }
        });
        let _done = Done(&killing);
        for part in [1, 2] {
            let reached = (at_least * part / 4) as u64;
            let indexed = || client.count(&name).unwrap();
            wait_until("documents before the kill", 120, indexed, |&count| {
                count >= reached
            });
            kelp.kill();
            let written = written.load(Ordering::Acquire);
            let indexed = distinct(client, &name, "n");
            println!("kill {part}: {indexed} indexed, {written} or more written");
            kelp.run();
        }
    });
    let total = written.into_inner();
    every_document(client, &name, total, 180);
    assert_eq!(
        client.count(&name).unwrap(),
        total as u64,
        "what was delivered again is stored once"
    );
    wait_until(
        "the commit of all",
        30,
        || topic.committed(&name),
        |&committed| committed == topic.len(),
    );
    kelp.assert_running();
}

/// Ends the writer even when an assertion fails in the middle.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
