//! The right of one process to write to something on disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Takes the lock at `path`, made where there is none; it is held for as long as the file is open, and a dead process holds none.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] while another process has it; the file or its system may also know no locks.
pub fn exclusive(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    match rustix::fs::flock(&file, operation) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another kelp writes to it",
        )),
        Err(error) => Err(error.into()),
    }
}
