//! Log lines on standard error.

use std::collections::BTreeMap;
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, reload};

use crate::cli::{LogFormat, LogLevel};

/// Starts logging. Libraries below log from the same level on, except librdkafka's chatter.
pub fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let levels = Levels {
        first: level,
        root: level,
        loggers: BTreeMap::new(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Plain => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.event_format(JsonLines).boxed(),
    };
    let (filter, handle) = reload::Layer::new(levels.targets());
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
    // A failure would mean that there is no subscriber any more.
    let apply = move |targets| drop(handle.reload(targets));
    let _ = LEVELS.set(Mutex::new((levels, Box::new(apply))));
}

/// The levels, and what makes changed ones count.
static LEVELS: OnceLock<Mutex<(Levels, Apply)>> = OnceLock::new();

type Apply = Box<dyn Fn(Targets) + Send>;

struct Levels {
    /// As it was at the start.
    first: LevelFilter,
    /// Of every logger that has none of its own.
    root: LevelFilter,
    /// By the name of the logger, such as `kelp_sink::elasticsearch`.
    loggers: BTreeMap<String, LevelFilter>,
}

impl Levels {
    fn targets(&self) -> Targets {
        let loggers = self.loggers.iter();
        Targets::new()
            .with_default(self.root)
            // It calls a consumer that was closed orderly before it is dropped an error.
            .with_target("rdkafka::consumer::base_consumer", LevelFilter::OFF)
            .with_targets(loggers.map(|(name, level)| (name.clone(), *level)))
    }
}

fn with_levels<T>(change: impl FnOnce(&mut Levels) -> T) -> Option<T> {
    let mut levels = LEVELS.get()?.lock().unwrap_or_else(PoisonError::into_inner);
    let (levels, apply) = &mut *levels;
    let result = change(levels);
    apply(levels.targets());
    Some(result)
}

/// The level by logger, as `/_node/logging` shows it.
pub fn levels() -> Value {
    let all = with_levels(|levels| {
        let name = |level: &LevelFilter| level.to_string().to_uppercase();
        let mut all = Map::new();
        all.insert(ROOT.to_owned(), name(&levels.root).into());
        for (logger, level) in &levels.loggers {
            all.insert(logger.replace("::", "."), name(level).into());
        }
        all
    });
    Value::Object(all.unwrap_or_default())
}

/// The logger above all others.
const ROOT: &str = "kelp";

/// Sets levels: `{"logger.kelp.run": "DEBUG"}`. `logger.kelp`, or Logstash's `logger.logstash`, means all.
pub fn set_levels(body: &[u8]) -> Result<(), String> {
    let wanted: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| format!("not a JSON object: {error}"))?;
    let mut parsed = Vec::new();
    for (key, level) in &wanted {
        let name = key.strip_prefix("logger.");
        let name = name.ok_or_else(|| format!("unrecognized option [{key}]"))?;
        let text = level.as_str().unwrap_or_default();
        let level = match text.to_ascii_uppercase().as_str() {
            "FATAL" => LevelFilter::ERROR,
            other => other
                .parse()
                .map_err(|_| format!("invalid level[{text}] for logger[{name}]"))?,
        };
        parsed.push((name.replace('.', "::"), level));
    }
    with_levels(|levels| {
        for (name, level) in parsed {
            match name.as_str() {
                "" | ROOT | "logstash" => levels.root = level,
                _ => drop(levels.loggers.insert(name, level)),
            }
        }
    });
    Ok(())
}

/// Sets the levels as they were at the start.
pub fn reset() {
    with_levels(|levels| {
        levels.root = levels.first;
        levels.loggers.clear();
    });
}

/// One JSON object in each line, with the names that Logstash gives (`log.format: json`).
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let metadata = event.metadata();
        let thread = std::thread::current();
        let line = json!({
            "level": metadata.level().as_str(),
            "loggerName": metadata.target().replace("::", "."),
            "timeMillis": since_epoch.unwrap_or_default().as_millis() as u64,
            "thread": thread.name().unwrap_or("?"),
            "logEvent": fields.0,
        });
        writeln!(writer, "{line}")
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}
