//! Reading the local store back, while it may be written to.
//!
//! Only whole lines are entries: what lies behind a segment's last line break is being written, or was
//! cut short by a crash.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::segments::{path_of, segments};

/// A place in the store: everything before it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The number of the segment.
    pub segment: u64,
    /// Bytes of it.
    pub offset: u64,
}

/// Reads entries in order.
pub struct Reader {
    directory: PathBuf,
    position: Position,
    open: Option<BufReader<File>>,
}

/// An entry of the store, as it was written.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// When the document was given up, in ISO 8601.
    pub time: String,
    /// The pipeline's id.
    pub pipeline: String,
    /// The `id` or name of the output; empty when it never came that far.
    pub output: String,
    /// Why.
    pub reason: Why,
    /// Where the record came from.
    pub origin: Origin,
    /// The record's timestamp, in ISO 8601.
    pub timestamp: Option<String>,
    /// The record's key.
    pub key: Option<Blob>,
    /// The record's headers.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// The original bytes; none for a tombstone.
    pub payload: Option<Blob>,
    /// The action line as it was sent.
    pub action: Option<Box<RawValue>>,
    /// The event as it was sent.
    pub event: Option<Box<RawValue>>,
}

/// Why a document was given up.
#[derive(Clone, Debug, Deserialize)]
pub struct Why {
    /// The HTTP status; none if it was never sent.
    pub status: Option<u16>,
    /// The type of the error.
    pub r#type: String,
    /// For people.
    pub reason: String,
}

/// Where a record came from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Origin {
    /// Kafka.
    Kafka {
        /// Its topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// A line.
    Line {
        /// The path, or the name of the input.
        source: String,
        /// Counted from 0.
        line: u64,
    },
}

/// Bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blob {
    /// As text.
    Text(String),
    /// In base64.
    Base64(String),
}

/// A header of a record.
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<Blob>,
}

/// A store that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error("cannot read `{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is no entry.
    #[error("`{path}` holds what is no dead letter at byte {offset}: {source}")]
    Entry {
        /// The file.
        path: PathBuf,
        /// Where the line begins.
        offset: u64,
        /// Why.
        source: serde_json::Error,
    },
}

impl Blob {
    /// The bytes themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            // Written by us: what is no base64 was changed by hand, and stays as it is.
            Self::Base64(text) => STANDARD.decode(&text).unwrap_or(text.into_bytes()),
        }
    }
}

impl Reader {
    /// From `position` on.
    pub fn new(directory: impl Into<PathBuf>, position: Position) -> Self {
        Self {
            directory: directory.into(),
            position,
            open: None,
        }
    }

    /// Where the next entry begins.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Appends the next whole line to `line`, without its break; tells where it began. `None` at the end.
    pub fn next_line(&mut self, line: &mut Vec<u8>) -> Result<Option<Position>, ReadError> {
        loop {
            if self.open.is_none() && !self.open_next()? {
                return Ok(None);
            }
            if let Some(began) = self.read_line(line)? {
                return Ok(Some(began));
            }
            let current = self.position.segment;
            let all = segments(&self.directory).map_err(|source| self.failed(source))?;
            if !all.iter().any(|segment| segment.number > current) {
                return Ok(None);
            }
            // A segment is complete once there is a later one, so it has to be asked once more after that.
            if let Some(began) = self.read_line(line)? {
                return Ok(Some(began));
            }
            self.position = Position {
                segment: current + 1,
                offset: 0,
            };
            self.open = None;
        }
    }

    /// The next entry and where it began; `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<(Position, Entry)>, ReadError> {
        let mut line = Vec::new();
        let Some(began) = self.next_line(&mut line)? else {
            return Ok(None);
        };
        match serde_json::from_slice(&line) {
            Ok(entry) => Ok(Some((began, entry))),
            Err(source) => Err(ReadError::Entry {
                path: path_of(&self.directory, began.segment),
                offset: began.offset,
                source,
            }),
        }
    }

    /// Opens the first segment that is not wholly before the position; `false` where there is none.
    fn open_next(&mut self) -> Result<bool, ReadError> {
        let wanted = self.position.segment;
        let (segment, file) = loop {
            let all = segments(&self.directory).map_err(|source| self.failed(source))?;
            let Some(segment) = all.into_iter().find(|segment| segment.number >= wanted) else {
                return Ok(false);
            };
            match File::open(&segment.path) {
                Ok(file) => break (segment, file),
                // Whoever deletes old segments did so just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failed(error)),
            }
        };
        if segment.number > wanted {
            self.position = Position {
                segment: segment.number,
                offset: 0,
            };
        }
        let mut reader = BufReader::with_capacity(64 << 10, file);
        let start = SeekFrom::Start(self.position.offset);
        reader.seek(start).map_err(|source| self.failed(source))?;
        self.open = Some(reader);
        Ok(true)
    }

    /// The next whole line of the open segment.
    fn read_line(&mut self, line: &mut Vec<u8>) -> Result<Option<Position>, ReadError> {
        let Some(reader) = &mut self.open else {
            return Ok(None);
        };
        let began = self.position;
        let before = line.len();
        let mut read = || {
            let bytes = reader.read_until(b'\n', line)?;
            let is_whole = bytes > 0 && line.last() == Some(&b'\n');
            if !is_whole && bytes > 0 {
                // It is being written: what was read of it is read again.
                reader.seek(SeekFrom::Start(began.offset))?;
            }
            io::Result::Ok(is_whole.then_some(bytes))
        };
        match read() {
            Ok(Some(bytes)) => {
                line.pop();
                self.position.offset += bytes as u64;
                Ok(Some(began))
            }
            Ok(None) => {
                line.truncate(before);
                Ok(None)
            }
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: io::Error) -> ReadError {
        ReadError::File {
            path: self.directory.clone(),
            source,
        }
    }
}
