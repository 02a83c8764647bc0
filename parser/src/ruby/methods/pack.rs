//! `Array#pack` and `String#unpack`: values as bytes and back, in the directives that configurations use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ruby::class::Class;
use crate::ruby::interp::{Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Text, Val};

/// A letter of a format, with how often it applies.
#[derive(Clone, Copy)]
struct Directive {
    letter: char,
    little: Option<bool>,
    count: Count,
}

#[derive(Clone, Copy, PartialEq)]
enum Count {
    One,
    Times(usize),
    All,
}

impl Count {
    fn or(self, all: usize) -> usize {
        match self {
            Count::One => 1,
            Count::Times(count) => count,
            Count::All => all,
        }
    }
}

/// How an integer lies in bytes: how many, signed, the lowest first.
fn layout(directive: Directive) -> Option<(usize, bool, bool)> {
    let little = directive.little.unwrap_or(true);
    Some(match directive.letter {
        'C' => (1, false, true),
        'c' => (1, true, true),
        'n' => (2, false, false),
        'v' => (2, false, true),
        'N' => (4, false, false),
        'V' => (4, false, true),
        'S' => (2, false, little),
        's' => (2, true, little),
        'L' | 'I' => (4, false, little),
        'l' | 'i' => (4, true, little),
        'Q' | 'J' => (8, false, little),
        'q' | 'j' => (8, true, little),
        _ => return None,
    })
}

fn directives(format: &str) -> Vec<Directive> {
    let mut found = Vec::new();
    let mut characters = format.chars().peekable();
    while let Some(letter) = characters.next() {
        if letter.is_whitespace() {
            continue;
        }
        let mut little = None;
        while let Some(&modifier) = characters.peek() {
            match modifier {
                '<' => little = Some(true),
                '>' => little = Some(false),
                '_' | '!' => {}
                _ => break,
            }
            characters.next();
        }
        let mut digits = String::new();
        let mut count = Count::One;
        while let Some(&next) = characters.peek() {
            if next == '*' {
                count = Count::All;
            } else if next.is_ascii_digit() && digits.len() < 9 {
                digits.push(next);
            } else {
                break;
            }
            characters.next();
        }
        if let Ok(times) = digits.parse() {
            count = Count::Times(times);
        }
        found.push(Directive {
            letter,
            little,
            count,
        });
    }
    found
}

impl Run<'_, '_> {
    /// `Array#pack`
    pub(super) fn pack(&mut self, values: &[Val], format: &str) -> Eval {
        let mut out: Vec<u8> = Vec::new();
        let mut values = values.iter().copied();
        let mut utf8 = format.trim_start().starts_with(['U', 'm', 'M']);
        for directive in directives(format) {
            self.steps(1 + directive.count.or(0) / 16)?;
            if let Some((size, _, little)) = layout(directive) {
                utf8 = false;
                for _ in 0..directive.count.or(values.len()) {
                    let bytes = self.packed_integer(values.next())?.to_le_bytes();
                    let start = out.len();
                    out.extend_from_slice(&bytes[..size]);
                    if !little {
                        out[start..].reverse();
                    }
                }
                continue;
            }
            match directive.letter {
                'U' => {
                    for _ in 0..directive.count.or(values.len()) {
                        let code = u32::try_from(self.packed_integer(values.next())?);
                        match code.ok().and_then(char::from_u32) {
                            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                            None => {
                                return self
                                    .raise(Class::RangeError, "pack(U): value out of range");
                            }
                        }
                    }
                }
                'w' | 'x' => out.resize(out.len() + directive.count.or(0), 0),
                'G' | 'g' | 'E' | 'e' | 'D' | 'd' | 'F' | 'f' => {
                    for _ in 0..directive.count.or(values.len()) {
                        let number = match values.next() {
                            Some(value) => self.memory.heap.float(value),
                            None => return self.too_few(),
                        };
                        push_float(&mut out, directive.letter, number.unwrap_or(0.0));
                    }
                }
                'a' | 'A' | 'Z' | 'H' | 'h' | 'B' | 'b' | 'm' | 'M' => {
                    let Some(value) = values.next() else {
                        return self.too_few();
                    };
                    let bytes = match self.memory.heap.text(value) {
                        Some(text) => text.bytes().to_vec(),
                        None if value.is_nil() => Vec::new(),
                        None => {
                            let class = self.class_of(value).name();
                            let message = format!("no implicit conversion of {class} into String");
                            return self.raise(Class::TypeError, message);
                        }
                    };
                    self.steps(directive.count.or(bytes.len()) / 16)?;
                    push_text(&mut out, directive, &bytes);
                }
                other => {
                    let message = format!("unknown pack directive '{other}'");
                    return self.raise(Class::ArgumentError, message);
                }
            }
        }
        let text = if utf8 {
            Text::from_utf8(out)
        } else {
            binary(out)
        };
        Ok(self.heap().add(Obj::Str(text)))
    }

    fn too_few<T>(&mut self) -> Result<T, Flow> {
        self.raise(Class::ArgumentError, "too few arguments")
    }

    fn packed_integer(&mut self, value: Option<Val>) -> Result<i64, Flow> {
        match value {
            None => self.too_few(),
            Some(Val::Int(number)) => Ok(number),
            Some(Val::Float(number)) => Ok(number as i64),
            Some(other) => match self.memory.heap.big(other) {
                Some(big) => {
                    let low = big & num_bigint::BigInt::from(u64::MAX);
                    Ok(u64::try_from(low).unwrap_or(0) as i64)
                }
                None => {
                    let class = self.class_of(other).name();
                    let what = if other.is_nil() { "nil" } else { class };
                    let message = format!("no implicit conversion of {what} into Integer");
                    self.raise(Class::TypeError, message)
                }
            },
        }
    }

    /// `String#unpack` and `unpack1`
    pub(super) fn unpack(&mut self, bytes: &[u8], format: &str, method: M) -> Eval {
        let mut values = Vec::new();
        let mut at = 0;
        for directive in directives(format) {
            self.steps(1 + bytes.len() / 64)?;
            let rest = bytes.get(at..).unwrap_or(&[]);
            if let Some((size, signed, little)) = layout(directive) {
                for number in 0..directive.count.or(rest.len() / size) {
                    self.step()?;
                    let value = match rest.get(number * size..(number + 1) * size) {
                        Some(bytes) => {
                            at += size;
                            self.integer_of_bytes(bytes, signed, little)
                        }
                        None => Val::Nil,
                    };
                    values.push(value);
                }
                continue;
            }
            match directive.letter {
                'x' => at += directive.count.or(rest.len()),
                'U' => {
                    let text = String::from_utf8_lossy(rest).into_owned();
                    for c in text.chars().take(directive.count.or(usize::MAX)) {
                        at += c.len_utf8();
                        values.push(Val::Int(u32::from(c).into()));
                    }
                }
                'G' | 'g' | 'E' | 'e' | 'D' | 'd' | 'F' | 'f' => {
                    let size = if matches!(directive.letter, 'G' | 'E' | 'D' | 'd') {
                        8
                    } else {
                        4
                    };
                    for number in 0..directive.count.or(rest.len() / size) {
                        self.step()?;
                        let bytes = rest.get(number * size..(number + 1) * size);
                        at += bytes.map_or(0, <[u8]>::len);
                        let value = bytes.map(|bytes| float_of(bytes, directive.letter));
                        values.push(value.map_or(Val::Nil, Val::Float));
                    }
                }
                'a' | 'A' | 'Z' | 'H' | 'h' | 'B' | 'b' | 'm' | 'M' => {
                    let (text, taken) = text_of(directive, rest);
                    at += taken;
                    values.push(self.heap().add(Obj::Str(text)));
                }
                other => {
                    let message = format!("unknown unpack directive '{other}'");
                    return self.raise(Class::ArgumentError, message);
                }
            }
        }
        if method == M::Unpack1 {
            return Ok(values.first().copied().unwrap_or(Val::Nil));
        }
        Ok(self.new_array(values))
    }

    fn integer_of_bytes(&mut self, bytes: &[u8], signed: bool, little: bool) -> Val {
        let mut number: u64 = 0;
        for at in 0..bytes.len() {
            let byte = if little {
                bytes[bytes.len() - 1 - at]
            } else {
                bytes[at]
            };
            number = number << 8 | u64::from(byte);
        }
        if signed {
            let unused = 64 - 8 * bytes.len() as u32;
            return Val::Int(((number << unused) as i64) >> unused);
        }
        match i64::try_from(number) {
            Ok(number) => Val::Int(number),
            Err(_) => self.heap().add(Obj::Big(number.into())),
        }
    }
}

fn binary(bytes: Vec<u8>) -> Text {
    if bytes.is_ascii() {
        Text::from_utf8(bytes)
    } else {
        Text::Bytes { bytes, utf8: false }
    }
}

fn push_float(out: &mut Vec<u8>, letter: char, number: f64) {
    match letter {
        'G' => out.extend_from_slice(&number.to_be_bytes()),
        'E' | 'D' | 'd' => out.extend_from_slice(&number.to_le_bytes()),
        'g' => out.extend_from_slice(&(number as f32).to_be_bytes()),
        _ => out.extend_from_slice(&(number as f32).to_le_bytes()),
    }
}

fn float_of(bytes: &[u8], letter: char) -> f64 {
    let eight = || <[u8; 8]>::try_from(bytes).unwrap_or_default();
    let four = || <[u8; 4]>::try_from(bytes).unwrap_or_default();
    match letter {
        'G' => f64::from_be_bytes(eight()),
        'E' | 'D' | 'd' => f64::from_le_bytes(eight()),
        'g' => f32::from_be_bytes(four()).into(),
        _ => f32::from_le_bytes(four()).into(),
    }
}

fn digit(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => (byte & 7) + 9,
        other => other & 15,
    }
}

fn push_text(out: &mut Vec<u8>, directive: Directive, bytes: &[u8]) {
    let count = directive.count.or(bytes.len());
    match directive.letter {
        'H' | 'h' => {
            for pair in bytes[..bytes.len().min(count)].chunks(2) {
                let (one, two) = (
                    digit(pair[0]) & 15,
                    pair.get(1).map_or(0, |b| digit(*b) & 15),
                );
                out.push(if directive.letter == 'H' {
                    one << 4 | two
                } else {
                    two << 4 | one
                });
            }
        }
        'B' | 'b' => {
            for bits in bytes[..bytes.len().min(count)].chunks(8) {
                let byte = bits.iter().enumerate().fold(0, |byte, (at, bit)| {
                    let place = if directive.letter == 'B' { 7 - at } else { at };
                    byte | (bit & 1) << place
                });
                out.push(byte);
            }
        }
        'm' | 'M' => match directive.count {
            Count::Times(0) => out.extend_from_slice(STANDARD.encode(bytes).as_bytes()),
            _ => {
                for line in bytes.chunks(45) {
                    out.extend_from_slice(STANDARD.encode(line).as_bytes());
                    out.push(b'\n');
                }
            }
        },
        letter => {
            let fill = if letter == 'A' { b' ' } else { 0 };
            let start = out.len();
            out.extend_from_slice(&bytes[..bytes.len().min(count)]);
            let end = if letter == 'Z' && directive.count == Count::All {
                out.len() + 1
            } else {
                start + count.min(1 << 24)
            };
            out.resize(end, fill);
        }
    }
}

/// The text that a directive takes from the front of the bytes, and how many those are.
fn text_of(directive: Directive, rest: &[u8]) -> (Text, usize) {
    let whole = rest.len();
    match directive.letter {
        'H' | 'h' => {
            let digits = directive.count.or(whole * 2).min(whole * 2);
            let text: String = (0..digits)
                .map(|at| {
                    let high = (at % 2 == 0) == (directive.letter == 'H');
                    let nibble = if high {
                        rest[at / 2] >> 4
                    } else {
                        rest[at / 2] & 15
                    };
                    char::from_digit(nibble.into(), 16).unwrap_or('0')
                })
                .collect();
            (Text::Utf8(text), digits.div_ceil(2))
        }
        'B' | 'b' => {
            let bits = directive.count.or(whole * 8).min(whole * 8);
            let text: String = (0..bits)
                .map(|at| {
                    let place = if directive.letter == 'B' {
                        7 - at % 8
                    } else {
                        at % 8
                    };
                    if rest[at / 8] >> place & 1 == 1 {
                        '1'
                    } else {
                        '0'
                    }
                })
                .collect();
            (Text::Utf8(text), bits.div_ceil(8))
        }
        'm' | 'M' => {
            let clean: Vec<u8> = rest
                .iter()
                .copied()
                .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
                .collect();
            let engine = base64::engine::GeneralPurpose::new(
                &base64::alphabet::STANDARD,
                base64::engine::GeneralPurposeConfig::new()
                    .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
                    .with_decode_allow_trailing_bits(true),
            );
            (binary(engine.decode(clean).unwrap_or_default()), whole)
        }
        letter => {
            let taken = directive.count.or(whole).min(whole);
            let mut bytes = &rest[..taken];
            let mut used = taken;
            if letter == 'Z'
                && let Some(end) = bytes.iter().position(|byte| *byte == 0)
            {
                bytes = &bytes[..end];
                if directive.count == Count::All {
                    used = end + 1;
                }
            }
            if letter == 'A' {
                while let [start @ .., b' ' | 0] = bytes {
                    bytes = start;
                }
            }
            (binary(bytes.to_vec()), used)
        }
    }
}
