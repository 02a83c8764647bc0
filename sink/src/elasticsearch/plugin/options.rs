//! The options of the output `elasticsearch`
//! (source: the documentation of logstash-output-elasticsearch 12).

use std::path::PathBuf;

use kelp_parser::config::ast::Spanned;
use kelp_parser::event::{FieldRef, Template};
use kelp_parser::spec::{Any, Pairs, Password, PositiveInt};
use kelp_parser::{plugin_choice, plugin_options};

plugin_options! {
    /// Writes events to Elasticsearch or OpenSearch as documents.
    ///
    /// Documents are sent with the bulk API. Only what failed is sent again; what can never be
    /// indexed goes to the dead letters with its reason. A Kafka offset is committed when every
    /// document made of its message is acknowledged or lies in the dead letters. While the cluster
    /// is unreachable, busy or denies access, documents are held and tried again for ever.
    pub struct ElasticsearchOptions for Output "elasticsearch" {
        /// `index`, `create`, `update` or `delete`, or a text with references that gives one of
        /// them. Default: `create` for data streams, else `index`.
        pub action: Option<Spanned<Template>>,
        /// An API key: as `id:key`, the same in base64, or a key of Elastic Cloud. Needs https.
        pub api_key: Option<Spanned<Password>>,
        /// Path and query to post bulk requests to, from the root of each host.
        pub bulk_path: Option<String>,
        /// Not supported: give the authority itself in `ssl_certificate_authorities`.
        pub ca_trusted_fingerprint: Option<Vec<String>>,
        /// `user:password` for Elastic Cloud.
        pub cloud_auth: Option<Spanned<Password>>,
        /// The id of an Elastic Cloud deployment, in place of `hosts`.
        pub cloud_id: Option<Spanned<String>>,
        /// The level of gzip for requests, 1 (fastest) to 9; 0 for none.
        pub compression_level: Option<Spanned<i64>>,
        /// Headers to send with every request.
        pub custom_headers: Pairs<String> = [],
        /// Whether to write to a data stream. `auto` does where the other options allow it and ECS
        /// compatibility is on.
        pub data_stream: DataStreamMode = "auto",
        /// Whether an event's own `data_stream.*` fields choose the data stream.
        pub data_stream_auto_routing: bool = true,
        /// The data stream's dataset.
        pub data_stream_dataset: Identifier = "generic",
        /// The data stream's namespace.
        pub data_stream_namespace: Identifier = "default",
        /// Whether to add the fields `data_stream.*` to events, and correct those that name another stream.
        pub data_stream_sync_fields: bool = true,
        /// The data stream's type.
        pub data_stream_type: DataStreamType = "logs",
        /// Whether a document made of a Kafka message gets an id made of the message's coordinates, unless `document_id` or the event gives one. It is then written with `create`, and a message that is delivered again is stored once. `false` leaves ids to Elasticsearch, which is somewhat faster.
        pub derive_document_id: bool = true,
        /// Statuses of documents that go to the dead letters besides 400 and 404.
        pub dlq_custom_codes: Option<Vec<i64>>,
        /// Whether events whose index name cannot be resolved go to the dead letters. They always do.
        pub dlq_on_failed_indexname_interpolation: bool = true,
        /// For `update`: create a missing document from the event itself.
        pub doc_as_upsert: bool = false,
        /// The document's id.
        pub document_id: Option<Template>,
        /// Accepted for compatibility: Elasticsearch has no document types since 8.0.
        pub document_type: Option<Spanned<String>>,
        /// Types of errors for which a document is dropped.
        pub drop_error_types: Vec<String> = [],
        /// The former name of `silence_errors_in_log`.
        pub failure_type_logging_whitelist: Vec<String> = [],
        /// Accepted for compatibility: a failed host is tried with a bulk request.
        pub healthcheck_path: Option<String>,
        /// The nodes, as `name`, `name:9200` or `https://user:password@name:9200/path`. Default: `127.0.0.1`.
        pub hosts: Option<Vec<Spanned<String>>>,
        /// The former way to turn `compression_level` on and off.
        pub http_compression: Option<bool>,
        /// Index lifecycle management is left to Elasticsearch: see the warning it gives.
        pub ilm_enabled: DataStreamMode = "auto",
        /// Accepted for compatibility: no index is made in advance.
        pub ilm_pattern: String = "{now/d}-000001",
        /// Accepted for compatibility: no policy is installed.
        pub ilm_policy: String = "logstash-policy",
        /// An alias to write to. It has to be there, with its policy and its first index.
        pub ilm_rollover_alias: Option<Spanned<String>>,
        /// The index. Default: `ecs-logstash-%{+yyyy.MM.dd}`, without ECS compatibility
        /// `logstash-%{+yyyy.MM.dd}`. An event for which a reference cannot be resolved goes to the dead letters.
        pub index: Option<Spanned<Template>>,
        /// The name of the join field of child documents.
        pub join_field: Option<FieldRef<'static>>,
        /// Whether to install an index template at the start. Default: `false` for data streams.
        pub manage_template: bool = true,
        /// How many objects and arrays may lie within each other in a document; one that nests deeper goes to the dead letters. Elasticsearch maps 20 levels, whatever lies below `enabled: false` is not limited; Elasticsearch 9.4 ends, with an overflow of its stack, on one of 150 to 200 levels, and so would each time that it is sent. Logstash has no such option.
        pub max_depth: PositiveInt = 64,
        /// A query to add to the address of every request.
        pub parameters: Pairs<String> = [],
        /// For child documents, the id of the parent; needs `join_field`.
        pub parent: Option<Spanned<Template>>,
        /// The password of `user`.
        pub password: Option<Spanned<Password>>,
        /// The path under which Elasticsearch's API is found on every host.
        pub path: Option<Spanned<String>>,
        /// The ingest pipeline for each event; empty for none.
        pub pipeline: Option<Template>,
        /// Accepted for compatibility: connections are as many as bulk requests in flight.
        pub pool_max: PositiveInt = 1000,
        /// Accepted for compatibility: connections are as many as bulk requests in flight.
        pub pool_max_per_route: PositiveInt = 100,
        /// A forward proxy, as `http://user:password@proxy:3128`.
        pub proxy: Option<String>,
        /// The longest, in seconds, that a host which failed is left alone.
        pub resurrect_delay: PositiveInt = 5,
        /// The first wait, in seconds, before something is sent again is random up to this.
        pub retry_initial_interval: PositiveInt = 2,
        /// Waits double up to this many seconds.
        pub retry_max_interval: PositiveInt = 64,
        /// How often Elasticsearch retries an `update` that conflicts with another.
        pub retry_on_conflict: i64 = 1,
        /// The shard that documents are routed to.
        pub routing: Option<Template>,
        /// For `update`: a script, or its id.
        pub script: Template = "",
        /// The script's language.
        pub script_lang: String = "painless",
        /// What `script` holds.
        pub script_type: ScriptType = "inline",
        /// The name under which the script finds the event in its parameters.
        pub script_var_name: String = "event",
        /// For `update`: the script makes missing documents itself.
        pub scripted_upsert: bool = false,
        /// Types of errors that are not logged.
        pub silence_errors_in_log: Vec<String> = [],
        /// Not supported: name all hosts in `hosts`.
        pub sniffing: bool = false,
        /// Accepted for compatibility: see `sniffing`.
        pub sniffing_delay: PositiveInt = 5,
        /// Accepted for compatibility: see `sniffing`.
        pub sniffing_path: Option<String>,
        /// A PEM certificate that identifies us; needs `ssl_key`.
        pub ssl_certificate: Option<Spanned<PathBuf>>,
        /// PEM certificates of the authorities to trust, besides the well-known ones.
        pub ssl_certificate_authorities: Option<Vec<Spanned<PathBuf>>>,
        /// Not supported: the safe cipher suites of TLS 1.2 and 1.3 are used.
        pub ssl_cipher_suites: Option<Spanned<Vec<String>>>,
        /// Whether to use https for hosts that do not say. Hosts that say otherwise are refused.
        pub ssl_enabled: Option<bool>,
        /// The PEM private key of `ssl_certificate`.
        pub ssl_key: Option<Spanned<PathBuf>>,
        /// The password of `ssl_keystore_path`, and of the key in it.
        pub ssl_keystore_password: Option<Password>,
        /// A JKS or PKCS#12 store with the certificate and the private key that identify us.
        pub ssl_keystore_path: Option<Spanned<PathBuf>>,
        /// Accepted for compatibility: what a store is shows in its first bytes.
        pub ssl_keystore_type: Option<String>,
        /// Accepted for compatibility: TLS 1.2 and 1.3 are used.
        pub ssl_supported_protocols: Vec<String> = [],
        /// The password of `ssl_truststore_path`.
        pub ssl_truststore_password: Option<Password>,
        /// A JKS or PKCS#12 store with the certificates of the authorities to trust.
        pub ssl_truststore_path: Option<Spanned<PathBuf>>,
        /// Accepted for compatibility: what a store is shows in its first bytes.
        pub ssl_truststore_type: Option<String>,
        /// Whether a host's certificate has to be valid.
        pub ssl_verification_mode: Verification = "full",
        /// A file with the index template to install.
        pub template: Option<Spanned<PathBuf>>,
        /// Which API templates are installed with.
        pub template_api: TemplateApi = "auto",
        /// The template's name. Default: `ecs-logstash`, without ECS compatibility `logstash`.
        pub template_name: Option<String>,
        /// Whether to replace a template of that name.
        pub template_overwrite: bool = false,
        /// How long to wait for an answer, in seconds, before a request is sent again.
        pub timeout: PositiveInt = 60,
        /// For `update`: JSON to create a missing document from.
        pub upsert: Template = "",
        /// The user.
        pub user: Option<Spanned<String>>,
        /// Accepted for compatibility: a connection that was closed is noticed at once.
        pub validate_after_inactivity: PositiveInt = 10000,
        /// The document's version.
        pub version: Option<Template>,
        /// How versions are compared: `internal`, `external`, `external_gt`, `external_gte`.
        pub version_type: Option<Spanned<VersionType>>,
        /// The name of `ssl_certificate_authorities` before Logstash 9.
        pub cacert: Option<Spanned<PathBuf>>,
        /// The name of `ssl_enabled` before Logstash 9.
        pub ssl: Option<Spanned<bool>>,
        /// The name of `ssl_verification_mode` before Logstash 9, as a boolean.
        pub ssl_certificate_verification: Option<Spanned<bool>>,
        /// Accepted for compatibility: the codec of this output is never used.
        pub codec: Option<Any>,
    }
}

plugin_choice! {
    /// Yes, no, or as the other options have it.
    pub enum DataStreamMode {
        /// Yes.
        True = "true",
        /// No.
        False = "false",
        /// As the other options have it.
        Auto = "auto",
    }
}

plugin_choice! {
    /// The type of a data stream.
    pub enum DataStreamType {
        /// Logs.
        Logs = "logs",
        /// Metrics.
        Metrics = "metrics",
        /// Synthetic checks.
        Synthetics = "synthetics",
        /// Traces.
        Traces = "traces",
    }
}

impl DataStreamType {
    /// As data streams are named.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Synthetics => "synthetics",
            Self::Traces => "traces",
        }
    }
}

plugin_choice! {
    /// What the option `script` holds.
    pub enum ScriptType {
        /// The script itself.
        Inline = "inline",
        /// The id of a stored script.
        Indexed = "indexed",
        /// The name of a file on the nodes; no longer possible.
        File = "file",
    }
}

plugin_choice! {
    /// Whether a host's certificate has to be valid.
    pub enum Verification {
        /// It has to be valid and name the host.
        Full = "full",
        /// Anything is accepted.
        None = "none",
    }
}

plugin_choice! {
    /// Which API templates are installed with.
    pub enum TemplateApi {
        /// `_index_template`, which all supported servers have.
        Auto = "auto",
        /// `_template`
        Legacy = "legacy",
        /// `_index_template`
        Composable = "composable",
    }
}

plugin_choice! {
    /// How versions are compared.
    pub enum VersionType {
        /// Elasticsearch counts versions itself.
        Internal = "internal",
        /// The given version has to be higher.
        External = "external",
        /// The given version has to be higher.
        ExternalGt = "external_gt",
        /// The given version has to be as high or higher.
        ExternalGte = "external_gte",
        /// No longer possible.
        Force = "force",
    }
}

impl VersionType {
    /// As Elasticsearch names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
            Self::ExternalGt => "external_gt",
            Self::ExternalGte => "external_gte",
            Self::Force => "force",
        }
    }

    /// Whether a version has to be given.
    pub fn is_external(self) -> bool {
        matches!(self, Self::External | Self::ExternalGt | Self::ExternalGte)
    }
}

/// A part of a data stream's name (source: `validate_identifier` in `data_stream_support.rb`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier(pub String);

impl kelp_parser::spec::OptionType for Identifier {
    const TAKES: &'static str = "part of a data stream's name";

    fn read(
        value: &Spanned<kelp_parser::config::ast::Literal>,
        settings: &mut kelp_parser::spec::Settings<'_>,
    ) -> Option<Self> {
        const REFUSED: [char; 12] = ['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':'];
        let text = settings.single_text(value, Self::TAKES)?;
        let problem = match text.len() {
            0 => "it is empty".to_owned(),
            101.. => format!("it has {} bytes, at most 100 are allowed", text.len()),
            _ => match text.chars().find(|character| REFUSED.contains(character)) {
                Some(character) => format!("it holds `{character}`"),
                None => return Some(Self(text)),
            },
        };
        let message = format!("`{text}` cannot be part of a data stream's name: {problem}");
        settings.report(value.span, message);
        None
    }
}

impl kelp_parser::spec::OptionDefault<&str> for Identifier {
    fn from_default(default: &str) -> Self {
        Self(default.to_owned())
    }
}
