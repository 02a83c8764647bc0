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

fn open(path: &Path, max_bytes: u64) -> (DeadLetterStore, DeadLetters) {
    let settings = DeadLetterSettings {
        path: path.to_owned(),
        max_bytes,
    };
    DeadLetterStore::open(settings).unwrap()
}

fn entries(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path.join("000001.ndjson")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
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
    let dir = crate::testing::TempDir::new();
    let file = dir.path().join("000001.ndjson");
    for (before, kept) in [
        ("{\"a\":1}\n{\"b\":2}\n{\"c\"", 2),
        ("{\"a\"", 0),
        ("", 0),
        ("{\"a\":1}\n", 1),
    ] {
        std::fs::write(&file, before).unwrap();
        let (store, letters) = open(dir.path(), 1 << 20);
        let batch = Arc::new(TestBatch::of(&[b"x"]));
        letters
            .submit_blocking(vec![letter(&batch, 0, "{}")])
            .unwrap();
        drop(letters);
        store.close(false);
        assert_eq!(entries(dir.path()).len(), kept + 1, "{before}");
    }
    let long = format!("{{\"a\":1}}\n{{\"b\":\"{}", "x".repeat(200_000));
    std::fs::write(&file, long).unwrap();
    let (store, letters) = open(dir.path(), 1 << 20);
    drop(letters);
    store.close(false);
    assert_eq!(entries(dir.path()).len(), 1);
}
