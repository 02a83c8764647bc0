//! Values as Ruby's `to_s` and `inspect` print them, which filters written in Ruby see.

use std::io::Write;

use super::{Arena, ArenaString, Value, push_float_ruby};
use crate::regex::is_printable;

/// The value as text, as Ruby's `to_s` has it: null is empty, an object is `{"a"=>1}`. A string is
/// itself, without a copy.
pub fn ruby_text<'t, 'v: 't>(value: &Value<'v>, arena: &'t Arena) -> &'t str {
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
        Value::Str(text) => push_quoted_ruby(out, text),
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
                push_quoted_ruby(out, key);
                out.extend_from_slice(b"=>");
                push_inspected(out, value);
            }
            out.push(b'}');
        }
    }
}

/// A text in quotes, as Ruby's `String#inspect` has it.
pub(crate) fn push_quoted_ruby(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped_ruby(out, text.as_bytes());
    out.push(b'"');
}

/// Appends what Ruby's `String#inspect` has within the quotes: quotes, backslashes, what cannot be printed, `#` where it would
/// begin an interpolation, and bytes that are not UTF-8 are escaped.
pub(crate) fn push_escaped_ruby(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        loop {
            let plain = rest.bytes().position(|byte| !is_plain(byte));
            let (plain, special) = rest.split_at(plain.unwrap_or(rest.len()));
            out.extend_from_slice(plain.as_bytes());
            let mut characters = special.chars();
            let Some(character) = characters.next() else {
                break;
            };
            rest = characters.as_str();
            push_escaped_character(out, character, rest.bytes().next());
        }
        for &byte in chunk.invalid() {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
            out.extend_from_slice(&[b'\\', b'x', high, low]);
        }
    }
}

/// Whether the byte is a character that stands for itself whatever follows it.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'#')
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn push_escaped_character(out: &mut Vec<u8>, character: char, next: Option<u8>) {
    let escape: &[u8] = match character {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        '\x07' => b"\\a",
        '\x08' => b"\\b",
        '\x0b' => b"\\v",
        '\x0c' => b"\\f",
        '\x1b' => b"\\e",
        '#' if matches!(next, Some(b'{' | b'$' | b'@')) => b"\\#",
        other if is_printable(other) => {
            return out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
        }
        other => {
            let code = other as u32;
            if code > 0xFFFF {
                let _ = write!(out, "\\u{{{code:X}}}");
            } else {
                let digits = [12, 8, 4, 0].map(|shift| HEX[(code >> shift & 15) as usize]);
                out.extend_from_slice(b"\\u");
                out.extend_from_slice(&digits);
            }
            return;
        }
    };
    out.extend_from_slice(escape);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Fractions, parse};

    /// As JRuby 9.4 printed them.
    #[test]
    fn what_cannot_be_printed_is_escaped() {
        let cases: [(&[u8], &str); 6] = [
            (
                b"a\0\x1e\x07\x08\x0b\x0c\x1b\x7f\xff",
                r"a\u0000\u001E\a\b\v\f\e\u007F\xFF",
            ),
            (
                "\u{80}\u{a0}\u{200b}\u{2028}".as_bytes(),
                "\\u0080\u{a0}\u{200b}\\u2028",
            ),
            (
                "\u{1f600}\u{10ffff}\u{e000}".as_bytes(),
                "\u{1f600}\\u{10FFFF}\u{e000}",
            ),
            (b"#{ #$ #@ #a #", r"\#{ \#$ \#@ #a #"),
            (b"\"\\\r\n\t", r#"\"\\\r\n\t"#),
            (b"\xc3(", r"\xC3("),
        ];
        for (bytes, text) in cases {
            let mut out = Vec::new();
            push_escaped_ruby(&mut out, bytes);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

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
