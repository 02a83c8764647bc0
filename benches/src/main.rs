//! What each stage of Kelp costs, and the whole of it, in CPU-seconds per million events.
//!
//! `cargo build --release && cargo run --release -p kelp-bench -- --events 1000000`
//!
//! Messages are combined access lines on four partitions of a real Kafka, which is downloaded and
//! started for it; requests go to a null Elasticsearch in a process of its own. The floor is what
//! consuming the same messages and posting their raw bytes unparsed costs. Machines are noisy: compare
//! the rows of one run with each other, and repeat.

mod broker;
mod cpu;
mod lines;
mod null_sink;
mod parts;
mod whole;

use std::error::Error;

use broker::Topic;
use cpu::Cost;
use null_sink::NullSink;

/// What is measured.
struct Arguments {
    events: u64,
    kelp: std::path::PathBuf,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self {
            events: 1_000_000,
            kelp: std::env::current_exe()?.with_file_name("kelp"),
        };
        let mut given = std::env::args().skip(1);
        while let Some(flag) = given.next() {
            let value = given
                .next()
                .ok_or_else(|| format!("`{flag}` needs a value"))?;
            match flag.as_str() {
                "--events" => arguments.events = value.parse()?,
                "--kelp" => arguments.kelp = value.into(),
                other => {
                    return Err(
                        format!("unknown flag `{other}`; there are --events and --kelp").into(),
                    );
                }
            }
        }
        Ok(arguments)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("null-sink") {
        return null_sink::serve();
    }
    let arguments = Arguments::parse()?;
    let topic = Topic::filled(arguments.events)?;
    let sink = NullSink::start()?;
    let events = arguments.events;
    print_row(
        "stage",
        "CPU-s/1M",
        "s",
        "events/s",
        "peak MiB",
        "first bulk ms",
    );
    report("consume", events, &parts::consume(&topic)?);
    report(
        "parse: grok + date + mutate",
        events,
        &parts::parse(events)?,
    );
    report(
        "encode + post",
        events,
        &parts::encode_and_post(events, &sink, 0)?,
    );
    report(
        "encode + post, gzip 1",
        events,
        &parts::encode_and_post(events, &sink, 1)?,
    );
    report(
        "floor: consume + post raw",
        events,
        &parts::floor(&topic, &sink)?,
    );
    for level in [0, 1] {
        let cost = whole::run(
            &arguments.kelp,
            &topic,
            &sink,
            whole::Filters::Access,
            level,
        )?;
        report(&format!("kelp, access log, gzip {level}"), events, &cost);
    }
    let cost = whole::run(&arguments.kelp, &topic, &sink, whole::Filters::None, 0)?;
    report("kelp, no filter, gzip 0", events, &cost);
    Ok(())
}

fn report(stage: &str, events: u64, cost: &Cost) {
    let millions = events as f64 / 1e6;
    let or_dash = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
    print_row(
        stage,
        &format!("{:.2}", cost.cpu_seconds / millions),
        &format!("{:.2}", cost.wall_seconds),
        &format!("{:.0}", events as f64 / cost.wall_seconds),
        &or_dash(cost.peak_mib),
        &or_dash(cost.first_bulk_ms),
    );
}

fn print_row(stage: &str, cpu: &str, wall: &str, rate: &str, peak: &str, first: &str) {
    println!("{stage:30} {cpu:>9} {wall:>8} {rate:>10} {peak:>9} {first:>14}");
}
