//! The regular expression engine against joni itself, the engine of Logstash: the table, and random patterns and texts.
//!
//! Needs `java` and `mvn` (which fetches joni once, into the target directory); without them it says so and passes.
//! `KELP_JONI_PATTERNS` sets how many random patterns are compared.

use kelp_parser::regex::{Options, Regex, Scratch};

#[path = "support/regex_cases.rs"]
mod cases;
#[path = "support/joni.rs"]
mod joni;

use joni::compare;

#[test]
fn the_table_is_what_joni_says() {
    let table = cases::table();
    assert!(
        table
            .iter()
            .all(|case| case.line > 0 && !case.expected.is_empty())
    );
    let questions: Vec<_> = table
        .iter()
        .map(|case| (case.options, case.pattern.clone(), case.text.clone()))
        .collect();
    compare(&questions);
}

#[test]
fn random_patterns_match_as_in_joni() {
    let patterns = std::env::var("KELP_JONI_PATTERNS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(1000);
    let mut generator = cases::Generator(0x5851_f42d_4c95_7f2d);
    let mut questions = Vec::new();
    for _ in 0..patterns {
        let pattern = generator.pattern();
        for _ in 0..4 {
            questions.push((
                Options {
                    multiline: true,
                    ..Options::default()
                },
                pattern.clone(),
                generator.text(),
            ));
        }
    }
    compare(&questions);
}
