//! Filters: what they are, the options they all share, and the list of those there are.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::ast::Literal;
use crate::event::{Arena, Array, Event, EventError, FieldRef, FieldTemplate, Template, Value};
use crate::filters;
use crate::filters::aggregate::SharedTasks;
use crate::grok::Misses;
use crate::regex::Scratch;
use crate::resolver::OpenResolver;
use crate::spec::{
    EcsCompatibility, Pairs, PluginKind, PluginOptions, PluginSpec, Settings, item_text, pair_text,
};
use crate::time::Timestamp;

/// Changes events one at a time. One instance serves all workers.
pub trait Filter: Send + Sync {
    /// Applies the filter to one event. Failures tag the event; they are never errors of the pipeline.
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome;

    /// The tags of an event to which the common options cannot be applied (a field below a string, say).
    fn failure_tags(&self) -> &[&'static str] {
        &["_filter_failure"]
    }

    /// What the filter counts for itself: a name for each of [`Context::counts`].
    fn count_names(&self) -> Vec<CountName> {
        Vec::new()
    }

    /// The texts that the filter could not take apart, to be explained beside the workers.
    fn misses(&self) -> Option<&Arc<Misses>> {
        None
    }

    /// Called about every five seconds, for filters that hold events or counts back.
    fn flush<'a>(&self, _context: &mut Context<'a, '_>) {}

    /// Called before the first event, for filters that keep something from one run of the program to the next. Not called
    /// where a configuration is only tried out.
    fn open(&self) {}

    /// Called behind the last flush, where [`Self::open`] was called.
    fn close(&self) {}

    /// Whether the filter needs the events in the order in which they were read, so that only one worker may run it.
    fn needs_order(&self) -> bool {
        false
    }
}

/// What became of an event in a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The filter succeeded: `add_field` and the other common options apply.
    Matched,
    /// The filter succeeded, and has applied the common options itself: [`Context::decorate`].
    Decorated,
    /// The filter did nothing, or failed and has tagged the event.
    Unmatched,
    /// The event goes no further.
    Drop,
}

/// What one of a filter's own counts is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountName {
    /// The field that the part is for, if it is for one.
    pub field: String,
    /// The part of the filter that counts, as the configuration has it.
    pub of: String,
    /// What is counted.
    pub what: &'static str,
}

/// What a filter has at hand beside the event.
pub struct Context<'a, 'w> {
    /// The time at which the batch is processed.
    pub now: Timestamp,
    /// Where events that the filter makes live.
    pub arena: &'a Arena,
    /// Whether no event comes any more: [`Filter::flush`] is called for the last time.
    pub closing: bool,
    /// The worker's memory for regular expressions.
    pub scratch: &'w mut Scratch,
    /// What the filter has counted in this worker, as [`Filter::count_names`] names it. No other worker
    /// writes there, so counting costs next to nothing.
    pub counts: &'w mut [u64],
    /// Further events that the filter makes.
    pub(crate) emitted: &'w mut Vec<Emitted<'a>>,
    /// The filter itself, with its common options.
    pub(crate) instance: &'w FilterInstance,
}

/// An event made by a filter.
pub(crate) struct Emitted<'a> {
    pub(crate) event: Event<'a>,
    pub(crate) matched: bool,
}

impl<'a> Context<'a, '_> {
    /// Sends a further event through the filters behind this one. With `matched` the common options
    /// of this filter apply to it.
    pub fn emit(&mut self, event: Event<'a>, matched: bool) {
        self.emitted.push(Emitted { event, matched });
    }

    /// Applies the common options now, for a filter that can succeed several times with one event; false if they could
    /// not be, and the event has the filter's tags of failures.
    #[must_use]
    pub fn decorate(&self, event: &mut Event<'_>) -> bool {
        self.instance.decorate(event)
    }
}

/// What a filter is built from beside its own options.
#[derive(Clone, Debug)]
pub struct BuildContext {
    /// The mode of this plugin, else of the pipeline.
    pub ecs: EcsCompatibility,
    /// The time at which the pipeline is built.
    pub now: Timestamp,
    /// What the `aggregate` filters of the pipeline share.
    pub(crate) tasks: Arc<SharedTasks>,
    /// Where the `geoip` filters that name no database look for one.
    pub(crate) geoip_directories: Arc<[PathBuf]>,
    /// Whom the `dns` filters ask; `None` where they find nothing.
    pub(crate) resolver: Option<OpenResolver>,
    /// Who does several things at a time; `None` where it is one after the other.
    pub(crate) side_by_side: Option<SideBySide>,
}

/// Where `geoipupdate` and the packages of distributions put databases.
const GEOIP_DIRECTORIES: [&str; 3] = [
    "/usr/share/GeoIP",
    "/var/lib/GeoIP",
    "/usr/local/share/GeoIP",
];

/// Does the work of each number below the first argument, in any order, several at a time, and returns when all is done.
pub type SideBySide = fn(usize, &(dyn Fn(usize) + Sync));

impl BuildContext {
    /// Of a pipeline in that mode.
    pub fn new(ecs: EcsCompatibility) -> Self {
        Self {
            ecs,
            now: Timestamp::new(0, 0),
            tasks: Arc::default(),
            geoip_directories: GEOIP_DIRECTORIES.iter().map(PathBuf::from).collect(),
            resolver: None,
            side_by_side: None,
        }
    }

    /// The same for another pipeline, whose filters share nothing with those of this one.
    pub(crate) fn of_pipeline(&self) -> Self {
        Self {
            tasks: Arc::default(),
            ..self.clone()
        }
    }

    /// With the directory of the databases of `geoip`, instead of those where `geoipupdate` puts them.
    pub fn geoip_directory(mut self, directory: PathBuf) -> Self {
        self.geoip_directories = [directory].into();
        self
    }

    /// With somebody to ask for the names and addresses of hosts.
    pub fn asking(mut self, resolver: OpenResolver) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// With somebody who builds several filters at a time.
    pub fn side_by_side(mut self, run: SideBySide) -> Self {
        self.side_by_side = Some(run);
        self
    }

    /// At that time; code that runs once, before the first event, sees it.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
}

/// A filter that can be built from its options.
pub trait BuildFilter: Filter + Sized + 'static {
    /// Its options.
    type Options: PluginOptions;

    /// Builds it; `None` after an error was reported to `settings`.
    fn build(
        options: Self::Options,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self>;
}

/// An entry of [`FILTERS`].
pub struct FilterPlugin {
    /// Its declaration.
    pub spec: PluginSpec,
    build: fn(&mut Settings<'_>, &BuildContext) -> Option<Box<dyn Filter>>,
}

impl FilterPlugin {
    /// The entry of a filter type.
    pub const fn of<F: BuildFilter>() -> Self {
        Self {
            spec: F::Options::SPEC,
            build: |settings, context| {
                let options = F::Options::read(settings)?;
                Some(Box::new(F::build(options, settings, context)?))
            },
        }
    }
}

/// Every filter, by name.
pub static FILTERS: &[FilterPlugin] = &[
    FilterPlugin::of::<filters::aggregate::Aggregate>(),
    FilterPlugin::of::<filters::alter::Alter>(),
    FilterPlugin::of::<filters::bytes::Bytes>(),
    FilterPlugin::of::<filters::cidr::Cidr>(),
    FilterPlugin::of::<filters::clone::Clone>(),
    FilterPlugin::of::<filters::csv::Csv>(),
    FilterPlugin::of::<filters::date::Date>(),
    FilterPlugin::of::<filters::de_dot::DeDot>(),
    FilterPlugin::of::<filters::dissect::Dissect>(),
    FilterPlugin::of::<filters::dns::Dns>(),
    FilterPlugin::of::<filters::drop::Drop>(),
    FilterPlugin::of::<filters::elapsed::Elapsed>(),
    FilterPlugin::of::<filters::environment::Environment>(),
    FilterPlugin::of::<filters::extractnumbers::Extractnumbers>(),
    FilterPlugin::of::<filters::fingerprint::Fingerprint>(),
    FilterPlugin::of::<filters::geoip::Geoip>(),
    FilterPlugin::of::<filters::grok::Grok>(),
    FilterPlugin::of::<filters::i18n::I18n>(),
    FilterPlugin::of::<filters::json::Json>(),
    FilterPlugin::of::<filters::json_encode::JsonEncode>(),
    FilterPlugin::of::<filters::kv::Kv>(),
    FilterPlugin::of::<filters::metrics::Metrics>(),
    FilterPlugin::of::<filters::mutate::Mutate>(),
    FilterPlugin::of::<filters::prune::Prune>(),
    FilterPlugin::of::<filters::range::Range>(),
    FilterPlugin::of::<filters::ruby::Ruby>(),
    FilterPlugin::of::<filters::sleep::Sleep>(),
    FilterPlugin::of::<filters::split::Split>(),
    FilterPlugin::of::<filters::syslog_pri::SyslogPri>(),
    FilterPlugin::of::<filters::throttle::Throttle>(),
    FilterPlugin::of::<filters::tld::Tld>(),
    FilterPlugin::of::<filters::translate::Translate>(),
    FilterPlugin::of::<filters::truncate::Truncate>(),
    FilterPlugin::of::<filters::urldecode::Urldecode>(),
    FilterPlugin::of::<filters::useragent::Useragent>(),
    FilterPlugin::of::<filters::uuid::Uuid>(),
    FilterPlugin::of::<filters::xml::Xml>(),
];

/// Filters of Logstash that there will not be here, and what to do instead.
pub static UNSUPPORTED_FILTERS: &[(&str, &str)] = &[
    (
        "http",
        "it would call a server for every event; enrich in Elasticsearch with an enrich processor",
    ),
    (
        "memcached",
        "it would call a server for every event; use `translate` with a dictionary file",
    ),
    (
        "jdbc_static",
        "use `translate` with a dictionary file exported from the database",
    ),
    (
        "jdbc_streaming",
        "use `translate` with a dictionary file exported from the database",
    ),
    (
        "elasticsearch",
        "it would call a server for every event; use an enrich processor in Elasticsearch",
    ),
    (
        "anonymize",
        "Logstash dropped it for `fingerprint`, which is here",
    ),
    ("checksum", "use `fingerprint`"),
    (
        "cipher",
        "not supported yet; `fingerprint` with a `key` makes values unreadable that need not be read again",
    ),
    (
        "collate",
        "events of different partitions are never held back and sorted; sort by `@timestamp` in the search",
    ),
    (
        "elastic_integration",
        "not supported; leave the ingest pipeline to Elasticsearch: `pipeline` in the output names it",
    ),
    ("java_uuid", "use `uuid`"),
    ("metaevent", "not supported; use `clone`"),
    (
        "multiline",
        "Logstash dropped it for the codec `multiline`, which is here: give it to the input",
    ),
    (
        "oui",
        "use `translate` with a dictionary file of the prefixes, after `mutate` or `grok` cut them out",
    ),
    (
        "rest",
        "it would call a server for every event; use `translate` with a dictionary file",
    ),
    (
        "zeromq",
        "it would call a server for every event; use `translate` with a dictionary file",
    ),
];

/// The options that all filters have.
#[derive(Debug, Default)]
pub struct CommonOptions {
    /// The name of this instance in statistics.
    pub id: Option<String>,
    add_field: AddField,
    remove_field: Vec<FieldTemplate>,
    add_tag: Vec<Template>,
    remove_tag: Vec<Template>,
}

const COMMON_NAMES: &[&str] = &[
    "id",
    "enable_metric",
    "periodic_flush",
    "ecs_compatibility",
    "add_field",
    "remove_field",
    "add_tag",
    "remove_tag",
];

impl CommonOptions {
    fn read(settings: &mut Settings<'_>, context: &mut BuildContext) -> Self {
        settings.set_common(COMMON_NAMES);
        settings.take_optional::<bool>("enable_metric");
        settings.take_optional::<bool>("periodic_flush");
        read_ecs_compatibility(settings, &mut context.ecs);
        Self {
            id: settings.take_optional("id"),
            add_field: read_add_field(settings),
            remove_field: settings.take_optional("remove_field").unwrap_or_default(),
            add_tag: settings.take_optional("add_tag").unwrap_or_default(),
            remove_tag: settings.take_optional("remove_tag").unwrap_or_default(),
        }
    }

    /// Applies the options to an event on which the filter succeeded, up to the first that cannot be
    /// (source: `LogStash::Filters::Base#filter_matched`, `LogStash::Util::Decorators`).
    pub(crate) fn decorate(&self, event: &mut Event<'_>) -> Result<(), EventError> {
        for (field, values) in &self.add_field {
            for value in values {
                add_field(event, field, value)?;
            }
        }
        for field in &self.remove_field {
            let field = field.resolve(event)?;
            event.remove(field);
        }
        if !self.add_tag.is_empty() {
            add_tags(event, &self.add_tag)?;
        }
        if !self.remove_tag.is_empty() {
            remove_tags(event, &self.remove_tag)?;
        }
        Ok(())
    }
}

/// What `add_field` adds: to each field some values.
pub type AddField = Vec<(FieldTemplate, Vec<Template>)>;

/// Reads `add_field`, which inputs and filters share: names and values are templates, a value may be a list.
pub fn read_add_field(settings: &mut Settings<'_>) -> AddField {
    let pairs: Pairs<crate::spec::Any> = settings.take_optional("add_field").unwrap_or_default();
    let mut fields = Vec::new();
    for (name, value) in &pairs.0 {
        let span = value.0.span;
        let texts: Vec<String> = match &value.0.node {
            Literal::Array(values) => values.iter().map(item_text).collect(),
            Literal::Hash(pairs) => pairs.iter().map(pair_text).collect(),
            _ => vec![item_text(&value.0)],
        };
        let field = FieldTemplate::new(Template::lenient(&name.node));
        if let Some(error) = field.error() {
            settings.warn(name.span, error.to_string());
        }
        let templates: Vec<_> = texts.iter().map(|text| Template::lenient(text)).collect();
        for error in templates.iter().filter_map(Template::error) {
            settings.warn(span, error.to_string());
        }
        fields.push((field, templates));
    }
    fields
}

/// Reads `ecs_compatibility`, which overrides the pipeline's mode.
pub fn read_ecs_compatibility(settings: &mut Settings<'_>, ecs: &mut EcsCompatibility) {
    if let Some(mode) = settings.take_optional::<String>("ecs_compatibility") {
        match EcsCompatibility::parse(&mode) {
            Some(mode) => *ecs = mode,
            None => {
                let span = settings.span_of("ecs_compatibility");
                settings.report_choice(span, &mode, &["disabled", "v1", "v8"]);
            }
        }
    }
}

/// Adds a value to a field: an existing value makes an array of both.
pub fn add_field(
    event: &mut Event<'_>,
    field: &FieldTemplate,
    value: &Template,
) -> Result<(), EventError> {
    let field = field.resolve(event)?;
    let value = Value::Str(value.try_render(event).map_err(Clone::clone)?);
    // What cannot be set is not to be lost either.
    event.check_list(field)?;
    let value = match event.remove_for_append(field) {
        None => value,
        Some(mut list) => {
            list.push(value);
            Value::Array(list)
        }
    };
    Ok(event.set_checked(field, value)?)
}

const TAGS: FieldRef<'static> = FieldRef::top(&["tags"]);

/// Unlike [`Event::tag`] this adds a tag that is there already once more.
pub(crate) fn add_tags(event: &mut Event<'_>, tags: &[Template]) -> Result<(), EventError> {
    // All of them first: where one cannot be rendered the tags stay as they are.
    let arena = event.arena();
    let mut added = Array::with_capacity_in(tags.len(), arena);
    for tag in tags {
        added.push(Value::Str(tag.try_render(event).map_err(Clone::clone)?));
    }
    let list = match event.remove_for_append(TAGS) {
        Some(mut list) => {
            list.append(&mut added);
            list
        }
        None => added,
    };
    Ok(event.set(TAGS, Value::Array(list))?)
}

fn remove_tags(event: &mut Event<'_>, tags: &[Template]) -> Result<(), EventError> {
    let removed: Result<Vec<&str>, _> = tags.iter().map(|tag| tag.try_render(event)).collect();
    let removed = removed.map_err(Clone::clone)?;
    if matches!(event.get(TAGS), None | Some(Value::Null)) {
        return Ok(());
    }
    let Some(mut list) = event.remove_for_append(TAGS) else {
        return Ok(());
    };
    list.retain(|tag| !matches!(tag, Value::Str(text) if removed.contains(text)));
    Ok(event.set(TAGS, Value::Array(list))?)
}

/// A filter of a pipeline with its common options.
pub(crate) struct FilterInstance {
    pub(crate) filter: Box<dyn Filter>,
    pub(crate) common: CommonOptions,
    pub(crate) name: &'static str,
    /// How many counts of its own the filter has.
    pub(crate) own_counts: usize,
}

impl FilterInstance {
    /// Applies the common options to an event on which the filter succeeded; false, and with the filter's tags of failures,
    /// where they cannot be.
    pub(crate) fn decorate(&self, event: &mut Event<'_>) -> bool {
        let decorated = self.common.decorate(event).is_ok();
        if !decorated {
            event.tag_all(self.filter.failure_tags());
        }
        decorated
    }

    /// Builds a filter from its settings; `None` after errors were reported.
    pub(crate) fn build(
        plugin: &'static FilterPlugin,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        debug_assert_eq!(plugin.spec.kind, PluginKind::Filter);
        let mut context = context.clone();
        let common = CommonOptions::read(settings, &mut context);
        let filter = (plugin.build)(settings, &context)?;
        Some(Self {
            own_counts: filter.count_names().len(),
            filter,
            common,
            name: plugin.spec.name,
        })
    }
}
