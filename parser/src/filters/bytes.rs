//! `bytes`: reads sizes such as `3.5 MB` (source: logstash-filter-bytes).

use super::mutate::strip_text;
use crate::event::{Arena, ArenaString, Event, FieldRef, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::regex::{Options, Regex, Scratch};
use crate::spec::Settings;
use crate::{plugin_choice, plugin_options};

plugin_options! {
    /// Reads a size with its unit, as in `3.5 MB`, as a number of bytes.
    ///
    /// Units are `k`, `m`, `g`, `t`, `p` and `e` in either case, with or without a `b`.
    pub struct BytesOptions for Filter "bytes" {
        /// The field that holds the size.
        source: FieldRef<'static> = "message",
        /// The field to put the number of bytes in.
        target: FieldRef<'static>,
        /// Whether a unit is a power of 1024 or of 1000.
        conversion_method: ConversionMethod = "binary",
        /// What stands before the decimals; the other one may group digits.
        decimal_separator: DecimalSeparator = ".",
        /// Tags added when the field holds no size.
        tag_on_failure: Vec<String> = ["_bytesparsefailure"],
    }
}

plugin_choice! {
    /// How large units are.
    pub enum ConversionMethod {
        /// Powers of 1024.
        Binary = "binary",
        /// Powers of 1000.
        Metric = "metric",
    }
}

plugin_choice! {
    /// What stands before decimals.
    pub enum DecimalSeparator {
        /// A dot.
        Dot = ".",
        /// A comma.
        Comma = ",",
    }
}

/// Digits with what may group them, a unit; the first line that is one counts.
const SIZE: &str = r"^([0-9 _,.]*)\s*([kKmMgGtTpPeE]?)([bB]?)$";

/// Reads sizes.
pub struct Bytes {
    source: FieldRef<'static>,
    target: FieldRef<'static>,
    unit: f64,
    decimal_separator: char,
    size: Regex,
    tag_on_failure: Vec<&'static str>,
}

impl BuildFilter for Bytes {
    type Options = BytesOptions;

    fn build(options: BytesOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let size = Regex::new(SIZE, Options::default())
            .map_err(|error| {
                let span = settings.span_of("source");
                settings.report(span, error.to_string());
            })
            .ok()?;
        Some(Self {
            source: options.source,
            target: options.target,
            unit: match options.conversion_method {
                ConversionMethod::Binary => 1024.0,
                ConversionMethod::Metric => 1000.0,
            },
            decimal_separator: match options.decimal_separator {
                DecimalSeparator::Dot => '.',
                DecimalSeparator::Comma => ',',
            },
            size,
            tag_on_failure: options
                .tag_on_failure
                .iter()
                .map(|tag| intern(tag))
                .collect(),
        })
    }
}

impl Filter for Bytes {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let arena = event.arena();
        let size = match event.get_mut(self.source) {
            Some(Value::Str(text)) => {
                // Logstash strips the text in the event itself.
                *text = strip_text(text);
                self.read(text, context.scratch)
            }
            _ => None,
        };
        if let Some(size) = size
            && event.try_set(self.target, integer(size, arena))
        {
            return Outcome::Matched;
        }
        event.tag_all(&self.tag_on_failure);
        Outcome::Unmatched
    }
}

impl Bytes {
    fn read(&self, text: &str, scratch: &mut Scratch) -> Option<f64> {
        if !self.size.captures_at(text, 0, scratch).ok()? {
            return None;
        }
        let group = |number| {
            let (start, end) = scratch.span(number)?;
            text.get(start..end)
        };
        let digits = group(1)?;
        if digits.matches(self.decimal_separator).count() > 1 {
            return None;
        }
        let number: String = digits
            .chars()
            .filter(|char| char.is_ascii_digit() || *char == self.decimal_separator)
            .map(|char| if char == ',' { '.' } else { char })
            .collect();
        if number.is_empty() {
            return None;
        }
        // A lone separator is 0, as in Ruby.
        let number = number.parse().unwrap_or(0.0);
        let power = match group(2)?.to_ascii_lowercase().as_str() {
            "" => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            _ => 6,
        };
        let size: f64 = number * self.unit.powi(power);
        size.is_finite().then(|| size.round())
    }
}

/// A whole number, of any size.
fn integer(number: f64, arena: &Arena) -> Value<'_> {
    if number.abs() < 9.2e18 {
        return Value::Int(number as i64);
    }
    let digits = ArenaString::from_str_in(&format!("{number:.0}"), arena);
    Value::BigInt(digits.into_bump_str())
}
