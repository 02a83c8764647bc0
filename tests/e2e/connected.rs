//! Several pipelines of one process. Connected ones: what the last of them have stored is what Kafka is told, and a crash
//! repeats nothing. Those that read the same topic: each has its own documents.

use super::support::{Kelp, Topic, scaled, shared, terms, wait_until};

const LIST: &str = r#"
- pipeline.id: intake
  config.string: |
    input {
      kafka {
        bootstrap_servers => "${KAFKA}" topics => ["${TOPIC}"] group_id => "${GROUP}"
        auto_offset_reset => "earliest" session_timeout_ms => "6000" codec => json
      }
    }
    output { pipeline { send_to => ["first", "second"] } }
- pipeline.id: first
  config.string: |
    input { pipeline { address => "first" add_field => { "way" => "first" } } }
    output { elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${INDEX}" } }
- pipeline.id: second
  config.string: |
    input { pipeline { address => "second" add_field => { "way" => "second" } } }
    filter { if [n] == 0 { drop { } } }
    output { elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${INDEX}" } }
"#;

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn each_way_of_a_message_is_stored_once_and_then_committed() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("connected");
    let topic = Topic::new(&servers.kafka, &name);
    let total = scaled(20_000) as u64;
    let text = "all roads lead to Rome; ".repeat(10);
    topic.write((0..total).map(|n| format!(r#"{{"n":{n},"text":"{text}"}}"#)));

    let arguments = ["--path.settings", ".", "--memory", "1", "-b", "250"];
    let files = [("pipelines.yml", LIST)];
    let mut kelp = Kelp::start_files(&servers, &topic, &files, &arguments, &[]);
    wait_until(
        "some documents",
        120,
        || client.count(&name).unwrap(),
        |&count| count > 0,
    );
    kelp.kill();
    kelp.run();
    // Each goes both ways, but for the one that the second drops.
    let all = 2 * total - 1;
    wait_until(
        "all documents",
        180,
        || client.count(&name).unwrap(),
        |&count| count >= all,
    );
    assert_eq!(kelp.terminate().code(), Some(0), "{}", kelp.log());
    let ways = terms(client, &name, "way.keyword");
    assert_eq!((ways["first"], ways["second"]), (total, total - 1));
    assert_eq!(topic.committed(&name), topic.len());
}

const READERS: &str = r#"
- pipeline.id: one
  config.string: |
    input {
      kafka {
        bootstrap_servers => "${KAFKA}" topics => ["${TOPIC}"] group_id => "${GROUP}"
        auto_offset_reset => "earliest" codec => json add_field => { "reader" => "one" }
      }
    }
    output { elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${INDEX}" } }
- pipeline.id: other
  config.string: |
    input {
      kafka {
        bootstrap_servers => "${KAFKA}" topics => ["${TOPIC}"] group_id => "${GROUP}-other"
        auto_offset_reset => "earliest" codec => json add_field => { "reader" => "other" }
      }
    }
    output { elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${INDEX}" } }
"#;

/// As with Logstash, and none takes the other's documents for its own.
#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn two_groups_that_read_one_topic_into_one_index_have_a_document_each() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("readers");
    let topic = Topic::new(&servers.kafka, &name);
    topic.write((0..500).map(|n| format!(r#"{{"n":{n}}}"#)));
    let files = [("pipelines.yml", READERS)];
    let mut kelp = Kelp::start_files(&servers, &topic, &files, &["--path.settings", "."], &[]);
    for group in [name.clone(), format!("{name}-other")] {
        wait_until(
            "the commit of all",
            120,
            || topic.committed(&group),
            |&committed| committed == topic.len(),
        );
    }
    assert_eq!(kelp.terminate().code(), Some(0), "{}", kelp.log());
    let readers = terms(client, &name, "reader.keyword");
    assert_eq!((readers["one"], readers["other"]), (500, 500));
}
