//! What each filter costs: `cargo bench -p kelp-parser --bench filters` prints nanoseconds for an event, as a table, and
//! how often that is what an event without filters costs. Figures are of one thread; compare them within one run.

use std::time::{Duration, Instant};

use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::WorkerState;
use kelp_parser::time::Timestamp;

#[path = "support/filter.rs"]
mod filter;

/// How long each filter is measured.
const MEASURED: Duration = Duration::from_millis(400);

const ACCESS: &str = r#"{"message":"192.0.2.7 - anna [10/Oct/2026:13:55:36 +0200] \"GET /cart?id=3 HTTP/1.1\" 200 2326 \"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0\""}"#;
const SYSLOG: &str =
    r#"{"message":"<13>Oct  6 20:55:29 web1 sshd[31993]: Accepted publickey for anna","pri":"13"}"#;
const PAIRS: &str =
    r#"{"message":"level=info user=\"anna b\" took_ms=12 path=/cart status=200 id=7f3a"}"#;
const FIELDS: &str = r#"{"message":"x","a":"Some Text","n":"42","list":["a","b","c"],"o":{"p":{"q":"1"}},"a.b":"c","ip":"10.1.2.3","size":"1.5 kB","at":"2026-10-06T20:55:29.120Z","url":"a%20b%C3%A9"}"#;
const AGENT: &str = r#"{"ua":"Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.5 Mobile/15E148 Safari/604.1"}"#;
const ROW: &str = r#"{"message":"7,\"Kelp, dried\",2.50,true,2026-01-31"}"#;
const JSON: &str = r#"{"message":"{\"level\":\"warn\",\"msg\":\"slow query\",\"time\":\"2026-10-06T20:55:29.120Z\",\"ms\":812,\"tags\":[\"a\",\"b\"],\"o\":{\"p\":1}}"}"#;
const XML: &str = r#"{"message":"<order id=\"7\"><item><name>a</name></item><item><name>b</name></item></order>"}"#;

/// A filter with its options, and the event it gets.
const FILTERS: &[(&str, &str, &str)] = &[
    ("", "", ACCESS),
    (
        "alter",
        r#"condrewrite => ["a", "Some Text", "other"]"#,
        FIELDS,
    ),
    ("bytes", r#"source => "size" target => "bytes""#, FIELDS),
    (
        "cidr",
        r#"address => ["%{ip}"] network => ["192.168.0.0/16", "10.0.0.0/8"] add_tag => "in""#,
        FIELDS,
    ),
    ("clone", r#"clones => ["copy"]"#, FIELDS),
    (
        "csv",
        r#"columns => ["id", "name", "price", "active", "since"]"#,
        ROW,
    ),
    ("date", r#"match => ["at", "ISO8601"]"#, FIELDS),
    ("de_dot", "", FIELDS),
    (
        "dissect",
        r#"mapping => { "message" => "%{ip} %{} %{user} [%{time}] %{rest}" }"#,
        ACCESS,
    ),
    ("drop", "", FIELDS),
    ("extractnumbers", r#"source => "message""#, ACCESS),
    (
        "fingerprint",
        r#"source => "message" method => "SHA256""#,
        ACCESS,
    ),
    (
        "fingerprint",
        r#"source => "message" method => "MURMUR3""#,
        ACCESS,
    ),
    (
        "grok",
        r#"match => { "message" => "%{COMBINEDAPACHELOG}" }"#,
        ACCESS,
    ),
    (
        "grok",
        r#"match => { "message" => "<%{INT:pri}>%{SYSLOGTIMESTAMP:ts} %{SYSLOGHOST:host} %{DATA:prog}\[%{INT:pid}\]: %{GREEDYDATA:text}" }"#,
        SYSLOG,
    ),
    ("json", r#"source => "message""#, JSON),
    ("json_encode", r#"source => "o""#, FIELDS),
    ("kv", "", PAIRS),
    (
        "mutate",
        r#"rename => { "a" => "b" } convert => { "n" => "integer" }"#,
        FIELDS,
    ),
    ("mutate", r#"gsub => ["a", "[aeiou]", "_"]"#, FIELDS),
    (
        "mutate",
        r#"lowercase => ["a"] split => { "url" => "%" } join => { "list" => "," }"#,
        FIELDS,
    ),
    ("prune", r#"blacklist_names => ["^tmp_", "^a$"]"#, FIELDS),
    (
        "range",
        r#"ranges => ["message", 0, 5, "tag:short"]"#,
        FIELDS,
    ),
    (
        "ruby",
        r#"code => "event.set('up', event.get('a').upcase)""#,
        FIELDS,
    ),
    ("split", r#"field => "list""#, FIELDS),
    ("syslog_pri", r#"syslog_pri_field_name => "pri""#, SYSLOG),
    (
        "throttle",
        r#"after_count => 5 period => 60 key => "%{ip}" add_tag => "t""#,
        FIELDS,
    ),
    ("tld", r#"source => "ip""#, FIELDS),
    (
        "translate",
        r#"source => "n" target => "t" dictionary => { "42" => "answer" "7" => "luck" }"#,
        FIELDS,
    ),
    (
        "truncate",
        r#"fields => ["message"] length_bytes => 20"#,
        ACCESS,
    ),
    ("urldecode", r#"field => "url""#, FIELDS),
    ("useragent", r#"source => "ua""#, AGENT),
    ("uuid", r#"target => "id""#, FIELDS),
    ("xml", r#"source => "message" target => "doc""#, XML),
];

fn main() {
    println!("| Filter | Options | ns for an event | times an event without filters |");
    println!("| --- | --- | ---: | ---: |");
    let mut floor = None;
    for (name, options, event) in FILTERS {
        let text = match name.is_empty() {
            true => String::new(),
            false => format!("{name} {{ {options} }}"),
        };
        let nanos = measure(&text, event);
        let floor = *floor.get_or_insert(nanos);
        let shown = options.replace('|', "\\|");
        let name = if name.is_empty() { "none" } else { name };
        println!(
            "| `{name}` | `{shown}` | {nanos:.0} | {:.1} |",
            nanos / floor
        );
    }
}

/// Nanoseconds for an event: making it of its fields, the filter, and giving its memory back.
fn measure(filter: &str, event: &str) -> f64 {
    let pipeline = filter::compile(filter);
    let now = Timestamp::new(1_795_478_400, 0);
    let mut arena = Arena::new();
    let mut worker = WorkerState::default();
    let mut best = f64::MAX;
    let began = Instant::now();
    while began.elapsed() < MEASURED {
        const BATCH: u32 = 500;
        let started = Instant::now();
        for _ in 0..BATCH {
            if let Ok(Value::Object(fields)) = parse_json(event, &arena, Fractions::Double) {
                let event = Event::from_object(&arena, fields, now);
                pipeline.run(event, now, &mut worker, &mut |event, _| {
                    std::mem::forget(std::hint::black_box(event));
                });
            }
            arena.reset();
        }
        // The best batch is the one that was least disturbed.
        best = best.min(started.elapsed().as_nanos() as f64 / f64::from(BATCH));
    }
    best
}
