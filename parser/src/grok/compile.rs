//! A compiled grok pattern and what its captures become.

use std::collections::{BTreeSet, HashMap};

use crate::regex::{Budget, BudgetExceeded, Options, Regex, RegexError, RegexList, Scratch};

use super::expand::expand;
use super::library::Library;
use super::reference;

/// A grok pattern cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrokError {
    /// It refers to a pattern that nobody defined.
    #[error("there is no grok pattern `{name}`{}{}", refers(within.as_deref()), remedy(near.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The pattern in whose definition the name stands.
        within: Option<String>,
        /// A name that is like it.
        near: Option<String>,
    },
    /// A pattern's definition leads back to the pattern.
    #[error("the grok pattern `{}` refers to itself: {}", path[0], path.join(" -> "))]
    Recursive {
        /// The patterns on the way, the first of which is the last again.
        path: Vec<String>,
    },
    /// It refers to others that refer to others, so often that it cannot be meant.
    #[error(
        "the grok pattern is too large{}: it refers to other patterns more than 10000 times, or takes more than 1 MiB when \
         these are written out; match parts of it in several grok filters",
        name.as_deref().map(|name| format!(", in `{name}`")).unwrap_or_default()
    )]
    TooLarge {
        /// The outermost pattern that was being written out.
        name: Option<String>,
    },
    /// Written out, it is no valid regular expression.
    #[error("the grok pattern `{pattern}` is not a valid regular expression: {message}")]
    Regex {
        /// The pattern as configured.
        pattern: String,
        /// What is wrong, and where.
        message: String,
    },
}

fn refers(within: Option<&str>) -> String {
    within.map_or_else(String::new, |outer| format!(", which `{outer}` refers to"))
}

fn remedy(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("; did you mean `{near}`?"),
        None => "; define it in pattern_definitions or in a file under patterns_dir".to_owned(),
    }
}

/// What a capture becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coercion {
    /// The text as it is.
    Text,
    /// `:int`: Ruby's `to_i`, see [`to_i`](super::to_i).
    Integer,
    /// `:float`: Ruby's `to_f`, see [`to_f`](super::to_f).
    Float,
}

/// One group of a pattern that goes into a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The group's number in the expression.
    pub group: usize,
    /// The field reference, as written.
    pub field: String,
    /// What the text becomes.
    pub coercion: Coercion,
}

/// A compiled pattern.
pub struct Grok {
    source: String,
    regex: Regex,
    captures: Vec<Capture>,
}

impl Grok {
    /// Compiles `pattern`. With `named_captures_only`, `%{NAME}` without a field captures nothing.
    ///
    /// # Errors
    /// When the pattern refers to patterns that do not exist or to themselves, or is not valid.
    pub fn compile(
        pattern: &str,
        library: &Library,
        named_captures_only: bool,
    ) -> Result<Self, GrokError> {
        let expanded = expand(pattern, library, named_captures_only)?;
        let regex = compile_regex(&expanded).map_err(|error| GrokError::Regex {
            pattern: pattern.to_owned(),
            message: error.to_string(),
        })?;
        let captures = captures(regex.capture_names());
        Ok(Self {
            source: pattern.to_owned(),
            regex,
            captures,
        })
    }

    /// The pattern as configured.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The regular expression it was written out to.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// The groups that go into fields, in the order in which Logstash sets them: by the first place
    /// of their name.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// A field that one match can set twice, so that it becomes an array, unless a stock pattern does so by itself. Fields
    /// are told apart by what `name` makes of them.
    pub(crate) fn set_twice(
        &self,
        library: &Library,
        name: impl Fn(&str) -> String,
    ) -> Option<String> {
        let mut twice = self.twice(&name);
        if twice.is_empty() {
            return None;
        }
        for stock in references(&self.source).filter(|name| library.is_stock(name)) {
            if let Ok(alone) = Self::compile(&format!("%{{{stock}}}"), library, true) {
                let meant = alone.twice(&name);
                twice.retain(|field| !meant.contains(field));
            }
        }
        twice.pop_first()
    }

    fn twice(&self, name: impl Fn(&str) -> String) -> BTreeSet<String> {
        let fields: HashMap<usize, String> = self
            .captures
            .iter()
            .map(|capture| (capture.group, name(&capture.field)))
            .collect();
        let field = |group| fields.get(&(group as usize)).cloned();
        self.regex.set_together(options(), field)
    }

    /// Finds the pattern's first match in `text`; the spans of its groups are then in `scratch`.
    ///
    /// # Errors
    /// When the search took more steps than the default budget allows.
    pub fn matches(&self, text: &str, scratch: &mut Scratch) -> Result<bool, BudgetExceeded> {
        self.regex.captures_at(text, 0, scratch)
    }

    /// Like [`matches`](Self::matches), with a budget of the caller's choice.
    ///
    /// # Errors
    /// When the search took more than `budget`.
    pub fn matches_within(
        &self,
        text: &str,
        scratch: &mut Scratch,
        budget: Budget<'_>,
    ) -> Result<bool, BudgetExceeded> {
        self.regex.captures_within(text, 0, scratch, budget)
    }
}

/// A list of these patterns, to try one after the other on the same texts.
pub fn list<'g>(groks: impl IntoIterator<Item = &'g Grok>) -> RegexList {
    RegexList::new(groks.into_iter().map(|grok| grok.regex.clone()).collect())
}

/// Compiles an expression as Logstash does: MULTILINE, which in Ruby makes `.` match line feeds.
pub(super) fn compile_regex(expression: &str) -> Result<Regex, RegexError> {
    Regex::new(expression, options())
}

/// The names of the patterns that a pattern refers to.
fn references(pattern: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = reference::find(pattern, at)?;
        at = found.end;
        Some(found.name)
    })
}

/// How Logstash has joni read the expressions of grok.
fn options() -> Options {
    Options {
        multiline: true,
        ..Options::default()
    }
}

/// Which groups go where. A group's name is `NAME:field:type`, or `field` alone for a group written
/// `(?<field>...)`. Groups of the same name belong together, and only the first of them gets the
/// type: so does the code that jls-grok generates (`compile_captures_func`).
fn captures<'n>(names: impl Iterator<Item = (&'n str, &'n [u32])>) -> Vec<Capture> {
    let mut captures = Vec::new();
    for (name, groups) in names {
        // Ruby's split drops empty parts at the end.
        let mut parts = name.trim_end_matches(':').split(':');
        let pattern = parts.next().unwrap_or(name);
        let field = parts.next().unwrap_or(pattern);
        let mut coercion = match parts.next() {
            Some("int") => Coercion::Integer,
            Some("float") => Coercion::Float,
            _ => Coercion::Text,
        };
        for &group in groups {
            captures.push(Capture {
                group: group as usize,
                field: field.to_owned(),
                coercion,
            });
            coercion = Coercion::Text;
        }
    }
    captures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_say_field_and_type() {
        let names: [(&str, &[u32]); 6] = [
            ("INT:n:int", &[1, 3]),
            ("[a][b]", &[2]),
            ("NUMBER:[x][y]:float", &[4]),
            ("WORD", &[5]),
            ("n:int", &[6]),
            ("INT:m:long", &[7]),
        ];
        let found = captures(names.into_iter());
        let found: Vec<_> = found
            .iter()
            .map(|capture| (capture.group, capture.field.as_str(), capture.coercion))
            .collect();
        let want = [
            (1, "n", Coercion::Integer),
            (3, "n", Coercion::Text),
            (2, "[a][b]", Coercion::Text),
            (4, "[x][y]", Coercion::Float),
            (5, "WORD", Coercion::Text),
            (6, "int", Coercion::Text),
            (7, "m", Coercion::Text),
        ];
        assert_eq!(found, want);
    }
}
