//! Values as text: `to_s` and `inspect`.

use super::heap::NESTING_MAX;
use super::interp::{Flow, Run};
use super::value::{Obj, Text, Val};
use crate::event::{push_escaped_ruby, push_float_ruby, push_quoted_ruby};
use crate::regex::Regex;

impl Run<'_, '_> {
    /// Appends what `to_s` gives.
    pub(crate) fn push_text(&mut self, out: &mut Vec<u8>, value: Val) -> Result<(), Flow> {
        self.steps_to_copy(value)?;
        match self.memory.heap.object(value) {
            Some(Obj::Str(text)) => out.extend_from_slice(text.bytes()),
            Some(Obj::Sym(text)) => out.extend_from_slice(text.as_bytes()),
            Some(Obj::Exception { message, .. }) => out.extend_from_slice(message.as_bytes()),
            Some(Obj::Time(time)) if time.date_time => {
                let text = super::methods::time::strftime("%Y-%m-%dT%H:%M:%S%:z", time);
                out.extend_from_slice(text.as_bytes());
            }
            Some(Obj::Time(time)) => {
                out.extend_from_slice(super::methods::time::to_s(time).as_bytes())
            }
            Some(Obj::Event(event)) => {
                let number = self.event_number(*event)?;
                crate::event::write_json(out, &self.events[number].event);
            }
            _ if value.is_nil() => {}
            _ => out.extend_from_slice(self.inspect(value)?.as_bytes()),
        }
        Ok(())
    }

    pub(crate) fn text_of(&mut self, value: Val) -> Result<String, Flow> {
        let mut out = Vec::new();
        self.push_text(&mut out, value)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    pub(crate) fn inspect(&mut self, value: Val) -> Result<String, Flow> {
        let mut out = Vec::new();
        self.push_inspected(&mut out, value, 0)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn push_inspected(&mut self, out: &mut Vec<u8>, value: Val, depth: usize) -> Result<(), Flow> {
        self.step()?;
        self.steps_to_copy(value)?;
        if depth > NESTING_MAX {
            out.extend_from_slice(b"...");
            return Ok(());
        }
        match value {
            Val::Nil => out.extend_from_slice(b"nil"),
            Val::True => out.extend_from_slice(b"true"),
            Val::False => out.extend_from_slice(b"false"),
            Val::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Val::Float(number) => push_float_ruby(out, number),
            Val::Class(class) => out.extend_from_slice(class.name().as_bytes()),
            Val::Ref(handle) => match self.memory.heap.get(handle).clone() {
                Obj::Str(text) => {
                    self.steps(text.bytes().len() / 16)?;
                    push_quoted(out, &text);
                }
                Obj::Sym(name) => {
                    out.push(b':');
                    if is_plain_symbol(&name) {
                        out.extend_from_slice(name.as_bytes());
                    } else {
                        push_quoted_ruby(out, &name);
                    }
                }
                Obj::Big(big) => {
                    self.steps_for_bits(big.bits(), big.bits())?;
                    out.extend_from_slice(big.to_string().as_bytes());
                }
                Obj::Decimal(digits) => out.extend_from_slice(digits.as_bytes()),
                Obj::Array(values) | Obj::Enumerator(values) => {
                    out.push(b'[');
                    for (at, value) in values.into_iter().enumerate() {
                        if at > 0 {
                            out.extend_from_slice(b", ");
                        }
                        self.push_inspected(out, value, depth + 1)?;
                    }
                    out.push(b']');
                }
                Obj::Hash(hash) => {
                    out.push(b'{');
                    for (at, (key, value)) in hash.iter().enumerate() {
                        if at > 0 {
                            out.extend_from_slice(b", ");
                        }
                        self.push_key(out, key, depth)?;
                        self.push_inspected(out, value, depth + 1)?;
                    }
                    out.push(b'}');
                }
                Obj::Range {
                    first,
                    last,
                    exclusive,
                } => {
                    self.push_inspected(out, first, depth + 1)?;
                    out.extend_from_slice(if exclusive { b"..." } else { b".." });
                    self.push_inspected(out, last, depth + 1)?;
                }
                Obj::Regex(regex, flags) => {
                    out.extend_from_slice(format!("/{}/{flags}", regex.pattern()).as_bytes())
                }
                Obj::Time(time) => {
                    out.extend_from_slice(super::methods::time::to_s(&time).as_bytes())
                }
                Obj::Timestamp(at) => at.write_iso8601(out),
                Obj::Date(days) => {
                    let date = crate::time::CivilDate::from_days(days);
                    let text = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
                    out.extend_from_slice(text.as_bytes());
                }
                Obj::Uri(uri) => out.extend_from_slice(uri.text.as_bytes()),
                Obj::Ip(address, _) => out.extend_from_slice(address.to_string().as_bytes()),
                Obj::Set(set) => {
                    out.extend_from_slice(b"#<Set: {");
                    for (at, (value, _)) in set.iter().enumerate() {
                        if at > 0 {
                            out.extend_from_slice(b", ");
                        }
                        self.push_inspected(out, value, depth + 1)?;
                    }
                    out.extend_from_slice(b"}>");
                }
                Obj::Exception { class, message } => {
                    out.extend_from_slice(format!("#<{}: {message}>", class.name()).as_bytes());
                }
                _ => {
                    let class = self.class_of(value);
                    out.extend_from_slice(format!("#<{}>", class.name()).as_bytes());
                }
            },
        }
        Ok(())
    }

    fn push_key(&mut self, out: &mut Vec<u8>, key: Val, depth: usize) -> Result<(), Flow> {
        self.push_inspected(out, key, depth + 1)?;
        out.extend_from_slice(b"=>");
        Ok(())
    }
}

/// The pattern as it is put into another one.
pub(crate) fn regex_source(regex: &Regex, flags: &str) -> String {
    let off: String = "mix"
        .chars()
        .filter(|flag| !flags.contains(*flag))
        .collect();
    match off.as_str() {
        "" => format!("(?{flags}:{})", regex.pattern()),
        off => format!("(?{flags}-{off}:{})", regex.pattern()),
    }
}

/// Whether a symbol is printed without quotes: it is a name or an operator.
fn is_plain_symbol(name: &str) -> bool {
    const OPERATORS: [&str; 27] = [
        "+", "-", "*", "/", "%", "**", "==", "!=", "===", "=~", "!~", "<", "<=", ">", ">=", "<=>",
        "<<", ">>", "!", "~", "&", "|", "^", "[]", "[]=", "+@", "-@",
    ];
    let bare = name
        .strip_prefix("@@")
        .or_else(|| name.strip_prefix(['@', '$']));
    let bare = bare.unwrap_or_else(|| name.strip_suffix(['?', '!', '=']).unwrap_or(name));
    let is_name = !bare.is_empty()
        && !bare.starts_with(|first: char| first.is_ascii_digit())
        && bare
            .chars()
            .all(|letter| letter == '_' || letter.is_ascii_alphanumeric() || !letter.is_ascii());
    is_name || OPERATORS.contains(&name)
}

fn push_quoted(out: &mut Vec<u8>, text: &Text) {
    out.push(b'"');
    match text {
        Text::Utf8(text) => push_escaped_ruby(out, text.as_bytes()),
        Text::Bytes { bytes, .. } => {
            for byte in bytes {
                match byte {
                    b' '..=b'~' => push_escaped_ruby(out, &[*byte]),
                    _ => out.extend_from_slice(format!("\\x{byte:02X}").as_bytes()),
                }
            }
        }
    }
    out.push(b'"');
}
