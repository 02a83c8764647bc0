//! Hostile messages among good ones: all good ones arrive, about as fast as without, and memory stays bounded.
//!
//! In `./test` a hundred hostile messages; `./test poison` writes 10,000 and compares the rates. `KELP_POISON_KIND` names the
//! one [`kind`] that is then written, to see what it costs.

use super::support::{
    AccessLog, Kelp, Servers, Topic, cpu_seconds, distinct, distribution, optimizing, wait_until,
};
use kelp_harness::{Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions};
use kelp_parser::grok::{Library, PatternSet};
use serde_json::json;
use std::fmt;
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
    cost: Cost,
}

/// What was used of the processors, in seconds, and the bytes of all bulk bodies.
#[derive(Clone, Copy)]
struct Cost {
    kelp_s: f64,
    elasticsearch_s: f64,
    kafka_s: f64,
    bulk_mb: f64,
}

impl Cost {
    fn so_far(servers: &Servers, kelp: Option<&Kelp>) -> Self {
        let of = |pid: Option<u32>| cpu_seconds(pid.unwrap());
        let stats = "_nodes/stats/indexing_pressure?filter_path=nodes.*.indexing_pressure.memory.total.all_in_bytes";
        let stats = servers.client().get(stats).unwrap();
        let nodes = stats["nodes"].as_object().unwrap().values();
        let bytes =
            nodes.map(|node| node["indexing_pressure"]["memory"]["total"]["all_in_bytes"].as_f64());
        Self {
            kelp_s: kelp.map_or(0.0, Kelp::cpu_seconds),
            elasticsearch_s: of(servers.elasticsearch.pid()),
            kafka_s: of(servers.kafka.pid()),
            bulk_mb: bytes.map(Option::unwrap).sum::<f64>() / MEBIBYTE as f64,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            kelp_s: self.kelp_s - before.kelp_s,
            elasticsearch_s: self.elasticsearch_s - before.elasticsearch_s,
            kafka_s: self.kafka_s - before.kafka_s,
            bulk_mb: self.bulk_mb - before.bulk_mb,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kelp_s,
            elasticsearch_s,
            kafka_s,
            bulk_mb,
        } = self;
        write!(
            f,
            "{bulk_mb:.0} MiB of bulk bodies; seconds of a processor: {kelp_s:.1} of Kelp, {elasticsearch_s:.1} of Elasticsearch, {kafka_s:.1} of Kafka"
        )
    }
}

/// The numbers of the hostile messages: all below `hostiles`, or those of the kind that `KELP_POISON_KIND` names.
fn numbers(hostiles: usize) -> Vec<usize> {
    let wanted = std::env::var("KELP_POISON_KIND").ok();
    let is_wanted = |&n: &usize| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.as_str() == kind(n))
    };
    let numbers: Vec<usize> = (0..hostiles).filter(is_wanted).collect();
    assert!(
        hostiles == 0 || !numbers.is_empty(),
        "KELP_POISON_KIND is none of the kinds"
    );
    numbers
}

/// Writes the good messages with the hostile ones among them, evenly.
fn write(topic: &Topic, goods: usize, hostiles: &[usize]) {
    let access = AccessLog::new();
    let every = (goods + hostiles.len()) / hostiles.len().max(1);
    let (mut n, mut bad) = (0, 0);
    while n < goods || bad < hostiles.len() {
        let mut chunk = Vec::new();
        for _ in 0..2_000 {
            if bad < hostiles.len() && (n + bad) % every == 0 {
                chunk.push(hostile(hostiles[bad]));
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
    assert_eq!(topic.len(), (goods + hostiles.len()) as i64);
}

/// Lets a kelp index all messages of the topic, as the group and into the index `name`, and gives how many good ones a second were done.
fn index(servers: &Servers, topic: &Topic, name: &str, goods: usize, hostiles: usize) -> Outcome {
    let mapping = json!({"mappings": {"dynamic": false, "properties": {"n": {"type": "long"}}}});
    servers.client().put(name, &mapping).unwrap();
    let total = (goods + hostiles) as i64;
    let before = Cost::so_far(servers, None);
    let begun = Instant::now();
    let variables = [("GROUP", name.to_owned()), ("INDEX", name.to_owned())];
    let kelp = Kelp::start_with(servers, topic, &config(), &[], &variables);
    let mut memory_mb = 0;
    let committed = || {
        memory_mb = memory_mb.max(kelp.peak_memory_mb());
        topic.committed(name)
    };
    wait_until("the commit of all", 3600, committed, |&committed| {
        committed == total
    });
    let seconds = begun.elapsed().as_secs_f64();
    let cost = Cost::so_far(servers, Some(&kelp)).since(before);
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
        "{name}: {goods} good, {hostiles} hostile in {seconds:.1} s, {memory_mb} MiB resident at most, dead letters {kinds:?}, {cost}"
    );
    client.delete(name).unwrap();
    Outcome {
        rate: goods as f64 / seconds,
        memory_mb,
        letters: letters.len(),
        cost,
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
            optimizing: optimizing(),
            ..Default::default()
        })
        .unwrap(),
    };
    let numbers = numbers(hostiles);
    let hostiles = numbers.len();
    let mixed = Topic::new(&servers.kafka, "good-and-hostile");
    write(&mixed, goods, &numbers);
    let index_mixed = |round: usize| {
        let name = format!("good-and-hostile-{round}");
        let outcome = index(&servers, &mixed, &name, goods, hostiles);
        if std::env::var_os("KELP_POISON_KIND").is_none() {
            assert!(outcome.letters > 0, "the messages with 100,000 keys");
        }
        let memory_mb = outcome.memory_mb;
        assert!(memory_mb < MEMORY_LIMIT_MB, "{memory_mb} MiB");
        outcome
    };
    if std::env::var_os("KELP_POISON_GOOD").is_none() {
        index_mixed(0);
        return;
    }
    let alone = Topic::new(&servers.kafka, "good-alone");
    write(&alone, goods, &[]);
    let index_alone = |round: usize| {
        let outcome = index(&servers, &alone, &format!("good-alone-{round}"), goods, 0);
        assert_eq!(outcome.letters, 0);
        outcome
    };
    // A machine may be twice as fast in one minute as in the next: both are measured in turn, and each goes first now and then.
    let mut rounds: Vec<(Outcome, Outcome)> = (0..number("KELP_POISON_ROUNDS", 3))
        .map(|round| match round % 2 {
            0 => (index_alone(round), index_mixed(round)),
            _ => {
                let mixed = index_mixed(round);
                (index_alone(round), mixed)
            }
        })
        .collect();
    let change = |(alone, mixed): &(Outcome, Outcome)| mixed.rate / alone.rate - 1.0;
    for round in &rounds {
        let (alone, mixed) = round;
        println!(
            "good messages a second: {:.0} alone, {:.0} with {hostiles} hostile ones ({:+.1} %); on top {}",
            alone.rate,
            mixed.rate,
            change(round) * 100.0,
            mixed.cost.since(alone.cost)
        );
    }
    rounds.sort_by(|one, other| change(one).total_cmp(&change(other)));
    let median = change(&rounds[(rounds.len() - 1) / 2]);
    println!("the median: {:+.1} %", median * 100.0);
    // The goal is a tenth, which a machine with other work cannot tell. A line that takes a regular expression to its limit each
    // time, or a bulk that is sent again and again, costs far more. Of few hostile ones too many are of 10 MiB.
    assert!(
        goods < 100 * hostiles || hostiles < 3_000 || median > -0.5,
        "the hostile ones take more than the good ones"
    );
}
