//! Nanoseconds per line of the regular expression engine, beside `regex` and `fancy-regex`, on grok patterns and
//! generated lines: `cargo bench -p kelp-parser --bench regex [-- NAME]`.
//!
//! Figures are the best of many short passes. With `KELP_BENCH_OTHERS` set the others run too; what they cannot compile
//! (`regex` knows no look-around) is left out.

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::{Budget, Options, Regex, Scratch};
use std::hint::black_box;
use std::time::Instant;

#[path = "support/lines.rs"]
mod lines;

type Line = fn(&mut lines::Random) -> String;

const ROWS: [(&str, PatternSet, &str, Line); 12] = [
    (
        "combined legacy",
        PatternSet::Legacy,
        "%{COMBINEDAPACHELOG}",
        lines::combined,
    ),
    (
        "combined ecs",
        PatternSet::EcsV1,
        "%{COMBINEDAPACHELOG}",
        lines::combined,
    ),
    ("syslog", PatternSet::Legacy, "%{SYSLOGLINE}", lines::syslog),
    (
        "syslog 5424",
        PatternSet::Legacy,
        "%{SYSLOG5424LINE}",
        lines::syslog5424,
    ),
    (
        "haproxy http",
        PatternSet::Legacy,
        "%{HAPROXYHTTP}",
        lines::haproxy,
    ),
    (
        "log4j",
        PatternSet::Legacy,
        r"%{TIMESTAMP_ISO8601:ts} %{LOGLEVEL:level} +\[%{DATA:thread}\] %{JAVACLASS:class} - %{GREEDYDATA:msg}",
        lines::log4j,
    ),
    (
        "s3 legacy",
        PatternSet::Legacy,
        "%{S3_ACCESS_LOG}",
        lines::s3,
    ),
    ("s3 ecs", PatternSet::EcsV1, "%{S3_ACCESS_LOG}", lines::s3),
    (
        "elb legacy",
        PatternSet::Legacy,
        "%{ELB_ACCESS_LOG}",
        lines::elb,
    ),
    (
        "combined, miss at once",
        PatternSet::Legacy,
        "%{COMBINEDAPACHELOG}",
        lines::application,
    ),
    (
        "combined, miss late",
        PatternSet::Legacy,
        "%{COMBINEDAPACHELOG}",
        lines::common,
    ),
    (
        "combined ecs, miss late",
        PatternSet::EcsV1,
        "%{COMBINEDAPACHELOG}",
        lines::common,
    ),
];

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

fn row(name: &str, set: PatternSet, pattern: &str, line: Line, others: bool) {
    let lines = lines::lines(2_000, line);
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
    if others {
        // Plain groups do not capture in Ruby once a group has a name, and group names there know no limits.
        let source = format!("(?s){}", translated(grok.regex().pattern()));
        if let Ok(regex) = regex::Regex::new(&source) {
            let mut locations = regex.capture_locations();
            let (ns, matched) = measure(&lines, 3, |line| {
                regex.captures_read(&mut locations, line).is_some()
            });
            print!("; regex {ns:.0} ns, {matched}");
        }
        if let Ok(fancy) = fancy_regex::Regex::new(&source) {
            let (ns, matched) = measure(&lines[..1000], 2, |line| {
                matches!(fancy.captures(line), Ok(Some(_)))
            });
            print!("; fancy-regex {ns:.0} ns, {matched}");
        }
    }
    println!();
}

/// The pattern in the syntax of the other engines, as far as grok patterns need it.
fn translated(source: &str) -> String {
    let (mut out, mut group, mut in_class) = (String::new(), 0, 0);
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let mut length = next.len_utf8();
        match next {
            '\\' => {
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
            }
            '[' => {
                in_class += 1;
                out.push_str(if in_class > 1 { "\\[" } else { "[" });
                in_class = 1;
            }
            ']' => {
                in_class = 0;
                out.push(']');
            }
            '(' if in_class == 0
                && rest.starts_with("(?<")
                && !rest.starts_with("(?<=")
                && !rest.starts_with("(?<!") =>
            {
                group += 1;
                length = rest.find('>').map_or(length, |end| end + 1);
                out.push_str(&format!("(?P<g{group}>"));
            }
            '(' if in_class == 0 && !rest.starts_with("(?") => out.push_str("(?:"),
            other => out.push(other),
        }
        rest = &rest[length..];
    }
    out
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
    let others = std::env::var_os("KELP_BENCH_OTHERS").is_some();
    for (name, set, pattern, line) in ROWS {
        if wanted(name) {
            row(name, set, pattern, line, others);
        }
    }
    if wanted("hostile") {
        hostile();
    }
}
