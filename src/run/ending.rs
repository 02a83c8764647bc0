//! The end of pipelines, for good or to make room for what replaces them. Pipelines that are connected end together.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::crew::Crew;
use super::inlet::Inlet;
use super::inputs::Input;
use super::topology::Topology;
use super::{Ended, Letters, Prepared, Running};
use crate::settings::PipelineSettings;

/// How long workers may take to end once there is nothing more to do, whatever the deadline.
const GRACE: Duration = Duration::from_secs(1);

/// A pipeline that is to end.
pub struct Leaving {
    running: Running,
    /// Whether its inputs go on for its successor.
    keeps_inlet: bool,
}

/// What is left of a pipeline.
pub struct Left {
    /// Its inputs, where they go on.
    pub inlet: Option<Inlet>,
    /// Its dead letters.
    pub letters: Letters,
}

/// What still delivers.
type Tail = (Runtime, Arc<Topology>, Crew);

impl Leaving {
    /// Nothing comes after it.
    pub fn for_good(running: Running) -> Self {
        Self {
            running,
            keeps_inlet: false,
        }
    }

    /// `next` comes after it.
    pub fn before(running: Running, next: &Prepared, settings: &PipelineSettings) -> Self {
        Self {
            keeps_inlet: running.inlet.serves(&next.topology, settings),
            running,
        }
    }
}

/// Ends pipelines, given so that those which send come before those which receive. What is in flight is delivered
/// first, for at most `patience`; what is not delivered by then will be consumed again, or, where lines cannot be read
/// again and the inputs go on, is delivered in the background.
pub fn end(leaving: Vec<Leaving>, patience: Duration) -> (Ended, Vec<Left>) {
    let deadline = Instant::now() + patience;
    let mut all = Ended {
        unsettled_records: 0,
        committed: true,
    };
    let mut left = Vec::new();
    let mut tails: Vec<Tail> = Vec::new();
    let mut in_background = false;
    for Leaving {
        running,
        keeps_inlet,
    } in leaving
    {
        let Running {
            runtime,
            topology,
            inlet,
            crew,
            letters,
            ..
        } = running;
        in_background |= keeps_inlet && !topology.inputs.iter().all(Input::can_read_again);
        let inlet = if keeps_inlet {
            Some(inlet)
        } else {
            all.add(inlet.drain(deadline));
            None
        };
        tails.push((runtime, topology, crew));
        left.push(Left { inlet, letters });
    }
    if in_background {
        deliver_in_background(tails, deadline);
    } else if !deliver(tails, deadline) {
        // Their holds will never be given back, so the records have to be consumed again.
        for inlet in left.iter_mut().filter_map(|left| left.inlet.take()) {
            all.add(inlet.drain(Instant::now()));
        }
    }
    (all, left)
}

impl Ended {
    fn add(&mut self, other: Self) {
        self.unsettled_records += other.unsettled_records;
        self.committed &= other.committed;
    }
}

/// Has workers end and outputs deliver what they were given; whether all was delivered in time.
fn deliver(tails: Vec<Tail>, deadline: Instant) -> bool {
    let mut is_delivered = true;
    let mut outputs = Vec::new();
    let crews_deadline = deadline.max(Instant::now() + GRACE);
    for (runtime, topology, crew) in tails {
        is_delivered &= crew.stop(crews_deadline);
        outputs.push((runtime, topology));
    }
    let mut runtimes = Vec::new();
    for (runtime, topology) in outputs {
        is_delivered &= drain(topology, deadline);
        runtimes.push(runtime);
    }
    for runtime in runtimes {
        // Workers that wait for an output are let go.
        runtime.shutdown_background();
    }
    is_delivered
}

/// Waits until the outputs have delivered what they were given; nobody uses them any more. Whether they have.
fn drain(topology: Arc<Topology>, deadline: Instant) -> bool {
    let Ok(topology) = Arc::try_unwrap(topology) else {
        return false;
    };
    let mut given_up = 0;
    for output in topology.outputs {
        given_up += output.drain(deadline.saturating_duration_since(Instant::now()));
    }
    given_up == 0
}

/// Lets pipelines that were replaced deliver what they still hold, for as long as that takes; returns at `deadline` at
/// the latest.
fn deliver_in_background(tails: Vec<Tail>, deadline: Instant) {
    let (delivered, wait) = crossbeam_channel::bounded::<()>(1);
    let far = Instant::now() + Duration::from_secs(u64::from(u32::MAX));
    let work = move || {
        deliver(tails, far);
        let _ = delivered.send(());
    };
    let spawned = thread::Builder::new()
        .name("replaced".to_owned())
        .spawn(work);
    let in_time = spawned.is_ok() && wait.recv_deadline(deadline).is_ok();
    if !in_time {
        tracing::warn!(
            "the pipeline that is replaced goes on trying to deliver what it holds: lines cannot be read again"
        );
    }
}
