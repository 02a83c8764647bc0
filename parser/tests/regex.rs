//! The regular expression engine against a table of patterns, texts and spans, and on random ones.

use kelp_parser::regex::{Budget, BudgetExceeded, Options, Regex, Scratch};

#[path = "support/regex_cases.rs"]
mod cases;

#[test]
fn table() {
    let mut scratch = Scratch::default();
    let mut wrong = Vec::new();
    for case in cases::table() {
        let pattern = &case.pattern;
        let found = match Regex::new(pattern, case.options) {
            Ok(regex) => cases::outcome(&regex, &case.text, &mut scratch),
            Err(error) => {
                assert!(
                    pattern.get(error.span.clone()).is_some(),
                    "{pattern}: {error:?}"
                );
                "error".to_owned()
            }
        };
        if found != case.expected {
            let cases::Case {
                line,
                text,
                expected,
                ..
            } = &case;
            wrong.push(format!(
                "line {line}: /{pattern}/ on {text:?}: {found}, not {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_pattern_or_text_panics_or_hangs() {
    let mut generator = cases::Generator(0x9e37_79b9_7f4a_7c15);
    let mut scratch = Scratch::default();
    for _ in 0..3000 {
        let mut pattern = generator.pattern();
        if generator.below(3) == 0 {
            // A pattern cut off anywhere, or with a character put in, is still only an error.
            let cut = (0..=generator.below(pattern.len() + 1))
                .rev()
                .find(|&at| pattern.is_char_boundary(at));
            pattern.truncate(cut.unwrap_or(0));
            pattern.push_str(&generator.text());
        }
        match Regex::new(
            &pattern,
            Options {
                multiline: generator.below(2) == 0,
                ..Options::default()
            },
        ) {
            Err(error) => assert!(
                pattern.get(error.span.clone()).is_some(),
                "{pattern}: {error:?}"
            ),
            Ok(regex) => {
                for _ in 0..5 {
                    let text = generator.text();
                    cases::outcome(&regex, &text, &mut scratch);
                    let start = generator.below(text.len() + 2);
                    let _ = regex.captures_at(&text, start, &mut scratch);
                }
            }
        }
    }
}

#[test]
fn names_list_their_groups_in_order() {
    let regex = Regex::new("(?<b>x)(?<a>y)(?<b>z)", Options::default()).expect("a pattern");
    let names: Vec<_> = regex
        .capture_names()
        .map(|(name, groups)| (name, groups.to_vec()))
        .collect();
    assert_eq!(names, [("b", vec![1, 3]), ("a", vec![2])]);
    assert_eq!(regex.group_count(), 3);
}

#[test]
fn a_search_begins_where_it_is_told() {
    let regex = Regex::new(r"(?<=a)b|\Gc", Options::default()).expect("a pattern");
    let mut scratch = Scratch::default();
    let mut search = |start| {
        regex
            .captures_at("éabc", start, &mut scratch)
            .map(|found| found.then(|| scratch.span(0)))
    };
    assert_eq!(search(3), Ok(Some(Some((3, 4)))));
    assert_eq!(search(4), Ok(Some(Some((4, 5)))));
    assert_eq!(search(5), Ok(None));
    assert_eq!(search(99), Ok(None));
}

/// Patterns that take a plain backtracking engine quadratic to exponential time on these lines of 4,000 bytes.
#[test]
fn hostile_lines_take_a_bounded_number_of_steps() {
    let cases = [
        ("^(?:(?:a+)+)b", "a"),
        ("(?:a|aa|a?)*b", "a"),
        ("(?<a>.*) (?<b>.*) (?<c>.*) (?<d>.*) END", "x "),
        ("(?<a>.*?) (?<b>.*?) (?<c>.*?) (?<d>.*?) END", "x "),
        ("(?>(?:a|aa|a?)*b|c)", "a"),
        ("(?=(?:a|aa|a?)*b)a|x", "a"),
        ("(?:(?=a)a|aa)*b", "a"),
        (r"(?:\S+ )*(?:\S+ )*(?:\S+ )*x$", "x "),
        (r"[A-Za-z]+(?:[+A-Za-z+]+)?://", "a"),
        (r"(?:/(?:[\w_%!$@:.,+~-]+|\\.)*)+!", "/"),
    ];
    let mut scratch = Scratch::default();
    for (pattern, unit) in cases {
        let regex = Regex::new(
            pattern,
            Options {
                multiline: true,
                ..Options::default()
            },
        )
        .expect("a pattern");
        let line = unit.repeat(4000 / unit.len());
        let budget = Budget {
            steps: 250_000,
            keep_going: None,
        };
        assert_eq!(
            regex.captures_within(&line, 0, &mut scratch, budget),
            Ok(false),
            "{pattern}"
        );
    }
}

#[test]
fn a_match_is_given_up_when_told() {
    let regex = Regex::new(r"(a*)*\1b(?<=c)", Options::default()).expect("a pattern");
    let mut scratch = Scratch::default();
    let line = "a".repeat(200) + "b";
    let budget = Budget {
        steps: 100_000,
        keep_going: None,
    };
    assert_eq!(
        regex.captures_within(&line, 0, &mut scratch, budget),
        Err(BudgetExceeded)
    );
    let mut asked = 0;
    let mut keep_going = || {
        asked += 1;
        asked < 10
    };
    let budget = Budget {
        steps: u64::MAX,
        keep_going: Some(&mut keep_going),
    };
    assert_eq!(
        regex.captures_within(&line, 0, &mut scratch, budget),
        Err(BudgetExceeded)
    );
    assert_eq!(asked, 10);
}

#[test]
fn quantifiers_nest_deeply_without_costing_more_than_their_number() {
    let nested = format!("{}a*{}b", "(?:".repeat(60), ")*".repeat(60));
    let regex = Regex::new(&nested, Options::default()).unwrap();
    let mut scratch = Scratch::default();
    assert!(regex.is_match("aaab", &mut scratch).unwrap());
    assert!(!regex.is_match("aaac", &mut scratch).unwrap());
}

#[test]
fn more_groups_than_there_are_numbers_for_are_an_error() {
    let of = |groups: usize| Regex::new(&"()".repeat(groups), Options::default());
    let regex = of(20_000).unwrap();
    let mut scratch = Scratch::default();
    assert!(regex.is_match("a", &mut scratch).unwrap());
    assert_eq!(scratch.span(20_000), Some((0, 0)));
    for groups in [32_001, 32_768, 65_536, 70_000] {
        let message = of(groups).unwrap_err().to_string();
        assert!(message.contains(&format!("{groups} groups")), "{message}");
    }
}
