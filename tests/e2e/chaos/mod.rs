//! Each message exactly once, whatever fails: a seeded schedule of faults against two `kelp` processes of one group, on a real Kafka and a
//! real Elasticsearch, while numbered messages are written.
//!
//! One round does each deed to the processes once, in an order that `KELP_CHAOS_SEED` chooses; rounds follow each other for
//! `KELP_CHAOS_SECONDS` (0 unless given: one round; `./test chaos`: an hour).

mod proxy;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::support::{Alone, Kelp, Servers, Topic, alone, every_document, wait_until};
use proxy::{Fault, Proxy};
use serde_json::json;

const CONFIG: &str = include_str!("../pipelines/json.conf");
/// Longer than the session timeout of the configuration, so that the group gives the partitions away.
const FREEZE: Duration = Duration::from_secs(8);
/// How often messages are written, and how many at a time.
const WRITE_EVERY: Duration = Duration::from_millis(100);
const WRITTEN_AT_ONCE: usize = 40;
/// How long messages go on being written after the last deed until the proxy has met each of its faults. Its requests come every
/// second at the least, and each fault comes before any comes again, so this is far more than it takes.
const FAULTS_WITHIN_S: u64 = 300;

/// What is done to the processes themselves; proxy faults come on top of it all the time.
const DEEDS: [&str; 6] = [
    "kill -9 of a kelp",
    "kill -9 of elasticsearch",
    "kill -9 of the broker",
    "SIGSTOP beyond the session timeout",
    "a third member joins and leaves",
    "SIGTERM of a kelp",
];

struct Chaos {
    servers: Alone,
    topic: Topic,
    proxy: Proxy,
    kelps: Vec<Kelp>,
    rng: fastrand::Rng,
    done: BTreeMap<&'static str, u64>,
    peak_memory_mb: u64,
}

#[test]
#[ignore = "needs the real servers: ./test e2e, or ./test chaos for a long run"]
fn each_message_arrives_exactly_once() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse::<u64>().unwrap())
    };
    let seed = number("KELP_CHAOS_SEED", 1);
    let length = Duration::from_secs(number("KELP_CHAOS_SECONDS", 0));
    let servers = alone();
    let topic = Topic::new(&servers.kafka, "chaos");
    let mapping = json!({"mappings": {"properties": {"n": {"type": "long"}}}});
    servers.client().put("chaos", &mapping).unwrap();
    let mut chaos = Chaos {
        proxy: Proxy::start(&servers.elasticsearch.url(), seed),
        servers,
        topic,
        kelps: Vec::new(),
        rng: fastrand::Rng::with_seed(seed),
        done: BTreeMap::new(),
        peak_memory_mb: 0,
    };
    for _ in 0..2 {
        let kelp = chaos.start();
        chaos.kelps.push(kelp);
    }
    let total = chaos.run(length);
    chaos.report(seed, total);
}

impl Chaos {
    fn start(&self) -> Kelp {
        let servers: &Servers = &self.servers;
        let variables = [("ELASTICSEARCH", self.proxy.url())];
        Kelp::start_with(servers, &self.topic, CONFIG, &[], &variables)
    }

    /// Does one deed after another while messages are written, and goes on writing until the proxy has met all its faults; returns how
    /// many were written.
    fn run(&mut self, length: Duration) -> usize {
        let writer = Topic::new(&self.servers.kafka, &self.topic.name);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let written = scope.spawn(|| write_until(&writer, &stop));
            // A failure of a deed must end the writing too.
            let stopping = StopOnDrop(&stop);
            let begun = Instant::now();
            self.proxy.set_faulty(true);
            while self.done.is_empty() || begun.elapsed() < length {
                self.round(begun);
            }
            let proxy = &self.proxy;
            wait_until(
                "each fault of the proxy",
                FAULTS_WITHIN_S,
                || proxy.counts(),
                |seen| seen.len() == Fault::ALL.len(),
            );
            self.proxy.set_faulty(false);
            drop(stopping);
            written.join().unwrap()
        })
    }

    /// Does each deed once.
    fn round(&mut self, begun: Instant) {
        let mut deeds = DEEDS;
        self.rng.shuffle(&mut deeds);
        for deed in deeds {
            sleep(Duration::from_millis(self.rng.u64(500..3_000)));
            println!("{:5} s: {deed}", begun.elapsed().as_secs());
            self.perform(deed);
            *self.done.entry(deed).or_default() += 1;
        }
    }

    fn perform(&mut self, deed: &str) {
        let which = self.rng.usize(0..self.kelps.len());
        let away = Duration::from_millis(self.rng.u64(0..3_000));
        self.look_at_memory();
        match deed {
            "kill -9 of a kelp" => {
                self.kelps[which].kill();
                sleep(away);
                self.kelps[which].run();
            }
            "SIGTERM of a kelp" => {
                self.terminate(which);
                self.kelps[which].run();
            }
            "kill -9 of elasticsearch" => {
                self.servers.elasticsearch.kill().unwrap();
                sleep(away);
                self.servers.elasticsearch.restart().unwrap();
            }
            "kill -9 of the broker" => {
                self.servers.kafka.kill().unwrap();
                sleep(away);
                self.servers.kafka.restart().unwrap();
            }
            "SIGSTOP beyond the session timeout" => {
                self.kelps[which].pause();
                sleep(FREEZE);
                self.kelps[which].resume();
            }
            _ => {
                let mut third = self.start();
                sleep(Duration::from_secs(2) + away);
                third.assert_running();
                third.terminate();
            }
        }
    }

    /// It must not fail; a signal may end it that was started a moment ago, or cannot deliver in time what it has.
    fn terminate(&mut self, which: usize) {
        let status = self.kelps[which].terminate();
        let failed = status.code().is_some_and(|code| code != 0);
        assert!(!failed, "{status}: {}", self.kelps[which].log());
    }

    fn look_at_memory(&mut self) {
        for kelp in &mut self.kelps {
            kelp.assert_running();
            self.peak_memory_mb = self.peak_memory_mb.max(kelp.peak_memory_mb());
        }
    }

    fn report(mut self, seed: u64, total: usize) {
        let client = self.servers.client();
        let name = &self.topic.name;
        wait_until(
            "all messages to be acknowledged",
            300,
            || client.count(name).unwrap_or(0),
            |&count| count >= total as u64,
        );
        every_document(client, name, total, 60);
        wait_until(
            "the commit of all",
            60,
            || self.topic.committed(name),
            |&committed| committed == self.topic.len(),
        );
        let stored = client.count(name).unwrap();
        self.look_at_memory();
        println!("seed {seed}: {total} messages, {stored} documents");
        for (what, count) in self.done.iter().chain(&self.proxy.counts()) {
            println!("{count:6} x {what}");
        }
        println!("at most {} MiB resident", self.peak_memory_mb);
        for kelp in &self.kelps {
            let letters = kelp.dead_letters();
            assert!(letters.is_empty(), "dead letters: {letters:?}");
        }
        assert_eq!(stored, total as u64, "stored more than once");
    }
}

/// Writes numbered messages; returns how many.
fn write_until(writer: &Topic, stop: &AtomicBool) -> usize {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let next = written + WRITTEN_AT_ONCE;
        writer.write((written..next).map(|n| format!(r#"{{"n":{n}}}"#)));
        written = next;
        sleep(WRITE_EVERY);
    }
    written
}

struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
