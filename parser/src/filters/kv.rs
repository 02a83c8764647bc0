//! `kv`: takes `key=value` pairs apart (source: logstash-filter-kv).
//!
//! Logstash makes one expression of its options and scans the text with it. The same expression is
//! made here, so that quotes, brackets, escapes and white space behave alike in every combination.

mod expression;
mod scan;

use std::time::Duration;

use crate::config::ast::Literal;
use crate::event::{Arena, Array, Event, FieldRef, Object, Template, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::regex::{BudgetExceeded, Options, Regex, Scratch};
use crate::spec::{Any, Pairs, Settings, string_of};
use crate::{plugin_choice, plugin_options};
use expression::expressions;
use scan::Scan;

plugin_options! {
    /// Takes key-value pairs apart, as in `ip=1.2.3.4 error=REFUSED`.
    ///
    /// Values may stand in double or single quotes, or in brackets. A key that comes several times
    /// gets a list of its values.
    pub struct KvOptions for Filter "kv" {
        /// The field that holds the pairs, or a list of texts with pairs.
        pub source: FieldRef<'static> = "message",
        /// The field to put the pairs in as an object; without it they become fields of the event.
        pub target: Option<FieldRef<'static>>,
        /// Characters that stand between pairs, each on its own.
        pub field_split: String = " ",
        /// A regular expression for what stands between pairs, in place of `field_split`.
        pub field_split_pattern: Option<String>,
        /// Characters that stand between key and value, each on its own.
        pub value_split: String = "=",
        /// A regular expression for what stands between key and value, in place of `value_split`.
        pub value_split_pattern: Option<String>,
        /// Whether spaces around the separator of key and value belong to it (`lenient`).
        pub whitespace: Whitespace = "lenient",
        /// Takes `(...)`, `[...]` and `<...>` around a value as quotes.
        pub include_brackets: bool = true,
        /// Takes values apart that hold pairs themselves, into objects.
        pub recursive: bool = false,
        /// Keeps only these keys.
        pub include_keys: Vec<Template> = [],
        /// Leaves these keys out.
        pub exclude_keys: Vec<Template> = [],
        /// Keys and values that are set where the text has no such key.
        pub default_keys: Pairs<Any> = [],
        /// Put before every key.
        pub prefix: Template = "",
        /// Characters removed at both ends of values.
        pub trim_value: Option<String>,
        /// Characters removed at both ends of keys.
        pub trim_key: Option<String>,
        /// Characters removed anywhere in values.
        pub remove_char_value: Option<String>,
        /// Characters removed anywhere in keys.
        pub remove_char_key: Option<String>,
        /// Changes the case of values.
        pub transform_value: Option<CaseChange>,
        /// Changes the case of keys.
        pub transform_key: Option<CaseChange>,
        /// Keeps the same value of a key more than once.
        pub allow_duplicate_values: bool = true,
        /// Keeps keys without a value.
        pub allow_empty_values: bool = false,
        /// Tags added when a field could not be set.
        pub tag_on_failure: Vec<String> = ["_kv_filter_error"],
        /// The tag added when the text took too long to take apart.
        pub tag_on_timeout: String = "_kv_filter_timeout",
        /// How long that may take, in milliseconds; 0 is without limit.
        pub timeout_millis: f64 = 30000.0,
    }
}

plugin_choice! {
    /// How spaces around the separator of key and value are taken.
    pub enum Whitespace {
        /// They belong to the separator.
        Lenient = "lenient",
        /// They belong to key and value.
        Strict = "strict",
    }
}

plugin_choice! {
    /// A change of case.
    pub enum CaseChange {
        /// To lower case.
        Lowercase = "lowercase",
        /// To upper case.
        Uppercase = "uppercase",
        /// The first letter to upper case, the others to lower case.
        Capitalize = "capitalize",
    }
}

/// Takes key-value pairs apart.
pub struct Kv {
    options: KvOptions,
    pairs: Regex,
    value_split: Regex,
    key_edits: Edits,
    value_edits: Edits,
    default_keys: Vec<(&'static str, DefaultValue)>,
    tag_on_failure: Vec<&'static str>,
    tag_on_timeout: &'static str,
    timeout: Option<Duration>,
}

/// A value of `default_keys`.
enum DefaultValue {
    Str(&'static str),
    Int(i64),
    Float(f64),
    List(Vec<DefaultValue>),
    Object(Vec<(&'static str, DefaultValue)>),
}

/// What is done to a key or a value before it is used.
struct Edits {
    trim: Option<Regex>,
    remove: Option<Regex>,
    case: Option<CaseChange>,
}

impl BuildFilter for Kv {
    type Options = KvOptions;

    fn build(options: KvOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let valid = refuse_empty(settings, "value_split", Some(&options.value_split))
            & refuse_empty(
                settings,
                "field_split_pattern",
                options.field_split_pattern.as_ref(),
            )
            & refuse_empty(
                settings,
                "value_split_pattern",
                options.value_split_pattern.as_ref(),
            );
        if !valid {
            return None;
        }
        let (pairs, value_split) = expressions(&options);
        let about = pattern_option(&options);
        let value_split = compile(settings, about, &value_split)?;
        let pairs = compile(settings, about, &pairs)?;
        let key_edits = Edits {
            trim: compile_trim(settings, "trim_key", options.trim_key.as_ref())?,
            remove: compile_remove(
                settings,
                "remove_char_key",
                options.remove_char_key.as_ref(),
            )?,
            case: options.transform_key,
        };
        let remove = options.remove_char_value.as_ref();
        let value_edits = Edits {
            trim: compile_trim(settings, "trim_value", options.trim_value.as_ref())?,
            remove: compile_remove(settings, "remove_char_value", remove)?,
            case: options.transform_value,
        };
        let timeout = options.timeout_millis / 1000.0;
        Some(Self {
            pairs,
            value_split,
            key_edits,
            value_edits,
            default_keys: (options.default_keys.iter())
                .map(|(key, value)| (intern(key), DefaultValue::read(&value.0.node)))
                .collect(),
            tag_on_failure: options
                .tag_on_failure
                .iter()
                .map(|tag| intern(tag))
                .collect(),
            tag_on_timeout: intern(&options.tag_on_timeout),
            timeout: (timeout > 0.0)
                .then(|| Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX)),
            options,
        })
    }
}

fn refuse_empty(settings: &mut Settings<'_>, name: &str, value: Option<&String>) -> bool {
    let empty = value.is_some_and(String::is_empty);
    if empty {
        let span = settings.span_of(name);
        settings.report(span, format!("`{name}` must not be empty"));
    }
    !empty
}

/// The option to blame for an expression that is not valid.
fn pattern_option(options: &KvOptions) -> &'static str {
    if options.value_split_pattern.is_some() {
        "value_split_pattern"
    } else if options.field_split_pattern.is_some() {
        "field_split_pattern"
    } else {
        "field_split"
    }
}

fn compile(settings: &mut Settings<'_>, option: &str, pattern: &str) -> Option<Regex> {
    match Regex::new(pattern, Options::default()) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let span = settings.span_of(option);
            let message = format!("`{option}` is not valid in a regular expression: {error}");
            settings.report(span, message);
            None
        }
    }
}

fn compile_trim(
    settings: &mut Settings<'_>,
    option: &str,
    characters: Option<&String>,
) -> Option<Option<Regex>> {
    match characters {
        None => Some(None),
        Some(set) => compile(settings, option, &format!("^[{set}]+|[{set}]+$")).map(Some),
    }
}

fn compile_remove(
    settings: &mut Settings<'_>,
    option: &str,
    characters: Option<&String>,
) -> Option<Option<Regex>> {
    match characters {
        None => Some(None),
        Some(set) => compile(settings, option, &format!("[{set}]")).map(Some),
    }
}

impl DefaultValue {
    fn read(literal: &Literal) -> Self {
        match literal {
            Literal::Array(values) => {
                Self::List(values.iter().map(|value| Self::read(&value.node)).collect())
            }
            Literal::Hash(pairs) => {
                let key = |key| intern(&string_of(key).unwrap_or_default());
                let pairs = pairs.iter();
                Self::Object(
                    pairs
                        .map(|(name, value)| (key(&name.node), Self::read(&value.node)))
                        .collect(),
                )
            }
            Literal::Number(text) => match (text.parse(), text.parse()) {
                (Ok(integer), _) => Self::Int(integer),
                (_, Ok(float)) => Self::Float(float),
                _ => Self::Str(intern(text)),
            },
            other => Self::Str(intern(&string_of(other).unwrap_or_default())),
        }
    }

    fn value<'a>(&self, arena: &'a Arena) -> Value<'a> {
        match self {
            Self::Str(text) => Value::Str(text),
            Self::Int(number) => Value::Int(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Object(pairs) => {
                let mut object = Object::new(arena);
                for (name, value) in pairs {
                    object.set(name, value.value(arena));
                }
                Value::Object(object)
            }
            Self::List(values) => {
                let values = values.iter().map(|value| value.value(arena));
                Value::Array(Array::from_iter_in(values, arena))
            }
        }
    }
}

impl Filter for Kv {
    fn failure_tags(&self) -> &[&'static str] {
        &self.tag_on_failure
    }

    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let Ok(found) = self.parse_source(event, context.scratch) else {
            event.tag(self.tag_on_timeout);
            return Outcome::Unmatched;
        };
        let pairs = self.with_defaults(found, event.arena());
        if pairs.is_empty() {
            return Outcome::Unmatched;
        }
        let set = match self.options.target {
            Some(target) => event.try_set(target, Value::Object(pairs)),
            None => event.set_all(pairs).is_ok(),
        };
        if set {
            return Outcome::Matched;
        }
        event.tag_all(&self.tag_on_failure);
        Outcome::Unmatched
    }
}

impl Kv {
    fn parse_source<'a>(
        &self,
        event: &Event<'a>,
        scratch: &mut Scratch,
    ) -> Result<Object<'a>, BudgetExceeded> {
        let mut scan = Scan::new(self, event, scratch);
        let mut pairs = Object::with_capacity(event.arena(), 8);
        match event.get(self.options.source) {
            Some(Value::Str(text)) => scan.parse(text, &mut pairs)?,
            Some(Value::Array(values)) => {
                for value in values {
                    if let Value::Str(text) = value {
                        scan.parse(text, &mut pairs)?;
                    }
                }
            }
            _ => {}
        }
        Ok(pairs)
    }

    /// The defaults, with what was found in their place, and whatever else was found.
    fn with_defaults<'a>(&self, mut found: Object<'a>, arena: &'a Arena) -> Object<'a> {
        if self.default_keys.is_empty() {
            return found;
        }
        let mut all = Object::with_capacity(arena, 8);
        for (key, default) in &self.default_keys {
            all.set(key, default.value(arena));
        }
        for (key, value) in found.iter_mut() {
            all.set(key, std::mem::replace(value, Value::Null));
        }
        all
    }
}
