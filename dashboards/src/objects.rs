//! Kibana's saved objects, made of the sources.

use serde_json::{Value as Json, json};

use crate::lens::{Chart, LAYER};
use crate::source::{Dashboard, Documents, Panel, Show};

/// Kibana's grid is so wide.
pub const GRID_COLUMNS: u32 = 48;
/// The tag that all dashboards carry.
pub const TAG: &str = "kelp";

/// Which fields are written how, for each data view.
const BYTES: &str = r#"{"id":"bytes"}"#;
const NANOSECONDS: &str = r#"{"id":"duration","params":{"inputFormat":"nanoseconds","outputFormat":"asMilliseconds","outputPrecision":1,"showSuffix":true,"useShortSuffix":true}}"#;

/// A data view.
pub struct DataView {
    /// Its id.
    pub id: &'static str,
    /// The pattern of its indices.
    pub title: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// Fields and how they are written.
    formats: &'static [(&'static str, &'static str)],
}

/// What the panels draw from.
pub const DATA_VIEWS: &[DataView] = &[
    DataView {
        id: "kelp-logs",
        title: "logs-*",
        name: "Kelp logs",
        formats: &[
            ("event.duration", NANOSECONDS),
            ("http.response.body.bytes", BYTES),
        ],
    },
    DataView {
        id: "kelp-metrics",
        title: "metrics-kelp.*",
        name: "Kelp metrics",
        formats: &[
            ("kelp.in_flight_bytes", BYTES),
            ("kelp.memory_bytes", BYTES),
        ],
    },
];

/// All objects: data views, a tag, and for each dashboard its panels and itself.
pub fn all(dashboards: &[Dashboard]) -> Vec<Json> {
    let mut objects: Vec<Json> = DATA_VIEWS.iter().map(data_view).collect();
    objects.push(object(
        "tag",
        TAG,
        "8.0.0",
        json!({"name": "Kelp", "description": "Made by kelp setup", "color": "#1f7a6d"}),
        &[],
    ));
    for dashboard in dashboards {
        let mut made = Made::default();
        made.panels(dashboard, dashboards);
        made.controls(dashboard);
        made.references
            .push(reference("tag", TAG, &format!("tag-ref-{TAG}")));
        let whole = made.dashboard(dashboard);
        objects.append(&mut made.objects);
        objects.push(whole);
    }
    objects
}

/// The objects as Kibana imports them, one in a line.
pub fn ndjson(objects: &[Json]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}

fn object(kind: &str, id: &str, version: &str, attributes: Json, references: &[Json]) -> Json {
    json!({
        "type": kind, "id": id, "attributes": attributes, "references": references,
        "managed": false, "coreMigrationVersion": "8.8.0", "typeMigrationVersion": version,
    })
}

fn reference(kind: &str, id: &str, name: &str) -> Json {
    json!({"type": kind, "id": id, "name": name})
}

fn data_view(view: &DataView) -> Json {
    let formats: Vec<String> = view
        .formats
        .iter()
        .map(|(field, format)| format!("\"{field}\":{format}"))
        .collect();
    let attributes = json!({
        "title": view.title, "name": view.name, "timeFieldName": "@timestamp",
        "fieldFormatMap": format!("{{{}}}", formats.join(",")),
    });
    object("index-pattern", view.id, "8.0.0", attributes, &[])
}

/// The id of a dashboard.
pub fn dashboard_id(id: &str) -> String {
    format!("kelp-{id}")
}

/// What a title is in an id.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for character in title.chars() {
        match character.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => slug.push(letter),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches('-').to_owned()
}

/// What a dashboard is put together of.
#[derive(Default)]
struct Made {
    objects: Vec<Json>,
    panels: Vec<Json>,
    controls: serde_json::Map<String, Json>,
    references: Vec<Json>,
}

impl Made {
    fn panels(&mut self, dashboard: &Dashboard, all: &[Dashboard]) {
        let mut y = 0;
        for row in &dashboard.rows {
            let mut x = 0;
            for panel in &row.panels {
                let index = slug(&panel.title);
                let id = format!("{}-{index}", dashboard_id(&dashboard.id));
                let made = panel_object(&id, dashboard, panel, all);
                let kind = made["type"].as_str().unwrap_or_default().to_owned();
                self.objects.push(made);
                let grid = json!({"x": x, "y": y, "w": panel.width, "h": row.height, "i": index});
                let enhancements = self.enhancements(&index, panel);
                self.panels.push(json!({
                    "type": kind, "version": "8.9.0", "panelIndex": index, "gridData": grid, "title": panel.title,
                    "panelRefName": format!("panel_{index}"),
                    "embeddableConfig": {"enhancements": enhancements},
                }));
                let name = format!("{index}:panel_{index}");
                self.references.push(reference(&kind, &id, &name));
                x += panel.width;
            }
            y += row.height;
        }
    }

    /// Where a click leads.
    fn enhancements(&mut self, index: &str, panel: &Panel) -> Json {
        let Some(target) = &panel.leads_to else {
            return json!({});
        };
        let event = format!("{index}-to-{target}");
        let name =
            format!("{index}:drilldown:DASHBOARD_TO_DASHBOARD_DRILLDOWN:{event}:dashboardId");
        self.references
            .push(reference("dashboard", &dashboard_id(target), &name));
        json!({"dynamicActions": {"events": [{
            "eventId": event, "triggers": ["FILTER_TRIGGER"],
            "action": {
                "factoryId": "DASHBOARD_TO_DASHBOARD_DRILLDOWN", "name": format!("Go to {target}"),
                "config": {"openInNewTab": false, "useCurrentDateRange": true, "useCurrentFilters": true},
            },
        }]}})
    }

    fn controls(&mut self, dashboard: &Dashboard) {
        for (order, control) in dashboard.controls.iter().enumerate() {
            let id = slug(&control.title);
            let entry = json!({
                "type": "optionsListControl", "order": order, "grow": true, "width": "medium",
                "explicitInput": {
                    "id": id, "fieldName": control.field, "title": control.title,
                    "searchTechnique": "prefix", "selectedOptions": [], "enhancements": {},
                },
            });
            let name = format!("controlGroup_{id}:optionsListDataView");
            self.references
                .push(reference("index-pattern", &dashboard.data_view, &name));
            self.controls.insert(id, entry);
        }
    }

    fn dashboard(&self, dashboard: &Dashboard) -> Json {
        let options = json!({
            "useMargins": true, "syncColors": true, "syncCursor": true, "syncTooltips": false, "hidePanelTitles": false,
        });
        let ignored = json!({
            "ignoreFilters": false, "ignoreQuery": false, "ignoreTimerange": false, "ignoreValidations": false,
        });
        let attributes = json!({
            "title": dashboard.title, "description": dashboard.description, "version": 1,
            "timeRestore": false,
            "panelsJSON": Json::from(self.panels.clone()).to_string(),
            "optionsJSON": options.to_string(),
            "controlGroupInput": {
                "controlStyle": "oneLine", "chainingSystem": "HIERARCHICAL",
                "ignoreParentSettingsJSON": ignored.to_string(),
                "panelsJSON": Json::from(self.controls.clone()).to_string(),
            },
            "kibanaSavedObjectMeta": {"searchSourceJSON": no_query().to_string()},
        });
        let id = dashboard_id(&dashboard.id);
        object("dashboard", &id, "8.9.0", attributes, &self.references)
    }
}

fn no_query() -> Json {
    json!({"query": {"language": "kuery", "query": ""}, "filter": []})
}

/// Both, in KQL.
fn both(one: &str, other: &str) -> String {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.to_owned(),
        (_, true) => one.to_owned(),
        _ => format!("({one}) and ({other})"),
    }
}

fn panel_object(id: &str, dashboard: &Dashboard, panel: &Panel, all: &[Dashboard]) -> Json {
    let data_view = panel.data_view.as_ref().unwrap_or(&dashboard.data_view);
    let shares_data_view = *data_view == dashboard.data_view;
    let filter = match shares_data_view {
        true => both(&dashboard.filter, &panel.filter),
        false => panel.filter.clone(),
    };
    let title = format!("{}: {}", dashboard.title, panel.title);
    let chart = match &panel.show {
        Show::Number(value) => Chart::number(value),
        Show::OverTime(chart) => Chart::over_time(chart),
        Show::Table(chart) => Chart::table(chart),
        Show::Donut(chart) => Chart::donut(chart),
        Show::Documents(documents) => {
            return search(id, &title, data_view, &filter, documents);
        }
        Show::Links => return links(id, &title, dashboard, all),
    };
    let attributes = json!({
        "title": title, "description": "", "visualizationType": chart.kind, "state": chart.state(&filter),
    });
    let name = format!("indexpattern-datasource-layer-{LAYER}");
    let references = [reference("index-pattern", data_view, &name)];
    object("lens", id, "8.9.0", attributes, &references)
}

fn search(id: &str, title: &str, data_view: &str, filter: &str, documents: &Documents) -> Json {
    let index = "kibanaSavedObjectMeta.searchSourceJSON.index";
    let source = json!({
        "query": {"language": "kuery", "query": filter}, "filter": [], "highlightAll": true, "version": true,
        "indexRefName": index,
    });
    let attributes = json!({
        "title": title, "description": "", "columns": documents.columns, "sort": [["@timestamp", "desc"]],
        "grid": {}, "hideChart": false, "isTextBasedQuery": false, "timeRestore": false,
        "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()},
    });
    let references = [reference("index-pattern", data_view, index)];
    object("search", id, "8.0.0", attributes, &references)
}

/// A line of links, the dashboard itself in bold.
fn links(id: &str, title: &str, dashboard: &Dashboard, all: &[Dashboard]) -> Json {
    let names: Vec<String> = all
        .iter()
        .map(|other| {
            let name = other.title.trim_start_matches("[Kelp] ");
            match other.id == dashboard.id {
                true => format!("**{name}**"),
                false => format!("[{name}](#/view/{})", dashboard_id(&other.id)),
            }
        })
        .collect();
    let state = json!({
        "title": title, "type": "markdown", "aggs": [],
        "params": {"fontSize": 12, "openLinksInNewTab": false, "markdown": names.join(" | ")},
    });
    let attributes = json!({
        "title": title, "description": "", "version": 1, "uiStateJSON": "{}", "visState": state.to_string(),
        "kibanaSavedObjectMeta": {"searchSourceJSON": no_query().to_string()},
    });
    object("visualization", id, "8.5.0", attributes, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_make_ids() {
        assert_eq!(
            slug("Lines over time, by level"),
            "lines-over-time-by-level"
        );
        assert_eq!(slug("URLs: 5xx (worst)"), "urls-5xx-worst");
    }

    #[test]
    fn filters_are_joined() {
        assert_eq!(both("", "a: b"), "a: b");
        assert_eq!(both("a: b or c: d", "e: f"), "(a: b or c: d) and (e: f)");
    }
}
