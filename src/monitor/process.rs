//! What the system says about the process, under the names that Logstash gives to its virtual machine's.
//! Where the system has no `/proc`, numbers are 0.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// `os` of `/_node`.
pub fn os() -> Value {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "name": match std::env::consts::OS {
            "linux" => "Linux",
            "macos" => "Mac OS X",
            other => other,
        },
        "arch": match std::env::consts::ARCH {
            "x86_64" => "amd64",
            other => other,
        },
        "version": version.trim(),
        "available_processors": processors(),
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `jvm` of `/_node`. There is no virtual machine; the memory is that of the machine.
pub fn runtime(started: SystemTime) -> Value {
    let started = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({
        "pid": std::process::id(),
        "version": "none",
        "vm_version": "none",
        "vm_vendor": "none",
        "vm_name": "none",
        "start_time_in_millis": started.as_millis() as u64,
        "mem": {
            "heap_init_in_bytes": 0,
            "heap_max_in_bytes": machine_bytes(),
            "non_heap_init_in_bytes": 0,
            "non_heap_max_in_bytes": 0,
        },
        "gc_collectors": [],
    })
}

/// `jvm` of `/_node/stats`: resident memory stands for the heap, and nothing collects garbage.
pub fn runtime_stats(started: SystemTime) -> Value {
    let (resident, all) = (resident_bytes(), machine_bytes());
    let percent = (resident * 100).checked_div(all).unwrap_or(0);
    let threads = status_number("Threads:");
    let pool = json!({
        "used_in_bytes": 0, "peak_used_in_bytes": 0, "max_in_bytes": 0, "peak_max_in_bytes": 0, "committed_in_bytes": 0,
    });
    let collector = json!({"collection_time_in_millis": 0, "collection_count": 0});
    json!({
        "threads": {"count": threads, "peak_count": threads},
        "mem": {
            "heap_used_percent": percent,
            "heap_committed_in_bytes": resident,
            "heap_max_in_bytes": all,
            "heap_used_in_bytes": resident,
            "non_heap_used_in_bytes": 0,
            "non_heap_committed_in_bytes": 0,
            "pools": {"young": pool, "old": pool, "survivor": pool},
        },
        "gc": {"collectors": {"young": collector, "old": collector}},
        "uptime_in_millis": started.elapsed().unwrap_or_default().as_millis() as u64,
    })
}

/// `process` of `/_node/stats`.
pub fn process_stats(started: SystemTime) -> Value {
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let cpu_ms = cpu_ms("/proc/self/stat");
    let up_ms = started.elapsed().unwrap_or_default().as_millis() as u64;
    let percent = (cpu_ms * 100).checked_div(up_ms * processors() as u64);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut loads = load
        .split(' ')
        .map(|load| load.parse::<f64>().unwrap_or(0.0));
    let mut load = || loads.next().unwrap_or(0.0);
    json!({
        "open_file_descriptors": open,
        "peak_open_file_descriptors": open,
        "max_file_descriptors": max_open_files(),
        "mem": {
            "total_virtual_in_bytes": status_number("VmSize:") * 1024,
            "resident_in_bytes": resident_bytes(),
        },
        "cpu": {
            "total_in_millis": cpu_ms,
            "percent": percent.unwrap_or(0),
            "load_average": {"1m": load(), "5m": load(), "15m": load()},
        },
    })
}

/// Resident memory of the process, in bytes.
pub fn resident_bytes() -> u64 {
    status_number("VmRSS:") * 1024
}

fn status_number(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    number_behind(&status, name)
}

fn number_behind(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn machine_bytes() -> u64 {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    number_behind(&memory, "MemTotal:") * 1024
}

fn max_open_files() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    number_behind(&limits, "Max open files")
}

/// The CPU time in a `stat` file of `/proc`, in milliseconds.
pub fn cpu_ms(path: &str) -> u64 {
    /// `USER_HZ`, the same on every Linux in use.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(path).unwrap_or_default();
    // The name, in parentheses, may hold anything; what follows is numbers.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || {
        fields
            .next()
            .and_then(|ticks| ticks.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (ticks() + ticks()) * 1000 / TICKS_PER_SECOND
}
