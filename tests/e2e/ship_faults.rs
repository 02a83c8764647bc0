//! `kelp ship` while everything fails: killed again and again, with the broker away, with more files than may be open, some of which it may
//! not read, and no room for its positions. Each line arrives, and once.

use super::support::{Topic, shared, ship, wait_until};
use kelp_harness::{Kafka, KafkaOptions, Service};
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

const NOBODY: u32 = 65_534;

fn append(path: &Path, text: &str) {
    let file = File::options().create(true).append(true).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

/// How often each text is in the topic.
fn texts(topic: &Topic) -> BTreeMap<String, usize> {
    let mut texts = BTreeMap::new();
    for (text, _) in topic.read() {
        *texts.entry(text).or_insert(0) += 1;
    }
    texts
}

#[track_caller]
fn each_once(topic: &Topic, lines: usize) {
    let found = wait_until(
        "every line",
        180,
        || texts(topic),
        |found| found.len() >= lines,
    );
    let repeated = found.iter().filter(|(_, times)| **times > 1);
    let repeated: Vec<_> = repeated.take(5).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
    assert_eq!(found.len(), lines);
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn kills_and_a_broker_that_is_away_lose_and_repeat_no_line() {
    let mut kafka = Kafka::start(KafkaOptions::default()).unwrap();
    let topic = Topic::new(&kafka, "shipfaults");
    topic.write(["a line of another"]); // so that it is there to be looked at
    let mut service = Service::new("shipfaults", None).unwrap();
    let folder = service.folder().to_owned();
    let (bootstrap, path) = (kafka.bootstrap(), folder.join("app.log"));
    let run = |service: &mut Service| {
        let mut command = ship(&folder, &bootstrap, "shipfaults", &["app.log"]);
        service.start(&mut command, || true).unwrap();
    };
    let mut written = 0;
    let mut write = |count: usize| {
        let lines: String = (written..written + count)
            .map(|number| format!("2026-11-25 10:15:30 INFO line number {number}\n"))
            .collect();
        append(&path, &lines);
        written += count;
    };
    // Numbers that look like chance, and are the same each time.
    let mut seed = 7_u64;
    let mut chance = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    run(&mut service);
    for round in 0..8 {
        for _ in 0..5 {
            write(2_000);
            thread::sleep(Duration::from_millis(chance(300)));
        }
        match round {
            2 => kafka.kill().unwrap(), // with what is in flight
            3 => {
                // Away at the start: the file is rotated to where no pattern looks, while it waits.
                wait_until(
                    "the wait for Kafka",
                    60,
                    || service.log_tail(),
                    |log| log.contains("Kafka cannot be asked yet"),
                );
                fs::rename(&path, folder.join("rotated")).unwrap();
                write(100);
                thread::sleep(Duration::from_secs(1));
                kafka.restart().unwrap();
            }
            5 => {
                kafka.kill().unwrap();
                kafka.restart().unwrap();
            }
            _ => {}
        }
        thread::sleep(Duration::from_millis(chance(1_500)));
        service.kill().unwrap();
        if round % 2 == 1 {
            // While nobody looks.
            write(500);
            fs::rename(&path, folder.join(format!("rotated {round}"))).unwrap();
            write(500);
        }
        run(&mut service);
    }
    each_once(&topic, written + 1);
    let status = service.stop().unwrap().unwrap();
    assert!(status.success(), "{status}");
    // An orderly end leaves nothing to look for.
    let saved = fs::read_to_string(folder.join("data/ship/shipfaults.json")).unwrap();
    assert!(saved.contains("\"ends\":null"), "{saved}");
    println!("{written} lines, each once");
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_thousand_files_are_followed_whatever_is_wrong_with_some() {
    let servers = shared();
    let name = servers.unique("shipmany");
    let topic = Topic::new(&servers.kafka, &name);
    topic.write(["a line of another"]);
    let mut service = Service::new("shipmany", None).unwrap();
    let folder = service.folder().to_owned();
    let logs = folder.join("logs");
    fs::create_dir(&logs).unwrap();
    for number in 0..1_000 {
        let file = logs.join(format!("{number}.log"));
        append(&file, &format!("{number} first\r\n\r\n{number} second\r\n"));
    }
    append(&logs.join("secret.log"), "the secret\n");
    fs::set_permissions(logs.join("secret.log"), Permissions::from_mode(0o000)).unwrap();
    append(&logs.join("long.log"), &"\u{20ac}".repeat(400_000));
    // Nothing can be saved while this folder is where the new file is to be written.
    let positions = folder.join("state/positions.json");
    let in_the_way = folder.join("state/positions.json.new");
    fs::create_dir_all(&in_the_way).unwrap();
    let is_root = folder.metadata().unwrap().uid() == 0;
    if is_root {
        for path in [&folder, &logs, &folder.join("state")] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let kafka = servers.kafka.bootstrap();
    let place = positions.to_string_lossy().into_owned();
    let run = |service: &mut Service| {
        let arguments = ["logs/*.log", "--positions", &place];
        let mut command = ship(&folder, &kafka, &name, &arguments);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        service.start(&mut command, || true).unwrap();
    };
    let log = |service: &Service| fs::read_to_string(service.log_path()).unwrap();
    run(&mut service);
    let lines = 1 + 2 * 1_000;
    // Of the long line what fits into one event has no end yet, the piece before it has.
    wait_until(
        "what can be read",
        120,
        || topic.len(),
        |&length| length > lines,
    );
    thread::sleep(Duration::from_secs(3)); // it has looked again meanwhile
    let said = log(&service);
    let complaints = said.matches("it cannot be read; it is tried again").count();
    assert_eq!(complaints, 1, "{said}");
    assert!(said.contains("secret.log") && said.contains("Permission denied"));
    assert_eq!(
        said.matches("positions cannot be saved").count(),
        1,
        "{said}"
    );
    assert!(!positions.exists());

    append(&logs.join("long.log"), "\nshort\n");
    fs::set_permissions(logs.join("secret.log"), Permissions::from_mode(0o644)).unwrap();
    fs::remove_dir(&in_the_way).unwrap();
    wait_until(
        "positions that are saved",
        60,
        || log(&service),
        |said| said.contains("positions are saved again"),
    );
    let lines = lines + 4;
    wait_until("all", 60, || topic.len(), |&length| length >= lines);
    wait_until(
        "the position of the last",
        60,
        || fs::read_to_string(&positions).unwrap_or_default(),
        |saved| saved.contains("secret.log") && saved.contains("\"offset\":11,"),
    );
    service.kill().unwrap();
    run(&mut service);
    for number in (0..1_000).step_by(7) {
        let file = logs.join(format!("{number}.log"));
        append(&file, &format!("{number} third\r\n"));
    }
    each_once(&topic, lines as usize + 143);
    let status = service.stop().unwrap().unwrap();
    assert!(status.success(), "{status}");
    let long = texts(&topic);
    let pieces = long.keys().filter(|text| text.starts_with('\u{20ac}'));
    let pieces: Vec<usize> = pieces.map(String::len).collect();
    assert_eq!(pieces.iter().sum::<usize>(), 1_200_000, "{pieces:?}");
}
