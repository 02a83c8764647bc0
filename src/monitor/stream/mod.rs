//! What Kelp counts, as documents in data streams `metrics-kelp.*` of the Elasticsearch that it writes to.
//!
//! Documents hold what has changed since the last that were stored, so sums over them are right however many processes there are and however
//! long the server was away: what could not be stored is sent again as it is, and what was counted meanwhile comes with the next. A thread
//! of its own does it; the pipeline never waits for it.

mod documents;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use kelp_sink::elasticsearch::SideChannel;
use tokio::runtime::Runtime;
use tracing::{info, warn};

use super::Snapshot;
use crate::agent::Agent;
use crate::settings::MetricsSettings;
use documents::{About, bulk};

/// How long the end of the process waits for the last documents.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// What is sent to the thread about a pipeline.
struct Observation {
    snapshot: Snapshot,
    /// A new way to the server, where the pipeline has been replaced.
    channel: Option<SideChannel>,
}

/// Takes snapshots of the pipelines and sends them on.
pub struct MetricsStream {
    interval: Duration,
    sent: Instant,
    /// The start of each pipeline whose outputs the thread knows.
    known: BTreeMap<String, Instant>,
    observations: Option<SyncSender<Vec<Observation>>>,
    thread: Option<JoinHandle<()>>,
}

impl MetricsStream {
    /// Starts the thread; without settings nothing is ever sent.
    pub fn start(settings: Option<&MetricsSettings>) -> Self {
        let mut stream = Self {
            interval: settings.map_or(Duration::MAX, |settings| settings.interval),
            sent: Instant::now(),
            known: BTreeMap::new(),
            observations: None,
            thread: None,
        };
        let Some(settings) = settings else {
            return stream;
        };
        let (sender, receiver) = sync_channel(1);
        let about = About::this_process(&settings.namespace);
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || run(about, &receiver));
        match thread {
            Ok(thread) => {
                stream.observations = Some(sender);
                stream.thread = Some(thread);
            }
            Err(error) => warn!(%error, "no metrics are written: their thread cannot start"),
        }
        stream
    }

    /// Whether it is time to look again.
    pub fn is_due(&self) -> bool {
        self.observations.is_some() && self.sent.elapsed() >= self.interval
    }

    /// Looks at all pipelines.
    pub fn observe(&mut self, agent: &Agent) {
        self.sent = Instant::now();
        let Some(sender) = &self.observations else {
            return;
        };
        let mut observations = Vec::new();
        let mut known = BTreeMap::new();
        for pipeline in agent.pipelines() {
            let Some(running) = pipeline.running() else {
                continue;
            };
            let snapshot = Snapshot::of(running, pipeline.settings());
            let (id, started) = (snapshot.pipeline_id.clone(), snapshot.started);
            let mut channel = None;
            if self.known.get(&id) != Some(&started) {
                let mut outputs = running.topology().outputs.iter();
                channel = outputs.find_map(|output| output.side_channel());
                if channel.is_none() {
                    warn!(
                        pipeline = id,
                        "no metrics are written: it has no elasticsearch output"
                    );
                }
            }
            known.insert(id, started);
            observations.push(Observation { snapshot, channel });
        }
        match sender.try_send(observations) {
            Ok(()) => self.known = known,
            // The thread still waits for the server; what is counted meanwhile comes with the next.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => self.observations = None,
        }
    }
}

impl Drop for MetricsStream {
    fn drop(&mut self) {
        self.observations = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let deadline = Instant::now() + LAST_WAIT;
        while !thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn run(mut about: About, observations: &Receiver<Vec<Observation>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return warn!(%error, "no metrics are written: no runtime"),
    };
    let mut pipelines: BTreeMap<String, Pipeline> = BTreeMap::new();
    while let Ok(observations) = observations.recv() {
        let is_there = |id: &String| {
            observations
                .iter()
                .any(|one| one.snapshot.pipeline_id == *id)
        };
        pipelines.retain(|id, _| is_there(id));
        for observation in observations {
            let id = observation.snapshot.pipeline_id.clone();
            let pipeline = pipelines.entry(id).or_default();
            pipeline.write(&mut about, observation, &runtime);
        }
    }
}

/// What was sent and is not known to be stored.
struct Pending {
    body: Bytes,
    documents: usize,
    /// What the documents say all about.
    upto: Arc<Snapshot>,
}

/// How far a pipeline's metrics are stored.
#[derive(Default)]
struct Pipeline {
    channel: Option<SideChannel>,
    stored: Option<Arc<Snapshot>>,
    pending: Option<Pending>,
    failing: bool,
}

impl Pipeline {
    /// Writes what has changed; what was not stored goes first, as it was.
    fn write(&mut self, about: &mut About, observation: Observation, runtime: &Runtime) {
        if observation.channel.is_some() {
            self.channel = observation.channel;
        }
        let current = Arc::new(observation.snapshot);
        if let Some(pending) = self.pending.take()
            && !self.send(pending, &current, runtime)
        {
            return;
        }
        let stored = self.stored.as_deref();
        let since = stored.filter(|stored| stored.started == current.started);
        let (body, documents) = bulk(about, since, &current, SystemTime::now());
        let latest = Pending {
            body: body.into(),
            documents,
            upto: Arc::clone(&current),
        };
        self.send(latest, &current, runtime);
    }

    /// Whether it is stored; if not, it is kept for the next time.
    fn send(&mut self, sent: Pending, current: &Snapshot, runtime: &Runtime) -> bool {
        let Some(channel) = &mut self.channel else {
            return false;
        };
        let pipeline = &current.pipeline_id;
        match runtime.block_on(channel.post(sent.body.clone(), sent.documents)) {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    info!(pipeline, "metrics are written again");
                }
                self.stored = Some(sent.upto);
                true
            }
            Err(reason) => {
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(
                        pipeline,
                        reason, "metrics cannot be written; they are sent again later"
                    );
                }
                self.pending = Some(sent);
                false
            }
        }
    }
}
