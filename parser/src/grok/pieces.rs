//! Cuts a pattern into the pieces that have to match one after the other, for [`explain`](super::explain).
//!
//! Only as much of the syntax is understood as it takes to know where a piece ends.

use super::reference::{self, Reference};

/// A part of a pattern that matches or does not, with its quantifier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece<'t> {
    pub text: &'t str,
    pub kind: Kind<'t>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind<'t> {
    /// A character, class, anchor or assertion.
    Atom,
    /// A reference to a named pattern.
    Reference(Reference<'t>),
    /// A group: what opens it, and what it holds.
    Group { open: &'t str, inner: &'t str },
}

/// The alternatives of a pattern, each as its pieces.
pub(super) fn alternatives(text: &str) -> Vec<Vec<Piece<'_>>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while at < text.len() {
        if text.as_bytes()[at] == b'|' {
            all.push(Vec::new());
            at += 1;
            continue;
        }
        let (kind, end) = piece(text, at);
        let end = end + quantifier_length(&text[end..]);
        if let Some(last) = all.last_mut() {
            last.push(Piece {
                text: &text[at..end],
                kind,
            });
        }
        at = end;
    }
    all
}

/// The piece that starts at `at`, and where it ends.
fn piece(text: &str, at: usize) -> (Kind<'_>, usize) {
    match text.as_bytes()[at] {
        b'%' => match reference::find(text, at).filter(|found| found.start == at) {
            Some(found) => (Kind::Reference(found), found.end),
            None => (Kind::Atom, at + 1),
        },
        b'(' => {
            let end = group_end(text, at);
            match opening_length(&text[at..end]) {
                Some(open) if text[..end].ends_with(')') && at + open < end => {
                    let (open, inner) = text[at..end - 1].split_at(open);
                    (Kind::Group { open, inner }, end)
                }
                _ => (Kind::Atom, end),
            }
        }
        _ => (Kind::Atom, atom_end(text, at)),
    }
}

/// The end of a character, an escape or a class.
fn atom_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'\\' => {
            let escaped = text[at + 1..].chars().next();
            let end = at + 1 + escaped.map_or(0, char::len_utf8);
            let braced = matches!(escaped, Some('p' | 'P' | 'x')) && bytes.get(end) == Some(&b'{');
            match memchr::memchr(b'}', &bytes[end..]).filter(|_| braced) {
                Some(brace) => end + brace + 1,
                None => end,
            }
        }
        b'[' => class_end(text, at),
        _ => at + text[at..].chars().next().map_or(1, char::len_utf8),
    }
}

fn class_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = at;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => {
                depth += 1;
                // A bracket right after the opening one is a member.
                if bytes.get(at + 1) == Some(&b'^') {
                    at += 1;
                }
                if bytes.get(at + 1) == Some(&b']') {
                    at += 1;
                }
            }
            b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The end of the group that opens at `at`; the end of the text where it does not close.
fn group_end(text: &str, at: usize) -> usize {
    let mut depth = 0usize;
    let mut at = at;
    while let Some(&byte) = text.as_bytes().get(at) {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b'%' => {
                if let Some(found) = reference::find(text, at).filter(|found| found.start == at) {
                    at = found.end;
                    continue;
                }
            }
            b'\\' | b'[' => {
                at = atom_end(text, at);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// How long the opening of a group is into which one can look; `None` for assertions and options.
fn opening_length(group: &str) -> Option<usize> {
    let Some(rest) = group.strip_prefix("(?") else {
        return Some(1);
    };
    match rest.as_bytes().first()? {
        b':' | b'>' => Some(3),
        b'<' if !matches!(rest.as_bytes().get(1), Some(b'=' | b'!')) => {
            memchr::memchr(b'>', group.as_bytes()).map(|end| end + 1)
        }
        _ => None,
    }
}

fn quantifier_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut length = match bytes.first() {
        Some(b'?' | b'*' | b'+') => 1,
        Some(b'{') => match memchr::memchr(b'}', bytes) {
            Some(end)
                if end > 1
                    && bytes[1..end]
                        .iter()
                        .all(|byte| byte.is_ascii_digit() || *byte == b',') =>
            {
                end + 1
            }
            _ => return 0,
        },
        _ => return 0,
    };
    while matches!(bytes.get(length), Some(b'?' | b'+')) {
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fall_into_pieces() {
        let cases: [(&str, &[&[&str]]); 10] = [
            ("ab", &[&["a", "b"]]),
            ("a|b+?c", &[&["a"], &["b+?", "c"]]),
            ("%{WORD:w} x", &[&["%{WORD:w}", " ", "x"]]),
            ("%{INT}{2,3}%{INT}", &[&["%{INT}{2,3}", "%{INT}"]]),
            (r"\(a\)", &[&[r"\(", "a", r"\)"]]),
            (r"[]a[:alpha:]|]*b", &[&["[]a[:alpha:]|]*", "b"]]),
            ("(?:a|b)?(?=c)d", &[&["(?:a|b)?", "(?=c)", "d"]]),
            (r"\p{Alpha}ä{", &[&[r"\p{Alpha}", "ä", "{"]]),
            ("(?m)a", &[&["(?m)", "a"]]),
            ("(a", &[&["(a"]]),
        ];
        for (text, want) in cases {
            let found: Vec<Vec<&str>> = alternatives(text)
                .iter()
                .map(|pieces| pieces.iter().map(|piece| piece.text).collect())
                .collect();
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn groups_can_be_looked_into() {
        let cases = [
            ("(a|b)", Some(("(", "a|b"))),
            ("(?:a)?", Some(("(?:", "a"))),
            ("(?<[x][y]>a)", Some(("(?<[x][y]>", "a"))),
            ("(?<=a)", None),
            ("(?i)", None),
        ];
        for (text, want) in cases {
            let found = match alternatives(text)[0][0].kind {
                Kind::Group { open, inner } => Some((open, inner)),
                _ => None,
            };
            assert_eq!(found, want, "{text}");
        }
    }
}
