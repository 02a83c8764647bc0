//! What the options mean together, and what is wrong with them.

use std::sync::Arc;
use std::time::Duration;

use kelp_parser::config::Diagnostic;
use kelp_parser::config::ast::Plugin;
use kelp_parser::event::Template;
use kelp_parser::spec::{EcsCompatibility, PluginOptions, Settings};

use super::connection::{Connection, connection};
use super::options::{DataStreamMode, ElasticsearchOptions, ScriptType};
use super::output::ElasticsearchOutput;
use super::target::{DataStream, Target};
use super::template::TemplateJob;
use super::update::Update;
use super::writer::Encoder;
use crate::elasticsearch::lane::DeliverySettings;
use crate::elasticsearch::response::{Action, FILTER_PATH};
use crate::elasticsearch::verdict::Rules;
use crate::output::{Output, OutputCommon, OutputConfig, StartContext, StartError};

/// The output with valid options, ready to start.
pub struct Elasticsearch {
    pub(super) id: Option<String>,
    pub(super) connection: Connection,
    pub(super) delivery: DeliverySettings,
    pub(super) encoder: Arc<Encoder>,
    pub(super) template: Option<TemplateJob>,
}

impl OutputConfig for Elasticsearch {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn start(self: Box<Self>, context: &StartContext<'_>) -> Result<Box<dyn Output>, StartError> {
        Ok(Box::new(ElasticsearchOutput::start(*self, context)?))
    }
}

impl Elasticsearch {
    /// Reads the settings; `None` after errors were reported.
    pub fn configure(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Box<dyn OutputConfig>> {
        Some(Box::new(Self::read(plugin, ecs, diagnostics)?))
    }

    pub(super) fn read(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut settings = Settings::new(plugin, diagnostics);
        let common = OutputCommon::read(&mut settings, ecs);
        let options = ElasticsearchOptions::read(&mut settings)?;
        let settings = &mut settings;
        let is_data_stream = is_data_stream(&options, common.ecs, settings)?;
        check(&options, settings)?;
        let encoder = encoder(&options, is_data_stream, common.ecs, settings);
        let connection = connection(&options, settings);
        let manages =
            options.manage_template && (settings.is_set("manage_template") || !is_data_stream);
        let template = match manages {
            true => Some(TemplateJob::new(&options, common.ecs, settings)?),
            false => None,
        };
        Some(Self {
            id: common.id,
            connection: connection?,
            delivery: delivery(&options, settings)?,
            encoder: Arc::new(encoder?),
            template,
        })
    }
}

/// Whether events go to a data stream (source: `check_data_stream_config!` in
/// `data_stream_support.rb`).
fn is_data_stream(
    options: &ElasticsearchOptions,
    ecs: EcsCompatibility,
    settings: &mut Settings<'_>,
) -> Option<bool> {
    let hindrance = hindrance(options, settings);
    match options.data_stream {
        DataStreamMode::True => {
            if let Some(name) = hindrance {
                let message = format!("`{name}` cannot be used with `data_stream => true`");
                settings.report(settings.span_of(name), message);
                return None;
            }
            if !ecs.is_enabled() {
                let span = settings.span_of("data_stream");
                let message = "`data_stream => true` needs ECS compatibility";
                settings.report(span, message).help =
                    Some("set `ecs_compatibility => v8`".to_owned());
                return None;
            }
            return Some(true);
        }
        DataStreamMode::Auto if ecs.is_enabled() && hindrance.is_none() => return Some(true),
        DataStreamMode::Auto | DataStreamMode::False => {}
    }
    const DATA_STREAM_OPTIONS: [&str; 5] = [
        "data_stream_auto_routing",
        "data_stream_dataset",
        "data_stream_namespace",
        "data_stream_sync_fields",
        "data_stream_type",
    ];
    let Some(name) = DATA_STREAM_OPTIONS
        .into_iter()
        .find(|name| settings.is_set(name))
    else {
        return Some(false);
    };
    let why = match (options.data_stream, hindrance) {
        (DataStreamMode::False, _) => "`data_stream => false`".to_owned(),
        (_, Some(other)) => format!("`{other}`, which data streams do not have,"),
        _ => "ECS compatibility, which is disabled,".to_owned(),
    };
    let message = format!("`{name}` contradicts {why} so events would not go to a data stream");
    settings.report(settings.span_of(name), message).help =
        Some("set `data_stream => true`, or remove it".to_owned());
    None
}

/// The first option set that data streams cannot have.
fn hindrance(options: &ElasticsearchOptions, settings: &Settings<'_>) -> Option<&'static str> {
    const NOT_FOR_DATA_STREAMS: [&str; 24] = [
        "doc_as_upsert",
        "document_type",
        "ilm_enabled",
        "ilm_pattern",
        "ilm_policy",
        "ilm_rollover_alias",
        "index",
        "join_field",
        "parent",
        "retry_on_conflict",
        "script",
        "script_lang",
        "script_type",
        "script_var_name",
        "scripted_upsert",
        "template",
        "template_api",
        "template_name",
        "template_overwrite",
        "upsert",
        "version",
        "version_type",
        "action",
        "manage_template",
    ];
    NOT_FOR_DATA_STREAMS.into_iter().find(|name| match *name {
        "action" => options
            .action
            .as_ref()
            .is_some_and(|action| action.node.source() != "create"),
        "manage_template" => settings.is_set(name) && options.manage_template,
        _ => settings.is_set(name),
    })
}

/// What cannot be meant (source: `http_client_builder.rb`, `check_action_validity`).
fn check(options: &ElasticsearchOptions, settings: &mut Settings<'_>) -> Option<()> {
    let mut fail = |name: &str, message: String| {
        settings.report(settings.span_of(name), message);
        None::<()>
    };
    let action = options.action.as_ref().map(|action| &action.node);
    let fixed = action.and_then(Template::as_constant);
    if let Some(name) = fixed
        && Action::parse(name).is_none()
    {
        let message = format!("`{name}` is none of: index, create, update, delete");
        return fail("action", message);
    }
    if let Some(version_type) = options.version_type.as_ref().map(|kind| kind.node)
        && version_type.is_external()
    {
        if options.version.is_none() {
            return fail(
                "version_type",
                "external versions need the option `version`".to_owned(),
            );
        }
        if let Some(name @ ("create" | "update")) = fixed {
            let message = format!("the action {name} takes no external versions");
            return fail("version_type", message);
        }
    }
    if matches!(fixed, Some("update" | "delete")) && options.document_id.is_none() {
        let name = fixed.unwrap_or_default();
        return fail(
            "action",
            format!("the action {name} needs the option `document_id`"),
        );
    }
    if options.doc_as_upsert && options.scripted_upsert {
        let message = "`doc_as_upsert` and `scripted_upsert` exclude each other";
        return fail("doc_as_upsert", message.to_owned());
    }
    if options.script_type == ScriptType::File {
        let message = "scripts in files are gone since Elasticsearch 6: use `indexed` or `inline`";
        return fail("script_type", message.to_owned());
    }
    if options.parent.is_some() && options.join_field.is_none() {
        let message =
            "`parent` needs `join_field`: documents have no other parents since Elasticsearch 6";
        return fail("parent", message.to_owned());
    }
    warn_without_effect(options, settings);
    Some(())
}

fn warn_without_effect(options: &ElasticsearchOptions, settings: &mut Settings<'_>) {
    let mut warn = |name: &str, message: &str| {
        if settings.is_set(name) {
            settings.warn(settings.span_of(name), message);
        }
    };
    if !options.dlq_on_failed_indexname_interpolation {
        warn(
            "dlq_on_failed_indexname_interpolation",
            "an index is never named by an unresolved reference: such events go to the dead letters all the same",
        );
    }
    if options.ilm_enabled == DataStreamMode::True {
        warn(
            "ilm_enabled",
            "kelp neither makes the rollover alias nor installs a policy: set them up in Elasticsearch",
        );
    }
    if options.ilm_enabled != DataStreamMode::False {
        warn(
            "ilm_rollover_alias",
            "documents are written to this alias, but kelp does not make it: it has to be there with its first index",
        );
    }
    warn("ilm_policy", "kelp installs no policy: this has no effect");
    warn(
        "ilm_pattern",
        "kelp makes no index in advance: this has no effect",
    );
}

fn encoder(
    options: &ElasticsearchOptions,
    is_data_stream: bool,
    ecs: EcsCompatibility,
    settings: &mut Settings<'_>,
) -> Option<Encoder> {
    let target = if is_data_stream {
        Target::DataStream(DataStream {
            kind: options.data_stream_type.name(),
            dataset: options.data_stream_dataset.0.clone(),
            namespace: options.data_stream_namespace.0.clone(),
            auto_routing: options.data_stream_auto_routing,
            sync_fields: options.data_stream_sync_fields,
        })
    } else {
        index_target(options, ecs, settings)
    };
    let action = match (&options.action, is_data_stream) {
        (_, true) => Template::parse("create").ok()?,
        (Some(action), false) => action.node.clone(),
        (None, false) => Template::parse("index").ok()?,
    };
    Some(Encoder {
        is_default_index: !is_data_stream && options.index.is_none(),
        action,
        target,
        document_id: options.document_id.clone(),
        max_depth: usize::try_from(options.max_depth.0).unwrap_or(usize::MAX),
        derives_ids: options.derive_document_id && options.document_id.is_none(),
        routing: options.routing.clone(),
        pipeline: options.pipeline.clone(),
        version: options.version.clone(),
        version_type: options.version_type.as_ref().map(|kind| kind.node.name()),
        parent: options
            .join_field
            .zip(options.parent.as_ref().map(|parent| parent.node.clone())),
        update: Update::new(options),
    })
}

fn index_target(
    options: &ElasticsearchOptions,
    ecs: EcsCompatibility,
    settings: &mut Settings<'_>,
) -> Target {
    let is_alias = options.ilm_enabled != DataStreamMode::False;
    if let Some(alias) = options.ilm_rollover_alias.as_ref().filter(|_| is_alias) {
        // As Logstash: an alias goes before `index`.
        let alias = Template::parse(&alias.node).unwrap_or_else(|_| default_index(ecs));
        return Target::new(alias);
    }
    let Some(index) = &options.index else {
        return Target::new(default_index(ecs));
    };
    let target = Target::new(index.node.clone());
    if let Some(problem) = target.problem() {
        let message = format!(
            "`{}` is no valid index name: it {problem}; all events would go to the dead letters",
            index.node.source()
        );
        settings.warn(index.span, message);
    }
    target
}

fn default_index(ecs: EcsCompatibility) -> Template {
    let name = match ecs.is_enabled() {
        true => "ecs-logstash-%{+yyyy.MM.dd}",
        false => "logstash-%{+yyyy.MM.dd}",
    };
    // The constant is valid.
    Template::parse(name).unwrap_or_else(|error| unreachable!("{error}"))
}

fn delivery(
    options: &ElasticsearchOptions,
    settings: &mut Settings<'_>,
) -> Option<DeliverySettings> {
    let compression_level = match (&options.compression_level, options.http_compression) {
        (Some(level), _) if !(0..=9).contains(&level.node) => {
            let message = format!("`{}` is no level of compression: 0 to 9 are", level.node);
            settings.report(level.span, message);
            return None;
        }
        (Some(level), _) => level.node as u32,
        (None, Some(false)) => 0,
        (None, _) => 1,
    };
    let mut silence_errors = options.silence_errors_in_log.clone();
    silence_errors.extend(options.failure_type_logging_whitelist.iter().cloned());
    let seconds = |seconds: u64| Duration::from_secs(seconds);
    Some(DeliverySettings {
        bulk_path: bulk_path(options),
        compression_level,
        retry_initial: seconds(options.retry_initial_interval.0),
        retry_max: seconds(options.retry_max_interval.0),
        resurrect_delay: seconds(options.resurrect_delay.0.max(1)),
        rules: Rules {
            reject_statuses: custom_codes(options, settings)?,
            drop_error_types: options.drop_error_types.clone(),
        },
        silence_errors,
        ..DeliverySettings::default()
    })
}

/// Path and query of bulk requests, relative to a host's own path.
fn bulk_path(options: &ElasticsearchOptions) -> String {
    let mut path = options.bulk_path.as_deref().unwrap_or("_bulk").to_owned();
    let mut add = |query: &str| {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(query);
    };
    if !options
        .bulk_path
        .as_deref()
        .is_some_and(|path| path.contains("filter_path="))
    {
        add(FILTER_PATH);
    }
    for (name, value) in options.parameters.iter() {
        add(&format!("{name}={value}"));
    }
    path
}

fn custom_codes(options: &ElasticsearchOptions, settings: &mut Settings<'_>) -> Option<Vec<u16>> {
    let codes = options.dlq_custom_codes.as_deref().unwrap_or_default();
    let mut valid = Vec::new();
    for code in codes {
        let problem = match code {
            200 | 201 => "it means success",
            400 | 404 => "it goes there already",
            409 => "it means a conflict",
            100..=599 => {
                valid.push(*code as u16);
                continue;
            }
            _ => "it is no HTTP status",
        };
        let span = settings.span_of("dlq_custom_codes");
        settings.report(
            span,
            format!("{code} cannot be sent to the dead letters: {problem}"),
        );
        return None;
    }
    Some(valid)
}
