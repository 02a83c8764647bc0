//! The `generator` input.

use std::sync::Arc;

use crossbeam_channel::Sender;
use kelp_parser::plugin_options;
use kelp_parser::spec::PositiveInt;

use super::batch::Numbering;
use super::split::Lines;
use super::{Feed, LineInput};
use crate::source::{Batch, InputError, Limits};

plugin_options! {
    /// Makes the same events again and again, to try a pipeline out or to measure it.
    pub struct GeneratorInputOptions for Input "generator" {
        /// How often the message, or all the lines, are made; 0 never ends.
        pub count: i64 = 0,
        /// Lines to make, one event each, instead of a message.
        pub lines: Option<Vec<String>>,
        /// The message; `stdin` takes the first line of standard input.
        pub message: String = "Hello world!",
        /// How many threads do this, each of them `count` times.
        pub threads: PositiveInt = 1,
    }
}

impl LineInput {
    /// Makes lines. The number of a line is that of its round, Logstash's field `sequence`.
    pub fn generator(
        options: &GeneratorInputOptions,
        limits: Limits,
        to: (usize, Sender<Batch>),
    ) -> Result<Self, InputError> {
        let lines = match &options.lines {
            Some(lines) => lines.clone(),
            None if options.message == "stdin" => vec![first_line_of_stdin()?],
            None => vec![options.message.clone()],
        };
        let rounds = u64::try_from(options.count).ok().filter(|count| *count > 0);
        let job = move |lines: Vec<String>| {
            move |feed: Feed| {
                generate(&feed, &lines, rounds);
                Ok(())
            }
        };
        let jobs = (0..options.threads.0.max(1))
            .map(|_| job(lines.clone()))
            .collect();
        Self::start("generator", limits, to, jobs)
    }
}

fn first_line_of_stdin() -> Result<String, InputError> {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|source| InputError::File {
            path: "standard input".to_owned(),
            source,
        })?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// Every batch but the last is the same, so its text is made once.
fn generate(feed: &Feed, lines: &[String], rounds: Option<u64>) {
    let bytes: usize = lines.iter().map(String::len).sum();
    if lines.is_empty() {
        return;
    }
    let fitting =
        (feed.limits.batch_records / lines.len()).min(feed.limits.batch_bytes / bytes.max(1));
    let per_batch = (fitting.max(1) as u64).min(rounds.unwrap_or(u64::MAX));
    let source: Arc<str> = "generator".into();
    let stride = lines.len() as u64;
    let full = repeat(lines, per_batch).share();
    let mut done = 0;
    while rounds.is_none_or(|rounds| done < rounds) {
        let missing = rounds.map_or(u64::MAX, |rounds| rounds - done);
        let block = if missing < per_batch {
            repeat(lines, missing).share()
        } else {
            full.clone()
        };
        let numbering = Numbering {
            source: source.clone(),
            first: done * stride,
            stride,
        };
        done += missing.min(per_batch);
        if !feed.send(block, numbering) {
            return;
        }
    }
}

fn repeat(lines: &[String], rounds: u64) -> Lines {
    let mut made = Lines {
        buffer: Vec::new(),
        spans: Vec::new(),
    };
    for _ in 0..rounds {
        for line in lines {
            let start = made.buffer.len() as u32;
            made.buffer.extend_from_slice(line.as_bytes());
            made.spans.push(start..made.buffer.len() as u32);
        }
    }
    made
}
