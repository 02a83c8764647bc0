//! The open files.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How files are made and written.
pub(super) struct FileSettings {
    pub(super) failure_path: PathBuf,
    pub(super) create_if_deleted: bool,
    pub(super) dir_mode: Option<u32>,
    pub(super) file_mode: Option<u32>,
    pub(super) gzip: bool,
    pub(super) overwrite: bool,
    pub(super) stale_after: Duration,
}

/// The open files of one output.
pub(super) struct Files {
    settings: FileSettings,
    open: HashMap<PathBuf, OpenFile>,
    swept: Instant,
}

struct OpenFile {
    target: Target,
    used: Instant,
}

enum Target {
    Plain(File),
    Gzip(Box<GzEncoder<File>>),
}

impl Files {
    pub(super) fn new(settings: FileSettings) -> Self {
        Self {
            settings,
            open: HashMap::new(),
            swept: Instant::now(),
        }
    }

    /// Writes what a batch adds to a file; `last` is where its last event starts.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8], last: usize) -> io::Result<()> {
        let exists = path.exists();
        let failure_path;
        let path = if exists || self.settings.create_if_deleted {
            path
        } else {
            failure_path = self.settings.failure_path.clone();
            &failure_path
        };
        let written = self
            .file(path, exists)
            .and_then(|file| file.write(bytes, last));
        if written.is_err() {
            // What state it is in is unknown.
            self.open.remove(path);
        }
        self.close_stale();
        written
    }

    fn file(&mut self, path: &Path, exists: bool) -> io::Result<Writing<'_>> {
        let overwrite = self.settings.overwrite;
        if !exists || !self.open.contains_key(path) {
            let target = self.settings.open(path)?;
            let used = Instant::now();
            self.open.insert(path.to_owned(), OpenFile { target, used });
        }
        let file = self.open.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        file.used = Instant::now();
        Ok(Writing {
            target: &mut file.target,
            overwrite,
        })
    }

    fn close_stale(&mut self) {
        let stale_after = self.settings.stale_after;
        if self.swept.elapsed() < stale_after {
            return;
        }
        self.swept = Instant::now();
        self.open
            .retain(|_, file| file.used.elapsed() < stale_after);
    }

    /// Closes all files.
    pub(super) fn close(&mut self) {
        self.open.clear();
    }
}

struct Writing<'f> {
    target: &'f mut Target,
    overwrite: bool,
}

impl Writing<'_> {
    fn write(self, bytes: &[u8], last: usize) -> io::Result<()> {
        match self.target {
            Target::Plain(file) if self.overwrite => {
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0))?;
                file.write_all(&bytes[last..])
            }
            Target::Plain(file) => file.write_all(bytes),
            Target::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                // What is acknowledged must not be left in the encoder.
                encoder.flush()
            }
        }
    }
}

impl FileSettings {
    fn open(&self, path: &Path) -> io::Result<Target> {
        if let Some(directory) = path.parent()
            && !directory.exists()
        {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            if let Some(mode) = self.dir_mode {
                builder.mode(mode);
            }
            builder.create(directory)?;
        }
        // A named pipe can only be written, and waits for a reader.
        let is_pipe = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        let mut options = OpenOptions::new();
        options.create(!is_pipe);
        if self.overwrite {
            options.write(true).truncate(false);
        } else {
            options.append(true);
        }
        if let Some(mode) = self.file_mode {
            options.mode(mode);
        }
        let file = options.open(path)?;
        tracing::info!(path = %path.display(), "file opened");
        Ok(match self.gzip {
            false => Target::Plain(file),
            true => Target::Gzip(Box::new(GzEncoder::new(file, Compression::default()))),
        })
    }
}
