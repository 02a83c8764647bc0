//! `date`: reads a date from a field (source: logstash-filter-date).

use std::error::Error;

use crate::config::Span;
use crate::config::ast::Spanned;
use crate::event::{Event, FieldRef, Template, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;
use crate::time::{DateParser, Locale, Timestamp, Zone};

plugin_options! {
    /// Reads a date from a field and uses it as the event's timestamp.
    ///
    /// The formats are tried in the order written; the first that matches all of the text counts. Where none does, the
    /// event is tagged. A missing or null field is passed over.
    pub struct DateOptions for Filter "date" {
        /// The field, then one or more formats: a [Joda-Time pattern](https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html),
        /// `ISO8601`, `UNIX` (seconds, also with a fraction), `UNIX_MS` (milliseconds) or `TAI64N`.
        r#match: Spanned<Vec<Spanned<String>>>,
        /// The language of month and weekday names, as in `de` or `pt-BR`.
        locale: Option<Spanned<String>>,
        /// Where to put the timestamp.
        target: FieldRef<'static> = "@timestamp",
        /// The time zone of dates that do not name one, as in `Europe/Paris` or `+02:00`; may be taken from a field, as in
        /// `%{[event][timezone]}`. UTC where it is not set.
        timezone: Option<Spanned<String>>,
        /// Tags added when no format matches.
        tag_on_failure: Vec<String> = ["_dateparsefailure"],
    }
}

/// Reads a date from a field.
pub struct Date {
    source: FieldRef<'static>,
    formats: Vec<DateParser>,
    zone: EventZone,
    target: FieldRef<'static>,
    tag_on_failure: Vec<&'static str>,
}

/// The zone of dates that do not name one.
enum EventZone {
    Fixed(Zone),
    /// Each event names its own.
    FromEvent(Template),
}

impl BuildFilter for Date {
    type Options = DateOptions;

    fn build(options: DateOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let (field, formats) = match options.r#match.node.split_first() {
            Some((field, formats)) if !formats.is_empty() => (field, formats),
            _ => {
                let message = "`match` needs a field and at least one date format";
                let diagnostic = settings.report(options.r#match.span, message);
                diagnostic.help = Some("as in `match => [\"time\", \"ISO8601\"]`".to_owned());
                return None;
            }
        };
        let source = reported(settings, field.span, FieldRef::parse(&field.node));
        let locale = read_locale(options.locale, settings);
        let zone = match options.timezone {
            None => Some(EventZone::Fixed(Zone::UTC)),
            Some(zone) if zone.node.contains("%{") => {
                reported(settings, zone.span, Template::parse(&zone.node)).map(EventZone::FromEvent)
            }
            Some(zone) => {
                reported(settings, zone.span, Zone::new(&zone.node)).map(EventZone::Fixed)
            }
        };
        // Every format is read, so that each bad one is reported.
        let formats: Vec<Option<DateParser>> = formats
            .iter()
            .map(|format| {
                let parser = DateParser::new(&format.node, &locale);
                reported(settings, format.span, parser)
            })
            .collect();
        Some(Self {
            source: source?,
            formats: formats.into_iter().collect::<Option<_>>()?,
            zone: zone?,
            target: options.target,
            tag_on_failure: options
                .tag_on_failure
                .iter()
                .map(|tag| intern(tag))
                .collect(),
        })
    }
}

fn reported<T, E: Error>(
    settings: &mut Settings<'_>,
    span: Span,
    result: Result<T, E>,
) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            settings.report(span, error.to_string());
            None
        }
    }
}

/// A locale that is not known has short English names alone, as it would for Logstash.
fn read_locale(tag: Option<Spanned<String>>, settings: &mut Settings<'_>) -> Locale {
    let Some(tag) = tag else {
        return Locale::english();
    };
    Locale::new(&tag.node).unwrap_or_else(|error| {
        let message = format!("{error}: short English ones, as `Mar` and `Tue`, are read");
        settings.warn(tag.span, message);
        Locale::root()
    })
}

impl Filter for Date {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let read = match event.get(self.source) {
            None | Some(Value::Null) => return Outcome::Unmatched,
            Some(value) => self.read(value, event, context.now),
        };
        if let Some(timestamp) = read
            && event.set(self.target, Value::Timestamp(timestamp)).is_ok()
        {
            return Outcome::Matched;
        }
        for tag in &self.tag_on_failure {
            event.tag(tag);
        }
        Outcome::Unmatched
    }
}

impl Date {
    fn read(&self, value: &Value<'_>, event: &Event<'_>, now: Timestamp) -> Option<Timestamp> {
        let mut formats = self.formats.iter();
        match value {
            Value::Str(text) => self.read_text(text, event, now),
            Value::Int(number) => formats.find_map(|format| format.parse_integer(*number)),
            Value::Float(number) => formats.find_map(|format| format.parse_float(*number)),
            Value::Decimal(number) => formats.find_map(|format| format.parse_decimal(number)),
            _ => None,
        }
    }

    fn read_text(&self, text: &str, event: &Event<'_>, now: Timestamp) -> Option<Timestamp> {
        let template = match &self.zone {
            EventZone::Fixed(zone) => {
                let mut formats = self.formats.iter();
                return formats.find_map(|format| format.parse(text, zone, now));
            }
            EventZone::FromEvent(template) => template,
        };
        let zone = Zone::new(template.render(event)).ok();
        self.formats.iter().find_map(|format| {
            // An event without a valid zone can still have a date that needs none.
            let zone = match &zone {
                None if format.is_epoch() => &Zone::UTC,
                zone => zone.as_ref()?,
            };
            format.parse(text, zone, now)
        })
    }
}
