//! `gsub`: replaces every match of a regular expression, as Ruby's `String#gsub` does.

use super::Failed;
use crate::event::{Arena, ArenaString, Event, FieldRef, Template, Value};
use crate::filters::regex_template::RegexTemplate;
use crate::regex::{Budget, Regex, RegexError, Scratch};

/// What is looked for and what it becomes.
pub(super) struct Substitution {
    needle: RegexTemplate,
    replacement: Replacement,
}

enum Replacement {
    Fixed(Vec<Piece>),
    Dynamic(Template),
}

/// A part of a replacement.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Group(usize),
    Named(String),
    LastGroup,
    BeforeMatch,
    AfterMatch,
}

impl Substitution {
    pub(super) fn parse(needle: &str, replacement: &str) -> Result<Self, RegexError> {
        let needle = RegexTemplate::parse(needle)?;
        let template = Template::lenient(replacement);
        let replacement = match template.as_constant() {
            Some(text) => Replacement::Fixed(pieces(text)),
            None => Replacement::Dynamic(template),
        };
        Ok(Self {
            needle,
            replacement,
        })
    }

    /// Replaces in a string, or in the strings of an array; anything else stays.
    pub(super) fn apply<'a>(
        &self,
        event: &mut Event<'a>,
        field: FieldRef<'a>,
        scratch: &mut Scratch,
    ) -> Result<(), Failed> {
        let arena = event.arena();
        if !matches!(event.get(field), Some(Value::Str(_) | Value::Array(_))) {
            return Ok(());
        }
        let regex = &self.needle.resolve(event).ok_or(Failed)?;
        let rendered;
        let pieces = match &self.replacement {
            Replacement::Fixed(pieces) => pieces,
            Replacement::Dynamic(template) => {
                rendered = pieces(template.try_render(event)?);
                &rendered
            }
        };
        let mut steps = STEPS_MAX;
        let mut run = |text| substitute(text, regex, pieces, arena, scratch, &mut steps);
        match event.get_mut(field) {
            Some(Value::Str(text)) => *text = run(text)?,
            Some(Value::Array(values)) => {
                // All or nothing: a failure leaves the array as it was.
                let mut changed = values.clone();
                for value in &mut changed {
                    if let Value::Str(text) = value {
                        *text = run(text)?;
                    }
                }
                *values = changed;
            }
            _ => {}
        }
        Ok(())
    }
}

/// What the searches for all matches in a field may take together, beside [`STEPS_PER_BYTE`]: the matches of a short text are
/// many where each looks at all of it.
const STEPS_MAX: u64 = 20_000_000;
/// Steps that come on top for each byte of a text, so that those of a long one, with a match in every few bytes, are enough.
const STEPS_PER_BYTE: u64 = 32;
/// A search of more steps than this asks automata about the text behind it, or takes memory for it: their bytes count as well.
const STEPS_OF_A_SHORT_SEARCH: u64 = 40;
/// What these do with one step's worth of time.
const BYTES_PER_STEP: u64 = 8;

/// Replaces every match, in so many steps; the text itself where there is no match.
fn substitute<'a>(
    text: &'a str,
    regex: &Regex,
    pieces: &[Piece],
    arena: &'a Arena,
    scratch: &mut Scratch,
    steps: &mut u64,
) -> Result<&'a str, Failed> {
    let mut out: Option<ArenaString<'a>> = None;
    let mut copied = 0;
    let mut from = 0;
    *steps += text.len() as u64 * STEPS_PER_BYTE;
    while from <= text.len() {
        let budget = Budget {
            steps: *steps,
            ..Budget::default()
        };
        let found = regex.captures_within(text, from, scratch, budget);
        let mut taken = 1 + scratch.steps();
        if taken > STEPS_OF_A_SHORT_SEARCH {
            taken += (text.len() - from) as u64 / BYTES_PER_STEP;
        }
        *steps = steps.checked_sub(taken).ok_or(Failed)?;
        if !found.map_err(|_given_up| Failed)? {
            break;
        }
        let Some((start, end)) = scratch.span(0) else {
            break;
        };
        let out = out.get_or_insert_with(|| ArenaString::with_capacity_in(text.len() + 16, arena));
        out.push_str(&text[copied..start]);
        push_replacement(out, pieces, text, regex, scratch)?;
        copied = end;
        from = end;
        if start == end {
            // After an empty match the next character is passed over.
            from += text[end..].chars().next().map_or(1, char::len_utf8);
        }
    }
    let Some(mut out) = out else {
        return Ok(text);
    };
    out.push_str(&text[copied..]);
    Ok(out.into_bump_str())
}

fn push_replacement(
    out: &mut ArenaString<'_>,
    pieces: &[Piece],
    text: &str,
    regex: &Regex,
    scratch: &Scratch,
) -> Result<(), Failed> {
    let group = |number: usize| {
        let span = (number <= regex.group_count()).then(|| scratch.span(number))?;
        span.map(|(start, end)| &text[start..end])
    };
    for piece in pieces {
        match piece {
            Piece::Text(literal) => out.push_str(literal),
            // Where groups have names, the others capture nothing and none has a number.
            Piece::Group(1..) if regex.capture_names().next().is_some() => {}
            Piece::Group(number) => out.push_str(group(*number).unwrap_or_default()),
            Piece::Named(name) => {
                let groups = regex.capture_names().find(|(known, _)| known == name);
                let (_, groups) = groups.ok_or(Failed)?;
                // Of several groups of one name the last that took part counts.
                let mut values = groups.iter().rev().map(|number| group(*number as usize));
                out.push_str(values.find_map(|value| value).unwrap_or_default());
            }
            Piece::LastGroup => {
                let last = (1..=regex.group_count()).rev().find_map(&group);
                out.push_str(last.unwrap_or_default());
            }
            Piece::BeforeMatch => {
                let start = scratch.span(0).map_or(0, |(start, _)| start);
                out.push_str(&text[..start]);
            }
            Piece::AfterMatch => {
                let end = scratch.span(0).map_or(text.len(), |(_, end)| end);
                out.push_str(&text[end..]);
            }
        }
    }
    Ok(())
}

/// Takes a replacement apart: `\0` to `\9`, `\&`, `\+`, `\k<name>`, `` \` ``, `\'` and `\\` have a meaning,
/// any other backslash is one.
fn pieces(replacement: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = replacement;
    while let Some(at) = rest.find('\\') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut length = 1;
        let piece = match rest.chars().next() {
            Some(digit @ '0'..='9') => Piece::Group(digit as usize - '0' as usize),
            Some('&') => Piece::Group(0),
            Some('+') => Piece::LastGroup,
            Some('`') => Piece::BeforeMatch,
            Some('\'') => Piece::AfterMatch,
            Some('k') if rest.starts_with("k<") => {
                // No group has a number here, nor a name that does not end.
                let close = rest.find('>');
                length = close.map_or(rest.len(), |close| close + 1);
                Piece::Named(close.map_or(String::new(), |close| rest[2..close].to_owned()))
            }
            Some('\\') => {
                literal.push('\\');
                rest = &rest[1..];
                continue;
            }
            _ => {
                literal.push('\\');
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
        rest = &rest[length..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gsub(text: &str, needle: &str, replacement: &str) -> Option<String> {
        let arena = Arena::new();
        let mut event = Event::empty(&arena);
        let field = FieldRef::constant("f");
        event.set(field, Value::Str(arena.alloc_str(text))).unwrap();
        let substitution = Substitution::parse(needle, replacement).unwrap();
        let applied = substitution.apply(&mut event, field, &mut Scratch::default());
        applied.ok()?;
        event.get(field)?.as_str().map(str::to_owned)
    }

    #[test]
    fn matches_are_replaced_as_in_ruby() {
        let cases = [
            ("aabb", "b", "&", "aa&&"),
            ("aabb", "(a)(b)", r"\2\1", "abab"),
            ("ab", "a", r"[\0\&]", "[aa]b"),
            ("ab", "(?<x>b)", r"<\k<x>>", "a<b>"),
            ("ab", "(?<x>b)", r"<\1\0>", "a<b>"),
            ("abc", "(b)(?<x>c)", r"<\1\+>", "a<c>"),
            ("ab", "b", r"\k", r"a\k"),
            ("abc", "b", r"(\`|\')", "a(a|c)c"),
            ("a.b", r"\.", r"\\", r"a\b"),
            ("ab", "a", r"\x\", r"\x\b"),
            ("ab", "a", r"\7", "b"),
            ("abc", "(a)|(b)", r"[\+]", "[a][b]c"),
            ("héé", "", "-", "-h-é-é-"),
            ("abc", "x*", "-", "-a-b-c-"),
            ("a\nb", "$", "!", "a!\nb!"),
            ("none", "z", "y", "none"),
        ];
        for (text, needle, replacement, changed) in cases {
            let got = gsub(text, needle, replacement);
            assert_eq!(got.as_deref(), Some(changed), "{text:?} {needle:?}");
        }
    }

    #[test]
    fn the_matches_of_a_text_are_bounded_together() {
        // Each of these matches looks at all that follows.
        let text = "a".repeat(30_000);
        assert_eq!(gsub(&text, "a(?=.*a|.*$)", "b"), None);
        let short = &text[..1000];
        let changed = "b".repeat(1000);
        assert_eq!(gsub(short, "a(?=.*a|.*$)", "b"), Some(changed));
        // Many matches that look at little are none too many.
        let many = "key=value, ".repeat(200_000);
        let changed = gsub(&many, r"(\w+)=(\w+)", r"\2");
        assert_eq!(changed, Some("value, ".repeat(200_000)));
    }

    #[test]
    fn a_name_that_no_group_has_fails() {
        for (needle, replacement) in [
            ("a", r"\k<no>"),
            ("(a)", r"\k<1>"),
            ("(?<x>a)", r"\k<1>"),
            ("(?<x>a)", r"\k<x"),
        ] {
            assert_eq!(gsub("ab", needle, replacement), None, "{replacement}");
        }
    }
}
