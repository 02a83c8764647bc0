//! Nanoseconds per line of the regular expression engine, on grok patterns and generated lines:
//! `cargo bench -p kelp-parser --bench regex [-- NAME]`. `benches/grok` has the other engines beside it.
//!
//! Figures are the best of many short passes.

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::{Budget, Options, Regex, Scratch};
use rows::{ROWS, Row};
use std::hint::black_box;
use std::time::Instant;

#[path = "support/lines.rs"]
mod lines;
#[path = "support/rows.rs"]
mod rows;

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

/// Lines made to hurt backtracking engines, 4,000 bytes each.
fn hostile() {
    let legacy = Library::new(PatternSet::Legacy);
    let nest = |pattern: &str| {
        Grok::compile(pattern, &legacy, true)
            .expect("a stock pattern")
            .regex()
            .pattern()
            .to_owned()
    };
    let rows = [
        ("nested plus", "^(?:(?:a+)+)b".to_owned(), "a".repeat(4000)),
        (
            "nested alternatives",
            "(?:a|aa|a?)*b".to_owned(),
            "a".repeat(4000),
        ),
        (
            "four greedy",
            nest("%{GREEDYDATA:a} %{GREEDYDATA:b} %{GREEDYDATA:c} %{GREEDYDATA:d} END"),
            "x ".repeat(2000),
        ),
        (
            "four data",
            nest("%{DATA:a} %{DATA:b} %{DATA:c} %{DATA:d} END"),
            "x ".repeat(2000),
        ),
        ("uri", nest("%{URI:u}"), "a".repeat(4000)),
        ("unix path", nest("%{UNIXPATH:p}!"), "/".repeat(4000)),
        ("java class", nest("%{JAVACLASS:p} -"), "a.".repeat(2000)),
        ("e-mail", nest("%{EMAILADDRESS:p}"), "a".repeat(4000)),
        (
            "combined",
            nest("%{COMBINEDAPACHELOG}"),
            "1.1.1.1 ".repeat(500),
        ),
        ("quoted", nest("%{QS:a} %{QS:b} END"), "\"a\" ".repeat(1000)),
    ];
    for (name, pattern, line) in rows {
        let options = Options {
            multiline: true,
            ..Options::default()
        };
        let regex = Regex::new(&pattern, options).expect("a pattern");
        let mut scratch = Scratch::default();
        for pass in 0..2 {
            let epoch = Instant::now();
            let budget = Budget {
                steps: u64::MAX / 2,
                keep_going: Some(&mut || epoch.elapsed().as_secs() < 10),
            };
            let found = regex.captures_within(&line, 0, &mut scratch, budget);
            let micros = epoch.elapsed().as_micros();
            if pass == 1 {
                println!("hostile: {name:20} {micros:9} us {found:?}");
            }
        }
    }
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
    if wanted("hostile") {
        hostile();
    }
}
