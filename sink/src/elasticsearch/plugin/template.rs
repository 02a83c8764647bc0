//! Installs the index template at the start: in the background, for as long as it takes.
//!
//! It only asks whether there is a template of that name; `GET /`, which not every server answers,
//! is not needed. A template that Elasticsearch refuses is told and left at that: documents do not
//! depend on it.

use std::time::Duration;

use bytes::Bytes;
use elasticsearch::http::Method;
use kelp_parser::spec::{EcsCompatibility, Settings};

use super::connection::read;
use super::options::{ElasticsearchOptions, TemplateApi};
use crate::elasticsearch::backoff::{Backoff, Jitter};
use crate::elasticsearch::client::Node;

const DEFAULT: &str = include_str!("logstash-template.json");
const DEFAULT_ECS: &str = include_str!("ecs-logstash-template.json");

/// A template to be installed.
pub(super) struct TemplateJob {
    path: String,
    body: Bytes,
    overwrite: bool,
    retry: Backoff,
}

/// What one attempt came to.
enum Attempt {
    Installed,
    AlreadyThere,
    Refused(String),
    Failed(String),
}

impl TemplateJob {
    /// `None` after errors were reported.
    pub(super) fn new(
        options: &ElasticsearchOptions,
        ecs: EcsCompatibility,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        let body = match &options.template {
            None if ecs.is_enabled() => Bytes::from_static(DEFAULT_ECS.as_bytes()),
            None => Bytes::from_static(DEFAULT.as_bytes()),
            Some(file) => {
                let text = read(&file.node, file.span, settings)?;
                if let Err(error) = serde_json::from_slice::<serde_json::Value>(&text) {
                    let message = format!("`{}` is not JSON: {error}", file.node.display());
                    settings.report(file.span, message);
                    return None;
                }
                Bytes::from(text)
            }
        };
        let api = match options.template_api {
            TemplateApi::Legacy => "_template",
            TemplateApi::Auto | TemplateApi::Composable => "_index_template",
        };
        let default_name = match ecs.is_enabled() {
            true => "ecs-logstash",
            false => "logstash",
        };
        let name = options.template_name.as_deref().unwrap_or(default_name);
        Some(Self {
            path: format!("{api}/{name}"),
            body,
            overwrite: options.template_overwrite,
            retry: Backoff::new(
                Duration::from_secs(options.retry_initial_interval.0),
                Duration::from_secs(options.retry_max_interval.0),
            ),
        })
    }

    /// Tries each of the nodes in turn until one says yes or no.
    pub(super) async fn run(mut self, nodes: Vec<Node>) {
        let jitter = Jitter::random();
        let mut was_told = false;
        for node in nodes.iter().cycle() {
            match self.attempt(node).await {
                Attempt::Installed => {
                    tracing::info!(template = self.path, "index template installed");
                    return;
                }
                Attempt::AlreadyThere => {
                    tracing::debug!(template = self.path, "the index template is there already");
                    return;
                }
                Attempt::Refused(reason) => {
                    tracing::error!(
                        template = self.path,
                        reason,
                        "the index template was refused"
                    );
                    return;
                }
                Attempt::Failed(reason) => {
                    if !was_told {
                        tracing::warn!(
                            template = self.path,
                            reason,
                            "the index template cannot be installed yet; it is tried again"
                        );
                        was_told = true;
                    }
                    tokio::time::sleep(jitter.up_to(self.retry.next_ceiling())).await;
                }
            }
        }
    }

    async fn attempt(&self, node: &Node) -> Attempt {
        if !self.overwrite {
            match node.request(Method::Head, &self.path, None).await {
                Err(error) => return Attempt::Failed(error.to_string()),
                Ok(answer) => match answer.status {
                    200..=299 => return Attempt::AlreadyThere,
                    404 => {}
                    status => return Attempt::Failed(format!("status {status}")),
                },
            }
        }
        let body = Some(self.body.clone());
        match node.request(Method::Put, &self.path, body).await {
            Err(error) => Attempt::Failed(error.to_string()),
            Ok(answer) => match answer.status {
                200..=299 => Attempt::Installed,
                400 | 404 | 405 | 406 | 415 => {
                    Attempt::Refused(String::from_utf8_lossy(&answer.body).into_owned())
                }
                status => Attempt::Failed(format!("status {status}")),
            },
        }
    }
}
