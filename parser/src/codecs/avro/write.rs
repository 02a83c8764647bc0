//! Writing an event as a datum (source: `DatumWriter` and `SchemaValidator` of Avro's library for Ruby).

use num_bigint::BigInt;

use super::schema::{Schema, Type};
use crate::event::{Array, Object, Value};
use crate::time::Timestamp;

/// Why a value is no datum of its type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The fields on the way to the value, the innermost first.
    path: Vec<String>,
    want: &'static str,
    /// The kind of the value; `None` for null.
    found: Option<&'static str>,
}

impl Mismatch {
    /// Makes no text: members of a union that do not fit are the rule.
    fn new(of: &Type, value: &Value<'_>) -> Self {
        Self {
            path: Vec::new(),
            want: of.name(),
            found: (!matches!(value, Value::Null)).then(|| value.kind()),
        }
    }

    fn of_object(of: &Type) -> Self {
        Self {
            path: Vec::new(),
            want: of.name(),
            found: Some("object"),
        }
    }

    fn within(mut self, name: &str) -> Self {
        self.path.push(name.to_owned());
        self
    }

    /// The field and what is wrong with it.
    pub(super) fn describe(&self) -> String {
        let path: String = self
            .path
            .iter()
            .rev()
            .map(|name| format!("[{name}]"))
            .collect();
        let want = self.want;
        match self.found {
            None => format!("`{path}`: the schema wants {want}, the event has nothing"),
            Some(found) => {
                format!("`{path}`: the schema wants {want}, the event has {found} that is none")
            }
        }
    }
}

/// Appends the datum of an event's fields.
pub(super) fn write_fields(
    schema: &Schema,
    fields: &Object<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let mut writer = Writer {
        schema,
        steps_left: STEPS_MAX,
    };
    writer.object(schema.root(), fields, out)
}

/// How many values are looked at: those of a union are tried with each of its members, and so are those within them.
const STEPS_MAX: usize = 1_000_000;

struct Writer<'s> {
    schema: &'s Schema,
    steps_left: usize,
}

impl<'s> Writer<'s> {
    fn object(
        &mut self,
        of: &'s Type,
        object: &Object<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Mismatch> {
        match of {
            Type::Record(fields) => {
                for (name, of) in fields {
                    let value = object.get(name).unwrap_or(&Value::Null);
                    self.value(self.schema.get(*of), value, out)
                        .map_err(|found| found.within(name))?;
                }
                Ok(())
            }
            Type::Map(values) => {
                if !object.is_empty() {
                    write_long(object.len() as i64, out);
                    for (key, value) in object.iter() {
                        write_bytes(key.as_bytes(), out);
                        self.value(self.schema.get(*values), value, out)
                            .map_err(|found| found.within(key))?;
                    }
                }
                write_long(0, out);
                Ok(())
            }
            Type::Union(members) => {
                for (place, member) in members.iter().enumerate() {
                    let start = out.len();
                    write_long(place as i64, out);
                    if self.object(self.schema.get(*member), object, out).is_ok() {
                        return Ok(());
                    }
                    out.truncate(start);
                }
                Err(Mismatch::of_object(of))
            }
            _ => Err(Mismatch::of_object(of)),
        }
    }

    fn value(
        &mut self,
        of: &'s Type,
        value: &Value<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Mismatch> {
        let left = self.steps_left.checked_sub(1);
        self.steps_left = left.ok_or_else(|| Mismatch::new(of, value))?;
        match (of, value) {
            (Type::Array(items), Value::Array(values)) => {
                self.array(self.schema.get(*items), values, out)
            }
            (Type::Map(_) | Type::Record(_), Value::Object(object)) => self.object(of, object, out),
            (Type::Union(members), _) => {
                for (place, member) in members.iter().enumerate() {
                    let start = out.len();
                    write_long(place as i64, out);
                    if self.value(self.schema.get(*member), value, out).is_ok() {
                        return Ok(());
                    }
                    out.truncate(start);
                }
                Err(Mismatch::new(of, value))
            }
            _ => write_scalar(of, value, out).ok_or_else(|| Mismatch::new(of, value)),
        }
    }

    fn array(
        &mut self,
        items: &'s Type,
        values: &Array<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Mismatch> {
        if !values.is_empty() {
            write_long(values.len() as i64, out);
            for (place, value) in values.iter().enumerate() {
                self.value(items, value, out)
                    .map_err(|found| found.within(&place.to_string()))?;
            }
        }
        write_long(0, out);
        Ok(())
    }
}

/// Appends a value that has no parts; `None` where it is none of the type.
fn write_scalar(of: &Type, value: &Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    match (of, value) {
        (Type::Null, Value::Null) => {}
        (Type::Boolean, Value::Bool(value)) => out.push((*value).into()),
        (Type::Int, Value::Int(number)) => write_long(i32::try_from(*number).ok()?.into(), out),
        (Type::Long, Value::Int(number)) => write_long(*number, out),
        (Type::Date, _) => write_long(i32::try_from(whole(value)?).ok()?.into(), out),
        (Type::Timestamp(parts), Value::Timestamp(timestamp)) => {
            write_long(parts_of(*timestamp, *parts)?, out);
        }
        (Type::Timestamp(_), _) => write_long(whole(value)?, out),
        (Type::Float, _) => out.extend_from_slice(&(double(value)? as f32).to_le_bytes()),
        (Type::Double, _) => out.extend_from_slice(&double(value)?.to_le_bytes()),
        (Type::Decimal { precision, scale }, _) => {
            let number = unscaled(value, *precision, *scale)?;
            write_bytes(&number.to_signed_bytes_be(), out);
        }
        (Type::String | Type::Bytes, Value::Str(text)) => write_bytes(text.as_bytes(), out),
        (Type::Fixed(size), Value::Str(text)) if text.len() == *size => {
            out.extend_from_slice(text.as_bytes());
        }
        (Type::Enum { symbols, .. }, Value::Str(text)) => {
            let place = symbols.iter().position(|symbol| symbol == text)?;
            write_long(place as i64, out);
        }
        _ => return None,
    }
    Some(())
}

fn write_long(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::BigInt(digits) | Value::Decimal(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// The number without its fraction.
fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        other => {
            let number = double(other)?.trunc();
            // What lies beyond is no whole number of 64 bits.
            (number.abs() < 9.2e18).then_some(number as i64)
        }
    }
}

fn parts_of(timestamp: Timestamp, parts: i64) -> Option<i64> {
    let fraction = i64::from(timestamp.subsec_nanos()) / (1_000_000_000 / parts);
    timestamp
        .seconds()
        .checked_mul(parts)?
        .checked_add(fraction)
}

/// The number in parts of `10^scale`; `None` where it has more decimal places, or more digits than `precision`.
fn unscaled(value: &Value<'_>, precision: usize, scale: usize) -> Option<BigInt> {
    let text = match value {
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number}"),
        Value::BigInt(digits) | Value::Decimal(digits) => (*digits).to_owned(),
        _ => return None,
    };
    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
    let places = places.trim_end_matches('0');
    if places.len() > scale {
        return None;
    }
    let digits = whole.trim_start_matches(['-', '+']).trim_start_matches('0');
    if digits.len() + scale > precision {
        return None;
    }
    format!("{whole}{places:0<scale$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Arena;
    use crate::json::{Fractions, parse};

    #[test]
    fn what_does_not_fit_is_told_with_its_field() {
        let schema = Schema::parse(
            r#"{"type":"record","name":"a","fields":[
                {"name":"b","type":["null",{"type":"array","items":"int"}]},
                {"name":"c","type":{"type":"map","values":"int"}}]}"#,
        );
        let schema = schema.unwrap();
        for (event, want) in [
            (
                r#"{"b":["x"],"c":{}}"#,
                "`[b]`: the schema wants union, the event has array that is none",
            ),
            (
                r#"{"c":{"d":"x"}}"#,
                "`[c][d]`: the schema wants int, the event has string that is none",
            ),
            (
                r#"{"b":[1]}"#,
                "`[c]`: the schema wants map, the event has nothing",
            ),
        ] {
            let arena = Arena::new();
            let Ok(Value::Object(fields)) = parse(event, &arena, Fractions::Double) else {
                panic!("no object: {event}");
            };
            let found = write_fields(&schema, &fields, &mut Vec::new());
            let told = found.map_err(|found| found.describe());
            assert_eq!(told, Err(want.to_owned()), "{event}");
        }
    }
}
