//! Hostile messages among good ones: all good ones arrive, about as fast as without, and memory stays bounded.
//!
//! In `./test` a hundred hostile messages; `./test poison` writes 10,000 and compares the rates. `KELP_POISON_KIND` names the
//! one [`kind`] that is then written, to see what it costs.

use super::support::{AccessLog, Kelp, Servers, Topic, distinct, distribution, wait_until};
use kelp_harness::{Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions};
use kelp_parser::grok::{Library, PatternSet};
use serde_json::json;
use std::time::Instant;

const MEBIBYTE: usize = 1 << 20;
/// Resident memory that is never to be exceeded: what is in flight (64 MiB), what librdkafka prefetches (16 MiB),
/// bodies on their way (32 MiB and more where a single one is larger), and what is made of a few messages of 10 MiB at the
/// same time.
const MEMORY_LIMIT_MB: u64 = 900;

/// Lines are for grok with every pattern of the stock library, one after the other.
fn config() -> String {
    let library = Library::new(PatternSet::EcsV1);
    let patterns: Vec<String> = library
        .names()
        .map(|name| format!("\"%{{{name}:[found][{}]}}\"", name.to_lowercase()))
        .collect();
    r#"
    input {
      kafka {
        bootstrap_servers => "${KAFKA}"
        topics => ["${TOPIC}"]
        group_id => "${GROUP}"
        auto_offset_reset => "earliest"
        # The end is seen by its commit: the default of five seconds would be a tenth of what is measured.
        auto_commit_interval_ms => 100
        codec => json
      }
    }
    filter {
      if [line] {
        grok { match => { "line" => "%{COMBINEDAPACHELOG}" } }
      } else if [redos] {
        grok { match => { "redos" => [PATTERNS] } break_on_match => false named_captures_only => true target => "grok" }
      } else if [message] =~ /^k0=v/ {
        kv { source => "message" target => "pairs" }
      }
    }
    output {
      elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${INDEX}" retry_initial_interval => 1 retry_max_interval => 4 }
    }
    "#
    .replace("PATTERNS", &patterns.join(", "))
}

fn good(access: &AccessLog, n: usize) -> Vec<u8> {
    let line = access.lines[n % access.lines.len()]
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!(r#"{{"n":{n},"line":"{line}"}}"#).into_bytes()
}

/// What a hostile message is, by its number: of 10,000 there are 12 of 10 MiB and 20 with 100,000 keys; the others are spread
/// evenly over the small kinds.
fn kind(n: usize) -> &'static str {
    match (n % 3000, n % 500, n % 5) {
        (0, ..) => "large text",
        (1, ..) => "large binary",
        (2, ..) => "large pairs",
        (_, 3, _) => "keys",
        (.., 0) => "binary",
        (.., 1) => "brackets",
        (.., 2) => "deep",
        (.., 3) => "invalid",
        _ => "redos",
    }
}

/// The hostile message of a number.
fn hostile(n: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(n as u64);
    match kind(n) {
        "large text" => {
            let mut text = format!(r#"{{"hostile":{n},"text":""#).into_bytes();
            text.resize(10 * MEBIBYTE - 2, b'x');
            text.extend_from_slice(b"\"}");
            text
        }
        "large binary" => (0..10 * MEBIBYTE).map(|_| rng.u8(..)).collect(),
        "large pairs" => (0..MEBIBYTE)
            .map(|pair| format!("k{pair}=v "))
            .collect::<String>()
            .into_bytes(),
        "keys" => {
            let keys = (0..100_000).map(|key| format!(r#""k{key}":{key}"#));
            format!(
                r#"{{"hostile":{n},{}}}"#,
                keys.collect::<Vec<_>>().join(",")
            )
            .into_bytes()
        }
        "binary" => (0..1024).map(|_| rng.u8(..)).collect(),
        "brackets" => "[".repeat(100_000).into_bytes(),
        "deep" => format!("{}1{}", r#"{"a":"#.repeat(900), "}".repeat(900)).into_bytes(),
        "invalid" => {
            let mut text = format!(r#"{{"hostile":{n},"text":""#).into_bytes();
            text.extend((0..500).map(|_| rng.u8(0x80..)));
            text.extend_from_slice(b"\"}");
            text
        }
        _ => {
            let line = match n / 5 % 6 {
                0 => "a".repeat(2_000) + "!",
                1 => "1.".repeat(1_000),
                2 => "/a".repeat(1_000) + " ",
                3 => "\\\"".repeat(1_000),
                4 => "a:".repeat(1_000) + ":",
                _ => "- - [".repeat(400),
            };
            format!(r#"{{"hostile":{n},"redos":"{line}"}}"#).into_bytes()
        }
    }
}

struct Outcome {
    rate: f64,
    memory_mb: u64,
    letters: usize,
}

/// Writes the messages, lets a kelp index them, and gives how many good ones a second were done.
fn run(servers: &Servers, name: &str, goods: usize, hostiles: usize) -> Outcome {
    let topic = Topic::new(&servers.kafka, name);
    let mapping = json!({"mappings": {"dynamic": false, "properties": {"n": {"type": "long"}}}});
    servers.client().put(name, &mapping).unwrap();
    let access = AccessLog::new();
    let wanted = std::env::var("KELP_POISON_KIND").ok();
    let wanted = |&n: &usize| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.as_str() == kind(n))
    };
    let numbers: Vec<usize> = (0..hostiles).filter(wanted).collect();
    assert!(
        hostiles == 0 || !numbers.is_empty(),
        "KELP_POISON_KIND is none of the kinds"
    );
    let hostiles = numbers.len();
    let every = (goods + hostiles) / hostiles.max(1);
    let (mut n, mut bad) = (0, 0);
    while n < goods || bad < hostiles {
        let mut chunk = Vec::new();
        for _ in 0..2_000 {
            if bad < hostiles && (n + bad) % every == 0 {
                chunk.push(hostile(numbers[bad]));
                bad += 1;
            } else if n < goods {
                chunk.push(good(&access, n));
                n += 1;
            }
            if chunk.iter().map(Vec::len).sum::<usize>() > 50 * MEBIBYTE {
                break;
            }
        }
        topic.write(chunk);
    }
    let total = topic.len();
    assert_eq!(total, (goods + hostiles) as i64);
    let begun = Instant::now();
    let kelp = Kelp::start(servers, &topic, &config(), &[]);
    let mut memory_mb = 0;
    let committed = || {
        memory_mb = memory_mb.max(kelp.peak_memory_mb());
        topic.committed(name)
    };
    wait_until("the commit of all", 3600, committed, |&committed| {
        committed == total
    });
    let seconds = begun.elapsed().as_secs_f64();
    let client = servers.client();
    client.refresh(name).unwrap();
    assert_eq!(
        distinct(client, name, "n"),
        goods,
        "every good message has arrived"
    );
    let letters = kelp.dead_letters();
    assert_eq!(
        client.count(name).unwrap() as usize + letters.len(),
        goods + hostiles,
        "every message is a document or lies among the dead letters"
    );
    let of = |letter: &serde_json::Value| letter["reason"]["type"].as_str().unwrap().to_owned();
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    for letter in &letters {
        assert_ne!(of(letter), "panic", "{}", letter["reason"]);
        assert!(
            !letter["payload"]["text"]
                .as_str()
                .unwrap_or_default()
                .contains(r#""line""#)
        );
        *kinds.entry(of(letter)).or_default() += 1;
    }
    println!(
        "{name}: {goods} good, {hostiles} hostile in {seconds:.1} s, {memory_mb} MiB resident at most, dead letters {kinds:?}"
    );
    Outcome {
        rate: goods as f64 / seconds,
        memory_mb,
        letters: letters.len(),
    }
}

#[test]
#[ignore = "needs the real servers: ./test e2e, or ./test poison for 10,000 of them"]
fn hostile_messages_do_not_keep_good_ones_from_arriving() {
    let number = |name: &str, default: usize| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let hostiles = number("KELP_POISON_HOSTILE", 100);
    let goods = number("KELP_POISON_GOOD", 2_000);
    let limit = ("message.max.bytes".to_owned(), (12 * MEBIBYTE).to_string());
    let servers = Servers {
        kafka: Kafka::start(KafkaOptions {
            properties: vec![limit],
            ..KafkaOptions::default()
        })
        .unwrap(),
        elasticsearch: Elasticsearch::start(ElasticsearchOptions {
            distribution: distribution(),
            ..Default::default()
        })
        .unwrap(),
    };
    let compares = std::env::var_os("KELP_POISON_GOOD").is_some();
    let alone = compares.then(|| run(&servers, "good-alone", goods, 0));
    let mixed = run(&servers, "good-and-hostile", goods, hostiles);
    if std::env::var_os("KELP_POISON_KIND").is_none() {
        assert!(mixed.letters > 0, "the messages with 100,000 keys");
    }
    assert!(mixed.memory_mb < MEMORY_LIMIT_MB, "{} MiB", mixed.memory_mb);
    if let Some(alone) = alone {
        assert_eq!(alone.letters, 0);
        println!(
            "good messages a second: {:.0} alone, {:.0} with {hostiles} hostile ones ({:+.1} %)",
            alone.rate,
            mixed.rate,
            (mixed.rate / alone.rate - 1.0) * 100.0
        );
    }
}
