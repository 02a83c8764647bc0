//! `rubydebug`: events for reading, as Ruby's awesome_print shows them (source: logstash-codec-rubydebug).

use std::io::Write;

use crate::codec::{BuildCodec, Codec, DecodeContext, Direction, EncodeError};
use crate::event::{Event, Object, Value, push_float_ruby, push_quoted_ruby};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// Events laid out for reading, one field in each line.
    pub struct RubydebugOptions for Codec "rubydebug" {
        /// Show `@metadata` too.
        metadata: bool = false,
    }
}

/// Events laid out for reading.
pub struct Rubydebug {
    options: RubydebugOptions,
}

impl BuildCodec for Rubydebug {
    type Options = RubydebugOptions;

    const DIRECTION: Direction = Direction::Encode;

    fn build(options: RubydebugOptions, _: &mut Settings<'_>, _: EcsCompatibility) -> Option<Self> {
        Some(Self { options })
    }
}

impl Codec for Rubydebug {
    /// Not reached: the codec is refused on inputs.
    fn decode<'a>(&self, _payload: &'a [u8], _context: &mut DecodeContext<'a, '_>) {}

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.options.metadata && !event.metadata().is_empty() {
            let mut all = event.fields().clone();
            all.set("@metadata", Value::Object(event.metadata().clone()));
            write_object(out, &all, 0);
        } else {
            write_object(out, event.fields(), 0);
        }
        out.push(b'\n');
        Ok(())
    }
}

const INDENT: usize = 4;

/// Keys are aligned at their right end.
fn write_object(out: &mut Vec<u8>, object: &Object<'_>, indent: usize) {
    if object.is_empty() {
        return out.extend_from_slice(b"{}");
    }
    let mut quoted = Vec::new();
    let keys: Vec<Vec<u8>> = object
        .iter()
        .map(|(key, _)| {
            quoted.clear();
            push_quoted_ruby(&mut quoted, key);
            quoted.clone()
        })
        .collect();
    let width = |key: &[u8]| String::from_utf8_lossy(key).chars().count();
    let widest = keys.iter().map(|key| width(key)).max().unwrap_or(0);
    out.extend_from_slice(b"{\n");
    for (at, (key, (_, value))) in keys.iter().zip(object.iter()).enumerate() {
        if at > 0 {
            out.extend_from_slice(b",\n");
        }
        pad(out, indent + INDENT + widest - width(key));
        out.extend_from_slice(key);
        out.extend_from_slice(b" => ");
        write_value(out, value, indent + INDENT);
    }
    out.push(b'\n');
    pad(out, indent);
    out.push(b'}');
}

fn write_value(out: &mut Vec<u8>, value: &Value<'_>, indent: usize) {
    match value {
        Value::Null => out.extend_from_slice(b"nil"),
        Value::Float(number) => push_float_ruby(out, *number),
        Value::Timestamp(timestamp) => timestamp.write_iso8601(out),
        Value::Object(object) => write_object(out, object, indent),
        Value::Array(values) if !values.is_empty() => {
            let digits = (values.len() - 1).to_string().len();
            out.extend_from_slice(b"[\n");
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b",\n");
                }
                pad(out, indent + INDENT);
                let _ = write!(out, "[{at:>digits$}] ");
                write_value(out, value, indent + INDENT);
            }
            out.push(b'\n');
            pad(out, indent);
            out.push(b']');
        }
        Value::Str(text) => push_quoted_ruby(out, text),
        other => other.write_json(out),
    }
}

fn pad(out: &mut Vec<u8>, width: usize) {
    out.extend(std::iter::repeat_n(b' ', width));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::default_codec;
    use crate::event::{Arena, Array};
    use crate::time::Timestamp;

    #[test]
    fn an_event_prints_as_awesome_print_lays_it_out() {
        let arena = Arena::new();
        let mut event = Event::new(&arena, Timestamp::from_millis(0));
        let mut nested = Object::new(&arena);
        nested.push("n", Value::Null);
        event.fields_mut().push("host", Value::Object(nested));
        event.tag("a");
        event.tag("b");
        event
            .fields_mut()
            .push("none", Value::Array(Array::new_in(&arena)));
        let mut out = Vec::new();
        let codec = default_codec("rubydebug", EcsCompatibility::V8).unwrap();
        codec.encode(&event, &mut out).unwrap();
        let expected = r#"{
    "@timestamp" => 1970-01-01T00:00:00.000Z,
      "@version" => "1",
          "host" => {
        "n" => nil
    },
          "tags" => [
        [0] "a",
        [1] "b"
    ],
          "none" => []
}
"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
