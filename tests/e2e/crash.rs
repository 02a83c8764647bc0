//! `kill -9` loses nothing.

use super::support::{Kelp, Topic, distinct, every_document, scaled, shared, wait_until};

const CONFIG: &str = include_str!("pipelines/json.conf");

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn kill_in_the_middle_and_restart_lose_nothing() {
    let servers = shared();
    let client = servers.client();
    let name = servers.unique("crash");
    let topic = Topic::new(&servers.kafka, &name);
    let total = scaled(40_000);
    topic.write((0..total).map(|n| format!(r#"{{"n":{n},"text":"message number {n} of many"}}"#)));

    let mut kelp = Kelp::start(&servers, &topic, CONFIG, &[]);
    for part in [1, 2] {
        let reached = (total * part / 4) as u64;
        let indexed = || client.count(&name).unwrap();
        wait_until("documents before the kill", 120, indexed, |&count| {
            count >= reached
        });
        kelp.kill();
        let indexed = distinct(client, &name, "n");
        assert!(
            indexed < total,
            "all was indexed before kill {part}: nothing was tested"
        );
        println!("killed after {indexed} of {total}");
        kelp.run();
    }
    every_document(client, &name, total, 180);
    println!("{} duplicates", client.count(&name).unwrap() - total as u64);
    wait_until(
        "the commit of all",
        30,
        || topic.committed(&name),
        |&committed| committed == topic.len(),
    );
    kelp.assert_running();
}
