//! `kelp fmt`: lays configurations out.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kelp_parser::config::{SourceMap, format, render};

use super::colour;
use crate::cli::FmtArgs;
use crate::stdout::print_line;

/// Runs the command.
pub fn run(args: &FmtArgs) -> ExitCode {
    if args.paths.is_empty() || args.paths == [Path::new("-")] {
        return format_stdin(args.check);
    }
    let mut failed = false;
    for path in &args.paths {
        let mut files = Vec::new();
        if let Err(error) = collect(path, &mut files) {
            eprintln!("error: {error}");
            failed = true;
        }
        for file in files {
            failed |= !format_file(&file, args.check);
        }
    }
    ExitCode::from(u8::from(failed))
}

#[derive(Debug, thiserror::Error)]
enum FmtError {
    #[error("cannot read `{path}`: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{0}` is not UTF-8: convert it first, as with `iconv -f latin1 -t utf-8`")]
    NotUtf8(PathBuf),
    #[error("cannot write `{path}`: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("there is no `*.conf` in `{0}`")]
    Nothing(PathBuf),
}

/// The files that `path` stands for: itself, or every `*.conf` below a directory, by name.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), FmtError> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let before = files.len();
    walk(path, files)?;
    match files.len() == before {
        true => Err(FmtError::Nothing(path.to_owned())),
        false => Ok(()),
    }
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), FmtError> {
    let unreadable = |source| FmtError::Read {
        path: directory.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    paths.sort();
    for path in paths {
        // A link to a directory may lead in a circle.
        if path.is_dir() && !path.is_symlink() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "conf") && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Lays a file out, or says that it is not; `false` after something was wrong.
fn format_file(path: &Path, check: bool) -> bool {
    let done = (|| {
        let bytes = std::fs::read(path).map_err(|source| FmtError::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = String::from_utf8(bytes).map_err(|_| FmtError::NotUtf8(path.to_owned()))?;
        let Some(formatted) = formatted(&path.display().to_string(), &text) else {
            return Ok(false);
        };
        if formatted == text {
            return Ok(true);
        }
        if check {
            print_line!("{}", path.display());
            return Ok(false);
        }
        replace(path, &formatted)?;
        Ok(true)
    })();
    done.unwrap_or_else(|error: FmtError| {
        eprintln!("error: {error}");
        false
    })
}

/// Writes beside the file and renames, so that a crash leaves the old text or the new one. A link stays a link.
fn replace(path: &Path, text: &str) -> Result<(), FmtError> {
    let unwritable = |source| FmtError::Write {
        path: path.to_owned(),
        source,
    };
    let target = std::fs::canonicalize(path).map_err(unwritable)?;
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = target.with_file_name(name);
    let permissions = std::fs::metadata(&target)
        .map_err(unwritable)?
        .permissions();
    let written = std::fs::write(&beside, text)
        .and_then(|()| std::fs::set_permissions(&beside, permissions))
        .and_then(|()| std::fs::rename(&beside, &target));
    if written.is_err() {
        // The error that led here is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(unwritable)
}

fn format_stdin(check: bool) -> ExitCode {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().lock().read_to_string(&mut text) {
        eprintln!("error: standard input cannot be read: {error}");
        return ExitCode::FAILURE;
    }
    let Some(formatted) = formatted("standard input", &text) else {
        return ExitCode::FAILURE;
    };
    if check {
        if formatted != text {
            print_line!("standard input");
        }
        return ExitCode::from(u8::from(formatted != text));
    }
    match std::io::stdout().lock().write_all(formatted.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: standard output cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The layout; none after the syntax errors were printed.
fn formatted(name: &str, text: &str) -> Option<String> {
    let mut sources = SourceMap::default();
    let file = sources.add(name, text);
    match format(&sources, file) {
        Ok(formatted) => Some(formatted),
        Err(errors) => {
            eprint!("{}", render(&errors, &sources, colour::on_stderr()));
            None
        }
    }
}
