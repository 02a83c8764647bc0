//! Writing events as JSON.

use std::io::Write;

use super::{Event, Object, Value, push_float};

/// Appends the event as one JSON object without line breaks; `@metadata` is left out.
pub fn write_json(out: &mut Vec<u8>, event: &Event<'_>) {
    write_object(out, event.fields());
}

impl Value<'_> {
    /// Appends the value as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Int(number) => {
                out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            }
            Value::BigInt(digits) | Value::Decimal(digits) => {
                out.extend_from_slice(digits.as_bytes());
            }
            // JSON has no NaN; Logstash's writer quotes it too.
            Value::Float(number) if !number.is_finite() => {
                out.push(b'"');
                push_float(out, *number);
                out.push(b'"');
            }
            Value::Float(number) => push_float(out, *number),
            Value::Str(text) => write_json_string(out, text),
            Value::Timestamp(timestamp) => {
                out.push(b'"');
                timestamp.write_iso8601(out);
                out.push(b'"');
            }
            Value::Array(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write_json(out);
                }
                out.push(b']');
            }
            Value::Object(object) => write_object(out, object),
        }
    }
}

fn write_object(out: &mut Vec<u8>, object: &Object<'_>) {
    out.push(b'{');
    for (at, (key, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json_string(out, key);
        out.push(b':');
        value.write_json(out);
    }
    out.push(b'}');
}

/// Appends a string with its quotes; escapes what JSON demands and nothing else.
pub fn write_json_string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        at += plain_prefix(&bytes[at..]);
        let Some(&byte) = bytes.get(at) else { break };
        out.extend_from_slice(&bytes[copied..at]);
        write_escape(out, byte);
        at += 1;
        copied = at;
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

const LANES: usize = 16;

/// How many bytes from the start need no escape. Whole lanes are tested without a branch per byte,
/// which the compiler turns into vector instructions.
#[inline]
fn plain_prefix(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(lane) = bytes[at..].first_chunk::<LANES>() {
        let special = lane
            .iter()
            .fold(0u8, |any, &byte| any | u8::from(needs_escape(byte)));
        if special != 0 {
            break;
        }
        at += LANES;
    }
    at + bytes[at..]
        .iter()
        .position(|&byte| needs_escape(byte))
        .unwrap_or(bytes.len() - at)
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cold]
fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let _ = write!(out, "\\u{byte:04X}");
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_wherever_the_special_byte_stands() {
        for at in 0..70 {
            for special in ['"', '\\', '\n', '\u{1}', '\u{1f}'] {
                let text: String =
                    "é".repeat(at % 3) + &"x".repeat(at) + &special.to_string() + "tail";
                let mut out = Vec::new();
                write_json_string(&mut out, &text);
                assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            }
        }
    }
}
