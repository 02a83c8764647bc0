//! Every setting of Logstash 9 (source: `environment.rb` and the extensions under `x-pack/lib` of elastic/logstash), and what
//! becomes of it here. None is ignored without a word.

use Fate::{Ignored, Only, Refused, Used};

/// What becomes of a setting.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It does what it does in Logstash.
    Used,
    /// It means nothing here, which is said, with the reason.
    Ignored(&'static str),
    /// These values mean what is the case anyway; the others are refused, with what to do instead.
    Only(&'static [&'static str], &'static str),
    /// It is refused, with what to do instead.
    Refused(&'static str),
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name; one that ends in a dot stands for all below it.
    pub name: &'static str,
    /// Its default here, for the documentation.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "docs/settings.md is made of it")
    )]
    pub default: &'static str,
    /// Whether it may be given for each pipeline in `pipelines.yml`.
    pub by_pipeline: bool,
    /// What becomes of it.
    pub fate: Fate,
    /// What it is for; empty where `fate` says enough.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "docs/settings.md is made of it")
    )]
    pub doc: &'static str,
}

const fn used(name: &'static str, default: &'static str, doc: &'static str) -> Known {
    Known {
        name,
        default,
        by_pipeline: false,
        fate: Used,
        doc,
    }
}

const fn other(name: &'static str, fate: Fate) -> Known {
    Known {
        name,
        default: "",
        by_pipeline: false,
        fate,
        doc: "",
    }
}

const fn by_pipeline(known: Known) -> Known {
    Known {
        by_pipeline: true,
        ..known
    }
}

const QUEUE: Fate = Ignored(
    "Kafka is the durable queue: an offset is committed only after its document is acknowledged",
);
const DEAD_LETTERS: Fate = Ignored("dead letters are always on, and each is durable at once");
const MONITORING: Fate =
    Ignored("there is no monitoring by Elasticsearch; use the API and /metrics");
const KEYSTORE: Fate =
    Ignored("there is no keystore: `${KEY}` is read from the environment variable of that name");
const REMOVED: Fate = Refused("Logstash 9 has removed it: remove it");

/// All of them.
pub const SETTINGS: &[Known] = &[
    other("allow_superuser", Ignored("kelp needs no privileges")),
    used(
        "api.auth.basic.password",
        "",
        "The password that the API asks for.",
    ),
    other(
        "api.auth.basic.password_policy.",
        Ignored("passwords are taken as they are"),
    ),
    used(
        "api.auth.basic.username",
        "",
        "The user that the API asks for.",
    ),
    used(
        "api.auth.type",
        "none",
        "`basic` has the API ask for user and password.",
    ),
    used("api.enabled", "true", "Whether there is an API."),
    other("api.environment", Ignored("the API does not show it")),
    used(
        "api.http.host",
        "127.0.0.1",
        "The address on which the API listens.",
    ),
    used(
        "api.http.port",
        "9600-9700",
        "Its port, or a range of which it takes the first that is free.",
    ),
    other(
        "api.ssl.enabled",
        Only(
            &["false"],
            "the API has no TLS: leave it on 127.0.0.1, or put a proxy with TLS before it",
        ),
    ),
    other("api.ssl.", Ignored("the API has no TLS")),
    by_pipeline(other(
        "config.debug",
        Ignored("`kelp check` and `kelp fmt` show how a configuration is understood"),
    )),
    other(
        "config.field_reference.escape_style",
        Only(
            &["none"],
            "field names with brackets cannot be escaped: rename such fields in the source",
        ),
    ),
    used(
        "config.reload.automatic",
        "false",
        "Whether a changed configuration is loaded.",
    ),
    used("config.reload.interval", "3s", "How often it is looked at."),
    by_pipeline(used("config.string", "", "The configuration itself.")),
    by_pipeline(used(
        "config.support_escapes",
        "false",
        "Whether escapes such as `\\n` in strings are processed.",
    )),
    used(
        "config.test_and_exit",
        "false",
        "Check the configuration and exit.",
    ),
    by_pipeline(other("dead_letter_queue.enable", DEAD_LETTERS)),
    by_pipeline(other(
        "dead_letter_queue.flush_check_interval",
        DEAD_LETTERS,
    )),
    by_pipeline(other("dead_letter_queue.flush_interval", DEAD_LETTERS)),
    by_pipeline(used(
        "dead_letter_queue.max_bytes",
        "1024mb",
        "The most that a pipeline's dead letters may take.",
    )),
    by_pipeline(used(
        "dead_letter_queue.retain.age",
        "",
        "How old dead letters may become, such as `5d`.",
    )),
    by_pipeline(used(
        "dead_letter_queue.storage_policy",
        "stop",
        "What happens when they reach the limit: `stop` consumption, `drop_newer` (Logstash's default) or `drop_older`.",
    )),
    other(
        "enable-local-plugin-development",
        Ignored("there are no gems"),
    ),
    other(
        "http.enabled",
        Refused("Logstash 9 has removed it: use `api.enabled`"),
    ),
    other(
        "http.environment",
        Refused("Logstash 9 has removed it: remove it"),
    ),
    other(
        "http.host",
        Refused("Logstash 9 has removed it: use `api.http.host`"),
    ),
    other(
        "http.port",
        Refused("Logstash 9 has removed it: use `api.http.port`"),
    ),
    other(
        "interactive",
        Refused(
            "there is no Ruby shell: try filters out with `kelp filter`, patterns with `kelp grok`",
        ),
    ),
    used(
        "kelp.dead_letters.topic",
        "",
        "A Kafka topic for the dead letters, instead of the disk.",
    ),
    used(
        "kelp.dead_letters.librdkafka.",
        "",
        "Any property of librdkafka for that topic's producer.",
    ),
    used(
        "kelp.event.max_bytes",
        "128mb",
        "How much memory the events of one message may take; beyond it the message goes to the dead letters. `kelp filter` and `kelp test` hold to the default.",
    ),
    used(
        "kelp.event.max_fields",
        "50000",
        "How many fields an event may have; beyond it the message goes to the dead letters. `kelp filter` and `kelp test` hold to the default.",
    ),
    used(
        "kelp.geoip.directory",
        "",
        "Where `geoip` looks for a database if its option `database` is not set, instead of `/usr/share/GeoIP`, `/var/lib/GeoIP` and `/usr/local/share/GeoIP`.",
    ),
    used(
        "kelp.memory",
        "64mb",
        "How much the records in flight and the bulk bodies made of them may take, of all pipelines together.",
    ),
    used(
        "kelp.metrics.enabled",
        "false",
        "Whether Kelp's own metrics are written to data streams `metrics-kelp.*` of each pipeline's Elasticsearch.",
    ),
    used("kelp.metrics.interval", "10s", "How often, at least 1s."),
    used(
        "kelp.metrics.namespace",
        "default",
        "The last part of those data streams' names.",
    ),
    used(
        "kelp.shutdown_timeout",
        "10s",
        "How long a shutdown or a reload waits for what is in flight.",
    ),
    other("keystore.", KEYSTORE),
    used(
        "log.format",
        "plain",
        "`json` writes each line of the log as a JSON object, as Logstash's.",
    ),
    other(
        "log.format.json.fix_duplicate_message_fields",
        Ignored("names never collide"),
    ),
    used(
        "log.level",
        "info",
        "`fatal`, `error`, `warn`, `info`, `debug` or `trace`.",
    ),
    by_pipeline(other("metric.collect", Ignored("counting is always on"))),
    other("modules", REMOVED),
    other(
        "cloud.",
        Refused(
            "Logstash 9 has removed it: set `cloud_id` and `cloud_auth` in the elasticsearch output",
        ),
    ),
    other("monitoring.", MONITORING),
    used(
        "node.name",
        "the name of the host",
        "What the API calls this process.",
    ),
    other("node.uuid", Ignored("the API makes an id at each start")),
    other(
        "otel.",
        Ignored("metrics are to be had from /metrics; an OpenTelemetry collector can scrape it"),
    ),
    by_pipeline(used(
        "path.config",
        "",
        "A configuration file, a directory of them, or a pattern.",
    )),
    used(
        "path.data",
        "data",
        "Where dead letters and other state are kept.",
    ),
    by_pipeline(used(
        "path.dead_letter_queue",
        "path.data/dead_letter_queue",
        "Where each pipeline's dead letters have a directory.",
    )),
    other(
        "path.logs",
        Ignored("the log goes to standard error: redirect it, or let systemd or Docker keep it"),
    ),
    other(
        "path.plugins",
        Ignored(
            "plugins made for Logstash cannot be loaded; a configuration that uses one is refused",
        ),
    ),
    by_pipeline(other("path.queue", QUEUE)),
    used(
        "path.settings",
        "",
        "The directory of `logstash.yml` and `pipelines.yml`.",
    ),
    by_pipeline(used(
        "pipeline.batch.delay",
        "50",
        "How long to wait for a batch to fill, in milliseconds.",
    )),
    by_pipeline(other(
        "pipeline.batch.metrics.sampling_mode",
        Ignored("counting is always on"),
    )),
    by_pipeline(other(
        "pipeline.batch.output_chunking.growth_threshold_factor",
        Ignored("a bulk request is bounded whatever filters make of a batch"),
    )),
    by_pipeline(used(
        "pipeline.batch.size",
        "2000",
        "How many records a worker takes at most before it hands its documents over; 125 in Logstash.",
    )),
    other(
        "pipeline.buffer.type",
        Ignored("there is no heap to choose"),
    ),
    by_pipeline(used(
        "pipeline.ecs_compatibility",
        "v8",
        "The ECS mode of plugins that do not set their own: `disabled`, `v1` or `v8`.",
    )),
    by_pipeline(used("pipeline.id", "main", "The name of the pipeline.")),
    by_pipeline(used(
        "pipeline.ordered",
        "auto",
        "`true` keeps events in order, which takes one worker; `auto` and `false` say nothing.",
    )),
    by_pipeline(other(
        "pipeline.plugin_classloaders",
        Ignored("there are no Java plugins"),
    )),
    by_pipeline(other(
        "pipeline.recoverable",
        Ignored(
            "a record that makes a pipeline fail goes to the dead letters, and the pipeline goes on",
        ),
    )),
    by_pipeline(used(
        "pipeline.reloadable",
        "true",
        "Whether the pipeline may be reloaded.",
    )),
    other("pipeline.separate_logs", Ignored("there is one log")),
    by_pipeline(other(
        "pipeline.system",
        Ignored("there are no pipelines but yours"),
    )),
    other(
        "pipeline.unsafe_shutdown",
        Ignored(
            "a shutdown waits for `kelp.shutdown_timeout`; what was not delivered by then is consumed again",
        ),
    ),
    by_pipeline(used(
        "pipeline.workers",
        "the number of CPUs",
        "How many threads run the filters.",
    )),
    by_pipeline(other("queue.", QUEUE)),
    other(
        "slowlog.",
        Ignored("counters of each filter tell which is slow"),
    ),
    other(
        "ssl.reload.automatic",
        Ignored("SIGHUP reads certificates again"),
    ),
    other(
        "xpack.management.enabled",
        Only(
            &["false"],
            "pipelines cannot be kept in Elasticsearch: put them in files and name them in `pipelines.yml`",
        ),
    ),
    other(
        "xpack.management.",
        Ignored("pipelines cannot be kept in Elasticsearch"),
    ),
    other("xpack.monitoring.", MONITORING),
    other(
        "xpack.geoip.",
        Ignored("no database is downloaded: name one with `database` in the `geoip` filter"),
    ),
];

/// The entry for a name, the most specific one.
pub fn find(name: &str) -> Option<&'static Known> {
    let fits = |known: &&Known| {
        known.name == name || (known.name.ends_with('.') && name.starts_with(known.name))
    };
    SETTINGS
        .iter()
        .filter(fits)
        .max_by_key(|known| known.name.len())
}

/// `docs/settings.md`'s table.
#[cfg(test)]
fn table() -> String {
    let mut text = String::from("| Setting | Default | What it does |\n|---|---|---|\n");
    for known in SETTINGS {
        let name = match known.name.strip_suffix('.') {
            Some(parent) => format!("{parent}.*"),
            None => known.name.to_owned(),
        };
        let mark = if known.by_pipeline { " ¹" } else { "" };
        let does = match known.fate {
            Used => known.doc.to_owned(),
            Ignored(why) => format!("no effect: {why}"),
            Only(values, instead) => format!("only `{}`: {instead}", values.join("`, `")),
            Refused(instead) => format!("refused: {instead}"),
        };
        let default = known.default;
        text += &format!("| `{name}`{mark} | {default} | {does} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `KELP_BLESS=1 cargo test -p kelp --bins settings` writes it anew.
    #[test]
    fn the_documentation_lists_what_there_is() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
        let text = std::fs::read_to_string(path).unwrap();
        let start = text.find("| Setting |").unwrap();
        let end = text[start..]
            .find("\n\n")
            .map_or(text.len(), |at| start + at + 1);
        if std::env::var_os("KELP_BLESS").is_some() {
            let blessed = [&text[..start], &table(), &text[end..]].concat();
            std::fs::write(path, blessed).unwrap();
        } else {
            assert_eq!(&text[start..end], table(), "see the comment on this test");
        }
    }

    #[test]
    fn the_most_specific_entry_counts() {
        assert!(matches!(find("api.ssl.enabled").unwrap().fate, Only(..)));
        assert!(matches!(
            find("api.ssl.keystore.path").unwrap().fate,
            Ignored(_)
        ));
        assert!(find("queue.type").unwrap().by_pipeline);
        assert!(find("pipeline.worker").is_none());
    }
}
