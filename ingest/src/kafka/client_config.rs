//! From the options of Logstash's `kafka` input to the properties of librdkafka.
//!
//! Where the defaults of the Java client and of librdkafka differ, Logstash's hold, but for what bounds
//! memory. What cannot be honoured is refused with the option's name and what to do instead; nothing is
//! ignored silently.

use kelp_parser::spec::PositiveInt;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::options::{IsolationLevel, KafkaInputOptions};
use super::security;
use crate::source::InputError;

/// What librdkafka may prefetch, in KiB of payload; what a batch of fetches brings comes on top.
const PREFETCH_KIB: u64 = 16 << 10;
/// What librdkafka may prefetch, in messages: each costs about 350 bytes besides its payload.
const PREFETCH_MESSAGES: u64 = 20_000;
/// What a broker returns for one fetch.
const FETCH_MAX_BYTES: u64 = 8 << 20;
/// How long librdkafka waits, once its queue was full, before it looks again whether there is room. Its
/// default of 1000 ms would leave a fast pipeline idle most of the time with a small queue.
const QUEUE_BACKOFF_MS: u64 = 10;
/// How often librdkafka tells of its brokers: soon enough for a health check.
const STATISTICS_INTERVAL_MS: u64 = 5_000;
/// Logstash's default.
const SESSION_TIMEOUT_MS: u64 = 10_000;

pub(super) fn refuse<T>(option: &'static str, message: impl Into<String>) -> Result<T, InputError> {
    Err(InputError::Option {
        option,
        message: message.into(),
    })
}

/// The configuration of the consumer with this number, counted from 0.
pub(super) fn client_config(
    options: &KafkaInputOptions,
    number: u64,
) -> Result<ClientConfig, InputError> {
    refuse_unsupported(options)?;
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    plain_options(options, &mut config);
    memory_bounds(options, &mut config);
    group(options, number, &mut config)?;
    security::set(options, &mut config)?;
    for (property, value) in options.librdkafka.iter() {
        if RESERVED.contains(&property) {
            return refuse(
                "librdkafka",
                format!("`{property}` cannot be changed: delivery depends on it"),
            );
        }
        config.set(property, value);
    }
    Ok(config)
}

/// Properties that the guarantee of at-least-once delivery rests upon.
const RESERVED: &[&str] = &[
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "group.id",
    "log.queue",
    "enabled_events",
];

/// The table: options that are handed on as they are.
fn plain_options(options: &KafkaInputOptions, config: &mut ClientConfig) {
    let number = |value: PositiveInt| Some(value.0.to_string());
    let optional = |value: Option<PositiveInt>| value.map(|value| value.0.to_string());
    let isolation_level = match options.isolation_level {
        IsolationLevel::ReadUncommitted => "read_uncommitted",
        IsolationLevel::ReadCommitted => "read_committed",
    };
    let dns_lookup = options
        .client_dns_lookup
        .clone()
        .filter(|lookup| lookup != "default");
    let offset_reset = options
        .auto_offset_reset
        .as_deref()
        .map(|reset| match reset {
            "earliest" | "latest" => reset,
            _ => "error", // Logstash: "none" and anything else give up
        });
    let buffer = |bytes: Option<i64>| {
        bytes
            .filter(|bytes| *bytes > 0)
            .map(|bytes| bytes.to_string())
    };
    let metadata_ms = options.metadata_max_age_ms.0;
    let table = [
        (
            "allow.auto.create.topics",
            Some(options.auto_create_topics.to_string()),
        ),
        ("auto.offset.reset", offset_reset.map(str::to_owned)),
        ("bootstrap.servers", Some(options.bootstrap_servers.clone())),
        ("check.crcs", Some(options.check_crcs.to_string())),
        ("client.dns.lookup", dns_lookup),
        ("client.rack", options.client_rack.clone()),
        (
            "connections.max.idle.ms",
            number(options.connections_max_idle_ms),
        ),
        ("fetch.wait.max.ms", number(options.fetch_max_wait_ms)),
        ("fetch.min.bytes", optional(options.fetch_min_bytes)),
        ("isolation.level", Some(isolation_level.to_owned())),
        (
            "max.partition.fetch.bytes",
            number(options.max_partition_fetch_bytes),
        ),
        ("max.poll.interval.ms", number(options.max_poll_interval_ms)),
        // How soon new partitions, and topics that match a pattern, are found. librdkafka wants its cache to live longer.
        (
            "topic.metadata.refresh.interval.ms",
            Some(metadata_ms.min(3_600_000).to_string()),
        ),
        (
            "metadata.max.age.ms",
            Some(metadata_ms.saturating_mul(3).min(86_400_000).to_string()),
        ),
        ("reconnect.backoff.ms", number(options.reconnect_backoff_ms)),
        ("retry.backoff.ms", number(options.retry_backoff_ms)),
        // They tell whether a broker is connected.
        (
            "statistics.interval.ms",
            Some(STATISTICS_INTERVAL_MS.to_string()),
        ),
        (
            "socket.receive.buffer.bytes",
            buffer(options.receive_buffer_bytes),
        ),
        (
            "socket.send.buffer.bytes",
            buffer(options.send_buffer_bytes),
        ),
        ("socket.timeout.ms", number(options.request_timeout_ms)),
        // What is committed, and when, is decided by the watermarks alone.
        ("enable.auto.commit", Some("false".to_owned())),
        ("enable.auto.offset.store", Some("false".to_owned())),
        ("enable.partition.eof", Some("false".to_owned())),
    ];
    for (property, value) in table {
        if let Some(value) = value {
            config.set(property, value);
        }
    }
}

fn memory_bounds(options: &KafkaInputOptions, config: &mut ClientConfig) {
    let members = options.consumer_threads.0.max(1);
    let fetch_max_bytes = options
        .fetch_max_bytes
        .map_or(FETCH_MAX_BYTES, |bytes| bytes.0);
    let largest = options.max_partition_fetch_bytes.0.max(1_000_000);
    config
        .set(
            "queued.max.messages.kbytes",
            (PREFETCH_KIB / members).max(1).to_string(),
        )
        .set(
            "queued.min.messages",
            (PREFETCH_MESSAGES / members).max(1).to_string(),
        )
        .set("fetch.queue.backoff.ms", QUEUE_BACKOFF_MS.to_string())
        .set("fetch.max.bytes", fetch_max_bytes.to_string())
        // librdkafka wants room for a whole answer.
        .set(
            "receive.message.max.bytes",
            (fetch_max_bytes.max(largest) + (64 << 20)).to_string(),
        );
}

fn group(
    options: &KafkaInputOptions,
    number: u64,
    config: &mut ClientConfig,
) -> Result<(), InputError> {
    config.set("group.id", &options.group_id);
    // Logstash numbers its clients in any case, but instances only where there are several.
    config.set("client.id", format!("{}-{number}", options.client_id));
    if let Some(instance) = &options.group_instance_id {
        let instance = match options.consumer_threads.0 {
            0 | 1 => instance.clone(),
            _ => format!("{instance}-{number}"),
        };
        config.set("group.instance.id", instance);
    }
    match options.group_protocol.as_deref() {
        None | Some("classic") => {}
        // The broker decides about heartbeats, sessions and the assignor.
        Some("consumer") => {
            config.set("group.protocol", "consumer");
            if options.partition_assignment_strategy.is_some() {
                return refuse(
                    "partition_assignment_strategy",
                    "the broker decides with `group_protocol => \"consumer\"`: remove it",
                );
            }
            return Ok(());
        }
        Some(other) => {
            return refuse(
                "group_protocol",
                format!("`{other}` is none of: classic, consumer"),
            );
        }
    }
    let session_timeout = options
        .session_timeout_ms
        .map_or(SESSION_TIMEOUT_MS, |timeout| timeout.0);
    config.set("session.timeout.ms", session_timeout.to_string());
    let heartbeat = options
        .heartbeat_interval_ms
        .map_or(3_000, |interval| interval.0);
    config.set("heartbeat.interval.ms", heartbeat.to_string());
    if let Some(strategy) = &options.partition_assignment_strategy {
        config.set("partition.assignment.strategy", assignors(strategy)?);
    }
    Ok(())
}

/// librdkafka's names for Logstash's words and Java's classes, which may be several.
fn assignors(strategy: &str) -> Result<String, InputError> {
    let option = "partition_assignment_strategy";
    let mut assignors: Vec<&str> = Vec::new();
    for name in strategy.split(',').map(str::trim) {
        let simple = name.rsplit('.').next().unwrap_or(name);
        assignors.push(match simple {
            "range" | "RangeAssignor" => "range",
            "round_robin" | "roundrobin" | "RoundRobinAssignor" => "roundrobin",
            "cooperative_sticky" | "cooperative-sticky" | "CooperativeStickyAssignor" => "cooperative-sticky",
            "sticky" | "StickyAssignor" => {
                return refuse(option, "`sticky` is not supported: use `cooperative_sticky`, after all members of the group have left");
            }
            _ => return refuse(option, format!("`{name}` is none of: range, round_robin, cooperative_sticky")),
        });
    }
    // Java members upgrade from range to cooperative-sticky by offering both; librdkafka cannot mix them.
    // The eager one is what such a group uses until every member offers only the other.
    if assignors.len() > 1 && assignors.contains(&"cooperative-sticky") {
        assignors.retain(|assignor| *assignor != "cooperative-sticky");
    }
    Ok(assignors.join(","))
}

/// What to subscribe to: names, or one pattern as librdkafka wants it.
pub(super) fn subscription(options: &KafkaInputOptions) -> Result<Vec<String>, InputError> {
    let Some(pattern) = &options.topics_pattern else {
        if options.topics.is_empty() {
            return refuse("topics", "name at least one topic");
        }
        if let Some(topic) = options.topics.iter().find(|topic| topic.starts_with('^')) {
            return refuse(
                "topics",
                format!("`{topic}` is no name of a topic; for a pattern use `topics_pattern`"),
            );
        }
        return Ok(options.topics.clone());
    };
    posix_pattern(pattern).map(|pattern| vec![pattern])
}

/// librdkafka matches patterns with the C library's extended regular expressions. What both know is the
/// same; the few differences that occur in names of topics are translated.
fn posix_pattern(pattern: &str) -> Result<String, InputError> {
    let mut posix = String::from("^(");
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        let (from, to) = [
            ("(?:", "("),
            ("\\d", "[0-9]"),
            ("\\D", "[^0-9]"),
            ("\\\\", "\\\\"),
            ("\\Q", ""),
            ("\\E", ""),
        ]
        .into_iter()
        .find(|(java, _)| rest.starts_with(java))
        .unwrap_or((&rest[..next.len_utf8()], &rest[..next.len_utf8()]));
        if rest.starts_with("(?") && from != "(?:"
            || ["*?", "+?", "??", "*+", "++", "\\Q", "\\p", "\\b"]
                .iter()
                .any(|java| rest.starts_with(java))
        {
            let construct: String = rest.chars().take(3).collect();
            return refuse(
                "topics_pattern",
                format!(
                    "`{construct}` is not supported in `{pattern}`: names of topics are matched with POSIX extended regular expressions"
                ),
            );
        }
        posix.push_str(to);
        rest = &rest[from.len()..];
    }
    posix.push_str(")$");
    Ok(posix)
}

fn refuse_unsupported(options: &KafkaInputOptions) -> Result<(), InputError> {
    let registry =
        "the schema registry and Avro are not supported: produce JSON, or decode before Kafka";
    let kerberos = "Kerberos (GSSAPI) is not supported: use SCRAM-SHA-512 or PLAIN over SASL_SSL, or TLS client certificates";
    let oauth = "OAUTHBEARER is not supported: use SCRAM-SHA-512 or PLAIN over SASL_SSL, or TLS client certificates";
    let java = "Java classes are not supported: use SCRAM-SHA-512 or PLAIN with `sasl_jaas_config`";
    let table = [
        (
            "schema_registry_url",
            options.schema_registry_url.is_some(),
            registry,
        ),
        (
            "schema_registry_key",
            options.schema_registry_key.is_some(),
            registry,
        ),
        (
            "schema_registry_api_key",
            options.schema_registry_api_key.is_some(),
            registry,
        ),
        (
            "jaas_path",
            options.jaas_path.is_some(),
            "files with JAAS settings are not supported: put the line of the login module into `sasl_jaas_config`",
        ),
        (
            "kerberos_config",
            options.kerberos_config.is_some(),
            kerberos,
        ),
        (
            "sasl_kerberos_service_name",
            options.sasl_kerberos_service_name.is_some(),
            kerberos,
        ),
        (
            "sasl_oauthbearer_token_endpoint_url",
            options.sasl_oauthbearer_token_endpoint_url.is_some(),
            oauth,
        ),
        (
            "sasl_client_callback_handler_class",
            options.sasl_client_callback_handler_class.is_some(),
            java,
        ),
        (
            "sasl_login_callback_handler_class",
            options.sasl_login_callback_handler_class.is_some(),
            java,
        ),
    ];
    if let Some((option, _, message)) = table.into_iter().find(|(_, is_set, _)| *is_set) {
        return refuse(option, message);
    }
    let deserializers = [
        ("key_deserializer_class", &options.key_deserializer_class),
        (
            "value_deserializer_class",
            &options.value_deserializer_class,
        ),
    ];
    for (option, class) in deserializers {
        let simple = class.as_deref().and_then(|class| class.rsplit('.').next());
        if !matches!(
            simple,
            None | Some("StringDeserializer" | "ByteArrayDeserializer")
        ) {
            return refuse(
                option,
                "only StringDeserializer and ByteArrayDeserializer are supported; the codec decodes the bytes",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::options::tests::options;
    use super::*;

    /// The value of a property under these settings.
    fn property(settings: &[(&str, &str)], property: &str) -> Option<String> {
        let config = client_config(&options(settings), 1).unwrap();
        // Whatever is set must exist and be in range for librdkafka.
        config.create_native_config().unwrap();
        config.get(property).map(str::to_owned)
    }

    /// The option that these settings are refused for, and the message.
    fn refused(settings: &[(&str, &str)]) -> (&'static str, String) {
        match options(settings).check() {
            Err(InputError::Option { option, message }) => (option, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_library_is_built_with_every_codec_and_mechanism_of_a_broker() {
        let native = ClientConfig::new().create_native_config().unwrap();
        let features = native.get("builtin.features").unwrap();
        let features: Vec<&str> = features.split(',').map(str::trim).collect();
        for feature in [
            "gzip",
            "snappy",
            "lz4",
            "zstd",
            "ssl",
            "sasl_plain",
            "sasl_scram",
            "regex",
        ] {
            assert!(
                features.contains(&feature),
                "{feature} is missing of {features:?}"
            );
        }
    }

    #[test]
    fn logstash_defaults_win_over_those_of_librdkafka() {
        let default = |name| property(&[], name);
        assert_eq!(
            default("bootstrap.servers").as_deref(),
            Some("localhost:9092")
        );
        assert_eq!(default("group.id").as_deref(), Some("logstash"));
        assert_eq!(default("client.id").as_deref(), Some("logstash-1"));
        assert_eq!(
            default("isolation.level").as_deref(),
            Some("read_uncommitted")
        );
        assert_eq!(default("session.timeout.ms").as_deref(), Some("10000"));
        assert_eq!(default("check.crcs").as_deref(), Some("true"));
        assert_eq!(default("auto.offset.reset"), None, "latest, in both");
        assert_eq!(default("enable.auto.commit").as_deref(), Some("false"));
        assert_eq!(subscription(&options(&[])).unwrap(), ["logstash"]);
    }

    #[test]
    fn options_become_properties() {
        let cases = [
            (
                "auto_offset_reset",
                "earliest",
                "auto.offset.reset",
                "earliest",
            ),
            ("auto_offset_reset", "none", "auto.offset.reset", "error"),
            ("fetch_max_wait_ms", "250", "fetch.wait.max.ms", "250"),
            ("fetch_max_bytes", "52428800", "fetch.max.bytes", "52428800"),
            ("request_timeout_ms", "9000", "socket.timeout.ms", "9000"),
            (
                "receive_buffer_bytes",
                "65536",
                "socket.receive.buffer.bytes",
                "65536",
            ),
            (
                "isolation_level",
                "read_committed",
                "isolation.level",
                "read_committed",
            ),
            ("client_rack", "eu-1", "client.rack", "eu-1"),
            (
                "metadata_max_age_ms",
                "2000",
                "topic.metadata.refresh.interval.ms",
                "2000",
            ),
            ("group_instance_id", "one", "group.instance.id", "one"),
            ("enable_auto_commit", "true", "enable.auto.commit", "false"),
            (
                "librdkafka fetch.error.backoff.ms",
                "77",
                "fetch.error.backoff.ms",
                "77",
            ),
            (
                "librdkafka session.timeout.ms",
                "77000",
                "session.timeout.ms",
                "77000",
            ),
        ];
        for (option, value, name, expected) in cases {
            assert_eq!(
                property(&[(option, value)], name).as_deref(),
                Some(expected),
                "{option} => {value}"
            );
        }
        let several = [("consumer_threads", "2"), ("group_instance_id", "one")];
        assert_eq!(
            property(&several, "group.instance.id").as_deref(),
            Some("one-1")
        );
        assert_eq!(
            property(
                &[("receive_buffer_bytes", "-1")],
                "socket.receive.buffer.bytes"
            ),
            None
        );
    }

    #[test]
    fn assignors_have_words_and_java_classes() {
        let assignor = |name| {
            property(
                &[("partition_assignment_strategy", name)],
                "partition.assignment.strategy",
            )
            .unwrap()
        };
        assert_eq!(assignor("round_robin"), "roundrobin");
        assert_eq!(assignor("cooperative_sticky"), "cooperative-sticky");
        assert_eq!(
            assignor("org.apache.kafka.clients.consumer.RangeAssignor"),
            "range"
        );
        let both = "org.apache.kafka.clients.consumer.RangeAssignor, org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
        assert_eq!(assignor(both), "range");
        assert_eq!(
            refused(&[("partition_assignment_strategy", "sticky")]).0,
            "partition_assignment_strategy"
        );
        assert_eq!(
            refused(&[("partition_assignment_strategy", "com.example.Mine")]).0,
            "partition_assignment_strategy"
        );
    }

    #[test]
    fn the_new_group_protocol_leaves_the_session_to_the_broker() {
        let settings = [
            ("group_protocol", "consumer"),
            ("session_timeout_ms", "9000"),
        ];
        assert_eq!(
            property(&settings, "group.protocol").as_deref(),
            Some("consumer")
        );
        assert_eq!(property(&settings, "session.timeout.ms"), None);
    }

    #[test]
    fn what_delivery_rests_upon_cannot_be_changed() {
        let (option, message) = refused(&[("librdkafka enable.auto.commit", "true")]);
        assert_eq!(option, "librdkafka");
        assert!(message.contains("enable.auto.commit"), "{message}");
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (option, value) in [
            ("schema_registry_url", "http://localhost:8081"),
            ("jaas_path", "/etc/jaas.conf"),
            ("kerberos_config", "/etc/krb5.conf"),
            ("sasl_oauthbearer_token_endpoint_url", "https://localhost"),
            (
                "value_deserializer_class",
                "io.confluent.kafka.serializers.KafkaAvroDeserializer",
            ),
            ("group_protocol", "share"),
            ("topics", "^logs"),
            ("topics_pattern", "logs-(?!test).*"),
        ] {
            assert_eq!(refused(&[(option, value)]).0, option);
        }
        let binary = [(
            "value_deserializer_class",
            "org.apache.kafka.common.serialization.ByteArrayDeserializer",
        )];
        options(&binary).check().unwrap();
    }

    #[test]
    fn patterns_match_whole_names() {
        let pattern = |pattern| subscription(&options(&[("topics_pattern", pattern)])).unwrap();
        assert_eq!(pattern("logs-.*"), ["^(logs-.*)$"]);
        assert_eq!(pattern(r"logs-(?:\d+)\.v1"), [r"^(logs-([0-9]+)\.v1)$"]);
    }
}
