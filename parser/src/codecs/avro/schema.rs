//! Schemas of Avro: read from JSON once, when the codec is built (source: the Avro specification, and the library for
//! Ruby, `lang/ruby/lib/avro/schema.rb`, for what is refused).
//!
//! Read by Kelp itself: the libraries there are make values of their own on the heap, without a bound for nesting.

use std::collections::HashMap;

use crate::event::{Arena, Object, Value, intern};
use crate::json::{Fractions, JsonError, parse};

/// A type among those of a [`Schema`], which may refer to each other in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(usize);

/// A schema.
#[derive(Debug)]
pub(super) struct Schema {
    types: Vec<Type>,
    root: TypeId,
}

/// Zeros are written for so many decimal places, and no number has more that it is meant to have.
const SCALE_MAX: usize = 1024;

/// What a datum is.
#[derive(Debug)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    /// Days since 1970.
    Date,
    Long,
    /// In parts of a second since 1970, so many in one.
    Timestamp(i64),
    Float,
    Double,
    Bytes,
    Decimal {
        precision: usize,
        scale: usize,
    },
    String,
    Fixed(usize),
    Enum {
        symbols: Vec<&'static str>,
        default: Option<&'static str>,
    },
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Vec<(&'static str, TypeId)>),
}

/// A text that is no schema.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error("it is not JSON: {0}")]
    Json(#[from] JsonError),
    #[error("there is no type {0}")]
    UnknownType(String),
    #[error("a type of kind `{kind}` lacks `{key}`")]
    Missing {
        kind: &'static str,
        key: &'static str,
    },
    #[error("`{0}` is no name: letters, digits and underscores, which do not begin with a digit")]
    Name(String),
    #[error("`{0}` is there twice")]
    Duplicate(String),
    #[error("a union in a union")]
    NestedUnion,
    #[error(
        "a decimal needs a `precision` above 0, and a `scale` from 0 up to it and to {SCALE_MAX}"
    )]
    Decimal,
    #[error("the default `{0}` is no symbol of its enum")]
    Default(String),
}

impl Schema {
    pub(super) fn parse(text: &str) -> Result<Self, SchemaError> {
        let arena = Arena::new();
        let json = parse(text, &arena, Fractions::Double)?;
        let mut reader = Reader {
            types: Vec::new(),
            names: HashMap::new(),
        };
        let root = reader.read(&json, None)?;
        Ok(Self {
            types: reader.types,
            root,
        })
    }

    pub(super) fn root(&self) -> &Type {
        self.get(self.root)
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }
}

impl Type {
    /// How errors name it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Date => "date",
            Self::Long => "long",
            Self::Timestamp(_) => "timestamp",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::Decimal { .. } => "decimal",
            Self::String => "string",
            Self::Fixed(_) => "fixed",
            Self::Enum { .. } => "enum",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
        }
    }

    /// Whether a union may hold several of this kind.
    fn is_named(&self) -> bool {
        matches!(self, Self::Fixed(_) | Self::Enum { .. } | Self::Record(_))
    }

    /// A type that has no parts and no name.
    fn primitive(name: &str, logical: Option<&str>) -> Option<Self> {
        Some(match (name, logical) {
            ("null", _) => Self::Null,
            ("boolean", _) => Self::Boolean,
            ("int", Some("date")) => Self::Date,
            ("int", _) => Self::Int,
            ("long", Some("timestamp-millis")) => Self::Timestamp(1_000),
            ("long", Some("timestamp-micros")) => Self::Timestamp(1_000_000),
            ("long", Some("timestamp-nanos")) => Self::Timestamp(1_000_000_000),
            ("long", _) => Self::Long,
            ("float", _) => Self::Float,
            ("double", _) => Self::Double,
            ("bytes", _) => Self::Bytes,
            ("string", _) => Self::String,
            _ => return None,
        })
    }
}

struct Reader {
    types: Vec<Type>,
    /// The named types, by their full names.
    names: HashMap<String, TypeId>,
}

impl Reader {
    /// `namespace` is the one that names without one belong to.
    fn read(&mut self, json: &Value<'_>, namespace: Option<&str>) -> Result<TypeId, SchemaError> {
        let read = match json {
            Value::Str(name) => {
                if let Some(known) = self.names.get(&full_name(name, namespace)) {
                    return Ok(*known);
                }
                Type::primitive(name, None).ok_or_else(|| unknown(json))?
            }
            Value::Array(members) => self.union(members, namespace)?,
            Value::Object(object) => return self.object(object, namespace),
            _ => return Err(unknown(json)),
        };
        Ok(self.add(read))
    }

    fn add(&mut self, read: Type) -> TypeId {
        self.types.push(read);
        TypeId(self.types.len() - 1)
    }

    fn union(
        &mut self,
        members: &[Value<'_>],
        namespace: Option<&str>,
    ) -> Result<Type, SchemaError> {
        let mut ids: Vec<TypeId> = Vec::new();
        for member in members {
            let id = self.read(member, namespace)?;
            let read = &self.types[id.0];
            if matches!(read, Type::Union(_)) {
                return Err(SchemaError::NestedUnion);
            }
            let kind = |read: &Type| primitive_kind(read);
            let is_same = |other: &TypeId| kind(&self.types[other.0]) == kind(read);
            if !read.is_named() && ids.iter().any(is_same) {
                return Err(SchemaError::Duplicate(kind(read).to_owned()));
            }
            ids.push(id);
        }
        Ok(Type::Union(ids))
    }

    fn object(
        &mut self,
        object: &Object<'_>,
        namespace: Option<&str>,
    ) -> Result<TypeId, SchemaError> {
        let kind = object.get("type").ok_or(SchemaError::Missing {
            kind: "object",
            key: "type",
        })?;
        let logical = text(object, "logicalType");
        let read = match kind.as_str() {
            Some("bytes") if logical == Some("decimal") => decimal(object)?,
            Some("array") => {
                Type::Array(self.read(required(object, "array", "items")?, namespace)?)
            }
            Some("map") => Type::Map(self.read(required(object, "map", "values")?, namespace)?),
            Some(kind @ ("fixed" | "enum" | "record" | "error")) => {
                return self.named(kind, object, namespace);
            }
            Some(name) => Type::primitive(name, logical).ok_or_else(|| unknown(kind))?,
            None => return Err(unknown(kind)),
        };
        Ok(self.add(read))
    }

    fn named(
        &mut self,
        kind: &str,
        object: &Object<'_>,
        outer: Option<&str>,
    ) -> Result<TypeId, SchemaError> {
        let name = required(object, "named", "name")?;
        let name = name.as_str().filter(|name| name.split('.').all(is_name));
        let Some(name) = name else {
            return Err(SchemaError::Name(shown(object.get("name"))));
        };
        let given = object.get("namespace");
        let namespace = match name.rsplit_once('.') {
            Some((namespace, _)) => Some(namespace),
            None if given.is_some() => given.and_then(Value::as_str).filter(|it| !it.is_empty()),
            None => outer,
        };
        let full = full_name(name, namespace);
        // The fields of a record may refer to it.
        let id = self.add(Type::Record(Vec::new()));
        if self.names.insert(full.clone(), id).is_some() {
            return Err(SchemaError::Duplicate(full));
        }
        self.types[id.0] = match kind {
            "fixed" => match required(object, "fixed", "size")? {
                Value::Int(size) => {
                    Type::Fixed(usize::try_from(*size).map_err(|_| SchemaError::Missing {
                        kind: "fixed",
                        key: "size",
                    })?)
                }
                other => return Err(unknown(other)),
            },
            "enum" => enumeration(object)?,
            _ => self.record(object, namespace)?,
        };
        Ok(id)
    }

    fn record(
        &mut self,
        object: &Object<'_>,
        namespace: Option<&str>,
    ) -> Result<Type, SchemaError> {
        let Value::Array(given) = required(object, "record", "fields")? else {
            return Err(SchemaError::Missing {
                kind: "record",
                key: "fields",
            });
        };
        let mut fields: Vec<(&'static str, TypeId)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for field in given {
            let Value::Object(field) = field else {
                return Err(unknown(field));
            };
            let name = text(field, "name").ok_or(SchemaError::Missing {
                kind: "field",
                key: "name",
            })?;
            if !seen.insert(name) {
                return Err(SchemaError::Duplicate(name.to_owned()));
            }
            let id = self.read(required(field, "field", "type")?, namespace)?;
            fields.push((intern(name), id));
        }
        Ok(Type::Record(fields))
    }
}

/// What a union tells its members apart by: the kind of datum, whatever it stands for.
fn primitive_kind(read: &Type) -> &'static str {
    match read {
        Type::Date => "int",
        Type::Timestamp(_) => "long",
        Type::Decimal { .. } => "bytes",
        other => other.name(),
    }
}

fn decimal(object: &Object<'_>) -> Result<Type, SchemaError> {
    let number = |key| match object.get(key) {
        Some(Value::Int(number)) => usize::try_from(*number).ok(),
        None => Some(0),
        _ => None,
    };
    match (number("precision"), number("scale")) {
        (Some(precision), Some(scale))
            if precision > 0 && scale <= precision && scale <= SCALE_MAX =>
        {
            Ok(Type::Decimal { precision, scale })
        }
        _ => Err(SchemaError::Decimal),
    }
}

fn enumeration(object: &Object<'_>) -> Result<Type, SchemaError> {
    let missing = SchemaError::Missing {
        kind: "enum",
        key: "symbols",
    };
    let Value::Array(given) = required(object, "enum", "symbols")? else {
        return Err(missing);
    };
    let mut symbols: Vec<&'static str> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for symbol in given {
        let Some(symbol) = symbol.as_str().filter(|symbol| is_name(symbol)) else {
            return Err(SchemaError::Name(shown(Some(symbol))));
        };
        if !seen.insert(symbol) {
            return Err(SchemaError::Duplicate(symbol.to_owned()));
        }
        symbols.push(intern(symbol));
    }
    let default = text(object, "default").map(intern);
    match default.filter(|default| !symbols.contains(default)) {
        Some(default) => Err(SchemaError::Default(default.to_owned())),
        None => Ok(Type::Enum { symbols, default }),
    }
}

fn required<'o, 'a>(
    object: &'o Object<'a>,
    kind: &'static str,
    key: &'static str,
) -> Result<&'o Value<'a>, SchemaError> {
    object.get(key).ok_or(SchemaError::Missing { kind, key })
}

fn text<'a>(object: &Object<'a>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

fn full_name(name: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) if !name.contains('.') => format!("{namespace}.{name}"),
        _ => name.to_owned(),
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn unknown(json: &Value<'_>) -> SchemaError {
    SchemaError::UnknownType(shown(Some(json)))
}

/// A part of a schema as messages quote it.
fn shown(json: Option<&Value<'_>>) -> String {
    const SHOWN_MAX: usize = 80;
    let mut text = Vec::new();
    json.unwrap_or(&Value::Null).write_json(&mut text);
    let text = String::from_utf8_lossy(&text);
    let cut: String = text.chars().take(SHOWN_MAX).collect();
    if cut.len() < text.len() {
        format!("{cut}...")
    } else {
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_refer_to_each_other_by_full_name() {
        let schema = Schema::parse(
            r#"{"type":"record","name":"Node","namespace":"a.b","fields":[
                {"name":"next","type":["null","Node"]},
                {"name":"kind","type":{"type":"enum","name":"c.Kind","symbols":["X","Y"],"default":"Y"}},
                {"name":"again","type":["c.Kind","a.b.Node"]},
                {"name":"when","type":{"type":"long","logicalType":"timestamp-micros"}}]}"#,
        );
        let schema = schema.unwrap();
        let Type::Record(fields) = schema.root() else {
            panic!("{schema:?}");
        };
        let Type::Union(next) = schema.get(fields[0].1) else {
            panic!("{schema:?}");
        };
        assert_eq!(next[1], schema.root);
        assert!(matches!(
            schema.get(fields[1].1),
            Type::Enum {
                default: Some("Y"),
                ..
            }
        ));
        assert!(matches!(
            schema.get(fields[3].1),
            Type::Timestamp(1_000_000)
        ));
    }

    #[test]
    fn what_is_no_schema_is_refused_with_the_reason() {
        for (text, want) in [
            ("{", "not JSON"),
            ("7", "no type 7"),
            ("\"Foo\"", "no type \"Foo\""),
            ("{\"type\":\"Foo\"}", "no type \"Foo\""),
            ("{\"type\":\"array\"}", "lacks `items`"),
            ("{\"type\":\"record\",\"name\":\"a\"}", "lacks `fields`"),
            (
                "{\"type\":\"record\",\"name\":\"1a\",\"fields\":[]}",
                "is no name",
            ),
            ("{\"type\":\"fixed\",\"name\":\"a\",\"size\":-1}", "`size`"),
            (
                "[\"int\",{\"type\":\"int\",\"logicalType\":\"date\"}]",
                "`int` is there twice",
            ),
            ("[[\"int\"]]", "a union in a union"),
            (
                "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}",
                "`scale`",
            ),
            (
                "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":99999,\"scale\":99999}",
                "up to it and to 1024",
            ),
            (
                "{\"type\":\"enum\",\"name\":\"a\",\"symbols\":[\"A\",\"A\"]}",
                "`A` is there twice",
            ),
            (
                "{\"type\":\"enum\",\"name\":\"a\",\"symbols\":[\"A\"],\"default\":\"B\"}",
                "default `B`",
            ),
        ] {
            let error = Schema::parse(text).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
