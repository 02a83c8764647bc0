//! Patterns and the texts that they are to match.

use super::*;

const PATTERNS: &[&str] = &[
    "%{WORD:w}",
    "%{INT:[a][b]:int}",
    "%{IP}",
    "%{GREEDYDATA:g}",
    "%{DATA}",
    "%{NOPE}",
    "(?<n>",
    ")",
    "(",
    "(?:",
    "(?=",
    "(?<!",
    "(?>",
    "[",
    "]",
    "[^",
    "a-z",
    "*",
    "+",
    "?",
    "*?",
    "{2,3}",
    "{1000}",
    "|",
    "\\d",
    "\\b",
    "\\k<n>",
    "\\1",
    "^",
    "$",
    ".",
    "\\",
    "(?i)",
    "(?m)",
    "[[:alpha:]]",
    "\\p{L}",
    "é",
    "x",
    "%{",
    "}",
    "(a*)*",
    "(.*a){9}",
];
const MATCHED: &[&str] = &[
    "a",
    "x",
    "word",
    " ",
    "42",
    "192.0.2.1",
    "::1",
    "\n",
    "é",
    "漢",
    "aaaaaaaaaaaa",
    "[",
    "-",
    "\0",
];
#[test]
fn grok() {
    texts(3, PATTERNS, |pattern, random| {
        // A pattern of hundreds of loops may take its time over a text; what is given up in time is not.
        let options = format!(
            "timeout_millis => 1000 match => {{ \"message\" => {} }}",
            quoted(pattern)
        );
        if let Some(pipeline) = filter("grok", &options) {
            for _ in 0..3 {
                run(&pipeline, &text(MATCHED, random));
            }
        }
    });
}

#[test]
fn substitutions() {
    const REPLACEMENTS: &[&str] = &[
        "\\0",
        "\\1",
        "\\k<n>",
        "\\",
        "\\\\",
        "\\+",
        "\\&",
        "%{message}",
        "x",
    ];
    texts(4, PATTERNS, |pattern, random| {
        // What comes of it may well be as long as the text times this.
        let with: String = text(REPLACEMENTS, random).chars().take(400).collect();
        let options = format!(
            "gsub => [\"message\", {}, {}]",
            quoted(pattern),
            quoted(&with)
        );
        if let Some(pipeline) = filter("mutate", &options) {
            run(&pipeline, &text(MATCHED, random));
        }
    });
}
