//! SIGTERM ends in order: what is in flight is delivered and committed, so nothing arrives twice.

use super::support::{Kelp, Topic, every_document, scaled, shared, wait_until};

const CONFIG: &str = include_str!("pipelines/json.conf");

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn sigterm_drains_commits_and_exits_0() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("sigterm");
    let topic = Topic::new(&servers.kafka, &name);
    let total = scaled(30_000);
    let text = "a stitch in time saves nine; ".repeat(10);
    topic.write((0..total).map(|n| format!(r#"{{"n":{n},"text":"{text}"}}"#)));

    // little in flight, so that the signal comes long before the end
    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &["--memory", "1", "-b", "250"]);
    wait_until(
        "some documents",
        120,
        || client.count(&name).unwrap(),
        |&count| count > 0,
    );
    assert_eq!(kelp.terminate().code(), Some(0), "{}", kelp.log());
    let indexed = client.count(&name).unwrap();
    assert!(
        indexed < total as u64,
        "all was indexed before the signal: nothing was tested"
    );
    assert_eq!(
        topic.committed(&name),
        i64::try_from(indexed).unwrap(),
        "what was indexed is committed, and nothing else"
    );

    kelp.run();
    every_document(client, &name, total, 120);
    assert_eq!(
        client.count(&name).unwrap(),
        total as u64,
        "no message arrived twice"
    );
    assert_eq!(kelp.terminate().code(), Some(0));
    assert_eq!(topic.committed(&name), topic.len());
}
