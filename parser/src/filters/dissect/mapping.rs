//! A dissect mapping: fields and the delimiters between them
//! (source: `org.logstash.dissect.Dissector` and its fields).

use memchr::memmem::Finder;

use crate::event::{Event, FieldRef, Value, intern, ruby_text};

/// A mapping that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MappingError {
    /// `%{+&a}` or `%{&+a}`
    #[error("the dissect field `%{{{0}}}` cannot be appended and named by another field at once")]
    Mixed(String),
    /// `%{+}`, `%{&->}`
    #[error("the dissect field `%{{{0}}}` has no name")]
    NoName(String),
    /// No `%{...}` at all.
    #[error("the dissect mapping `{0}` holds no field: write `%{{name}}` where one is")]
    NoFields(String),
}

/// A field could not be set; nothing further is done to the event.
#[derive(Debug)]
pub(super) struct Refused;

/// Fields and the delimiters between them.
pub(super) struct Mapping {
    /// What stands before each field.
    delimiters: Vec<Delimiter>,
    fields: Vec<Field>,
    /// Numbers of the fields that are set, in the order in which that is done.
    saved: Vec<usize>,
}

struct Delimiter {
    finder: Finder<'static>,
    /// Whether it may come several times.
    greedy: bool,
}

struct Field {
    name: &'static str,
    /// `None`: the name is no field reference.
    field: Option<FieldRef<'static>>,
    kind: Kind,
    /// What joins an appended value to what is there.
    joint: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Skip,
    Normal,
    Append { order: u8 },
    Indirect,
}

impl Mapping {
    pub(super) fn parse(text: &str) -> Result<Self, MappingError> {
        let mut delimiters: Vec<Delimiter> = Vec::new();
        let mut fields = Vec::new();
        let mut greedy = false;
        let mut rest = text;
        while let Some((before, key, after)) = next_field(rest) {
            delimiters.push(Delimiter {
                finder: Finder::new(before).into_owned(),
                greedy,
            });
            let (field, field_greedy) = Field::parse(key, before)?;
            greedy = field_greedy;
            fields.push(field);
            rest = after;
        }
        if fields.is_empty() {
            return Err(MappingError::NoFields(text.to_owned()));
        }
        // Text at the end is a delimiter before a field of no interest; but only text without `}`.
        let end = rest.rfind('}').map_or(rest, |brace| &rest[brace + 1..]);
        if !end.is_empty() {
            delimiters.push(Delimiter {
                finder: Finder::new(end).into_owned(),
                greedy,
            });
            fields.push(Field::skip("auto_added_skip"));
        }
        let mut saved: Vec<usize> = (0..fields.len())
            .filter(|&number| fields[number].kind != Kind::Skip)
            .collect();
        saved.sort_by_key(|&number| match fields[number].kind {
            Kind::Skip | Kind::Normal => 0,
            Kind::Append { order } => 100 + u16::from(order),
            Kind::Indirect => 1000,
        });
        Ok(Self {
            delimiters,
            fields,
            saved,
        })
    }

    /// Cuts `text` and sets the fields; whether it has this form. Nothing is set if not.
    pub(super) fn apply<'a>(&self, text: &'a str, event: &mut Event<'a>) -> Result<bool, Refused> {
        if text.is_empty() {
            return Ok(false);
        }
        let mut values = bumpalo::vec![in event.arena(); ""; self.fields.len()];
        if !self.cut(text, &mut values) {
            return Ok(false);
        }
        for &number in &self.saved {
            self.save(number, &values, event)?;
        }
        Ok(true)
    }

    fn cut<'a>(&self, text: &'a str, values: &mut [&'a str]) -> bool {
        let bytes = text.as_bytes();
        let mut left = 0;
        for (number, value) in values.iter_mut().enumerate() {
            let before = &self.delimiters[number];
            if before.greedy {
                while before.length() > 0 && bytes[left..].starts_with(before.finder.needle()) {
                    left += before.length();
                }
            } else if left == 0 && self.delimiters[0].length() > 0 {
                // The text in front of the first field must be there.
                if !bytes.starts_with(before.finder.needle()) {
                    return false;
                }
                left = before.length();
            }
            let Some(after) = self.delimiters.get(number + 1) else {
                *value = &text[left..];
                break;
            };
            // Fields without a delimiter between them are never found.
            let found = match after.length() {
                0 => None,
                _ => after.finder.find(&bytes[left..]),
            };
            match found.map(|found| left + found) {
                None => return false,
                // A delimiter at the very start of the text is not passed over: so it is in Logstash.
                Some(0) => {}
                Some(end) => {
                    *value = &text[left..end];
                    left = end + after.length();
                }
            }
        }
        true
    }

    fn save<'a>(
        &self,
        number: usize,
        values: &[&'a str],
        event: &mut Event<'a>,
    ) -> Result<(), Refused> {
        let Field {
            name,
            field,
            kind,
            joint,
        } = &self.fields[number];
        let arena = event.arena();
        let value = values[number];
        let field = field.ok_or(Refused)?;
        let (field, value) = match kind {
            Kind::Skip => return Ok(()),
            Kind::Normal => (field, value),
            Kind::Append { .. } => match event.get(field) {
                None => (field, value),
                Some(old) => {
                    let old = ruby_text(old, arena);
                    (field, &*arena.alloc_str(&[old, joint, value].concat()))
                }
            },
            Kind::Indirect => {
                let target = match event.get(field) {
                    Some(Value::Null) => "null",
                    Some(named) => ruby_text(named, arena),
                    None => self.value_of(name, number, values),
                };
                if target.is_empty() {
                    return Ok(());
                }
                let target = FieldRef::parse_in(arena, target).map_err(|_| Refused)?;
                (target, value)
            }
        };
        event.set(field, Value::Str(value)).map_err(|_| Refused)
    }

    /// The value of the first other field of that name, "" if there is none.
    fn value_of<'a>(&self, name: &str, but: usize, values: &[&'a str]) -> &'a str {
        let mut numbers = (0..self.fields.len()).filter(|&number| number != but);
        let found = numbers.find(|&number| self.fields[number].name == name);
        found.map_or("", |number| values[number])
    }
}

impl Delimiter {
    fn length(&self) -> usize {
        self.finder.needle().len()
    }
}

/// What precedes the next `%{...}`, what it holds, and what follows.
fn next_field(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find("%{")?;
    let close = open + text[open..].find('}')?;
    Some((&text[..open], &text[open + 2..close], &text[close + 1..]))
}

impl Field {
    /// Also says whether the delimiter behind the field may come several times.
    fn parse(key: &str, before: &str) -> Result<(Self, bool), MappingError> {
        if key.starts_with("+&") || key.starts_with("&+") {
            return Err(MappingError::Mixed(key.to_owned()));
        }
        let (kind, key_name) = match key.as_bytes().first() {
            None => (Kind::Skip, ""),
            Some(b'?') => (Kind::Skip, &key[1..]),
            Some(b'+') => (Kind::Append { order: 0 }, &key[1..]),
            Some(b'&') => (Kind::Indirect, &key[1..]),
            Some(_) => (Kind::Normal, key),
        };
        let (name, order, greedy) = split_suffix(key_name);
        if name.is_empty() && matches!(kind, Kind::Append { .. } | Kind::Indirect) {
            return Err(MappingError::NoName(key.to_owned()));
        }
        let kind = match kind {
            Kind::Append { .. } => Kind::Append { order },
            other => other,
        };
        let field = Self {
            name: intern(name),
            field: FieldRef::parse(name).ok(),
            kind,
            joint: if before.is_empty() {
                " "
            } else {
                intern(before)
            },
        };
        Ok((field, greedy))
    }

    fn skip(name: &'static str) -> Self {
        Self {
            name,
            field: None,
            kind: Kind::Skip,
            joint: " ",
        }
    }
}

/// Takes `/2`, `->`, or both in either order off the end of a field's key.
fn split_suffix(key: &str) -> (&str, u8, bool) {
    let (rest, order) = take_order(key);
    if let Some(name) = rest.strip_suffix("->") {
        // `name->/2` or `name->`
        if order.is_none() {
            let (name, order) = take_order(name);
            return (name, order.unwrap_or(0), true);
        }
        return (name, order.unwrap_or(0), true);
    }
    (rest, order.unwrap_or(0), false)
}

/// Takes a slash and one or two digits off the end.
fn take_order(key: &str) -> (&str, Option<u8>) {
    match key.rsplit_once('/') {
        Some((name, digits))
            if matches!(digits.len(), 1 | 2)
                && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            (name, digits.parse().ok())
        }
        _ => (key, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_come_in_either_order() {
        let cases = [
            ("a", ("a", 0, false)),
            ("a->", ("a", 0, true)),
            ("a/2", ("a", 2, false)),
            ("a/12->", ("a", 12, true)),
            ("a->/3", ("a", 3, true)),
            ("a/123", ("a/123", 0, false)),
            ("a/b", ("a/b", 0, false)),
            ("->", ("", 0, true)),
        ];
        for (key, want) in cases {
            assert_eq!(split_suffix(key), want, "{key}");
        }
    }
}
