//! `csv`: a payload is a line of separated values (source: logstash-codec-csv, Ruby's CSV library).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::json::event_of;
use super::{failed_event, keep_original, original_field};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::event::{Arena, Event, FieldRef, Object, Value, intern, ruby_text};
use crate::filters::csv::{Conversion, Dialect};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Pairs, Settings};

plugin_options! {
    /// Separated values, as in a line of a CSV file: each payload becomes one event.
    ///
    /// What is no such line becomes the `message` of an event that is tagged `_csvparsefailure`.
    pub struct CsvCodecOptions for Codec "csv" {
        /// The names of the columns to read, or the fields to write. Columns beyond are called `column1`,
        /// `column2` and so on; without names all fields are written.
        columns: Vec<String> = [],
        /// What stands between values.
        separator: String = ",",
        /// The character around values that hold separators; `"\x00"` for none.
        quote_char: String = "\"",
        /// Writes a line with the names of the columns first.
        include_headers: bool = false,
        /// Gives columns without a name one; otherwise they are left out.
        autogenerate_column_names: bool = true,
        /// Leaves empty values out.
        skip_empty_columns: bool = false,
        /// Takes the names of the columns from the first payload, which is no event.
        autodetect_column_names: bool = false,
        /// Types of columns: `integer`, `float`, `boolean`, `date` or `date_time`.
        convert: Pairs<String> = [],
        /// The character set of the payload.
        charset: Charset = "UTF-8",
        /// The field to put the values in, instead of the event itself.
        target: Option<FieldRef<'static>>,
    }
}

/// Lines of separated values.
pub struct Csv {
    dialect: Dialect,
    quote: String,
    conversions: Vec<(String, Conversion)>,
    original: Option<FieldRef<'static>>,
    /// The columns of the first payload, with `autodetect_column_names`.
    detected: OnceLock<Vec<Option<String>>>,
    named: Vec<Option<&'static str>>,
    /// The fields of `named` to write; `None` where a name is no field reference.
    fields: Vec<Option<FieldRef<'static>>>,
    header_written: AtomicBool,
    options: CsvCodecOptions,
}

const TAG_FAILURE: &str = "_csvparsefailure";

impl BuildCodec for Csv {
    type Options = CsvCodecOptions;

    fn build(
        options: CsvCodecOptions,
        settings: &mut Settings<'_>,
        ecs: EcsCompatibility,
    ) -> Option<Self> {
        let mut conversions = Vec::new();
        for (name, datatype) in &options.convert.0 {
            match Conversion::parse(datatype) {
                Some(conversion) => conversions.push((name.node.clone(), conversion)),
                None => settings.report_choice(name.span, datatype, Conversion::NAMES),
            }
        }
        if conversions.len() < options.convert.0.len() {
            return None;
        }
        let Some(dialect) = Dialect::new(&options.separator, &options.quote_char) else {
            let message = "the separator must not be empty and quote_char must be one character";
            settings.report(settings.span_of("quote_char"), message);
            return None;
        };
        let quote = match options.quote_char.as_str() {
            "\\x00" => "\0".to_owned(),
            quote => quote.to_owned(),
        };
        let names = options.columns.iter().map(|name| Some(intern(name)));
        let fields = options.columns.iter();
        Some(Self {
            dialect,
            quote,
            conversions,
            original: original_field(ecs),
            detected: OnceLock::new(),
            named: names.collect(),
            fields: fields.map(|name| FieldRef::parse(name).ok()).collect(),
            header_written: AtomicBool::new(!options.include_headers),
            options,
        })
    }
}

impl Codec for Csv {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let text = context.text(payload, &self.options.charset);
        let Ok(Some(values)) = self.dialect.first_row(text, context.arena) else {
            return failed_event(text, TAG_FAILURE, context);
        };
        if self.is_header(&values) {
            return;
        }
        let fields = self.fields_of(&values, context);
        let made =
            fields.and_then(|fields| event_of(Value::Object(fields), self.options.target, context));
        let Some(mut event) = made else {
            return failed_event(text, TAG_FAILURE, context);
        };
        // A column may be called `event`.
        let _has_place = keep_original(&mut event, self.original, text);
        (context.emit)(event);
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let is_header_due = !self.header_written.swap(true, Ordering::Relaxed);
        let arena = event.arena();
        if self.named.is_empty() {
            let fields = event.fields();
            if is_header_due {
                self.write_row(fields.iter().map(|(name, _)| Some(name)), out);
            }
            self.write_row(fields.iter().map(|(_, value)| text(value, arena)), out);
        } else {
            if is_header_due {
                self.write_row(self.named.iter().copied(), out);
            }
            let value_of = |field: &Option<FieldRef<'static>>| text(event.get((*field)?)?, arena);
            self.write_row(self.fields.iter().map(value_of), out);
        }
        Ok(())
    }
}

fn text<'a>(value: &Value<'a>, arena: &'a Arena) -> Option<&'a str> {
    (!matches!(value, Value::Null)).then(|| ruby_text(value, arena))
}

impl Csv {
    /// Whether the values are the names of the columns, which are to be taken from the first payload.
    fn is_header(&self, values: &[Option<&str>]) -> bool {
        if !(self.options.autodetect_column_names && self.named.is_empty())
            || self.detected.get().is_some()
        {
            return false;
        }
        let names = values.iter().map(|name| name.map(str::to_owned));
        self.detected.set(names.collect()).is_ok()
    }

    /// `None` where Logstash fails: it cannot make a boolean of nothing.
    fn fields_of<'a>(
        &self,
        values: &[Option<&'a str>],
        context: &DecodeContext<'a, '_>,
    ) -> Option<Object<'a>> {
        let arena = context.arena;
        let given = |number: usize| match self.detected.get() {
            Some(detected) => Some(&*arena.alloc_str(detected.get(number)?.as_deref()?)),
            None => *self.named.get(number)?,
        };
        let mut fields = Object::with_capacity(arena, 8);
        for (number, value) in values.iter().enumerate() {
            let given = given(number);
            if self.options.skip_empty_columns && value.unwrap_or_default().is_empty()
                || given.is_none() && !self.options.autogenerate_column_names
            {
                continue;
            }
            let name: &'a str = match given {
                Some(name) => name,
                None => arena.alloc_str(&format!("column{}", number + 1)),
            };
            let conversion = self.conversions.iter().find(|(column, _)| column == name);
            let conversion = conversion.map_or(Conversion::None, |(_, conversion)| *conversion);
            fields.set(name, conversion.apply(*value, arena)?);
        }
        Some(fields)
    }

    /// Values in quotes where they are empty or hold what has a meaning; nothing for null.
    fn write_row<'v>(&self, values: impl Iterator<Item = Option<&'v str>>, out: &mut Vec<u8>) {
        for (number, value) in values.enumerate() {
            if number > 0 {
                out.extend_from_slice(self.options.separator.as_bytes());
            }
            let Some(value) = value else { continue };
            let is_plain = !value.is_empty()
                && !value.contains(['\r', '\n'])
                && !value.contains(&self.options.separator)
                && !value.contains(&self.quote);
            if is_plain {
                out.extend_from_slice(value.as_bytes());
            } else {
                out.extend_from_slice(self.quote.as_bytes());
                let doubled = value.replace(&self.quote, &self.quote.repeat(2));
                out.extend_from_slice(doubled.as_bytes());
                out.extend_from_slice(self.quote.as_bytes());
            }
        }
        out.push(b'\n');
    }
}
