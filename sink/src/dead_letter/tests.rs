use std::fs::OpenOptions;
use std::path::Path;

use super::*;
use crate::testing::TestBatch;

fn letter(batch: &Arc<TestBatch>, record: u32, document: &str) -> DeadLetter {
    batch.receipts().hold(record);
    DeadLetter {
        batch: batch.clone(),
        record,
        document: document.as_bytes().into(),
        reason: Reason {
            status: Some(400),
            kind: "document_parsing_exception".to_owned(),
            text: "no \"number\"".to_owned(),
        },
    }
}

fn settings(path: &Path, max_bytes: u64) -> DeadLetterSettings {
    DeadLetterSettings {
        max_bytes,
        ..DeadLetterSettings::new(path)
    }
}

fn open(path: &Path, max_bytes: u64) -> (DeadLetterStore, DeadLetters) {
    DeadLetterStore::open(settings(path, max_bytes)).unwrap()
}

fn entries(path: &Path) -> Vec<serde_json::Value> {
    let mut entries = Vec::new();
    for segment in segments(path).unwrap() {
        let text = std::fs::read_to_string(segment.path).unwrap();
        entries.extend(
            text.lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()),
        );
    }
    entries
}

#[test]
fn an_entry_holds_all_that_is_needed_and_is_durable_before_the_record_is_settled() {
    let dir = crate::testing::TempDir::new();
    let batch = Arc::new(TestBatch::of(&[b"n=abc", b"\xff\xfe"]));
    let (store, letters) = open(dir.path(), 1 << 20);
    let output = letters.for_output("main", "elasticsearch-1");
    let document = "{\"index\":{\"_index\":\"m\"}}\n{\"n\":\"abc\"}\n";
    output
        .submit_blocking(vec![letter(&batch, 0, document), letter(&batch, 1, "{")])
        .unwrap();
    drop((letters, output));
    store.close(false);
    assert_eq!(batch.holds(), [0, 0], "the letters' holds are given back");
    let entries = entries(dir.path());
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["pipeline"], "main");
    assert_eq!(entries[0]["output"], "elasticsearch-1");
    assert_eq!(
        entries[0]["reason"],
        serde_json::json!({"status": 400, "type": "document_parsing_exception", "reason": "no \"number\""})
    );
    assert_eq!(
        entries[0]["origin"],
        serde_json::json!({"topic": "test", "partition": 3, "offset": 100})
    );
    assert_eq!(entries[0]["payload"], serde_json::json!({"text": "n=abc"}));
    assert_eq!(entries[0]["action"]["index"]["_index"], "m");
    assert_eq!(entries[0]["event"], serde_json::json!({"n": "abc"}));
    assert!(entries[0]["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(entries[1]["payload"], serde_json::json!({"base64": "//4="}));
    assert_eq!(entries[1]["action"], serde_json::json!({"text": "{"}));
    assert_eq!(entries[1]["event"], serde_json::Value::Null);
}

#[test]
fn what_cannot_be_written_stays_held() {
    let dir = crate::testing::TempDir::new();
    let batch = Arc::new(TestBatch::of(&[b"x"]));
    let (store, letters) = open(dir.path(), 10);
    letters
        .submit_blocking(vec![letter(&batch, 0, "{}")])
        .unwrap();
    while !letters.is_failing() {
        thread::sleep(Duration::from_millis(1));
    }
    drop(letters);
    store.close(true);
    assert_eq!(batch.holds(), [1]);
    assert_eq!(entries(dir.path()).len(), 0);
}

#[test]
fn a_line_that_a_crash_cut_short_is_removed_and_the_others_stay() {
    let long = format!("{{\"a\":1}}\n{{\"b\":\"{}", "x".repeat(200_000));
    for (before, kept) in [
        ("{\"a\":1}\n{\"b\":2}\n{\"c\"", 2),
        ("{\"a\"", 0),
        ("", 0),
        ("{\"a\":1}\n", 1),
        (&long, 1),
    ] {
        let dir = crate::testing::TempDir::new();
        std::fs::write(dir.path().join("000001.ndjson"), before).unwrap();
        let (store, letters) = open(dir.path(), 1 << 20);
        let batch = Arc::new(TestBatch::of(&[b"x"]));
        letters
            .submit_blocking(vec![letter(&batch, 0, "{}")])
            .unwrap();
        drop(letters);
        store.close(false);
        assert_eq!(entries(dir.path()).len(), kept + 1, "{before}");
    }
}

/// Writes entries of about 4 MB each, one at a time.
fn write_large(settings: DeadLetterSettings, count: usize) -> (u64, u64) {
    let (store, letters) = DeadLetterStore::open(settings).unwrap();
    for number in 0..count {
        let payload = format!("{number:03}{}", "x".repeat(4_000_000));
        let batch = Arc::new(TestBatch::of(&[payload.as_bytes()]));
        letters
            .submit_blocking(vec![letter(&batch, 0, "{}")])
            .unwrap();
    }
    store.close(false);
    (letters.written(), letters.dropped())
}

/// The numbers at the start of the payloads that the store holds, in order.
fn numbers(path: &Path) -> Vec<u32> {
    let mut reader = Reader::new(path, Position::default());
    let mut numbers = Vec::new();
    while let Some((_, entry)) = reader.next_entry().unwrap() {
        let payload = entry.payload.unwrap().into_bytes();
        let number = String::from_utf8(payload[..3].to_vec()).unwrap();
        numbers.push(number.parse().unwrap());
    }
    numbers
}

#[test]
fn segments_follow_each_other_and_are_read_back_in_order() {
    let dir = crate::testing::TempDir::new();
    assert_eq!(write_large(settings(dir.path(), 1 << 30), 7), (7, 0));
    assert_eq!(segments(dir.path()).unwrap().len(), 4);
    assert_eq!(numbers(dir.path()), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_full_store_drops_what_its_policy_says() {
    for (policy, kept, written) in [
        (StoragePolicy::DropNewer, vec![0, 1, 2, 3], (4, 3)),
        (StoragePolicy::DropOlder, vec![4, 5, 6], (7, 0)),
    ] {
        let dir = crate::testing::TempDir::new();
        let mut settings = settings(dir.path(), 17_000_000);
        settings.storage_policy = policy;
        assert_eq!(write_large(settings, 7), written, "{policy:?}");
        assert_eq!(numbers(dir.path()), kept, "{policy:?}");
    }
}

#[test]
fn old_segments_are_deleted_and_their_numbers_are_not_used_again() {
    let dir = crate::testing::TempDir::new();
    write_large(settings(dir.path(), 1 << 30), 3);
    thread::sleep(Duration::from_millis(20));
    let mut settings = settings(dir.path(), 1 << 30);
    settings.retain_age = Some(Duration::from_millis(10));
    let (store, letters) = DeadLetterStore::open(settings).unwrap();
    assert_eq!(numbers(dir.path()), [] as [u32; 0]);
    drop(letters);
    store.close(false);
    let left = segments(dir.path()).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].number, 3);
}

/// Somebody may have read of a segment that is taken back: a number stands for one content only.
#[test]
fn a_segment_that_is_taken_back_leaves_its_number_unused() {
    let dir = crate::testing::TempDir::new();
    // Of three entries the second begins a segment, and for the third there is no room.
    let (store, letters) = open(dir.path(), 11_500_000);
    let submit = |payloads: &[(u32, usize)]| {
        let payloads = payloads
            .iter()
            .map(|(number, bytes)| format!("{number:03}{}", "x".repeat(*bytes)).into_bytes());
        let payloads: Vec<Vec<u8>> = payloads.collect();
        let batch = Arc::new(TestBatch::of(
            &payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        ));
        let all = (0..payloads.len() as u32).map(|record| letter(&batch, record, "{}"));
        letters.submit_blocking(all.collect()).unwrap();
        batch
    };
    submit(&[(0, 4_000_000)]);
    submit(&[(1, 4_000_000)]);
    let held = submit(&[(2, 1_300_000), (3, 1_300_000), (4, 1_300_000)]);
    store.close(true);
    assert_eq!(held.holds(), [1, 1, 1]);
    assert_eq!(numbers(dir.path()), [0, 1]);
    let left = segments(dir.path()).unwrap();
    // Each further attempt takes one more.
    assert!(left.len() == 2 && left[0].number == 1 && left[1].number >= 3);
}

/// A reader that has read an entry that was then taken back stands behind the end of its segment: it reads all that comes.
#[test]
fn a_reader_of_what_is_taken_back_goes_on_with_what_comes() {
    let dir = crate::testing::TempDir::new();
    let (store, letters) = open(dir.path(), 4_000);
    let submit = |letters: &DeadLetters, payloads: &[&[u8]]| {
        let batch = Arc::new(TestBatch::of(payloads));
        let all = (0..payloads.len() as u32).map(|record| letter(&batch, record, "{}"));
        letters.submit_blocking(all.collect()).unwrap();
    };
    submit(&letters, &[b"000"]);
    while letters.written() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    // The second of these has no room, so the first is taken back.
    submit(&letters, &[b"001", &[b'x'; 10_000]]);
    drop(letters);
    store.close(true);
    assert_eq!(numbers(dir.path()), [0]);
    let end = segments(dir.path()).unwrap()[0].bytes;
    let behind = Position {
        segment: 1,
        offset: end + 100,
    };
    let (store, letters) = open(dir.path(), 1 << 20);
    submit(&letters, &[b"002", b"003"]);
    drop(letters);
    store.close(false);
    let mut reader = Reader::new(dir.path(), behind);
    let mut payloads = Vec::new();
    while let Some((_, entry)) = reader.next_entry().unwrap() {
        payloads.push(entry.payload.unwrap().into_bytes());
    }
    assert_eq!(payloads, [b"002", b"003"]);
}

/// What a reader has read may be taken back only when there is a segment to go on with: a crash in between would have what comes next
/// written where the reader has been already.
#[test]
fn nothing_is_taken_back_before_the_next_segment_is_there() {
    let dir = crate::testing::TempDir::new();
    let mut store = Store::open(settings(dir.path(), 20_000)).unwrap();
    let append = |store: &mut Store, payloads: &[&[u8]]| {
        let batch = Arc::new(TestBatch::of(payloads));
        let all = (0..payloads.len() as u32).map(|record| letter(&batch, record, "{}"));
        let all: Vec<DeadLetter> = all.collect();
        let letters = all.iter().map(|letter| Letter {
            time: SystemTime::now(),
            pipeline: "main",
            output: "",
            letter,
        });
        store.append(&letters.collect::<Vec<_>>())
    };
    append(&mut store, &[b"000"]).unwrap();
    // The next segment cannot be begun.
    let obstacle = dir.path().join("000002.ndjson");
    std::fs::create_dir(&obstacle).unwrap();
    // The second of these has no room.
    append(&mut store, &[b"001", &[b'x'; 30_000]]).unwrap_err();
    let seen = segments(dir.path()).unwrap()[0].bytes;
    append(&mut store, &[b"001"]).unwrap_err();
    assert_eq!(segments(dir.path()).unwrap()[0].bytes, seen);
    std::fs::remove_dir(&obstacle).unwrap();
    append(&mut store, &[b"001"]).unwrap();
    assert_eq!(numbers(dir.path()), [0, 1]);
    let behind = Position {
        segment: 1,
        offset: seen,
    };
    let mut reader = Reader::new(dir.path(), behind);
    let (at, _) = reader.next_entry().unwrap().unwrap();
    assert_eq!(at.segment, 2, "the one that was taken back comes again");
}

/// After a power cut a segment may end before what a reader has seen of it.
#[test]
fn a_reader_behind_what_a_power_cut_took_reads_all_that_comes() {
    let dir = crate::testing::TempDir::new();
    let write = |payload: &[u8]| {
        let (store, letters) = open(dir.path(), 1 << 20);
        let batch = Arc::new(TestBatch::of(&[payload]));
        letters
            .submit_blocking(vec![letter(&batch, 0, "{}")])
            .unwrap();
        store.close(false);
    };
    for kept in [0, 1, 2] {
        write(b"000");
        write(b"001");
        let last = segments(dir.path()).unwrap().pop().unwrap();
        let behind = Position {
            segment: last.number,
            offset: last.bytes,
        };
        let file = OpenOptions::new().write(true).open(&last.path).unwrap();
        file.set_len(last.bytes * kept / 3).unwrap();
        write(b"002");
        let mut reader = Reader::new(dir.path(), behind);
        let (_, entry) = reader.next_entry().unwrap().unwrap();
        assert_eq!(entry.payload.unwrap().into_bytes(), b"002", "{kept}");
    }
}

#[test]
fn purging_leaves_the_numbers_and_what_a_running_kelp_writes_to() {
    let dir = crate::testing::TempDir::new();
    write_large(settings(dir.path(), 1 << 30), 3);
    let (store, letters) = open(dir.path(), 1 << 30);
    let batch = Arc::new(TestBatch::of(&[b"003"]));
    letters
        .submit_blocking(vec![letter(&batch, 0, "{}")])
        .unwrap();
    while letters.written() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(purge(dir.path()).unwrap().len(), 2);
    assert_eq!(numbers(dir.path()), [3]);
    drop(letters);
    store.close(false);
    assert_eq!(purge(dir.path()).unwrap().len(), 1);
    assert_eq!(purge(dir.path()).unwrap().len(), 0);
    assert_eq!(segments(dir.path()).unwrap()[0].number, 4);
}

/// All of it can be, and what was waiting for room is written.
#[test]
fn a_store_that_is_full_can_be_purged_while_it_is_open() {
    let dir = crate::testing::TempDir::new();
    let (store, letters) = open(dir.path(), 1_000);
    let submit = |payload: &[u8]| {
        let batch = Arc::new(TestBatch::of(&[payload]));
        letters
            .submit_blocking(vec![letter(&batch, 0, "{}")])
            .unwrap();
    };
    submit(format!("000{}", "x".repeat(500)).as_bytes());
    // Handed over together, both would be taken back.
    while letters.written() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    submit(format!("001{}", "x".repeat(500)).as_bytes());
    while !letters.is_failing() {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(numbers(dir.path()), [0]);
    purge(dir.path()).unwrap();
    store.close(false);
    assert_eq!(numbers(dir.path()), [1]);
}

#[test]
fn one_process_at_a_time_writes() {
    let dir = crate::testing::TempDir::new();
    let (store, _letters) = open(dir.path(), 1 << 20);
    let second = DeadLetterStore::open(settings(dir.path(), 1 << 20));
    let error = second.err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("another kelp writes to it"));
    store.close(false);
    open(dir.path(), 1 << 20);
}

#[test]
fn after_closing_nothing_is_taken() {
    let dir = crate::testing::TempDir::new();
    let (store, letters) = open(dir.path(), 1 << 20);
    store.close(false);
    let batch = Arc::new(TestBatch::of(&[b"x"]));
    let taken = letters.submit_blocking(vec![letter(&batch, 0, "{}")]);
    assert_eq!(taken, Err(Closed));
    assert_eq!(batch.holds(), [1]);
}

#[test]
fn a_directory_that_was_deleted_is_made_anew() {
    let dir = crate::testing::TempDir::new();
    let path = dir.path().join("main");
    let (store, letters) = open(&path, 1 << 20);
    std::fs::remove_dir_all(&path).unwrap();
    let batch = Arc::new(TestBatch::of(&[b"007"]));
    letters
        .submit_blocking(vec![letter(&batch, 0, "{}")])
        .unwrap();
    store.close(false);
    assert_eq!(numbers(&path), [7]);
}

/// A medium that fails at first.
struct Moody(Arc<AtomicU64>);

impl Medium for Moody {
    fn append(&mut self, letters: &[Letter<'_>]) -> io::Result<Appended> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Err(io::Error::other("not in the mood")),
            _ => Ok(Appended {
                written: letters.len() as u64,
                dropped: 0,
            }),
        }
    }

    fn look_after(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

#[test]
fn a_write_that_fails_is_repeated() {
    let attempts = Arc::new(AtomicU64::new(0));
    let (store, letters) = DeadLetterStore::start(Box::new(Moody(Arc::clone(&attempts)))).unwrap();
    let batch = Arc::new(TestBatch::of(&[b"x"]));
    letters
        .submit_blocking(vec![letter(&batch, 0, "{}")])
        .unwrap();
    store.close(false);
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    assert_eq!(letters.written(), 1);
    assert_eq!(batch.holds(), [0]);
}

/// Whatever a crash leaves of the last line, the entries before it are read, and new ones follow.
#[test]
fn every_torn_tail_is_cut() {
    let dir = crate::testing::TempDir::new();
    let (store, letters) = open(dir.path(), 1 << 20);
    for payload in [b"000", b"001"] {
        let batch = Arc::new(TestBatch::of(&[payload]));
        letters
            .submit_blocking(vec![letter(&batch, 0, "{}")])
            .unwrap();
    }
    store.close(false);
    let whole = std::fs::read(dir.path().join("000001.ndjson")).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for len in first..whole.len() {
        let dir = crate::testing::TempDir::new();
        let file = dir.path().join("000001.ndjson");
        std::fs::write(&file, &whole[..len]).unwrap();
        assert_eq!(numbers(dir.path()), [0], "{len}");
        let (store, letters) = open(dir.path(), 1 << 20);
        let batch = Arc::new(TestBatch::of(&[b"002"]));
        letters
            .submit_blocking(vec![letter(&batch, 0, "{}")])
            .unwrap();
        store.close(false);
        assert_eq!(std::fs::metadata(file).unwrap().len(), first as u64);
        assert_eq!(numbers(dir.path()), [0, 2], "{len}");
    }
}
