//! A reload under load swaps the pipeline without losing or repeating anything, whether its inputs stay or change.

use super::support::{Kelp, Topic, every_document, scaled, shared, terms, wait_until};

/// Without derived ids: what is consumed twice is there twice.
const CONFIG: &str = r#"
input {
  kafka {
    bootstrap_servers => "${KAFKA}"
    topics => ["${TOPIC}"]
    group_id => "${GROUP}"
    auto_offset_reset => "earliest"
    codec => json
  }
}
filter { mutate { add_field => { "version" => "1" } } }
output {
  elasticsearch {
    hosts => ["${ELASTICSEARCH}"]
    index => "${INDEX}"
    derive_document_id => false
  }
}
"#;

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn reloads_under_load_lose_nothing_and_repeat_nothing() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("reload");
    let topic = Topic::new(&servers.kafka, &name);
    let per_version = scaled(10_000);
    let text = "many hands make light work; ".repeat(10);
    let write = |version: usize| {
        let numbers = (version - 1) * per_version..version * per_version;
        topic.write(numbers.map(|n| format!(r#"{{"n":{n},"text":"{text}"}}"#)));
    };
    let versions = [
        CONFIG.to_owned(),
        // the inputs stay
        CONFIG.replace("=> \"1\"", "=> \"2\""),
        // the inputs change: the consumer leaves its group and another joins
        CONFIG
            .replace("=> \"1\"", "=> \"3\"")
            .replace("codec => json", "codec => json consumer_threads => 2"),
        // again the inputs stay
        CONFIG
            .replace("=> \"1\"", "=> \"4\"")
            .replace("codec => json", "codec => json consumer_threads => 2"),
    ];

    write(1);
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &["--memory", "1", "-b", "250"]);
    for version in 2..=versions.len() {
        wait_until(
            "some documents",
            120,
            || client.count(&name).unwrap(),
            |&count| count > ((version - 2) * per_version) as u64,
        );
        write(version);
        kelp.reconfigure("not a configuration {");
        kelp.wait_for_log("the pipeline goes on as it was", version - 1);
        kelp.reconfigure(&versions[version - 1]);
        kelp.wait_for_log(": reloaded pipeline=", version - 1);
    }
    let total = versions.len() * per_version;
    every_document(client, &name, total, 180);
    assert_eq!(
        client.count(&name).unwrap(),
        total as u64,
        "something was repeated"
    );
    let used = terms(client, &name, "version.keyword");
    assert!(used.contains_key("1") && used.contains_key("4"), "{used:?}");
    assert_eq!(kelp.terminate().code(), Some(0), "{}", kelp.log());
    assert_eq!(topic.committed(&name), topic.len());
}

/// Whoever corrects an address that nobody listens at is not to wait for what was sent there.
#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn a_reload_frees_what_an_unreachable_output_holds() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("unreachable");
    let topic = Topic::new(&servers.kafka, &name);
    let total = scaled(5_000);
    topic.write((0..total).map(|n| format!(r#"{{"n":{n}}}"#)));
    let wrong = CONFIG.replace("${ELASTICSEARCH}", "127.0.0.1:9");
    let arguments = ["--shutdown-timeout", "2", "-b", "250"];
    let mut kelp = Kelp::start(&servers, &topic, &wrong, &arguments);
    kelp.wait_for_log("partitions assigned", 1);
    kelp.wait_for_log("127.0.0.1:9", 1);
    kelp.reconfigure(CONFIG);
    kelp.wait_for_log(": reloaded pipeline=", 1);
    every_document(client, &name, total, 180);
    assert_eq!(client.count(&name).unwrap(), total as u64);
    assert_eq!(kelp.terminate().code(), Some(0), "{}", kelp.log());
    assert_eq!(topic.committed(&name), topic.len());
}
