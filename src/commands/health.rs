//! `kelp health`: whether a running kelp is well, for the health check of a container, which then needs no curl.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use crate::cli::HealthArgs;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the command. An output that waits for its server is no reason to restart kelp; what is red is.
pub fn run(args: &HealthArgs) -> ExitCode {
    match report(&args.api) {
        Ok(report) => {
            let status = report["status"].as_str().unwrap_or("unknown");
            println!("{status}: {}", report["symptom"].as_str().unwrap_or(""));
            match status {
                "green" | "yellow" => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("error: no kelp answers on {}: {error}", args.api);
            ExitCode::FAILURE
        }
    }
}

fn report(api: &str) -> std::io::Result<Value> {
    let address = api.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| std::io::Error::other("no such host"))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = "GET /_health_report HTTP/1.1\r\nhost: kelp\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(1 << 20).read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).map_err(std::io::Error::other)
}
