//! One dead letter as a line of JSON.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kelp_parser::record::{Origin, Record};
use kelp_parser::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Letter;

/// The order of the fields is the order in the line.
#[derive(Serialize)]
struct Entry<'a> {
    time: String,
    pipeline: &'a str,
    output: &'a str,
    reason: ReasonEntry<'a>,
    origin: OriginEntry<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderEntry>,
    /// The original bytes; null for a tombstone.
    payload: Option<Blob<'a>>,
    /// The action line as it was sent.
    action: Option<Json<'a>>,
    /// The source line as it was sent.
    event: Option<Json<'a>>,
}

#[derive(Serialize)]
struct ReasonEntry<'a> {
    status: Option<u16>,
    r#type: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OriginEntry<'a> {
    Kafka {
        topic: &'a str,
        partition: i32,
        offset: i64,
    },
    Line {
        source: &'a str,
        line: u64,
    },
}

#[derive(Serialize)]
struct HeaderEntry {
    name: String,
    value: Option<OwnedBlob>,
}

/// Bytes: as text where they are UTF-8, else in base64.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Blob<'a> {
    Text(&'a str),
    Base64(String),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum OwnedBlob {
    Text(String),
    Base64(String),
}

/// A line that was sent: embedded as it is if it is JSON, which only a defect could change.
#[derive(Serialize)]
#[serde(untagged)]
enum Json<'a> {
    Valid(&'a RawValue),
    Broken(Blob<'a>),
}

impl<'a> Blob<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }
}

impl OwnedBlob {
    fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }
}

impl<'a> Json<'a> {
    fn new(line: &'a [u8]) -> Self {
        match serde_json::from_slice(line) {
            Ok(valid) => Self::Valid(valid),
            Err(_) => Self::Broken(Blob::new(line)),
        }
    }
}

/// Appends one entry and its line break.
pub(super) fn write(out: &mut Vec<u8>, letter: &Letter<'_>) {
    let record = letter.record();
    let (action, event) = letter.lines();
    let entry = Entry {
        time: system_time(letter.time),
        pipeline: letter.pipeline,
        output: letter.output,
        reason: ReasonEntry {
            status: letter.letter.reason.status,
            r#type: &letter.letter.reason.kind,
            reason: &letter.letter.reason.text,
        },
        origin: origin(record.origin),
        timestamp: record.timestamp.map(iso8601),
        key: record.key.map(Blob::new),
        headers: headers(&record),
        payload: record.payload.map(Blob::new),
        action: action.map(Json::new),
        event: event.map(Json::new),
    };
    // Writing to memory cannot fail, and every part can be written as JSON.
    let written = serde_json::to_writer(&mut *out, &entry);
    debug_assert!(written.is_ok(), "{written:?}");
    out.push(b'\n');
}

fn origin(origin: Origin<'_>) -> OriginEntry<'_> {
    match origin {
        Origin::Kafka {
            topic,
            partition,
            offset,
        } => OriginEntry::Kafka {
            topic,
            partition,
            offset,
        },
        Origin::Line { source, number } => OriginEntry::Line {
            source,
            line: number,
        },
    }
}

fn headers(record: &Record<'_>) -> Vec<HeaderEntry> {
    let mut headers = Vec::new();
    record.headers.visit(&mut |name, value| {
        headers.push(HeaderEntry {
            name: name.to_owned(),
            value: value.map(OwnedBlob::new),
        });
    });
    headers
}

pub(super) fn system_time(time: SystemTime) -> String {
    let since_epoch = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    iso8601(Timestamp::from_millis(since_epoch.as_millis() as i64))
}

pub(super) fn iso8601(timestamp: Timestamp) -> String {
    let mut out = Vec::new();
    timestamp.write_iso8601(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}
