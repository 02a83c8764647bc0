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
    /// The kind of its plugin.
    pub kind: PluginKind,
    /// Its plugin; `*` for all of the kind.
    pub plugin: &'static str,
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
    FORMER.iter().find(|former| {
        former.kind == kind
            && former.option == option
            && (former.plugin == plugin || former.plugin == "*")
    })
}

/// Every option of old of one plugin, for its page in the reference.
pub fn former_options(
    kind: PluginKind,
    plugin: &str,
) -> impl Iterator<Item = &'static FormerOption> {
    let belongs = move |former: &&FormerOption| former.kind == kind && former.plugin == plugin;
    FORMER.iter().filter(belongs)
}

const fn removed(
    kind: PluginKind,
    plugin: &'static str,
    option: &'static str,
    instead: &'static str,
) -> FormerOption {
    FormerOption {
        kind,
        plugin,
        option,
        standing: Standing::Removed,
        instead,
    }
}

const fn deprecated(
    kind: PluginKind,
    plugin: &'static str,
    option: &'static str,
    instead: &'static str,
) -> FormerOption {
    FormerOption {
        kind,
        plugin,
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

static FORMER: &[FormerOption] = &[
    removed(Filter, "*", "type", BY_CONDITION),
    removed(Filter, "*", "tags", BY_TAG),
    removed(
        Filter,
        "*",
        "exclude_tags",
        "put the plugin into a condition, as in `if \"x\" not in [tags] { ... }`",
    ),
    removed(
        Filter,
        "grok",
        "pattern",
        "write `match => { \"message\" => \"the pattern\" }`",
    ),
    removed(
        Filter,
        "grok",
        "singles",
        "remove it: a field holds one value unless it is captured twice",
    ),
    removed(
        Filter,
        "grok",
        "drop_if_match",
        "use a condition and `drop { }` behind the filter",
    ),
    removed(
        Filter,
        "mutate",
        "remove",
        "use `remove_field`, which every filter has",
    ),
    removed(Filter, "geoip", "lru_cache_size", "use `cache_size`"),
    removed(Filter, "kv", "trim", "use `trim_value`"),
    removed(Filter, "kv", "trimkey", "use `trim_key`"),
    deprecated(Filter, "translate", "field", "use `source`"),
    deprecated(Filter, "translate", "destination", "use `target`"),
    removed(Codec, "cef", "sev", "use `severity`"),
    removed(
        Codec,
        "cef",
        "deprecated_v1_fields",
        "remove it: fields have the names of `ecs_compatibility`",
    ),
    removed(
        Input,
        "*",
        "debug",
        "remove it; `--log.level debug` says more",
    ),
    removed(Input, "*", "format", "use `codec`, as in `codec => json`"),
    removed(Input, "*", "charset", BY_CODEC),
    removed(
        Input,
        "*",
        "message_format",
        "remove it, and make the message with `mutate`",
    ),
    removed(
        Input,
        "kafka",
        "zk_connect",
        "use `bootstrap_servers`: Kafka's clients no longer talk to ZooKeeper",
    ),
    removed(Input, "kafka", "topic_id", "use `topics => [\"name\"]`"),
    removed(Input, "kafka", "white_list", "use `topics_pattern`"),
    removed(
        Input,
        "kafka",
        "black_list",
        "use `topics_pattern`, or list `topics`",
    ),
    removed(
        Input,
        "kafka",
        "reset_beginning",
        "use `auto_offset_reset => \"earliest\"` with a new `group_id`",
    ),
    removed(Input, "kafka", "consumer_id", "use `client_id`"),
    removed(Input, "kafka", "queue_size", BY_PARTITIONS),
    removed(Input, "kafka", "rebalance_max_retries", BY_PARTITIONS),
    removed(Input, "kafka", "rebalance_backoff_ms", BY_PARTITIONS),
    removed(Input, "kafka", "consumer_timeout_ms", BY_PARTITIONS),
    removed(Input, "kafka", "consumer_restart_on_error", BY_PARTITIONS),
    removed(Input, "kafka", "consumer_restart_sleep_ms", BY_PARTITIONS),
    removed(
        Input,
        "kafka",
        "fetch_message_max_bytes",
        "use `max_partition_fetch_bytes`",
    ),
    removed(Input, "kafka", "decoder_class", "use `codec`"),
    removed(
        Input,
        "kafka",
        "key_decoder_class",
        "use `key_deserializer_class`",
    ),
    removed(Input, "kafka", "ssl", "use `security_protocol => \"SSL\"`"),
    removed(Input, "beats", "ssl", "use `ssl_enabled`"),
    removed(Input, "beats", "ssl_peer_metadata", "use `enrich`"),
    removed(
        Input,
        "beats",
        "ssl_verify_mode",
        "use `ssl_client_authentication`",
    ),
    removed(Input, "beats", "cipher_suites", "use `ssl_cipher_suites`"),
    removed(
        Input,
        "beats",
        "tls_min_version",
        "use `ssl_supported_protocols`",
    ),
    removed(
        Input,
        "beats",
        "tls_max_version",
        "use `ssl_supported_protocols`",
    ),
    removed(Input, "beats", "congestion_threshold", "remove it"),
    removed(Input, "beats", "target_field_for_codec", "remove it"),
    deprecated(Input, "beats", "include_codec_tag", "use `enrich`"),
    deprecated(
        Input,
        "beats",
        "add_hostname",
        "remove it: Beats sends the host",
    ),
    removed(Output, "*", "type", BY_CONDITION),
    removed(Output, "*", "tags", BY_TAG),
    removed(
        Output,
        "*",
        "exclude_tags",
        "put the plugin into a condition, as in `if \"x\" not in [tags] { ... }`",
    ),
    deprecated(
        Output,
        "*",
        "workers",
        "remove it: `-w` sets how many workers there are",
    ),
    removed(Output, "elasticsearch", "ssl", "use `ssl_enabled`"),
    removed(
        Output,
        "elasticsearch",
        "ssl_certificate_verification",
        "use `ssl_verification_mode => \"full\"` or `\"none\"`",
    ),
    removed(
        Output,
        "elasticsearch",
        "cacert",
        "use `ssl_certificate_authorities => [\"path\"]`",
    ),
    removed(
        Output,
        "elasticsearch",
        "truststore",
        "use `ssl_truststore_path`",
    ),
    removed(
        Output,
        "elasticsearch",
        "truststore_password",
        "use `ssl_truststore_password`",
    ),
    removed(
        Output,
        "elasticsearch",
        "keystore",
        "use `ssl_keystore_path`",
    ),
    removed(
        Output,
        "elasticsearch",
        "keystore_password",
        "use `ssl_keystore_password`",
    ),
    removed(
        Output,
        "elasticsearch",
        "host",
        "use `hosts => [\"http://host:9200\"]`",
    ),
    removed(
        Output,
        "elasticsearch",
        "port",
        "write the port into `hosts => [\"http://host:9200\"]`",
    ),
    removed(Output, "elasticsearch", "protocol", NO_CLIENT),
    removed(Output, "elasticsearch", "cluster", NO_CLIENT),
    removed(Output, "elasticsearch", "embedded", NO_CLIENT),
    removed(Output, "elasticsearch", "node_name", NO_CLIENT),
    removed(Output, "elasticsearch", "bind_host", NO_CLIENT),
    removed(Output, "elasticsearch", "bind_port", NO_CLIENT),
    removed(
        Output,
        "elasticsearch",
        "index_type",
        "remove it: Elasticsearch has no document types since 8.0",
    ),
    removed(
        Output,
        "elasticsearch",
        "flush_size",
        "remove it: `-b` sets the size of batches",
    ),
    removed(
        Output,
        "elasticsearch",
        "idle_flush_time",
        "remove it: `-u` sets how long a batch is waited for",
    ),
    removed(
        Output,
        "elasticsearch",
        "max_retries",
        "remove it: what can succeed is tried until it does",
    ),
    removed(Output, "elasticsearch", "retry_max_items", "remove it"),
    deprecated(
        Output,
        "elasticsearch",
        "document_type",
        "remove it: Elasticsearch has no document types since 8.0",
    ),
    deprecated(
        Output,
        "elasticsearch",
        "http_compression",
        "use `compression_level`, from 0 (off) to 9",
    ),
    deprecated(
        Output,
        "elasticsearch",
        "failure_type_logging_whitelist",
        "use `silence_errors_in_log`",
    ),
    removed(
        Output,
        "file",
        "message_format",
        "use `codec => line { format => \"...\" }`",
    ),
    removed(Output, "stdout", "debug", "use `codec => rubydebug`"),
    removed(
        Output,
        "stdout",
        "debug_format",
        "use `codec => rubydebug`, or another codec",
    ),
    removed(
        Output,
        "stdout",
        "message",
        "use `codec => line { format => \"...\" }`",
    ),
];
