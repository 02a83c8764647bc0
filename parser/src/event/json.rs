//! Writing events as JSON.

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
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    while let Some(at) = first_special(rest) {
        push_short(out, &rest[..at]);
        write_escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    push_short(out, rest);
    out.push(b'"');
}

/// Appends bytes. Most keys and many values are short: a call of `memcpy` would cost more than copying them
/// here, in two words that overlap.
#[inline]
fn push_short(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > 16 {
        return out.extend_from_slice(bytes);
    }
    let end = out.len() + bytes.len();
    if let (Some(head), Some(tail)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        out.extend_from_slice(head);
        out.truncate(end - 8);
        out.extend_from_slice(tail);
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        out.extend_from_slice(head);
        out.truncate(end - 4);
        out.extend_from_slice(tail);
    } else {
        bytes.iter().for_each(|&byte| out.push(byte));
    }
}

/// Where the first byte that needs an escape is. Eight bytes are tested at once; the last eight overlap
/// those before, so that no byte is tested by itself but in the shortest strings.
#[inline]
fn first_special(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk() {
        let specials = specials(u64::from_le_bytes(*word));
        if specials != 0 {
            return Some(at + first_marked(specials));
        }
        at += 8;
    }
    if at == bytes.len() {
        return None;
    }
    if let Some(word) = bytes.last_chunk() {
        let specials = specials(u64::from_le_bytes(*word));
        return (specials != 0).then(|| bytes.len() - 8 + first_marked(specials));
    }
    if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [head, tail] = [head, tail].map(|half| u64::from(u32::from_le_bytes(*half)));
        let specials = specials(head | (tail << 32));
        return (specials != 0).then(|| match first_marked(specials) {
            in_head @ 0..4 => in_head,
            in_tail => bytes.len() + in_tail - 8,
        });
    }
    bytes.iter().position(|&byte| needs_escape(byte))
}

/// Marks the highest bit of each byte that needs an escape. Bytes above the lowest marked one may be marked
/// without need, as the subtractions borrow from them.
#[inline]
fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGH
}

#[inline]
fn first_marked(specials: u64) -> usize {
    (specials.trailing_zeros() / 8) as usize
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

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
            return write_code(out, byte);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// In noise one byte in eight is such a character: `write!` took a tenth of all that is done with it.
fn write_code(out: &mut Vec<u8>, byte: u8) {
    let digit = |half: u8| b"0123456789ABCDEF"[usize::from(half & 15)];
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_control_character_is_written_in_the_one_way() {
        for byte in 0..0x20_u8 {
            let mut out = Vec::new();
            write_json_string(&mut out, &char::from(byte).to_string());
            let short = match byte {
                0x08 => "\\b".to_owned(),
                0x09 => "\\t".to_owned(),
                0x0a => "\\n".to_owned(),
                0x0c => "\\f".to_owned(),
                0x0d => "\\r".to_owned(),
                _ => format!("\\u{byte:04X}"),
            };
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{short}\""));
        }
    }

    #[test]
    fn strings_are_escaped_wherever_the_special_byte_stands() {
        for at in 0..70 {
            for special in [
                '"', '\\', '\n', '\u{1}', '\u{1f}', '\u{20}', '!', '#', '\u{7f}', '\u{a2}',
                '\u{dc}',
            ] {
                for tail in ["", "t", "tail", "\"", "a long tail \\ with\tmore"] {
                    let text = "é".repeat(at % 3) + &"x".repeat(at) + &special.to_string() + tail;
                    let mut out = Vec::new();
                    write_json_string(&mut out, &text);
                    assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
                    let plain = text.bytes().filter(|&byte| !needs_escape(byte)).count();
                    let escapes = out.iter().filter(|&&byte| byte == b'\\').count();
                    assert!(out.len() <= plain + 2 + 6 * escapes, "{text:?}");
                }
            }
        }
    }
}
