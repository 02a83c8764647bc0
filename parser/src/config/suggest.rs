//! The nearest known name to one that was mistyped.

/// The name in `known` that `name` was most likely meant to be, if one is near enough: about one slip (a wrong, missing or extra
/// character, or two swapped ones) per three characters, letters of either case being equal. The first of equally near names wins.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let allowed = wanted.len().div_ceil(3).min(3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let other: Vec<char> = candidate.to_lowercase().chars().collect();
        if wanted.len().abs_diff(other.len()) > allowed {
            continue;
        }
        let distance = distance(&wanted, &other);
        // A name of which nothing is left is no suggestion.
        let near = distance <= allowed && distance < other.len();
        if near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Damerau-Levenshtein distance, in its restricted form (no character is edited twice).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(from != to);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && *from == right[column - 1] && left[row - 1] == *to;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERS: [&str; 8] = [
        "grok",
        "mutate",
        "date",
        "json",
        "kv",
        "geoip",
        "useragent",
        "add_field",
    ];

    #[test]
    fn slips_are_recognised() {
        for (written, meant) in [
            ("gork", "grok"),
            ("grock", "grok"),
            ("mutat", "mutate"),
            ("mutatte", "mutate"),
            ("add_feild", "add_field"),
            ("JSON", "json"),
            ("user_agent", "useragent"),
        ] {
            assert_eq!(
                nearest(written, FILTERS.into_iter()),
                Some(meant),
                "{written}"
            );
        }
    }

    #[test]
    fn far_names_are_not_suggested() {
        for written in ["elasticsearch", "x", "split", "", "äöü"] {
            assert_eq!(nearest(written, FILTERS.into_iter()), None, "{written}");
        }
    }

    #[test]
    fn distances_are_those_of_the_restricted_damerau_levenshtein_metric() {
        let distance = |left: &str, right: &str| {
            let left: Vec<char> = left.chars().collect();
            let right: Vec<char> = right.chars().collect();
            distance(&left, &right)
        };
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("ca", "abc"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
