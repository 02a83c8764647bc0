//! Finding and reading configurations.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

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
        let mut sources = SourceMap::default();
        match (&args.path, &args.text) {
            (None, None) => return Err(LoadError::None),
            (Some(_), Some(_)) => return Err(LoadError::Both),
            (None, Some(text)) => {
                sources.add("-e", text.as_str());
            }
            (Some(path), None) => {
                for file in find(path)? {
                    let bytes = std::fs::read(&file).map_err(|source| LoadError::Read {
                        path: file.clone(),
                        source,
                    })?;
                    let text = String::from_utf8_lossy(&bytes);
                    sources.add(file.display().to_string(), text);
                }
            }
        }
        Ok(Self::parse_from_environment(sources, args))
    }

    /// The same texts once more, whatever the files hold by now.
    pub fn load_texts(sources: &SourceMap, args: &ConfigArgs) -> Self {
        let mut again = SourceMap::default();
        for file in sources.files() {
            again.add(sources.name(file), sources.text(file));
        }
        Self::parse_from_environment(again, args)
    }

    fn parse_from_environment(sources: SourceMap, args: &ConfigArgs) -> Self {
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

    /// The texts themselves, to see whether they have changed.
    pub fn texts(&self) -> Vec<String> {
        let texts = self.sources.files().map(|file| self.sources.text(file));
        texts.map(str::to_owned).collect()
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

/// The files that `path` names, in the order of their names; editors' backup files are left out.
fn find(path: &str) -> Result<Vec<PathBuf>, LoadError> {
    let pattern = if Path::new(path).is_dir() {
        format!("{}/*", path.trim_end_matches('/'))
    } else {
        path.to_owned()
    };
    let found = glob::glob(&pattern).map_err(|error| LoadError::Pattern {
        pattern: pattern.clone(),
        reason: error.msg.to_owned(),
    })?;
    let mut files: Vec<PathBuf> = found
        .filter_map(Result::ok)
        .filter(|file| file.is_file() && !file.to_string_lossy().ends_with('~'))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(LoadError::NoFile(path.to_owned()));
    }
    Ok(files)
}
