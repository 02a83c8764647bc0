//! `kelp test`: test cases that lie beside a configuration. The format is described in `docs/testing.md`; `suite` reads it,
//! `execute` runs it, `report` says what came of it.

mod execute;
mod report;
mod suite;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kelp_parser::config::render;

use super::colour;
use crate::cli::{ConfigArgs, TestArgs};
use crate::configuration::{Configuration, LoadError};
use report::{Outcome, Report};
use suite::{Suite, SuiteError};

/// Tests that cannot be run.
#[derive(Debug, thiserror::Error)]
enum TestError {
    #[error("{0}")]
    Suite(#[from] SuiteError),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error(
        "there are no test cases at `{0}`: they are in files named `NAME.test.yml`, `.yaml` or `.json`"
    )]
    NoCases(PathBuf),
    #[error("cannot list `{path}`: {source}")]
    List {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "`{0}` does not say which configuration it tests: write `config: FILE` into it, put it beside one of the same \
         name, or name one with -f"
    )]
    NoConfiguration(PathBuf),
    #[error("the configuration has errors")]
    Configuration,
    #[error("{0}")]
    Execute(#[from] execute::ExecuteError),
    #[error("cannot write `{path}`: {source}")]
    Junit {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Runs the command: 0 when every case holds, 1 when one does not, 2 when something could not be tested at all.
pub fn run(args: &TestArgs) -> ExitCode {
    let mut report = Report::default();
    let mut broken = false;
    let mut fail = |error: &TestError| {
        eprintln!("error: {error}");
        broken = true;
    };
    for path in &args.paths {
        match files(path, args.config.is_some()) {
            Ok(files) => {
                for file in files {
                    if let Err(error) = test(&file, args, &mut report) {
                        fail(&error);
                    }
                }
            }
            Err(error) => fail(&error),
        }
    }
    crate::stdout::write(format_args!("{}", report.as_text(colour::on_stdout())));
    if let Some(path) = &args.junit
        && let Err(source) = std::fs::write(path, report.as_junit())
    {
        let path = path.clone();
        fail(&TestError::Junit { path, source });
    }
    match (broken, report.failures()) {
        (true, _) => ExitCode::from(2),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    }
}

/// The files of test cases that a path means: itself, those of a directory, or those beside a configuration.
fn files(path: &Path, configuration_named: bool) -> Result<Vec<PathBuf>, TestError> {
    if path.is_dir() {
        let list = |source| TestError::List {
            path: path.to_owned(),
            source,
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(list)? {
            let entry = entry.map_err(list)?.path();
            if suite::is_suite(&entry) || configuration_named && suite::is_verifier_file(&entry) {
                found.push(entry);
            }
        }
        found.sort();
        return match found.is_empty() {
            true => Err(TestError::NoCases(path.to_owned())),
            false => Ok(found),
        };
    }
    if path.extension().is_some_and(|end| end == "conf") {
        let beside = suite::ENDINGS.iter().map(|end| path.with_extension(end));
        let found: Vec<PathBuf> = beside.filter(|file| file.is_file()).collect();
        return match found.is_empty() {
            true => Err(TestError::NoCases(path.to_owned())),
            false => Ok(found),
        };
    }
    Ok(vec![path.to_owned()])
}

fn test(file: &Path, args: &TestArgs, report: &mut Report) -> Result<(), TestError> {
    let suite = Suite::read(file)?;
    let path = match (&suite.config, &args.config) {
        (Some(config), _) => suite.directory().join(config),
        (None, Some(config)) => config.clone(),
        (None, None) => suite::configuration_beside(file)
            .ok_or_else(|| TestError::NoConfiguration(file.to_owned()))?,
    };
    let arguments = ConfigArgs {
        path: Some(path.to_string_lossy().into_owned()),
        support_escapes: args.support_escapes,
        ..ConfigArgs::default()
    };
    let mut configuration = Configuration::load(&arguments)?;
    let ecs = suite.ecs.unwrap_or_else(|| args.ecs.into());
    let results = execute::run(&suite, &mut configuration, ecs);
    if configuration.has_errors() {
        let colour = colour::on_stderr();
        eprint!(
            "{}",
            render(&configuration.diagnostics, &configuration.sources, colour)
        );
        return Err(TestError::Configuration);
    }
    let outcomes = suite.cases.iter().zip(results?).map(|(case, result)| {
        let difference = report::difference(&suite, case, &result.events);
        Outcome {
            name: case.name.clone(),
            seconds: result.seconds,
            difference,
        }
    });
    report.add(file, outcomes.collect());
    Ok(())
}
