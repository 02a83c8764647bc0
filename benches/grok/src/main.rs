//! Nanoseconds per line: Kelp's grok beside PCRE2 with JIT, Oniguruma, `regex`, `fancy-regex`, joni and, for the
//! combined access log, a scanner written by hand. All captures are read; all engines see the same lines.
//!
//! `cargo run --release --manifest-path benches/grok/Cargo.toml [-- NAME]`
//!
//! joni needs `java`, and `mvn` to fetch it; without them its column is empty. Figures are the least of several
//! passes, taken in turns, so that a busy machine disturbs all alike. `-` is a pattern that an engine does not know.
//! The ratios to PCRE2 and joni are medians of the rounds, as a processor changes its speed from second to second.

mod engines;
mod hand;
mod joni;
mod translate;

#[path = "../../../parser/benches/support/lines.rs"]
mod lines;
#[path = "../../../parser/benches/support/rows.rs"]
mod rows;

use engines::Engine;
use kelp_parser::grok::{Grok, Library};
use rows::{ROWS, Row, TEN};

const LINES: usize = 2_000;
const ROUNDS: usize = 25;
/// An engine's turn, in each round.
const TURN: std::time::Duration = std::time::Duration::from_millis(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut joni = joni::Joni::start();
    if let Err(why) = &joni {
        eprintln!("without joni: {why}");
    }
    print!("{:26}{:>6}", "ns per line", "bytes");
    for name in engines::NAMES.iter().chain(&["hand", "joni"]) {
        print!("{name:>9}");
    }
    println!("  pcre2/kelp  joni/kelp");
    for row in ROWS {
        if wanted.is_empty()
            || wanted
                .iter()
                .any(|wanted| row.name.contains(wanted.as_str()))
        {
            print_row(row, joni.as_mut().ok())?;
        }
    }
    if wanted.is_empty()
        || wanted
            .iter()
            .any(|wanted| "list of ten".contains(wanted.as_str()))
    {
        print_list(joni.as_mut().ok())?;
    }
    Ok(())
}

fn print_row(row: &Row, joni: Option<&mut joni::Joni>) -> Result<(), Box<dyn std::error::Error>> {
    let lines = lines::lines(LINES, row.line);
    let grok = Grok::compile(row.pattern, &Library::new(row.set), true)?;
    let source = grok.regex().pattern().to_owned();
    let mut engines = engines::all(vec![grok]);
    let by_hand = row.name == "combined legacy";
    measure(row.name, &lines, &mut engines, by_hand, &[source], joni)
}

fn print_list(joni: Option<&mut joni::Joni>) -> Result<(), Box<dyn std::error::Error>> {
    let lines = lines::lines(LINES, lines::combined);
    let mut groks = Vec::new();
    let mut sources = Vec::new();
    for pattern in TEN {
        let set = kelp_parser::grok::PatternSet::Legacy;
        let grok = Grok::compile(pattern, &Library::new(set), true)?;
        sources.push(grok.regex().pattern().to_owned());
        groks.push(grok);
    }
    let mut engines = engines::all(groks);
    measure(
        "list of ten, the tenth",
        &lines,
        &mut engines,
        false,
        &sources,
        joni,
    )
}

/// Prints a row. All engines that know the pattern must agree on how many lines match.
fn measure(
    name: &str,
    lines: &[String],
    engines: &mut [Option<Box<dyn Engine>>],
    by_hand: bool,
    sources: &[String],
    mut joni: Option<&mut joni::Joni>,
) -> Result<(), Box<dyn std::error::Error>> {
    let bytes = lines.iter().map(String::len).sum::<usize>() / lines.len();
    let mut columns: Vec<Column> = engines.iter().map(|_| Column::default()).collect();
    let (mut hand_column, mut joni_column) = (Column::default(), Column::default());
    if let Some(joni) = &mut joni {
        joni.begin(sources, lines)?;
    }
    for _ in 0..ROUNDS {
        for (engine, column) in engines.iter_mut().zip(&mut columns) {
            if let Some(engine) = engine {
                column.add(passes(lines, |line| engine.matches(line)));
            }
        }
        if by_hand {
            hand_column.add(passes(lines, hand::combined));
        }
        if let Some(joni) = &mut joni {
            joni_column.add(joni.turn()?);
        }
    }
    if let Some(joni) = &mut joni {
        joni.end()?;
    }
    columns.extend([hand_column, joni_column]);
    let (kelp, pcre2, joni) = (&columns[0], &columns[1], &columns[columns.len() - 1]);
    print!("{name:26}{bytes:6}");
    for column in &columns {
        match column.least() {
            Some(ns) => print!("{ns:9.0}"),
            None => print!("{:>9}", "-"),
        }
    }
    println!("  {:10.2}  {:9.1}", pcre2.times(kelp), joni.times(kelp));
    for (number, column) in columns.iter().enumerate() {
        if column.matched.is_some() && column.matched != kelp.matched {
            println!(
                "    column {number} matched {:?} lines, Kelp {:?}",
                column.matched, kelp.matched
            );
        }
    }
    Ok(())
}

/// What an engine showed.
#[derive(Default)]
struct Column {
    /// Nanoseconds per line, in each round.
    rounds: Vec<f64>,
    /// How many lines matched.
    matched: Option<usize>,
}

impl Column {
    fn add(&mut self, (ns, matched): (f64, usize)) {
        self.rounds.push(ns);
        self.matched = Some(matched);
    }

    fn least(&self) -> Option<f64> {
        self.rounds.iter().copied().min_by(f64::total_cmp)
    }

    /// How many times as long as the other it took, as the median of the rounds.
    fn times(&self, other: &Column) -> f64 {
        let rounds = self.rounds.iter().zip(&other.rounds);
        let mut ratios: Vec<f64> = rounds.map(|(ns, other)| ns / other).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// The least of the passes that a few milliseconds have room for: a quick engine is not measured by its first one, in
/// caches that the others left behind.
fn passes(lines: &[String], mut matches: impl FnMut(&str) -> bool) -> (f64, usize) {
    let begin = std::time::Instant::now();
    let mut best = pass(lines, &mut matches);
    while begin.elapsed() < TURN {
        let (ns, matched) = pass(lines, &mut matches);
        best = (best.0.min(ns), matched);
    }
    best
}

/// Nanoseconds per line, and how many lines matched.
fn pass(lines: &[String], mut matches: impl FnMut(&str) -> bool) -> (f64, usize) {
    let begin = std::time::Instant::now();
    let matched = lines
        .iter()
        .filter(|line| matches(std::hint::black_box(line)))
        .count();
    (
        begin.elapsed().as_nanos() as f64 / lines.len() as f64,
        matched,
    )
}
