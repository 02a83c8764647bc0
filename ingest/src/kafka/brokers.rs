//! Finding the cluster again after all its brokers were gone.
//!
//! A broker that is just starting may answer with topics and no brokers. librdkafka (2.12; its issue 5301) then drops every broker that it
//! knows, those of `bootstrap_servers` too, and asks nobody any more, for ever. So it is given the latter again for as long as nothing
//! shows that a broker is there. That is so for producers as well as for consumers.

use std::time::{Duration, Instant};

/// How long to leave it to librdkafka at first: it reconnects within ten seconds (`reconnect.backoff.max.ms`).
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// In a long outage it costs a line in the log now and then.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Whether librdkafka's statistics (JSON, its STATISTICS.md) tell of a connected broker.
pub fn is_connected(statistics: &[u8]) -> bool {
    memchr::memmem::find(statistics, br#""state":"UP""#).is_some()
}

/// Whether the brokers are lost, and when to do something about it.
#[derive(Debug, Default)]
pub struct LostBrokers(Option<Search>);

#[derive(Debug)]
struct Search {
    next: Instant,
    wait: Duration,
}

impl LostBrokers {
    /// librdkafka says that no broker is connected.
    pub fn lost(&mut self, now: Instant) {
        self.0.get_or_insert(Search {
            next: now + FIRST_WAIT,
            wait: FIRST_WAIT,
        });
    }

    /// Whether no broker has answered since.
    pub fn is_lost(&self) -> bool {
        self.0.is_some()
    }

    /// A broker answered, or is connected.
    pub fn found(&mut self) {
        self.0 = None;
    }

    /// Whether to give librdkafka the bootstrap servers now; each time the next comes later.
    pub fn is_search_due(&mut self, now: Instant) -> bool {
        let Some(search) = &mut self.0 else {
            return false;
        };
        if now < search.next {
            return false;
        }
        search.wait = (search.wait * 2).min(LONGEST_WAIT);
        search.next = now + search.wait;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_begins_after_a_while_comes_less_and_less_often_and_ends() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut lost = LostBrokers::default();
        assert!(!lost.is_search_due(at(1_000)));
        lost.lost(at(0));
        lost.lost(at(9));
        let due: Vec<u64> = (0..2_000)
            .filter(|second| lost.is_search_due(at(*second)))
            .collect();
        assert_eq!(due[..6], [10, 30, 70, 150, 310, 610]);
        assert_eq!(due[6] - due[5], 300);
        assert!(lost.is_lost());
        lost.found();
        assert!(!lost.is_lost());
        assert!(!lost.is_search_due(at(9_000)));
    }

    #[test]
    fn of_the_statistics_only_the_state_of_a_broker_counts() {
        assert!(is_connected(
            br#"{ "brokers":{ "a":{ "state":"DOWN"}, "b":{ "state":"UP", "stateage":1}}}"#
        ));
        assert!(!is_connected(
            br#"{ "brokers":{ "a":{ "state":"TRY_CONNECT"}}, "cgrp":{ "state": "up"}}"#
        ));
    }
}
