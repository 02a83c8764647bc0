//! `kelp setup`: prepares Elasticsearch and Kibana for the default pipeline.
//!
//! Everything it makes carries a digest of its content, so that a second run sees that nothing is to be done, and says so. What a server
//! lacks is left out aloud; what it refuses for another reason ends the command.

mod api_key;
mod elasticsearch;
mod kibana;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{SetupArgs, SetupPart};
use crate::stdout::print_line;
use server::{Server, SetupError};

/// What became of one thing that setup is to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was there with another content.
    Updated,
    /// It was there as it is to be.
    Unchanged,
    /// What would have been done (`--dry-run`).
    Planned(String),
    /// The server cannot have it.
    Missing(String),
}

/// Prints what is done, and counts it.
#[derive(Default)]
pub struct Report {
    changed: usize,
    /// Of these, what was there before.
    updated: usize,
    planned: usize,
}

impl Report {
    /// Prints what became of `what`.
    pub fn tell(&mut self, what: &str, outcome: Outcome) {
        let word = match outcome {
            Outcome::Created => {
                self.changed += 1;
                "created".to_owned()
            }
            Outcome::Updated => {
                self.changed += 1;
                self.updated += 1;
                "updated".to_owned()
            }
            Outcome::Unchanged => "unchanged".to_owned(),
            Outcome::Planned(action) => {
                self.planned += 1;
                format!("would {action}")
            }
            Outcome::Missing(reason) => format!("left out: {reason}"),
        };
        print_line!("{what}: {word}");
    }
}

/// Runs the command.
pub fn run(args: &SetupArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::default();
    match runtime.block_on(set_up(args, &mut report)) {
        Ok(()) => {
            match (args.dry_run, report.planned, report.changed) {
                (true, planned, _) => print_line!("{planned} to be changed; nothing was"),
                (false, _, 0) => print_line!("everything is as it should be; nothing was changed"),
                (false, _, changed) => print_line!("{changed} changed"),
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn set_up(args: &SetupArgs, report: &mut Report) -> Result<(), SetupError> {
    let patience = Duration::from_secs(args.wait);
    if args.only != Some(SetupPart::Kibana) {
        let server = Server::new("Elasticsearch", &args.elasticsearch, args, &[])?;
        elasticsearch::wait(&server, patience).await?;
        elasticsearch::set_up(&server, args, report).await?;
    }
    if args.only != Some(SetupPart::Elasticsearch)
        && let Some(url) = &args.kibana
    {
        let server = Server::new("Kibana", url, args, &[("kbn-xsrf", "kelp")])?;
        kibana::wait(&server, patience).await?;
        kibana::set_up(&server, args, report).await?;
    }
    Ok(())
}
