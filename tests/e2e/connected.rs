//! Connected pipelines: what the last of them have stored is what Kafka is told, and a crash repeats nothing.

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
