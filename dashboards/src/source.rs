//! What a dashboard's source says: one YAML file each, in the words that people use for what they see.

use serde::Deserialize;

/// A dashboard.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// Part of all its ids: `kelp-<id>`.
    pub id: String,
    /// What it is called in Kibana.
    pub title: String,
    /// What it answers.
    pub description: String,
    /// The id of the data view that its panels use, unless they name their own.
    #[serde(default = "logs")]
    pub data_view: String,
    /// Documents that it is about, in KQL; all if left out.
    #[serde(default)]
    pub filter: String,
    /// What may be chosen at the top.
    pub controls: Vec<Control>,
    /// Its panels from the top down.
    pub rows: Vec<Row>,
}

fn logs() -> String {
    "kelp-logs".to_owned()
}

/// A list of the values of a field, to choose from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// What it is called.
    pub title: String,
    /// The field.
    pub field: String,
}

/// Panels side by side.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// In units of Kibana's grid, some 20 pixels each.
    pub height: u32,
    /// From the left.
    pub panels: Vec<Panel>,
}

/// One panel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// Of the grid's 48 columns.
    pub width: u32,
    /// The id of its data view, where it is not the dashboard's.
    pub data_view: Option<String>,
    /// Documents that it is about, in KQL, beside the dashboard's filter.
    #[serde(default)]
    pub filter: String,
    /// The id of the dashboard that a click leads to, with what was clicked as a filter.
    pub leads_to: Option<String>,
    /// What it shows.
    pub show: Show,
}

/// What a panel shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Show {
    /// One number.
    Number(Value),
    /// Values over time.
    OverTime(OverTime),
    /// A table: groups, and values for each.
    Table(Table),
    /// Shares of a whole.
    Donut(Donut),
    /// Documents, newest first.
    Documents(Documents),
    /// Links to the other dashboards.
    Links,
}

/// Values over time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverTime {
    /// How they are drawn.
    pub draw: Draw,
    /// What is drawn.
    pub values: Vec<Value>,
    /// A series for each group.
    pub by: Option<By>,
}

/// How values over time are drawn.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Bars on top of each other
    Bars,
    /// Lines
    Lines,
    /// Areas on top of each other
    Areas,
}

/// Groups, and values for each.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// A column each; every combination is a row.
    pub by: Vec<By>,
    /// A column each.
    pub values: Vec<Value>,
}

/// Shares of a whole.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Donut {
    /// What it is divided by.
    pub by: By,
    /// What is divided.
    pub value: Value,
}

/// Documents, newest first: a saved search of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    /// The fields that are shown.
    pub columns: Vec<String>,
}

/// What documents are grouped by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// The field whose values make the groups.
    pub field: Option<String>,
    /// KQL that makes a group, instead of a field.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// What the groups are called.
    pub label: Option<String>,
    /// How many groups there are at most: those with the largest first value, or that of `order`.
    #[serde(default = "ten")]
    pub size: u32,
    /// The label of the value that decides which come first.
    pub order: Option<String>,
}

fn ten() -> u32 {
    10
}

/// Documents that make one group.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// What it is called.
    pub label: String,
    /// Which documents, in KQL.
    pub is: String,
}

/// A number computed of documents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// What it is called.
    pub label: String,
    /// What is computed.
    pub of: Function,
    /// The field, for all functions but `count` and `share`.
    pub field: Option<String>,
    /// Only these documents, in KQL. For `share`: whose share of all it is.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// How it is written; as the data view says, if left out.
    pub format: Option<Format>,
    /// For each second.
    #[serde(default)]
    pub per_second: bool,
    /// So much earlier, as `1d`.
    pub earlier: Option<String>,
}

/// What is computed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Documents
    Count,
    /// Different values
    Unique,
    /// The sum
    Sum,
    /// The mean
    Average,
    /// The least
    Least,
    /// The greatest
    Greatest,
    /// Half are below
    Median,
    /// 95 of 100 are below
    Percentile95,
    /// Those of all
    Share,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// 1.2 MB
    Bytes,
    /// 3.4 %
    Percent,
}
