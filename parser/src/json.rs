//! Reading JSON into values without copying: strings without escapes are slices of the text.
//!
//! As strict as the Jackson parser behind Logstash (no comments, no trailing commas, no control
//! characters in strings), with the bounds that protect it: nesting and nothing else, since the text
//! is already in memory.

mod decimal;

use crate::event::{Arena, ArenaString, Array, FieldLimit, Object, Value};

/// How deep arrays and objects may nest (Jackson's default bound).
const DEPTH_MAX: usize = 1000;

/// What numbers with a fraction or an exponent become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fractions {
    /// Doubles, as Logstash's json codec makes them.
    Double,
    /// Decimals that print as Java's `BigDecimal` does, as Logstash's json filter makes them.
    Decimal,
}

/// A text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {offset}")]
pub struct JsonError {
    /// What was expected or is not allowed.
    pub message: &'static str,
    /// Where, in bytes from the start of the text.
    pub offset: usize,
}

/// Reads one JSON value that is all of `text`; white space around it and a byte order mark before it are allowed.
pub fn parse<'a>(
    text: &'a str,
    arena: &'a Arena,
    fractions: Fractions,
) -> Result<Value<'a>, JsonError> {
    let (value, end) = read(text, arena, fractions, FieldLimit::NONE)?;
    match text.as_bytes()[end..]
        .iter()
        .position(|byte| !is_space(*byte))
    {
        None => Ok(value),
        Some(more) => Err(JsonError {
            message: "unexpected text after the value",
            offset: end + more,
        }),
    }
}

/// Reads the JSON value of an event at the start of `text`; also tells where it ends.
///
/// # Panics
/// When one of its objects has more fields than this thread's events may have, see
/// [`limit_fields`](crate::event::limit_fields).
pub fn parse_prefix<'a>(
    text: &'a str,
    arena: &'a Arena,
    fractions: Fractions,
) -> Result<(Value<'a>, usize), JsonError> {
    read(text, arena, fractions, FieldLimit::of_events())
}

fn read<'a>(
    text: &'a str,
    arena: &'a Arena,
    fractions: Fractions,
    limit: FieldLimit,
) -> Result<(Value<'a>, usize), JsonError> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        arena,
        fractions,
        limit,
    };
    let value = reader.value(0)?;
    Ok((value, reader.at))
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    arena: &'a Arena,
    fractions: Fractions,
    limit: FieldLimit,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

impl<'a> Reader<'a> {
    fn error<T>(&self, message: &'static str) -> Result<T, JsonError> {
        Err(JsonError {
            message,
            offset: self.at,
        })
    }

    /// The next byte that is not white space, or 0 at the end.
    fn peek(&mut self) -> u8 {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !is_space(byte) {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            b'"' => self.string().map(Value::Str),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            0 if self.at >= self.bytes.len() => self.error("unexpected end of the text"),
            _ => self.error("expected a value"),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        let end = self.at + word.len();
        let follows_name = self
            .bytes
            .get(end)
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !self.bytes[self.at..].starts_with(word.as_bytes()) || follows_name {
            return self.error("expected a value");
        }
        self.at = end;
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        if depth >= DEPTH_MAX {
            return self.error("nested too deep");
        }
        self.at += 1;
        let mut values = Array::new_in(self.arena);
        if self.peek() == b']' {
            self.at += 1;
            return Ok(Value::Array(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            match self.peek() {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Value::Array(values));
                }
                _ => return self.error("expected `,` or `]`"),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        if depth >= DEPTH_MAX {
            return self.error("nested too deep");
        }
        self.at += 1;
        let mut fields = Object::with_capacity(self.arena, 8);
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(Value::Object(fields));
        }
        loop {
            if self.peek() != b'"' {
                return self.error("expected a key in quotes");
            }
            let key = self.string()?;
            if self.peek() != b':' {
                return self.error("expected `:`");
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            fields.set(key, value);
            self.limit.check(fields.len());
            match self.peek() {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Value::Object(fields));
                }
                _ => return self.error("expected `,` or `}`"),
            }
        }
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while reader.bytes.get(reader.at).is_some_and(u8::is_ascii_digit) {
                reader.at += 1;
            }
            reader.at - from
        };
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        match digits(self) {
            0 => return self.error("expected a digit"),
            1 => {}
            _ if leading_zero => return self.error("leading zeros are not allowed"),
            _ => {}
        }
        let mut fraction = false;
        if self.bytes.get(self.at) == Some(&b'.') {
            fraction = true;
            self.at += 1;
            if digits(self) == 0 {
                return self.error("expected a digit after the decimal point");
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            fraction = true;
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if digits(self) == 0 {
                return self.error("expected a digit in the exponent");
            }
        }
        let text = &self.text[start..self.at];
        Ok(match (fraction, self.fractions) {
            (false, _) => text.parse().map_or(Value::BigInt(text), Value::Int),
            (true, Fractions::Decimal) => Value::Decimal(decimal::canonical(text, self.arena)),
            (true, Fractions::Double) => Value::Float(text.parse().unwrap_or(f64::NAN)),
        })
    }

    fn string(&mut self) -> Result<&'a str, JsonError> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        match self.bytes.get(self.at) {
            Some(b'"') => {
                let text = &self.text[start..self.at];
                self.at += 1;
                Ok(text)
            }
            Some(b'\\') => self.escaped_string(start),
            Some(_) => self.error("control characters in a string must be escaped"),
            None => self.error("unexpected end of the text in a string"),
        }
    }

    /// Moves to the next quote, backslash or control character.
    fn skip_plain(&mut self) {
        let special = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
        while let Some(lane) = self.bytes[self.at..].first_chunk::<16>() {
            if lane.iter().fold(false, |any, &byte| any | special(byte)) {
                break;
            }
            self.at += 16;
        }
        while self.bytes.get(self.at).is_some_and(|&byte| !special(byte)) {
            self.at += 1;
        }
    }

    fn escaped_string(&mut self, start: usize) -> Result<&'a str, JsonError> {
        let mut out = ArenaString::with_capacity_in(self.at - start + 32, self.arena);
        let mut copied = start;
        loop {
            out.push_str(&self.text[copied..self.at]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out.into_bump_str());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let unescaped = self.escape()?;
                    out.push(unescaped);
                }
                Some(_) => return self.error("control characters in a string must be escaped"),
                None => return self.error("unexpected end of the text in a string"),
            }
            copied = self.at;
            self.skip_plain();
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return self.error("unknown escape"),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `\uXXXX`, a surrogate pair as one character; half a pair becomes the replacement character.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if !(0xD800..0xDC00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before_second = self.at;
        if self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before_second;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let code = digits.iter().try_fold(0, |code, &digit| {
            char::from(digit)
                .to_digit(16)
                .map(|value| code * 16 + value)
        });
        match code {
            Some(code) if digits.len() == 4 => {
                self.at += 4;
                Ok(code)
            }
            _ => self.error("expected four hexadecimal digits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> Result<String, JsonError> {
        let arena = Arena::new();
        let value = parse(text, &arena, Fractions::Decimal)?;
        let mut out = Vec::new();
        value.write_json(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn values_read_and_print_the_same() {
        for text in [
            "null",
            "true",
            r#"{"a":[1,-2,3.50,1E+5,{"b":{}}],"c":"é\n\"\\"}"#,
            "123456789012345678901234567890",
            "[]",
            r#""""#,
        ] {
            assert_eq!(round_trip(text).unwrap(), text);
        }
    }

    #[test]
    fn escapes_and_surrogates_are_decoded() {
        assert_eq!(
            round_trip(r#""\u00e9\/\ud83d\ude00\ud800x""#).unwrap(),
            "\"é/😀\u{fffd}x\""
        );
    }

    #[test]
    fn the_last_value_of_a_repeated_key_wins() {
        assert_eq!(
            round_trip(r#"{"a":1,"b":2,"a":3}"#).unwrap(),
            r#"{"a":3,"b":2}"#
        );
        let many: Vec<String> = (0..100).map(|n| format!("\"k{}\":{n}", n % 50)).collect();
        let printed = round_trip(&format!("{{{}}}", many.join(","))).unwrap();
        assert!(printed.starts_with(r#"{"k0":50,"k1":51"#));
        assert!(printed.ends_with(r#""k49":99}"#));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for (text, offset) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("01", 2),
            ("1.", 2),
            ("nul", 0),
            ("\"a\nb\"", 2),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 3),
            ("{} x", 3),
            ("{'a':1}", 1),
        ] {
            assert_eq!(round_trip(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_overflown() {
        let deep = "[".repeat(100_000);
        assert_eq!(round_trip(&deep).unwrap_err().message, "nested too deep");
        let allowed = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(round_trip(&allowed).unwrap(), allowed);
    }
}
