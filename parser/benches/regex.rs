//! Nanoseconds per line of the regular expression engine, on grok patterns and generated lines:
//! `cargo bench -p kelp-parser --bench regex [-- NAME]`. `benches/grok` has the other engines beside it.
//!
//! Figures are the best of many short passes. `-- compile` tells how long patterns take to compile, `-- hostile` how long
//! lines take that are made to hurt.

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::{Budget, Options, Regex, Scratch};
use rows::{ROWS, Row, TEN};
use std::hint::black_box;
use std::time::{Duration, Instant};

#[path = "../tests/support/hostile.rs"]
mod hostile;
#[path = "support/lines.rs"]
mod lines;
#[path = "support/rows.rs"]
mod rows;

const LIST: &str = "list of ten, the tenth";

/// The best nanoseconds per line over many short passes (the machine may be busy), and how many lines matched.
fn measure(lines: &[String], passes: u32, mut matches: impl FnMut(&str) -> bool) -> (f64, usize) {
    let (mut best, mut matched) = (f64::MAX, 0);
    for _ in 0..passes {
        let begin = Instant::now();
        matched = lines.iter().filter(|line| matches(black_box(line))).count();
        best = best.min(begin.elapsed().as_nanos() as f64 / lines.len() as f64);
    }
    (best, matched)
}

fn print_row(row: &Row) {
    let Row {
        name, set, pattern, ..
    } = *row;
    let lines = lines::lines(2_000, row.line);
    let average = lines.iter().map(String::len).sum::<usize>() / lines.len();
    let grok = Grok::compile(pattern, &Library::new(set), true).expect("a stock pattern");
    let options = Options {
        multiline: true,
        ..Options::default()
    };
    let began = Instant::now();
    let regex = Regex::new(grok.regex().pattern(), options).expect("a stock pattern");
    let compiled = began.elapsed().as_micros();
    let mut scratch = Scratch::default();
    let (ours, matched) = measure(&lines, 30, |line| {
        regex.captures_at(line, 0, &mut scratch).unwrap_or(false)
    });
    print!(
        "{name:26} {average:4} bytes {ours:8.0} ns, {matched:5} matched, compiled in {compiled} us"
    );
    println!();
}

/// A list of ten patterns of which the tenth matches, and what it takes alone.
fn print_list() {
    let lines = lines::lines(2_000, lines::combined);
    let library = Library::new(PatternSet::Legacy);
    let groks = TEN.map(|pattern| Grok::compile(pattern, &library, true).expect("a pattern"));
    let list = kelp_parser::grok::list(&groks);
    let mut scratch = Scratch::default();
    let (ours, matched) = measure(&lines, 30, |line| {
        let mut attempts = list.on(line);
        (0..groks.len()).any(|number| {
            let found = attempts.captures_within(number, &mut scratch, Budget::default());
            found.unwrap_or(false)
        })
    });
    println!("{LIST:26} {ours:19.0} ns, {matched:5} matched");
}

/// Lines made to hurt backtracking engines, of three lengths, and the worst of the stock patterns.
fn hostile() {
    let legacy = Library::new(PatternSet::Legacy);
    println!("ms per 4 KB without a limit          4 KB     64 KB      1 MB");
    for (name, pattern, unit) in hostile::CASES {
        let grok = Grok::compile(pattern, &legacy, true).expect("a pattern");
        let took = [4 << 10, 64 << 10, 1 << 20].map(|bytes| per_page(&grok, unit, bytes));
        print_hostile(name, &took);
    }
    // Behind each stock pattern something that never comes, so that no filter tells beforehand.
    let mut worst = Vec::new();
    for set in [PatternSet::Legacy, PatternSet::EcsV1] {
        let library = Library::new(set);
        for name in library.names() {
            for ending in ["", "(?<=\\x00)"] {
                let pattern = format!("%{{{name}}}{ending}");
                let grok = Grok::compile(&pattern, &library, true).expect("a stock pattern");
                for unit in hostile::UNITS {
                    worst.push((per_page(&grok, unit, 4 << 10), pattern.clone(), *unit));
                }
            }
        }
    }
    worst.sort_by(|one, other| other.0.total_cmp(&one.0));
    let total = worst.len();
    println!("worst of {total} pairs of a stock pattern and a line:");
    worst.dedup_by(|one, other| one.1 == other.1);
    for (took, pattern, unit) in &worst[..12] {
        print_hostile(&format!("{pattern} on {unit:?}"), &[*took]);
    }
    over_time(&legacy);
}

fn print_hostile(name: &str, took: &[f64]) {
    print!("hostile: {name:28}");
    took.iter().for_each(|took| print!("{took:10.3}"));
    println!();
}

/// Milliseconds for each 4 KB of a line of so many bytes: of a second run, or of the first if that took long.
fn per_page(grok: &Grok, unit: &str, bytes: usize) -> f64 {
    let line = unit.repeat(bytes / unit.len());
    let mut scratch = Scratch::default();
    let mut best = f64::MAX;
    for _ in 0..2 {
        let began = cpu_time();
        let budget = Budget {
            steps: u64::MAX / 2,
            keep_going: None,
        };
        let _ = black_box(grok.matches_within(&line, &mut scratch, budget));
        best = best.min((cpu_time() - began).as_secs_f64() * 1e3);
        if best > 1_000.0 {
            break;
        }
    }
    best / (bytes as f64 / 4096.0)
}

/// By how much a time limit is overrun: the longest time between two questions whether to go on.
fn over_time(library: &Library) {
    let mut longest = (Duration::ZERO, "");
    for (name, pattern, unit) in hostile::CASES {
        let pattern = format!("(?:{pattern})(?<=\\x00)");
        let grok = Grok::compile(&pattern, library, true).expect("a pattern");
        let line = unit.repeat((1 << 20) / unit.len());
        let mut scratch = Scratch::default();
        let began = cpu_time();
        let mut last = began;
        let mut gap = Duration::ZERO;
        let mut keep_going = || {
            let now = cpu_time();
            gap = gap.max(now - last);
            last = now;
            now - began < Duration::from_millis(100)
        };
        let budget = Budget {
            steps: u64::MAX,
            keep_going: Some(&mut keep_going),
        };
        let found = grok.matches_within(&line, &mut scratch, budget);
        let took = cpu_time() - began;
        gap = gap.max(cpu_time() - last);
        println!(
            "limit of 100 ms, 1 MB: {name:28} {:8.1} ms, {:7.2} ms between questions, {found:?}",
            took.as_secs_f64() * 1e3,
            gap.as_secs_f64() * 1e3
        );
        if gap > longest.0 {
            longest = (gap, name);
        }
    }
    println!("longest time between questions: {longest:?}");
}

/// How long this thread has had a processor.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How long it takes to compile every stock pattern once, each in an expression of its own.
fn compile_time() {
    for (set, name) in [(PatternSet::Legacy, "legacy"), (PatternSet::EcsV1, "ECS")] {
        let mut best = (f64::MAX, 0);
        let mut slowest = Vec::new();
        for _ in 0..3 {
            let library = Library::new(set);
            let mut names: Vec<&str> = library.names().collect();
            names.sort_unstable();
            slowest.clear();
            let began = cpu_time();
            for name in &names {
                let one = cpu_time();
                let grok = Grok::compile(&format!("%{{{name}}}"), &library, true);
                black_box(grok.expect("a stock pattern"));
                slowest.push((cpu_time() - one, (*name).to_owned()));
            }
            let took = (cpu_time() - began).as_secs_f64() * 1e3;
            best = (best.0.min(took), names.len());
        }
        println!("compile: {} patterns of {name}: {:.1} ms", best.1, best.0);
        slowest.sort_by(|one, other| other.cmp(one));
        for (took, name) in &slowest[..5] {
            println!("    {name}: {:.2} ms", took.as_secs_f64() * 1e3);
        }
    }
    let library = Library::new(PatternSet::EcsV1);
    let began = cpu_time();
    for number in 0..50 {
        let row = &ROWS[number % ROWS.len()];
        let pattern = format!("^{} %{{NUMBER:n{number}}}", row.pattern);
        black_box(Grok::compile(&pattern, &library, true).expect("a pattern"));
    }
    let took = (cpu_time() - began).as_secs_f64() * 1e3;
    println!("compile: 50 large patterns: {took:.1} ms");
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wanted = |name: &str| {
        arguments.is_empty()
            || arguments
                .iter()
                .any(|argument| name.contains(&argument[..]))
    };
    for row in ROWS {
        if wanted(row.name) {
            print_row(row);
        }
    }
    if wanted(LIST) {
        print_list();
    }
    if wanted("compile") {
        compile_time();
    }
    if wanted("hostile") {
        hostile();
    }
}
