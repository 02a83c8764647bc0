//! Both stock libraries against joni itself: every pattern, on texts made of its samples, of the pattern, and of
//! either with bytes changed, so that some match, some nearly match and some do not. Every span is compared.
//!
//! Needs `java` and `mvn`; without them it says so and passes. `KELP_JONI_TEXTS` sets how many texts each pattern meets
//! (some 800 patterns in both libraries), `KELP_JONI_SEED` which.

#![expect(clippy::unwrap_used, reason = "a test")]

use kelp_parser::grok::{Grok, Library, PatternSet};
use kelp_parser::regex::{Options, Regex, Scratch};
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

#[path = "support/regex_cases.rs"]
mod cases;
#[path = "support/joni.rs"]
mod joni;
#[path = "support/samples.rs"]
mod samples;

use cases::Generator;

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
                let mut text = text(&mut generator, &own, &pool, shape.as_ref());
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

/// A text for a pattern that has these samples, in a library that has those of `pool`.
fn text(generator: &mut Generator, own: &[&str], pool: &[&str], shape: Option<&Hir>) -> String {
    let mut out = String::new();
    if generator.below(4) == 0 {
        out.push_str(["x", " ", "\n", "é ", "- "][generator.below(5)]);
    }
    match (generator.below(8), shape) {
        (0..=2, Some(shape)) => write(generator, shape, &mut out),
        (3, _) => out.push_str(pool[generator.below(pool.len())]),
        _ if own.is_empty() => out.push_str(pool[generator.below(pool.len())]),
        _ => out.push_str(own[generator.below(own.len())]),
    }
    if generator.below(4) == 0 {
        out.push_str(["x", " ", "\n", ".", ":1"][generator.below(5)]);
    }
    if generator.below(3) > 0 {
        for _ in 0..=generator.below(3) {
            mutate(generator, &mut out);
        }
    }
    out
}

fn mutate(generator: &mut Generator, text: &mut String) {
    const PIECES: [&str; 24] = [
        "0", "9", "25", "a", "Z", " ", "  ", "-", "+", ".", ":", "/", "[", "]", "\"", "\\", "%",
        "@", "\n", "\t", "é", "€", "\u{a0}", "\u{130}",
    ];
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    if places.is_empty() {
        return text.push_str(PIECES[generator.below(PIECES.len())]);
    }
    let at = places[generator.below(places.len())];
    match generator.below(4) {
        0 => drop(text.remove(at)),
        1 => text.insert_str(at, PIECES[generator.below(PIECES.len())]),
        2 => {
            text.remove(at);
            text.insert_str(at, PIECES[generator.below(PIECES.len())]);
        }
        _ => {
            let end = places[generator.below(places.len())];
            let part = text[at.min(end)..at.max(end)].to_owned();
            text.insert_str(at, &part);
        }
    }
}

/// Writes a text that a pattern of this shape matches, but for what look-around would say.
fn write(generator: &mut Generator, shape: &Hir, out: &mut String) {
    match shape.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges();
            let ascii = ranges
                .iter()
                .filter(|range| range.start().is_ascii())
                .count();
            if ranges.is_empty() {
                return;
            }
            // Mostly ASCII: of all other letters each range has thousands.
            let among = if ascii > 0 && generator.below(8) > 0 {
                ascii
            } else {
                ranges.len()
            };
            let range = ranges[generator.below(among)];
            let (first, last) = (u32::from(range.start()), u32::from(range.end()));
            let last = if first < 0x7f && among == ascii {
                last.min(0x7e)
            } else {
                last
            };
            let code = first + generator.below((last - first + 1) as usize) as u32;
            out.push(char::from_u32(code).unwrap_or('\u{e9}'));
        }
        HirKind::Class(Class::Bytes(_)) => {}
        HirKind::Repetition(repetition) => {
            let most = repetition
                .max
                .unwrap_or(repetition.min + 3)
                .min(repetition.min + 3);
            let times =
                repetition.min + generator.below((most - repetition.min + 1) as usize) as u32;
            for _ in 0..times {
                write(generator, &repetition.sub, out);
            }
        }
        HirKind::Capture(capture) => write(generator, &capture.sub, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(generator, part, out)),
        HirKind::Alternation(branches) => {
            let branch = generator.below(branches.len());
            write(generator, &branches[branch], out);
        }
    }
}

/// The pattern as `regex_syntax` reads it, without look-around and with atomic groups as plain ones.
fn without_look_around(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    let mut in_class = 0;
    // How deep groups are nested, and how deep the one that is left out is.
    let (mut depth, mut left_out) = (0, None);
    while let Some(next) = rest.chars().next() {
        let mut taken = next.len_utf8();
        let mut written = None;
        match next {
            '\\' => {
                taken += rest[1..].chars().next().map_or(0, char::len_utf8);
                if rest.starts_with("\\h") {
                    written = Some(if in_class > 0 {
                        "0-9a-fA-F"
                    } else {
                        "[0-9a-fA-F]"
                    });
                }
            }
            '[' if in_class == 0 || rest.starts_with("[:") => in_class += 1,
            '[' => written = Some("\\["),
            ']' if in_class > 0 => in_class -= 1,
            '(' if in_class == 0 => {
                depth += 1;
                let look = ["(?=", "(?!", "(?<=", "(?<!"];
                if look.iter().any(|look| rest.starts_with(look)) {
                    left_out = left_out.or(Some(depth));
                } else if rest.starts_with("(?>") {
                    (taken, written) = (3, Some("(?:"));
                } else if rest.starts_with("(?<") {
                    (taken, written) = (rest.find('>').map_or(3, |end| end + 1), Some("(?:"));
                }
            }
            ')' if in_class == 0 => {
                depth -= 1;
                if left_out == Some(depth + 1) {
                    left_out = None;
                    rest = &rest[1..];
                    continue;
                }
            }
            _ => {}
        }
        // A possessive quantifier.
        let quantified = matches!(next, '*' | '+' | '?') && in_class == 0;
        if left_out.is_none() {
            out.push_str(written.unwrap_or(&rest[..taken]));
        }
        rest = &rest[taken..];
        if quantified && rest.starts_with('+') {
            rest = &rest[1..];
        }
    }
    out
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
