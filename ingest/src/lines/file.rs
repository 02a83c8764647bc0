//! The `file` input in read mode.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Sender;
use glob::{MatchOptions, Pattern};
use kelp_parser::spec::PositiveInt;
use kelp_parser::{plugin_choice, plugin_options};
use tracing::{info, warn};

use super::batch::Numbering;
use super::split::{Lines, Splitter};
use super::{Feed, LineInput};
use crate::source::{Batch, InputError, Limits};

plugin_choice! {
    /// Whether files are followed or read to their end.
    pub enum FileMode {
        /// Followed as they grow. Not supported.
        Tail = "tail",
        /// Read from start to end.
        Read = "read",
    }
}

plugin_options! {
    /// Reads files line by line, from start to end, and ends with the last of them.
    ///
    /// Only `mode => "read"` is supported, and nothing is remembered between runs (`sincedb`): it is for
    /// trying a pipeline out. Files are never deleted.
    pub struct FileInputOptions for Input "file" {
        /// Accepted for compatibility.
        pub check_archive_validity: Option<bool>,
        /// Accepted for compatibility.
        pub close_older: Option<String>,
        /// What ends a line.
        pub delimiter: String = "\n",
        /// Accepted for compatibility: paths are looked up once.
        pub discover_interval: Option<PositiveInt>,
        /// Names of files to leave out, as patterns without folders.
        pub exclude: Vec<String> = [],
        /// Accepted for compatibility: it always does.
        pub exit_after_read: Option<bool>,
        /// Accepted for compatibility.
        pub file_chunk_count: Option<PositiveInt>,
        /// Accepted for compatibility.
        pub file_chunk_size: Option<PositiveInt>,
        /// What happens to files that were read: nothing, other than in Logstash, whose default deletes them.
        pub file_completed_action: Option<String>,
        /// Not supported.
        pub file_completed_log_path: Option<String>,
        /// The order of the files: `path` or `last_modified`.
        pub file_sort_by: FileSortBy = "last_modified",
        /// The direction of that order: `asc` or `desc`.
        pub file_sort_direction: FileSortDirection = "asc",
        /// Accepted for compatibility.
        pub ignore_older: Option<String>,
        /// Accepted for compatibility.
        pub max_open_files: Option<PositiveInt>,
        /// Must be `read`.
        pub mode: FileMode = "tail",
        /// The files, as absolute paths or patterns: `*`, `?`, `[abc]`, `**` for folders.
        pub path: Vec<String>,
        /// Accepted for compatibility: nothing is remembered.
        pub sincedb_clean_after: Option<String>,
        /// Accepted for compatibility: nothing is remembered.
        pub sincedb_path: Option<String>,
        /// Accepted for compatibility: nothing is remembered.
        pub sincedb_write_interval: Option<String>,
        /// Accepted for compatibility: reading starts at the beginning.
        pub start_position: Option<String>,
        /// Accepted for compatibility.
        pub stat_interval: Option<String>,
    }
}

plugin_choice! {
    /// By what files are ordered.
    pub enum FileSortBy {
        /// When they were changed last.
        LastModified = "last_modified",
        /// Their paths.
        Path = "path",
    }
}

plugin_choice! {
    /// In which direction files are ordered.
    pub enum FileSortDirection {
        /// The oldest or smallest first.
        Ascending = "asc",
        /// The newest or greatest first.
        Descending = "desc",
    }
}

impl FileInputOptions {
    /// Refuses what is not supported.
    pub fn check(&self) -> Result<(), InputError> {
        let refuse = |option, message: &str| {
            Err(InputError::Option {
                option,
                message: message.to_owned(),
            })
        };
        if self.mode == FileMode::Tail {
            return refuse(
                "mode",
                "following files is not supported: ship them to Kafka, or read them once with `mode => \"read\"`",
            );
        }
        if self
            .file_completed_action
            .as_deref()
            .is_some_and(|action| action.contains("delete"))
        {
            return refuse(
                "file_completed_action",
                "files are never deleted here: remove the option",
            );
        }
        if self.delimiter.is_empty() {
            return refuse("delimiter", "it must not be empty");
        }
        for path in &self.path {
            if let Err(error) = Pattern::new(path) {
                return refuse("path", &format!("`{path}` is no valid pattern: {error}"));
            }
        }
        Ok(())
    }

    /// As [`check`](Self::check), and looks at the files that match now.
    pub fn probe(&self) -> Result<(), InputError> {
        self.check()?;
        refuse_archives(&self.files()?)
    }

    /// The files that match now, in order.
    fn files(&self) -> Result<Vec<PathBuf>, InputError> {
        let failed = |pattern: &str, error: &dyn std::fmt::Display| InputError::Option {
            option: "path",
            message: format!("`{pattern}`: {error}"),
        };
        let mut files = Vec::new();
        for pattern in &self.path {
            let found = glob::glob_with(pattern, MatchOptions::default())
                .map_err(|error| failed(pattern, &error))?;
            for path in found {
                let path = path.map_err(|error| failed(pattern, &error))?;
                if path.is_file() && !self.is_excluded(&path) && !files.contains(&path) {
                    files.push(path);
                }
            }
        }
        let changed = |path: &PathBuf| {
            path.metadata()
                .and_then(|metadata| metadata.modified())
                .ok()
        };
        match self.file_sort_by {
            FileSortBy::Path => files.sort(),
            FileSortBy::LastModified => files.sort_by_key(changed),
        }
        if self.file_sort_direction == FileSortDirection::Descending {
            files.reverse();
        }
        Ok(files)
    }

    fn is_excluded(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.exclude
            .iter()
            .any(|exclude| Pattern::new(exclude).is_ok_and(|pattern| pattern.matches(&name)))
    }
}

impl LineInput {
    /// Reads the files that match.
    pub fn file(
        options: &FileInputOptions,
        limits: Limits,
        to: (usize, Sender<Batch>),
    ) -> Result<Self, InputError> {
        options.check()?;
        let files = options.files()?;
        if files.is_empty() {
            warn!(paths = ?options.path, "no file matches `path`");
        }
        refuse_archives(&files)?;
        let delimiter = options.delimiter.clone();
        let job = move |feed: Feed| {
            for path in &files {
                if !read(&feed, path, &delimiter)? {
                    break;
                }
            }
            Ok(())
        };
        Self::start("file", limits, to, vec![job])
    }
}

fn refuse_archives(files: &[PathBuf]) -> Result<(), InputError> {
    let is_archive = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "gz");
    let Some(archive) = files.iter().find(is_archive) else {
        return Ok(());
    };
    Err(InputError::Option {
        option: "path",
        message: format!(
            "`{}` is compressed, which is not supported: unpack it, or leave it out with `exclude`",
            archive.display()
        ),
    })
}

/// Reads one file; returns whether to go on.
fn read(feed: &Feed, path: &Path, delimiter: &str) -> Result<bool, InputError> {
    let name = path.to_string_lossy();
    let failed = |source| InputError::File {
        path: name.to_string(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let source: Arc<str> = name.as_ref().into();
    let mut splitter = Splitter::new(
        delimiter,
        feed.limits.batch_records,
        feed.limits.batch_bytes,
    );
    let mut first = 0;
    let mut send = |lines: Lines| {
        let numbering = Numbering {
            source: source.clone(),
            first,
            stride: 1,
        };
        first += lines.spans.len() as u64;
        feed.send(lines.share(), numbering)
    };
    let mut block = vec![0; 256 << 10];
    let mut goes_on = true;
    loop {
        let len = match file.read(&mut block) {
            Ok(len) => len,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        if len == 0 {
            break;
        }
        splitter.push(&block[..len], &mut |full| goes_on = goes_on && send(full));
        if !goes_on {
            return Ok(false);
        }
    }
    goes_on = splitter.finish().is_none_or(send);
    info!(path = %name, "file read");
    Ok(goes_on)
}
