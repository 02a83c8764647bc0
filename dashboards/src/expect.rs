//! The answer to a question, computed of the documents themselves: what Elasticsearch's is compared with.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value as Json;

use crate::ask::{Row, Scope};
use crate::kql::{text, values};
use crate::question::{Group, Number, Operation, Question};

/// What a number must lie between. Elasticsearch's percentiles are approximate, the rest is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between(pub f64, pub f64);

/// A row as it must be.
#[derive(Clone, Debug)]
pub struct ExpectedRow {
    /// What each grouping has in this row.
    pub groups: Vec<String>,
    /// The numbers.
    pub numbers: Vec<Option<Between>>,
}

impl ExpectedRow {
    /// Whether a row of an answer is this one.
    pub fn agrees(&self, row: &Row) -> bool {
        let numbers = self.numbers.iter().zip(&row.numbers);
        let mut numbers = numbers.map(|(expected, found)| match (expected, found) {
            (None, None) => true,
            (Some(Between(low, high)), Some(found)) => {
                let slack = 1e-9 * high.abs().max(1.0);
                (low - slack..=high + slack).contains(found)
            }
            _ => false,
        });
        self.groups == row.groups
            && self.numbers.len() == row.numbers.len()
            && numbers.all(|agrees| agrees)
    }
}

/// A document and its time.
type Timed<'d> = (i64, &'d Json);

impl Question {
    /// The answer, in the order in which Elasticsearch gives it.
    pub fn expect(&self, documents: &[Json], scope: &Scope) -> Vec<ExpectedRow> {
        let earliest = self.numbers.iter().map(|number| number.earlier_ms).max();
        let first = scope.from_ms - earliest.unwrap_or(0);
        let timed = documents.iter().filter_map(|document| {
            let time = millis(document["@timestamp"].as_str()?)?;
            Some((time, document))
        });
        let all: Vec<Timed<'_>> = timed
            .filter(|(time, _)| (first..scope.to_ms).contains(time))
            .filter(|(_, document)| self.filter.holds(document))
            .collect();
        let mut rows = Vec::new();
        self.divide(0, &all, scope, Vec::new(), &mut rows);
        rows
    }

    fn divide(
        &self,
        depth: usize,
        documents: &[Timed<'_>],
        scope: &Scope,
        groups: Vec<String>,
        rows: &mut Vec<ExpectedRow>,
    ) {
        let Some(group) = self.groups.get(depth) else {
            let numbers = self.numbers.iter();
            let numbers = numbers
                .map(|number| compute(number, documents, scope))
                .collect();
            rows.push(ExpectedRow { groups, numbers });
            return;
        };
        for (name, within) in self.parts(group, documents, scope) {
            let mut groups = groups.clone();
            groups.push(name);
            self.divide(depth + 1, &within, scope, groups, rows);
        }
    }

    fn parts<'d>(
        &self,
        group: &Group,
        documents: &[Timed<'d>],
        scope: &Scope,
    ) -> Vec<(String, Vec<Timed<'d>>)> {
        match group {
            Group::Filters(filters) => {
                let parts = filters.iter().map(|(name, query)| {
                    let within = documents
                        .iter()
                        .filter(|(_, document)| query.holds(document));
                    (name.clone(), within.copied().collect::<Vec<_>>())
                });
                parts.filter(|(_, within)| !within.is_empty()).collect()
            }
            Group::Time => {
                let mut parts: BTreeMap<i64, Vec<Timed<'d>>> = BTreeMap::new();
                for &(time, document) in documents {
                    let start = time.div_euclid(scope.interval_ms) * scope.interval_ms;
                    parts.entry(start).or_default().push((time, document));
                }
                let parts = parts.into_iter();
                parts
                    .map(|(start, within)| (start.to_string(), within))
                    .collect()
            }
            Group::Terms { field, size, order } => {
                let mut parts: BTreeMap<String, Vec<Timed<'d>>> = BTreeMap::new();
                for &(time, document) in documents {
                    let names: BTreeSet<String> =
                        values(document, field).into_iter().map(text).collect();
                    for name in names {
                        parts.entry(name).or_default().push((time, document));
                    }
                }
                let decides = &self.numbers[*order];
                let mut parts: Vec<_> = parts
                    .into_iter()
                    .map(|(name, within)| {
                        let number = compute(decides, &within, scope);
                        (
                            number.map_or(f64::NEG_INFINITY, |Between(low, _)| low),
                            name,
                            within,
                        )
                    })
                    .collect();
                parts.sort_by(|one, other| {
                    let by_number = other.0.total_cmp(&one.0);
                    by_number.then_with(|| by_key(&one.1, &other.1))
                });
                parts.truncate(*size);
                let parts = parts.into_iter();
                parts.map(|(_, name, within)| (name, within)).collect()
            }
        }
    }
}

/// Numbers and addresses by their value, everything else by its bytes.
fn by_key(one: &str, other: &str) -> Ordering {
    if let (Ok(one), Ok(other)) = (one.parse::<f64>(), other.parse::<f64>()) {
        return one.total_cmp(&other);
    }
    let address = |text: &str| {
        text.parse::<IpAddr>().map(|address| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        })
    };
    match (address(one), address(other)) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}

fn compute(number: &Number, documents: &[Timed<'_>], scope: &Scope) -> Option<Between> {
    let window = scope.from_ms - number.earlier_ms..scope.to_ms - number.earlier_ms;
    let in_window: Vec<&Json> = documents
        .iter()
        .filter(|(time, _)| window.contains(time))
        .map(|(_, document)| *document)
        .collect();
    let some: Vec<&Json> = in_window
        .iter()
        .copied()
        .filter(|document| number.filter.holds(document))
        .collect();
    let exactly = |number: f64| Some(Between(number, number));
    let numbers = |field: &str| -> Vec<f64> {
        let all = some.iter().flat_map(|document| values(document, field));
        all.filter_map(|value| match value.as_str() {
            Some(time) => millis(time).map(|millis| millis as f64),
            None => value.as_f64(),
        })
        .collect()
    };
    match &number.operation {
        Operation::Count => exactly(some.len() as f64),
        Operation::Share if in_window.is_empty() => None,
        Operation::Share => exactly(some.len() as f64 / in_window.len() as f64),
        _ if some.is_empty() => None,
        Operation::Unique(field) => {
            let all = some.iter().flat_map(|document| values(document, field));
            exactly(all.map(text).collect::<BTreeSet<_>>().len() as f64)
        }
        Operation::Sum(field) => exactly(numbers(field).iter().sum()),
        Operation::Average(field) => {
            let numbers = numbers(field);
            let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
            (!numbers.is_empty()).then_some(Between(mean, mean))
        }
        Operation::Least(field) => numbers(field)
            .into_iter()
            .reduce(f64::min)
            .and_then(exactly),
        Operation::Greatest(field) => numbers(field)
            .into_iter()
            .reduce(f64::max)
            .and_then(exactly),
        Operation::Percentile(field, percent) => around(numbers(field), percent / 100.0),
    }
}

/// The values a little before and a little after the wanted place.
fn around(mut numbers: Vec<f64>, share: f64) -> Option<Between> {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    let place = share * last as f64;
    let slack = 1.0 + last as f64 * 0.02;
    let low = (place - slack).floor().max(0.0) as usize;
    let high = ((place + slack).ceil() as usize).min(last);
    Some(Between(numbers[low], numbers[high]))
}

/// Milliseconds since 1970 of a time such as `2026-11-25T10:15:30.000Z`, which is how documents have it.
pub fn millis(time: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let fraction = match time.get(19..20)? {
        "." => number(20..23)?,
        _ => 0,
    };
    // Days from the 1st of March, so that a leap day is the last of its year.
    let shifted = year - i64::from(month <= 2);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted.div_euclid(4) - shifted.div_euclid(100)
        + shifted.div_euclid(400)
        + day_of_year
        - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(millis("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(millis("2026-11-25T10:15:30.250Z"), Some(1_795_601_730_250));
        assert_eq!(millis("2000-02-29T23:59:59Z"), Some(951_868_799_000));
        assert_eq!(millis("yesterday"), None);
    }

    #[test]
    fn a_percentile_lies_around_its_place() {
        let Between(low, high) = around((0..=100).map(f64::from).collect(), 0.95).unwrap();
        assert!(
            low <= 95.0 && high >= 95.0 && high - low < 10.0,
            "{low} {high}"
        );
    }
}
