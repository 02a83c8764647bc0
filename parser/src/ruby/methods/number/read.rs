//! Numbers that texts and other values stand for: `to_i`, `Integer()`, `Float()`.

use num_bigint::BigInt;

use crate::grok::{Integer, to_f, to_i};
use crate::ruby::class::Class;
use crate::ruby::interp::{Eval, Run};
use crate::ruby::value::{Obj, Val};

impl Run<'_, '_> {
    /// `String#to_i`
    pub(in crate::ruby::methods) fn text_to_int(&mut self, text: &str, radix: u32) -> Eval {
        if radix == 10 {
            return Ok(match to_i(text) {
                Integer::Small(small) => Val::Int(small),
                Integer::Big(digits) => {
                    let bits = 4 * digits.len() as u64;
                    self.steps_for_bits(bits, bits)?;
                    self.heap()
                        .add(Obj::Big(digits.parse().unwrap_or_default()))
                }
            });
        }
        let text = text.trim_start();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let lower = text.to_ascii_lowercase();
        let prefix = match radix {
            16 => "0x",
            2 => "0b",
            8 => "0o",
            _ => "\0",
        };
        let digits = lower.strip_prefix(prefix).unwrap_or(&lower);
        let digits: String = digits
            .chars()
            .take_while(|c| c.is_digit(radix) || *c == '_')
            .filter(|c| *c != '_')
            .collect();
        let bits = 4 * digits.len() as u64;
        self.steps_for_bits(bits, bits)?;
        let big = BigInt::parse_bytes(digits.as_bytes(), radix).unwrap_or_default();
        Ok(self.new_big(if negative { -big } else { big }))
    }

    /// `Integer()`
    pub(in crate::ruby::methods) fn integer_of(&mut self, value: Val, radix: Option<Val>) -> Eval {
        if self.memory.heap.big(value).is_some() {
            return Ok(value);
        }
        if let Some(text) = self
            .memory
            .heap
            .str(value)
            .map(|text| text.trim().replace('_', ""))
        {
            let body = text.trim_start_matches(['-', '+']).to_ascii_lowercase();
            let radix = match (radix, body.get(..2)) {
                (Some(Val::Int(radix)), _) if (2..=36).contains(&radix) => radix as u32,
                (_, Some("0x")) => 16,
                (_, Some("0b")) => 2,
                (_, Some("0o")) => 8,
                _ if body.len() > 1 && body.starts_with('0') => 8,
                _ => 10,
            };
            let digits = body
                .strip_prefix("0x")
                .or(body.strip_prefix("0b"))
                .or(body.strip_prefix("0o"))
                .unwrap_or(&body);
            if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) {
                let sign = if text.starts_with('-') { "-" } else { "" };
                return self.text_to_int(&format!("{sign}{digits}"), radix);
            }
            let shown = self.inspect(value)?;
            return self.raise(
                Class::ArgumentError,
                format!("invalid value for Integer(): {shown}"),
            );
        }
        match self.memory.heap.float(value) {
            Some(number) => self.float_to_int(number.trunc()),
            None if value.is_nil() => {
                self.raise(Class::TypeError, "can't convert nil into Integer")
            }
            None => self.raise(Class::TypeError, "can't convert the value into Integer"),
        }
    }

    /// `Float()`
    pub(in crate::ruby::methods) fn float_of(&mut self, value: Val) -> Eval {
        if let Some(number) = self.memory.heap.float(value) {
            return Ok(Val::Float(number));
        }
        let Some(text) = self
            .memory
            .heap
            .str(value)
            .map(|text| text.trim().replace('_', ""))
        else {
            return self.raise(Class::TypeError, "can't convert nil into Float");
        };
        let decimal = text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
        let complete = !text.ends_with('.') && text.chars().any(|c| c.is_ascii_digit());
        match text.parse::<f64>() {
            Ok(number) if decimal && complete => Ok(Val::Float(number)),
            _ => {
                let shown = self.inspect(value)?;
                self.raise(
                    Class::ArgumentError,
                    format!("invalid value for Float(): {shown}"),
                )
            }
        }
    }

    pub(in crate::ruby::methods) fn text_to_float(&self, text: &str) -> Val {
        Val::Float(to_f(text))
    }
}
