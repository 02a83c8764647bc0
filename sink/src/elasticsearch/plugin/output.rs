//! The running output.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::config::Elasticsearch;
use super::connection::Connection;
use super::writer::{BulkWriter, Encoder};
use crate::dead_letter::DeadLetters;
use crate::elasticsearch::lane::{BulkDelivery, DeliverySettings};
use crate::elasticsearch::side_channel::SideChannel;
use crate::output::{Output, OutputStats, StartContext, StartError, Writer};

/// Writers, delivery and the installation of the template.
pub(super) struct ElasticsearchOutput {
    connection: Connection,
    encoder: Arc<Encoder>,
    delivery: BulkDelivery,
    dead_letters: DeadLetters,
    runtime: Handle,
    template: Option<JoinHandle<()>>,
}

impl ElasticsearchOutput {
    pub(super) fn start(
        config: Elasticsearch,
        context: &StartContext<'_>,
    ) -> Result<Self, StartError> {
        let connection = config.connection;
        let nodes = || {
            connection.nodes().map_err(|error| StartError {
                output: "elasticsearch",
                message: error.to_string(),
            })
        };
        let name = config.id.as_deref().unwrap_or("elasticsearch");
        let dead_letters = context.dead_letters.for_output(context.pipeline, name);
        let delivery = BulkDelivery::start(
            context.runtime,
            nodes()?,
            DeliverySettings {
                in_flight: context.in_flight.clone(),
                ..config.delivery
            },
            dead_letters.clone(),
        );
        let template = match config.template {
            Some(job) => Some(context.runtime.spawn(job.run(nodes()?))),
            None => None,
        };
        Ok(Self {
            connection,
            encoder: config.encoder,
            delivery,
            dead_letters,
            runtime: context.runtime.clone(),
            template,
        })
    }
}

impl Output for ElasticsearchOutput {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(BulkWriter::new(
            Arc::clone(&self.encoder),
            self.delivery.sender(),
            self.dead_letters.clone(),
        ))
    }

    /// Must not be called from a task of the runtime.
    fn drain(self: Box<Self>, within: Duration) -> u64 {
        if let Some(template) = self.template {
            template.abort();
        }
        self.runtime.block_on(self.delivery.drain(within))
    }

    fn stats(&self) -> OutputStats {
        let stats = self.delivery.stats();
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let acknowledged = get(&stats.indexed) + get(&stats.conflicts) + get(&stats.dropped);
        let (duplicates, rejected) = (get(&stats.duplicates), get(&stats.rejected));
        let in_flight = get(&stats.in_flight);
        OutputStats {
            documents: acknowledged + duplicates + rejected + in_flight,
            acknowledged,
            duplicates,
            dead_letters: rejected,
            retries: get(&stats.retried) + get(&stats.failed_requests),
            requests: get(&stats.requests) + get(&stats.failed_requests),
            responses: stats.responses(),
            request_ms: get(&stats.request_ms),
            in_flight,
            is_stalled: stats.held().is_some(),
        }
    }

    fn side_channel(&self) -> Option<SideChannel> {
        // The same settings made nodes before.
        self.connection.nodes().ok().map(SideChannel::new)
    }
}
