//! Letters without regard to case, as Java compares them: character by character, never one with two.

/// Skips a literal at `at` and returns where it ends.
#[cold]
pub(super) fn skip_ignoring_case(text: &str, at: usize, literal: &str) -> Option<usize> {
    let mut found = text.get(at..)?.chars();
    for expected in literal.chars() {
        if !same_char(found.next()?, expected) {
            return None;
        }
    }
    Some(text.len() - found.as_str().len())
}

/// Java's `String.equalsIgnoreCase`.
pub(super) fn same_ignoring_case(a: &str, b: &str) -> bool {
    skip_ignoring_case(a, 0, b) == Some(a.len())
}

fn same_char(a: char, b: char) -> bool {
    a == b || upper(a) == upper(b) || lower(upper(a)) == lower(upper(b))
}

fn upper(char: char) -> char {
    let mut upper = char.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => char,
    }
}

fn lower(char: char) -> char {
    // The only letter whose lower case is more than one character; Java takes the first.
    char.to_lowercase().next().unwrap_or(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_compared_one_by_one() {
        assert!(same_ignoring_case("HAZİRAN", "haziran"));
        assert!(same_ignoring_case("K", "\u{212A}"));
        assert!(!same_ignoring_case("ß", "SS"));
        assert_eq!(skip_ignoring_case("xéz", 1, "É"), Some(3));
        assert_eq!(skip_ignoring_case("x", 1, "É"), None);
    }
}
