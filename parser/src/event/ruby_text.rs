//! Values as Ruby's `to_s` and `inspect` print them, which filters written in Ruby see.

use super::{Arena, ArenaString, Value, push_float_ruby};

/// The value as text, as Ruby's `to_s` has it: null is empty, an object is `{"a"=>1}`. A string is
/// itself, without a copy.
pub fn ruby_text<'a>(value: &Value<'a>, arena: &'a Arena) -> &'a str {
    match value {
        Value::Str(text) | Value::BigInt(text) | Value::Decimal(text) => text,
        Value::Null => "",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        other => {
            let mut out = Vec::new();
            push_inspected(&mut out, other);
            ArenaString::from_str_in(&String::from_utf8_lossy(&out), arena).into_bump_str()
        }
    }
}

/// Appends the value as Ruby's `inspect` has it: strings in quotes, null as `nil`.
fn push_inspected(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Null => out.extend_from_slice(b"nil"),
        Value::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Value::Int(number) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
        Value::Float(number) => push_float_ruby(out, *number),
        Value::BigInt(digits) | Value::Decimal(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Timestamp(timestamp) => timestamp.write_iso8601(out),
        Value::Str(text) => push_quoted(out, text),
        Value::Array(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                push_inspected(out, value);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (at, (key, value)) in object.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                push_quoted(out, key);
                out.extend_from_slice(b"=>");
                push_inspected(out, value);
            }
            out.push(b'}');
        }
    }
}

/// Ruby's `String#inspect`: escapes quotes, backslashes, control characters, and `#` where it would
/// begin an interpolation.
fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escape: Option<&[u8]> = match character {
            '"' => Some(b"\\\""),
            '\\' => Some(b"\\\\"),
            '\n' => Some(b"\\n"),
            '\r' => Some(b"\\r"),
            '\t' => Some(b"\\t"),
            '\x07' => Some(b"\\a"),
            '\x08' => Some(b"\\b"),
            '\x0b' => Some(b"\\v"),
            '\x0c' => Some(b"\\f"),
            '\x1b' => Some(b"\\e"),
            '#' if matches!(characters.peek(), Some('{' | '$' | '@')) => Some(b"\\#"),
            _ => None,
        };
        match escape {
            Some(escape) => out.extend_from_slice(escape),
            None if character.is_ascii_control() => {
                out.extend_from_slice(format!("\\u{:04X}", character as u32).as_bytes());
            }
            None => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Fractions, parse};

    #[test]
    fn values_print_as_in_ruby() {
        let cases = [
            (r#""a\"b""#, r#"a"b"#),
            ("null", ""),
            ("true", "true"),
            ("12", "12"),
            ("1.0", "1.0"),
            ("1e20", "1.0e+20"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (
                r#"{"a":1,"b":{"c":[null,"x\ny"]}}"#,
                r#"{"a"=>1, "b"=>{"c"=>[nil, "x\ny"]}}"#,
            ),
            (
                r##"["#{x}","#x","\u0001"]"##,
                r##"["\#{x}", "#x", "\u0001"]"##,
            ),
            ("{}", "{}"),
        ];
        let arena = Arena::new();
        for (json, text) in cases {
            let value = parse(json, &arena, Fractions::Double).unwrap();
            assert_eq!(ruby_text(&value, &arena), text, "{json}");
        }
    }
}
