//! `kelp grok --suggest`: proposes patterns for the lines on standard input.

use std::io::{BufWriter, Write};

use kelp_parser::grok::Suggester;
use serde_json::json;

use super::{GrokCommandError, library, next_line, pattern_set};
use crate::cli::GrokArgs;

/// How many lines are looked at: more tell little that is new.
const MOST_LINES: usize = 20_000;

/// Lines longer than this, in bytes, are passed over.
const MOST_BYTES: usize = 16 << 10;

/// How much of an example is printed, in characters.
const EXAMPLE_CHARS: usize = 160;

/// Runs the command: how many lines the patterns match, and how many there were.
pub fn run(args: &GrokArgs) -> Result<(usize, usize), GrokCommandError> {
    let mut input = std::io::stdin().lock();
    let (mut lines, mut bytes, mut all) = (Vec::new(), Vec::new(), 0);
    while lines.len() < MOST_LINES {
        let line = next_line(&mut input, &mut bytes).map_err(GrokCommandError::Read)?;
        let Some(line) = line else { break };
        if line.trim().is_empty() {
            continue;
        }
        all += 1;
        if line.len() <= MOST_BYTES {
            lines.push(line.into_owned());
        }
    }
    if lines.len() == MOST_LINES {
        eprintln!("looked at the first {MOST_LINES} lines");
    }
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let library = library(args)?;
    let suggestions = Suggester::new(&library, pattern_set(args))?.suggest(&texts);
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut matched = 0;
    for suggestion in &suggestions {
        let count = suggestion.lines.len();
        matched += count;
        let share = count as f64 * 100.0 / all as f64;
        let example = suggestion.lines.first().map_or("", |&line| texts[line]);
        let printed = match args.json {
            true => json!({
                "pattern": suggestion.pattern, "lines": count, "percent": share, "example": example,
            })
            .to_string(),
            false => {
                let example: String = example.chars().take(EXAMPLE_CHARS).collect();
                format!(
                    "# {count} of {all} lines ({share:.1}%), such as: {example}\n{}",
                    suggestion.pattern
                )
            }
        };
        let is_json = serde_json::from_str::<serde_json::Map<_, _>>(example).is_ok();
        if is_json && !args.json {
            let hint = "# these lines are JSON: the filter `json` takes them apart better";
            writeln!(output, "{hint}").map_err(GrokCommandError::Write)?;
        }
        writeln!(output, "{printed}").map_err(GrokCommandError::Write)?;
    }
    output.flush().map_err(GrokCommandError::Write)?;
    Ok((matched, all))
}
