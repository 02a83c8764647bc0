//! Writes `dashboards/kelp.ndjson` anew.

use std::process::ExitCode;

fn main() -> ExitCode {
    let path = kelp_dashboards::folder().join("kelp.ndjson");
    let written = kelp_dashboards::ndjson()
        .map_err(|error| error.to_string())
        .and_then(|text| std::fs::write(&path, text).map_err(|error| error.to_string()));
    match written {
        Ok(()) => {
            println!("{} written", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
