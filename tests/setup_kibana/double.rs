//! A double of Kibana that answers as Kibana does: not ready yet, who are you, no such object, that is in the way, I am too old for it.
//!
//! Shapes of answers are those of the saved objects API and the data views API of Kibana 8 and 9.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http_double::{self, Request};

/// What the double knows and has seen.
pub struct Kibana {
    /// Answers 503 to so many requests for its status.
    pub starting: usize,
    /// Answers 503 to so many imports.
    pub busy: usize,
    /// What it says it is.
    pub version: &'static str,
    /// Data views by id.
    pub data_views: BTreeMap<String, Value>,
    /// Saved objects by type and id.
    pub objects: BTreeMap<(String, String), Value>,
    /// Ids that another space holds, so that an import of them is ambiguous.
    pub taken: Vec<String>,
    /// Method and path of each request.
    pub requests: Vec<String>,
}

impl Default for Kibana {
    fn default() -> Self {
        Self {
            starting: 0,
            busy: 0,
            version: "9.4.3",
            data_views: BTreeMap::new(),
            objects: BTreeMap::new(),
            taken: Vec::new(),
            requests: Vec::new(),
        }
    }
}

const AUTHORIZATION: &str = "Basic ZWxhc3RpYzpzZWNyZXQ="; // elastic:secret

/// Starts it; gives its address and what it knows.
pub fn start(kibana: Kibana) -> (String, Arc<Mutex<Kibana>>) {
    http_double::start(kibana, |kibana, request| {
        if request.method != "GET" && !request.headers.contains_key("kbn-xsrf") {
            error(400, "Request must contain a kbn-xsrf header.")
        } else if request.headers.get("authorization").map(String::as_str) != Some(AUTHORIZATION) {
            error(401, "[security_exception]: unable to authenticate user")
        } else {
            answer(kibana, request)
        }
    })
}

fn error(status: u16, message: &str) -> (u16, String) {
    let body = json!({"statusCode": status, "error": "X", "message": message});
    (status, body.to_string())
}

fn answer(kibana: &mut Kibana, request: &Request) -> (u16, String) {
    let Request { method, path, .. } = request;
    kibana.requests.push(format!("{method} {path}"));
    let path = match path.strip_prefix("/s/") {
        Some(rest) => rest.split_once('/').unwrap().1,
        None => path.trim_start_matches('/'),
    };
    match (method.as_str(), path) {
        ("GET", "api/status") if kibana.starting > 0 => {
            kibana.starting -= 1;
            let body = json!({"status": {"overall": {"level": "unavailable"}}});
            (503, body.to_string())
        }
        ("GET", "api/status") => {
            let body = json!({"version": {"number": kibana.version}, "status": {"overall": {"level": "available"}}});
            (200, body.to_string())
        }
        ("GET", path) if path.starts_with("api/data_views/data_view/") => {
            let id = path.rsplit('/').next().unwrap();
            match kibana.data_views.get(id) {
                Some(view) => (200, json!({"data_view": view}).to_string()),
                None => error(404, &format!("Saved object [index-pattern/{id}] not found")),
            }
        }
        ("POST", "api/data_views/data_view") => make_data_view(kibana, &request.body),
        ("POST", "api/saved_objects/_export") => export(kibana, &request.body),
        ("POST", "api/saved_objects/_import?overwrite=true") => import(kibana, request),
        _ => error(404, "Not Found"),
    }
}

fn make_data_view(kibana: &mut Kibana, body: &[u8]) -> (u16, String) {
    let body: Value = serde_json::from_slice(body).unwrap();
    let id = body["data_view"]["id"].as_str().unwrap().to_owned();
    if kibana.data_views.contains_key(&id) && body["override"] != true {
        return error(400, "Duplicate data view: Kelp logs");
    }
    let mut view = body["data_view"].clone();
    view["version"] = "WzEsMV0=".into();
    kibana.data_views.insert(id, view.clone());
    (200, json!({"data_view": view}).to_string())
}

fn export(kibana: &Kibana, body: &[u8]) -> (u16, String) {
    let body: Value = serde_json::from_slice(body).unwrap();
    let mut lines = String::new();
    for wanted in body["objects"].as_array().unwrap() {
        let text = |name: &str| wanted[name].as_str().unwrap().to_owned();
        match kibana.objects.get(&(text("type"), text("id"))) {
            Some(object) => lines += &format!("{object}\n"),
            None => return error(400, "Error fetching objects to export"),
        }
    }
    (200, lines.trim_end().to_owned())
}

/// The file in a form.
fn file(request: &Request) -> String {
    let content_type = &request.headers["content-type"];
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=");
    let boundary = boundary.unwrap_or_else(|| panic!("{content_type}"));
    let body = std::str::from_utf8(&request.body).unwrap();
    let part = body
        .strip_prefix(&format!("--{boundary}\r\n"))
        .and_then(|rest| rest.strip_suffix(&format!("\r\n--{boundary}--\r\n")));
    let (head, content) = part.unwrap().split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("name=\"file\"; filename=\"kelp.ndjson\""),
        "{head}"
    );
    content.to_owned()
}

fn import(kibana: &mut Kibana, request: &Request) -> (u16, String) {
    if kibana.busy > 0 {
        kibana.busy -= 1;
        return error(503, "License is not available.");
    }
    let text = file(request);
    let objects: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let key = |object: &Value| {
        let text = |name: &str| object[name].as_str().unwrap().to_owned();
        (text("type"), text("id"))
    };
    let new: Vec<_> = objects.iter().map(key).collect();
    let mut errors = Vec::new();
    for object in &objects {
        let references = object["references"].as_array().unwrap().iter();
        let missing: Vec<&Value> = references
            .filter(|reference| {
                let (kind, id) = key(reference);
                let is_view = kind == "index-pattern" && kibana.data_views.contains_key(&id);
                // Only those to data views and searches are looked at.
                let matters = kind == "index-pattern" || kind == "search";
                matters && !is_view && !new.contains(&key(reference))
            })
            .collect();
        let (kind, id) = key(object);
        let error = if kibana.taken.contains(&id) {
            json!({"type": "ambiguous_conflict", "destinations": [{"id": "a"}, {"id": "b"}]})
        } else if !missing.is_empty() {
            json!({"type": "missing_references", "references": missing})
        } else {
            kibana
                .objects
                .insert((kind.clone(), id.clone()), object.clone());
            continue;
        };
        errors.push(json!({"type": kind, "id": id, "error": error}));
    }
    let done = objects.len() - errors.len();
    let mut answer = json!({"success": errors.is_empty(), "successCount": done, "warnings": []});
    if !errors.is_empty() {
        answer["errors"] = errors.into();
    }
    (200, answer.to_string())
}
