use std::path::Path;

use kelp_parser::record;
use kelp_sink::Reason;
use kelp_sink::dead_letter::{DeadLetter, DeadLetterSettings, DeadLetterStore, Origin, segments};

use super::*;
use crate::dead_letters::batch::OwnedHeaders;

/// A directory that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("kelp-letters-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("main")
    }

    fn sincedb(&self) -> PathBuf {
        self.0.join("since/db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Stores a dead letter for each payload.
fn write(store: &Path, payloads: &[String]) {
    let records = payloads
        .iter()
        .enumerate()
        .map(|(at, payload)| OwnedRecord {
            payload: Some(payload.clone().into_bytes()),
            key: Some(b"\xff".to_vec()),
            timestamp: record_time(),
            origin: Origin::Kafka {
                topic: "t".to_owned(),
                partition: 2,
                offset: at as i64,
            },
            headers: OwnedHeaders(vec![("h".to_owned(), Some(b"v".to_vec()))]),
        });
    let limits = Limits::default();
    let batch = LetterBatch::new(records.collect(), limits.in_flight.share(0));
    let batch: Arc<dyn RecordBatch> = Arc::new(batch);
    let letters = (0..batch.len() as u32).map(|record| DeadLetter {
        batch: Arc::clone(&batch),
        record,
        document: Box::default(),
        reason: Reason::unsent(if record % 2 == 0 { "even" } else { "odd" }, "a test"),
    });
    let (writer, handle) = DeadLetterStore::open(DeadLetterSettings::new(store)).unwrap();
    handle.submit_blocking(letters.collect()).unwrap();
    writer.close(false);
}

fn record_time() -> Option<kelp_parser::time::Timestamp> {
    Some(kelp_parser::time::Timestamp::from_millis(1_700_000_000_123))
}

fn entries(folder: &Folder) -> Reading {
    Reading {
        directory: folder.store(),
        from: Position::default(),
        since: None,
        what: What::Entries,
        sincedb: Some(folder.sincedb()),
        clean_consumed: false,
    }
}

/// Reads until `count` records have come; settles the first `settle` of them and ends.
fn read(reading: Reading, count: usize, settle: usize) -> (Vec<String>, Drained) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let source = LetterSource::start(reading, Limits::default(), 0, sender).unwrap();
    let mut payloads = Vec::new();
    while payloads.len() < count {
        let batch = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        for index in 0..batch.records.len() {
            let record = batch.records.record(index);
            payloads.push(String::from_utf8_lossy(record.payload.unwrap()).into_owned());
            if payloads.len() <= settle {
                batch.records.receipts().settle(index as u32);
            }
        }
    }
    let patience = Duration::from_millis(if settle < count { 50 } else { 60_000 });
    let drained = Box::new(source).drain(Instant::now() + patience);
    (payloads, drained)
}

#[test]
fn a_store_that_was_made_anew_is_read_from_its_start() {
    let folder = Folder::new("anew");
    let payloads: Vec<String> = (0..10).map(|number| format!("old{number}")).collect();
    write(&folder.store(), &payloads);
    read(entries(&folder), 10, 10);
    fs::remove_dir_all(folder.store()).unwrap();
    write(&folder.store(), &["new".to_owned()]);
    let (lines, drained) = read(entries(&folder), 1, 1);
    assert!(lines[0].contains("new"), "{lines:?}");
    assert_eq!((drained.unsettled_records, drained.committed), (0, true));
    write(&folder.store(), &["newer".to_owned()]);
    let (lines, _) = read(entries(&folder), 1, 1);
    assert!(lines[0].contains("newer"), "{lines:?}");
}

#[test]
fn reading_goes_on_behind_the_last_entry_that_was_settled() {
    let folder = Folder::new("position");
    let payloads: Vec<String> = (0..10).map(|number| format!("p{number}")).collect();
    write(&folder.store(), &payloads);
    let (lines, drained) = read(entries(&folder), 10, 4);
    assert_eq!((drained.unsettled_records, drained.committed), (6, true));
    assert!(
        lines[3].contains(r#""payload":{"text":"p3"}"#),
        "{}",
        lines[3]
    );
    let (lines, drained) = read(entries(&folder), 6, 6);
    assert_eq!(drained.unsettled_records, 0);
    assert!(lines[0].contains(r#"{"text":"p4"}"#), "{}", lines[0]);
    // What comes later is read too.
    write(&folder.store(), &["later".to_owned()]);
    let (lines, _) = read(entries(&folder), 1, 1);
    assert!(lines[0].contains("later"), "{}", lines[0]);
}

#[test]
fn segments_that_were_consumed_are_deleted() {
    let folder = Folder::new("clean");
    let payloads: Vec<String> = (0..5).map(|_| "x".repeat(4_000_000)).collect();
    write(&folder.store(), &payloads);
    assert_eq!(segments(&folder.store()).unwrap().len(), 3);
    let mut reading = entries(&folder);
    reading.clean_consumed = true;
    read(reading, 5, 5);
    let left = segments(&folder.store()).unwrap();
    assert_eq!(left.iter().map(|left| left.number).collect::<Vec<_>>(), [3]);
}

#[test]
fn the_original_records_come_back_with_all_that_they_had() {
    let folder = Folder::new("originals");
    let payloads: Vec<String> = (0..5).map(|number| format!("p{number}")).collect();
    write(&folder.store(), &payloads);
    let choice = Choice {
        reason: Some("odd".to_owned()),
        ..Choice::default()
    };
    let until = Position {
        segment: u64::MAX,
        offset: 0,
    };
    let mut reading = entries(&folder);
    (reading.sincedb, reading.what) = (None, What::Originals(choice, until));
    let (sender, receiver) = crossbeam_channel::unbounded();
    let source = LetterSource::start(reading, Limits::default(), 0, sender).unwrap();
    let batch = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(batch.records.len(), 2);
    let record = batch.records.record(1);
    assert_eq!(record.payload, Some(&b"p3"[..]));
    assert_eq!(record.key, Some(&b"\xff"[..]));
    assert_eq!(record.timestamp, record_time());
    let origin = record::Origin::Kafka {
        topic: "t",
        partition: 2,
        offset: 3,
    };
    assert_eq!(record.origin, origin);
    let mut headers = Vec::new();
    record.headers.visit(&mut |name, value| {
        headers.push((name.to_owned(), value.map(<[u8]>::to_vec)));
    });
    assert_eq!(headers, [("h".to_owned(), Some(b"v".to_vec()))]);
    while !matches!(source.state(), SourceState::Ended) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_is_no_dead_letter_does_not_keep_the_others_from_being_replayed() {
    let folder = Folder::new("broken");
    write(&folder.store(), &["p0".to_owned()]);
    let segment = segments(&folder.store()).unwrap().remove(0).path;
    let broken = fs::read_to_string(&segment).unwrap() + "{\"time\":\n";
    fs::write(&segment, broken).unwrap();
    write(&folder.store(), &["p1".to_owned()]);
    let until = Position {
        segment: u64::MAX,
        offset: 0,
    };
    let mut reading = entries(&folder);
    (reading.sincedb, reading.what) = (None, What::Originals(Choice::default(), until));
    assert_eq!(read(reading, 2, 2).0, ["p0", "p1"]);
}
