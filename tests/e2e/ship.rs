//! `kelp ship` to real Kafka: nothing is lost and nothing repeated through rotation, truncation and `kill -9`.

use super::support::{Done, Topic, scaled, shared, ship, wait_until};
use kelp_harness::Service;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The numbers at the end of the lines of a topic.
fn numbers(topic: &Topic) -> Vec<usize> {
    let messages = topic.read();
    let numbers = messages.iter().map(|(text, _)| {
        let number = text.rsplit(' ').next().unwrap();
        number.parse().unwrap_or_else(|_| panic!("{text}"))
    });
    numbers.collect()
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn kill_and_rotation_lose_and_repeat_no_line() {
    let servers = shared();
    let name = servers.unique("ship");
    let topic = Topic::new(&servers.kafka, &name);
    topic.write(["line number 0"]); // so that it is there to be looked at
    let mut service = Service::new("ship", None).unwrap();
    let folder = service.folder().to_owned();
    let kafka = servers.kafka.bootstrap();
    let run = |service: &mut Service| {
        let mut command = ship(&folder, &kafka, &name, &["app.log*"]);
        service.start(&mut command, || true).unwrap();
    };
    let at_least = scaled(60_000);
    // Lines go on being written until both kills are done: however fast the machine is, each falls in the middle of the work.
    let written = AtomicUsize::new(1);
    let killing = AtomicBool::new(true);
    let path = folder.join("app.log");
    File::create(&path).unwrap();
    run(&mut service);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = File::options().append(true).open(&path).unwrap();
            for number in 1.. {
                if number >= at_least && !killing.load(Ordering::Acquire) {
                    return;
                }
                writeln!(file, "2026-11-25 10:15:30 INFO line number {number}").unwrap();
                written.store(number + 1, Ordering::Release);
                if number % (at_least / 60) == 0 {
                    thread::sleep(Duration::from_millis(50));
                }
                if number % (at_least / 4) == at_least / 8 {
                    let rotated = folder.join(format!("app.log.{number}"));
                    fs::rename(&path, rotated).unwrap();
                    file = File::options()
                        .append(true)
                        .create(true)
                        .open(&path)
                        .unwrap();
                }
            }
        });
        let _done = Done(&killing);
        for part in [1, 2] {
            let reached = at_least * part / 4;
            wait_until(
                "lines in the topic",
                120,
                || topic.len(),
                |&length| length >= reached as i64,
            );
            service.kill().unwrap();
            println!(
                "kill {part}: {} of {} lines written are in the topic",
                topic.len(),
                written.load(Ordering::Acquire)
            );
            run(&mut service);
        }
    });
    let total = written.into_inner();
    wait_until(
        "all lines in the topic",
        180,
        || topic.len(),
        |&length| length >= total as i64,
    );
    let ended = wait_until(
        "every line",
        180,
        || numbers(&topic),
        |numbers| numbers.iter().collect::<BTreeSet<_>>().len() == total,
    );
    let twice = ended.len() - total;
    println!("{total} lines, {twice} of them twice");
    assert_eq!(twice, 0, "what a kill leaves unsaved is found in the topic");
    let status = service.stop().unwrap().unwrap();
    assert!(status.success(), "{status}");
    let before = topic.len();
    // After an orderly end nothing is left and nothing is repeated.
    let output = ship(&folder, &kafka, &name, &["app.log*", "--once"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(topic.len(), before);
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn events_of_several_lines_arrive_whole_with_where_they_come_from() {
    let servers = shared();
    let name = servers.unique("shiplines");
    let topic = Topic::new(&servers.kafka, &name);
    let service = Service::new("shiplines", None).unwrap();
    let folder = service.folder();
    let trace = "2026-11-25 10:15:30 ERROR cannot\njava.lang.X: why\n\tat a.B.c(B.java:1)";
    fs::write(
        folder.join("a.log"),
        format!("{trace}\n2026-11-25 10:15:31 INFO ready\n"),
    )
    .unwrap();
    let arguments = [
        "*.log",
        "--once",
        "--multiline",
        "--service",
        "shop",
        "--host",
        "web-9",
    ];
    let kafka = servers.kafka.bootstrap();
    let output = ship(folder, &kafka, &name, &arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut messages = topic.read();
    messages.sort();
    let texts: Vec<&str> = messages.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, [trace, "2026-11-25 10:15:31 INFO ready"]);
    let headers = &messages[0].1;
    let found = ["host", "service", "path"].map(|name| headers[name].as_str());
    assert_eq!(found, ["web-9", "shop", "a.log"]);
    // A property that there is not is told, not ignored.
    let output = ship(folder, &kafka, &name, &["a.log", "-X", "no.such=1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("no.such"),
        "{said}"
    );
}
