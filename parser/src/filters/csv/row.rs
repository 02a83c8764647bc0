//! One row of separated values, as Ruby's CSV library reads it with its default strictness.

use crate::event::{Arena, ArenaString};

/// Separator and quote.
pub(crate) struct Dialect {
    separator: String,
    quote: char,
}

/// A text that is no row: a quote that does not close, or one in the midst of a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Dialect {
    /// `None` where the separator is empty or the quote is not one character.
    pub(crate) fn new(separator: &str, quote: &str) -> Option<Self> {
        let quote = if quote == "\\x00" { "\0" } else { quote };
        let mut characters = quote.chars();
        match (characters.next(), characters.next()) {
            (Some(quote), None) if !separator.is_empty() => Some(Self {
                separator: separator.to_owned(),
                quote,
            }),
            _ => None,
        }
    }

    /// The values of the first row, a value without text and quotes being `None`; no row where the text is empty.
    pub(crate) fn first_row<'a>(
        &self,
        text: &'a str,
        arena: &'a Arena,
    ) -> Result<Option<Vec<Option<&'a str>>>, Malformed> {
        if text.is_empty() {
            return Ok(None);
        }
        let (values, _) = self.row(text, arena)?;
        Ok(Some(values))
    }

    /// The values of the first row, as [`first_row`](Self::first_row) has them, and the rows after it.
    pub(crate) fn row<'a>(
        &self,
        text: &'a str,
        arena: &'a Arena,
    ) -> Result<(Vec<Option<&'a str>>, &'a str), Malformed> {
        let row_end = row_separator(text);
        if let Some(after) = text.strip_prefix(row_end) {
            return Ok((Vec::new(), after));
        }
        let mut values = Vec::new();
        let mut rest = text;
        loop {
            let value = match rest.strip_prefix(self.quote) {
                Some(quoted) => {
                    let (value, after) = self.quoted(quoted, arena)?;
                    rest = after;
                    Some(value)
                }
                None => {
                    let (value, after) = rest.split_at(self.unquoted_length(rest, row_end));
                    rest = after;
                    (!value.is_empty()).then_some(value)
                }
            };
            values.push(value);
            if let Some(next) = rest.strip_prefix(&self.separator) {
                rest = next;
            } else if let Some(after) = rest.strip_prefix(row_end) {
                return Ok((values, after));
            } else if rest.is_empty() {
                return Ok((values, ""));
            } else {
                return Err(Malformed);
            }
        }
    }

    /// How much of `text` is a value without quotes. Where rows end by a line feed alone, a carriage return is part of it.
    fn unquoted_length(&self, text: &str, row_end: &str) -> usize {
        let end = |(at, character): (usize, char)| {
            character == self.quote
                || row_end.contains(character)
                || text[at..].starts_with(&self.separator)
        };
        let found = text.char_indices().find(|&place| end(place));
        found.map_or(text.len(), |(at, _)| at)
    }

    /// The value of a text in quotes, of which the first is passed already, and what follows it.
    fn quoted<'a>(&self, text: &'a str, arena: &'a Arena) -> Result<(&'a str, &'a str), Malformed> {
        let mut unescaped: Option<ArenaString<'a>> = None;
        let mut rest = text;
        loop {
            let close = rest.find(self.quote).ok_or(Malformed)?;
            let after = &rest[close + self.quote.len_utf8()..];
            let Some(next) = after.strip_prefix(self.quote) else {
                let value = match unescaped {
                    None => &rest[..close],
                    Some(mut value) => {
                        value.push_str(&rest[..close]);
                        value.into_bump_str()
                    }
                };
                return Ok((value, after));
            };
            // Two quotes stand for one.
            let value = unescaped.get_or_insert_with(|| ArenaString::new_in(arena));
            value.push_str(&rest[..close]);
            value.push(self.quote);
            rest = next;
        }
    }
}

/// What ends rows: the first line end there is, wherever it stands.
fn row_separator(text: &str) -> &'static str {
    match text.find(['\r', '\n']) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(
        separator: &str,
        quote: &str,
        text: &str,
    ) -> Result<Option<Vec<Option<String>>>, Malformed> {
        let arena = Arena::new();
        let dialect = Dialect::new(separator, quote).unwrap();
        let row = dialect.first_row(text, &arena)?;
        Ok(row.map(|values| {
            values
                .iter()
                .map(|value| value.map(str::to_owned))
                .collect()
        }))
    }

    #[test]
    fn rows_are_read_as_ruby_reads_them() {
        let cases: [(&str, &[Option<&str>]); 12] = [
            ("a,b", &[Some("a"), Some("b")]),
            ("a,,", &[Some("a"), None, None]),
            ("\"\",b", &[Some(""), Some("b")]),
            ("\"a,\"\"b\"\"\",c", &[Some("a,\"b\""), Some("c")]),
            ("\"a\nb\",c", &[Some("a\nb"), Some("c")]),
            ("a,b\nc,d", &[Some("a"), Some("b")]),
            ("a,b\r\n", &[Some("a"), Some("b")]),
            ("a,b\rc", &[Some("a"), Some("b")]),
            ("\"a\nb\",c\r\nd", &[Some("a\nb"), Some("c\r")]),
            ("\n", &[]),
            (" a , b", &[Some(" a "), Some(" b")]),
            ("ä,ö", &[Some("ä"), Some("ö")]),
        ];
        for (text, want) in cases {
            let want = want.iter().map(|value| value.map(str::to_owned)).collect();
            assert_eq!(row(",", "\"", text), Ok(Some(want)), "{text:?}");
        }
        assert_eq!(row(",", "\"", ""), Ok(None));
    }

    #[test]
    fn what_ruby_refuses_is_refused() {
        for text in [
            "\"a",
            "a\"b\"",
            "\"a\"b,c",
            "a,\"b\"\"",
            "\"a\r\nb\",c\nd",
            "a\nb\r".trim_end(),
        ] {
            let malformed = row(",", "\"", text) == Err(Malformed);
            assert_eq!(malformed, text != "a\nb", "{text:?}");
        }
    }

    #[test]
    fn separators_and_quotes_can_be_chosen() {
        let values = |texts: &[&str]| {
            Ok(Some(
                texts.iter().map(|text| Some((*text).to_owned())).collect(),
            ))
        };
        assert_eq!(row("||", "'", "a|b||'c||d'"), values(&["a|b", "c||d"]));
        assert_eq!(row(",", "\\x00", "a,\"b\" c"), values(&["a", "\"b\" c"]));
        assert!(Dialect::new("", "\"").is_none());
        assert!(Dialect::new(",", "ab").is_none());
        assert!(Dialect::new(",", "").is_none());
    }
}
