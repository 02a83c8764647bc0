//! The `kelp` command.

mod cli;
mod commands;
mod configuration;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Filter(args)) => commands::filter::run(&args),
        None => {
            eprintln!("error: running a pipeline is not wired up yet; `kelp filter` is");
            ExitCode::FAILURE
        }
    }
}
