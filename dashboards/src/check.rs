//! What must be true of the saved objects for Kibana to import them without a warning and to draw every panel.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::kql::Kql;
use crate::lens::{LAYER, RECORDS};
use crate::objects::GRID_COLUMNS;

/// The type of each field, by data view.
pub type Fields = BTreeMap<String, BTreeMap<String, String>>;

/// The fields of a mapping, with their types.
pub fn fields_of(mapping: &Json) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    collect(mapping, "", &mut fields);
    fields
}

fn collect(mapping: &Json, prefix: &str, fields: &mut BTreeMap<String, String>) {
    for (name, field) in mapping["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        match field["type"].as_str() {
            Some(kind) => {
                fields.insert(path, kind.to_owned());
            }
            None => collect(field, &format!("{path}."), fields),
        }
    }
}

/// Everything that is wrong with the objects; nothing if they are right.
pub fn complaints(objects: &[Json], fields: &Fields) -> Vec<String> {
    let mut check = Check {
        objects,
        fields,
        found: Vec::new(),
        at: String::new(),
    };
    check.ids();
    for object in objects {
        check.at = format!("{} {}", text(&object["type"]), text(&object["id"]));
        check.references(object);
        match text(&object["type"]) {
            "dashboard" => check.dashboard(object),
            "lens" => check.lens(object),
            "search" => check.search(object),
            "visualization" => check.markdown(object),
            "index-pattern" => {
                check.nested(&object["attributes"]["fieldFormatMap"]);
            }
            "tag" => {}
            other => check.complain(format!("`{other}` is no type that is known here")),
        }
    }
    check.found
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

struct Check<'c> {
    objects: &'c [Json],
    fields: &'c Fields,
    found: Vec<String>,
    at: String,
}

impl Check<'_> {
    fn complain(&mut self, what: String) {
        self.found.push(format!("{}: {what}", self.at));
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.complain(what());
        }
    }

    fn ids(&mut self) {
        let mut seen = BTreeSet::new();
        for object in self.objects {
            let id = (text(&object["type"]), text(&object["id"]));
            self.at = format!("{} {}", id.0, id.1);
            self.expect(!id.1.is_empty() && seen.insert(id), || {
                "its id is empty or not the only one".to_owned()
            });
            let versions = ["coreMigrationVersion", "typeMigrationVersion"];
            for name in versions {
                let given = text(&object[name]).split('.').count() == 3;
                self.expect(given, || format!("it has no {name}"));
            }
        }
    }

    fn references(&mut self, object: &Json) {
        let mut names = BTreeSet::new();
        for reference in object["references"].as_array().into_iter().flatten() {
            let (kind, id) = (&reference["type"], &reference["id"]);
            let there = self
                .objects
                .iter()
                .any(|object| object["type"] == *kind && object["id"] == *id);
            self.expect(there, || {
                format!("it refers to {kind} {id}, which is not there")
            });
            let name = text(&reference["name"]).to_owned();
            self.expect(names.insert(name.clone()), || {
                format!("it has two references called {name}")
            });
        }
    }

    /// The JSON in a string.
    fn nested(&mut self, value: &Json) -> Json {
        match serde_json::from_str(text(value)) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.complain(format!("{value} is not JSON in a string: {error}"));
                Json::Null
            }
        }
    }

    fn dashboard(&mut self, object: &Json) {
        let attributes = &object["attributes"];
        self.nested(&attributes["optionsJSON"]);
        self.nested(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
        let group = &attributes["controlGroupInput"];
        self.nested(&group["ignoreParentSettingsJSON"]);
        let mut wanted = BTreeSet::from(["tag-ref-kelp".to_owned()]);
        let controls = self.nested(&group["panelsJSON"]);
        for (id, control) in controls.as_object().into_iter().flatten() {
            let name = format!("controlGroup_{id}:optionsListDataView");
            let field = text(&control["explicitInput"]["fieldName"]);
            let data_view = self.referred(object, &name);
            self.field(&data_view, field, &["keyword", "ip"], "to choose from");
            wanted.insert(name);
        }
        let panels = self.nested(&attributes["panelsJSON"]);
        let panels: Vec<Json> = panels.as_array().cloned().unwrap_or_default();
        self.grid(&panels);
        for panel in &panels {
            let index = text(&panel["panelIndex"]);
            self.expect(panel["gridData"]["i"] == panel["panelIndex"], || {
                format!("panel {index} has another index in the grid")
            });
            wanted.insert(format!("{index}:{}", text(&panel["panelRefName"])));
            let events = &panel["embeddableConfig"]["enhancements"]["dynamicActions"]["events"];
            for event in events.as_array().into_iter().flatten() {
                let factory = text(&event["action"]["factoryId"]);
                let id = text(&event["eventId"]);
                wanted.insert(format!("{index}:drilldown:{factory}:{id}:dashboardId"));
            }
        }
        let references = object["references"].as_array().into_iter().flatten();
        let given: BTreeSet<String> = references
            .map(|reference| text(&reference["name"]).to_owned())
            .collect();
        self.expect(given == wanted, || {
            format!("its references are {given:?}, but {wanted:?} are used")
        });
    }

    fn referred(&mut self, object: &Json, name: &str) -> String {
        let mut references = object["references"].as_array().into_iter().flatten();
        let found = references.find(|reference| reference["name"] == name);
        match found {
            Some(reference) => text(&reference["id"]).to_owned(),
            None => {
                self.complain(format!("there is no reference {name}"));
                String::new()
            }
        }
    }

    fn grid(&mut self, panels: &[Json]) {
        let mut taken = BTreeMap::new();
        for panel in panels {
            let grid = &panel["gridData"];
            let index = text(&panel["panelIndex"]).to_owned();
            let [x, y, w, h] =
                ["x", "y", "w", "h"].map(|name| grid[name].as_u64().unwrap_or_default());
            self.expect(w > 0 && h > 0 && x + w <= u64::from(GRID_COLUMNS), || {
                format!("panel {index} does not fit into the grid")
            });
            for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                if let Some(other) = taken.insert(place, index.clone()) {
                    self.complain(format!("panels {index} and {other} overlap"));
                    break;
                }
            }
        }
    }

    fn lens(&mut self, object: &Json) {
        let name = format!("indexpattern-datasource-layer-{LAYER}");
        let data_view = self.referred(object, &name);
        let state = &object["attributes"]["state"];
        self.query(&data_view, text(&state["query"]["query"]));
        let layer = &state["datasourceStates"]["formBased"]["layers"][LAYER];
        let Some(columns) = layer["columns"].as_object() else {
            return self.complain("it has no columns".to_owned());
        };
        let order = layer["columnOrder"].as_array().into_iter().flatten();
        let ordered: BTreeSet<&str> = order.map(text).collect();
        let all: BTreeSet<&str> = columns.keys().map(String::as_str).collect();
        self.expect(ordered == all, || {
            "its columns and their order differ".to_owned()
        });
        let shown = accessors(&state["visualization"]);
        self.expect(!shown.is_empty(), || "it shows nothing".to_owned());
        for id in &shown {
            self.expect(all.contains(id.as_str()), || {
                format!("it shows {id}, which is no column")
            });
        }
        for (id, column) in columns {
            let parts = columns
                .values()
                .filter_map(|other| other["references"].as_array());
            let is_part = parts.flatten().any(|part| part == id);
            self.expect(shown.contains(id) || is_part, || {
                format!("column {id} is not shown")
            });
            self.column(&data_view, column, columns);
        }
        if let Some(Err(error)) = crate::question::Question::of(object) {
            self.complain(error.to_string());
        }
    }

    fn column(&mut self, data_view: &str, column: &Json, columns: &serde_json::Map<String, Json>) {
        const NUMBERS: &[&str] = &["long", "double", "float", "integer", "short"];
        let field = text(&column["sourceField"]);
        let params = &column["params"];
        let (allowed, purpose): (&[&str], _) = match text(&column["operationType"]) {
            "date_histogram" => (&["date"], "for a time axis"),
            "terms" => {
                let by = text(&params["orderBy"]["columnId"]);
                let found = columns.get(by).map(|column| text(&column["operationType"]));
                let sorts = found.is_some_and(|kind| !matches!(kind, "formula" | "terms"));
                self.expect(sorts, || format!("its groups cannot be ordered by {by:?}"));
                (&["keyword", "ip", "long", "boolean"], "to group by")
            }
            "filters" => {
                for filter in params["filters"].as_array().into_iter().flatten() {
                    self.query(data_view, text(&filter["input"]["query"]));
                }
                return;
            }
            "count" => {
                self.expect(field == RECORDS, || format!("it counts {field}"));
                return self.query(data_view, text(&column["filter"]["query"]));
            }
            "formula" | "math" => return,
            "unique_count" => (&["keyword", "ip", "long", "date"], "to count its values"),
            "min" | "max" if column["dataType"] == "date" => (&["date"], "to compare times"),
            _ => (NUMBERS, "to compute with"),
        };
        self.query(data_view, text(&column["filter"]["query"]));
        self.field(data_view, field, allowed, purpose);
    }

    fn search(&mut self, object: &Json) {
        let attributes = &object["attributes"];
        let source = self.nested(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
        let data_view = self.referred(object, text(&source["indexRefName"]));
        self.query(&data_view, text(&source["query"]["query"]));
        let columns = attributes["columns"].as_array().into_iter().flatten();
        for column in columns.map(text).collect::<Vec<_>>() {
            self.field(&data_view, column, &[], "to show");
        }
    }

    /// A line of links to dashboards.
    fn markdown(&mut self, object: &Json) {
        let attributes = &object["attributes"];
        self.nested(&attributes["uiStateJSON"]);
        self.nested(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
        let state = self.nested(&attributes["visState"]);
        let markdown = text(&state["params"]["markdown"]).to_owned();
        self.expect(markdown.contains("](#/view/"), || {
            "it links to nothing".to_owned()
        });
        for link in markdown.split("(#/view/").skip(1) {
            let id = link.split(')').next().unwrap_or_default();
            let there = self
                .objects
                .iter()
                .any(|object| object["type"] == "dashboard" && object["id"] == id);
            self.expect(there, || format!("it links to {id}, which is not there"));
        }
    }

    fn query(&mut self, data_view: &str, query: &str) {
        let parsed = match Kql::parse(query) {
            Ok(parsed) => parsed,
            Err(error) => return self.complain(error.to_string()),
        };
        let fields: Vec<String> = parsed.fields().into_iter().map(str::to_owned).collect();
        for field in fields {
            let allowed = &["keyword", "ip", "long", "date", "boolean", "double"];
            self.field(data_view, &field, allowed, "to search in");
        }
    }

    /// `allowed` is empty where any type will do.
    fn field(&mut self, data_view: &str, field: &str, allowed: &[&str], purpose: &str) {
        let Some(fields) = self.fields.get(data_view) else {
            return self.complain(format!("no mapping is known for the data view {data_view}"));
        };
        match fields.get(field) {
            None => self.complain(format!("the mapping of {data_view} has no {field}")),
            Some(kind) if !allowed.is_empty() && !allowed.contains(&kind.as_str()) => {
                self.complain(format!("{field} is {kind}, which is no type {purpose}"));
            }
            Some(_) => {}
        }
    }
}

/// The columns that a visualization names, wherever it names them.
fn accessors(visualization: &Json) -> BTreeSet<String> {
    const NAMES: &[&str] = &[
        "metricAccessor",
        "xAccessor",
        "splitAccessor",
        "accessors",
        "columnId",
        "primaryGroups",
        "metrics",
    ];
    let mut found = BTreeSet::new();
    match visualization {
        Json::Object(entries) => {
            for (name, value) in entries {
                if NAMES.contains(&name.as_str()) {
                    let several = value.as_array().into_iter().flatten();
                    found.extend(
                        several
                            .chain([value])
                            .filter_map(Json::as_str)
                            .map(str::to_owned),
                    );
                } else {
                    found.append(&mut accessors(value));
                }
            }
        }
        Json::Array(values) => values
            .iter()
            .for_each(|value| found.append(&mut accessors(value))),
        _ => {}
    }
    found
}
