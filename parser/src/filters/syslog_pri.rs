//! `syslog_pri`: takes a syslog priority apart into facility and severity (source: logstash-filter-syslog_pri).

use crate::event::{Arena, Event, FieldRef, Value, intern};
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
            Some(Value::Array(values)) => match values.first() {
                Some(Value::Null) | None => Some(Integer::Small(0)),
                Some(Value::Bool(_)) => None,
                Some(value) => to_integer(value),
            },
            Some(value) => to_integer(value),
            None => Some(Integer::Small(DEFAULT_PRIORITY)),
        };
        let arena = event.arena();
        let parts = priority.and_then(|priority| Parts::of(priority, arena));
        let Some(Parts {
            facility,
            severity,
            code,
        }) = parts
        else {
            event.tag(FAILURE_TAG);
            return Outcome::Unmatched;
        };
        let mut set = event.try_set(self.severity_code, Value::Int(severity));
        set &= event.try_set(self.facility_code, code);
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

/// What a priority is made of.
struct Parts<'a> {
    /// As near to the facility's number as 64 bits come.
    facility: i64,
    severity: i64,
    code: Value<'a>,
}

impl<'a> Parts<'a> {
    fn of(priority: Integer<'_>, arena: &'a Arena) -> Option<Self> {
        let digits = match priority {
            Integer::Small(number) => {
                let facility = number >> 3;
                return Some(Self {
                    facility,
                    severity: number & 7,
                    code: Value::Int(facility),
                });
            }
            Integer::Big(digits) => digits,
        };
        let (facility, severity) = divided_by_eight(&digits)?;
        let fitting = facility.parse().ok();
        let code = match fitting {
            Some(facility) => Value::Int(facility),
            None => Value::BigInt(arena.alloc_str(&facility)),
        };
        let nearest = match facility.starts_with('-') {
            true => i64::MIN,
            false => i64::MAX,
        };
        Some(Self {
            facility: fitting.unwrap_or(nearest),
            severity,
            code,
        })
    }
}

/// A number of any size divided by eight, rounded down, and the rest. Digit by digit: as a binary number it would cost the square of its
/// length.
fn divided_by_eight(digits: &str) -> Option<(String, i64)> {
    let magnitude = digits.strip_prefix('-').unwrap_or(digits);
    let mut quotient = Vec::with_capacity(digits.len() + 1);
    let mut rest = 0;
    for digit in magnitude.bytes() {
        rest = rest * 10 + i64::from(char::from(digit).to_digit(10)?);
        quotient.push(b'0' + (rest / 8) as u8);
        rest %= 8;
    }
    let is_negative = digits.len() > magnitude.len();
    if is_negative && rest > 0 {
        rest = 8 - rest;
        let nines = quotient.iter().rev().take_while(|digit| **digit == b'9');
        let kept = quotient.len() - nines.count();
        quotient[kept..].fill(b'0');
        match quotient[..kept].last_mut() {
            Some(digit) => *digit += 1,
            None => quotient.insert(0, b'1'),
        }
    }
    let quotient = String::from_utf8(quotient).ok()?;
    let quotient = quotient.trim_start_matches('0');
    Some(match (quotient, is_negative) {
        ("", _) => ("0".to_owned(), rest),
        (quotient, true) => (format!("-{quotient}"), rest),
        (quotient, false) => (quotient.to_owned(), rest),
    })
}

/// Ruby's `to_i`; `None` for what has none. Null and false count as missing.
fn to_integer<'a>(value: &Value<'a>) -> Option<Integer<'a>> {
    match value {
        Value::Null | Value::Bool(false) => Some(Integer::Small(DEFAULT_PRIORITY)),
        Value::Int(number) => Some(Integer::Small(*number)),
        Value::Float(number) if number.abs() < i64::MAX as f64 => {
            Some(Integer::Small(*number as i64))
        }
        Value::Float(number) => Some(Integer::Big(format!("{number:.0}").into())),
        Value::Str(text) | Value::Decimal(text) | Value::BigInt(text) => Some(to_i(text)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighths_are_rounded_down() {
        for number in (-2_000..2_000i64).chain([i64::MIN, i64::MAX, -72_000, -79_999]) {
            let expected = ((number >> 3).to_string(), number & 7);
            assert_eq!(divided_by_eight(&number.to_string()), Some(expected));
        }
        assert_eq!(divided_by_eight("x"), None);
    }
}
