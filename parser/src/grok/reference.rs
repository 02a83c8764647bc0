//! `%{NAME}`, `%{NAME:field}`, `%{NAME:field:int}`, `%{NAME=regex}`: references to patterns inside a
//! pattern.
//!
//! What counts as one follows the expression by which Logstash finds them (`Grok::PATTERN_RE` of
//! jls-grok), so that anything else that looks like one stays literal text here as there.

use memchr::memmem;

/// One reference inside a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    /// Byte range in the text, from `%{` to `}`.
    pub start: usize,
    /// The end of that range.
    pub end: usize,
    /// The pattern's name.
    pub name: &'t str,
    /// What follows the first colon: the field, and after another colon its type.
    pub field: Option<&'t str>,
    /// What follows an `=`: the pattern is defined on the spot.
    pub definition: Option<&'t str>,
}

/// The first reference in `text` at or after `from`.
pub(super) fn find(text: &str, from: usize) -> Option<Reference<'_>> {
    let mut at = from;
    while let Some(offset) = memmem::find(&text.as_bytes()[at..], b"%{") {
        let start = at + offset;
        if let Some(reference) = parse(text, start) {
            return Some(reference);
        }
        at = start + 2;
    }
    None
}

fn parse(text: &str, start: usize) -> Option<Reference<'_>> {
    let name_start = start + 2;
    let name_end = name_start + run(&text[name_start..], is_name);
    if name_end == name_start {
        return None;
    }
    let mut end = name_end;
    let mut field = None;
    if text[end..].starts_with(':') {
        let length = run(&text[end + 1..], is_field);
        if length > 0 {
            field = Some(&text[end + 1..end + 1 + length]);
            end += 1 + length;
        }
    }
    let mut definition = None;
    if text[end..].starts_with('=')
        && let Some(length) = definition_length(&text[end + 1..])
    {
        definition = Some(&text[end + 1..end + 1 + length]);
        end += 1 + length;
    }
    // Whatever stands between the parts above and the brace is passed over: `%{INT:n?}` is `%{INT:n}`.
    let brace = memchr::memchr(b'}', &text.as_bytes()[end..])?;
    Some(Reference {
        start,
        end: end + brace + 1,
        name: &text[name_start..name_end],
        field,
        definition,
    })
}

/// How much of `text` is an inline definition: up to the closing brace, where braces in pairs
/// belong to it. From a backslash on it reaches as far as the last closing brace of the line, which
/// is greedy but how Logstash reads it.
fn definition_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'}' => break,
            b'{' => match balanced(&bytes[at..]) {
                Some(length) => at += length,
                None => break,
            },
            b'\\' => {
                let line = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
                let last = memchr::memrchr(b'}', &bytes[at..line]);
                return last.filter(|&n| n > 1).map(|n| at + n);
            }
            _ => at += 1,
        }
    }
    (at > 0).then_some(at)
}

/// The length of a text in braces, from `{` to the matching `}`; a backslash protects a brace.
fn balanced(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if matches!(bytes.get(at + 1), Some(b'{' | b'}')) => at += 1,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn run(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|&byte| belongs(byte)).count()
}

/// `[A-z0-9]`: the range from `A` to `z` holds the six characters between the cases, too.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'A'..=b'z').contains(&byte)
}

fn is_field(byte: u8) -> bool {
    is_name(byte) || matches!(byte, b'@' | b'[' | b']' | b':' | b'.' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, field, definition, and all of the reference.
    type Parts<'t> = (&'t str, Option<&'t str>, Option<&'t str>, &'t str);

    fn parts(text: &str) -> Option<Parts<'_>> {
        find(text, 0).map(|r| (r.name, r.field, r.definition, &text[r.start..r.end]))
    }

    #[test]
    fn references_are_found_and_taken_apart() {
        let cases: [(&str, Parts<'_>); 11] = [
            ("a %{WORD} b", ("WORD", None, None, "%{WORD}")),
            (
                "%{WORD:[a][b]:int}",
                ("WORD", Some("[a][b]:int"), None, "%{WORD:[a][b]:int}"),
            ),
            (
                "%{INT:@metadata.x-y}",
                ("INT", Some("@metadata.x-y"), None, "%{INT:@metadata.x-y}"),
            ),
            ("%{INT:e f} 5}", ("INT", Some("e"), None, "%{INT:e f}")),
            ("%{INT:n?}", ("INT", Some("n"), None, "%{INT:n?}")),
            ("%{A=x{2}y}z}", ("A", None, Some("x{2}y"), "%{A=x{2}y}")),
            ("%{A=\\d+}", ("A", None, Some("\\d+"), "%{A=\\d+}")),
            (
                "%{A:n=[0-9]+}",
                ("A", Some("n"), Some("[0-9]+"), "%{A:n=[0-9]+}"),
            ),
            (
                "%{A=\\d+} %{B}",
                ("A", None, Some("\\d+} %{B"), "%{A=\\d+} %{B}"),
            ),
            ("%{ } %{B}", ("B", None, None, "%{B}")),
            ("100%%{B}", ("B", None, None, "%{B}")),
        ];
        for (text, want) in cases {
            assert_eq!(parts(text), Some(want), "{text}");
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in ["", "%", "%{", "%{}", "%{WORD", "{WORD}", "% {WORD}"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
