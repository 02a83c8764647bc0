//! Lines joined to events: `kill -9` in the middle of them loses none, repeats none and cuts no event.

use super::support::{Topic, every_document, killed_while_writing, scaled, shared, terms};

const CONFIG: &str = r#"
    input { kafka { bootstrap_servers => "${KAFKA}" topics => ["${TOPIC}"] group_id => "${GROUP}" consumer_threads => 2
                    auto_offset_reset => earliest session_timeout_ms => "6000"
                    codec => multiline { pattern => "^  at " what => previous } } }
    filter {
      grok { match => { "message" => "\Aevent %{INT:n:int}" } }
      ruby { code => "
        lines = event.get('message').split(%q(
))
        n = event.get('n')
        event.set('lines', lines.length)
        event.set('more', lines.length - (n / 4 % 4 + 1))
        event.set('foreign', lines.drop(1).count { |line| !line.start_with?('  at ' + n.to_s + '.') })
      " }
    }
    output { elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${INDEX}" retry_initial_interval => 1 retry_max_interval => 4 } }
"#;

/// Events written at a time, a quarter of them to each partition.
const CHUNK: usize = 400;

/// The messages of some events, in turn for each of the four partitions: one to four lines for each event.
fn lines(events: std::ops::Range<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    for first in events.step_by(4) {
        let partitions = first..first + 4;
        lines.extend(partitions.clone().map(|n| format!("event {n}")));
        for line in 0..first / 4 % 4 {
            lines.extend(partitions.clone().map(|n| format!("  at {n}.{line}")));
        }
    }
    lines
}

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn kill_in_the_middle_of_events_of_several_lines_cuts_and_loses_none() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("multiline");
    let topic = Topic::new(&servers.kafka, &name);
    let (mut kelp, total) = killed_while_writing(
        &servers,
        &topic,
        CONFIG,
        &["-w", "2"],
        scaled(12_000),
        CHUNK,
        lines,
    );
    // The last event of each partition waits for what may follow.
    every_document(client, &name, total - 4, 180);
    assert_eq!(client.count(&name).unwrap(), total as u64 - 4);
    assert_eq!(kelp.terminate().code(), Some(0), "{}", kelp.log());
    every_document(client, &name, total, 30);
    assert_eq!(
        client.count(&name).unwrap(),
        total as u64,
        "no event came twice"
    );
    let all = |value: &str| [(value.to_owned(), total as u64)].into_iter().collect();
    assert_eq!(terms(client, &name, "more"), all("0"), "no event was cut");
    assert_eq!(terms(client, &name, "foreign"), all("0"));
    assert_eq!(topic.committed(&name), topic.len());
}
