//! The part of KQL that the dashboards use: `field: value`, lists of values, `*`, comparisons, `and`, `or`, `not`, parentheses.
//!
//! A bare value without a field is refused: it would search all fields.

use serde_json::{Value, json};

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kql {
    /// Every document
    All,
    /// All of them
    And(Vec<Kql>),
    /// Any of them
    Or(Vec<Kql>),
    /// Not this
    Not(Box<Kql>),
    /// The field has this value, in which `*` stands for any text
    Is(String, String),
    /// The field has a value
    Exists(String),
    /// The field compares so (`gt`, `gte`, `lt`, `lte`)
    Compares(String, &'static str, String),
}

/// Text that is no KQL.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{query}` is no KQL: {reason} at {at}")]
pub struct KqlError {
    query: String,
    reason: &'static str,
    at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

/// The longest come first.
const SIGNS: &[&str] = &[">=", "<=", ":", ">", "<", "(", ")"];

struct Parser<'q> {
    query: &'q str,
    tokens: Vec<(usize, Token)>,
    next: usize,
}

impl Kql {
    /// Reads a query; an empty one is all.
    pub fn parse(query: &str) -> Result<Self, KqlError> {
        let mut parser = Parser {
            query,
            tokens: tokens(query)?,
            next: 0,
        };
        if parser.tokens.is_empty() {
            return Ok(Self::All);
        }
        let parsed = parser.or()?;
        match parser.peek() {
            None => Ok(parsed),
            Some(_) => Err(parser.error("this is one too many")),
        }
    }

    /// The fields that it asks for.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::All => Vec::new(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Not(part) => part.fields(),
            Self::Is(field, _) | Self::Exists(field) | Self::Compares(field, ..) => vec![field],
        }
    }

    /// The same in Elasticsearch's query language.
    pub fn query(&self) -> Value {
        let all = |parts: &[Kql]| parts.iter().map(Self::query).collect::<Vec<_>>();
        match self {
            Self::All => json!({"match_all": {}}),
            Self::And(parts) => json!({"bool": {"filter": all(parts)}}),
            Self::Or(parts) => json!({"bool": {"should": all(parts), "minimum_should_match": 1}}),
            Self::Not(part) => json!({"bool": {"must_not": part.query()}}),
            Self::Is(field, value) if value.contains('*') => {
                json!({"wildcard": {field: {"value": value}}})
            }
            Self::Is(field, value) => json!({"match": {field: value}}),
            Self::Exists(field) => json!({"exists": {"field": field}}),
            Self::Compares(field, how, value) => json!({"range": {field: {*how: value}}}),
        }
    }

    /// Whether a document is among what it asks for.
    pub fn holds(&self, document: &Value) -> bool {
        match self {
            Self::All => true,
            Self::And(parts) => parts.iter().all(|part| part.holds(document)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(document)),
            Self::Not(part) => !part.holds(document),
            Self::Is(field, wanted) => values(document, field).iter().any(|value| {
                let value = text(value);
                match wanted.split_once('*') {
                    Some((head, tail)) => {
                        value.len() >= head.len() + tail.len()
                            && value.starts_with(head)
                            && value.ends_with(tail)
                    }
                    None => value == *wanted,
                }
            }),
            Self::Exists(field) => !values(document, field).is_empty(),
            Self::Compares(field, how, limit) => {
                let Ok(limit) = limit.parse::<f64>() else {
                    return false;
                };
                let numbers = values(document, field);
                let mut numbers = numbers.iter().filter_map(|value| value.as_f64());
                numbers.any(|number| match *how {
                    "gt" => number > limit,
                    "gte" => number >= limit,
                    "lt" => number < limit,
                    _ => number <= limit,
                })
            }
        }
    }
}

/// The values of a field, whose parts may be nested or joined by dots; an array has several.
pub fn values<'d>(document: &'d Value, field: &str) -> Vec<&'d Value> {
    let found = match document.get(field) {
        Some(found) => Some(found),
        None => field
            .split('.')
            .try_fold(document, |value, part| value.get(part)),
    };
    match found {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values.iter().filter(|value| !value.is_null()).collect(),
        Some(value) => vec![value],
    }
}

/// A value as a keyword.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn tokens(query: &str) -> Result<Vec<(usize, Token)>, KqlError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = query.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push((at, Token::Sign(sign)));
            at += sign.len();
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').ok_or_else(|| KqlError {
                query: query.to_owned(),
                reason: "a quotation without an end",
                at,
            })?;
            tokens.push((at, Token::Quoted(quoted[..end].to_owned())));
            at += end + 2;
        } else {
            let ends = |character: char| character.is_whitespace() || ":<>()\"".contains(character);
            let end = rest.find(ends).unwrap_or(rest.len());
            tokens.push((at, Token::Word(rest[..end].to_owned())));
            at += end;
        }
    }
    Ok(tokens)
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.next += usize::from(found);
        found
    }

    fn error(&self, reason: &'static str) -> KqlError {
        let at = self
            .tokens
            .get(self.next)
            .map_or(self.query.len(), |(at, _)| *at);
        KqlError {
            query: self.query.to_owned(),
            reason,
            at,
        }
    }

    fn or(&mut self) -> Result<Kql, KqlError> {
        let mut parts = vec![self.and()?];
        while self.takes_word("or") {
            parts.push(self.and()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Kql::Or(parts),
        })
    }

    fn and(&mut self) -> Result<Kql, KqlError> {
        let mut parts = vec![self.not()?];
        while self.takes_word("and") {
            parts.push(self.not()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Kql::And(parts),
        })
    }

    fn not(&mut self) -> Result<Kql, KqlError> {
        if self.takes_word("not") {
            return Ok(Kql::Not(Box::new(self.not()?)));
        }
        if self.takes(&Token::Sign("(")) {
            let inner = self.or()?;
            return match self.takes(&Token::Sign(")")) {
                true => Ok(inner),
                false => Err(self.error("a parenthesis without an end")),
            };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Kql, KqlError> {
        let Some(Token::Word(field)) = self.take() else {
            self.next -= 1;
            return Err(self.error("a field was expected"));
        };
        let how = match self.take() {
            Some(Token::Sign(":")) => return self.values_of(&field),
            Some(Token::Sign(">=")) => "gte",
            Some(Token::Sign("<=")) => "lte",
            Some(Token::Sign(">")) => "gt",
            Some(Token::Sign("<")) => "lt",
            _ => {
                self.next -= 1;
                return Err(self.error("a value must follow a field and `:`"));
            }
        };
        match self.take() {
            Some(Token::Word(value) | Token::Quoted(value)) => Ok(Kql::Compares(field, how, value)),
            _ => Err(self.error("a value was expected")),
        }
    }

    /// A value, or several as `(a or b)`.
    fn values_of(&mut self, field: &str) -> Result<Kql, KqlError> {
        match self.take() {
            Some(Token::Word(value)) if value == "*" => Ok(Kql::Exists(field.to_owned())),
            Some(Token::Word(value) | Token::Quoted(value)) => Ok(Kql::Is(field.to_owned(), value)),
            Some(Token::Sign("(")) => {
                let mut parts = vec![self.values_of(field)?];
                while self.takes_word("or") {
                    parts.push(self.values_of(field)?);
                }
                match self.takes(&Token::Sign(")")) {
                    true => Ok(Kql::Or(parts)),
                    false => Err(self.error("a list of values without an end")),
                }
            }
            _ => Err(self.error("a value was expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_meant() {
        let document = json!({"log": {"level": "error"}, "tags": ["_a", "b"], "n": 500});
        for (query, holds) in [
            ("", true),
            ("log.level: error", true),
            ("log.level: (\"error\" or fatal) and n >= 500", true),
            ("n > 500", false),
            ("not log.level: *", false),
            ("tags: _*", true),
            ("nothing: *", false),
            ("log.level: warn or (n < 501 and not tags: c)", true),
        ] {
            let parsed = Kql::parse(query).unwrap();
            assert_eq!(parsed.holds(&document), holds, "{query}");
        }
    }

    #[test]
    fn what_is_no_kql_is_refused_with_its_place() {
        for query in [
            "error",
            "a:",
            "a: (b or",
            "a: \"b",
            "(a: b",
            "a: b c: d",
            "and a: b",
            "a >",
        ] {
            let error = Kql::parse(query).unwrap_err().to_string();
            assert!(error.contains("is no KQL"), "{error}");
        }
    }
}
