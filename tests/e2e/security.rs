//! A broker that wants TLS with certificates on both sides and a password, as a Logstash configuration describes it.

use super::support::{Kelp, Servers, Topic, distribution, wait_until};
use kelp_harness::{Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions, free_port};
use std::fs;
use std::time::Duration;

const CONFIG: &str = r#"
    input {
      kafka {
        bootstrap_servers => "${KAFKA}"
        topics => ["${TOPIC}"]
        group_id => "${GROUP}"
        auto_offset_reset => "earliest"
        codec => json
        security_protocol => "SASL_SSL"
        sasl_mechanism => "PLAIN"
        sasl_jaas_config => "org.apache.kafka.common.security.plain.PlainLoginModule required username='kelp' password='${PASSWORD}';"
        ssl_truststore_location => "${STORES}/trust.jks"
        ssl_truststore_password => "storepass"
        ssl_keystore_location => "${STORES}/identity.jks"
        ssl_keystore_password => "storepass"
        ssl_key_password => "keypass99"
      }
    }
    output { elasticsearch { hosts => ["${ELASTICSEARCH}"] index => "${INDEX}" } }
"#;
const KNOWN: &str = "user_kelp=";
const UNKNOWN: &str = "user_nobody=";

#[test]
#[ignore = "needs the real servers: ./test e2e"]
fn java_stores_open_a_broker_that_wants_certificates_and_a_lost_password_is_waited_for() {
    let stores = concat!(env!("CARGO_MANIFEST_DIR"), "/keystore/tests/stores");
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let property = |name: &str, value: String| (name.to_owned(), value);
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    let kafka = KafkaOptions {
        listeners: vec![format!("SASL_SSL://{address}")],
        properties: vec![
            property(
                "listener.name.sasl_ssl.sasl.enabled.mechanisms",
                "PLAIN".to_owned(),
            ),
            property(
                "listener.name.sasl_ssl.plain.sasl.jaas.config",
                format!("{module} required {KNOWN}\"secret\";"),
            ),
            property("ssl.client.auth", "required".to_owned()),
            property("ssl.keystore.location", format!("{stores}/identity.jks")),
            property("ssl.keystore.type", "JKS".to_owned()),
            property("ssl.keystore.password", "storepass".to_owned()),
            property("ssl.key.password", "keypass99".to_owned()),
            property("ssl.truststore.location", format!("{stores}/trust.jks")),
            property("ssl.truststore.type", "JKS".to_owned()),
            property("ssl.truststore.password", "storepass".to_owned()),
        ],
        ..KafkaOptions::default()
    };
    let mut servers = Servers {
        kafka: Kafka::start(kafka).unwrap(),
        elasticsearch: Elasticsearch::start(ElasticsearchOptions {
            distribution: distribution(),
            ..Default::default()
        })
        .unwrap(),
    };
    let name = "secured";
    let topic = Topic::new(&servers.kafka, name);
    let lines = |from: u32, to: u32| (from..to).map(|n| format!(r#"{{"n":{n}}}"#));
    topic.write(lines(0, 100));
    let variables = [
        ("KAFKA", address),
        ("STORES", stores.to_owned()),
        ("PASSWORD", "secret".to_owned()),
    ];
    let mut kelp = Kelp::start_with(&servers, &topic, CONFIG, &[], &variables);
    let all_are_committed = |count: i64| {
        wait_until(
            "the commit of all",
            120,
            || topic.committed(name),
            |&committed| committed == count,
        );
    };
    all_are_committed(100);
    assert!(!kelp.log().contains("sasl_jaas_config"), "{}", kelp.log());

    // The user is taken away, and comes back.
    let properties = servers.kafka.folder().join("server.properties");
    let with_user = fs::read_to_string(&properties).unwrap();
    fs::write(&properties, with_user.replace(KNOWN, UNKNOWN)).unwrap();
    servers.kafka.restart().unwrap();
    topic.write(lines(100, 200));
    wait_until(
        "what it says about the password",
        120,
        || kelp.log(),
        |log| log.contains("check `sasl_mechanism`, `sasl_jaas_config`"),
    );
    std::thread::sleep(Duration::from_secs(2));
    kelp.assert_running();
    assert_eq!(topic.committed(name), 100);
    fs::write(&properties, &with_user).unwrap();
    servers.kafka.restart().unwrap();
    all_are_committed(200);

    let client = servers.client();
    client.refresh(name).unwrap();
    assert_eq!(client.count(name).unwrap(), 200);
}
