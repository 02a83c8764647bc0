//! Templates, which Logstash calls sprintf: `%{field}`, `%{[a][b]}`, `%{+YYYY.MM.dd}`, `%{{yyyy-MM-dd}}`,
//! `%{{TIME_NOW}}`.
//!
//! A template is compiled once, with the configuration. One without references renders to itself,
//! one that is a single reference to a string renders to that string: neither copies anything.

use super::{ArenaString, Event, FieldRef, FieldRefError, Value, intern, push_float};
use crate::time::{DateFormat, DateFormatError};

/// A text with references to fields and dates.
#[derive(Clone, Debug)]
pub struct Template {
    source: &'static str,
    parts: Vec<Part>,
    error: Option<TemplateError>,
}

/// A template that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `%{a[b}`
    #[error(transparent)]
    Field(#[from] FieldRefError),
    /// `%{+QQQ}`
    #[error(transparent)]
    Date(#[from] DateFormatError),
    /// `%{{yyyy}`
    #[error("`{0}` lacks a closing brace: write `%{{{{pattern}}}}`")]
    Unclosed(String),
}

#[derive(Clone, Debug)]
enum Part {
    Literal(&'static str),
    Field {
        field: FieldRef<'static>,
        /// As written, for an event that has no such field.
        written: &'static str,
    },
    /// Nothing for an event without `@timestamp`.
    Date(DateFormat),
    /// `%{+%s}`, `%{+}` and `%{}`
    EpochSeconds,
    /// `%{{TIME_NOW}}`
    Now,
    /// The whole of a template that cannot be compiled.
    Invalid(&'static str),
}

impl Template {
    /// Compiles a template. What looks like a reference but is not closed is plain text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let source = intern(text);
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some(open) = rest.find("%{") {
            let Some(length) = reference_length(&rest[open..]) else {
                break;
            };
            if rest[open..].starts_with("%{{")
                && open + length == rest.len()
                && !rest.ends_with("}}")
            {
                return Err(TemplateError::Unclosed(rest[open..].to_owned()));
            }
            if open > 0 {
                parts.push(Part::Literal(&rest[..open]));
            }
            parts.push(Part::reference(&rest[open..open + length])?);
            rest = &rest[open + length..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest));
        }
        Ok(Self {
            source,
            parts,
            error: None,
        })
    }

    /// Like [`parse`](Self::parse), for where Logstash finds out only with an event: a template that
    /// cannot be compiled renders to itself and tells so by [`error`](Self::error).
    pub fn lenient(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|error| {
            let source = intern(text);
            Self {
                source,
                parts: vec![Part::Invalid(source)],
                error: Some(error),
            }
        })
    }

    /// Why it cannot be rendered.
    pub fn error(&self) -> Option<&TemplateError> {
        self.error.as_ref()
    }

    /// As written in the configuration.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The text, where the template holds no references.
    pub fn as_constant(&self) -> Option<&'static str> {
        match self.parts[..] {
            [] | [Part::Literal(_)] => Some(self.source),
            _ => None,
        }
    }

    /// Whether it holds no references.
    pub fn is_constant(&self) -> bool {
        self.as_constant().is_some()
    }

    /// The text for one event. References to missing or null fields stay as written.
    pub fn render<'a>(&self, event: &Event<'a>) -> &'a str {
        if let Some(constant) = self.as_constant() {
            return constant;
        }
        if let [Part::Field { field, .. }] = self.parts[..]
            && let Some(Value::Str(text)) = event.get(field)
        {
            return text;
        }
        let mut out = Vec::new();
        self.render_into(event, &mut out);
        let mut text = ArenaString::with_capacity_in(out.len(), event.arena());
        text.push_str(&String::from_utf8_lossy(&out));
        text.into_bump_str()
    }

    /// Like [`render`](Self::render), but a template that cannot be compiled is an error.
    pub fn try_render<'a>(&self, event: &Event<'a>) -> Result<&'a str, &TemplateError> {
        match &self.error {
            Some(error) => Err(error),
            None => Ok(self.render(event)),
        }
    }

    /// Appends the text for one event; `false` if a reference stayed unresolved.
    pub fn render_into(&self, event: &Event<'_>, out: &mut Vec<u8>) -> bool {
        let mut resolved = true;
        for part in &self.parts {
            resolved &= part.render_into(event, out);
        }
        resolved
    }
}

impl Part {
    fn reference(written: &'static str) -> Result<Self, TemplateError> {
        let inner = &written[2..written.len() - 1];
        if let Some(pattern) = inner
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            if pattern == "TIME_NOW" {
                return Ok(Part::Now);
            }
            let format = DateFormat::java(pattern)?;
            return Ok(Part::Date(format));
        }
        match inner.strip_prefix('+') {
            Some("" | "%" | "%s") => Ok(Part::EpochSeconds),
            Some(pattern) => {
                let format = DateFormat::joda(pattern)?;
                Ok(Part::Date(format))
            }
            None if inner.is_empty() => Ok(Part::EpochSeconds),
            None => {
                let field = FieldRef::parse(inner)?;
                Ok(Part::Field { field, written })
            }
        }
    }

    fn render_into(&self, event: &Event<'_>, out: &mut Vec<u8>) -> bool {
        let written = match self {
            Part::Literal(text) => {
                out.extend_from_slice(text.as_bytes());
                return true;
            }
            Part::Field { field, written } if field.is_all_metadata() => {
                if let Some(all) = event.get_owned(*field) {
                    all.write_json(out);
                    return true;
                }
                written
            }
            Part::Field { field, written } => match event.get(*field) {
                None | Some(Value::Null) => written,
                Some(value) => {
                    push_text(out, value);
                    return true;
                }
            },
            Part::Invalid(written) => written,
            Part::Date(format) => {
                let Some(timestamp) = event.timestamp() else {
                    return false;
                };
                format.write(timestamp, out);
                return true;
            }
            Part::Now => {
                // An event that went through no pipeline has no other time.
                let Some(now) = event.now().or_else(|| event.timestamp()) else {
                    return false;
                };
                now.write_iso8601(out);
                return true;
            }
            Part::EpochSeconds => {
                let Some(timestamp) = event.timestamp() else {
                    return false;
                };
                let seconds = timestamp.seconds();
                out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
                return true;
            }
        };
        out.extend_from_slice(written.as_bytes());
        false
    }
}

/// The length of the reference that `text` starts with, up to and with its closing brace.
fn reference_length(text: &str) -> Option<usize> {
    let close = text.find('}')?;
    let java_date = text.starts_with("%{{") && text[close + 1..].starts_with('}');
    Some(close + 1 + usize::from(java_date))
}

/// How a template prints a value: objects as JSON, the elements of an array with commas between
/// (source: `org.logstash.StringInterpolation`).
fn push_text(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Str(text) => out.extend_from_slice(text.as_bytes()),
        Value::Float(number) => push_float(out, *number),
        Value::Timestamp(timestamp) => timestamp.write_iso8601(out),
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                match value {
                    Value::Null => {}
                    Value::Array(_) => push_text(out, value),
                    value => push_java(out, value),
                }
            }
        }
        other => other.write_json(out),
    }
}

/// How Java prints a value, such as an element of a joined list: objects as `{a=1, b=2}`, lists as `[1, 2]`.
pub(crate) fn push_java(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Object(object) => {
            out.push(b'{');
            for (at, (key, value)) in object.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                out.extend_from_slice(key.as_bytes());
                out.push(b'=');
                push_java(out, value);
            }
            out.push(b'}');
        }
        Value::Array(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                push_java(out, value);
            }
            out.push(b']');
        }
        other => push_text(out, other),
    }
}
