//! Proposes patterns for lines of unknown formats.
//!
//! Lines that a stock pattern for whole lines matches get that. The others are cut into tokens, each with the most
//! specific stock pattern that it is; lines of the same shape become one template, in which what varies is a field and
//! what does not is literal. A proposal is given only after it was found to match all of its lines.

mod render;
mod template;
mod token;

use super::compile::{Grok, GrokError};
use super::library::{Library, PatternSet};
use crate::regex::Scratch;
use template::Template;
use token::Tokenizer;

/// Stock patterns for whole lines, the more specific first.
const WHOLE_LINES: [&str; 27] = [
    "COMBINEDAPACHELOG",
    "COMMONAPACHELOG",
    "HTTPD_ERRORLOG",
    "HAPROXYHTTP",
    "HAPROXYTCP",
    "S3_ACCESS_LOG",
    "ELB_ACCESS_LOG",
    "CLOUDFRONT_ACCESS_LOG",
    "SYSLOG5424LINE",
    "RAILS3",
    "RUBY_LOGGER",
    "MONGO3_LOG",
    "REDISMONLOG",
    "REDISLOG",
    "TOMCATLOG",
    "CATALINALOG",
    "SQUID3",
    "POSTGRESQL",
    "NAGIOSLOGLINE",
    "BIND9_QUERYLOG",
    "BACULA_LOGLINE",
    "ZEEK_CONN",
    "BRO_CONN",
    "ZEEK_DNS",
    "BRO_DNS",
    "CISCOTAG",
    "MCOLLECTIVEAUDIT",
];

/// Shapes beyond this number are too many: lines that begin alike are taken together then.
const SHAPES: usize = 30;

/// The most shapes that are told apart at all.
const MOST_SHAPES: usize = 200;

/// How often lines that a proposal turned out not to match are tried anew.
const ROUNDS: usize = 3;

/// A pattern for some of the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The pattern; it matches all of each of its lines.
    pub pattern: String,
    /// The numbers of its lines, counted from 0, in order.
    pub lines: Vec<usize>,
}

/// Proposes patterns, from the named patterns of a library.
pub struct Suggester<'l> {
    library: &'l Library,
    set: PatternSet,
    whole_lines: Vec<Grok>,
    tokenizer: Tokenizer,
    scratch: Scratch,
}

impl<'l> Suggester<'l> {
    /// Of this library, with the fields of this set.
    ///
    /// # Errors
    /// When the library has definitions of its own for stock patterns, and they are invalid.
    pub fn new(library: &'l Library, set: PatternSet) -> Result<Self, GrokError> {
        let names = WHOLE_LINES
            .iter()
            .filter(|name| library.get(name).is_some());
        let whole = names.map(|name| Grok::compile(&format!("^%{{{name}}}$"), library, true));
        Ok(Self {
            library,
            set,
            whole_lines: whole.collect::<Result<_, GrokError>>()?,
            tokenizer: Tokenizer::new(library)?,
            scratch: Scratch::default(),
        })
    }

    /// Patterns for these lines, those for the most lines first. Empty lines get none.
    pub fn suggest(&mut self, lines: &[&str]) -> Vec<Suggestion> {
        let mut suggestions = Vec::new();
        let mut rest: Vec<usize> = (0..lines.len())
            .filter(|&number| !lines[number].trim().is_empty())
            .collect();
        for grok in &self.whole_lines {
            let found = take_matching(grok, lines, &mut rest, &mut self.scratch);
            suggestions.extend(found);
        }
        for _ in 0..ROUNDS {
            if rest.is_empty() {
                break;
            }
            let mut templates = templates(lines, &rest, &mut self.tokenizer, false);
            if templates.len() > SHAPES {
                templates = self::templates(lines, &rest, &mut self.tokenizer, true);
            }
            templates.sort_by_key(|template| std::cmp::Reverse(template.lines));
            for template in templates {
                let pattern = render::pattern(&template, self.set);
                self.propose(&pattern, lines, &mut rest, &mut suggestions);
            }
        }
        self.propose(
            "^%{GREEDYDATA:message}$",
            lines,
            &mut rest,
            &mut suggestions,
        );
        suggestions.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.lines.len()));
        suggestions
    }

    /// Makes a suggestion of a pattern if it matches some of the lines that are left.
    fn propose(
        &mut self,
        pattern: &str,
        lines: &[&str],
        rest: &mut Vec<usize>,
        suggestions: &mut Vec<Suggestion>,
    ) {
        // One that is not valid, because the library has its own notions of stock names, is not proposed.
        if let Ok(grok) = Grok::compile(pattern, self.library, true) {
            suggestions.extend(take_matching(&grok, lines, rest, &mut self.scratch));
        }
    }
}

/// Takes those of the lines away that the pattern matches as a whole.
fn take_matching(
    grok: &Grok,
    lines: &[&str],
    rest: &mut Vec<usize>,
    scratch: &mut Scratch,
) -> Option<Suggestion> {
    let mut matches = |line: &str| {
        grok.matches(line, scratch) == Ok(true) && scratch.span(0) == Some((0, line.len()))
    };
    let (matching, others): (Vec<usize>, Vec<usize>) =
        rest.iter().partition(|&&number| matches(lines[number]));
    *rest = others;
    (!matching.is_empty()).then(|| Suggestion {
        pattern: grok.source().to_owned(),
        lines: matching,
    })
}

/// The shapes of lines. With `by_header`, lines that begin alike have one shape.
fn templates<'l>(
    lines: &[&'l str],
    numbers: &[usize],
    tokenizer: &mut Tokenizer,
    by_header: bool,
) -> Vec<Template<'l>> {
    let mut templates: Vec<Template<'l>> = Vec::new();
    for &number in numbers {
        let tokens = tokenizer.tokens(lines[number]);
        let widened = templates.iter().enumerate().find_map(|(at, template)| {
            let widened = template.widened(&tokens, by_header)?;
            Some((at, widened))
        });
        match widened {
            Some((at, widened)) => templates[at] = widened,
            None if templates.len() < MOST_SHAPES => templates.push(Template::of(&tokens)),
            None => {}
        }
    }
    templates
}

#[cfg(test)]
mod tests;
