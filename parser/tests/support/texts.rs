//! Texts that a pattern matches, nearly matches, or does not.

use super::cases::Generator;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A text for a pattern that has these samples, in a library that has those of `pool`.
pub fn text(generator: &mut Generator, own: &[&str], pool: &[&str], shape: Option<&Hir>) -> String {
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
pub fn write(generator: &mut Generator, shape: &Hir, out: &mut String) {
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
pub fn without_look_around(pattern: &str) -> String {
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
