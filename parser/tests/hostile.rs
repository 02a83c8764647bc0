//! Lines made to hurt a backtracking engine. Steps are counted, not time: twice the line may cost little more than twice
//! the steps, also where no filter can tell beforehand that there is no match.
//!
//! `KELP_HOSTILE=all` takes every stock pattern instead of some. `cargo bench -p kelp-parser --bench regex -- hostile` has the times.

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::{Budget, Scratch};

#[path = "support/hostile.rs"]
mod hostile;

/// What never holds, and what a filter that is a regular language cannot know.
const NEVER: &str = "(?<=\\x00)";

/// Steps of a search for a pattern behind which something is to come that never does.
fn steps(grok: &Grok, line: &str, scratch: &mut Scratch) -> u64 {
    let budget = Budget {
        steps: 1_000 * line.len() as u64 + 100_000,
        keep_going: None,
    };
    let found = grok.matches_within(line, scratch, budget);
    assert_eq!(found, Ok(false), "{} on {line:.40}", grok.source());
    scratch.steps()
}

/// Checks that steps grow with the length, not with its square.
fn check(pattern: &str, unit: &str, library: &Library, scratch: &mut Scratch) {
    let grok = Grok::compile(&format!("(?:{pattern}){NEVER}"), library, true)
        .unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let [short, long] = [1, 4].map(|factor| {
        let line = unit.repeat(factor * 1_000 / unit.len());
        steps(&grok, &line, scratch)
    });
    assert!(
        long <= 5 * short + 5_000,
        "{pattern} on {unit:?}: {short} steps, {long} for a line four times as long"
    );
}

#[test]
fn steps_grow_with_the_line() {
    let library = Library::new(PatternSet::Legacy);
    let mut scratch = Scratch::default();
    for (_, pattern, unit) in hostile::CASES {
        check(pattern, unit, &library, &mut scratch);
    }
}

#[test]
fn steps_of_stock_patterns_grow_with_the_line() {
    let all = std::env::var("KELP_HOSTILE").is_ok_and(|which| which == "all");
    let library = Library::new(PatternSet::EcsV1);
    let mut scratch = Scratch::default();
    let mut names: Vec<&str> = library.names().collect();
    names.sort_unstable();
    for (number, name) in names.into_iter().enumerate() {
        for (at, unit) in hostile::UNITS.iter().enumerate() {
            if all || (number + at) % 17 == 0 {
                check(&format!("%{{{name}}}"), unit, &library, &mut scratch);
            }
        }
    }
}
