//! The local store: entries appended to segments, durable when `append` returns.
//!
//! A segment that has grown to [`SEGMENT_BYTES`] is closed and the next one begun, so that old entries
//! can go a segment at a time. Only one process may write to a directory; a lock says so.
//!
//! What a reader has seen of a segment is never written over, whatever happens: a segment is shortened only when the next one is there, and
//! each start begins one of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::segments::{Segment, path_of, segments};
use super::{Appended, Letter, Medium, entry};

/// From this size on a segment is closed (as in Logstash).
const SEGMENT_BYTES: u64 = 10 << 20;
const LOCK_FILE: &str = ".lock";

/// Where and how much.
#[derive(Clone, Debug)]
pub struct DeadLetterSettings {
    /// A directory; made where there is none.
    pub path: PathBuf,
    /// The most that all entries may take (Logstash's `dead_letter_queue.max_bytes`).
    pub max_bytes: u64,
    /// What happens when that is reached (`dead_letter_queue.storage_policy`).
    pub storage_policy: StoragePolicy,
    /// How old an entry may become before its segment is deleted (`dead_letter_queue.retain.age`).
    pub retain_age: Option<Duration>,
}

/// What happens when the dead letters have grown to their limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoragePolicy {
    /// Consumption stops until there is room: nothing is lost. Not in Logstash.
    #[default]
    Stop,
    /// New entries are dropped, as Logstash does unless told otherwise.
    DropNewer,
    /// The oldest segments are deleted.
    DropOlder,
}

impl DeadLetterSettings {
    /// 1 GiB in a directory, and consumption stops when it is full.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: 1 << 30,
            storage_policy: StoragePolicy::Stop,
            retain_age: None,
        }
    }
}

/// The store, open for writing.
pub(super) struct Store {
    settings: DeadLetterSettings,
    number: u64,
    file: File,
    len: u64,
    /// Bytes in all segments, as of the last look and what was written since.
    used: u64,
    /// The segment and its length to which a write that failed is to be taken back.
    undo: Option<(u64, u64)>,
    buffer: Vec<u8>,
    /// Held for as long as the store is open.
    _lock: File,
}

impl Store {
    /// Opens or makes it. An entry that a crash cut short is removed: it was never durable.
    ///
    /// A power cut may take more than that, and a reader may have seen it: writing goes on in a segment of its own.
    pub(super) fn open(settings: DeadLetterSettings) -> io::Result<Self> {
        fs::create_dir_all(&settings.path)?;
        let lock = lock(&settings.path)?;
        let last = segments(&settings.path)?.pop();
        let number = last.as_ref().map_or(1, |last| last.number + 1);
        let (file, len) = begin_segment(&settings.path, number)?;
        if let Some(last) = last {
            let end = end_of_last_line(&mut File::open(&last.path)?)?;
            shorten(&last.path, end)?;
        }
        let mut store = Self {
            settings,
            number,
            file,
            len,
            used: 0,
            undo: None,
            buffer: Vec::new(),
            _lock: lock,
        };
        store.delete_expired(SystemTime::now())?;
        store.count_used()?;
        Ok(store)
    }

    /// Writes one entry, without making it durable; `false` when the policy dropped it.
    fn write(&mut self, letter: &Letter<'_>) -> io::Result<bool> {
        self.buffer.clear();
        entry::write(&mut self.buffer, letter);
        let bytes = self.buffer.len() as u64;
        if self.len > 0 && self.len + bytes > SEGMENT_BYTES {
            self.next_segment()?;
        }
        if !self.has_room(bytes)? {
            return Ok(false);
        }
        self.file.write_all(&self.buffer)?;
        self.len += bytes;
        self.used += bytes;
        Ok(true)
    }

    fn count_used(&mut self) -> io::Result<()> {
        let all = segments(&self.settings.path)?;
        self.used = all.iter().map(|segment| segment.bytes).sum();
        Ok(())
    }

    /// Makes room as the policy says; an error when consumption is to stop.
    fn has_room(&mut self, bytes: u64) -> io::Result<bool> {
        let max = self.settings.max_bytes;
        loop {
            let used = self.used;
            if used + bytes <= max {
                return Ok(true);
            }
            let all = segments(&self.settings.path)?;
            match (self.settings.storage_policy, all.first()) {
                (StoragePolicy::DropOlder, Some(oldest)) if bytes <= max => {
                    if oldest.number == self.number {
                        self.next_segment()?;
                    }
                    delete(oldest, "they have reached their limit")?;
                    self.count_used()?;
                }
                (StoragePolicy::Stop, _) => {
                    if self.len > 0 {
                        // `purge` leaves what is written to.
                        self.next_segment()?;
                    }
                    let message = format!(
                        "they take {used} bytes and {bytes} more would exceed dead_letter_queue.max_bytes, {max}; purge them, raise the limit, or choose a dead_letter_queue.storage_policy"
                    );
                    return Err(io::Error::new(io::ErrorKind::StorageFull, message));
                }
                _ => return Ok(false),
            }
        }
    }

    /// Closes the segment and begins the next.
    fn next_segment(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.go_on_in_next()
    }

    fn go_on_in_next(&mut self) -> io::Result<()> {
        (self.file, self.len) = begin_segment(&self.settings.path, self.number + 1)?;
        self.number += 1;
        Ok(())
    }

    /// Takes back what a write that failed has left, or the next attempt would append to a torn line. Where whole entries were written
    /// or segments begun, a reader may have seen them: then writing goes on in another one, which must be there first, since whoever
    /// starts after a crash must not append to what is shortened here.
    fn take_back(&mut self) -> io::Result<()> {
        let Some((number, len)) = self.undo else {
            return Ok(());
        };
        if self.number == number && self.len == len {
            self.file.set_len(len)?;
        } else {
            let begun = number + 1..=self.number;
            self.go_on_in_next()?;
            shorten(&path_of(&self.settings.path, number), len)?;
            for number in begun {
                shorten(&path_of(&self.settings.path, number), 0)?;
            }
        }
        self.undo = None;
        Ok(())
    }

    fn delete_expired(&mut self, now: SystemTime) -> io::Result<()> {
        let Some(age) = self.settings.retain_age else {
            return Ok(());
        };
        for segment in segments(&self.settings.path)? {
            // A segment's last entry is its youngest.
            let expired = now
                .duration_since(segment.modified)
                .is_ok_and(|old| old > age);
            if !expired || segment.bytes == 0 {
                continue;
            }
            if segment.number == self.number {
                self.next_segment()?;
            }
            delete(&segment, "its entries are older than retain.age")?;
        }
        Ok(())
    }
}

impl Medium for Store {
    fn append(&mut self, letters: &[Letter<'_>]) -> io::Result<Appended> {
        // Somebody may have deleted the directory: what is written to a deleted file is lost.
        if self.file.metadata()?.nlink() == 0 {
            fs::create_dir_all(&self.settings.path)?;
            self.go_on_in_next()?;
            self.undo = None;
        }
        self.take_back()?;
        self.delete_expired(SystemTime::now())?;
        self.count_used()?;
        let before = (self.number, self.len);
        let mut appended = Appended::default();
        let mut write_all = || {
            for letter in letters {
                match self.write(letter)? {
                    true => appended.written += 1,
                    false => appended.dropped += 1,
                }
            }
            self.file.sync_data()
        };
        match write_all() {
            Ok(()) => Ok(appended),
            Err(error) => {
                self.undo = Some(before);
                // What cannot be taken back now is before the next attempt.
                let _ = self.take_back();
                Err(error)
            }
        }
    }

    fn look_after(&mut self) -> io::Result<()> {
        self.delete_expired(SystemTime::now())
    }

    fn place(&self) -> String {
        self.settings.path.display().to_string()
    }
}

/// Deletes all segments but, while a running kelp writes to it, the last. Gives what was deleted.
pub fn purge(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut all = segments(directory)?;
    let Some(last) = all.last() else {
        return Ok(all);
    };
    match lock(directory) {
        // Numbers go on from the last.
        Ok(_lock) if last.bytes > 0 => drop(begin_segment(directory, last.number + 1)?),
        Ok(_) | Err(_) => drop(all.pop()),
    }
    for segment in &all {
        fs::remove_file(&segment.path)?;
    }
    Ok(all)
}

fn delete(segment: &Segment, why: &str) -> io::Result<()> {
    tracing::warn!(path = %segment.path.display(), bytes = segment.bytes, "dead letters are deleted: {why}");
    fs::remove_file(&segment.path)
}

/// The right to write to the directory, for as long as the file is open.
fn lock(directory: &Path) -> io::Result<File> {
    crate::lock::exclusive(&directory.join(LOCK_FILE))
}

/// Makes a segment, durably: its entry in the directory, too. Gives its length, for one that somebody else has made.
fn begin_segment(directory: &Path, number: u64) -> io::Result<(File, u64)> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path_of(directory, number))?;
    file.sync_all()?;
    File::open(directory)?.sync_all()?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

/// Leaves so many bytes of a segment that nobody writes to any more; none of it, where these are none.
fn shorten(path: &Path, len: u64) -> io::Result<()> {
    let done = match len {
        0 => fs::remove_file(path),
        _ => OpenOptions::new().write(true).open(path).and_then(|file| {
            if file.metadata()?.len() > len {
                file.set_len(len)?;
                file.sync_all()?;
            }
            Ok(())
        }),
    };
    match done {
        // Whoever deletes old segments has done so meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// The length of the file up to and with its last line break.
fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    const STEP: u64 = 64 * 1024;
    let mut end = file.metadata()?.len();
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        file.take(end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
