//! What the demo prints: plain lines, the same on a terminal and in a file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kelp_sink::double::{Cluster, Stored};

use super::CONFIG_NAME;
use super::broker::{Ledger, PARTITIONS};
use super::lines::TOPICS;
use super::outcome::Outcome;
use crate::cli::DemoArgs;
use crate::monitor::Snapshot;
use crate::stdout::print_line;

/// How often a line of progress is printed.
const PRINT_EVERY: Duration = Duration::from_secs(1);
/// How often the names of the columns are printed again.
const HEAD_EVERY: u64 = 20;
/// Filters of the example that parse whole lines; its ids for them end so.
const PARSER_ID: &str = " lines";

/// Where the stand-ins listen.
pub struct Addresses {
    /// For `bootstrap_servers`.
    pub kafka: String,
    /// For `hosts`.
    pub elasticsearch: String,
}

impl Addresses {
    /// What `${NAME}` in the example stands for.
    pub fn variable(&self, name: &str) -> Option<&str> {
        match name {
            "KAFKA" => Some(&self.kafka),
            "ELASTICSEARCH" => Some(&self.elasticsearch),
            _ => None,
        }
    }
}

/// Says what is real here and what is not.
pub fn introduce(addresses: &Addresses, args: &DemoArgs, state: &Path) {
    let Addresses {
        kafka,
        elasticsearch,
    } = addresses;
    let topics = TOPICS.join(", ");
    let DemoArgs { seconds, rate } = args;
    print_line!(
        "kelp demo: a real pipeline between two stand-ins, all in this process

  Kafka          stand-in: librdkafka's mock broker at {kafka}; topics {topics}, {PARTITIONS} partitions each
  Elasticsearch  stand-in: takes bulk requests at {elasticsearch} and keeps the documents in memory
  Kelp           real: consumer group, filters and bulk client, as in
                 KAFKA={kafka} ELASTICSEARCH={elasticsearch} kelp -f {CONFIG_NAME}
  Dead letters   {state}
  Log lines      made up, {rate} a second for {seconds} s, few of them broken; Ctrl-C ends it sooner

The mock broker lets a new consumer group wait for 3 s; the lag of that time is then caught up on.
",
        state = state.display()
    );
}

/// One line a second.
pub struct Progress {
    begun: Instant,
    printed: Instant,
    lines: u64,
    events: u64,
}

impl Progress {
    /// Begins now.
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            printed: Instant::now(),
            lines: 0,
            events: 0,
        }
    }

    /// Whether a line is due.
    pub fn is_due(&self) -> bool {
        self.printed.elapsed() >= PRINT_EVERY
    }

    /// Prints a line.
    pub fn print(&mut self, snapshot: &Snapshot, ledger: &Ledger, cluster: &Cluster) {
        if self.lines.is_multiple_of(HEAD_EVERY) {
            print_line!(
                "{:>6} {:>9} {:>9} {:>7} {:>7} {:>9} {:>9} {:>8} {:>8}",
                "time",
                "written",
                "events/s",
                "lag",
                "bulks",
                "indexed",
                "parsed",
                "failed",
                "dead"
            );
        }
        let events = snapshot.totals.events_out;
        let since = self.printed.elapsed().as_secs_f64().max(0.001);
        let rate = (events - self.events) as f64 / since;
        let consumed: u64 = snapshot
            .inputs
            .iter()
            .map(|input| input.stats.consumed_records)
            .sum();
        let parsers = parsers(snapshot);
        let parsed: u64 = parsers.iter().map(|(_, parsed, _)| parsed).sum();
        let failed: u64 = parsers.iter().map(|(_, _, failed)| failed).sum();
        let written = ledger.acknowledged();
        print_line!(
            "{:>4.0} s {written:>9} {rate:>9.0} {:>7} {:>7} {:>9} {parsed:>9} {failed:>8} {:>8}",
            self.begun.elapsed().as_secs_f64(),
            written.saturating_sub(consumed),
            cluster.seen().bulks.load(Ordering::Relaxed),
            cluster.count("*"),
            snapshot.dead_letters,
        );
        self.lines += 1;
        self.events = events;
        self.printed = Instant::now();
    }
}

/// For each filter that parses lines: its id, how many it parsed and how many not.
fn parsers(snapshot: &Snapshot) -> Vec<(&str, u64, u64)> {
    let parsers = snapshot.filters.iter();
    parsers
        .filter(|filter| filter.id.ends_with(PARSER_ID))
        .map(|filter| {
            let matched = filter.counters.matched;
            let failed = filter.counters.events_in - matched;
            (filter.id.as_str(), matched, failed)
        })
        .collect()
}

/// Says what came of it.
pub fn conclude(outcome: &Outcome, snapshot: &Snapshot, cluster: &Cluster) {
    let documents = cluster.documents("access-*", 1);
    if let Some(document) = documents.first() {
        print_line!("\nA document, as Elasticsearch would have it:\n");
        print_document(document);
    }
    print_line!("\nParsed:");
    for (id, parsed, failed) in parsers(snapshot) {
        print_line!("  {id:<18} {parsed:>8} parsed {failed:>6} not, which are indexed with a tag");
    }
    print_counts("Documents by index", &outcome.by_index);
    print_counts("Access lines by status", &outcome.by_status);
    print_counts("Application lines by level", &outcome.by_level);
    print_counts("Documents by tag", &outcome.by_tag);
    let Outcome {
        written,
        refused,
        arrived,
        altered,
        lost,
        duplicates,
        dead_letters,
        ..
    } = outcome;
    print_line!(
        "\nwritten {written}, arrived {arrived}, lost {lost}, altered {altered}, duplicates {duplicates}, dead letters {dead_letters}"
    );
    if *refused > 0 {
        print_line!("{refused} lines could not be written to the mock broker");
    }
    match outcome.is_complete() {
        true => print_line!("Every line that was written has arrived, word for word."),
        false => print_line!("NOT every line that was written has arrived."),
    }
}

fn print_counts(title: &str, counts: &BTreeMap<String, u64>) {
    if counts.is_empty() {
        return;
    }
    print_line!("{title}:");
    for (name, count) in counts {
        print_line!("  {name:<28} {count:>8}");
    }
}

fn print_document(document: &Stored) {
    print_line!("  {}/_doc/{}", document.index, document.id);
    let text = serde_json::to_string_pretty(&document.source).unwrap_or_default();
    for line in text.lines() {
        print_line!("  {line}");
    }
}
