//! The HTTP API: the names that programs made for Logstash look for.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // each test file uses a part of it
mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use process::Kelp;
use serde_json::Value;

const CONFIG: &str = r#"
input { generator { count => 100 lines => ["a", "b"] } stdin { } }
filter { mutate { id => "upper" uppercase => ["message"] } }
output { null { id => "nowhere" } }
"#;

const FLAGS: [&str; 8] = [
    "--api.enabled",
    "true",
    "--api.http.port",
    "0",
    "-n",
    "node",
    "--pipeline.id",
    "p",
];

struct Api {
    kelp: Kelp,
    address: String,
}

impl Api {
    fn start(name: &str, flags: &[&str]) -> Self {
        Self::of(Kelp::start(name, CONFIG, &[&FLAGS, flags].concat()))
    }

    fn of(kelp: Kelp) -> Self {
        kelp.wait_for_log("api on http://", 1);
        let log = kelp.log();
        let address = log.split("api on http://").nth(1).unwrap();
        let address = address.split(": ").next().unwrap().to_owned();
        Self { kelp, address }
    }

    fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: kelp\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        (status, body)
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "", "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// What is there at `path`, a JSON pointer.
fn names(value: &Value, path: &str) -> Vec<String> {
    let object = value.pointer(path).and_then(Value::as_object);
    let object = object.unwrap_or_else(|| panic!("no object at {path}: {value}"));
    object.keys().cloned().collect()
}

#[test]
fn programs_made_for_logstash_find_their_names() {
    let api = Api::start("api", &[]);
    let begun = Instant::now();
    let stats = loop {
        let stats = api.get("/_node/stats");
        let rate = &stats["pipelines"]["p"]["flow"]["input_throughput"]["lifetime"];
        if stats["events"]["out"] == 200 && rate.as_f64().is_some_and(|rate| rate > 0.0) {
            break stats;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{stats}");
        std::thread::sleep(Duration::from_millis(50));
    };
    for (path, wanted) in [
        (
            "",
            "host version http_address id name ephemeral_id status snapshot pipeline jvm process events flow pipelines reloads os queue",
        ),
        ("/jvm", "threads mem gc uptime_in_millis"),
        (
            "/jvm/mem",
            "heap_used_percent heap_committed_in_bytes heap_max_in_bytes heap_used_in_bytes non_heap_used_in_bytes pools",
        ),
        (
            "/process",
            "open_file_descriptors peak_open_file_descriptors max_file_descriptors mem cpu",
        ),
        ("/process/cpu", "total_in_millis percent load_average"),
        (
            "/events",
            "in filtered out duration_in_millis queue_push_duration_in_millis",
        ),
        (
            "/flow",
            "input_throughput filter_throughput output_throughput queue_backpressure worker_concurrency",
        ),
        (
            "/pipelines/p",
            "events flow plugins reloads queue pipeline dead_letter_queue hash ephemeral_id",
        ),
        ("/pipelines/p/plugins", "inputs codecs filters outputs"),
        (
            "/pipelines/p/flow",
            "input_throughput worker_concurrency worker_utilization",
        ),
        (
            "/pipelines/p/queue",
            "type events_count queue_size_in_bytes max_queue_size_in_bytes",
        ),
        (
            "/pipelines/p/reloads",
            "successes failures last_success_timestamp last_failure_timestamp last_error",
        ),
        (
            "/pipelines/p/dead_letter_queue",
            "max_queue_size_in_bytes dropped_events storage_policy",
        ),
    ] {
        let found = names(&stats, path);
        let missing: Vec<&str> = wanted
            .split(' ')
            .filter(|name| !found.iter().any(|one| one == name))
            .collect();
        assert!(missing.is_empty(), "{path} lacks {missing:?}");
    }
    let plugins = &stats["pipelines"]["p"]["plugins"];
    assert_eq!(plugins["filters"][0]["id"], "upper");
    assert_eq!(plugins["filters"][0]["events"]["out"], 200);
    assert!(plugins["filters"][0]["events"]["duration_in_millis"].is_u64());
    assert_eq!(plugins["outputs"][0]["id"], "nowhere");
    assert_eq!(plugins["inputs"][0]["events"]["out"], 200);

    assert_eq!(api.get("/")["name"], "node");
    assert_eq!(
        api.get("/_node/pipelines/p")["pipelines"]["p"]["workers"],
        2
    );
    assert!(
        names(&api.get("/_node/stats/jvm,os"), "")
            .iter()
            .all(|name| name != "process")
    );
    assert!(api.get("/_node/os")["os"]["available_processors"].is_number());
    assert!(api.get("/_node/hot_threads")["hot_threads"]["threads"].is_array());
    let plugins = api.get("/_node/plugins");
    assert_eq!(
        plugins["total"],
        plugins["plugins"].as_array().unwrap().len()
    );
    let health = api.get("/_health_report");
    assert_eq!(
        health["indicators"]["pipelines"]["indicators"]["p"]["details"]["status"]["state"],
        "RUNNING"
    );
    assert!(health["timestamp"].is_string());
    for path in ["/nothing", "/_node/stats/nothing", "/_node/pipelines/other"] {
        assert_eq!(api.ask("GET", path, "", "").0, 404, "{path}");
    }
    let page = api.ask("GET", "/metrics", "", "").1;
    assert!(
        page.contains("kelp_events_in_total{pipeline=\"p\"} 200"),
        "{page}"
    );
}

#[test]
fn a_pipeline_that_could_not_start_is_red_until_it_is_mended() {
    let list = "- pipeline.id: good\n  path.config: good.conf\n- pipeline.id: late\n  path.config: late.conf\n";
    let files = [
        ("pipelines.yml", list),
        ("good.conf", CONFIG),
        ("late.conf", "input {"),
    ];
    let flags = ["-r", "--config.reload.interval", "100ms"];
    let flags = [&FLAGS[..4], &flags].concat();
    let mut api = Api::of(Kelp::start_with("mended", &files, &flags));
    let health = api.get("/_health_report");
    let states = &health["indicators"]["pipelines"]["indicators"];
    assert_eq!(
        (&health["status"], &states["late"]["status"]),
        (&"red".into(), &"red".into())
    );
    assert_eq!(states["good"]["status"], "green");
    let mended = "
        input { generator { message => 'x' } }
        filter { aggregate { task_id => '%{message}' code => 'map' } drop { } }
        output { null { } }";
    api.kelp.write("late.conf", mended);
    let begun = Instant::now();
    while api.get("/_health_report")["status"] == "red" {
        assert!(begun.elapsed() < Duration::from_secs(60), "{health}");
        std::thread::sleep(Duration::from_millis(50));
    }
    // The filter needs the order of events.
    let workers = |id: &str| api.get("/_node/pipelines")["pipelines"][id]["workers"].clone();
    assert_eq!((workers("good"), workers("late")), (2.into(), 1.into()));
    api.kelp.write(
        "pipelines.yml",
        &list[..list.find("- pipeline.id: late").unwrap()],
    );
    api.kelp
        .wait_for_log("pipeline removed pipeline=\"late\"", 1);
    api.kelp.end();
}

#[test]
fn an_input_that_reaches_no_broker_makes_the_health_yellow() {
    let config = r#"
    input { kafka { id => "k" bootstrap_servers => "127.0.0.1:1" topics => ["t"] } }
    output { null { } }
    "#;
    let api = Api::of(Kelp::start("unreachable", config, &FLAGS));
    let begun = Instant::now();
    let health = loop {
        let health = api.get("/_health_report");
        if health["status"] != "green" {
            break health;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{health}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(health["status"], "yellow", "{health}");
    assert_eq!(health["symptom"], "input `k` reaches none of its servers");
    let stats = api.get("/_node/stats/pipelines/p");
    let input = &stats["pipelines"]["p"]["plugins"]["inputs"][0];
    assert_eq!(input["unreachable"], true, "{input}");
    let (_, metrics) = api.ask("GET", "/metrics", "", "");
    let sample = r#"kelp_input_unreachable{pipeline="p",input="k"} 1"#;
    assert!(metrics.contains(sample), "{metrics}");
    drop(api.kelp);
}

#[test]
fn levels_of_the_log_can_be_changed_and_reset() {
    let api = Api::start("levels", &[]);
    let (status, _) = api.ask(
        "PUT",
        "/_node/logging",
        "",
        r#"{"logger.kelp": "WARN", "logger.kelp.run": "DEBUG"}"#,
    );
    assert_eq!(status, 200);
    let loggers = api.get("/_node/logging")["loggers"].clone();
    assert_eq!(
        (&loggers["kelp"], &loggers["kelp.run"]),
        (&"WARN".into(), &"DEBUG".into())
    );
    let (status, body) = api.ask("PUT", "/_node/logging", "", r#"{"logger.kelp": "LOUD"}"#);
    assert!(
        status == 400 && body.contains("invalid level[LOUD]"),
        "{body}"
    );
    assert_eq!(api.ask("PUT", "/_node/logging/reset", "", "").0, 200);
    assert_eq!(api.get("/_node/logging")["loggers"]["kelp"], "INFO");
    drop(api.kelp);
}

#[test]
fn an_address_that_is_not_of_this_machine_is_told_of() {
    // An address for documentation, which no machine has.
    let flags = ["--api.enabled", "true", "--api.http.host", "203.0.113.1"];
    let mut kelp = Kelp::start("address", CONFIG, &flags);
    kelp.wait_for_log("it cannot listen on 203.0.113.1, port 9600 to 9700: ", 1);
    assert!(!kelp.log().contains("in use"), "{}", kelp.log());
    kelp.end();
}

#[test]
fn a_login_is_asked_for() {
    let login = [
        "-S",
        "api.auth.type=basic",
        "-S",
        "api.auth.basic.username=u",
        "-S",
        "api.auth.basic.password=p",
    ];
    let api = Api::start("login", &login);
    let health = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
            .args(["health", "--api", &api.address])
            .args(more)
            .env_remove("KELP_API_LOGIN")
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), errors)
    };
    assert_eq!(health(&["--login", "u:p"]), (true, String::new()));
    let (is_well, errors) = health(&["--login", "u:q"]);
    assert!(
        !is_well && errors.contains("give them with --login"),
        "{errors}"
    );
    assert_eq!(api.ask("GET", "/", "", "").0, 401);
    assert_eq!(
        api.ask("GET", "/metrics", "authorization: Basic dTpx\r\n", "")
            .0,
        401
    );
    assert_eq!(
        api.ask("GET", "/", "authorization: Basic dTpw\r\n", "").0,
        200
    );
}
