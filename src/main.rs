//! The `kelp` command.

mod agent;
mod cli;
mod clock;
mod commands;
mod configuration;
mod dead_letters;
mod fnv;
mod logging;
mod monitor;
mod producer;
mod resolver;
mod run;
mod settings;
mod signals;
mod stdout;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Demo(args)) => commands::demo::run(&args),
        Some(Command::Dlq(args)) => commands::dlq::run(*args),
        Some(Command::Check(args)) => commands::check::run(&args),
        Some(Command::Test(args)) => commands::test::run(&args),
        Some(Command::Reference(args)) => commands::reference::run(&args),
        Some(Command::Fmt(args)) => commands::fmt::run(&args),
        Some(Command::Filter(args)) => commands::filter::run(&args),
        Some(Command::Grok(args)) => commands::grok::run(&args),
        Some(Command::Setup(args)) => commands::setup::run(&args),
        Some(Command::Health(args)) => commands::health::run(&args),
        Some(Command::Ship(args)) => commands::ship::run(&args),
        Some(Command::SampleLogs(args)) => commands::sample_logs::run(&args),
        None => commands::run::run(cli.run),
    }
}
