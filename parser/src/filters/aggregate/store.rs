//! Maps from a stop to the next start: a file with a line of JSON for each.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::tasks::Pipeline;
use crate::config::ast::Spanned;
use crate::event::{Arena, Array, Object, Value};
use crate::json::{Fractions, parse};
use crate::spec::Settings;

/// How Ruby's `Marshal` begins what it writes: version 4.8.
const MARSHAL: [u8; 2] = [4, 8];
/// The first line of a file of maps.
const HEADER: &str = r#"{"kelp_aggregate_maps":1}"#;

impl Pipeline {
    /// Says where the maps are to be kept; `None` after an error was reported.
    pub(super) fn keep_in(
        &self,
        path: &Spanned<PathBuf>,
        settings: &mut Settings<'_>,
    ) -> Option<()> {
        let mut kept = self.kept_in.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_some() {
            settings
                .report(
                    path.span,
                    "another filter has `aggregate_maps_path` already",
                )
                .help = Some(
                "the file keeps the maps of all filters of the pipeline, so name it in one of them"
                    .to_owned(),
            );
            return None;
        }
        if let Ok(bytes) = fs::read(&path.node)
            && bytes.starts_with(&MARSHAL)
        {
            let message = format!(
                "`{}` was written by Logstash in Ruby's own format, which Kelp does not read",
                path.node.display()
            );
            settings.report(path.span, message).help = Some(
                "let Logstash finish its tasks before you change over, or move the file away to begin without its maps".to_owned(),
            );
            return None;
        }
        *kept = Some(path.node.clone());
        Some(())
    }

    /// Reads the maps that were kept, and removes the file.
    pub(super) fn load(&self, path: &Path) {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                tracing::error!(path = %path.display(), "aggregate: the maps that were kept cannot be read: {error}");
                return;
            }
        };
        let arena = Arena::new();
        let mut lines = text.lines();
        let known = lines.next() == Some(HEADER);
        let read = known.then(|| {
            let lines = lines.filter(|line| !line.is_empty());
            lines
                .map(|line| self.load_line(line, &arena))
                .collect::<Option<Vec<()>>>()
        });
        let Some(read) = read.flatten() else {
            let aside = path.with_extension("unreadable");
            let moved = fs::rename(path, &aside);
            tracing::error!(
                path = %path.display(),
                aside = %aside.display(),
                moved = moved.is_ok(),
                "aggregate: the file holds something else than maps, or was cut off; what could be read of it is used"
            );
            return;
        };
        tracing::info!(path = %path.display(), maps = read.len(), "aggregate: maps of the last run are back");
        if let Err(error) = fs::remove_file(path) {
            tracing::error!(path = %path.display(), "aggregate: the file of maps cannot be removed: {error}");
        }
    }

    fn load_line(&self, line: &str, arena: &Arena) -> Option<()> {
        let Ok(Value::Object(line)) = parse(line, arena, Fractions::Double) else {
            return None;
        };
        let text = |name| line.get(name).and_then(Value::as_str);
        let (pattern, id) = (text("pattern")?, text("task_id")?);
        self.group(pattern).lock().restore(id, &line, arena)
    }

    /// Writes all maps, if there are any.
    pub(super) fn save(&self, path: &Path) {
        match self.write(path) {
            Ok(0) => {}
            Ok(maps) => {
                tracing::info!(path = %path.display(), maps, "aggregate: maps are kept until the next start");
            }
            Err(error) => {
                tracing::error!(path = %path.display(), "aggregate: the maps cannot be kept, they are lost: {error}");
            }
        }
    }

    fn write(&self, path: &Path) -> io::Result<usize> {
        let groups: Vec<_> = {
            let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            let pairs = groups.iter();
            pairs
                .map(|(pattern, group)| (pattern.clone(), Arc::clone(group)))
                .collect()
        };
        if groups.iter().all(|(_, group)| group.lock().len() == 0) {
            return Ok(0);
        }
        let unfinished = path.with_extension("unfinished");
        let mut file = io::BufWriter::new(fs::File::create(&unfinished)?);
        writeln!(file, "{HEADER}")?;
        let mut arena = Arena::new();
        let mut maps = 0;
        for (pattern, group) in groups {
            for (id, task) in group.lock().iter_mut() {
                let mut json = Vec::new();
                {
                    let mut line = Object::with_capacity(&arena, 8);
                    line.set("pattern", Value::Str(arena.alloc_str(&pattern)));
                    line.set("task_id", Value::Str(arena.alloc_str(&id)));
                    task.describe(&mut line, &arena);
                    Value::Object(line).write_json(&mut json);
                }
                arena.reset();
                json.push(b'\n');
                file.write_all(&json)?;
                maps += 1;
            }
        }
        file.into_inner()?.sync_all()?;
        fs::rename(&unfinished, path)?;
        if let Some(directory) = path.parent().filter(|parent| *parent != Path::new("")) {
            // Without this a power cut may bring the old entry of the directory back.
            fs::File::open(directory)?.sync_all()?;
        }
        Ok(maps)
    }
}

/// Integers as a list.
pub(super) fn list<'a>(arena: &'a Arena, numbers: &[i64]) -> Value<'a> {
    let mut list = Array::new_in(arena);
    for &number in numbers {
        list.push(Value::Int(number));
    }
    Value::Array(list)
}

/// The integers of a list.
pub(super) fn numbers<const N: usize>(value: Option<&Value<'_>>) -> Option<[i64; N]> {
    let Some(Value::Array(list)) = value else {
        return None;
    };
    let mut numbers = [0; N];
    if list.len() != N {
        return None;
    }
    for (number, value) in numbers.iter_mut().zip(list.iter()) {
        match value {
            Value::Int(value) => *number = *value,
            _ => return None,
        }
    }
    Some(numbers)
}
