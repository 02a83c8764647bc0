//! `dissect`: cuts text at fixed delimiters (source: logstash-filter-dissect).

mod mapping;

use crate::big_decimal::{to_decimal, to_integer};
use crate::event::{Event, FieldRef, Value, intern, ruby_text};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{Pairs, Settings};
use mapping::{Mapping, Refused};

plugin_options! {
    /// Cuts text into fields at fixed delimiters.
    ///
    /// A mapping such as `%{date} %{+date} %{host}: %{message}` says which fields stand between which
    /// delimiters. `%{}` and `%{?name}` are passed over, `%{+name}` is appended to `name` (`%{+name/2}`
    /// in the order given), `%{&name}` goes into the field that the value of `name` names, and a field
    /// that ends in `->` may be followed by its delimiter several times.
    pub struct DissectOptions for Filter "dissect" {
        /// Mappings by the field they are applied to. Those of a hash come in the order of a Java `HashMap`, as in Logstash:
        /// where one takes a field that another sets, write two `dissect` filters, or a list, which keeps its order.
        pub mapping: Pairs<String> = [],
        /// Fields that become numbers: `int` or `float`.
        pub convert_datatype: Pairs<String> = [],
        /// Tags added when a text does not have the form of its mapping.
        pub tag_on_failure: Vec<String> = ["_dissectfailure"],
    }
}

/// Cuts text at fixed delimiters.
pub struct Dissect {
    mappings: Vec<(FieldRef<'static>, Mapping)>,
    conversions: Vec<Conversion>,
    tag_on_failure: Vec<&'static str>,
}

struct Conversion {
    field: FieldRef<'static>,
    integer: bool,
    tag_null: &'static str,
    tag_uncoercible: &'static str,
}

impl BuildFilter for Dissect {
    type Options = DissectOptions;

    fn build(
        options: DissectOptions,
        settings: &mut Settings<'_>,
        _: &BuildContext,
    ) -> Option<Self> {
        let mut valid = true;
        let mut mappings = Vec::new();
        for (name, text) in &options.mapping.0 {
            // Logstash passes over an empty mapping.
            if text.is_empty() {
                continue;
            }
            match (FieldRef::parse(&name.node), Mapping::parse(text)) {
                (Ok(field), Ok(mapping)) => mappings.push((field, mapping)),
                (Err(error), _) => {
                    settings.report(name.span, error.to_string());
                    valid = false;
                }
                (_, Err(error)) => {
                    settings.report(name.span, error.to_string());
                    valid = false;
                }
            }
        }
        let mut conversions = Vec::new();
        for (name, datatype) in &options.convert_datatype.0 {
            let integer = datatype.eq_ignore_ascii_case("int");
            if !integer && !datatype.eq_ignore_ascii_case("float") {
                settings.report_choice(name.span, datatype, &["int", "float"]);
                valid = false;
                continue;
            }
            match FieldRef::parse(&name.node) {
                Ok(field) => {
                    conversions.push(Conversion::new(&name.node, field, datatype, integer))
                }
                Err(error) => {
                    settings.report(name.span, error.to_string());
                    valid = false;
                }
            }
        }
        let tags = options.tag_on_failure.iter();
        valid.then(|| Self {
            mappings,
            conversions,
            tag_on_failure: tags.map(|tag| intern(tag)).collect(),
        })
    }
}

impl Filter for Dissect {
    /// The common options apply for each mapping that matches, and before values are converted
    /// (source: `JavaDissectorLibrary` in logstash-filter-dissect).
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let mut outcome = Outcome::Unmatched;
        for (field, mapping) in &self.mappings {
            match self.dissect(*field, mapping, event) {
                Ok(false) => {}
                Ok(true) => {
                    outcome = Outcome::Decorated;
                    if !context.decorate(event) {
                        return outcome;
                    }
                }
                Err(Refused) => {
                    event.tag_all(&self.tag_on_failure);
                    return outcome;
                }
            }
        }
        for conversion in &self.conversions {
            conversion.apply(event);
        }
        outcome
    }

    fn failure_tags(&self) -> &[&'static str] {
        &self.tag_on_failure
    }
}

impl Dissect {
    /// Whether the field's text had the mapping's form. A field that is missing is no failure.
    fn dissect<'a>(
        &self,
        field: FieldRef<'static>,
        mapping: &Mapping,
        event: &mut Event<'a>,
    ) -> Result<bool, Refused> {
        let Some(value) = event.get(field) else {
            return Ok(false);
        };
        let text = ruby_text(value, event.arena());
        let matched = mapping.apply(text, event)?;
        if !matched {
            event.tag_all(&self.tag_on_failure);
        }
        Ok(matched)
    }
}

impl Conversion {
    fn new(name: &str, field: FieldRef<'static>, datatype: &str, integer: bool) -> Self {
        Self {
            field,
            integer,
            tag_null: intern(&format!("_dataconversionnullvalue_{name}_{datatype}")),
            tag_uncoercible: intern(&format!("_dataconversionuncoercible_{name}_{datatype}")),
        }
    }

    fn apply(&self, event: &mut Event<'_>) {
        let arena = event.arena();
        let converted = match event.get(self.field) {
            None | Some(Value::Null) => return event.tag(self.tag_null),
            Some(Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Timestamp(_)) => None,
            Some(value) if self.integer => to_integer(ruby_text(value, arena), arena),
            Some(value) => to_decimal(ruby_text(value, arena), arena),
        };
        match (converted, event.get_mut(self.field)) {
            (Some(number), Some(value)) => *value = number,
            _ => event.tag(self.tag_uncoercible),
        }
    }
}
