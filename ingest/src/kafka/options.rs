//! The options of the `kafka` input, as Logstash documents them
//! (logstash-integration-kafka, docs/input-kafka.asciidoc).

use kelp_parser::spec::{Pairs, Password, PositiveInt};
use kelp_parser::{plugin_choice, plugin_options};

plugin_choice! {
    /// Which properties of a message are added to its events under `[@metadata][kafka]`.
    pub enum DecorateEvents {
        /// None.
        None = "none",
        /// Topic, consumer group, partition, offset, key and timestamp.
        Basic = "basic",
        /// Those, and the headers.
        Extended = "extended",
        /// An older word for `none`.
        False = "false",
        /// An older word for `basic`.
        True = "true",
    }
}

plugin_options! {
    /// Consumes messages of Kafka topics as a member of a consumer group.
    ///
    /// Offsets are committed when every event made of a message was stored by every output, lies among the
    /// dead letters or was dropped by the pipeline, whatever `enable_auto_commit` says.
    pub struct KafkaInputOptions for Input "kafka" {
        /// How often offsets are committed, in milliseconds.
        pub auto_commit_interval_ms: PositiveInt = 5_000,
        /// Whether topics that do not exist are created, if the broker allows it.
        pub auto_create_topics: bool = true,
        /// Where to start without a committed offset or when it is out of range: `earliest`, `latest`, or `none` to give up. Kafka's default is `latest`.
        pub auto_offset_reset: Option<String>,
        /// The brokers to ask first, as `host:port,host:port`.
        pub bootstrap_servers: String = "localhost:9092",
        /// Whether the checksums of record batches are verified.
        pub check_crcs: bool = true,
        /// How names of brokers are resolved: `use_all_dns_ips` or `resolve_canonical_bootstrap_servers_only`.
        pub client_dns_lookup: Option<String>,
        /// The name of this client in the broker's logs and metrics; each thread adds its number.
        pub client_id: String = "logstash",
        /// The rack of this client, to fetch from the nearest replica.
        pub client_rack: Option<String>,
        /// Closes connections that were idle for so many milliseconds.
        pub connections_max_idle_ms: PositiveInt = 540_000,
        /// How many members of the group to run, each with a thread of its own. Parsing is not done by these threads: one is enough for several hundred thousand messages a second.
        pub consumer_threads: PositiveInt = 1,
        /// Adds properties of the message to `[@metadata][kafka]`.
        pub decorate_events: DecorateEvents = "none",
        /// Goes into the document ids that the elasticsearch output derives, beside topic, partition, offset and timestamp. Unless given, the consumer group: each group that reads a topic makes its own documents. Give inputs that read topics of the same name on different clusters one each if they write to the same index, and inputs whose groups are to share documents the same. Logstash has no such option.
        pub document_id_namespace: Option<String>,
        /// Accepted for compatibility: offsets are committed once documents are stored, in either case.
        pub enable_auto_commit: Option<bool>,
        /// Whether `topics_pattern` leaves out Kafka's internal topics.
        pub exclude_internal_topics: Option<bool>,
        /// How many bytes a broker may return for a fetch. Unless given, 8 MiB, to bound memory.
        pub fetch_max_bytes: Option<PositiveInt>,
        /// How long a broker may wait for `fetch_min_bytes`, in milliseconds.
        pub fetch_max_wait_ms: PositiveInt = 500,
        /// How many bytes a broker waits for before it answers a fetch.
        pub fetch_min_bytes: Option<PositiveInt>,
        /// The consumer group.
        pub group_id: String = "logstash",
        /// Makes the membership static: a restart within the session timeout causes no rebalance. With several threads each adds its number.
        pub group_instance_id: Option<String>,
        /// Which group protocol to use: `classic`, or `consumer`, that of Kafka 4. Logstash has no such option.
        pub group_protocol: Option<String>,
        /// How often the group's coordinator hears from this member, in milliseconds.
        pub heartbeat_interval_ms: Option<PositiveInt>,
        /// `read_committed` leaves out messages of transactions that were aborted or are not finished.
        pub isolation_level: IsolationLevel = "read_uncommitted",
        /// A file with JAAS settings. Not supported: use `sasl_jaas_config`.
        pub jaas_path: Option<String>,
        /// A Kerberos configuration. Not supported.
        pub kerberos_config: Option<String>,
        /// How keys are read: Kafka's `StringDeserializer` or `ByteArrayDeserializer`, which are the same here.
        pub key_deserializer_class: Option<String>,
        /// Any properties of librdkafka by their own names; they win over everything else here. Logstash has no such option.
        pub librdkafka: Pairs<String> = [],
        /// How many bytes of one partition a broker may return for a fetch; a larger message still arrives.
        pub max_partition_fetch_bytes: PositiveInt = 1_048_576,
        /// How long this member may go without polling before it loses its partitions, in milliseconds. It polls whatever the outputs do.
        pub max_poll_interval_ms: PositiveInt = 300_000,
        /// An upper bound for the records of a batch.
        pub max_poll_records: Option<PositiveInt>,
        /// How old metadata of topics and brokers may become, in milliseconds.
        pub metadata_max_age_ms: PositiveInt = 300_000,
        /// How partitions are shared out: `range`, `round_robin` or `cooperative_sticky`, or the Java class.
        pub partition_assignment_strategy: Option<String>,
        /// Accepted for compatibility: messages are awaited without polling.
        pub poll_timeout_ms: Option<PositiveInt>,
        /// The size of the socket's receive buffer in bytes. Unless given, the system decides.
        pub receive_buffer_bytes: Option<i64>,
        /// How long to wait before connecting again, in milliseconds.
        pub reconnect_backoff_ms: PositiveInt = 50,
        /// How long to wait for an answer, in milliseconds.
        pub request_timeout_ms: PositiveInt = 40_000,
        /// How long to wait before a failed request is repeated, in milliseconds.
        pub retry_backoff_ms: PositiveInt = 100,
        /// A Java class. Not supported.
        pub sasl_client_callback_handler_class: Option<String>,
        /// User and password as JAAS settings of the `PlainLoginModule` or the `ScramLoginModule`.
        pub sasl_jaas_config: Option<Password>,
        /// The Kerberos service. Not supported.
        pub sasl_kerberos_service_name: Option<String>,
        /// A Java class. Not supported.
        pub sasl_login_callback_handler_class: Option<String>,
        /// For OAuth. Not supported.
        pub sasl_login_connect_timeout_ms: Option<PositiveInt>,
        /// For OAuth. Not supported.
        pub sasl_login_read_timeout_ms: Option<PositiveInt>,
        /// For OAuth. Not supported.
        pub sasl_login_retry_backoff_ms: Option<PositiveInt>,
        /// For OAuth. Not supported.
        pub sasl_login_retry_backoff_max_ms: Option<PositiveInt>,
        /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`. Logstash's default, `GSSAPI` (Kerberos), is not supported.
        pub sasl_mechanism: Option<String>,
        /// For OAuth. Not supported.
        pub sasl_oauthbearer_scope_claim_name: Option<String>,
        /// For OAuth. Not supported.
        pub sasl_oauthbearer_token_endpoint_url: Option<String>,
        /// For the schema registry. Not supported.
        pub schema_registry_api_key: Option<Password>,
        /// For the schema registry. Not supported.
        pub schema_registry_key: Option<String>,
        /// For the schema registry. Not supported.
        pub schema_registry_proxy: Option<String>,
        /// For the schema registry. Not supported.
        pub schema_registry_secret: Option<Password>,
        /// For the schema registry. Not supported.
        pub schema_registry_ssl_keystore_location: Option<String>,
        /// For the schema registry. Not supported.
        pub schema_registry_ssl_keystore_password: Option<Password>,
        /// For the schema registry. Not supported.
        pub schema_registry_ssl_keystore_type: Option<String>,
        /// For the schema registry. Not supported.
        pub schema_registry_ssl_truststore_location: Option<String>,
        /// For the schema registry. Not supported.
        pub schema_registry_ssl_truststore_password: Option<Password>,
        /// For the schema registry. Not supported.
        pub schema_registry_ssl_truststore_type: Option<String>,
        /// The schema registry for Avro. Not supported.
        pub schema_registry_url: Option<String>,
        /// For the schema registry. Not supported.
        pub schema_registry_validation: Option<String>,
        /// How to talk to the brokers.
        pub security_protocol: SecurityProtocol = "PLAINTEXT",
        /// The size of the socket's send buffer in bytes. Unless given, the system decides.
        pub send_buffer_bytes: Option<i64>,
        /// How long the coordinator goes without hearing from this member before it gives its partitions away, in milliseconds. Logstash's default is 10 seconds.
        pub session_timeout_ms: Option<PositiveInt>,
        /// `https` checks that the broker's certificate is for its name; an empty string does not.
        pub ssl_endpoint_identification_algorithm: String = "https",
        /// The password of the private key.
        pub ssl_key_password: Option<Password>,
        /// What identifies us: a JKS or PKCS#12 store, or a PEM file with a certificate chain and its private key.
        pub ssl_keystore_location: Option<String>,
        /// The password of the keystore.
        pub ssl_keystore_password: Option<Password>,
        /// Accepted for compatibility: what a store is shows in its first bytes.
        pub ssl_keystore_type: Option<String>,
        /// A JKS or PKCS#12 store or a PEM file with the certificates to trust. Unless given, those of the system.
        pub ssl_truststore_location: Option<String>,
        /// The password of the trust store; without it, a JKS store is read and not checked.
        pub ssl_truststore_password: Option<Password>,
        /// Accepted for compatibility: what a store is shows in its first bytes.
        pub ssl_truststore_type: Option<String>,
        /// Where the `@timestamp` of events that bring none comes from: `record`, the message's own timestamp in Kafka, so that a redelivered message goes to the same daily index; or `now`, the time of arrival, as in Logstash. Logstash has no such option.
        pub timestamp_source: TimestampSource = "record",
        /// The topics to consume.
        pub topics: Vec<String> = ["logstash"],
        /// A regular expression; every topic whose whole name matches is consumed, those made later too. `topics` is then ignored.
        pub topics_pattern: Option<String>,
        /// How payloads are read: Kafka's `StringDeserializer` or `ByteArrayDeserializer`, which are the same here: the codec's charset decides.
        pub value_deserializer_class: Option<String>,
    }
}

plugin_choice! {
    /// Where the `@timestamp` of events that bring none comes from.
    pub enum TimestampSource {
        /// The message's timestamp in Kafka.
        Record = "record",
        /// The time of arrival.
        Now = "now",
    }
}

plugin_choice! {
    /// Which messages of transactions are consumed.
    pub enum IsolationLevel {
        /// All.
        ReadUncommitted = "read_uncommitted",
        /// Only those of transactions that were committed.
        ReadCommitted = "read_committed",
    }
}

impl KafkaInputOptions {
    /// What tells the documents made of its records from those that others make of the same records.
    pub fn document_id_namespace(&self) -> &str {
        let given = self.document_id_namespace.as_deref();
        given.unwrap_or(&self.group_id)
    }
}

plugin_choice! {
    /// How to talk to brokers.
    pub enum SecurityProtocol {
        /// Neither encrypted nor authenticated.
        Plaintext = "PLAINTEXT",
        /// TLS.
        Ssl = "SSL",
        /// SASL without encryption.
        SaslPlaintext = "SASL_PLAINTEXT",
        /// SASL within TLS.
        SaslSsl = "SASL_SSL",
    }
}

impl SecurityProtocol {
    /// Its name for librdkafka.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    /// Whether TLS is used.
    pub fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether SASL is used.
    pub fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use kelp_parser::config::ast::{Literal, Plugin, Setting, Spanned};
    use kelp_parser::config::{SourceMap, Span};
    use kelp_parser::spec::{PluginOptions, Settings};

    use super::KafkaInputOptions;

    /// The options that a configuration with these settings gives.
    pub fn options(settings: &[(&str, &str)]) -> KafkaInputOptions {
        let file = SourceMap::default().add("test", "");
        let span = Span {
            file,
            start: 0,
            end: 0,
        };
        let spanned = |text: &str| Spanned {
            node: text.to_owned(),
            span,
        };
        let value = |text: &str| Spanned {
            node: Literal::String(text.to_owned()),
            span,
        };
        let mut all: Vec<Setting> = Vec::new();
        for (name, text) in settings {
            let value = match name.strip_prefix("librdkafka ") {
                Some(property) => Spanned {
                    node: Literal::Hash(vec![(value(property), value(text))]),
                    span,
                },
                None => value(text),
            };
            let name = spanned(name.split(' ').next().unwrap());
            all.push(Setting { name, value });
        }
        let plugin = Plugin {
            name: spanned("kafka"),
            settings: all,
            span,
        };
        let mut diagnostics = Vec::new();
        KafkaInputOptions::read(&mut Settings::new(&plugin, &mut diagnostics))
            .unwrap_or_else(|| panic!("{diagnostics:?}"))
    }
}
