//! The output `file`: events in files whose paths may be made of their fields
//! (source: logstash-output-file).
//!
//! A batch's events are with the operating system before their records are settled. Logstash keeps
//! them in memory for up to `flush_interval`; here there is nothing to flush later.

mod files;
mod path;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use kelp_parser::codec::{Codec, build_codec};
use kelp_parser::config::Diagnostic;
use kelp_parser::config::ast::{Plugin, Spanned};
use kelp_parser::event::{Event, Template};
use kelp_parser::record::RecordBatch;
use kelp_parser::spec::{CodecName, EcsCompatibility, PluginOptions, PositiveInt, Settings};
use kelp_parser::{plugin_choice, plugin_options};

use crate::counters::{Counters, Pending};
use crate::dead_letter::DeadLetters;
use crate::encoded::Encoded;
use crate::output::{
    Output, OutputCommon, OutputConfig, OutputStats, Provenance, StartContext, StartError, Writer,
};
use crate::unencodable::Unencodable;
use files::{FileSettings, Files};
use path::EventPath;

plugin_options! {
    /// Writes events to files.
    pub struct FileOptions for Output "file" {
        /// The file. It may hold references to fields and dates, though not in its first part; an
        /// event that would lead out of the fixed part of the path goes to `filename_failure`.
        pub path: Spanned<Template>,
        /// How events are written. Default: `json_lines`.
        pub codec: Option<CodecName>,
        /// Whether to make a file again that was deleted; if not, its events go to `filename_failure`.
        pub create_if_deleted: bool = true,
        /// The access mode of directories that are made, as in `0750`; -1 for the system's default.
        pub dir_mode: i64 = -1,
        /// The access mode of files that are made, as in `0640`; -1 for the system's default.
        pub file_mode: i64 = -1,
        /// The file, in the fixed part of `path`, for events whose own path is not allowed.
        pub filename_failure: String = "_filepath_failures",
        /// Accepted for compatibility: events are written at once.
        pub flush_interval: PositiveInt = 2,
        /// Whether to compress what is written.
        pub gzip: bool = false,
        /// Files that were not written to for this many seconds are closed.
        pub stale_cleanup_interval: PositiveInt = 10,
        /// Whether to keep what is in a file, or only the last event.
        pub write_behavior: WriteBehavior = "append",
    }
}

plugin_choice! {
    /// Whether to keep what is in a file.
    pub enum WriteBehavior {
        /// Only the last event.
        Overwrite = "overwrite",
        /// Everything.
        Append = "append",
    }
}

/// How long a batch that cannot be written is tried before its events are given up as held.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// The output, ready to start; also the running output.
pub struct FileOutput {
    id: Option<String>,
    codec: Arc<dyn Codec>,
    path: Arc<EventPath>,
    files: Arc<Mutex<Files>>,
    dead_letters: Option<DeadLetters>,
    counters: Arc<Counters>,
}

impl FileOutput {
    /// Reads the settings; `None` after errors were reported.
    pub fn configure(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Box<dyn OutputConfig>> {
        Some(Box::new(Self::read(plugin, ecs, diagnostics)?))
    }

    fn read(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut settings = Settings::new(plugin, diagnostics);
        let common = OutputCommon::read(&mut settings, ecs);
        let options = FileOptions::read(&mut settings)?;
        let path = match EventPath::new(&options.path.node, &options.filename_failure) {
            Ok(path) => path,
            Err(error) => {
                settings.report(options.path.span, error.to_string());
                return None;
            }
        };
        let codec = options.codec.as_ref();
        let codec = build_codec(codec, "json_lines", common.ecs, diagnostics)?;
        let files = Files::new(FileSettings {
            failure_path: path.failure_path().to_owned(),
            create_if_deleted: options.create_if_deleted,
            dir_mode: u32::try_from(options.dir_mode).ok(),
            file_mode: u32::try_from(options.file_mode).ok(),
            gzip: options.gzip,
            overwrite: options.write_behavior == WriteBehavior::Overwrite,
            stale_after: Duration::from_secs(options.stale_cleanup_interval.0),
        });
        Some(Self {
            id: common.id,
            codec: codec.into(),
            path: Arc::new(path),
            files: Arc::new(Mutex::new(files)),
            dead_letters: None,
            counters: Arc::default(),
        })
    }
}

impl OutputConfig for FileOutput {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn start(
        mut self: Box<Self>,
        context: &StartContext<'_>,
    ) -> Result<Box<dyn Output>, StartError> {
        let name = self.id.as_deref().unwrap_or("file");
        self.dead_letters = Some(context.dead_letters.for_output(context.pipeline, name));
        Ok(self)
    }
}

impl Output for FileOutput {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(FileWriter {
            codec: Arc::clone(&self.codec),
            unencodable: Unencodable::new(self.dead_letters.clone()),
            path: Arc::clone(&self.path),
            files: Arc::clone(&self.files),
            counters: Arc::clone(&self.counters),
            buffers: BTreeMap::new(),
            buffered_bytes: 0,
            pending: Pending::default(),
        })
    }

    fn drain(self: Box<Self>, _within: Duration) -> u64 {
        lock(&self.files).close();
        self.counters.held()
    }

    fn stats(&self) -> OutputStats {
        self.counters.stats()
    }
}

/// One worker's writer: what a batch adds to each file is written in one piece.
struct FileWriter {
    codec: Arc<dyn Codec>,
    unencodable: Unencodable,
    path: Arc<EventPath>,
    files: Arc<Mutex<Files>>,
    counters: Arc<Counters>,
    /// What a batch adds to each file.
    buffers: BTreeMap<PathBuf, Encoded>,
    buffered_bytes: usize,
    pending: Pending,
}

impl Writer for FileWriter {
    fn write(&mut self, event: &Event<'_>, from: &Provenance<'_>) {
        let path = self.path.of(event);
        let buffer = self.buffers.entry(path).or_default();
        match buffer.push(|out| self.codec.encode(event, out)) {
            Ok(()) => {
                self.buffered_bytes += buffer.bytes().len() - buffer.last();
                self.pending.hold(from);
            }
            Err(error) => self.unencodable.push(event, from, error),
        }
    }

    fn waiting_bytes(&self) -> usize {
        self.buffered_bytes + self.unencodable.waiting_bytes()
    }

    fn flush(&mut self, batch: &Arc<dyn RecordBatch>) {
        self.unencodable.flush(batch);
        self.buffered_bytes = 0;
        if self.pending.is_empty() {
            return;
        }
        let started = Instant::now();
        // Each file is written once, also when another one has to be tried again.
        while let Some((path, buffer)) = self.buffers.pop_first() {
            let Err(error) = lock(&self.files).write(&path, buffer.bytes(), buffer.last()) else {
                continue;
            };
            self.counters.stalled();
            if started.elapsed() >= GIVE_UP_AFTER {
                let events = self.pending.forget();
                tracing::error!(path = %path.display(), %error, events, "the file cannot be written; these events stay held until kelp is restarted");
                self.buffers.clear();
                return self.counters.given_up(events);
            }
            tracing::warn!(path = %path.display(), %error, "the file cannot be written; it is tried again");
            self.buffers.insert(path, buffer);
            std::thread::sleep(RETRY_EVERY);
        }
        let events = self.pending.settle(batch.receipts());
        self.counters.written(events);
    }
}

fn lock(files: &Mutex<Files>) -> MutexGuard<'_, Files> {
    files
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests;
