//! Lines made to hurt a backtracking engine. Steps are counted, not time: twice the line may cost little more than twice
//! the steps, also where no filter can tell beforehand that there is no match.
//!
//! `KELP_HOSTILE=all` takes every stock pattern instead of some. `cargo bench -p kelp-parser --bench regex -- hostile` has the times.

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::{Budget, Scratch};
use std::time::Duration;

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

/// A pattern for a hostile line that never matches, and the line.
fn never(pattern: &str, unit: &str, library: &Library, bytes: usize) -> (Grok, String) {
    let grok = Grok::compile(&format!("(?:{pattern}){NEVER}"), library, true)
        .unwrap_or_else(|error| panic!("{pattern}: {error}"));
    (grok, unit.repeat(bytes / unit.len()))
}

#[test]
fn no_match_takes_more_than_its_budget() {
    let library = Library::new(PatternSet::Legacy);
    let mut scratch = Scratch::default();
    let mut given_up = 0;
    for (_, pattern, unit) in hostile::CASES {
        let (grok, line) = never(pattern, unit, &library, 64 << 10);
        for steps in [0, 10, 1_000, 50_000] {
            let budget = Budget {
                steps,
                keep_going: None,
            };
            let found = grok.matches_within(&line, &mut scratch, budget);
            assert_ne!(found, Ok(true), "{pattern}");
            let took = scratch.steps();
            assert!(took <= steps + steps / 10, "{pattern}: {took} of {steps}");
            given_up += usize::from(found.is_err());
        }
    }
    assert!(given_up > hostile::CASES.len(), "{given_up}");
}

/// How long a time limit may be overrun, of the processor, on a line of 1 MB: less than a tenth of one of ten seconds (30
/// are the default).
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// The fuzz test met it: an attempt to tell states apart by what captures in loops held went on with it for ever.
#[test]
fn many_copies_of_a_loop_with_a_capture_come_to_an_end() {
    let pattern = "%{GREEDYDATA:g}{1000}{2,3}+^|(a*)*";
    let grok = Grok::compile(pattern, &Library::new(PatternSet::Legacy), true).unwrap();
    let mut scratch = Scratch::default();
    let budget = Budget {
        steps: 1_000_000,
        keep_going: None,
    };
    assert_eq!(grok.matches_within("a\n", &mut scratch, budget), Ok(true));
}

/// Letters of all scripts are 700 ranges: to put these in order for each member would take a minute here.
#[test]
fn a_long_class_is_read_at_once() {
    let class = format!("[[:alpha:]{}", "a1".repeat(400_000));
    let library = Library::new(PatternSet::Legacy);
    let began = cpu_time();
    let grok = Grok::compile(&format!("{class}]"), &library, true).unwrap();
    assert!(grok.matches("1", &mut Scratch::default()).unwrap());
    assert!(Grok::compile(&class, &library, true).is_err());
    let took = cpu_time() - began;
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_time_limit_is_looked_at_often() {
    let library = Library::new(PatternSet::Legacy);
    let back_reference = ("back reference", "(a*)\\1\\1b", "a");
    for (name, pattern, unit) in hostile::CASES.iter().chain([&back_reference]) {
        let (grok, line) = never(pattern, unit, &library, 1 << 20);
        let mut scratch = Scratch::default();
        let mut last = cpu_time();
        let (mut longest, mut asked) = (Duration::ZERO, 0);
        let mut keep_going = || {
            let now = cpu_time();
            longest = longest.max(now - last);
            last = now;
            asked += 1;
            asked < 30
        };
        let budget = Budget {
            steps: u64::MAX,
            keep_going: Some(&mut keep_going),
        };
        let found = grok.matches_within(&line, &mut scratch, budget);
        assert_ne!(found, Ok(true), "{name}");
        assert_eq!(found.is_err(), asked == 30, "{name}: asked {asked} times");
        // A loop that goes on and on without a failure is asked about, too.
        assert!(asked == 30 || *name != "nested alternatives", "{asked}");
        longest = longest.max(cpu_time() - last);
        assert!(longest < LONGEST_GAP, "{name}: {longest:?}");
    }
}

/// How long this thread has had a processor.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
