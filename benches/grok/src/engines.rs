//! The engines, each with a list of patterns of which the first that matches counts.

use kelp_parser::grok::Grok;
use kelp_parser::regex::{Budget, RegexList, Scratch};

use crate::translate::translated;

/// The columns of the table, in order.
pub const NAMES: [&str; 5] = ["kelp", "pcre2", "onig", "regex", "fancy"];

/// Something that finds patterns and notes their captures.
pub trait Engine {
    /// Whether one of the patterns matches; its captures have been noted then.
    fn matches(&mut self, line: &str) -> bool;
}

/// One for each of [`NAMES`]; `None` for one that does not know all of the patterns.
pub fn all(groks: Vec<Grok>) -> Vec<Option<Box<dyn Engine>>> {
    let sources: Vec<String> = groks
        .iter()
        .map(|grok| grok.regex().pattern().to_owned())
        .collect();
    vec![
        Some(Box::new(Kelp {
            count: groks.len(),
            list: kelp_parser::grok::list(&groks),
            scratch: Scratch::default(),
        })),
        engine(&sources, |source| {
            let regex = pcre2::bytes::RegexBuilder::new()
                .jit_if_available(true)
                .dotall(true)
                .multi_line(true)
                .build(&translated(source))
                .ok()?;
            let mut locations = regex.capture_locations();
            Some(Box::new(move |line: &str| {
                matches!(
                    regex.captures_read(&mut locations, line.as_bytes()),
                    Ok(Some(_))
                )
            }))
        }),
        engine(&sources, |source| {
            let options = onig::RegexOptions::REGEX_OPTION_MULTILINE;
            let regex = onig::Regex::with_options(source, options, onig::Syntax::ruby()).ok()?;
            let mut region = onig::Region::new();
            Some(Box::new(move |line: &str| {
                region.clear();
                let options = onig::SearchOptions::SEARCH_OPTION_NONE;
                let found =
                    regex.search_with_options(line, 0, line.len(), options, Some(&mut region));
                found.is_some()
            }))
        }),
        engine(&sources, |source| {
            let regex = regex::Regex::new(&format!("(?sm){}", translated(source))).ok()?;
            let mut locations = regex.capture_locations();
            Some(Box::new(move |line: &str| {
                regex.captures_read(&mut locations, line).is_some()
            }))
        }),
        engine(&sources, |source| {
            let regex = fancy_regex::Regex::new(&format!("(?sm){}", translated(source))).ok()?;
            Some(Box::new(move |line: &str| {
                matches!(regex.captures(line), Ok(Some(_)))
            }))
        }),
    ]
}

struct Kelp {
    list: RegexList,
    count: usize,
    scratch: Scratch,
}

impl Engine for Kelp {
    fn matches(&mut self, line: &str) -> bool {
        let mut attempts = self.list.on(line);
        (0..self.count).any(|number| {
            attempts.captures_within(number, &mut self.scratch, Budget::default()) == Ok(true)
        })
    }
}

type Match = Box<dyn FnMut(&str) -> bool>;

struct List(Vec<Match>);

impl Engine for List {
    fn matches(&mut self, line: &str) -> bool {
        self.0.iter_mut().any(|matches| matches(line))
    }
}

fn engine(sources: &[String], compile: impl Fn(&str) -> Option<Match>) -> Option<Box<dyn Engine>> {
    let patterns: Option<Vec<Match>> = sources.iter().map(|source| compile(source)).collect();
    Some(Box::new(List(patterns?)))
}
