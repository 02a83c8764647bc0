//! Both stock libraries against joni itself: every pattern, on texts made of its samples, of the pattern, and of
//! either with bytes changed, so that some match, some nearly match and some do not. Every span is compared.
//!
//! Needs `java` and `mvn`; without them it says so and passes. `KELP_JONI_TEXTS` sets how many texts each pattern meets
//! (some 800 patterns in both libraries), `KELP_JONI_SEED` which.

#![expect(clippy::unwrap_used, reason = "a test")]

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::{Options, Regex, Scratch};
use regex_syntax::hir::{Class, ClassUnicode, HirKind};

#[path = "support/regex_cases.rs"]
mod cases;
#[path = "support/joni.rs"]
mod joni;
#[path = "support/samples.rs"]
mod samples;
#[path = "support/texts.rs"]
mod texts;

use cases::Generator;
use texts::{without_look_around, write};

fn number_from(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |number| number.parse().unwrap())
}

#[test]
fn every_stock_pattern_matches_as_in_joni() {
    let texts = number_from("KELP_JONI_TEXTS", 6) as usize;
    let mut generator = Generator(number_from("KELP_JONI_SEED", 0x9e37_79b9_7f4a_7c15));
    let known_to_joni = unicode_15();
    let mut compared = 0;
    for (set, name) in [
        (PatternSet::Legacy, "legacy"),
        (PatternSet::EcsV1, "ecs-v1"),
    ] {
        let library = Library::new(set);
        let samples = samples::samples(name);
        let pool: Vec<&str> = samples
            .values()
            .flatten()
            .map(|(text, _)| text.as_str())
            .collect();
        let mut questions = Vec::new();
        for pattern in library.names() {
            let grok = Grok::compile(&format!("%{{{pattern}}}"), &library, false).unwrap();
            let source = grok.regex().pattern().to_owned();
            let own: Vec<&str> = samples
                .get(pattern)
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .map(|(text, _)| text.as_str())
                .collect();
            let shape = regex_syntax::parse(&without_look_around(&source)).ok();
            for _ in 0..texts {
                let mut text = texts::text(&mut generator, &own, &pool, shape.as_ref());
                text.retain(|letter| known_to_joni.contains(letter));
                let options = Options {
                    multiline: true,
                    ..Options::default()
                };
                questions.push((options, source.clone(), text));
            }
            if questions.len() > 50_000 {
                compared += joni::compare(&std::mem::take(&mut questions));
            }
        }
        compared += joni::compare(&questions);
    }
    eprintln!("{compared} pairs of a stock pattern and a text compared");
}

/// Joni's tables are of an older Unicode than ours: letters that came with version 16 are none to it.
struct Letters(ClassUnicode);

fn unicode_15() -> Letters {
    match regex_syntax::parse(r"\p{age:15.0}").unwrap().into_kind() {
        HirKind::Class(Class::Unicode(class)) => Letters(class),
        other => panic!("{other:?} is no class"),
    }
}

impl Letters {
    fn contains(&self, letter: char) -> bool {
        let ranges = self.0.ranges();
        let before = ranges.partition_point(|range| range.end() < letter);
        ranges
            .get(before)
            .is_some_and(|range| range.start() <= letter)
    }
}

#[test]
fn texts_made_of_a_pattern_match_it() {
    let mut generator = Generator(7);
    let mut scratch = Scratch::default();
    let library = Library::new(PatternSet::Legacy);
    for name in [
        "IPV4",
        "HTTPDATE",
        "SYSLOGLINE",
        "COMBINEDAPACHELOG",
        "UUID",
        "EMAILADDRESS",
    ] {
        let grok = Grok::compile(&format!("%{{{name}}}"), &library, true).unwrap();
        let source = grok.regex().pattern();
        let shape = regex_syntax::parse(&without_look_around(source)).unwrap();
        let regex = Regex::new(source, Options::default()).unwrap();
        let matched = (0..50).filter(|_| {
            let mut text = String::new();
            write(&mut generator, &shape, &mut text);
            regex.is_match(&text, &mut scratch).unwrap()
        });
        assert!(matched.count() >= 25, "{name}");
    }
}
