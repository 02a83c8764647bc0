//! What a panel asks, read back from its Lens state as Kibana would read it.

use serde_json::Value as Json;

use crate::kql::{Kql, KqlError};
use crate::lens::LAYER;

/// What a panel asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// The panel's id.
    pub id: String,
    /// The id of its data view.
    pub data_view: String,
    /// Documents that it is about.
    pub filter: Kql,
    /// What they are grouped by, from the outside in.
    pub groups: Vec<Group>,
    /// What is computed for each group.
    pub numbers: Vec<Number>,
}

/// One way of grouping.
#[derive(Clone, Debug)]
pub enum Group {
    /// By time
    Time,
    /// By the values of a field: those with the largest number at `order`
    Terms {
        /// The field.
        field: String,
        /// How many at most.
        size: usize,
        /// The number that counts.
        order: usize,
    },
    /// By queries, each with its name
    Filters(Vec<(String, Kql)>),
}

/// One number.
#[derive(Clone, Debug)]
pub struct Number {
    /// What is computed.
    pub operation: Operation,
    /// Only these documents.
    pub filter: Kql,
    /// So many milliseconds earlier.
    pub earlier_ms: i64,
}

/// What is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Documents
    Count,
    /// Documents of the filter, of all documents
    Share,
    /// Different values of a field
    Unique(String),
    /// The sum of a field
    Sum(String),
    /// The mean of a field
    Average(String),
    /// The least value of a field
    Least(String),
    /// The greatest value of a field
    Greatest(String),
    /// So many percent of a field's values are below
    Percentile(String, f64),
}

/// A panel that asks nothing that can be understood.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// Its KQL.
    #[error("{0}")]
    Kql(#[from] KqlError),
    /// Its state.
    #[error("{id}: {what}")]
    State {
        /// The panel.
        id: String,
        /// What is wrong.
        what: String,
    },
}

impl Question {
    /// Reads an object; `None` if it is no Lens panel.
    pub fn of(object: &Json) -> Option<Result<Self, QuestionError>> {
        (object["type"] == "lens").then(|| Self::read(object))
    }

    fn read(object: &Json) -> Result<Self, QuestionError> {
        let id = string(&object["id"]);
        let wrong = |what: String| QuestionError::State {
            id: id.clone(),
            what,
        };
        let state = &object["attributes"]["state"];
        let layer = &state["datasourceStates"]["formBased"]["layers"][LAYER];
        let columns = layer["columns"]
            .as_object()
            .ok_or_else(|| wrong("it has no columns".to_owned()))?;
        let order: Vec<String> = layer["columnOrder"]
            .as_array()
            .into_iter()
            .flatten()
            .map(string)
            .collect();
        let column = |name: &String| {
            columns
                .get(name)
                .ok_or_else(|| wrong(format!("there is no column {name}")))
        };
        // The parts of a formula are no columns of their own.
        let mut parts: Vec<String> = Vec::new();
        for name in &order {
            let references = column(name)?["references"].as_array().into_iter().flatten();
            parts.extend(references.map(string));
        }
        let values: Vec<&String> = order
            .iter()
            .filter(|name| {
                columns
                    .get(*name)
                    .is_some_and(|column| column["isBucketed"] == false)
            })
            .filter(|name| !parts.contains(name))
            .collect();
        let mut question = Self {
            data_view: string(&object["references"][0]["id"]),
            filter: Kql::parse(&string(&state["query"]["query"]))?,
            groups: Vec::new(),
            numbers: Vec::new(),
            id: id.clone(),
        };
        for name in &order {
            let found = column(name)?;
            if found["isBucketed"] == true {
                let group = group(found, &values).map_err(&wrong)?;
                question.groups.push(group);
            } else if values.contains(&name) {
                let number = number(found, layer).map_err(&wrong)?;
                question.numbers.push(number);
            }
        }
        Ok(question)
    }
}

fn string(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn group(column: &Json, values: &[&String]) -> Result<Group, String> {
    match column["operationType"].as_str().unwrap_or_default() {
        "date_histogram" => Ok(Group::Time),
        "terms" => {
            let params = &column["params"];
            let by = string(&params["orderBy"]["columnId"]);
            let order = values.iter().position(|value| **value == by);
            Ok(Group::Terms {
                field: string(&column["sourceField"]),
                size: params["size"].as_u64().unwrap_or_default() as usize,
                order: order.ok_or_else(|| format!("it is ordered by {by}, which is no value"))?,
            })
        }
        "filters" => {
            let filters = column["params"]["filters"].as_array().into_iter().flatten();
            let filters = filters.map(|filter| {
                let query = Kql::parse(&string(&filter["input"]["query"]));
                query.map(|query| (string(&filter["label"]), query))
            });
            let filters: Result<_, _> = filters.collect();
            Ok(Group::Filters(
                filters.map_err(|error: KqlError| error.to_string())?,
            ))
        }
        other => Err(format!("it groups by {other}")),
    }
}

fn number(column: &Json, layer: &Json) -> Result<Number, String> {
    let field = || string(&column["sourceField"]);
    let params = &column["params"];
    let mut filter = string(&column["filter"]["query"]);
    let operation = match column["operationType"].as_str().unwrap_or_default() {
        "count" => Operation::Count,
        "unique_count" => Operation::Unique(field()),
        "sum" => Operation::Sum(field()),
        "average" => Operation::Average(field()),
        "min" => Operation::Least(field()),
        "max" => Operation::Greatest(field()),
        "median" => Operation::Percentile(field(), 50.0),
        "percentile" => {
            Operation::Percentile(field(), params["percentile"].as_f64().unwrap_or_default())
        }
        "formula" => {
            filter = share(column, layer)?;
            Operation::Share
        }
        other => return Err(format!("it computes {other}")),
    };
    let earlier = string(&column["timeShift"]);
    let earlier_ms = match earlier.strip_suffix('d') {
        Some(days) => days.parse::<i64>().map_err(|error| error.to_string())? * 86_400_000,
        None if earlier.is_empty() => 0,
        None => return Err(format!("it looks back by {earlier}, which is not in days")),
    };
    Ok(Number {
        operation,
        filter: Kql::parse(&filter).map_err(|error| error.to_string())?,
        earlier_ms,
    })
}

/// The filter of a formula that divides a filtered count by the count of all.
fn share(column: &Json, layer: &Json) -> Result<String, String> {
    let columns = &layer["columns"];
    let math = &columns[column["references"][0].as_str().unwrap_or_default()];
    let part = |at: usize| &columns[math["references"][at].as_str().unwrap_or_default()];
    let (some, all) = (part(0), part(1));
    let counts = some["operationType"] == "count" && all["operationType"] == "count";
    let divides = math["params"]["tinymathAst"]["name"] == "divide"
        && math["params"]["tinymathAst"]["args"] == math["references"];
    let filter = string(&some["filter"]["query"]);
    let formula = format!("count(kql='{filter}') / count()");
    match counts && divides && all["filter"].is_null() && column["params"]["formula"] == formula {
        true => Ok(filter),
        false => Err("its formula is no share, or its parts do not belong to it".to_owned()),
    }
}
