//! What options can take. All of Logstash's leniency about types lives here
//! (source: `validate_value` in Logstash's `config/mixin.rb`).

use std::fmt;
use std::path::PathBuf;

use super::Settings;
use super::java_order::sort_by_slot;
use super::repeated::as_item;
use crate::config::Span;
use crate::config::ast::{Literal, Plugin, Spanned};
use crate::event::{FieldRef, FieldTemplate, Template};

/// A type that an option can have.
pub trait OptionType: Sized {
    /// What the option takes, for messages and the documentation.
    const TAKES: &'static str;

    /// Whether the option must be set where it has no default.
    const REQUIRED: bool = true;

    /// Whether an array or a hash as a value within a hash is taken for the text that Ruby prints for it.
    const PRINTED: bool = false;

    /// Reads a value; `None` after an error was reported.
    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self>;

    /// Whether an optional value counts as not set.
    fn is_unset(_value: &Literal) -> bool {
        false
    }

    /// The value of an option that has no default and is not set, unless it is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// A type that has a default of type `D` in the declaration of an option.
pub trait OptionDefault<D>: OptionType {
    /// The default.
    fn from_default(default: D) -> Self;
}

/// The text of a scalar; also of an array that holds just one.
pub fn string_of(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Bareword(text) | Literal::String(text) => Some(text.clone()),
        Literal::Number(text) => Some(number_text(text)),
        Literal::Array(values) => match &values[..] {
            [single] => string_of(&single.node),
            _ => None,
        },
        Literal::Hash(_) | Literal::Plugin(_) => None,
    }
}

/// A number as Ruby prints what it makes of the one that is written: `010` is `8`, `1.50` is `1.5`.
pub(super) fn number_text(written: &str) -> String {
    if let Some(number) = octal_of(written) {
        return number.to_string();
    }
    let digits = written.trim_start_matches('-').len();
    match written.parse::<f64>() {
        // Within what Ruby prints without an exponent.
        Ok(number) if written.contains('.') && digits <= 15 && number.abs() >= 1e-4 => {
            format!("{number:?}")
        }
        _ => written.to_owned(),
    }
}

impl<T: OptionType> OptionType for Option<T> {
    const TAKES: &'static str = T::TAKES;
    const REQUIRED: bool = false;

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        if T::is_unset(&value.node) {
            return Some(None);
        }
        T::read(value, settings).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// Keeps where the value was written; the default has the plugin's place.
impl<T: OptionType> OptionType for Spanned<T> {
    const TAKES: &'static str = T::TAKES;
    const REQUIRED: bool = T::REQUIRED;

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let node = T::read(value, settings)?;
        Some(Spanned {
            node,
            span: value.span,
        })
    }
}

impl OptionType for String {
    const TAKES: &'static str = "string";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        settings.single_text(value, Self::TAKES)
    }
}

impl OptionDefault<&str> for String {
    fn from_default(default: &str) -> Self {
        default.to_owned()
    }
}

impl OptionType for bool {
    const TAKES: &'static str = "boolean";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        match string_of(&value.node).as_deref() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                settings.report_type(value, Self::TAKES);
                None
            }
        }
    }
}

impl OptionDefault<bool> for bool {
    fn from_default(default: bool) -> Self {
        default
    }
}

/// An integer as a configuration writes it: `010` is octal unless quoted, a fraction is cut off.
fn integer_of(literal: &Literal) -> Option<i64> {
    let number = match literal {
        Literal::Array(values) if values.len() == 1 => return integer_of(&values[0].node),
        Literal::Number(text) => octal_of(text).or_else(|| text.parse().ok()),
        _ => None,
    };
    if number.is_some() {
        return number;
    }
    let text = string_of(literal)?;
    let whole = text.parse::<i64>().ok();
    let whole = whole.filter(|number| is_number(literal) || number.to_string() == text);
    whole.or_else(|| float_of(literal).map(|number| number.trunc() as i64))
}

/// A number, or a text that is one as Ruby prints it: Logstash takes `"1.5"`, but not `"1.50"`, `"+1"` or `"010"`.
fn float_of(literal: &Literal) -> Option<f64> {
    let text = string_of(literal)?;
    let number = text.parse::<f64>().ok().filter(|it| it.is_finite())?;
    let canonical = || format!("{number:?}") == text || text.parse() == Ok(number.trunc() as i64);
    let printed = || canonical() && !text.starts_with('+') && octal_of(&text).is_none();
    (is_number(literal) || printed()).then_some(number)
}

fn is_number(literal: &Literal) -> bool {
    match literal {
        Literal::Array(values) => values.iter().all(|value| is_number(&value.node)),
        _ => matches!(literal, Literal::Number(_)),
    }
}

/// Ruby reads digits after a leading zero as octal.
fn octal_of(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let digits = digits.strip_prefix('0').filter(|rest| !rest.is_empty())?;
    i64::from_str_radix(digits, 8)
        .ok()
        .map(|value| sign * value)
}

impl OptionType for i64 {
    const TAKES: &'static str = "number";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let number = integer_of(&value.node);
        if number.is_none() {
            settings.report_type(value, Self::TAKES);
        }
        number
    }
}

impl OptionDefault<i64> for i64 {
    fn from_default(default: i64) -> Self {
        default
    }
}

impl OptionType for f64 {
    const TAKES: &'static str = "number";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let number = float_of(&value.node);
        if number.is_none() {
            settings.report_type(value, Self::TAKES);
        }
        number
    }
}

impl OptionDefault<f64> for f64 {
    fn from_default(default: f64) -> Self {
        default
    }
}

/// A number that counts something, so is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PositiveInt(pub u64);

impl OptionType for PositiveInt {
    const TAKES: &'static str = "number";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        match integer_of(&value.node).map(u64::try_from) {
            Some(Ok(number)) => Some(Self(number)),
            _ => {
                settings.report_type(value, "a number that is not negative");
                None
            }
        }
    }
}

impl OptionDefault<u64> for PositiveInt {
    fn from_default(default: u64) -> Self {
        Self(default)
    }
}

/// A list; a single value counts as a list of one.
impl<T: ListItem> OptionType for Vec<T> {
    const TAKES: &'static str = "array";
    const REQUIRED: bool = true;

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        match &value.node {
            Literal::Array(values) => {
                // Every element is read, so that each bad one is reported.
                let read: Vec<Option<T>> = values
                    .iter()
                    .map(|value| {
                        let printed = T::PRINTED.then(|| as_item(value));
                        T::read(printed.as_ref().unwrap_or(value), settings)
                    })
                    .collect();
                read.into_iter().collect()
            }
            Literal::Hash(_) => {
                settings.report_type(value, Self::TAKES);
                None
            }
            _ => T::read(value, settings).map(|single| vec![single]),
        }
    }
}

/// What lists of options can hold.
pub trait ListItem: OptionType {}

impl ListItem for String {}
impl ListItem for Template {}
impl ListItem for FieldTemplate {}
impl ListItem for FieldRef<'static> {}
impl ListItem for Any {}
impl ListItem for i64 {}
impl<T: ListItem> ListItem for Spanned<T> {}

impl<T: ListItem + for<'t> OptionDefault<&'t str>, const N: usize> OptionDefault<[&str; N]>
    for Vec<T>
{
    fn from_default(default: [&str; N]) -> Self {
        default.into_iter().map(T::from_default).collect()
    }
}

impl OptionType for Template {
    const TAKES: &'static str = "string";
    const PRINTED: bool = true;

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let text = settings.single_text(value, Self::TAKES)?;
        let template = Template::lenient(&text);
        // Logstash runs with it and fails on every event, so it is no error here either.
        if let Some(error) = template.error() {
            settings.warn(value.span, error.to_string());
        }
        Some(template)
    }
}

impl OptionType for FieldTemplate {
    const TAKES: &'static str = "field reference";
    const PRINTED: bool = true;

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let text = settings.single_text(value, Self::TAKES)?;
        let field = Self::new(Template::lenient(&text));
        if let Some(error) = field.error() {
            settings.warn(value.span, error.to_string());
        }
        Some(field)
    }
}

/// A field reference in which `%{}` means nothing, and which is checked only with an event.
#[derive(Clone, Debug)]
pub struct FieldName(pub FieldTemplate);

impl FieldName {
    /// The field of that name; one that is no field reference is warned of.
    pub fn of(name: &str, span: Span, settings: &mut Settings<'_>) -> Self {
        let field = FieldTemplate::literal(name);
        if let Some(error) = field.error() {
            settings.warn(span, error.to_string());
        }
        Self(field)
    }
}

impl OptionType for FieldName {
    const TAKES: &'static str = "field reference";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let name = settings.single_text(value, Self::TAKES)?;
        Some(Self::of(&name, value.span, settings))
    }
}

impl OptionDefault<&str> for FieldName {
    fn from_default(default: &str) -> Self {
        Self(FieldTemplate::literal(default))
    }
}

impl ListItem for FieldName {}

impl OptionDefault<&str> for Template {
    fn from_default(default: &str) -> Self {
        Template::parse(default).unwrap_or_else(|error| unreachable!("{error}"))
    }
}

impl OptionType for FieldRef<'static> {
    const TAKES: &'static str = "field reference";

    fn is_unset(value: &Literal) -> bool {
        match value {
            Literal::Array(values) => values.is_empty(),
            _ => string_of(value).is_some_and(|name| name.is_empty()),
        }
    }

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let text = settings.single_text(value, Self::TAKES)?;
        match FieldRef::parse(&text) {
            Ok(field) => Some(field),
            Err(error) => {
                settings.report(value.span, error.to_string());
                None
            }
        }
    }
}

impl OptionDefault<&str> for FieldRef<'static> {
    fn from_default(default: &str) -> Self {
        FieldRef::parse(default).unwrap_or_else(|error| unreachable!("{error}"))
    }
}

impl OptionType for PathBuf {
    const TAKES: &'static str = "path";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        settings.single_text(value, Self::TAKES).map(PathBuf::from)
    }
}

impl ListItem for PathBuf {}

/// A secret: it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<password>")
    }
}

impl OptionType for Password {
    const TAKES: &'static str = "password";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        settings.single_text(value, Self::TAKES).map(Self)
    }
}

/// Any value, for options that read it themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Any(pub Spanned<Literal>);

impl OptionType for Any {
    const TAKES: &'static str = "any value";

    fn read(value: &Spanned<Literal>, _settings: &mut Settings<'_>) -> Option<Self> {
        Some(Self(value.clone()))
    }
}

/// A codec: a name, or a plugin with settings of its own.
#[derive(Clone, Debug)]
pub struct CodecName(pub Plugin);

impl OptionType for CodecName {
    const TAKES: &'static str = "codec";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        if let Literal::Plugin(plugin) = &value.node {
            return Some(Self(plugin.clone()));
        }
        let name = settings.single_text(value, Self::TAKES)?;
        Some(Self(Plugin {
            name: Spanned {
                node: name,
                span: value.span,
            },
            settings: Vec::new(),
            span: value.span,
        }))
    }
}

/// A hash, as keys and values in the order in which Logstash walks it, which is not the written one. An array of alternating keys
/// and values counts as a hash, in the order written; a key that is repeated in it gets a list of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pairs<T> {
    /// Keys and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(key, value)| (key.node.as_str(), value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: OptionType> OptionType for Pairs<T> {
    const TAKES: &'static str = "hash";
    const REQUIRED: bool = true;

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let pairs = match &value.node {
            Literal::Hash(pairs) => pairs.clone(),
            Literal::Array(values) if values.len() % 2 == 0 => pair_up(values),
            Literal::Array(values) => {
                let count = values.len();
                let message = format!(
                    "expected a hash, found an array of {count}: an array of keys and values must have an even number of items"
                );
                settings.report(value.span, message);
                return None;
            }
            _ => {
                settings.report_type(value, Self::TAKES);
                return None;
            }
        };
        let read: Vec<Option<_>> = pairs
            .iter()
            .map(|(key, value)| {
                let node = settings.single_text(key, "string")?;
                let key = Spanned {
                    node,
                    span: key.span,
                };
                let printed = T::PRINTED.then(|| as_item(value));
                Some((key, T::read(printed.as_ref().unwrap_or(value), settings)?))
            })
            .collect();
        let mut pairs = read
            .into_iter()
            .collect::<Option<Vec<(Spanned<String>, T)>>>()?;
        if matches!(value.node, Literal::Hash(_)) {
            sort_by_slot(&mut pairs, |(key, _)| key.node.as_str());
        }
        Some(Self(pairs))
    }
}

/// Makes keys and values of an array; the values of a repeated key become an array.
fn pair_up(values: &[Spanned<Literal>]) -> Vec<(Spanned<Literal>, Spanned<Literal>)> {
    let mut pairs: Vec<(Spanned<Literal>, Spanned<Literal>)> = Vec::new();
    for pair in values.chunks_exact(2) {
        let same = pairs
            .iter_mut()
            .find(|(key, _)| string_of(&key.node) == string_of(&pair[0].node));
        match same {
            Some((
                _,
                Spanned {
                    node: Literal::Array(values),
                    ..
                },
            )) => values.push(pair[1].clone()),
            Some((_, value)) => {
                let both = vec![value.clone(), pair[1].clone()];
                value.node = Literal::Array(both);
            }
            None => pairs.push((pair[0].clone(), pair[1].clone())),
        }
    }
    pairs
}

impl<T: OptionType> OptionDefault<[(); 0]> for Pairs<T> {
    fn from_default(_default: [(); 0]) -> Self {
        Self::default()
    }
}
