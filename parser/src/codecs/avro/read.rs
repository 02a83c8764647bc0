//! Reading a datum into values: texts are slices of the payload, and neither nesting nor counts that a payload only
//! claims can take more than a bound.

use std::borrow::Cow;

use num_bigint::BigInt;

use super::schema::{Schema, Type};
use crate::event::{Arena, Array, FieldLimit, Object, Value};
use crate::time::{CivilDate, Timestamp};

/// How deep values may nest.
const DEPTH_MAX: usize = 500;
/// How many values there may be beside one for each byte: some, such as null, take none.
const VALUES_MIN: usize = 10_000;

/// The datum that `payload` begins with; `None` where it is none of this schema. What follows it is not looked at, as in
/// Avro's library for Ruby.
pub(super) fn read_datum<'a>(
    schema: &Schema,
    payload: &'a [u8],
    arena: &'a Arena,
) -> Option<Value<'a>> {
    let mut reader = Reader {
        schema,
        rest: payload,
        arena,
        values_left: payload.len() + VALUES_MIN,
    };
    reader.value(schema.root(), 0)
}

struct Reader<'s, 'a> {
    schema: &'s Schema,
    rest: &'a [u8],
    arena: &'a Arena,
    values_left: usize,
}

impl<'a> Reader<'_, 'a> {
    fn value(&mut self, of: &Type, depth: usize) -> Option<Value<'a>> {
        self.values_left = self.values_left.checked_sub(1)?;
        if depth > DEPTH_MAX {
            return None;
        }
        Some(match of {
            Type::Null => Value::Null,
            Type::Boolean => Value::Bool(self.take(1)? == [1]),
            Type::Int | Type::Long => Value::Int(self.long()?),
            Type::Date => Value::Str(self.date()?),
            Type::Timestamp(parts) => Value::Timestamp(timestamp(self.long()?, *parts)),
            Type::Float => {
                let bytes = self.take(4)?.try_into().ok()?;
                Value::Float(f32::from_le_bytes(bytes).into())
            }
            Type::Double => Value::Float(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            Type::Bytes => Value::Str(self.text()?),
            Type::Decimal { scale, .. } => self.decimal(*scale)?,
            Type::String => Value::Str(self.text()?),
            Type::Fixed(size) => {
                let bytes = self.take(*size)?;
                Value::Str(self.lossy(bytes))
            }
            Type::Enum { symbols, default } => {
                let place = usize::try_from(self.long()?).ok();
                let symbol = place
                    .and_then(|place| symbols.get(place))
                    .or(default.as_ref());
                symbol.map_or(Value::Null, |symbol| Value::Str(symbol))
            }
            Type::Union(members) => {
                let place = usize::try_from(self.long()?).ok()?;
                let member = self.schema.get(*members.get(place)?);
                self.value(member, depth + 1)?
            }
            Type::Array(items) => self.array(self.schema.get(*items), depth)?,
            Type::Map(values) => self.map(self.schema.get(*values), depth)?,
            Type::Record(fields) => {
                let mut object = Object::with_capacity(self.arena, fields.len());
                for (name, of) in fields {
                    let value = self.value(self.schema.get(*of), depth + 1)?;
                    // The names of a record differ.
                    object.push(name, value);
                }
                Value::Object(object)
            }
        })
    }

    fn array(&mut self, items: &Type, depth: usize) -> Option<Value<'a>> {
        let mut array = Array::new_in(self.arena);
        while let Some(count) = self.block()? {
            for _ in 0..count {
                array.push(self.value(items, depth + 1)?);
            }
        }
        Some(Value::Array(array))
    }

    fn map(&mut self, values: &Type, depth: usize) -> Option<Value<'a>> {
        let limit = FieldLimit::of_events();
        let mut object = Object::with_capacity(self.arena, 8);
        while let Some(count) = self.block()? {
            for _ in 0..count {
                let key = self.text()?;
                object.set(key, self.value(values, depth + 1)?);
                limit.check(object.len());
            }
        }
        Some(Value::Object(object))
    }

    /// How many items the next block of an array or map holds; the inner `None` behind the last.
    fn block(&mut self) -> Option<Option<u64>> {
        let count = self.long()?;
        if count < 0 {
            // The size of the block in bytes, for those who skip it.
            self.long()?;
        }
        Some((count != 0).then_some(count.unsigned_abs()))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// A whole number of variable length, its sign in its lowest bit.
    fn long(&mut self) -> Option<i64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|it| it >> shift == bits)?;
            if byte & 0x80 == 0 {
                return Some((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        None
    }

    fn raw(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.long()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<&'a str> {
        let bytes = self.raw()?;
        Some(self.lossy(bytes))
    }

    /// Bytes as text, as Logstash has them in JSON: what is no UTF-8 is lost.
    fn lossy(&self, bytes: &'a [u8]) -> &'a str {
        match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => self.arena.alloc_str(&text),
        }
    }

    fn date(&mut self) -> Option<&'a str> {
        let date = CivilDate::from_days(self.long()?.clamp(-1_000_000_000, 1_000_000_000));
        let text = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
        Some(self.arena.alloc_str(&text))
    }

    /// A whole number of the highest byte first, in parts of `10^scale`.
    fn decimal(&mut self, scale: usize) -> Option<Value<'a>> {
        /// Longer numbers would take long to print.
        const BYTES_MAX: usize = 1024;
        let bytes = self.raw()?;
        if bytes.is_empty() || bytes.len() > BYTES_MAX {
            return None;
        }
        let number = BigInt::from_signed_bytes_be(bytes).to_string();
        let (sign, digits) = match number.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", number.as_str()),
        };
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, places) = padded.split_at(padded.len() - scale);
        let places = places.trim_end_matches('0');
        let point = if places.is_empty() { "" } else { "." };
        let text = self
            .arena
            .alloc_str(&format!("{sign}{whole}{point}{places}"));
        Some(Value::Decimal(text))
    }
}

fn timestamp(number: i64, parts: i64) -> Timestamp {
    let nanos = number.rem_euclid(parts) * (1_000_000_000 / parts);
    Timestamp::new(number.div_euclid(parts), nanos as u32)
}
