//! A change of a format shows up as one line in the log that names it, and in the counts of the pattern.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // each test file uses a part of it
mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use process::Kelp;
use serde_json::Value;

const CONFIG: &str = r#"
input { stdin { } }
filter {
  grok {
    id => "access"
    match => { "message" => ["^%{IP:client} \[%{HTTPDATE:time}\] %{INT:status:int}$", "^health$"] }
  }
}
output { null { } }
"#;

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: kelp\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn grok(address: &str) -> Value {
    let stats: Value = serde_json::from_str(&get(address, "/_node/stats")).unwrap();
    stats["pipelines"]["main"]["plugins"]["filters"][0].clone()
}

#[test]
fn a_change_of_a_format_is_one_line_that_names_it() {
    let flags = ["--api.enabled", "true", "--api.http.port", "0"];
    let mut kelp = Kelp::start("grok_misses", CONFIG, &flags);
    kelp.wait_for_log("api on http://", 1);
    let log = kelp.log();
    let address = log.split("api on http://").nth(1).unwrap();
    let address = address.split(": ").next().unwrap().to_owned();
    for _ in 0..50 {
        kelp.write_line("192.0.2.7 [23/Nov/2026:10:15:30 +0100] 200");
        kelp.write_line("health");
    }
    for _ in 0..50 {
        kelp.write_line("192.0.2.7 [2026-11-23T10:15:30Z] 200");
    }
    let told = "`message` matches none of 2 patterns; `^%{IP:client} \\[%{HTTPDATE:time}\\] \
                %{INT:status:int}$` came furthest: column 14: after `192.0.2.7 [20` expected `/` (in HTTPDATE:time)";
    kelp.wait_for_log(told, 1);

    let begun = Instant::now();
    let stats = loop {
        let stats = grok(&address);
        if stats["failures"] == 50 && stats["patterns"][0]["stopped"].is_object() {
            break stats;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{stats}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(stats["matches"], 100);
    assert_eq!(stats["patterns_per_field"]["message"], 2);
    let [access, health] = stats["patterns"].as_array().unwrap().as_slice() else {
        panic!("{stats}");
    };
    let counts =
        |pattern: &Value| ["tried", "matched", "missed"].map(|count| pattern[count].clone());
    assert_eq!(counts(access), [150, 50, 100].map(Value::from));
    assert_eq!(counts(health), [100, 50, 50].map(Value::from));
    assert_eq!(access["field"], "message");
    let stopped = &access["stopped"];
    assert_eq!(
        stopped["in"]["HTTPDATE:time"], stopped["sampled"],
        "{stats}"
    );
    assert!(stopped["last"].as_str().unwrap().starts_with("column 14"));
    let metrics = get(&address, "/metrics");
    assert!(
        metrics.contains(r#"what="matched"} 50"#) && metrics.contains(r#"in="HTTPDATE:time"}"#),
        "{metrics}"
    );
    kelp.end();
    assert_eq!(kelp.log().matches(told).count(), 1, "{}", kelp.log());
}
