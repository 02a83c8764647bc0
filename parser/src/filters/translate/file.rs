//! Dictionary files: YAML, JSON and CSV, read again when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::dictionary::{Dictionary, Entries, KeyError, Lookup};
use super::yaml::{self, YamlError};
use super::{RefreshBehaviour, TranslateOptions, YamlLoadStrategy};
use crate::event::{Arena, OwnedValue, Value};
use crate::filters::csv::{Dialect, Malformed};
use crate::json::{Fractions, JsonError, parse};
use crate::time::Timestamp;

/// What a file holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
    Csv,
}

impl Format {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.to_string_lossy();
        if name.ends_with(".yml") || name.ends_with(".yaml") {
            Some(Self::Yaml)
        } else if name.ends_with(".json") {
            Some(Self::Json)
        } else if name.ends_with(".csv") {
            Some(Self::Csv)
        } else {
            None
        }
    }
}

/// A file that cannot be a dictionary.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("the dictionary cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error(
        "the dictionary has more than {0} characters: raise `yaml_dictionary_code_point_limit`"
    )]
    TooLong(i64),
    #[error("the dictionary is not YAML: {0}")]
    Yaml(#[from] YamlError),
    #[error("the dictionary is not JSON: {0}")]
    Json(#[from] JsonError),
    #[error("the dictionary must be one JSON object")]
    NotAnObject,
    #[error("row {row} of the dictionary is not CSV: a quote is missing or in the wrong place")]
    Csv { row: usize },
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A dictionary file and when it is to be read again.
pub(super) struct DictionaryFile {
    path: PathBuf,
    format: Format,
    lookup: Lookup,
    behaviour: RefreshBehaviour,
    strategy: YamlLoadStrategy,
    code_points_max: i64,
    interval_seconds: i64,
    /// In seconds since the epoch; 0 before the first look at the clock.
    due: AtomicI64,
    modified: Mutex<Option<SystemTime>>,
}

/// Above this interval a file is read again even if it looks unchanged.
const ALWAYS_READ_ABOVE_SECONDS: i64 = 300;

impl DictionaryFile {
    pub(super) fn new(
        path: PathBuf,
        format: Format,
        lookup: Lookup,
        options: &TranslateOptions,
        code_points_max: i64,
    ) -> Self {
        Self {
            path,
            format,
            lookup,
            behaviour: options.refresh_behaviour,
            strategy: options.yaml_load_strategy,
            code_points_max,
            interval_seconds: options.refresh_interval,
            due: AtomicI64::new(0),
            modified: Mutex::new(None),
        }
    }

    /// Reads the file; its entries are merged into `old`, where that is given.
    pub(super) fn load(&self, old: Option<&Entries>) -> Result<Dictionary, LoadError> {
        let modified = fs::metadata(&self.path)
            .and_then(|file| file.modified())
            .ok();
        *self.modified.lock().unwrap_or_else(PoisonError::into_inner) = modified;
        let text = fs::read(&self.path)?;
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_start_matches('\u{feff}');
        let mut entries = old.cloned().unwrap_or_default();
        match self.format {
            Format::Yaml => {
                let limit = usize::try_from(self.code_points_max).unwrap_or(usize::MAX);
                if text.len() > limit && text.chars().count() > limit {
                    return Err(LoadError::TooLong(self.code_points_max));
                }
                let simple = self.strategy == YamlLoadStrategy::Streaming;
                for (key, value) in yaml::read(text, simple)? {
                    entries.insert(key, value);
                }
            }
            Format::Json => read_json(text, &mut entries)?,
            Format::Csv => read_csv(text, &mut entries)?,
        }
        Ok(Dictionary::new(entries, self.lookup)?)
    }

    /// The dictionary anew if it is time and the file changed. One that cannot be read leaves the old one in use.
    pub(super) fn refresh(&self, now: Timestamp, old: &Dictionary) -> Option<Dictionary> {
        if self.interval_seconds <= 0 {
            return None;
        }
        let due = self.due.load(Ordering::Relaxed);
        let next = now.seconds() + self.interval_seconds;
        // Of several workers the one that sets the next time reads the file.
        let is_due = now.seconds() >= due
            && self
                .due
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if !is_due || due == 0 {
            return None;
        }
        if self.interval_seconds <= ALWAYS_READ_ABOVE_SECONDS {
            let modified = fs::metadata(&self.path)
                .and_then(|file| file.modified())
                .ok()?;
            let known = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
            if *known == Some(modified) {
                return None;
            }
        }
        let merged = self.behaviour == RefreshBehaviour::Merge;
        self.load(merged.then(|| old.entries())).ok()
    }
}

fn read_json(text: &str, entries: &mut Entries) -> Result<(), LoadError> {
    if text.is_empty() {
        return Ok(());
    }
    let arena = Arena::new();
    let Value::Object(fields) = parse(text, &arena, Fractions::Decimal)? else {
        return Err(LoadError::NotAnObject);
    };
    for (key, value) in fields.iter() {
        entries.insert(key.to_owned(), OwnedValue::of(value));
    }
    Ok(())
}

/// The first two columns of every row that has one.
fn read_csv(text: &str, entries: &mut Entries) -> Result<(), LoadError> {
    let Some(dialect) = Dialect::new(",", "\"") else {
        return Ok(());
    };
    let arena = Arena::new();
    let mut rest = text;
    let mut row = 0;
    while !rest.is_empty() {
        row += 1;
        let (values, after) = dialect
            .row(rest, &arena)
            .map_err(|Malformed| LoadError::Csv { row })?;
        rest = after;
        if let Some(Some(key)) = values.first() {
            let value = match values.get(1).copied().flatten() {
                Some(value) => OwnedValue::Str(value.into()),
                None => OwnedValue::Null,
            };
            entries.insert((*key).to_owned(), value);
        }
    }
    Ok(())
}
