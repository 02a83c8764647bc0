//! `syslog_pri`: takes a syslog priority apart into facility and severity (source: logstash-filter-syslog_pri).

use crate::event::{Event, FieldRef, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::grok::{Integer, to_i};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Takes the priority of a syslog message apart into facility and severity.
    ///
    /// A missing priority counts as 13, text that is no number as 0. In ECS modes the results are below `[log][syslog]`.
    pub struct SyslogPriOptions for Filter "syslog_pri" {
        /// Adds the names of facility and severity to their numbers.
        use_labels: bool = true,
        /// The field that holds the priority: `syslog_pri` without ECS, else `[log][syslog][priority]`.
        syslog_pri_field_name: Option<FieldRef<'static>>,
        /// Names of the facilities, from 0.
        facility_labels: Vec<String> = [
            "kernel", "user-level", "mail", "daemon", "security/authorization", "syslogd",
            "line printer", "network news", "uucp", "clock", "security/authorization", "ftp", "ntp",
            "log audit", "log alert", "clock", "local0", "local1", "local2", "local3", "local4",
            "local5", "local6", "local7"
        ],
        /// Names of the severities, from 0.
        severity_labels: Vec<String> = [
            "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"
        ],
    }
}

/// The priority of messages that have none: a notice of a user's program.
const DEFAULT_PRIORITY: i64 = 13;

const FAILURE_TAG: &str = "_syslogpriparsefailure";

/// Takes a priority apart.
pub struct SyslogPri {
    source: FieldRef<'static>,
    severity_code: FieldRef<'static>,
    facility_code: FieldRef<'static>,
    facility_label: FieldRef<'static>,
    severity_label: FieldRef<'static>,
    /// Names of facilities and severities, if they are wanted.
    labels: Option<[Vec<&'static str>; 2]>,
}

impl BuildFilter for SyslogPri {
    type Options = SyslogPriOptions;

    fn build(
        options: SyslogPriOptions,
        _: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        let field =
            |plain, ecs| FieldRef::constant(if context.ecs.is_enabled() { ecs } else { plain });
        let interned = |labels: &[String]| labels.iter().map(|label| intern(label)).collect();
        let labels = [
            interned(&options.facility_labels),
            interned(&options.severity_labels),
        ];
        Some(Self {
            source: options
                .syslog_pri_field_name
                .unwrap_or_else(|| field("syslog_pri", "[log][syslog][priority]")),
            severity_code: field("syslog_severity_code", "[log][syslog][severity][code]"),
            facility_code: field("syslog_facility_code", "[log][syslog][facility][code]"),
            facility_label: field("syslog_facility", "[log][syslog][facility][name]"),
            severity_label: field("syslog_severity", "[log][syslog][severity][name]"),
            labels: options.use_labels.then_some(labels),
        })
    }
}

impl Filter for SyslogPri {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let priority = match event.get(self.source) {
            Some(Value::Array(values)) => values.first().map_or(Some(0), to_integer),
            Some(value) => to_integer(value),
            None => Some(DEFAULT_PRIORITY),
        };
        let Some(priority) = priority else {
            event.tag(FAILURE_TAG);
            return Outcome::Unmatched;
        };
        let (facility, severity) = (priority >> 3, priority & 7);
        let mut set = event.try_set(self.severity_code, Value::Int(severity));
        set &= event.try_set(self.facility_code, Value::Int(facility));
        if let Some([facilities, severities]) = &self.labels {
            if facility >= facilities.len() as i64 {
                event.tag(FAILURE_TAG);
                return Outcome::Matched;
            }
            if let Some(label) = label(facilities, facility) {
                set &= event.try_set(self.facility_label, Value::Str(label));
            }
            if let Some(label) = label(severities, severity) {
                set &= event.try_set(self.severity_label, Value::Str(label));
            }
        }
        if set {
            return Outcome::Matched;
        }
        event.tag(FAILURE_TAG);
        Outcome::Unmatched
    }
}

/// Ruby's `to_i`; `None` for what has none. Null and false count as missing.
fn to_integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Null | Value::Bool(false) => Some(DEFAULT_PRIORITY),
        Value::Int(number) => Some(*number),
        Value::Float(number) => Some(*number as i64),
        Value::Str(text) | Value::Decimal(text) => match to_i(text) {
            Integer::Small(number) => Some(number),
            Integer::Big(_) => None,
        },
        _ => None,
    }
}

/// The label by its number; negative ones count from the end, as in Ruby.
fn label(labels: &[&'static str], number: i64) -> Option<&'static str> {
    let index = if number < 0 {
        number.checked_add(labels.len() as i64)?
    } else {
        number
    };
    labels.get(usize::try_from(index).ok()?).copied()
}
