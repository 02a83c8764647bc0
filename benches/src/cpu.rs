//! CPU time and memory of processes, from `/proc`.

use std::time::Instant;

/// What something cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// User and system time of all threads.
    pub cpu_seconds: f64,
    /// From start to end.
    pub wall_seconds: f64,
    /// The most memory that was resident, where a process of its own was measured.
    pub peak_mib: Option<f64>,
    /// From the start of the process to its first bulk request.
    pub first_bulk_ms: Option<f64>,
}

/// Measures what `work` costs this process.
pub fn measure<E>(work: impl FnOnce() -> Result<(), E>) -> Result<Cost, E> {
    let before = cpu_seconds("self");
    let start = Instant::now();
    work()?;
    Ok(Cost {
        cpu_seconds: cpu_seconds("self") - before,
        wall_seconds: start.elapsed().as_secs_f64(),
        ..Cost::default()
    })
}

/// User and system time of all threads of a process so far.
pub fn cpu_seconds(process: &str) -> f64 {
    // Clock ticks are 1/100 s on every Linux that Rust supports.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold spaces; what follows it is field 3.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / TICKS_PER_SECOND
}

/// The most memory of a process that was resident so far.
pub fn peak_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}
