//! The engine against a table of patterns, texts and spans.

use kelp_parser::regex::{Options, Regex, Scratch};

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

fn outcome(pattern: &str, options: Options, text: &str, scratch: &mut Scratch) -> String {
    let regex = match Regex::new(pattern, options) {
        Ok(regex) => regex,
        Err(error) => {
            assert!(
                !error.message.is_empty() && error.span.end <= pattern.len(),
                "{error:?}"
            );
            assert!(
                pattern.get(error.span.clone()).is_some(),
                "{pattern}: {error:?}"
            );
            return "error".to_owned();
        }
    };
    if !regex
        .captures_at(text, 0, scratch)
        .expect("within the budget")
    {
        return "none".to_owned();
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

#[test]
fn table() {
    let mut scratch = Scratch::default();
    let mut wrong = Vec::new();
    let table = include_str!("cases/regex.txt");
    for (number, line) in table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with("# "))
    {
        let [pattern, text, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("line {}: three columns wanted: {line:?}", number + 1);
        };
        let (options, pattern) = options(pattern);
        let found = outcome(pattern, options, &unescape(text), &mut scratch);
        if found != expected {
            wrong.push(format!(
                "line {}: /{pattern}/ on {text:?}: {found}, not {expected}",
                number + 1
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_list_their_groups_in_order() {
    let regex = Regex::new("(?<b>x)(?<a>y)(?<b>z)", Options::default()).unwrap();
    let names: Vec<_> = regex
        .capture_names()
        .map(|(name, groups)| (name, groups.to_vec()))
        .collect();
    assert_eq!(names, [("b", vec![1, 3]), ("a", vec![2])]);
    assert_eq!(regex.group_count(), 3);
}

#[test]
fn a_search_begins_where_it_is_told() {
    let regex = Regex::new(r"(?<=a)b|\Gc", Options::default()).unwrap();
    let mut scratch = Scratch::default();
    assert!(regex.captures_at("éabc", 3, &mut scratch).unwrap());
    assert_eq!(scratch.span(0), Some((3, 4)));
    assert!(regex.captures_at("éabc", 4, &mut scratch).unwrap());
    assert_eq!(scratch.span(0), Some((4, 5)));
    assert!(!regex.captures_at("éabc", 5, &mut scratch).unwrap());
    assert!(!regex.captures_at("éabc", 99, &mut scratch).unwrap());
}
