//! `kelp setup` against a double of Kibana that answers as Kibana does: not ready yet, who are you, no such data view, there it is.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the double knows and has seen.
#[derive(Default)]
struct Kibana {
    /// Answers 503 to so many requests for its status.
    starting: usize,
    data_view: Option<Value>,
    requests: Vec<String>,
}

const AUTHORIZATION: &str = "Basic ZWxhc3RpYzpzZWNyZXQ="; // elastic:secret

fn start(kibana: Kibana) -> (String, Arc<Mutex<Kibana>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::new(Mutex::new(kibana));
    let shared = Arc::clone(&state);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream.unwrap(), &shared));
        }
    });
    (url, state)
}

/// One connection: requests, one after the other.
fn serve(mut stream: TcpStream, state: &Mutex<Kibana>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let (mut length, mut authorized, mut xsrf) = (0, false, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let header = header.trim_end();
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(": ").unwrap();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => authorized = value == AUTHORIZATION,
                "kbn-xsrf" => xsrf = true,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = first.split_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let mut kibana = state.lock().unwrap();
        let (status, answer) = if method != "GET" && !xsrf {
            let message = "Request must contain a kbn-xsrf header.";
            (
                400,
                json!({"statusCode": 400, "error": "Bad Request", "message": message}),
            )
        } else if !authorized {
            let message = "[security_exception]: unable to authenticate user";
            (
                401,
                json!({"statusCode": 401, "error": "Unauthorized", "message": message}),
            )
        } else {
            answer(&mut kibana, method, path, &body)
        };
        drop(kibana);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all((head + &answer).as_bytes()).unwrap();
    }
}

fn answer(kibana: &mut Kibana, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    kibana.requests.push(format!("{method} {path}"));
    match (method, path) {
        ("GET", "/api/status") if kibana.starting > 0 => {
            kibana.starting -= 1;
            (
                503,
                json!({"status": {"overall": {"level": "unavailable"}}}),
            )
        }
        ("GET", "/api/status") => (200, json!({"status": {"overall": {"level": "available"}}})),
        ("GET", path) if path.ends_with("/api/data_views/data_view/kelp-logs") => {
            match &kibana.data_view {
                Some(view) => (200, json!({"data_view": view})),
                None => (
                    404,
                    json!({"statusCode": 404, "error": "Not Found",
                    "message": "Saved object [index-pattern/kelp-logs] not found"}),
                ),
            }
        }
        ("POST", path) if path.ends_with("/api/data_views/data_view") => {
            let body: Value = serde_json::from_slice(body).unwrap();
            if kibana.data_view.is_some() && body["override"] != true {
                let message = "Duplicate data view: Kelp logs";
                return (
                    400,
                    json!({"statusCode": 400, "error": "Bad Request", "message": message}),
                );
            }
            let mut view = body["data_view"].clone();
            view["version"] = "WzEsMV0=".into();
            kibana.data_view = Some(view.clone());
            (200, json!({"data_view": view}))
        }
        _ => (
            404,
            json!({"statusCode": 404, "error": "Not Found", "message": "Not Found"}),
        ),
    }
}

fn setup(url: &str, password: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kelp"))
        .args(["setup", "--only", "kibana", "--kibana", url])
        .args(arguments)
        .env("ELASTIC_PASSWORD", password)
        .output()
        .unwrap()
}

#[track_caller]
fn prints(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

#[test]
fn the_data_view_is_made_once_kibana_is_ready_and_only_once() {
    let (url, state) = start(Kibana {
        starting: 2,
        ..Kibana::default()
    });
    let planned = prints(&setup(&url, "secret", &["--dry-run"]));
    assert!(
        planned.contains("data view kelp-logs: would create it"),
        "{planned}"
    );
    assert!(state.lock().unwrap().data_view.is_none());
    let first = prints(&setup(&url, "secret", &[]));
    assert_eq!(first, "data view kelp-logs: created\n1 changed\n");
    assert_eq!(
        state.lock().unwrap().data_view.as_ref().unwrap()["title"],
        "logs-*"
    );
    let second = prints(&setup(&url, "secret", &[]));
    let nothing =
        "data view kelp-logs: unchanged\neverything is as it should be; nothing was changed\n";
    assert_eq!(second, nothing);
}

#[test]
fn a_data_view_that_someone_changed_is_overwritten() {
    let changed =
        json!({"id": "kelp-logs", "title": "other-*", "name": "x", "timeFieldName": "@timestamp"});
    let (url, state) = start(Kibana {
        data_view: Some(changed),
        ..Kibana::default()
    });
    let first = prints(&setup(&url, "secret", &["--space", "team"]));
    assert_eq!(first, "data view kelp-logs: updated\n1 changed\n");
    let requests = state.lock().unwrap().requests.clone();
    assert!(
        requests.contains(&"POST /s/team/api/data_views/data_view".to_owned()),
        "{requests:?}"
    );
}

#[test]
fn a_wrong_password_ends_the_wait_at_once() {
    let (url, state) = start(Kibana::default());
    let output = setup(&url, "wrong", &[]);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("Kibana at") && errors.contains("(401)"),
        "{errors}"
    );
    assert!(state.lock().unwrap().requests.is_empty());
}

#[test]
fn a_kibana_that_never_gets_ready_is_told_with_what_it_said() {
    let (url, _) = start(Kibana {
        starting: usize::MAX,
        ..Kibana::default()
    });
    let output = setup(&url, "secret", &["--wait", "1"]);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("did not become ready within 1 s: it is unavailable"),
        "{errors}"
    );
}
