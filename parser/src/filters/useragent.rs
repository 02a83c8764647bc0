//! `useragent`: says which browser, system and device a user agent text stands for
//! (source: logstash-filter-useragent).

mod cache;
mod rules;
mod yaml;

use std::sync::{Arc, LazyLock};

use crate::event::{Event, FieldRef, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};
use cache::CacheId;
use rules::{Client, Rules, Version};

plugin_options! {
    /// Says which browser, operating system and device a user agent text stands for.
    ///
    /// The rules are those of the ua-parser project. With ECS the fields are `name`, `version`,
    /// `os.name`, `os.version`, `os.full` and `device.name` below `user_agent`.
    pub struct UseragentOptions for Filter "useragent" {
        /// The field that holds the text; of an array the first element counts.
        pub source: FieldRef<'static>,
        /// The field to put the findings in; `user_agent` with ECS, else the event itself.
        pub target: Option<String>,
        /// Put before the names of fields; without ECS only.
        pub prefix: String = "",
        /// A file with rules of one's own, in the format of ua-parser's `regexes.yaml`.
        pub regexes: Option<String>,
        /// How many texts each worker remembers the findings of, up to 10000.
        pub lru_cache_size: i64 = 100_000,
    }
}

/// More than this is not remembered: it would cost each worker more memory than it saves time.
const CACHE_SIZE_MAX: i64 = 10_000;

/// The rules that come with the program: those of uap-core 0.12.0, as in Logstash.
static STOCK_RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let rules = Rules::parse(include_str!("useragent/regexes.yaml"));
    Arc::new(rules.unwrap_or_else(|error| unreachable!("{error}")))
});

/// Says which browser, system and device a user agent text stands for.
pub struct Useragent {
    source: FieldRef<'static>,
    /// Whether the findings take the place of the text.
    replaces_source: bool,
    fields: Fields,
    rules: Arc<Rules>,
    cache: CacheId,
}

/// Where the findings go. `None`: the name is no field reference.
struct Fields {
    name: Option<FieldRef<'static>>,
    device: Option<FieldRef<'static>>,
    version: VersionFields,
    os_name: Option<FieldRef<'static>>,
    os_full: Option<FieldRef<'static>>,
    os_version: VersionFields,
    /// Without ECS the system's name is set twice.
    os: Option<FieldRef<'static>>,
}

struct VersionFields {
    whole: Option<FieldRef<'static>>,
    /// Major, minor, patch.
    parts: [Option<FieldRef<'static>>; 3],
}

impl Fields {
    fn new(options: &UseragentOptions, ecs: EcsCompatibility) -> Self {
        let target = match (&options.target, ecs.is_enabled()) {
            (Some(target), _) if is_single_reference(target) || target.is_empty() => target.clone(),
            (Some(target), _) => format!("[{target}]"),
            (None, true) => "[user_agent]".to_owned(),
            (None, false) => String::new(),
        };
        let prefix = &options.prefix;
        let field = |text: String| FieldRef::parse(&text).ok();
        if ecs.is_enabled() {
            let version = |of: &str, whole: &str| VersionFields {
                whole: field(format!("{target}{whole}")),
                parts: ["major", "minor", "patch"].map(|part| {
                    field(format!(
                        "[@metadata][filter][user_agent]{of}[version][{part}]"
                    ))
                }),
            };
            return Self {
                name: field(format!("{target}[name]")),
                device: field(format!("{target}[device][name]")),
                version: version("", "[version]"),
                os_name: field(format!("{target}[os][name]")),
                os_full: field(format!("{target}[os][full]")),
                os_version: version("[os]", "[os][version]"),
                os: None,
            };
        }
        let plain = |name: &str| field(format!("{target}[{prefix}{name}]"));
        Self {
            name: plain("name"),
            device: plain("device"),
            version: VersionFields {
                whole: plain("version"),
                parts: ["major", "minor", "patch"].map(plain),
            },
            os_name: plain("os_name"),
            os_full: plain("os_full"),
            os_version: VersionFields {
                whole: plain("os_version"),
                parts: ["os_major", "os_minor", "os_patch"].map(plain),
            },
            os: plain("os"),
        }
    }
}

/// Whether the text is one name in brackets.
fn is_single_reference(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|name| !name.is_empty() && !name.contains(['[', ']']))
}

impl BuildFilter for Useragent {
    type Options = UseragentOptions;

    fn build(
        options: UseragentOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        if context.ecs.is_enabled() && !options.prefix.is_empty() {
            let span = settings.span_of("prefix");
            settings.warn(span, "`prefix` has no effect with ECS names");
        }
        if options.lru_cache_size < 1 {
            let span = settings.span_of("lru_cache_size");
            settings.report(span, "`lru_cache_size` must be greater than 0");
            return None;
        }
        let rules = match &options.regexes {
            None => STOCK_RULES.clone(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
                match text.and_then(|text| Rules::parse(&text).map_err(|error| error.to_string())) {
                    Ok(rules) => Arc::new(rules),
                    Err(error) => {
                        let span = settings.span_of("regexes");
                        settings.report(span, format!("cannot use the rules in `{path}`: {error}"));
                        return None;
                    }
                }
            }
        };
        let target = options.target.as_deref().map(FieldRef::parse);
        Some(Self {
            source: options.source,
            replaces_source: target.is_some_and(|target| target == Ok(options.source)),
            fields: Fields::new(&options, context.ecs),
            rules,
            cache: CacheId::new(options.lru_cache_size.min(CACHE_SIZE_MAX) as usize),
        })
    }
}

impl Filter for Useragent {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let value = match event.get(self.source) {
            Some(Value::Array(values)) => values.first(),
            value => value,
        };
        let text = match value {
            None | Some(Value::Null | Value::Str("")) => return Outcome::Unmatched,
            Some(Value::Str(text)) => *text,
            // Logstash logs an error and leaves the event.
            Some(Value::Array(_) | Value::Object(_)) => return Outcome::Unmatched,
            // Logstash's filter fails on anything else in a way that stops the pipeline.
            Some(_) => {
                event.tag_all(self.failure_tags());
                return Outcome::Unmatched;
            }
        };
        let parse = || self.rules.parse_text(text, context.scratch);
        let Some(client) = self.cache.get(text, parse) else {
            return Outcome::Unmatched;
        };
        if self.replaces_source {
            event.remove(self.source);
        }
        match self.set_fields(&client, text, event) {
            Some(()) => Outcome::Matched,
            None => {
                event.tag_all(self.failure_tags());
                Outcome::Unmatched
            }
        }
    }
}

impl Useragent {
    fn set_fields<'a>(&self, client: &Client, text: &str, event: &mut Event<'a>) -> Option<()> {
        let fields = &self.fields;
        set(event, fields.name, &client.agent.family)?;
        set(event, fields.device, &client.device)?;
        let version = &client.agent.version;
        set_parts(event, &fields.version, version)?;
        if let Some(whole) = agent_version(version, text) {
            set(event, fields.version.whole, &whole)?;
        }
        let version = &client.os.version;
        set_parts(event, &fields.os_version, version)?;
        let whole = os_version(version);
        if let Some(whole) = &whole {
            set(event, fields.os_version.whole, whole)?;
        }
        let name = &client.os.family;
        set(event, fields.os_name, name)?;
        if fields.os.is_some() {
            set(event, fields.os, name)?;
        }
        match &whole {
            Some(whole) => set(event, fields.os_full, &format!("{name} {whole}")),
            None => set(event, fields.os_full, name),
        }
    }
}

fn set(event: &mut Event<'_>, field: Option<FieldRef<'static>>, text: &str) -> Option<()> {
    let value = Value::Str(event.arena().alloc_str(text));
    event.try_set(field?, value).then_some(())
}

fn set_parts(event: &mut Event<'_>, fields: &VersionFields, version: &Version) -> Option<()> {
    for (field, part) in fields.parts.iter().zip(version) {
        if let Some(part) = part {
            set(event, *field, part)?;
        }
    }
    Some(())
}

/// The parts with dots between. Where the rules know only three, a fourth that follows in the text is added.
fn agent_version(version: &Version, text: &str) -> Option<String> {
    let mut whole = version[0].clone()?;
    let [_, Some(minor), patch, fourth] = version else {
        return Some(whole);
    };
    whole = format!("{whole}.{minor}");
    let Some(patch) = patch else {
        return Some(whole);
    };
    whole = format!("{whole}.{patch}");
    if let Some(fourth) = fourth {
        return Some(format!("{whole}.{fourth}"));
    }
    let after = text.find(&whole).map(|at| &text[at + whole.len()..]);
    let build = after
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.split_once(' '));
    Some(match build {
        Some((build, _)) if is_plain_integer(build) => format!("{whole}.{build}"),
        _ => whole,
    })
}

/// The parts with dots between; after a name such as `Vista`, a space.
fn os_version(version: &Version) -> Option<String> {
    let [Some(major), minor, patch, fourth] = version else {
        return None;
    };
    let mut whole = major.clone();
    let Some(minor) = minor else {
        return Some(whole);
    };
    whole.push(if is_plain_integer(major) { '.' } else { ' ' });
    whole.push_str(minor);
    for part in [patch, fourth] {
        let Some(part) = part else { break };
        whole.push('.');
        whole.push_str(part);
    }
    Some(whole)
}

/// Whether the text is an integer as Ruby prints it.
fn is_plain_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == text && digits == "0" || !digits.starts_with('0'))
}
