//! Escapes in strings, as Logstash processes them under `config.support_escapes`.

/// Replaces `\n`, `\r`, `\t`, `\\`, `\"` and `\'`. A backslash before anything else is dropped, one at the end is kept
/// (`StringEscapeHelper` of Logstash in its "minimal" mode).
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        text.push(match characters.next() {
            None => '\\',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(other) => other,
        });
    }
    text
}

/// The text of a regex between its slashes: `\/` becomes `/`, every other escape is the regex engine's.
pub(super) fn unescape_slashes(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('/') => text.push('/'),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_logstash() {
        assert_eq!(unescape(r#"a\n\r\t\\\"\'\q\0é"#), "a\n\r\t\\\"'q0é");
        assert_eq!(unescape(r"end\"), "end\\");
    }

    #[test]
    fn slashes_of_a_regex_lose_only_their_own_backslash() {
        assert_eq!(unescape_slashes(r"\/a\.b\\/\d"), r"/a\.b\\/\d");
    }
}
