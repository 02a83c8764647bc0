//! Writes a grok pattern out into one regular expression: every reference is replaced by the
//! expression it stands for, in a named group if it names a field, in a plain group if not.

use std::collections::HashMap;

use super::compile::GrokError;
use super::library::Library;
use super::reference::{self, Reference};

/// How many references one pattern may hold when written out; Logstash gives up there, too.
const REPLACEMENTS_MAX: usize = 10_000;

/// How long a pattern may get when written out. The longest stock pattern takes about 100 KB. Until it is found to have too
/// many operations, forty times as much memory is taken.
const EXPANDED_BYTES_MAX: usize = 1 << 20;

/// Writes out `pattern`. With `named_only`, a reference without a field does not capture; else it
/// captures into a field of its pattern's name.
pub(super) fn expand(
    pattern: &str,
    library: &Library,
    named_only: bool,
) -> Result<String, GrokError> {
    let mut expander = Expander {
        library,
        inline: HashMap::new(),
        named_only,
        inside: Vec::new(),
        replacements: 0,
        out: String::with_capacity(pattern.len() * 8),
    };
    expander.append(pattern)?;
    Ok(expander.out)
}

struct Expander<'l> {
    library: &'l Library,
    /// What `%{NAME=regex}` defined so far: it holds for the rest of the pattern.
    inline: HashMap<String, String>,
    named_only: bool,
    /// The patterns whose expressions are being written out, outermost first.
    inside: Vec<String>,
    replacements: usize,
    out: String,
}

impl Expander<'_> {
    fn append(&mut self, text: &str) -> Result<(), GrokError> {
        let mut done = 0;
        while let Some(reference) = reference::find(text, done) {
            self.out.push_str(&text[done..reference.start]);
            done = reference.end;
            self.append_reference(&reference)?;
        }
        self.out.push_str(&text[done..]);
        if self.out.len() > EXPANDED_BYTES_MAX {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn append_reference(&mut self, reference: &Reference<'_>) -> Result<(), GrokError> {
        let name = reference.name;
        self.replacements += 1;
        if self.replacements > REPLACEMENTS_MAX {
            return Err(self.too_large());
        }
        if let Some(definition) = reference.definition {
            self.inline.insert(name.to_owned(), definition.to_owned());
        }
        if let Some(start) = self.inside.iter().position(|outer| outer == name) {
            let mut path = self.inside[start..].to_vec();
            path.push(name.to_owned());
            return Err(GrokError::Recursive { path });
        }
        let library = self.library;
        let inline = self.inline.get(name).cloned();
        let Some(expression) = inline.as_deref().or_else(|| library.get(name)) else {
            return Err(GrokError::Unknown {
                name: name.to_owned(),
                within: self.inside.last().cloned(),
                near: library.nearest(name).map(str::to_owned),
            });
        };
        match reference.field {
            None if self.named_only => self.out.push_str("(?:"),
            None => self.out.extend(["(?<", name, ">"]),
            Some(field) => self.out.extend(["(?<", name, ":", field, ">"]),
        }
        self.inside.push(name.to_owned());
        self.append(expression)?;
        self.inside.pop();
        self.out.push(')');
        Ok(())
    }

    fn too_large(&self) -> GrokError {
        GrokError::TooLarge {
            name: self.inside.first().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::library::PatternSet;
    use super::*;

    fn expanded(pattern: &str, own: &str) -> Result<String, String> {
        let mut library = Library::new(PatternSet::EcsV1);
        library.add_text(own);
        expand(pattern, &library, true).map_err(|error| error.to_string())
    }

    #[test]
    fn references_become_groups() {
        let cases = [
            ("a", "a"),
            ("%{INT}", "(?:(?:[+-]?(?:[0-9]+)))"),
            ("<%{SPACE:s}>", r"<(?<SPACE:s>\s*)>"),
            ("%{SPACE:[a][b]:int}", r"(?<SPACE:[a][b]:int>\s*)"),
            ("%{QS}", &format!("(?:(?:{}))", quoted())),
            ("%{X=[ab]{2}}%{X:x}", "(?:[ab]{2})(?<X:x>[ab]{2})"),
        ];
        for (pattern, want) in cases {
            assert_eq!(expanded(pattern, "").as_deref(), Ok(want), "{pattern}");
        }
    }

    fn quoted() -> String {
        let library = Library::new(PatternSet::EcsV1);
        library.get("QUOTEDSTRING").unwrap().to_owned()
    }

    #[test]
    fn unnamed_references_capture_on_request() {
        let library = Library::new(PatternSet::EcsV1);
        let text = expand("%{QS} %{SPACE:s}", &library, false).unwrap();
        assert!(text.starts_with("(?<QS>(?<QUOTEDSTRING>"), "{text}");
        assert!(text.ends_with(r"(?<SPACE:s>\s*)"), "{text}");
    }

    #[test]
    fn what_cannot_be_written_out_is_named() {
        let cases = [
            (
                "%{WORDS:w}",
                "",
                "there is no grok pattern `WORDS`; did you mean `WORD`?",
            ),
            (
                "%{MINE}",
                "MINE x%{QUUX_ZZZ}y",
                "there is no grok pattern `QUUX_ZZZ`, which `MINE` refers to; \
                 define it in pattern_definitions or in a file under patterns_dir",
            ),
            (
                "%{A}",
                "A %{B}\nB x%{C}\nC %{B}",
                "the grok pattern `B` refers to itself: B -> C -> B",
            ),
            (
                "%{D0}",
                &(0..24).fold("D24 x".to_owned(), |text, n| {
                    let m = n + 1;
                    format!("{text}\nD{n} %{{D{m}}}%{{D{m}}}")
                }),
                "the grok pattern is too large, in `D0`: it refers to other patterns more than 10000 times, or takes more than \
                 1 MiB when these are written out; match parts of it in several grok filters",
            ),
            (
                &"%{IP}".repeat(2_000),
                "",
                "the grok pattern is too large, in `IP`: it refers to other patterns more than 10000 times, or takes more than \
                 1 MiB when these are written out; match parts of it in several grok filters",
            ),
        ];
        for (pattern, own, want) in cases {
            assert_eq!(expanded(pattern, own), Err(want.to_owned()));
        }
    }
}
