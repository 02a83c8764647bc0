//! `kelp grok`: tries a grok pattern on lines from standard input, and says why a line does not match.

mod suggest;

use std::borrow::Cow;
use std::io::{BufRead, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use kelp_parser::grok::{Coercion, Grok, Integer, Library, PatternSet, to_f, to_i};
use kelp_parser::regex::{BudgetExceeded, Scratch};
use kelp_parser::spec::EcsCompatibility;
use serde_json::{Map, Value, json};

use crate::cli::GrokArgs;

/// Colours for captures, one after the other.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];

#[derive(Debug, thiserror::Error)]
enum GrokCommandError {
    #[error("{0}")]
    Pattern(#[from] kelp_parser::grok::GrokError),
    #[error("{0}")]
    Files(#[from] kelp_parser::grok::PatternFileError),
    #[error("the pattern directory `{}` does not exist", .0.display())]
    NoDirectory(PathBuf),
    #[error("standard input cannot be read: {0}")]
    Read(std::io::Error),
    #[error("standard output cannot be written: {0}")]
    Write(std::io::Error),
}

/// Runs the command. Success means that every line matched.
pub fn run(args: &GrokArgs) -> ExitCode {
    let done = match args.suggest {
        true => suggest::run(args),
        false => try_lines(args),
    };
    match done {
        Ok((matched, all)) => {
            eprintln!("{matched} of {all} lines matched");
            ExitCode::from(u8::from(matched < all))
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// How many lines matched, and how many there were.
fn try_lines(args: &GrokArgs) -> Result<(usize, usize), GrokCommandError> {
    let library = library(args)?;
    let groks: Result<Vec<Grok>, _> = args
        .patterns
        .iter()
        .map(|pattern| Grok::compile(pattern, &library, !args.all_captures))
        .collect();
    let groks = groks?;
    let stdout = std::io::stdout();
    let printer = Printer {
        groks: &groks,
        library: &library,
        explain: args.explain,
        json: args.json,
        colour: stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let mut output = BufWriter::new(stdout.lock());
    let mut input = std::io::stdin().lock();
    let mut scratch = Scratch::default();
    let (mut matched, mut all, mut bytes) = (0, 0, Vec::new());
    while let Some(line) = next_line(&mut input, &mut bytes).map_err(GrokCommandError::Read)? {
        all += 1;
        let printed = match first_match(&groks, &line, &mut scratch) {
            Ok(Some(number)) => {
                matched += 1;
                printer.found(number, &line, &scratch)
            }
            Ok(None) => printer.missed(&line),
            Err(error) => printer.gave_up(&line, &error.to_string()),
        };
        writeln!(output, "{printed}").map_err(GrokCommandError::Write)?;
    }
    output.flush().map_err(GrokCommandError::Write)?;
    Ok((matched, all))
}

/// Which of the patterns matches first; its spans are then in `scratch`.
fn first_match(
    groks: &[Grok],
    line: &str,
    scratch: &mut Scratch,
) -> Result<Option<usize>, BudgetExceeded> {
    for (number, grok) in groks.iter().enumerate() {
        if grok.matches(line, scratch)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// The next line, without its end.
fn next_line<'b>(
    input: &mut impl BufRead,
    bytes: &'b mut Vec<u8>,
) -> std::io::Result<Option<Cow<'b, str>>> {
    bytes.clear();
    if input.read_until(b'\n', bytes)? == 0 {
        return Ok(None);
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Some(String::from_utf8_lossy(line)))
}

fn library(args: &GrokArgs) -> Result<Library, GrokCommandError> {
    let mut library = Library::new(pattern_set(args));
    for directory in &args.patterns_dir {
        if !directory.exists() {
            return Err(GrokCommandError::NoDirectory(directory.clone()));
        }
        library.add_paths(&[directory.to_string_lossy().into_owned()], "*")?;
    }
    Ok(library)
}

fn pattern_set(args: &GrokArgs) -> PatternSet {
    match args.ecs.into() {
        EcsCompatibility::Disabled => PatternSet::Legacy,
        _ => PatternSet::EcsV1,
    }
}

/// One captured value.
struct Captured<'g> {
    field: &'g str,
    span: (usize, usize),
    value: Value,
}

struct Printer<'a> {
    groks: &'a [Grok],
    library: &'a Library,
    explain: bool,
    json: bool,
    colour: bool,
}

impl Printer<'_> {
    /// A line that the pattern with this number matches; where there are several, it is named.
    fn found(&self, number: usize, line: &str, scratch: &Scratch) -> String {
        let grok = &self.groks[number];
        let captured = captured(grok, line, scratch);
        if self.json {
            let mut fields = Map::new();
            for capture in captured {
                append(&mut fields, capture.field, capture.value);
            }
            let mut printed = json!({ "matched": true, "captures": fields });
            if self.groks.len() > 1 {
                printed["pattern"] = json!(grok.source());
            }
            return printed.to_string();
        }
        let mut printed = if self.colour {
            coloured(line, &captured)
        } else {
            line.to_owned()
        };
        if self.groks.len() > 1 {
            printed += &format!("\n    by {}", grok.source());
        }
        for (number, capture) in captured.iter().enumerate() {
            let field = self.paint(capture.field, COLOURS[number % COLOURS.len()]);
            printed += &format!("\n    {field}: {}", capture.value);
        }
        printed
    }

    fn missed(&self, line: &str) -> String {
        if !self.explain {
            return self.without_match(line, None, "no match");
        }
        let explanations = self
            .groks
            .iter()
            .map(|grok| (grok, grok.explain(self.library, line)));
        // Of those that came as far as each other, the first.
        let furthest = explanations.reduce(|best, next| {
            match next.1.matched_prefix.end > best.1.matched_prefix.end {
                true => next,
                false => best,
            }
        });
        let Some((grok, explanation)) = furthest else {
            return self.without_match(line, None, "no match");
        };
        let expected = explanation.expected.iter().map(|expected| {
            let path: Vec<String> = expected.path.iter().map(ToString::to_string).collect();
            json!({ "in": path, "text": expected.text })
        });
        let mut details = json!({
            "matched_to": explanation.matched_prefix.end,
            "column": explanation.column,
            "expected": expected.collect::<Vec<_>>(),
        });
        let mut reason = explanation.describe(line);
        if self.groks.len() > 1 {
            details["pattern"] = json!(grok.source());
            reason = format!("{} came furthest: {reason}", grok.source());
        }
        self.without_match(line, Some(details), &reason)
    }

    fn gave_up(&self, line: &str, reason: &str) -> String {
        self.without_match(line, None, reason)
    }

    fn without_match(&self, line: &str, details: Option<Value>, reason: &str) -> String {
        if !self.json {
            return format!("{line}\n    {}", self.paint(reason, 31));
        }
        let mut printed = json!({ "matched": false, "line": line, "reason": reason });
        if let (Some(Value::Object(details)), Some(printed)) = (details, printed.as_object_mut()) {
            printed.extend(details);
        }
        printed.to_string()
    }

    fn paint(&self, text: &str, colour: u8) -> String {
        match self.colour {
            true => format!("\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// What a match captured, in the order of the pattern.
fn captured<'g>(grok: &'g Grok, line: &str, scratch: &Scratch) -> Vec<Captured<'g>> {
    let captures = grok.captures().iter();
    let set = captures.filter_map(|capture| {
        let (start, end) = scratch
            .span(capture.group)
            .filter(|(start, end)| start < end)?;
        let text = &line[start..end];
        let value = match capture.coercion {
            Coercion::Text => json!(text),
            Coercion::Float => json!(to_f(text)),
            Coercion::Integer => match to_i(text) {
                Integer::Small(number) => json!(number),
                Integer::Big(digits) => json!(digits),
            },
        };
        Some(Captured {
            field: &capture.field,
            span: (start, end),
            value,
        })
    });
    set.collect()
}

/// Several captures into one field make an array, as in the filter.
fn append(fields: &mut Map<String, Value>, field: &str, value: Value) {
    match fields.get_mut(field) {
        None => drop(fields.insert(field.to_owned(), value)),
        Some(Value::Array(values)) => values.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

/// The line with what was captured in colour; of nested captures the innermost counts.
fn coloured(line: &str, captured: &[Captured<'_>]) -> String {
    let mut printed = String::with_capacity(line.len() * 2);
    let mut current = None;
    for (at, character) in line.char_indices() {
        let inside = |capture: &&Captured<'_>| capture.span.0 <= at && at < capture.span.1;
        let innermost = captured
            .iter()
            .filter(inside)
            .min_by_key(|capture| capture.span.1 - capture.span.0);
        let number =
            innermost.and_then(|inner| captured.iter().position(|one| std::ptr::eq(one, inner)));
        if number != current {
            printed += match number {
                Some(number) => format!("\x1b[0;{}m", COLOURS[number % COLOURS.len()]),
                None => "\x1b[0m".to_owned(),
            }
            .as_str();
            current = number;
        }
        printed.push(character);
    }
    if current.is_some() {
        printed += "\x1b[0m";
    }
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(pattern: &str, line: &str, json: bool, colour: bool) -> String {
        print_of(&[pattern], line, json, colour)
    }

    fn print_of(patterns: &[&str], line: &str, json: bool, colour: bool) -> String {
        let library = Library::new(PatternSet::EcsV1);
        let groks = patterns
            .iter()
            .map(|pattern| Grok::compile(pattern, &library, true).unwrap());
        let groks: Vec<Grok> = groks.collect();
        let printer = Printer {
            groks: &groks,
            library: &library,
            explain: true,
            json,
            colour,
        };
        let mut scratch = Scratch::default();
        match first_match(&groks, line, &mut scratch).unwrap() {
            Some(number) => printer.found(number, line, &scratch),
            None => printer.missed(line),
        }
    }

    #[test]
    fn captures_are_printed_with_their_types() {
        let pattern = "%{WORD:verb} %{INT:bytes:int} %{WORD:verb}";
        assert_eq!(
            print(pattern, "get 17 put", false, false),
            "get 17 put\n    verb: \"get\"\n    verb: \"put\"\n    bytes: 17"
        );
        assert_eq!(
            print(pattern, "get 17 put", true, false),
            r#"{"captures":{"bytes":17,"verb":["get","put"]},"matched":true}"#
        );
        assert!(
            print(pattern, "get 17 put", false, true).starts_with("\x1b[0;36mget\x1b[0m \x1b[0;")
        );
    }

    #[test]
    fn a_miss_says_where_and_what() {
        let printed = print("^%{WORD:verb} %{INT:bytes:int}$", "get x", false, false);
        assert_eq!(
            printed,
            "get x\n    column 5: after `get ` expected `%{INT:bytes:int}` (in INT:bytes:int), found `x`"
        );
        let printed: Value = serde_json::from_str(&print("^%{INT:n}", "x", true, false)).unwrap();
        assert_eq!(printed["column"], 1);
        assert_eq!(printed["expected"][0]["in"][0], "INT:n");
    }
    #[test]
    fn of_several_patterns_the_first_that_matches_counts() {
        let patterns = ["^%{INT:n}$", "^%{WORD:verb} %{INT:n}$", "^%{WORD:verb} "];
        assert_eq!(
            print_of(&patterns, "get 17", false, false),
            "get 17\n    by ^%{WORD:verb} %{INT:n}$\n    verb: \"get\"\n    n: \"17\""
        );
        let printed: Value =
            serde_json::from_str(&print_of(&patterns, "get x", true, false)).unwrap();
        assert_eq!(printed["pattern"], "^%{WORD:verb} ");
    }

    #[test]
    fn of_several_patterns_that_miss_the_one_that_came_furthest_is_explained() {
        let patterns = ["^%{INT:n}$", "^%{WORD:verb} %{INT:n}$"];
        assert_eq!(
            print_of(&patterns, "get x", false, false),
            "get x\n    ^%{WORD:verb} %{INT:n}$ came furthest: column 5: after `get ` expected `%{INT:n}` \
             (in INT:n), found `x`"
        );
        let printed: Value =
            serde_json::from_str(&print_of(&patterns, "get x", true, false)).unwrap();
        assert_eq!(printed["pattern"], patterns[1]);
    }
}
