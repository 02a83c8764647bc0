//! Every pattern of both stock libraries compiles and matches the texts in `grok/samples.txt`.

#![expect(clippy::unwrap_used, reason = "a test")]

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::Scratch;

#[path = "support/samples.rs"]
mod samples;

use samples::samples;

fn check(set: PatternSet, name: &str) {
    let library = Library::new(set);
    let samples = samples(name);
    let mut scratch = Scratch::default();
    let mut wrong = Vec::new();
    for pattern in library.names() {
        if let Err(error) = Grok::compile(&format!("%{{{pattern}:x}}"), &library, true) {
            wrong.push(format!("{pattern}: {error}"));
            continue;
        }
        let texts = samples.get(pattern).map_or(&[][..], Vec::as_slice);
        if texts.is_empty() {
            wrong.push(format!("{pattern}: no sample"));
        }
        for (text, whole) in texts {
            let anchored = if *whole {
                format!(r"\A(?:%{{{pattern}}})\z")
            } else {
                format!("%{{{pattern}}}")
            };
            let grok = Grok::compile(&anchored, &library, true).unwrap();
            if !grok.matches(text, &mut scratch).unwrap() {
                let explanation = grok.explain(&library, text);
                wrong.push(format!(
                    "{pattern}: does not match {text:?}: {explanation:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_legacy_pattern_matches_its_samples() {
    check(PatternSet::Legacy, "legacy");
}

#[test]
fn every_ecs_pattern_matches_its_samples() {
    check(PatternSet::EcsV1, "ecs-v1");
}

#[test]
fn every_sample_is_of_a_pattern() {
    for (set, name) in [
        (PatternSet::Legacy, "legacy"),
        (PatternSet::EcsV1, "ecs-v1"),
    ] {
        let library = Library::new(set);
        for sample in samples(name).keys() {
            let known = library.get(sample).is_some()
                || Library::new(PatternSet::EcsV1).get(sample).is_some();
            assert!(known, "{sample}");
        }
    }
}
