//! `kelp filter`: runs the filters of a configuration over events from standard input, to try a
//! configuration out or to compare it with Logstash.

use std::io::{BufRead, BufWriter, Write};
use std::process::ExitCode;

use kelp_parser::event::{Event, Value, limit_fields, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, JsonError, parse};
use kelp_parser::pipeline::{Pipeline, WorkerState};

use crate::cli::FilterArgs;
use crate::clock::now;
use crate::configuration::Configuration;
use crate::run::{EventLimits, caught};

#[derive(Debug, thiserror::Error)]
enum FilterError {
    #[error("line {line} of standard input is not JSON: {source}")]
    Json { line: usize, source: JsonError },
    #[error("line {line} of standard input is not a JSON object")]
    NotAnObject { line: usize },
    /// The events around these were printed.
    #[error("{0} of the lines of standard input were left out, see above")]
    LeftOut(usize),
    #[error("standard input cannot be read: {0}")]
    Read(std::io::Error),
    #[error("standard output cannot be written: {0}")]
    Write(std::io::Error),
}

/// Runs the command.
pub fn run(args: &FilterArgs) -> ExitCode {
    let mut configuration = match Configuration::load(&args.config) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let context = BuildContext::new(args.ecs.into())
        .at(now())
        .asking(crate::resolver::open);
    let pipeline = Pipeline::compile(
        &configuration.config,
        &context,
        &mut configuration.diagnostics,
    );
    configuration.print_diagnostics();
    if configuration.has_errors() {
        return ExitCode::FAILURE;
    }
    match filter_lines(&pipeline) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn filter_lines(pipeline: &Pipeline) -> Result<(), FilterError> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    let limits = EventLimits::default();
    limit_fields(limits.max_fields);
    let mut arena = limits.arena();
    let mut worker = WorkerState::default();
    let mut printed = Vec::new();
    let mut left_out = 0;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.map_err(FilterError::Read)?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let filtered = caught(|| {
            let fields = match parse(&line, &arena, Fractions::Double) {
                Ok(Value::Object(fields)) => fields,
                Ok(_) => return Err(FilterError::NotAnObject { line: number + 1 }),
                Err(source) => {
                    return Err(FilterError::Json {
                        line: number + 1,
                        source,
                    });
                }
            };
            let event = Event::from_object(&arena, fields, now());
            pipeline.run(event, now(), &mut worker, &mut |event, _| {
                write_json(&mut printed, &event);
                printed.push(b'\n');
            });
            Ok(())
        });
        match filtered {
            Ok(filtered) => {
                filtered?;
                output.write_all(&printed).map_err(FilterError::Write)?;
                arena.reset();
            }
            // As in a pipeline, which puts such a record in the dead letters, the others go on.
            Err(panicked) => {
                eprintln!(
                    "error: line {} of standard input: {}",
                    number + 1,
                    panicked.advice()
                );
                left_out += 1;
                worker.scratch = Default::default();
                arena = limits.arena();
            }
        }
        printed.clear();
    }
    let flushed = caught(|| {
        pipeline.flush(&arena, now(), true, &mut worker, &mut |event, _| {
            write_json(&mut printed, &event);
            printed.push(b'\n');
        });
    });
    if let Err(panicked) = flushed {
        eprintln!(
            "error: what the filters hold back at the end: {}",
            panicked.advice()
        );
        left_out += 1;
    }
    output.write_all(&printed).map_err(FilterError::Write)?;
    output.flush().map_err(FilterError::Write)?;
    match left_out {
        0 => Ok(()),
        left_out => Err(FilterError::LeftOut(left_out)),
    }
}
