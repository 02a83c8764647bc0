//! How fast documents are indexed with and without derived ids, side by side, and how much of a processor Elasticsearch takes for it, which
//! tells more where the machine has other work, too. Not part of `./test`: it judges nothing.

use super::support::{AccessLog, Kelp, Topic, alone, cpu_seconds, wait_until};
use serde_json::json;
use std::time::Instant;

const CONFIG: &str = r#"
    input {
      kafka { bootstrap_servers => ["${KAFKA}"] topics => ["${TOPIC}"] group_id => "${GROUP}" auto_offset_reset => "earliest" codec => json }
    }
    filter { grok { match => { "line" => "%{COMBINEDAPACHELOG}" } } }
    output {
      elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${GROUP}" derive_document_id => "${DERIVE}" }
    }
"#;
/// Each way is measured so often, in turn.
const ROUNDS: usize = 3;

#[test]
#[ignore = "measures: KELP_RATES=100000 KELP_BINARY=target/release/kelp ./test rates"]
fn derived_ids_and_ids_of_elasticsearch() {
    let Ok(count) = std::env::var("KELP_RATES") else {
        println!("skipped: KELP_RATES says how many messages to measure with");
        return;
    };
    let count: usize = count.parse().unwrap();
    let servers = alone();
    let client = servers.client();
    let topic = Topic::new(&servers.kafka, "rates");
    let access = AccessLog::new();
    let line = |n: usize| json!({"n": n, "line": access.lines[n % access.lines.len()]}).to_string();
    topic.write((0..count).map(line));
    let (mut rates, mut costs) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let cpu_s = || cpu_seconds(servers.elasticsearch.pid().unwrap());
    for round in 0..ROUNDS {
        for (way, derive) in ["true", "false"].into_iter().enumerate() {
            let group = format!("rates-{derive}-{round}");
            let variables = [("GROUP", group.clone()), ("DERIVE", derive.to_owned())];
            let mut kelp = Kelp::start_with(&servers, &topic, CONFIG, &[], &variables);
            let consumed = || topic.committed(&group);
            wait_until("the first", 120, consumed, |&committed| committed > 0);
            let (begun, before, cpu_before) = (Instant::now(), topic.committed(&group), cpu_s());
            wait_until("all", 3600, consumed, |&committed| {
                committed == count as i64
            });
            let seconds = begun.elapsed().as_secs_f64();
            let indexed = (count as i64 - before) as f64;
            let (rate, cost) = (indexed / seconds, (cpu_s() - cpu_before) / indexed * 1e6);
            println!(
                "derive_document_id => {derive}: {rate:.0} documents a second, {cost:.0} µs of a processor for each"
            );
            rates[way].push(rate);
            costs[way].push(cost);
            kelp.terminate();
            assert_eq!(client.count(&group).unwrap(), count as u64);
        }
    }
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    for (what, [with, without]) in [
        ("documents a second", rates),
        ("µs of a processor for a document", costs),
    ] {
        let (with, without) = (mean(&with), mean(&without));
        println!(
            "{what}: {with:.0} with derived ids, {without:.0} without ({:+.1} %)",
            (with / without - 1.0) * 100.0
        );
    }
}
