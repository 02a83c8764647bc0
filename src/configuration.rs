//! Finding and reading configurations.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use glob::MatchOptions;
use kelp_parser::config::ast::Config;
use kelp_parser::config::{Diagnostic, ParseOptions, Severity, SourceMap, parse, render, resolve};

use crate::cli::ConfigArgs;

/// A configuration as written, its variables replaced, and what was found wrong with it so far.
pub struct Configuration {
    /// The texts, for diagnostics.
    pub sources: SourceMap,
    /// The syntax tree.
    pub config: Config,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// A configuration that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Neither `-f` nor `-e`.
    #[error("there is no configuration: name a file with -f, or give the text itself with -e")]
    None,
    /// Both `-f` and `-e`.
    #[error(
        "-f and -e cannot be used together: put everything in files, or everything on the command line"
    )]
    Both,
    /// The path matches nothing.
    #[error("no configuration file found at `{0}`")]
    NoFile(String),
    /// A pattern that is none.
    #[error("`{pattern}` is not a valid pattern: {reason}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is not UTF-8.
    #[error("`{0}` is not UTF-8: convert it, for example with iconv")]
    Encoding(PathBuf),
    /// A configuration behind an address.
    #[error("`{0}` is not fetched: download the configuration and name the file")]
    Remote(String),
    /// A file that cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Configuration {
    /// Reads the configuration that the command line names.
    pub fn load(args: &ConfigArgs) -> Result<Self, LoadError> {
        Ok(Self::of(read(args)?, args))
    }

    /// Parses texts; variables come from the environment.
    pub fn of(sources: SourceMap, args: &ConfigArgs) -> Self {
        let options = ParseOptions {
            support_escapes: args.support_escapes,
        };
        let lookup = |name: &str| std::env::var(name).ok();
        Self::parse(sources, &options, &lookup)
    }

    /// Parses texts and replaces their variables by what `lookup` knows.
    pub fn parse(
        sources: SourceMap,
        options: &ParseOptions,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let (mut config, mut diagnostics) = parse(&sources, options);
        diagnostics.extend(resolve(&mut config, &sources, lookup));
        Self {
            sources,
            config,
            diagnostics,
        }
    }

    /// Whether it cannot be run.
    pub fn has_errors(&self) -> bool {
        let mut severities = self.diagnostics.iter().map(|found| found.severity);
        severities.any(|severity| severity == Severity::Error)
    }

    /// Prints all findings to standard error.
    pub fn print_diagnostics(&self) {
        let colour = std::io::stderr().is_terminal();
        eprint!("{}", render(&self.diagnostics, &self.sources, colour));
    }
}

/// Reads the texts of a configuration.
pub fn read(args: &ConfigArgs) -> Result<SourceMap, LoadError> {
    let mut sources = SourceMap::default();
    match (&args.path, &args.text) {
        (None, None) => return Err(LoadError::None),
        (Some(_), Some(_)) => return Err(LoadError::Both),
        (None, Some(text)) => {
            sources.add(args.text_name.as_deref().unwrap_or("-e"), text.as_str());
        }
        (Some(path), None) => {
            for file in find(path)? {
                let bytes = std::fs::read(&file).map_err(|source| LoadError::Read {
                    path: file.clone(),
                    source,
                })?;
                let Ok(text) = String::from_utf8(bytes) else {
                    return Err(LoadError::Encoding(file));
                };
                sources.add(file.display().to_string(), text);
            }
        }
    }
    Ok(sources)
}

/// Reads the texts of a configuration to run. One given as text alone gets standard input and output where it has none
/// (source: `ConfigStringLoader` in `local.rb`).
pub fn read_for_run(args: &ConfigArgs) -> Result<SourceMap, LoadError> {
    let mut sources = read(args)?;
    if let Some(text) = &args.text {
        let has = |section: &str| {
            text.match_indices(section)
                .any(|(at, _)| text[at + section.len()..].trim_start().starts_with('{'))
        };
        if !has("input") {
            sources.add(DEFAULT_INPUT, "input { stdin { type => stdin } }");
        }
        if !has("output") {
            sources.add(DEFAULT_OUTPUT, "output { stdout { codec => rubydebug } }");
        }
    }
    Ok(sources)
}

const DEFAULT_INPUT: &str = "default input";
const DEFAULT_OUTPUT: &str = "default output";

/// Which sections [`read_for_run`] has added: `input`, `output`.
pub fn default_sections(sources: &SourceMap) -> Vec<&'static str> {
    let added = |name| sources.files().any(|file| sources.name(file) == name);
    let sections = [("input", DEFAULT_INPUT), ("output", DEFAULT_OUTPUT)];
    let found = sections.iter().filter(|(_, name)| added(*name));
    found.map(|(section, _)| *section).collect()
}

/// The same texts.
pub fn copy(sources: &SourceMap) -> SourceMap {
    let mut copy = SourceMap::default();
    for file in sources.files() {
        copy.add(sources.name(file), sources.text(file));
    }
    copy
}

/// The files that `path` names, in the order of their names; hidden files and editors' backups are left out
/// (source: `ConfigPathLoader` in `local.rb`).
fn find(path: &str) -> Result<Vec<PathBuf>, LoadError> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    if path.starts_with("http://") || path.starts_with("https://") {
        return Err(LoadError::Remote(path.to_owned()));
    }
    let pattern = match Path::new(path).is_dir() {
        true => format!("{}/*", path.trim_end_matches('/')),
        false => path.to_owned(),
    };
    let options = MatchOptions {
        require_literal_leading_dot: true,
        ..MatchOptions::default()
    };
    let mut files = Vec::new();
    for pattern in alternatives(&pattern) {
        let found = glob::glob_with(&pattern, options).map_err(|error| LoadError::Pattern {
            pattern: pattern.clone(),
            reason: error.msg.to_owned(),
        })?;
        // A pipe is read as well as a file.
        let is_text = |file: &PathBuf| {
            file.exists() && !file.is_dir() && !file.to_string_lossy().ends_with('~')
        };
        files.extend(found.filter_map(Result::ok).filter(is_text));
    }
    files.sort();
    files.dedup();
    match files.is_empty() {
        true => Err(LoadError::NoFile(path.to_owned())),
        false => Ok(files),
    }
}

/// `a{b,c}d` as `abd` and `acd`, as in Ruby's patterns.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut depth = 0;
    let mut open = None;
    let mut ends = Vec::new();
    for (at, character) in pattern.char_indices() {
        match character {
            '{' => {
                depth += 1;
                if depth == 1 {
                    open = Some(at);
                    ends = vec![at];
                }
            }
            ',' if depth == 1 => ends.push(at),
            '}' if depth == 1 => {
                ends.push(at);
                let Some(open) = open else { break };
                let (before, after) = (&pattern[..open], &pattern[at + 1..]);
                let choices = ends.windows(2).map(|pair| &pattern[pair[0] + 1..pair[1]]);
                let texts = choices.map(|choice| [before, choice, after].concat());
                return texts.flat_map(|text| alternatives(&text)).collect();
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    vec![pattern.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_alternatives() {
        let of = |pattern: &str| alternatives(pattern).join(" ");
        assert_eq!(of("/c/*.conf"), "/c/*.conf");
        assert_eq!(of("{a,b}/{1,2}"), "a/1 a/2 b/1 b/2");
        assert_eq!(of("a{b,c{d,e}}"), "ab acd ace");
        assert_eq!(of("a{b"), "a{b");
    }

    #[test]
    fn files_come_in_the_order_of_their_names_and_backups_do_not() {
        let folder = std::env::temp_dir().join(format!("kelp-find-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        for name in [
            "20-b.conf",
            "10-a.conf",
            "10-a.conf~",
            ".hidden.conf",
            "sub/x.conf",
        ] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let names = |path: String| {
            let found = find(&path).unwrap();
            let names = found.iter().map(|file| file.strip_prefix(&folder).unwrap());
            names
                .map(|name| name.display().to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let at = folder.display();
        assert_eq!(names(at.to_string()), "10-a.conf 20-b.conf");
        assert_eq!(
            names(format!("file://{at}/{{20,10}}-*.conf")),
            "10-a.conf 20-b.conf"
        );
        assert_eq!(names(format!("{at}/**/x.conf")), "sub/x.conf");
        assert!(matches!(
            find("https://host/x.conf"),
            Err(LoadError::Remote(_))
        ));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_text_alone_gets_standard_input_and_output() {
        let args = |text: &str| ConfigArgs {
            text: Some(text.to_owned()),
            ..ConfigArgs::default()
        };
        let count = |text: &str| read_for_run(&args(text)).unwrap().files().count();
        assert_eq!(count("filter { }"), 3);
        assert_eq!(count("input { stdin { } } output{ stdout { } }"), 1);
        let read = read_for_run(&args("input { stdin { } }")).unwrap();
        assert_eq!(default_sections(&read), ["output"]);
    }
}
