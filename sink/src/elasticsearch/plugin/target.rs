//! Which index or data stream an event goes to.

use kelp_parser::event::{Event, Template, Value};

use crate::reason::Reason;

/// Where events go.
#[derive(Debug)]
pub(super) enum Target {
    /// An index whose name is the same for all events.
    Fixed(&'static str),
    /// An index whose name holds nothing but the event's date: it is the same for a whole day.
    Daily(Template),
    /// An index whose name is made of the event's fields.
    Rendered(Template),
    /// A data stream.
    DataStream(DataStream),
}

/// A data stream (source: `data_stream_support.rb` of logstash-output-elasticsearch).
#[derive(Debug)]
pub(super) struct DataStream {
    pub(super) kind: &'static str,
    pub(super) dataset: String,
    pub(super) namespace: String,
    /// The event's own `data_stream.*` fields choose the stream.
    pub(super) auto_routing: bool,
    /// Those fields are added, and corrected.
    pub(super) sync_fields: bool,
}

impl Target {
    pub(super) fn new(template: Template) -> Self {
        if let Some(name) = template.as_constant() {
            Target::Fixed(name)
        } else if changes_daily(template.source()) {
            Target::Daily(template)
        } else {
            Target::Rendered(template)
        }
    }

    /// What makes every name invalid, as far as that can be said without an event.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Target::Fixed(name) => index_name_problem(name),
            _ => None,
        }
    }

    /// Appends the name for an event.
    pub(super) fn name(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
        let start = out.len();
        let resolved = match self {
            Target::Fixed(name) => {
                out.extend_from_slice(name.as_bytes());
                true
            }
            Target::Daily(template) | Target::Rendered(template) => {
                template.render_into(event, out)
            }
            Target::DataStream(stream) => {
                stream.name(event, out);
                true
            }
        };
        let name = String::from_utf8_lossy(&out[start..]);
        // Values can bring references, too; Logstash refuses these names as well.
        if !resolved || has_reference(&name) {
            let text =
                format!("the index name `{name}` holds a reference that the event cannot resolve");
            return Err(Reason::unsent("index_name_unresolved", text));
        }
        match index_name_problem(&name) {
            None => Ok(()),
            Some(problem) => {
                let text = format!("`{name}` is no valid index name: it {problem}");
                Err(Reason::unsent("invalid_index_name", text))
            }
        }
    }
}

fn has_reference(name: &str) -> bool {
    name.find("%{").is_some_and(|at| name[at..].contains('}'))
}

impl DataStream {
    fn name(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        let own = match event.fields().get("data_stream") {
            Some(Value::Object(own)) if self.auto_routing => Some(own),
            _ => None,
        };
        for (at, (part, default)) in self.parts().into_iter().enumerate() {
            if at > 0 {
                out.push(b'-');
            }
            match own.and_then(|own| own.get(part)) {
                None | Some(Value::Null | Value::Bool(false)) => {
                    out.extend_from_slice(default.as_bytes());
                }
                Some(Value::Str(text)) => out.extend_from_slice(text.as_bytes()),
                Some(other) => other.write_json(out),
            }
        }
    }

    /// The names and values of the fields `data_stream.*`.
    pub(super) fn parts(&self) -> [(&'static str, &str); 3] {
        [
            ("type", self.kind),
            ("dataset", &self.dataset),
            ("namespace", &self.namespace),
        ]
    }
}

/// Whether a template holds dates and nothing else, and none of the dates changes within a day (UTC).
fn changes_daily(source: &str) -> bool {
    let mut rest = source;
    while let Some(open) = rest.find("%{") {
        let inner = &rest[open + 2..];
        let Some(close) = inner.find('}') else {
            return true;
        };
        let Some(pattern) = inner[..close].strip_prefix('+') else {
            return false;
        };
        let is_daily =
            |character: char| !character.is_ascii_alphabetic() || "GCYyxwMdDeE".contains(character);
        if pattern.is_empty() || !pattern.chars().all(is_daily) || pattern.starts_with('%') {
            return false;
        }
        rest = &inner[close + 1..];
    }
    true
}

/// What is wrong with an index name, by Elasticsearch's rules
/// (source: its documentation of the create index API).
pub(super) fn index_name_problem(name: &str) -> Option<&'static str> {
    if name.starts_with('<') {
        // Date math: only Elasticsearch knows what it resolves to.
        return None;
    }
    match name {
        "" => return Some("is empty"),
        "." | ".." => return Some("is `.` or `..`"),
        _ if name.len() > 255 => return Some("has more than 255 bytes"),
        _ if name.starts_with(['-', '_', '+']) => return Some("starts with `-`, `_` or `+`"),
        _ => {}
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase())
        || (!name.is_ascii() && name.chars().any(char::is_uppercase))
    {
        return Some("has an upper-case letter");
    }
    let is_refused = |byte: u8| {
        matches!(
            byte,
            b'\\' | b'/' | b'*' | b'?' | b'"' | b'<' | b'>' | b'|' | b' ' | b',' | b'#' | b':'
        )
    };
    name.bytes()
        .any(|byte| is_refused(byte) || byte < 0x20)
        .then_some("holds one of \\ / * ? \" < > | , # : or a space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_change_once_a_day_are_known() {
        for daily in [
            "a-%{+YYYY.MM.dd}",
            "%{+yyyy}-%{+MM}",
            "a-%{+xxxx.ww}",
            "a%{+YYYY.MM}",
        ] {
            let target = Target::new(Template::parse(daily).unwrap());
            assert!(matches!(target, Target::Daily(_)), "{daily}");
        }
        for other in [
            "a-%{+YYYY.MM.dd.HH}",
            "%{a}-%{+YYYY}",
            "%{+YYYY'T'}",
            "%{+}",
            "%{{yyyy}}",
        ] {
            let target = Target::new(Template::parse(other).unwrap());
            assert!(matches!(target, Target::Rendered(_)), "{other}");
        }
        assert!(matches!(
            Target::new(Template::parse("logs").unwrap()),
            Target::Fixed("logs")
        ));
    }

    #[test]
    fn index_names() {
        for valid in [
            "a",
            "logs-2015.05.17",
            ".hidden",
            "é",
            "<logs-{now/d}>",
            "a_b+c-d",
        ] {
            assert_eq!(index_name_problem(valid), None, "{valid}");
        }
        let long = "x".repeat(256);
        for invalid in [
            "", ".", "..", "_a", "-a", "+a", "A", "É", "a b", "a/b", "a*", "a:b", "a#", "a\nb",
            &long,
        ] {
            assert!(index_name_problem(invalid).is_some(), "{invalid}");
        }
    }
}
