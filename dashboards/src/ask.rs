//! A question as a search of Elasticsearch, and its answer.

use serde_json::{Map, Value as Json, json};

use crate::question::{Group, Number, Operation, Question};

/// Which documents of all there are.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The first millisecond.
    pub from_ms: i64,
    /// The millisecond after the last.
    pub to_ms: i64,
    /// How much time a bar stands for.
    pub interval_ms: i64,
    /// Only these, in Elasticsearch's query language.
    pub only: Json,
}

/// What an answer says: a row for each group.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What each grouping has in this row.
    pub groups: Vec<String>,
    /// The numbers; none where there is nothing to compute it of.
    pub numbers: Vec<Option<f64>>,
}

impl Question {
    /// The search.
    pub fn search(&self, scope: &Scope) -> Json {
        let earliest = self.numbers.iter().map(|number| number.earlier_ms).max();
        let first = scope.from_ms - earliest.unwrap_or(0);
        let range = range(first, scope.to_ms);
        json!({
            "size": 0,
            "query": {"bool": {"filter": [range, self.filter.query(), scope.only]}},
            "aggs": aggregations(&self.groups, &self.numbers, scope),
        })
    }

    /// The answer, in rows.
    pub fn rows(&self, answer: &Json) -> Vec<Row> {
        let mut rows = Vec::new();
        self.collect(0, &answer["aggregations"], Vec::new(), &mut rows);
        rows
    }

    fn collect(&self, depth: usize, found: &Json, groups: Vec<String>, rows: &mut Vec<Row>) {
        let Some(group) = self.groups.get(depth) else {
            let numbers = self.numbers.iter().enumerate();
            let numbers = numbers
                .map(|(at, number)| read(number, found, at))
                .collect();
            rows.push(Row { groups, numbers });
            return;
        };
        let buckets = &found["group"]["buckets"];
        let mut each = |name: String, bucket: &Json| {
            if bucket["doc_count"].as_u64().unwrap_or(0) > 0 {
                let mut groups = groups.clone();
                groups.push(name);
                self.collect(depth + 1, bucket, groups, rows);
            }
        };
        match group {
            Group::Filters(filters) => {
                for (name, _) in filters {
                    each(name.clone(), &buckets[name.as_str()]);
                }
            }
            Group::Time | Group::Terms { .. } => {
                for bucket in buckets.as_array().into_iter().flatten() {
                    each(crate::kql::text(&bucket["key"]), bucket);
                }
            }
        }
    }
}

fn range(from_ms: i64, to_ms: i64) -> Json {
    json!({"range": {"@timestamp": {"gte": from_ms, "lt": to_ms, "format": "epoch_millis"}}})
}

fn aggregations(groups: &[Group], numbers: &[Number], scope: &Scope) -> Json {
    let Some((group, inner)) = groups.split_first() else {
        let mut all = Map::new();
        for (at, number) in numbers.iter().enumerate() {
            let window = range(
                scope.from_ms - number.earlier_ms,
                scope.to_ms - number.earlier_ms,
            );
            let wanted = json!({"bool": {"filter": [window, number.filter.query()]}});
            let mut aggregation = json!({"filter": wanted});
            if let Some(metric) = metric(&number.operation) {
                aggregation["aggs"] = json!({"n": metric});
            }
            all.insert(format!("v{at}"), aggregation);
            if number.operation == Operation::Share {
                all.insert(format!("all{at}"), json!({"filter": window}));
            }
        }
        return Json::Object(all);
    };
    let mut aggregation = match group {
        Group::Time => {
            let interval = format!("{}ms", scope.interval_ms);
            json!({"date_histogram": {"field": "@timestamp", "fixed_interval": interval, "min_doc_count": 1}})
        }
        Group::Terms { field, size, order } => {
            let path = match &numbers[*order].operation {
                Operation::Count | Operation::Share => format!("v{order}"),
                Operation::Percentile(_, percent) => format!("v{order}>n.{percent}"),
                _ => format!("v{order}>n"),
            };
            let order = json!([{path: "desc"}, {"_key": "asc"}]);
            json!({"terms": {"field": field, "size": size, "order": order}})
        }
        Group::Filters(filters) => {
            let filters = filters.iter();
            let filters: Map<String, Json> = filters
                .map(|(name, query)| (name.clone(), query.query()))
                .collect();
            json!({"filters": {"filters": filters}})
        }
    };
    // The order of the groups needs the numbers at every level.
    let mut within = aggregations(&[], numbers, scope);
    if !inner.is_empty() {
        within["group"] = aggregations(inner, numbers, scope)["group"].clone();
    }
    aggregation["aggs"] = within;
    json!({"group": aggregation})
}

fn metric(operation: &Operation) -> Option<Json> {
    Some(match operation {
        Operation::Count | Operation::Share => return None,
        Operation::Unique(field) => {
            json!({"cardinality": {"field": field, "precision_threshold": 10_000}})
        }
        Operation::Sum(field) => json!({"sum": {"field": field}}),
        Operation::Average(field) => json!({"avg": {"field": field}}),
        Operation::Least(field) => json!({"min": {"field": field}}),
        Operation::Greatest(field) => json!({"max": {"field": field}}),
        Operation::Percentile(field, percent) => {
            json!({"percentiles": {"field": field, "percents": [percent], "keyed": false}})
        }
    })
}

fn read(number: &Number, found: &Json, at: usize) -> Option<f64> {
    let some = &found[format!("v{at}")];
    let count = some["doc_count"].as_f64().unwrap_or(0.0);
    match &number.operation {
        Operation::Count => Some(count),
        Operation::Share => {
            let all = found[format!("all{at}")]["doc_count"].as_f64()?;
            (all > 0.0).then(|| count / all)
        }
        _ if count == 0.0 => None,
        Operation::Percentile(..) => some["n"]["values"][0]["value"].as_f64(),
        _ => some["n"]["value"].as_f64(),
    }
}
