//! A panel that counts, as the state of Kibana's Lens.
//!
//! The names and shapes are those that Kibana 8.9 exports and every later version migrates from.

use serde_json::{Map, Value as Json, json};

use crate::source::{By, Donut, Draw, Format, Function, OverTime, Table, Value};

/// The only layer of every panel.
pub const LAYER: &str = "layer";
/// Lens's name for the documents themselves, which `count` is taken of.
pub const RECORDS: &str = "___records___";

/// A panel's columns, and how they are drawn.
pub struct Chart {
    /// Lens's name for the kind of chart.
    pub kind: &'static str,
    columns: Columns,
    visualization: Json,
}

#[derive(Default)]
struct Columns {
    order: Vec<String>,
    columns: Map<String, Json>,
}

impl Chart {
    /// The attribute `state` of the saved object.
    pub fn state(&self, query: &str) -> Json {
        let layer = json!({
            "columnOrder": self.columns.order, "columns": self.columns.columns,
            "ignoreGlobalFilters": false, "incompleteColumns": {}, "sampling": 1,
        });
        json!({
            "adHocDataViews": {},
            "datasourceStates": {
                "formBased": {"layers": {LAYER: layer}},
                "indexpattern": {"layers": {}},
                "textBased": {"layers": {}},
            },
            "filters": [],
            "internalReferences": [],
            "query": {"language": "kuery", "query": query},
            "visualization": self.visualization,
        })
    }

    /// One number.
    pub fn number(value: &Value) -> Self {
        let mut columns = Columns::default();
        let metric = columns.value(0, value);
        Self {
            kind: "lnsMetric",
            columns,
            visualization: json!({"layerId": LAYER, "layerType": "data", "metricAccessor": metric}),
        }
    }

    /// Values over time.
    pub fn over_time(chart: &OverTime) -> Self {
        let mut columns = Columns::default();
        let split = chart
            .by
            .as_ref()
            .map(|by| columns.group(0, by, &chart.values));
        let time = columns.time();
        let accessors: Vec<String> = chart
            .values
            .iter()
            .enumerate()
            .map(|(number, value)| columns.value(number, value))
            .collect();
        let series = match chart.draw {
            Draw::Bars => "bar_stacked",
            Draw::Lines => "line",
            Draw::Areas => "area_stacked",
        };
        let shown = json!({"x": true, "yLeft": true, "yRight": true});
        let mut layer = json!({
            "layerId": LAYER, "layerType": "data", "seriesType": series, "position": "top", "showGridlines": false,
            "xAccessor": time, "accessors": accessors,
        });
        if let Some(split) = split {
            layer["splitAccessor"] = split.into();
        }
        Self {
            kind: "lnsXY",
            columns,
            visualization: json!({
                "axisTitlesVisibilitySettings": {"x": false, "yLeft": false, "yRight": false},
                "fittingFunction": "None",
                "gridlinesVisibilitySettings": shown, "tickLabelsVisibilitySettings": shown,
                "labelsOrientation": {"x": 0, "yLeft": 0, "yRight": 0},
                "layers": [layer],
                "legend": {"isVisible": true, "position": "right"},
                "preferredSeriesType": series,
                "valueLabels": "hide",
            }),
        }
    }

    /// A table.
    pub fn table(chart: &Table) -> Self {
        let mut columns = Columns::default();
        let mut shown = Vec::new();
        for (number, by) in chart.by.iter().enumerate() {
            let id = columns.group(number, by, &chart.values);
            shown.push(json!({"columnId": id, "isTransposed": false}));
        }
        for (number, value) in chart.values.iter().enumerate() {
            let id = columns.value(number, value);
            shown.push(json!({"columnId": id, "isTransposed": false, "alignment": "right"}));
        }
        let by = chart.by.first().map(|by| first_of(by, &chart.values));
        let mut visualization = json!({
            "layerId": LAYER, "layerType": "data", "columns": shown,
            "paging": {"enabled": true, "size": 10},
        });
        if let Some(first) = by {
            visualization["sorting"] = json!({"columnId": value_id(first), "direction": "desc"});
        }
        Self {
            kind: "lnsDatatable",
            columns,
            visualization,
        }
    }

    /// Shares of a whole.
    pub fn donut(chart: &Donut) -> Self {
        let mut columns = Columns::default();
        let group = columns.group(0, &chart.by, std::slice::from_ref(&chart.value));
        let metric = columns.value(0, &chart.value);
        let layer = json!({
            "layerId": LAYER, "layerType": "data", "primaryGroups": [group], "metrics": [metric],
            "categoryDisplay": "default", "legendDisplay": "default", "nestedLegend": false, "numberDisplay": "percent",
        });
        Self {
            kind: "lnsPie",
            columns,
            visualization: json!({"shape": "donut", "layers": [layer]}),
        }
    }
}

fn group_id(number: usize) -> String {
    format!("group{number}")
}

fn value_id(number: usize) -> String {
    format!("value{number}")
}

/// The value that decides which groups come first.
fn first_of(by: &By, values: &[Value]) -> usize {
    let named = |label: &String| values.iter().position(|value| value.label == *label);
    by.order.as_ref().and_then(named).unwrap_or(0)
}

impl Columns {
    fn add(&mut self, id: String, column: Json) -> String {
        self.order.push(id.clone());
        self.columns.insert(id.clone(), column);
        id
    }

    fn time(&mut self) -> String {
        let column = json!({
            "dataType": "date", "isBucketed": true, "scale": "interval", "label": "@timestamp",
            "operationType": "date_histogram", "sourceField": "@timestamp",
            "params": {"interval": "auto", "includeEmptyRows": true, "dropPartials": false},
        });
        self.add("time".to_owned(), column)
    }

    fn group(&mut self, number: usize, by: &By, values: &[Value]) -> String {
        let Some(field) = &by.field else {
            let filters: Vec<Json> = by
                .classes
                .iter()
                .map(|class| json!({"label": class.label, "input": {"language": "kuery", "query": class.is}}))
                .collect();
            let column = json!({
                "dataType": "string", "isBucketed": true, "scale": "ordinal", "customLabel": true,
                "label": by.label.as_deref().unwrap_or("Class"),
                "operationType": "filters", "params": {"filters": filters},
            });
            return self.add(group_id(number), column);
        };
        let column = json!({
            "dataType": "string", "isBucketed": true, "scale": "ordinal", "customLabel": true,
            "label": by.label.as_deref().unwrap_or(field),
            "operationType": "terms", "sourceField": field,
            "params": {
                "size": by.size,
                "orderBy": {"type": "column", "columnId": value_id(first_of(by, values))},
                "orderDirection": "desc",
                "otherBucket": false, "missingBucket": false,
                "parentFormat": {"id": "terms"},
                "include": [], "exclude": [], "includeIsRegex": false, "excludeIsRegex": false,
            },
        });
        self.add(group_id(number), column)
    }

    fn value(&mut self, number: usize, value: &Value) -> String {
        let id = value_id(number);
        if value.of == Function::Share {
            return self.share(id, value);
        }
        let field = value.field.as_deref().unwrap_or(RECORDS);
        let mut params = json!({"emptyAsNull": true});
        let operation = match value.of {
            Function::Count | Function::Share => "count",
            Function::Unique => "unique_count",
            Function::Sum => "sum",
            Function::Average => "average",
            Function::Least => "min",
            Function::Greatest => "max",
            Function::Median => "median",
            Function::Percentile95 => {
                params["percentile"] = 95.into();
                "percentile"
            }
        };
        if let Some(format) = value.format {
            params["format"] = written(format);
        }
        let is_date = field == "@timestamp";
        let mut column = json!({
            "dataType": if is_date { "date" } else { "number" },
            "isBucketed": false, "scale": "ratio", "customLabel": true, "label": value.label,
            "operationType": operation, "sourceField": field, "params": params,
        });
        if let Some(filter) = &value.filter {
            column["filter"] = json!({"language": "kuery", "query": filter});
        }
        if value.per_second {
            column["timeScale"] = "s".into();
        }
        if let Some(earlier) = &value.earlier {
            column["timeShift"] = earlier.clone().into();
        }
        self.add(id, column)
    }

    /// `count(kql='...') / count()`, with the parts that Lens makes of such a formula.
    fn share(&mut self, id: String, value: &Value) -> String {
        let filter = value.filter.as_deref().unwrap_or_default();
        let formula = format!("count(kql='{filter}') / count()");
        let part = format!("Part of {formula}");
        let count = |filter: Option<&str>| {
            let mut column = json!({
                "dataType": "number", "isBucketed": false, "scale": "ratio", "customLabel": true, "label": part,
                "operationType": "count", "sourceField": RECORDS, "params": {"emptyAsNull": false},
            });
            if let Some(filter) = filter {
                column["filter"] = json!({"language": "kuery", "query": filter});
            }
            column
        };
        let parts = [0, 1, 2].map(|part| format!("{id}X{part}"));
        let formula_column = json!({
            "dataType": "number", "isBucketed": false, "scale": "ratio", "customLabel": true, "label": value.label,
            "operationType": "formula", "references": [parts[2]],
            "params": {
                "formula": formula, "isFormulaBroken": false,
                "format": written(value.format.unwrap_or(Format::Percent)),
            },
        });
        let math = json!({
            "dataType": "number", "isBucketed": false, "scale": "ratio", "customLabel": true, "label": part,
            "operationType": "math", "references": [parts[0], parts[1]],
            "params": {"tinymathAst": {
                "type": "function", "name": "divide", "args": [parts[0], parts[1]],
                "location": {"min": 0, "max": formula.len()}, "text": formula,
            }},
        });
        self.add(id.clone(), formula_column);
        self.add(parts[0].clone(), count(Some(filter)));
        self.add(parts[1].clone(), count(None));
        self.add(parts[2].clone(), math);
        id
    }
}

fn written(format: Format) -> Json {
    let (id, decimals) = match format {
        Format::Bytes => ("bytes", 1),
        Format::Percent => ("percent", 1),
    };
    json!({"id": id, "params": {"decimals": decimals}})
}
