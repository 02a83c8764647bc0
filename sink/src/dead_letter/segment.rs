//! A file of dead letters: whole lines only, durable when `append` returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::DeadLetterSettings;

/// The file's name within the directory; further segments will count up.
const FILE_NAME: &str = "000001.ndjson";

/// The one file that is written to.
pub(super) struct Segment {
    file: File,
    path: PathBuf,
    len: u64,
    max_bytes: u64,
}

impl Segment {
    /// Opens or makes the file. An entry that a crash cut short is removed: it was never durable.
    pub(super) fn open(settings: &DeadLetterSettings) -> io::Result<Self> {
        fs::create_dir_all(&settings.path)?;
        let path = settings.path.join(FILE_NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let len = end_of_last_line(&mut file)?;
        file.set_len(len)?;
        file.seek(SeekFrom::Start(len))?;
        file.sync_all()?;
        // The entry of a new file in its directory has to be durable, too.
        File::open(&settings.path)?.sync_all()?;
        Ok(Self {
            file,
            path,
            len,
            max_bytes: settings.max_bytes,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines and makes them durable. After an error nothing was appended.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let len = self.len + lines.len() as u64;
        if len > self.max_bytes {
            let message = format!(
                "they would take {len} bytes, but dead_letter_queue.max_bytes is {}; move the file away or raise the limit",
                self.max_bytes
            );
            return Err(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        let written = self
            .file
            .write_all(lines)
            .and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.len = len,
            Err(_) => {
                // What was written of it goes, or the next attempt would append to a torn line.
                self.file.set_len(self.len)?;
                self.file.seek(SeekFrom::Start(self.len))?;
            }
        }
        written
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
