//! Sets of characters: what `[...]`, `\w`, `\p{...}` and `.` denote, and how case folding widens them.
//!
//! The Unicode tables are those of `regex-syntax`.

use super::byteset::ByteSet;
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A set of characters in canonical form (sorted, disjoint ranges that do not touch). A copy shares the ranges, which may
/// be hundreds.
#[derive(Clone, Debug)]
pub(super) struct CharClass(Arc<Members>);

#[derive(Clone, Debug)]
struct Members {
    ranges: ClassUnicode,
    /// What they begin with, which is asked for again and again.
    first_bytes: OnceLock<ByteSet>,
}

impl PartialEq for CharClass {
    fn eq(&self, other: &CharClass) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.ranges == other.0.ranges
    }
}

impl Eq for CharClass {}

impl Hash for CharClass {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for range in self.ranges() {
            range.hash(state);
        }
    }
}

impl Default for CharClass {
    fn default() -> Self {
        CharClass::empty()
    }
}

impl CharClass {
    fn new(ranges: ClassUnicode) -> CharClass {
        CharClass(Arc::new(Members {
            ranges,
            first_bytes: OnceLock::new(),
        }))
    }

    pub(super) fn empty() -> CharClass {
        CharClass::new(ClassUnicode::empty())
    }

    pub(super) fn any() -> CharClass {
        CharClass::empty().negate()
    }

    pub(super) fn single(member: char) -> CharClass {
        CharClass::range(member, member)
    }

    pub(super) fn range(first: char, last: char) -> CharClass {
        CharClass::of_ranges([(first, last)])
    }

    pub(super) fn of_ranges(ranges: impl IntoIterator<Item = (char, char)>) -> CharClass {
        let ranges = ranges.into_iter();
        CharClass::new(ClassUnicode::new(
            ranges.map(|(first, last)| ClassUnicodeRange::new(first, last)),
        ))
    }

    fn changed(mut self, change: impl FnOnce(&mut ClassUnicode)) -> CharClass {
        let members = Arc::make_mut(&mut self.0);
        change(&mut members.ranges);
        members.first_bytes = OnceLock::new();
        self
    }

    pub(super) fn union(self, other: CharClass) -> CharClass {
        self.changed(|ranges| ranges.union(&other.0.ranges))
    }

    pub(super) fn intersect(self, other: &CharClass) -> CharClass {
        self.changed(|ranges| ranges.intersect(&other.0.ranges))
    }

    pub(super) fn negate(self) -> CharClass {
        self.changed(ClassUnicode::negate)
    }

    /// Adds everything that equals a member when case is ignored (simple folding, one character to one).
    pub(super) fn fold_case(self) -> CharClass {
        // Fails only without the Unicode tables, which are compiled in; then the set stays as written.
        self.changed(|ranges| drop(ranges.try_case_fold_simple()))
    }

    pub(super) fn contains(&self, member: char) -> bool {
        self.range_around(member).is_some()
    }

    /// The range that a member is in.
    fn range_around(&self, member: char) -> Option<&ClassUnicodeRange> {
        let ranges = self.0.ranges.ranges();
        let at = ranges.partition_point(|range| range.end() < member);
        ranges.get(at).filter(|range| range.start() <= member)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.ranges.ranges().is_empty()
    }

    /// The only member, when there is just one.
    pub(super) fn as_single(&self) -> Option<char> {
        match self.0.ranges.ranges() {
            [range] if range.start() == range.end() => Some(range.start()),
            _ => None,
        }
    }

    pub(super) fn is_subset(&self, other: &CharClass) -> bool {
        self.ranges().all(|(first, last)| {
            let around = other.range_around(first);
            around.is_some_and(|around| last <= around.end())
        })
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = (char, char)> + '_ {
        let ranges = self.0.ranges.iter();
        ranges.map(|range| (range.start(), range.end()))
    }

    /// The bytes that members begin with.
    pub(super) fn first_bytes(&self) -> ByteSet {
        *self.0.first_bytes.get_or_init(|| ByteSet::of_class(self))
    }
}

/// `\d`: ASCII digits.
pub(super) fn digit() -> CharClass {
    CharClass::range('0', '9')
}

/// `\w`: ASCII letters, digits and `_`.
pub(super) fn word() -> CharClass {
    CharClass::of_ranges([('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

/// `\s`: ASCII white space, vertical tab included.
pub(super) fn space() -> CharClass {
    CharClass::of_ranges([('\t', '\r'), (' ', ' ')])
}

/// `\h`: ASCII hexadecimal digits.
pub(super) fn hex_digit() -> CharClass {
    CharClass::of_ranges([('0', '9'), ('A', 'F'), ('a', 'f')])
}

/// `.` where it does not match a newline.
pub(super) fn not_newline() -> CharClass {
    CharClass::single('\n').negate()
}

/// The Unicode word characters, by which `\b` looks.
pub(super) fn unicode_word() -> &'static CharClass {
    static WORD: OnceLock<CharClass> = OnceLock::new();
    WORD.get_or_init(|| property(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]").unwrap_or_else(word))
}

/// Whether `\b` takes this character for a word character.
pub(super) fn is_unicode_word(member: char) -> bool {
    if member.is_ascii() {
        return member.is_ascii_alphanumeric() || member == '_';
    }
    unicode_word().contains(member)
}

/// Whether Ruby prints the character as it is, that is `[[:print:]]`.
pub(crate) fn is_printable(member: char) -> bool {
    static PRINTABLE: OnceLock<CharClass> = OnceLock::new();
    if member.is_ascii() {
        return !member.is_ascii_control();
    }
    let printable = PRINTABLE.get_or_init(|| named("print").unwrap_or_else(CharClass::any));
    printable.contains(member)
}

/// A set that Oniguruma names: in `[:name:]`, or as `\p{name}`. Names compare without case, spaces, `-` and `_`.
pub(super) fn named(name: &str) -> Option<CharClass> {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let expression = match &name[..] {
        "alnum" => r"[\p{Alphabetic}\p{Nd}]",
        "alpha" => r"\p{Alphabetic}",
        "blank" => r"[\p{Zs}\t]",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"[^\s\p{Cc}\p{Cn}]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[[^\s\p{Cc}\p{Cn}]\p{Zs}]",
        "punct" => r"\p{P}",
        "xposixpunct" => r"[\p{P}$+<=>^`|~]",
        "space" => r"\p{White_Space}",
        "upper" => r"\p{Uppercase}",
        "xdigit" => return Some(hex_digit()),
        "word" => return Some(unicode_word().clone()),
        "ascii" => return Some(CharClass::range('\0', '\x7f')),
        "any" => return Some(CharClass::any()),
        // Halves of surrogate pairs, which no text holds.
        "cs" | "surrogate" => return Some(CharClass::empty()),
        "assigned" => return property(r"\p{Cn}").map(CharClass::negate),
        other if other.contains('=') && !other.starts_with("age=") => return None,
        other => return property(&format!(r"\p{{{other}}}")),
    };
    property(expression)
}

/// The set of an expression in the syntax of the `regex` crate. It is made once in the life of the process: there are as
/// many as Unicode has properties.
fn property(expression: &str) -> Option<CharClass> {
    static MADE: Mutex<Option<HashMap<String, CharClass>>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    if let Some(class) = made.get(expression) {
        return Some(class.clone());
    }
    let class = new_property(expression)?;
    made.insert(expression.to_owned(), class.clone());
    Some(class)
}

fn new_property(expression: &str) -> Option<CharClass> {
    let hir = regex_syntax::Parser::new().parse(expression).ok()?;
    match hir.kind() {
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
            Some(CharClass::new(class.clone()))
        }
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(
                text.chars()
                    .map(CharClass::single)
                    .fold(CharClass::empty(), CharClass::union),
            )
        }
        _ => None,
    }
}

/// Characters whose full case folding is more than one character, with that folding: `ß` and `ss`, `ﬁ` and `fi`.
pub(super) fn multi_folds() -> &'static [(char, String)] {
    static FOLDS: OnceLock<Vec<(char, String)>> = OnceLock::new();
    FOLDS.get_or_init(|| {
        let blocks = [
            '\u{df}'..='\u{587}',
            '\u{1e96}'..='\u{1e9e}',
            '\u{1f50}'..='\u{1ffc}',
            '\u{fb00}'..='\u{fb17}',
        ];
        let mut folds: Vec<(char, String)> = Vec::new();
        for member in blocks.into_iter().flatten() {
            // The standard library has full upper-casing; lower-cased again it is the full folding.
            let upper = if member == '\u{1e9e}' {
                vec!['S', 'S']
            } else {
                member.to_uppercase().collect()
            };
            if upper.len() > 1 {
                folds.push((
                    member,
                    upper.into_iter().flat_map(char::to_lowercase).collect(),
                ));
            }
        }
        folds
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_reaches_every_case_variant() {
        let folded = CharClass::range('a', 'z').fold_case();
        assert!(folded.contains('K') && folded.contains('\u{212a}') && folded.contains('\u{17f}'));
    }

    #[test]
    fn subsets_are_those_that_an_intersection_leaves_as_they_are() {
        let sets = [
            CharClass::empty(),
            CharClass::any(),
            digit(),
            word(),
            hex_digit(),
            not_newline(),
            unicode_word().clone(),
            CharClass::range('\0', '\u{d7ff}').union(CharClass::range('\u{e000}', 'é')),
            CharClass::range('\0', '\u{10fffe}'),
            CharClass::range('a', 'c').union(CharClass::range('d', 'f')),
            CharClass::range('b', 'e'),
        ];
        let mut subsets = 0;
        for one in &sets {
            for other in &sets {
                let is_subset = one.clone().intersect(other) == *one;
                assert_eq!(one.is_subset(other), is_subset, "{one:?} in {other:?}");
                subsets += usize::from(is_subset);
            }
        }
        assert!(subsets > 2 * sets.len(), "{subsets}");
    }

    #[test]
    fn a_changed_set_begins_with_other_bytes() {
        let digits = digit();
        assert!(!digits.first_bytes().contains(b'a'));
        let more = digits.clone().union(hex_digit());
        assert!(more.first_bytes().contains(b'a') && !digits.first_bytes().contains(b'a'));
    }

    #[test]
    fn full_foldings_come_from_the_standard_tables() {
        let of = |c| {
            multi_folds()
                .iter()
                .find(|(member, _)| *member == c)
                .map(|(_, fold)| &fold[..])
        };
        assert_eq!(of('ß'), Some("ss"));
        assert_eq!(of('\u{1e9e}'), Some("ss"));
        assert_eq!(of('\u{fb03}'), Some("ffi"));
        assert_eq!(of('k'), None);
    }

    #[test]
    fn names_are_loose() {
        assert_eq!(named("Alpha"), named("alpha"));
        assert!(named("Greek").is_some_and(|class| class.contains('λ')));
        assert!(named("Lu").is_some_and(|class| class.contains('A') && !class.contains('a')));
        assert_eq!(named("NoSuchThing"), None);
    }
}
