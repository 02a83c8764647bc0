//! Files that hold a state: whatever happens, the old one is there or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `content` beside `path` and moves it there; it lies durably on disk then. Missing directories are made.
///
/// # Errors
/// It cannot be written; what was there before still is, unless the very last step failed.
pub fn replace(path: &Path, content: &str) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(directory)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = File::create(&beside)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // Without this a power cut may bring the old entry of the directory back.
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn the_file_holds_what_was_written_last_and_nothing_lies_beside_it() {
        let dir = TempDir::new();
        let path = dir.path().join("a/b/state");
        replace(&path, "one\n").unwrap();
        replace(&path, "2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(replace(&path.join("below-a-file"), "").is_err());
    }
}
