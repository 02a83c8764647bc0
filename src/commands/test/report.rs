//! What test cases came to: differences for people, JUnit's XML for build servers.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use super::suite::{Case, Suite};

/// Fields that reading adds, which count only where a case names them.
const ADDED: &[&str] = &["@timestamp", "@version"];

/// A case that was run.
pub struct Outcome {
    /// What it shows.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// Expected and actual events, where they differ.
    pub difference: Option<Difference>,
}

/// Events as laid out JSON.
pub struct Difference {
    expected: String,
    actual: String,
}

/// All outcomes by file.
#[derive(Default)]
pub struct Report {
    suites: Vec<(PathBuf, Vec<Outcome>)>,
}

/// How the events that came out differ from those that a case expects.
pub fn difference(suite: &Suite, case: &Case, events: &[Value]) -> Option<Difference> {
    let expected: Vec<Value> = case
        .expected
        .iter()
        .map(|event| prepared(event, suite, None))
        .collect();
    let actual: Vec<Value> = events
        .iter()
        .enumerate()
        .map(|(at, event)| {
            let wanted = expected.get(at).unwrap_or(&Value::Null);
            match case.partial {
                true => restricted(&prepared(event, suite, Some(wanted)), wanted),
                false => prepared(event, suite, Some(wanted)),
            }
        })
        .collect();
    let equal = expected.len() == actual.len()
        && expected
            .iter()
            .zip(&actual)
            .all(|(left, right)| same(left, right));
    (!equal).then(|| Difference {
        expected: laid_out(&expected),
        actual: laid_out(&actual),
    })
}

/// An event without what is not compared; `wanted` is the event that is expected in its place.
fn prepared(event: &Value, suite: &Suite, wanted: Option<&Value>) -> Value {
    let mut event = event.clone();
    for reference in &suite.ignore {
        remove(&mut event, &path(reference));
    }
    for name in ADDED {
        if wanted.is_some_and(|wanted| wanted.get(name).is_none()) {
            remove(&mut event, &[name]);
        }
    }
    let original = ["event", "original"];
    if wanted.is_some_and(|wanted| wanted.pointer("/event/original").is_none()) {
        remove(&mut event, &original);
    }
    event
}

/// The names of a field reference.
fn path(reference: &str) -> Vec<&str> {
    match reference.strip_prefix('[') {
        None => vec![reference],
        Some(rest) => rest.trim_end_matches(']').split("][").collect(),
    }
}

/// Removes a field, and the objects around it that it leaves empty.
fn remove(event: &mut Value, path: &[&str]) {
    let (Some((first, rest)), Value::Object(fields)) = (path.split_first(), event) else {
        return;
    };
    if rest.is_empty() {
        fields.remove(*first);
        return;
    }
    if let Some(inner) = fields.get_mut(*first) {
        remove(inner, rest);
        if inner.as_object().is_some_and(Map::is_empty) {
            fields.remove(*first);
        }
    }
}

/// What of an event a partial expectation speaks about.
fn restricted(event: &Value, wanted: &Value) -> Value {
    match (event, wanted) {
        (Value::Object(fields), Value::Object(wanted)) => {
            let kept = wanted.iter().filter_map(|(name, wanted)| {
                let value = fields.get(name)?;
                Some((name.clone(), restricted(value, wanted)))
            });
            Value::Object(kept.collect())
        }
        (other, _) => other.clone(),
    }
}

/// Equal, whether a number is written `1` or `1.0`, as in files of the verifier.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        (left, right) => left == right,
    }
}

fn laid_out(events: &[Value]) -> String {
    let mut text = String::new();
    for event in events {
        let _ = writeln!(text, "{event:#}");
    }
    text
}

impl Report {
    /// Adds what the cases of a file came to.
    pub fn add(&mut self, file: &Path, outcomes: Vec<Outcome>) {
        self.suites.push((file.to_owned(), outcomes));
    }

    /// How many cases failed.
    pub fn failures(&self) -> usize {
        let outcomes = self.suites.iter().flat_map(|(_, outcomes)| outcomes);
        outcomes
            .filter(|outcome| outcome.difference.is_some())
            .count()
    }

    /// For people.
    pub fn as_text(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| match colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let mut text = String::new();
        let mut total = 0;
        for (file, outcomes) in &self.suites {
            total += outcomes.len();
            for outcome in outcomes {
                let Some(difference) = &outcome.difference else {
                    continue;
                };
                let title = format!("{}: {}", file.display(), outcome.name);
                let _ = writeln!(text, "{} {title}", paint("31;1", "FAILED"));
                text.push_str(&difference.as_text(&paint));
            }
        }
        let failed = self.failures();
        let summary = format!(
            "{} passed, {failed} failed in {} file(s)",
            total - failed,
            self.suites.len()
        );
        let code = if failed == 0 { "32" } else { "31" };
        let _ = writeln!(text, "{}", paint(code, &summary));
        text
    }

    /// For build servers.
    pub fn as_junit(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        for (file, outcomes) in &self.suites {
            let failed = outcomes
                .iter()
                .filter(|outcome| outcome.difference.is_some());
            let seconds: f64 = outcomes.iter().map(|outcome| outcome.seconds).sum();
            let name = escaped(&file.to_string_lossy());
            let _ = writeln!(
                text,
                "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{seconds:.6}\">",
                outcomes.len(),
                failed.count(),
            );
            for outcome in outcomes {
                let case = escaped(&outcome.name);
                let time = outcome.seconds;
                let _ = write!(
                    text,
                    "    <testcase classname=\"{name}\" name=\"{case}\" time=\"{time:.6}\""
                );
                match &outcome.difference {
                    None => text.push_str("/>\n"),
                    Some(difference) => {
                        let plain = difference.as_text(&|_, text| text.to_owned());
                        let _ = writeln!(
                            text,
                            ">\n      <failure message=\"the events differ\">{}</failure>\n    </testcase>",
                            escaped(&plain)
                        );
                    }
                }
            }
            text.push_str("  </testsuite>\n");
        }
        text.push_str("</testsuites>\n");
        text
    }
}

impl Difference {
    fn as_text(&self, paint: &dyn Fn(&str, &str) -> String) -> String {
        let mut text = format!(
            "  {}  {}\n",
            paint("31", "- expected"),
            paint("32", "+ came out")
        );
        let diff = TextDiff::from_lines(&self.expected, &self.actual);
        for change in diff.iter_all_changes() {
            let line = change.value().trim_end_matches('\n');
            let line = match change.tag() {
                ChangeTag::Delete => paint("31", &format!("  - {line}")),
                ChangeTag::Insert => paint("32", &format!("  + {line}")),
                ChangeTag::Equal => format!("    {line}"),
            };
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

/// Text as XML takes it: what XML has no form for becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            control if control < ' ' => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    out
}
