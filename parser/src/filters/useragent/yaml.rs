//! As much of YAML as `regexes.yaml` uses: named lists of flat maps, whose values are quoted or plain
//! scalars on one line.

use std::borrow::Cow;

/// A line that is beyond this subset.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected `name:`, `- key: value` or `key: value`, found `{found}`")]
pub(super) struct YamlError {
    line: usize,
    found: String,
}

/// A map of a list.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    /// Where it starts, counted from 1.
    pub line: usize,
    values: Vec<(&'t str, Cow<'t, str>)>,
}

impl Entry<'_> {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.values.iter().find(|(have, _)| *have == key);
        found.map(|(_, value)| value.as_ref())
    }
}

/// The lists by name.
pub(super) fn parse(text: &str) -> Result<Vec<(&str, Vec<Entry<'_>>)>, YamlError> {
    let mut lists: Vec<(&str, Vec<Entry<'_>>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let unexpected = || YamlError {
            line: number + 1,
            found: line.trim().to_owned(),
        };
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') || content == "---" {
            continue;
        }
        if !line.starts_with([' ', '-']) {
            let name = content.strip_suffix(':').ok_or_else(unexpected)?;
            lists.push((name, Vec::new()));
            continue;
        }
        let (_, entries) = lists.last_mut().ok_or_else(unexpected)?;
        let pair = match content.strip_prefix("- ") {
            Some(pair) => {
                entries.push(Entry {
                    line: number + 1,
                    values: Vec::new(),
                });
                pair
            }
            None => content,
        };
        let entry = entries.last_mut().ok_or_else(unexpected)?;
        let (key, value) = pair.split_once(':').ok_or_else(unexpected)?;
        if let Some(value) = scalar(value.trim()).ok_or_else(unexpected)? {
            entry.values.push((key.trim(), value));
        }
    }
    Ok(lists)
}

/// The value of a scalar, of which null has none; `None` where it is not understood.
fn scalar(text: &str) -> Option<Option<Cow<'_, str>>> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let end = closing_quote(quoted)?;
        let inner = &quoted[..end];
        return Some(Some(if inner.contains("''") {
            Cow::Owned(inner.replace("''", "'"))
        } else {
            Cow::Borrowed(inner)
        }));
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return unescape(quoted).map(|text| Some(Cow::Owned(text)));
    }
    let plain = text.split(" #").next().unwrap_or(text).trim_end();
    match plain {
        "" | "null" | "~" => Some(None),
        _ => Some(Some(Cow::Borrowed(plain))),
    }
}

/// Where a single quote stands that is not doubled.
fn closing_quote(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text[at..].find('\'')?;
        if !text[at + 1..].starts_with('\'') {
            return Some(at);
        }
        at += 2;
    }
}

/// The text up to the closing double quote, with its escapes resolved.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some(out),
            '\\' => match characters.next()? {
                't' => out.push('\t'),
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                same @ ('"' | '\\' | '/') => out.push(same),
                _ => return None,
            },
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_maps_are_read() {
        let text = "---\n# comment\none:\n  - a: 'it''s' # so\n    b: \"x\\\\d\\\"\"\n\n  - a: plain # c\n    b: null\ntwo:\n";
        let lists = parse(text).unwrap();
        assert_eq!(lists.len(), 2);
        let (name, entries) = &lists[0];
        assert_eq!((*name, entries.len()), ("one", 2));
        assert_eq!(entries[0].get("a"), Some("it's"));
        assert_eq!(entries[0].get("b"), Some("x\\d\""));
        assert_eq!(entries[1].get("a"), Some("plain"));
        assert_eq!(entries[1].get("b"), None);
        assert_eq!(entries[1].line, 7);
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in [
            "one\n",
            "  - a: b\n",
            "one:\n  a: b\n",
            "one:\n  - a\n",
            "one:\n  - a: 'x\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
