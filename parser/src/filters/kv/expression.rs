//! The expressions that Logstash's kv filter makes of its options.

use super::{KvOptions, Whitespace};

/// The expression for a pair with what ends it, and the one between key and value.
/// Group 1 of the former is the key; the first group after it that matched is the value.
pub(super) fn expressions(options: &KvOptions) -> (String, String) {
    let field_split = match &options.field_split_pattern {
        Some(pattern) => pattern.clone(),
        None => format!("[{}]", options.field_split),
    };
    let mut value_split = match &options.value_split_pattern {
        Some(pattern) => pattern.clone(),
        None => format!("[{}]", options.value_split),
    };
    if options.whitespace == Whitespace::Lenient {
        value_split = format!("(?: *)(?-mix:{value_split})(?: *)");
    }
    let by_pattern = options.value_split_pattern.is_some() || options.field_split_pattern.is_some();
    let key = if by_pattern {
        until_pattern(&format!("(?-mix:{value_split})|(?-mix:{field_split})"))
    } else {
        until_any(&format!("{}{}", options.value_split, options.field_split))
    };
    let mut values = vec![quoted("\"", "\""), quoted("'", "'")];
    if options.include_brackets {
        values.extend([quoted(r"\(", r"\)"), quoted(r"\[", r"\]"), quoted("<", ">")]);
    }
    values.push(if options.field_split_pattern.is_some() {
        until_pattern(&format!("(?-mix:{field_split})"))
    } else {
        until_any(&options.field_split)
    });
    let value = values.join("|");
    let pairs = format!("{key}(?-mix:{value_split})(?:{value})?(?:(?-mix:{field_split})|$)");
    (pairs, value_split)
}

fn quoted(open: &str, close: &str) -> String {
    format!("{open}{}?{close}", until_any(close))
}

/// Captures up to one of some characters; a backslash takes the next character along.
fn until_any(characters: &str) -> String {
    format!(r"((?:\\.|[^{characters}])+)")
}

/// Captures up to what `pattern` matches.
fn until_pattern(pattern: &str) -> String {
    format!(r"((?:(?!{pattern})(?:\\.|.))+)")
}
