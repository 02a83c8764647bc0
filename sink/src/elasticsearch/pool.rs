//! The nodes of one output, used in turn. One that fails is put aside for a while that grows with
//! each failure; when its time has come, one request tries it before the others follow.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::{Backoff, Jitter};
use super::client::Node;

/// The first wait before a failed node is tried again.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The nodes of one output.
pub struct Pool {
    nodes: Vec<Member>,
    next: AtomicUsize,
    jitter: Jitter,
}

struct Member {
    node: Node,
    state: Mutex<State>,
}

struct State {
    backoff: Backoff,
    /// Set while the node is put aside.
    retry_at: Option<Instant>,
    /// One request is trying the node.
    on_trial: bool,
}

/// The use of a node for one request. Dropping it says nothing about the node.
pub struct Lease<'p> {
    member: &'p Member,
    jitter: &'p Jitter,
    trial: bool,
}

impl Pool {
    /// `max_wait` is the longest that a failed node is left alone (`resurrect_delay`).
    pub fn new(nodes: Vec<Node>, max_wait: Duration, jitter: Jitter) -> Self {
        let nodes = nodes
            .into_iter()
            .map(|node| Member {
                node,
                state: Mutex::new(State {
                    backoff: Backoff::new(FIRST_WAIT.min(max_wait), max_wait),
                    retry_at: None,
                    on_trial: false,
                }),
            })
            .collect();
        Self {
            nodes,
            next: AtomicUsize::new(0),
            jitter,
        }
    }

    /// Random waits share the pool's source.
    pub fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// Waits for a node that may be used, and takes the next one in turn.
    pub async fn lease(&self) -> Lease<'_> {
        loop {
            match self.try_lease() {
                Ok(lease) => return lease,
                Err(at) => tokio::time::sleep_until(at).await,
            }
        }
    }

    /// The next usable node, or when to ask again.
    fn try_lease(&self) -> Result<Lease<'_>, Instant> {
        let now = Instant::now();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut earliest = None;
        for turn in 0..self.nodes.len() {
            let member = &self.nodes[(first + turn) % self.nodes.len()];
            let mut state = member.lock();
            let trial = match state.retry_at {
                None => false,
                Some(at) if at <= now && !state.on_trial => true,
                Some(at) => {
                    // How long another request's trial takes nobody knows: ask again soon.
                    let at = at.max(now + FIRST_WAIT / 4);
                    earliest = Some(earliest.map_or(at, |before: Instant| before.min(at)));
                    continue;
                }
            };
            state.on_trial |= trial;
            return Ok(Lease {
                member,
                jitter: &self.jitter,
                trial,
            });
        }
        Err(earliest.unwrap_or(now + FIRST_WAIT))
    }

    /// How many nodes are in use, that is not put aside.
    pub fn usable(&self) -> usize {
        self.nodes
            .iter()
            .filter(|member| member.lock().retry_at.is_none())
            .count()
    }

    /// All nodes, in use or not.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl Member {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Lease<'_> {
    /// The node.
    pub fn node(&self) -> &Node {
        &self.member.node
    }

    /// The node answered.
    pub fn succeeded(self) {
        let mut state = self.member.lock();
        state.retry_at = None;
        state.backoff.reset();
    }

    /// The node did not answer, or is not fit to: it is put aside. Gives the wait.
    pub fn failed(self) -> Duration {
        let mut state = self.member.lock();
        // Requests that were on their way when the node was put aside do not count again.
        if !self.trial
            && let Some(at) = state.retry_at
        {
            return at.saturating_duration_since(Instant::now());
        }
        let ceiling = state.backoff.next_ceiling();
        // At least half of it, lest a dead node be asked without a pause.
        let wait = ceiling / 2 + self.jitter.up_to(ceiling / 2);
        state.retry_at = Some(Instant::now() + wait);
        wait
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.member.lock().on_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elasticsearch::client::ClientSettings;
    use crate::elasticsearch::hosts::HostUrl;

    fn pool(hosts: &[&str]) -> Pool {
        let nodes = hosts
            .iter()
            .map(|host| {
                let host = HostUrl::parse(host, None).unwrap();
                Node::new(host, &ClientSettings::default()).unwrap()
            })
            .collect();
        Pool::new(nodes, Duration::from_secs(5), Jitter::seeded(1))
    }

    async fn next(pool: &Pool) -> (String, Lease<'_>) {
        let lease = pool.lease().await;
        let name = lease.node().host().url().host_str().unwrap().to_owned();
        (name, lease)
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_are_used_in_turn_and_failed_ones_left_out() {
        let pool = pool(&["a", "b", "c"]);
        let mut seen = String::new();
        for _ in 0..6 {
            let (name, lease) = next(&pool).await;
            seen.push_str(&name);
            lease.succeeded();
        }
        assert_eq!(seen, "abcabc");
        next(&pool).await.1.failed();
        assert_eq!(pool.usable(), 2);
        for _ in 0..4 {
            assert_ne!(next(&pool).await.0, "a");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_up_to_the_maximum_and_end_with_a_success() {
        let pool = pool(&["a"]);
        let mut waits = Vec::new();
        for _ in 0..12 {
            let (_, lease) = next(&pool).await;
            waits.push(lease.failed());
        }
        assert!(waits[0] <= FIRST_WAIT);
        assert!(waits[10] >= Duration::from_millis(2500) && waits[10] <= Duration::from_secs(5));
        next(&pool).await.1.succeeded();
        assert_eq!(pool.usable(), 1);
        assert!(next(&pool).await.1.failed() <= FIRST_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_tries_a_failed_node_before_the_others_follow() {
        let pool = pool(&["a"]);
        let early = next(&pool).await.1;
        next(&pool).await.1.failed();
        let before = Instant::now();
        let trial = next(&pool).await.1;
        assert!(trial.trial && Instant::now() > before);
        // Late news from before the trial changes nothing.
        early.failed();
        assert!(pool.try_lease().is_err());
        trial.succeeded();
        assert!(pool.try_lease().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_given_up_makes_room_for_the_next() {
        let pool = pool(&["a"]);
        next(&pool).await.1.failed();
        drop(next(&pool).await.1);
        assert!(next(&pool).await.1.trial);
    }
}
