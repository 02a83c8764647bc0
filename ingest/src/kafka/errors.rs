//! What to make of Kafka's errors: which are waited out, which are said loudly, which end the input.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;
use tracing::{error, warn};

use crate::notice::RateLimit;
use crate::source::InputError;

/// The same kind of error is logged once in this time.
const NOTICE_INTERVAL: Duration = Duration::from_secs(30);

/// The errors of one consumer.
#[derive(Debug)]
pub(super) struct Errors {
    notices: Mutex<RateLimit<String>>,
    fatal: OnceLock<Arc<InputError>>,
}

impl Default for Errors {
    fn default() -> Self {
        Self {
            notices: Mutex::new(RateLimit::new(NOTICE_INTERVAL)),
            fatal: OnceLock::new(),
        }
    }
}

impl Errors {
    /// Deals with an error that librdkafka reported; it retries whatever can be retried by itself.
    pub fn report(&self, code: Code, reason: &str) {
        match judge(code) {
            Judgement::Fatal(help) => self.fail(code, reason, help),
            Judgement::Loud(help) => {
                if let Some(repeated) = self.pass(&format!("{code:?}")) {
                    error!(?code, repeated, "kafka: {reason}; {help}; still trying");
                }
            }
            Judgement::Expected(help) => {
                if let Some(repeated) = self.pass(&format!("{code:?}")) {
                    warn!(?code, repeated, "kafka: {reason}; {help}; still trying");
                }
            }
            Judgement::Wait => {
                if let Some(repeated) = self.pass(&format!("{code:?}")) {
                    warn!(?code, repeated, "kafka: {reason}; still trying");
                }
            }
        }
    }

    /// A commit failed; what it held is committed with the next.
    pub fn commit_failed(&self, group: &str, reason: &str) {
        if let Some(repeated) = self.pass("commit") {
            warn!(
                group,
                repeated, "kafka: offsets not committed: {reason}; they go with the next commit"
            );
        }
    }

    /// Ends the input.
    pub fn fail(&self, code: Code, reason: &str, help: &'static str) {
        let failure = InputError::Fatal {
            code: format!("{code:?}"),
            message: reason.to_owned(),
            help,
        };
        if self.fatal.set(Arc::new(failure)).is_ok() {
            error!(?code, "kafka: {reason}; {help}");
        }
    }

    /// What ended the input, if anything did.
    pub fn fatal(&self) -> Option<Arc<InputError>> {
        self.fatal.get().cloned()
    }

    fn pass(&self, kind: &str) -> Option<u64> {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.pass(kind.to_owned(), Instant::now())
    }
}

enum Judgement {
    /// Goes away by itself: a broker restarts, a coordinator moves.
    Wait,
    /// Is so in the beginning: whoever writes first may create the topic. Java's consumer warns of it too.
    Expected(&'static str),
    /// Someone has to act, but without a restart of ours.
    Loud(&'static str),
    /// Trying again is of no use.
    Fatal(&'static str),
}

fn judge(code: Code) -> Judgement {
    match code {
        Code::Fatal | Code::FencedInstanceId | Code::UnreleasedInstanceId => Judgement::Fatal(
            "another member may use the same `group_instance_id`: give each its own and restart",
        ),
        Code::AutoOffsetReset => Judgement::Fatal(
            "there is no valid committed offset and `auto_offset_reset` forbids to choose one: set it to \"earliest\" or \"latest\", or commit an offset for the group",
        ),
        Code::InconsistentGroupProtocol | Code::UnsupportedAssignor => Judgement::Fatal(
            "check `partition_assignment_strategy` and `group_protocol` against those of the group's other members and the broker's version",
        ),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            Judgement::Loud("check `sasl_mechanism`, `sasl_jaas_config` and the ssl options")
        }
        Code::SSL => Judgement::Loud("check `security_protocol` and the ssl options"),
        Code::TopicAuthorizationFailed => {
            Judgement::Loud("the user needs the right to READ and DESCRIBE the topic")
        }
        Code::GroupAuthorizationFailed => {
            Judgement::Loud("the user needs the right to READ the group")
        }
        Code::ClusterAuthorizationFailed => Judgement::Loud("the user lacks rights on the cluster"),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            Judgement::Expected(
                "create the topic, let its first writer do so where brokers allow that, or correct `topics`",
            )
        }
        Code::InvalidTopic => Judgement::Loud("correct `topics`"),
        Code::PollExceeded => Judgement::Loud("raise `max_poll_interval_ms`"),
        Code::BadMessage
        | Code::InvalidMessage
        | Code::BadCompression
        | Code::InvalidMessageSize => {
            Judgement::Loud("the partition holds data that cannot be read")
        }
        _ => Judgement::Wait,
    }
}
