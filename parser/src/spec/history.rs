//! Options that plugins of Logstash once had, or have and warn about, and what takes their place
//! (source: `:obsolete` and `:deprecated` in the plugins' code, their change logs, and, for what was dropped without a word in
//! these, the history of their code).

use super::PluginKind;

/// How an option of old stands in Logstash 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It works, and Logstash warns.
    Deprecated,
    /// Logstash refuses it.
    Removed,
}

/// An option of old.
#[derive(Debug)]
pub struct FormerOption {
    /// Its name.
    pub option: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// What to do about it; Markdown.
    pub instead: &'static str,
}

/// What is known of an option of old.
pub fn former_option(
    kind: PluginKind,
    plugin: &str,
    option: &str,
) -> Option<&'static FormerOption> {
    let belongs = |name: &str| name == plugin || name == "*";
    options_of(kind, belongs).find(|former| former.option == option)
}

/// Every option of old of one plugin, for its page in the reference.
pub fn former_options(
    kind: PluginKind,
    plugin: &str,
) -> impl Iterator<Item = &'static FormerOption> {
    options_of(kind, move |name| name == plugin)
}

fn options_of(
    kind: PluginKind,
    belongs: impl Fn(&str) -> bool,
) -> impl Iterator<Item = &'static FormerOption> {
    let plugins = FORMER.iter();
    plugins
        .filter(move |former| former.kind == kind && belongs(former.plugin))
        .flat_map(|former| former.options)
}

/// The options of old of one plugin; `*` stands for all of the kind.
struct Former {
    kind: PluginKind,
    plugin: &'static str,
    options: &'static [FormerOption],
}

const fn removed(option: &'static str, instead: &'static str) -> FormerOption {
    FormerOption {
        option,
        standing: Standing::Removed,
        instead,
    }
}

const fn deprecated(option: &'static str, instead: &'static str) -> FormerOption {
    FormerOption {
        option,
        standing: Standing::Deprecated,
        instead,
    }
}

use PluginKind::{Codec, Filter, Input, Output};

const BY_CONDITION: &str = "put the plugin into a condition, as in `if [type] == \"x\" { ... }`";
const BY_TAG: &str = "put the plugin into a condition, as in `if \"x\" in [tags] { ... }`";
const BY_CODEC: &str = "use `codec`, as in `codec => plain { charset => \"ISO-8859-1\" }`";
const NO_CLIENT: &str = "remove it: events go by HTTP to `hosts`";
const BY_PARTITIONS: &str = "remove it: since Kafka 0.9 consumers find each other through `bootstrap_servers` and `group_id`";
const BY_NOT_TAG: &str = "put the plugin into a condition, as in `if \"x\" not in [tags] { ... }`";
const NO_TYPES: &str = "remove it: Elasticsearch has no document types since 8.0";
const BY_LINE: &str = "use `codec => line { format => \"...\" }`";
const BY_PROTOCOLS: &str = "use `ssl_supported_protocols`";

static FORMER: &[Former] = &[
    Former {
        kind: Filter,
        plugin: "*",
        options: &[
            removed("type", BY_CONDITION),
            removed("tags", BY_TAG),
            removed("exclude_tags", BY_NOT_TAG),
        ],
    },
    Former {
        kind: Filter,
        plugin: "grok",
        options: &[
            removed(
                "pattern",
                "write `match => { \"message\" => \"the pattern\" }`",
            ),
            removed(
                "singles",
                "remove it: a field holds one value unless it is captured twice",
            ),
            removed(
                "drop_if_match",
                "use a condition and `drop { }` behind the filter",
            ),
        ],
    },
    Former {
        kind: Filter,
        plugin: "mutate",
        options: &[removed(
            "remove",
            "use `remove_field`, which every filter has",
        )],
    },
    Former {
        kind: Filter,
        plugin: "geoip",
        options: &[removed("lru_cache_size", "use `cache_size`")],
    },
    Former {
        kind: Filter,
        plugin: "kv",
        options: &[
            removed("trim", "use `trim_value`"),
            removed("trimkey", "use `trim_key`"),
        ],
    },
    Former {
        kind: Filter,
        plugin: "translate",
        options: &[
            deprecated("field", "use `source`"),
            deprecated("destination", "use `target`"),
        ],
    },
    Former {
        kind: Codec,
        plugin: "cef",
        options: &[
            removed("sev", "use `severity`"),
            removed(
                "deprecated_v1_fields",
                "remove it: fields have the names of `ecs_compatibility`",
            ),
        ],
    },
    Former {
        kind: Input,
        plugin: "*",
        options: &[
            removed("debug", "remove it; `--log.level debug` says more"),
            removed("format", "use `codec`, as in `codec => json`"),
            removed("charset", BY_CODEC),
            removed(
                "message_format",
                "remove it, and make the message with `mutate`",
            ),
        ],
    },
    Former {
        kind: Input,
        plugin: "kafka",
        options: &[
            removed(
                "zk_connect",
                "use `bootstrap_servers`: Kafka's clients no longer talk to ZooKeeper",
            ),
            removed("topic_id", "use `topics => [\"name\"]`"),
            removed("white_list", "use `topics_pattern`"),
            removed("black_list", "use `topics_pattern`, or list `topics`"),
            removed(
                "reset_beginning",
                "use `auto_offset_reset => \"earliest\"` with a new `group_id`",
            ),
            removed("consumer_id", "use `client_id`"),
            removed("queue_size", BY_PARTITIONS),
            removed("rebalance_max_retries", BY_PARTITIONS),
            removed("rebalance_backoff_ms", BY_PARTITIONS),
            removed("consumer_timeout_ms", BY_PARTITIONS),
            removed("consumer_restart_on_error", BY_PARTITIONS),
            removed("consumer_restart_sleep_ms", BY_PARTITIONS),
            removed("fetch_message_max_bytes", "use `max_partition_fetch_bytes`"),
            removed("decoder_class", "use `codec`"),
            removed("key_decoder_class", "use `key_deserializer_class`"),
            removed("ssl", "use `security_protocol => \"SSL\"`"),
        ],
    },
    Former {
        kind: Input,
        plugin: "beats",
        options: &[
            removed("ssl", "use `ssl_enabled`"),
            removed("ssl_peer_metadata", "use `enrich`"),
            removed("ssl_verify_mode", "use `ssl_client_authentication`"),
            removed("cipher_suites", "use `ssl_cipher_suites`"),
            removed("tls_min_version", BY_PROTOCOLS),
            removed("tls_max_version", BY_PROTOCOLS),
            removed("congestion_threshold", "remove it"),
            removed("target_field_for_codec", "remove it"),
            deprecated("include_codec_tag", "use `enrich`"),
            deprecated("add_hostname", "remove it: Beats sends the host"),
        ],
    },
    Former {
        kind: Output,
        plugin: "*",
        options: &[
            removed("type", BY_CONDITION),
            removed("tags", BY_TAG),
            removed("exclude_tags", BY_NOT_TAG),
            deprecated("workers", "remove it: `-w` sets how many workers there are"),
        ],
    },
    Former {
        kind: Output,
        plugin: "elasticsearch",
        options: &[
            removed("ssl", "use `ssl_enabled`"),
            removed(
                "ssl_certificate_verification",
                "use `ssl_verification_mode => \"full\"` or `\"none\"`",
            ),
            removed("cacert", "use `ssl_certificate_authorities => [\"path\"]`"),
            removed("truststore", "use `ssl_truststore_path`"),
            removed("truststore_password", "use `ssl_truststore_password`"),
            removed("keystore", "use `ssl_keystore_path`"),
            removed("keystore_password", "use `ssl_keystore_password`"),
            removed("host", "use `hosts => [\"http://host:9200\"]`"),
            removed(
                "port",
                "write the port into `hosts => [\"http://host:9200\"]`",
            ),
            removed("protocol", NO_CLIENT),
            removed("cluster", NO_CLIENT),
            removed("embedded", NO_CLIENT),
            removed("node_name", NO_CLIENT),
            removed("bind_host", NO_CLIENT),
            removed("bind_port", NO_CLIENT),
            removed("index_type", NO_TYPES),
            removed("flush_size", "remove it: `-b` sets the size of batches"),
            removed(
                "idle_flush_time",
                "remove it: `-u` sets how long a batch is waited for",
            ),
            removed(
                "max_retries",
                "remove it: what can succeed is tried until it does",
            ),
            removed("retry_max_items", "remove it"),
            deprecated("document_type", NO_TYPES),
            deprecated(
                "http_compression",
                "use `compression_level`, from 0 (off) to 9",
            ),
            deprecated(
                "failure_type_logging_whitelist",
                "use `silence_errors_in_log`",
            ),
        ],
    },
    Former {
        kind: Output,
        plugin: "file",
        options: &[removed("message_format", BY_LINE)],
    },
    Former {
        kind: Output,
        plugin: "stdout",
        options: &[
            removed("debug", "use `codec => rubydebug`"),
            removed("debug_format", "use `codec => rubydebug`, or another codec"),
            removed("message", BY_LINE),
        ],
    },
];
