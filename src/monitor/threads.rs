//! `/_node/hot_threads`: which threads take the CPU. There are no stack traces.

use std::fs;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::process;
use crate::clock::iso8601;

const SHOWN: usize = 10;

struct Thread {
    id: u64,
    name: String,
    state: &'static str,
    cpu_ms: u64,
}

/// The threads, the busiest first.
fn busiest() -> Vec<Thread> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let mut threads: Vec<Thread> = tasks
        .filter_map(|task| {
            let id: u64 = task.ok()?.file_name().to_str()?.parse().ok()?;
            let of = |file: &str| format!("/proc/self/task/{id}/{file}");
            let stat = fs::read_to_string(of("stat")).ok()?;
            let state = stat.rsplit(')').next()?.split_whitespace().next()?;
            Some(Thread {
                id,
                name: fs::read_to_string(of("comm")).ok()?.trim().to_owned(),
                state: match state {
                    "R" => "runnable",
                    "D" => "blocked",
                    _ => "timed_waiting",
                },
                cpu_ms: process::cpu_ms(&of("stat")),
            })
        })
        .collect();
    threads.sort_by_key(|thread| std::cmp::Reverse(thread.cpu_ms));
    threads.truncate(SHOWN);
    threads
}

fn percent(thread: &Thread) -> f64 {
    let all = process::cpu_ms("/proc/self/stat").max(1);
    (thread.cpu_ms * 10_000 / all) as f64 / 100.0
}

/// The JSON form. The percentages are parts of what the process has used.
pub fn as_json() -> Value {
    let threads: Vec<Value> = busiest()
        .iter()
        .map(|thread| {
            json!({
                "name": thread.name,
                "thread_id": thread.id,
                "percent_of_cpu_time": percent(thread),
                "state": thread.state,
                "traces": [],
            })
        })
        .collect();
    json!({"time": now(), "busiest_threads": threads.len(), "threads": threads})
}

/// The form with `human`.
pub fn as_text() -> String {
    let threads = busiest();
    let count = threads.len();
    let host = gethostname::gethostname();
    let mut text = format!(
        "::: {{{}}}\nHot threads at {}, busiestThreads={count}:\n",
        host.to_string_lossy(),
        now()
    );
    text += &"=".repeat(80);
    text.push('\n');
    for thread in &threads {
        text += &format!(
            "{} % of cpu usage, state: {}, thread name: '{}', thread id: {}\n",
            percent(thread),
            thread.state,
            thread.name,
            thread.id
        );
        text += &"-".repeat(80);
        text.push('\n');
    }
    text
}

fn now() -> String {
    iso8601(SystemTime::now())
}
