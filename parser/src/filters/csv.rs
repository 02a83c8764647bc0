//! `csv`: takes a line of separated values apart (source: logstash-filter-csv, Ruby's CSV library).

pub(crate) mod convert;
mod row;

use std::sync::OnceLock;

use crate::event::{Event, FieldRef, Object, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{Pairs, Settings};
pub(crate) use convert::Conversion;
pub(super) use convert::{float, integer};
pub(crate) use row::{Dialect, Malformed};

plugin_options! {
    /// Takes separated values apart, as in a line of a CSV file.
    ///
    /// Values may stand in quotes. An empty value is null. Only the first line of a text is read.
    pub struct CsvOptions for Filter "csv" {
        /// The field that holds the line.
        pub source: FieldRef<'static> = "message",
        /// The field to put the values in; without it they become fields of the event.
        pub target: Option<String>,
        /// The names of the columns. Those beyond are called `column1`, `column2` and so on.
        pub columns: Vec<String> = [],
        /// What stands between values.
        pub separator: String = ",",
        /// The character around values that hold separators; `"\x00"` for none.
        pub quote_char: String = "\"",
        /// Gives columns without a name one; otherwise they are left out.
        pub autogenerate_column_names: bool = true,
        /// Takes the names of the columns from the first event, which goes no further.
        pub autodetect_column_names: bool = false,
        /// Lets events that hold just the names of the columns go no further.
        pub skip_header: bool = false,
        /// Leaves empty values out.
        pub skip_empty_columns: bool = false,
        /// Tags an empty text `_csvskippedemptyfield` instead of taking it for a failure.
        pub skip_empty_rows: bool = false,
        /// Types of columns: `integer`, `float`, `boolean`, `date` or `date_time`.
        pub convert: Pairs<String> = [],
    }
}

/// For how many columns without names the names are made beforehand.
const GENERATED_COLUMNS: usize = 64;

const TAG_FAILURE: &str = "_csvparsefailure";
const TAG_EMPTY: &str = "_csvskippedemptyfield";

/// Takes a line of separated values apart.
pub struct Csv {
    options: CsvOptions,
    dialect: Option<Dialect>,
    conversions: Vec<(String, Conversion)>,
    /// In brackets; empty for the event itself.
    target: String,
    target_field: Option<FieldRef<'static>>,
    columns: Vec<Column>,
    /// The first columns as they are where nobody named them.
    generated: Vec<Column>,
    /// The columns of the first event, with `autodetect_column_names`.
    detected: OnceLock<Vec<Column>>,
}

/// Where the values of a column go.
struct Column {
    /// As written or read; `None` where the header had no value.
    name: Option<String>,
    /// `None`: its name is no field reference.
    field: Option<FieldRef<'static>>,
    conversion: Conversion,
}

impl BuildFilter for Csv {
    type Options = CsvOptions;

    fn build(options: CsvOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
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
        let dialect = Dialect::new(&options.separator, &options.quote_char);
        if dialect.is_none() {
            // Logstash finds that out with the first event, and then with every one.
            let message = "the separator must not be empty and quote_char must be one character; every event will fail";
            settings.warn(settings.span_of("quote_char"), message);
        }
        let target = match &options.target {
            Some(target) if target.starts_with('[') => target.clone(),
            Some(target) => format!("[{target}]"),
            None => String::new(),
        };
        let mut csv = Self {
            dialect,
            conversions,
            target_field: FieldRef::parse(&target).ok(),
            target,
            columns: Vec::new(),
            generated: Vec::new(),
            detected: OnceLock::new(),
            options,
        };
        let names = csv.options.columns.iter().map(|name| Some(name.as_str()));
        csv.columns = csv.columns_of(names);
        csv.generated = csv.columns_of(std::iter::repeat_n(None, GENERATED_COLUMNS));
        Some(csv)
    }
}

impl Filter for Csv {
    fn failure_tags(&self) -> &[&'static str] {
        &[TAG_FAILURE]
    }

    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let text = match event.get(self.options.source) {
            None | Some(Value::Null | Value::Bool(false)) => return Outcome::Unmatched,
            Some(Value::Str(text)) => text,
            Some(_) => return fail(event),
        };
        let Some(dialect) = &self.dialect else {
            return fail(event);
        };
        let values = match dialect.first_row(text, event.arena()) {
            Ok(Some(values)) => values,
            Ok(None) if self.options.skip_empty_rows => {
                event.tag(TAG_EMPTY);
                return Outcome::Unmatched;
            }
            Ok(None) | Err(Malformed) => return fail(event),
        };
        if self.is_header(&values) {
            return Outcome::Drop;
        }
        match self.set_fields(&values, event) {
            Some(()) => Outcome::Matched,
            None => fail(event),
        }
    }
}

fn fail(event: &mut Event<'_>) -> Outcome {
    event.tag(TAG_FAILURE);
    Outcome::Unmatched
}

impl Csv {
    fn columns_of<'n>(&self, names: impl Iterator<Item = Option<&'n str>>) -> Vec<Column> {
        let columns = names.enumerate().map(|(number, name)| match name {
            Some(name) => self.column(name, Some(name)),
            None => self.column(&format!("column{}", number + 1), None),
        });
        columns.collect()
    }

    fn column(&self, name: &str, given: Option<&str>) -> Column {
        Column {
            name: given.map(str::to_owned),
            field: FieldRef::parse(&self.reference(name)).ok(),
            conversion: self.conversion(name),
        }
    }

    fn reference(&self, name: &str) -> String {
        if name.starts_with('[') {
            format!("{}{name}", self.target)
        } else {
            format!("{}[{name}]", self.target)
        }
    }

    fn conversion(&self, name: &str) -> Conversion {
        let found = self.conversions.iter().find(|(have, _)| have == name);
        found.map_or(Conversion::None, |(_, conversion)| *conversion)
    }

    /// What holds the columns, if it is an object that is there already.
    fn parent<'e, 'a>(&self, event: &'e mut Event<'a>) -> Option<&'e mut Object<'a>> {
        if self.target.is_empty() {
            return Some(event.fields_mut());
        }
        match event.get_mut(self.target_field?) {
            Some(Value::Object(parent)) => Some(parent),
            _ => None,
        }
    }

    fn columns(&self) -> &[Column] {
        match self.detected.get() {
            Some(detected) => detected,
            None => &self.columns,
        }
    }

    /// Whether the values name the columns: because the filter is still to learn them, or because
    /// they are known and headers are passed over.
    fn is_header(&self, values: &[Option<&str>]) -> bool {
        if self.options.autodetect_column_names
            && self.columns().is_empty()
            && self
                .detected
                .set(self.columns_of(values.iter().copied()))
                .is_ok()
        {
            return true;
        }
        let columns = self.columns();
        let names = columns.iter().map(|column| column.name.as_deref());
        self.options.skip_header && !columns.is_empty() && names.eq(values.iter().copied())
    }

    /// Sets the values up to the first that cannot be set.
    fn set_fields<'a>(&self, values: &[Option<&'a str>], event: &mut Event<'a>) -> Option<()> {
        let columns = self.columns();
        let arena = event.arena();
        // How many fields there were before the first of the columns that the filter has no name for.
        let mut searched = None;
        for (number, value) in values.iter().enumerate() {
            let column = columns.get(number);
            let unnamed = column.is_none_or(|column| column.name.is_none());
            if self.options.skip_empty_columns && value.unwrap_or_default().is_empty()
                || unnamed && !self.options.autogenerate_column_names
            {
                continue;
            }
            if let Some(column) = column.or_else(|| self.generated.get(number)) {
                let value = column.conversion.apply(*value, arena)?;
                if !event.try_set(column.field?, value) {
                    return None;
                }
                continue;
            }
            let name = arena.alloc_str(&format!("column{}", number + 1));
            let value = self.conversion(name).apply(*value, arena)?;
            match self.parent(event) {
                Some(parent) => {
                    let searched = *searched.get_or_insert(parent.len());
                    parent.set_among(searched, name, value);
                }
                None => {
                    let reference = arena.alloc_str(&self.reference(name));
                    let field = FieldRef::parse_in(arena, reference).ok()?;
                    if !event.try_set(field, value) {
                        return None;
                    }
                }
            }
        }
        Some(())
    }
}
