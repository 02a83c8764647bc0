//! A directory of segments: files of whole lines, numbered in the order in which they were written.
//!
//! A number is never used again, so that a reader's position means the same for ever.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One file of dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number; a later segment has a greater one.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written to.
    pub modified: SystemTime,
}

/// The segments of a directory, the oldest first; none where there is no such directory.
pub fn segments(directory: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let Some(number) = number_of(&path) else {
            continue;
        };
        // Whoever deletes old segments may do so just now.
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        found.push(Segment {
            number,
            path,
            bytes: metadata.len(),
            modified: metadata.modified()?,
        });
    }
    found.sort_by_key(|segment| segment.number);
    Ok(found)
}

/// The path of the segment with a number.
pub fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:06}.ndjson"))
}

fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".ndjson")?.parse().ok()
}
