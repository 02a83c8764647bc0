//! `kelp health`: whether a running kelp is well, for the health check of a container, which then needs no curl.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::CommandFactory;
use serde_json::Value;

use crate::cli::{Cli, HealthArgs};
use crate::stdout::print_line;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the command. An output that waits for its server is no reason to restart kelp; what is red is.
pub fn run(args: &HealthArgs) -> ExitCode {
    if let Some(command) = args.process.and_then(command_without_api) {
        print_line!("green: `kelp {command}` runs");
        return ExitCode::SUCCESS;
    }
    match report(args) {
        Ok(report) => {
            let status = report["status"].as_str().unwrap_or("unknown");
            print_line!("{status}: {}", report["symptom"].as_str().unwrap_or(""));
            match status {
                "green" | "yellow" => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("error: kelp does not answer on {}: {error}", args.api);
            ExitCode::FAILURE
        }
    }
}

/// The command of a process that runs no pipelines, by what it was started with. `None` where it runs some or cannot be seen.
fn command_without_api(process: u32) -> Option<String> {
    let arguments = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let arguments = String::from_utf8(arguments).ok()?;
    let arguments: Vec<&str> = arguments.split_terminator('\0').collect();
    without_api(&arguments)
}

fn without_api(arguments: &[&str]) -> Option<String> {
    let program = Path::new(arguments.first()?);
    if program.file_name()? != "kelp" {
        return None;
    }
    let arguments = Cli::command().try_get_matches_from(arguments).ok()?;
    arguments.subcommand_name().map(str::to_owned)
}

fn report(args: &HealthArgs) -> std::io::Result<Value> {
    let address = args.api.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| std::io::Error::other("no such host"))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let login = args.login.as_ref().map_or_else(String::new, |login| {
        format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode(login))
    });
    let request =
        format!("GET /_health_report HTTP/1.1\r\nhost: kelp\r\nconnection: close\r\n{login}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(1 << 20).read_to_string(&mut answer)?;
    if answer.split(' ').nth(1) == Some("401") {
        let refused =
            "it asks for another user and password: give them with --login or KELP_API_LOGIN";
        return Err(std::io::Error::other(refused));
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_no_pipelines_is_well_without_an_api() {
        let command = |line: &str| without_api(&line.split(' ').collect::<Vec<_>>());
        let ship = "/usr/local/bin/kelp ship /logs/a.log --topic logs.shop";
        assert_eq!(command(ship).as_deref(), Some("ship"));
        assert_eq!(
            command("kelp sample-logs --rate 10").as_deref(),
            Some("sample-logs")
        );
        assert_eq!(command("kelp -f /etc/kelp/pipeline.conf --metrics"), None);
        assert_eq!(command("kelp"), None);
        assert_eq!(command("tini -- kelp ship /logs/a.log --topic t"), None);
        // This very process is no kelp, and there is none with the number 0.
        assert_eq!(command_without_api(std::process::id()), None);
        assert_eq!(command_without_api(0), None);
    }
}
