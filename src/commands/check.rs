//! `kelp check`: everything that `-t` finds, and what is probably not meant.

use std::path::Path;
use std::process::ExitCode;

use kelp_parser::config::{Diagnostic, Severity, SourceMap, render};
use kelp_parser::lint::{RULES, lint, silence};
use kelp_parser::spec::EcsCompatibility;
use serde_json::{Value, json};

use super::colour;
use crate::agent::candidates;
use crate::cli::{CheckArgs, ConfigArgs, ReportFormat, RunArgs};
use crate::configuration::{Configuration, LoadError};
use crate::run::Compiled;
use crate::settings::{Settings, SettingsError};
use crate::stdout::print_line;

#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Runs the command: 0 when there is nothing to say or only warnings, 1 for errors, and for warnings with `--strict`.
pub fn run(args: &CheckArgs) -> ExitCode {
    if args.rules {
        for rule in RULES {
            print_line!("{:20} {}", rule.name, rule.doc);
        }
        return ExitCode::SUCCESS;
    }
    let mut tally = Tally::default();
    let mut findings = Vec::new();
    let checked = match &args.settings {
        Some(directory) => check_directory(directory),
        None => configurations(args)
            .into_iter()
            .map(|config| check(config, args))
            .collect(),
    };
    for checked in checked {
        match checked {
            Ok(configuration) => tally.take(&configuration, args.format, &mut findings),
            Err(error) => {
                eprintln!("error: {error}");
                tally.errors += 1;
            }
        }
    }
    match args.format {
        ReportFormat::Json => {
            let report = json!({
                "errors": tally.errors,
                "warnings": tally.warnings,
                "findings": findings,
            });
            print_line!("{report:#}");
        }
        ReportFormat::Text => print_line!(
            "{} error(s), {} warning(s) in {} file(s)",
            tally.errors,
            tally.warnings,
            tally.files
        ),
    }
    let failed = tally.errors > 0 || (args.strict && tally.warnings > 0);
    ExitCode::from(u8::from(failed))
}

/// What was found in all.
#[derive(Default)]
struct Tally {
    files: usize,
    errors: usize,
    warnings: usize,
}

impl Tally {
    fn take(
        &mut self,
        configuration: &Configuration,
        format: ReportFormat,
        findings: &mut Vec<Value>,
    ) {
        let Configuration {
            sources,
            diagnostics,
            ..
        } = configuration;
        self.files += sources.files().count();
        for diagnostic in diagnostics {
            match diagnostic.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
            }
            if format == ReportFormat::Json {
                findings.push(as_json(diagnostic, sources));
            }
        }
        if format == ReportFormat::Text {
            eprint!("{}", render(diagnostics, sources, colour::on_stderr()));
        }
    }
}

fn configurations(args: &CheckArgs) -> Vec<ConfigArgs> {
    let one = |path: Option<&String>| ConfigArgs {
        path: path.cloned(),
        text: args.text.clone(),
        support_escapes: args.support_escapes,
        text_name: None,
    };
    match &args.text {
        Some(_) => vec![one(None)],
        None => args.paths.iter().map(|path| one(Some(path))).collect(),
    }
}

fn check(config: ConfigArgs, args: &CheckArgs) -> Result<Configuration, CheckError> {
    let settings = Settings::load(RunArgs {
        config,
        ecs: Some(args.ecs),
        ..RunArgs::default()
    })?;
    let settings = settings.pipeline;
    let mut configuration = Configuration::load(&settings.config)?;
    let readable = !configuration.has_errors();
    Compiled::compile(&mut configuration, &settings);
    Ok(examine(configuration, readable, settings.ecs))
}

/// Checks the pipelines of a settings directory, and what connects them.
fn check_directory(directory: &Path) -> Vec<Result<Configuration, CheckError>> {
    let settings = Settings::load(RunArgs {
        settings: Some(directory.to_owned()),
        ..RunArgs::default()
    });
    let candidates = settings.and_then(|settings| candidates(&settings));
    let candidates = match candidates {
        Ok(candidates) => candidates,
        Err(error) => return vec![Err(error.into())],
    };
    candidates
        .into_iter()
        .map(|candidate| {
            let readable = candidate.compiled.is_some();
            let configuration = candidate.configuration?;
            Ok(examine(configuration, readable, candidate.settings.ecs))
        })
        .collect()
}

/// Adds what the rules find, where there is something to look at.
fn examine(
    mut configuration: Configuration,
    readable: bool,
    ecs: EcsCompatibility,
) -> Configuration {
    if readable {
        let found = lint(&configuration.config, ecs);
        configuration.diagnostics.extend(found);
    }
    silence(
        &mut configuration.diagnostics,
        &configuration.config,
        &configuration.sources,
    );
    configuration
        .diagnostics
        .sort_by_key(|found| (found.span.file, found.span.start));
    configuration
}

fn as_json(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let (line, column) = sources.line_column(diagnostic.span);
    json!({
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "rule": diagnostic.rule,
        "message": diagnostic.message,
        "file": sources.name(diagnostic.span.file),
        "line": line,
        "column": column,
        "help": diagnostic.help,
    })
}
