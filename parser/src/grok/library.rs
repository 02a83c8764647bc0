//! The named patterns: Logstash's stock sets and what a configuration adds to them.
//!
//! A pattern file has one pattern a line, a name and an expression with white space between; lines
//! that start with `#` are comments. A later definition of a name replaces an earlier one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::config::nearest;

/// One of the stock pattern sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternSet {
    /// Captures into the names of old, strings mostly. With ECS compatibility disabled.
    Legacy,
    /// Captures into the fields of the Elastic Common Schema, numbers as numbers.
    EcsV1,
}

/// A pattern file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the pattern file `{}`: {source}", path.display())]
pub struct PatternFileError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

type Stock = HashMap<&'static str, &'static str>;

/// A stock set with the additions of one filter.
#[derive(Clone)]
pub struct Library {
    stock: &'static Stock,
    own: HashMap<String, String>,
}

impl Library {
    /// The stock set and nothing else.
    pub fn new(set: PatternSet) -> Self {
        let stock = match set {
            PatternSet::Legacy => &*LEGACY,
            PatternSet::EcsV1 => &*ECS_V1,
        };
        Self {
            stock,
            own: HashMap::new(),
        }
    }

    /// The expression that `name` stands for.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.own.get(name) {
            Some(expression) => Some(expression),
            None => self.stock.get(name).copied(),
        }
    }

    /// Whether `name` means what the stock set says.
    pub fn is_stock(&self, name: &str) -> bool {
        !self.own.contains_key(name) && self.stock.contains_key(name)
    }

    /// Every name, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let added = self.own.keys().map(String::as_str);
        let stock = self.stock.keys().copied();
        stock
            .filter(|name| !self.own.contains_key(*name))
            .chain(added)
    }

    /// Defines a pattern, or replaces it.
    pub fn define(&mut self, name: &str, expression: &str) {
        self.own.insert(name.to_owned(), expression.to_owned());
    }

    /// Adds the patterns of the text of a pattern file.
    pub fn add_text(&mut self, text: &str) {
        for (name, expression) in definitions(text) {
            self.define(name, expression);
        }
    }

    /// Adds the patterns of the files that `paths` name (`patterns_dir`): files, directories, whose
    /// files are taken that match `files_glob`, or glob patterns for either. What matches nothing
    /// adds nothing, as in Logstash.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn add_paths(
        &mut self,
        paths: &[String],
        files_glob: &str,
    ) -> Result<(), PatternFileError> {
        for path in paths {
            let pattern = if Path::new(path).is_dir() {
                format!("{}/{files_glob}", path.trim_end_matches('/'))
            } else {
                path.clone()
            };
            for file in glob(&pattern) {
                let bytes = std::fs::read(&file).map_err(|source| PatternFileError {
                    path: file.clone(),
                    source,
                })?;
                self.add_text(&String::from_utf8_lossy(&bytes));
            }
        }
        Ok(())
    }

    /// The name most like `name`, where one is like it: for "did you mean".
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let mut names: Vec<&str> = self.names().collect();
        names.sort_unstable();
        nearest(&name.to_ascii_uppercase(), names.into_iter())
    }
}

/// Names and expressions in the text of a pattern file. A name without anything after it, not even
/// white space, is no definition.
fn definitions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_inclusive('\n').filter_map(|line| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if line.starts_with('#') {
            return None;
        }
        let name_end = line.find(|c: char| c.is_ascii_whitespace())?;
        let (name, rest) = line.split_at(name_end);
        let expression = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let expression = expression.strip_suffix('\n').unwrap_or(expression);
        Some((name, expression.strip_suffix('\r').unwrap_or(expression)))
    })
}

/// Files that match a glob pattern, sorted by name; directories are passed over.
fn glob(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') {
        "/"
    } else {
        ""
    })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if !part.contains(['*', '?', '[', '{']) {
            found = found.into_iter().map(|dir| dir.join(part)).collect();
            continue;
        }
        let mut next = Vec::new();
        for dir in found {
            let here = if dir.as_os_str().is_empty() {
                Path::new(".")
            } else {
                &dir
            };
            let Ok(entries) = std::fs::read_dir(here) else {
                continue;
            };
            let names = entries.flatten().map(|entry| entry.file_name());
            let mut names: Vec<_> = names
                .filter(|name| glob_matches(part.as_bytes(), name.as_encoded_bytes()))
                .collect();
            names.sort();
            next.extend(names.into_iter().map(|name| dir.join(name)));
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    found
}

/// Whether a file name matches one part of a glob pattern: `*`, `?`, `[a-z]`, `{a,b}`. As in a
/// shell, what starts with a dot must be asked for.
fn glob_matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    matches_from(pattern, name)
}

fn matches_from(pattern: &[u8], name: &[u8]) -> bool {
    let Some((&first, rest)) = pattern.split_first() else {
        return name.is_empty();
    };
    match first {
        b'*' => (0..=name.len()).any(|skip| matches_from(rest, &name[skip..])),
        b'?' => !name.is_empty() && matches_from(rest, &name[1..]),
        b'{' => match pattern.iter().position(|&byte| byte == b'}') {
            Some(end) => pattern[1..end].split(|&byte| byte == b',').any(|choice| {
                let whole = [choice, &pattern[end + 1..]].concat();
                matches_from(&whole, name)
            }),
            None => name.first() == Some(&first) && matches_from(rest, &name[1..]),
        },
        b'[' => match (pattern.iter().position(|&byte| byte == b']'), name.first()) {
            (Some(end), Some(&byte)) => {
                in_set(&pattern[1..end], byte) && matches_from(&pattern[end + 1..], &name[1..])
            }
            _ => false,
        },
        _ => name.first() == Some(&first) && matches_from(rest, &name[1..]),
    }
}

fn in_set(set: &[u8], byte: u8) -> bool {
    let (negated, set) = match set.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut within = false;
    let mut at = 0;
    while let Some(&from) = set.get(at) {
        if set.get(at + 1) == Some(&b'-') && at + 2 < set.len() {
            within |= (from..=set[at + 2]).contains(&byte);
            at += 3;
        } else {
            within |= from == byte;
            at += 1;
        }
    }
    within != negated
}

macro_rules! pattern_files {
    ($($path:literal)*) => { &[$(include_str!(concat!("patterns/", $path))),*] };
}

const COMMON_FILES: &[&str] = pattern_files!("common/base" "common/programs");

const LEGACY_FILES: &[&str] = pattern_files!(
    "legacy/applications" "legacy/aws" "legacy/bacula" "legacy/base" "legacy/databases" "legacy/exim"
    "legacy/firewalls" "legacy/nagios" "legacy/network" "legacy/syslog" "legacy/web"
);

const ECS_V1_FILES: &[&str] = pattern_files!(
    "ecs-v1/applications" "ecs-v1/aws" "ecs-v1/bacula" "ecs-v1/base" "ecs-v1/databases" "ecs-v1/exim"
    "ecs-v1/firewalls" "ecs-v1/nagios" "ecs-v1/network" "ecs-v1/syslog" "ecs-v1/web"
);

static LEGACY: LazyLock<Stock> = LazyLock::new(|| load(LEGACY_FILES));
static ECS_V1: LazyLock<Stock> = LazyLock::new(|| load(ECS_V1_FILES));

fn load(files: &'static [&'static str]) -> Stock {
    let texts = COMMON_FILES.iter().chain(files);
    texts.flat_map(|text| definitions(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stock_sets_are_whole() {
        assert_eq!(LEGACY.len(), 317);
        assert_eq!(ECS_V1.len(), 362);
        for files in [LEGACY_FILES, ECS_V1_FILES] {
            let texts = COMMON_FILES.iter().chain(files);
            let defined = texts.flat_map(|text| definitions(text)).count();
            assert_eq!(defined, load(files).len(), "a name is defined twice");
        }
    }

    #[test]
    fn white_space_at_the_end_of_an_expression_counts() {
        let redis = Library::new(PatternSet::Legacy);
        assert!(redis.get("REDISLOG").unwrap().ends_with("\\* "));
    }

    #[test]
    fn pattern_files_are_read_as_logstash_reads_them() {
        let text = "# comment\n  # another\n\nA a b\r\n\t B \t b # kept \nEMPTY \nNONE\nC c\nA again\nLAST";
        let read: Vec<_> = definitions(text).collect();
        let want = [
            ("A", "a b"),
            ("B", "b # kept "),
            ("EMPTY", ""),
            ("NONE", ""),
            ("C", "c"),
            ("A", "again"),
        ];
        assert_eq!(read, want);
    }

    #[test]
    fn own_patterns_replace_stock_ones() {
        let mut library = Library::new(PatternSet::EcsV1);
        assert!(library.is_stock("WORD"));
        library.add_text("WORD x+\nMINE y");
        assert_eq!(library.get("WORD"), Some("x+"));
        assert_eq!(library.get("MINE"), Some("y"));
        assert!(!library.is_stock("WORD"));
        assert_eq!(library.names().filter(|name| *name == "WORD").count(), 1);
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let library = Library::new(PatternSet::EcsV1);
        assert_eq!(library.nearest("IPORHOSTS"), Some("IPORHOST"));
        assert_eq!(library.nearest("number"), Some("NUMBER"));
        assert_eq!(
            library.nearest("TIMESTAMP_ISO8061"),
            Some("TIMESTAMP_ISO8601")
        );
        assert_eq!(library.nearest("MYAPPLICATION"), None);
    }

    #[test]
    fn file_names_match_globs() {
        let cases = [
            ("*", "grok.pattern", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("*.pattern", "grok.pattern", true),
            ("*.pattern", "grok.pattern.old", false),
            ("*.{pattern,grok}", "a.grok", true),
            ("[a-c]?", "b1", true),
            ("[!a-c]?", "b1", false),
            ("", "x", false),
        ];
        for (pattern, name, want) in cases {
            assert_eq!(
                glob_matches(pattern.as_bytes(), name.as_bytes()),
                want,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn files_are_taken_from_directories_by_glob() {
        let dir = std::env::temp_dir().join(format!("kelp-patterns-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("sub")).unwrap();
        std::fs::write(dir.join("a.pattern"), "ONE 1\nTWO 2\n").unwrap();
        std::fs::write(dir.join("b.pattern"), "TWO two\n").unwrap();
        std::fs::write(dir.join("b.pattern.old"), "THREE 3\n").unwrap();
        let path = dir.to_string_lossy().into_owned();
        let mut library = Library::new(PatternSet::EcsV1);
        let missing = format!("{path}/nowhere");
        library
            .add_paths(&[path.clone(), missing], "*.pattern")
            .unwrap();
        assert_eq!(library.get("ONE"), Some("1"));
        assert_eq!(library.get("TWO"), Some("two"));
        assert_eq!(library.get("THREE"), None);
        library.add_paths(&[format!("{path}/*.old")], "*").unwrap();
        assert_eq!(library.get("THREE"), Some("3"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
