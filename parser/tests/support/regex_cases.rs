//! The table of cases and a generator of patterns and texts, shared by the tests of the regular expression engine.

#![allow(dead_code)] // each test uses a part

use super::{Options, Regex, Scratch};

/// One line of the table.
#[derive(Debug)]
pub struct Case {
    pub line: usize,
    pub options: Options,
    pub pattern: String,
    pub text: String,
    pub expected: String,
}

/// The table in `cases/regex.txt`, whose head describes it.
pub fn table() -> Vec<Case> {
    let lines = include_str!("../cases/regex.txt").lines().enumerate();
    let cases = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("# "));
    cases
        .map(|(at, line)| {
            let [pattern, text, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("line {}: three columns wanted: {line:?}", at + 1);
            };
            let (options, pattern) = options(pattern);
            Case {
                line: at + 1,
                options,
                pattern: pattern.to_owned(),
                text: unescape(text),
                expected: expected.to_owned(),
            }
        })
        .collect()
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let digits: String = rest.by_ref().skip(1).take_while(|&c| c != '}').collect();
                let code = u32::from_str_radix(&digits, 16)
                    .ok()
                    .and_then(char::from_u32);
                out.push(code.expect("a code point in hexadecimal"));
            }
            Some(c) => out.push(c),
            None => panic!("a backslash ends {text:?}"),
        }
    }
    out
}

/// `im|pattern`, `-|pattern` or `pattern`.
fn options(column: &str) -> (Options, &str) {
    match column.split_once('|') {
        Some((flags, pattern))
            if !flags.is_empty() && flags.bytes().all(|b| b"-imx".contains(&b)) =>
        {
            let has = |flag| flags.contains(flag);
            (
                Options {
                    multiline: has('m'),
                    ignore_case: has('i'),
                    extended: has('x'),
                },
                pattern,
            )
        }
        _ => (
            Options {
                multiline: true,
                ..Options::default()
            },
            column,
        ),
    }
}

/// What a match comes to, in the words of the table.
pub fn outcome(regex: &Regex, text: &str, scratch: &mut Scratch) -> String {
    match regex.captures_at(text, 0, scratch) {
        Err(error) => return error.to_string(),
        Ok(false) => return "none".to_owned(),
        Ok(true) => {}
    }
    let span = |group| {
        scratch
            .span(group)
            .map_or("-".to_owned(), |(begin, end)| format!("{begin}-{end}"))
    };
    (0..=regex.group_count())
        .map(span)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Random patterns and texts, the same for the same seed.
pub struct Generator(pub u64);

/// Groups so far. Back references stand at the top level only: from inside their own group, what joni makes of them
/// is an accident, and inside of loops it has a notion of empty iterations that we do not follow.
#[derive(Default)]
struct Groups {
    depth: usize,
    opened: usize,
    closed: Vec<usize>,
}

impl Generator {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A short text over the characters that the patterns speak of.
    pub fn text(&mut self) -> String {
        let length = self.below(12);
        let characters = [
            "a", "b", "a", "b", "A", "1", "-", "_", " ", ".", "\n", "é", "É", "€", "\u{212a}", "k",
            "$", "\t", "\r\n", "\u{80}", "e\u{301}",
        ];
        (0..length).map(|_| self.pick(&characters)).collect()
    }

    /// A pattern that mostly compiles.
    pub fn pattern(&mut self) -> String {
        let mut out = String::new();
        if self.below(8) == 0 {
            out.push_str("(?i)");
        }
        let depth = 1 + self.below(3);
        let mut groups = Groups {
            depth,
            ..Groups::default()
        };
        self.alternatives(depth, &mut groups, &mut out);
        out
    }

    fn alternatives(&mut self, depth: usize, groups: &mut Groups, out: &mut String) {
        for branch in 0..=self.below(3) {
            if branch > 0 {
                out.push('|');
            }
            for _ in 0..=self.below(3) {
                self.item(depth, groups, out);
            }
        }
    }

    fn item(&mut self, depth: usize, groups: &mut Groups, out: &mut String) {
        let kind = self.below(if depth == 0 { 8 } else { 13 });
        match kind {
            0..=2 => out
                .push_str(self.pick(&["a", "b", "ab", "é", "1", "-", "k", "kb", "a", "b", "\\."])),
            3 => out.push_str(self.pick(&[
                ".", "\\w", "\\d", "\\s", "\\S", "\\W", "\\h", "[ab]", "[^a]", "[a-k]",
            ])),
            4 => out.push_str(self.pick(&[
                "[[:alpha:]]",
                "[^\\s]",
                "[é-€]",
                "[\\w-]",
                "[a-z&&[^b]]",
                "\\p{L}",
                ".",
                "[[:graph:]]",
                "[[:print:]]",
                "[[:punct:]]",
                "[[:^alnum:]]",
                "[[:word:]]",
                "[[:upper:]]",
                "[^[:space:]]",
                "[[:cntrl:]\\d]",
                "\\p{Punct}",
                "\\P{Lu}",
                "\\p{^Alpha}",
                "\\H",
                "\\D",
                "[\\W]",
                "[^\\W_]",
                "[[^a]b]",
                "[^[^a]b]",
                "[]a]",
                "[a-]",
                "[\\x61-\\x63]",
                "[a-z&&[^k]&&\\w]",
                "\\x61",
                "(?a:\\b)",
                "(?a:\\B)",
                "\\x{20ac}",
                "\\101",
                "\\t",
                "(?~ab)",
                "\\X",
                "(?i:k)",
                "(?i:É)",
                "(?-m:.)",
                "(?x: a b )",
                "(?#c)",
                "(?u:\\w)",
                "(?a:[[:alpha:]])",
                "a**",
                "(?:a+)*",
                "(?:a|ab){2}?",
                "a{2}+",
                "b{0}",
                "a{,}",
                "b{a",
            ])),
            5 => out.push_str(self.pick(&[
                "^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\b", "\\R", "\\G", "\\K",
            ])),
            6 if !groups.closed.is_empty() && depth == groups.depth => {
                let group = groups.closed[self.below(groups.closed.len())];
                out.push_str(&format!("\\{group}"));
            }
            6..=7 => out.push_str(self.pick(&[
                "(?=a)",
                "(?!b)",
                "(?<=a)",
                "(?<!é)",
                "(?<=ab|b)",
                "(?<![ab]1)",
                "a",
            ])),
            8..=9 => {
                out.push('(');
                groups.opened += 1;
                let group = groups.opened;
                self.alternatives(depth - 1, groups, out);
                out.push(')');
                groups.closed.push(group);
            }
            _ => {
                out.push_str(["(?:", "(?>", "(?="][kind - 10]);
                self.alternatives(depth - 1, groups, out);
                out.push(')');
            }
        }
        // What joni's optimizer makes of a repeated anchor is an accident too.
        if !(5..=7).contains(&kind) && self.below(3) == 0 {
            let quantifiers = [
                "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{1,}?",
            ];
            out.push_str(self.pick(&quantifiers));
        }
    }
}
