//! Delivers one bulk request: sends what its plan says until every document is done.
//!
//! Each document's hold is given back here exactly once, or handed to the dead letters together
//! with the document. If the future is dropped in the middle, what was not done stays held.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::client::{Answer, NoAnswer};
use super::lane::{Shared, Turn};
use super::plan::{Part, Plan};
use super::request::{BulkRequest, Doc, span};
use super::response::{Item, read_bulk, read_request_error};
use super::stats::{Fault, Stats};
use super::verdict::{RequestVerdict, Rules, Trouble, Verdict};
use crate::dead_letter::DeadLetter;
use crate::reason::Reason;
use kelp_parser::in_flight::Share;
use kelp_parser::record::RecordBatch;

/// The end of a fault that lasted less is not told.
const TELL_HELD_FROM: Duration = Duration::from_secs(10);

/// One bulk request on its way.
pub(super) struct Delivery<'s> {
    shared: &'s Shared,
    body: Bytes,
    docs: Vec<Doc>,
    batch: Arc<dyn RecordBatch>,
    plan: Plan,
    backoff: Backoff,
    /// Kept until it is done, unless it gives way.
    turn: Option<Turn>,
    /// When Elasticsearch refused some of its documents for the first time.
    refused_since: Option<Instant>,
    /// The current part as it goes over the wire, kept while the same part is sent again.
    wire: Option<Wire>,
}

/// A larger body takes tens of milliseconds to compress.
const GZIP_INLINE_MAX: usize = 2 << 20;

#[derive(Clone)]
struct Wire {
    bytes: Bytes,
    uncompressed_bytes: usize,
    /// Unless it is a part of the body itself.
    _share: Option<Arc<Share>>,
}

impl<'s> Delivery<'s> {
    pub(super) fn new(shared: &'s Shared, request: BulkRequest, turn: Turn) -> Self {
        let settings = &shared.settings;
        Self {
            plan: Plan::new(request.docs.len()),
            body: Bytes::from(request.body),
            docs: request.docs,
            batch: request.batch,
            backoff: Backoff::new(settings.retry_initial, settings.retry_max),
            shared,
            turn: Some(turn),
            refused_since: None,
            wire: None,
        }
    }

    /// Sends until every document is done. Gives the buffers back for another request.
    pub(super) async fn run(mut self) -> (Option<Vec<u8>>, Vec<Doc>) {
        while let Some(part) = self.plan.current() {
            let part = part.clone();
            self.send(&part).await;
        }
        drop((self.wire, self.turn));
        self.docs.clear();
        let body = self.body.try_into_mut().ok().map(|mut body| {
            body.clear();
            Vec::from(body)
        });
        (body, self.docs)
    }

    async fn send(&mut self, part: &Part) {
        let wire = self.wire(part).await;
        if part.len() > 1 && wire.uncompressed_bytes >= self.shared.too_large() {
            return self.halve(part);
        }
        if self.turn.is_none() {
            self.turn = Some(self.shared.turns.take(wire.uncompressed_bytes).await);
        }
        let settings = &self.shared.settings;
        let lease = self.shared.pool.lease().await;
        let gzipped = settings.compression_level > 0;
        let started = Instant::now();
        let sent = lease
            .node()
            .post_bulk(
                &settings.bulk_path,
                wire.bytes.clone(),
                gzipped,
                part.len(),
                wire.uncompressed_bytes,
            )
            .await;
        let waited = started.elapsed().as_millis() as usize;
        Stats::add(&self.shared.stats.request_ms, waited);
        let host = lease.node().host().to_string();
        let outcome = match sent {
            Ok(answer) => {
                self.shared.stats.answered(answer.status);
                judge(answer, part.len())
            }
            Err(error) => Outcome::NoAnswer(error),
        };
        if outcome.is_the_nodes_fault() {
            lease.failed();
        } else {
            lease.succeeded();
        }
        self.follow(outcome, part, wire, &host).await;
    }

    async fn follow(&mut self, outcome: Outcome, part: &Part, wire: Wire, host: &str) {
        let stats = &self.shared.stats;
        if let Outcome::Items(remarkable) = outcome {
            Stats::add(&stats.requests, 1);
            Stats::add(&stats.sent_bytes, wire.bytes.len());
            if let Some(held) = stats.release()
                && held >= TELL_HELD_FROM
            {
                tracing::info!(host, held_s = held.as_secs(), "documents get through again");
            }
            return self.apply(part, remarkable).await;
        }
        Stats::add(&stats.failed_requests, 1);
        match outcome {
            Outcome::Items(_) => {}
            Outcome::NoAnswer(error) => self.complain(Fault::NoAnswer, host, &error.to_string()),
            Outcome::BadAnswer(text) => self.complain(Fault::BadAnswer, host, &text),
            Outcome::Refused(trouble, reason) => {
                self.complain(fault(trouble), host, &reason.to_string());
                if trouble != Trouble::Unavailable {
                    self.pause().await;
                }
            }
            Outcome::Halve(reason) if part.len() > 1 => {
                if reason.status == Some(413) {
                    self.shared.learn_too_large(wire.uncompressed_bytes);
                    if let Some(silent) = stats.tell(Fault::TooLarge) {
                        tracing::warn!(
                            host,
                            bytes = wire.uncompressed_bytes,
                            silent,
                            "a bulk request is too large (413); it is halved, and later ones are kept smaller"
                        );
                    }
                }
                self.halve(part);
            }
            // Until a request was accepted, what is refused may be the address or a parameter rather
            // than the document: that must not send everything to the dead letters.
            Outcome::Halve(reason)
                if reason.status == Some(400) && stats.requests.load(Ordering::Relaxed) == 0 =>
            {
                self.complain(Fault::Unexpected, host, &reason.to_string());
                self.wire = None;
                self.plan.defer();
                self.pause().await;
            }
            Outcome::Halve(reason) => {
                self.wire = None;
                self.plan.done_except(&[]);
                self.reject(vec![(part.doc(0), reason)]).await;
            }
        }
    }

    /// What became of each document of the part.
    async fn apply(&mut self, part: &Part, remarkable: Vec<(u32, Item)>) {
        self.wire = None;
        if remarkable.is_empty() {
            part.docs().for_each(|doc| self.settle(doc));
            Stats::add(&self.shared.stats.indexed, part.len());
            self.plan.done_except(&[]);
            return self.backoff.reset();
        }
        let mut remarkable = remarkable.into_iter().peekable();
        let mut again = Vec::new();
        let mut rejected = Vec::new();
        let mut is_too_large = false;
        let mut indexed = 0;
        for position in 0..part.len() as u32 {
            let doc = part.doc(position as usize);
            let Some((_, item)) = remarkable.next_if(|(at, _)| *at == position) else {
                indexed += 1;
                self.settle(doc);
                continue;
            };
            let stats = &self.shared.stats;
            let has_derived_id = self.docs[doc].has_derived_id;
            match self.shared.settings.rules.item(&item, has_derived_id) {
                Verdict::Indexed => indexed += 1,
                Verdict::Duplicate => Stats::add(&stats.duplicates, 1),
                Verdict::Dropped => Stats::add(&stats.dropped, 1),
                Verdict::Conflict => {
                    Stats::add(&stats.conflicts, 1);
                    self.tell_conflict(&item);
                }
                Verdict::TooLarge if part.len() > 1 => {
                    is_too_large = true;
                    again.push(position);
                    continue;
                }
                Verdict::Reject | Verdict::TooLarge => {
                    rejected.push((doc, item.reason()));
                    continue;
                }
                Verdict::Retry(trouble) => {
                    self.complain(fault(trouble), "", &item.reason().to_string());
                    again.push(position);
                    continue;
                }
            }
            self.settle(doc);
        }
        Stats::add(&self.shared.stats.indexed, indexed);
        Stats::add(&self.shared.stats.retried, again.len());
        self.plan.done_except(&again);
        if !rejected.is_empty() {
            self.reject(rejected).await;
        }
        if again.len() < part.len() {
            self.backoff.reset();
        }
        if is_too_large
            && let Some(left) = self.plan.current().cloned()
            && left.len() > 1
        {
            // What is refused for its size takes too much together, if not by itself.
            self.halve(&left);
            return;
        }
        if !again.is_empty() {
            self.give_way();
            self.pause().await;
        }
    }

    /// Lets others send while it waits, once its documents have been refused for long: these may be of one index that is blocked, which
    /// must not keep those of others from being stored. How many may wait is bounded by the memory for what is in flight.
    fn give_way(&mut self) {
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.shared.settings.gives_way_after {
            self.turn = None;
        }
    }

    /// Hands documents to the dead letters, and with them the duty to give back their holds.
    async fn reject(&self, rejected: Vec<(usize, Reason)>) {
        let stats = &self.shared.stats;
        if let Some((_, reason)) = rejected.first()
            && !self.is_silenced(&reason.kind)
            && let Some(silent) = stats.tell(Fault::Rejected)
        {
            tracing::warn!(
                count = rejected.len(),
                %reason,
                silent,
                "documents can never be indexed; they go to the dead letters"
            );
        }
        let count = rejected.len();
        let letters = rejected.into_iter().map(|(doc, reason)| DeadLetter {
            batch: Arc::clone(&self.batch),
            record: self.docs[doc].record,
            document: self.body[span(&self.docs, doc, self.body.len())].into(),
            reason,
        });
        if self
            .shared
            .dead_letters
            .submit(letters.collect())
            .await
            .is_err()
        {
            tracing::error!(
                count,
                "the dead letters are closed; these documents stay held"
            );
            return;
        }
        Stats::add(&stats.rejected, count);
        Stats::subtract(&stats.in_flight, count);
    }

    fn settle(&self, doc: usize) {
        self.batch.receipts().settle(self.docs[doc].record);
        Stats::subtract(&self.shared.stats.in_flight, 1);
    }

    fn is_silenced(&self, kind: &str) -> bool {
        let silenced = &self.shared.settings.silence_errors;
        silenced.iter().any(|silenced| silenced == kind)
    }

    fn tell_conflict(&self, item: &Item) {
        let reason = item.reason();
        if !self.is_silenced(&reason.kind)
            && let Some(silent) = self.shared.stats.tell(Fault::Conflict)
        {
            tracing::warn!(%reason, silent, "another version of a document is stored already");
        }
    }

    /// Documents are held: says so, but not each time.
    fn complain(&self, fault: Fault, host: &str, text: &str) {
        let stats = &self.shared.stats;
        stats.hold(text);
        let Some(silent) = stats.tell(fault) else {
            return;
        };
        let message = match fault {
            Fault::NoAnswer => "Elasticsearch cannot be reached; it is tried again for ever",
            Fault::BadAnswer => "Elasticsearch's answer cannot be read; the bulk is sent again",
            Fault::Denied => {
                "Elasticsearch denies access; documents are held and tried again for ever"
            }
            Fault::Unexpected => {
                "what answers is not Elasticsearch's bulk API; documents are held and tried again for ever"
            }
            _ => "Elasticsearch is busy or not available; documents are sent again",
        };
        if fault == Fault::Busy {
            tracing::warn!(host, reason = text, silent, "{message}");
        } else {
            tracing::error!(host, reason = text, silent, "{message}");
        }
    }

    async fn pause(&mut self) {
        let ceiling = self.backoff.next_ceiling();
        let wait = self.shared.pool.jitter().up_to(ceiling);
        tokio::time::sleep(wait).await;
    }

    /// Splits the part where half of its bytes lie on either side.
    fn halve(&mut self, part: &Part) {
        self.wire = None;
        let len_of = |doc| span(&self.docs, doc, self.body.len()).len();
        let total: usize = part.docs().map(len_of).sum();
        let mut before = 0;
        let middle = part.docs().position(|doc| {
            before += len_of(doc);
            before * 2 >= total
        });
        self.plan.split(middle.map_or(1, |last| last + 1));
    }

    /// The part as it goes over the wire.
    async fn wire(&mut self, part: &Part) -> Wire {
        if let Some(wire) = &self.wire {
            return wire.clone();
        }
        let settings = &self.shared.settings;
        let lines = self.lines(part);
        let uncompressed_bytes = lines.len();
        let bytes = match settings.compression_level {
            0 => lines,
            level if lines.len() > GZIP_INLINE_MAX => gzip_elsewhere(lines, level).await,
            level => gzip(&lines, level),
        };
        let is_slice = settings.compression_level == 0 && matches!(part, Part::Run(_));
        let share = || Arc::new(settings.in_flight.share(bytes.len()));
        let wire = Wire {
            _share: (!is_slice).then(share),
            bytes,
            uncompressed_bytes,
        };
        self.wire = Some(wire.clone());
        wire
    }

    fn lines(&self, part: &Part) -> Bytes {
        let span = |doc| span(&self.docs, doc, self.body.len());
        match part {
            Part::Run(run) => {
                let start = span(run.start as usize).start;
                let end = span(run.end as usize - 1).end;
                self.body.slice(start..end)
            }
            Part::Picked(_) => {
                let mut lines = Vec::with_capacity(part.docs().map(|doc| span(doc).len()).sum());
                for doc in part.docs() {
                    lines.extend_from_slice(&self.body[span(doc)]);
                }
                Bytes::from(lines)
            }
        }
    }
}

/// What one attempt led to.
enum Outcome {
    /// The items that are not plain successes.
    Items(Vec<(u32, Item)>),
    /// Whether it was executed is unknown.
    NoAnswer(NoAnswer),
    /// An answer that says nothing that can be relied on.
    BadAnswer(String),
    /// The whole request was refused for now.
    Refused(Trouble, Reason),
    /// The whole request was refused for what is in it, or for its size.
    Halve(Reason),
}

impl Outcome {
    fn is_the_nodes_fault(&self) -> bool {
        match self {
            Outcome::NoAnswer(_) | Outcome::BadAnswer(_) => true,
            Outcome::Refused(trouble, _) => *trouble == Trouble::Unavailable,
            Outcome::Items(_) | Outcome::Halve(_) => false,
        }
    }
}

fn judge(answer: Answer, sent: usize) -> Outcome {
    let is_success = (200..300).contains(&answer.status);
    let error = (!is_success)
        .then(|| read_request_error(&answer.body))
        .flatten();
    let verdict = Rules::request(answer.status, error.as_ref());
    let reason = || {
        let (kind, text) = match error.clone() {
            Some(error) => (error.kind, error.text),
            None if answer.status == 413 => (
                "content_too_long".to_owned(),
                "the request is larger than Elasticsearch, or a proxy before it, takes (http.max_content_length)".to_owned(),
            ),
            None => ("http".to_owned(), excerpt(&answer.body)),
        };
        Reason {
            status: Some(answer.status),
            kind,
            text,
        }
    };
    match verdict {
        RequestVerdict::Read => match read_bulk(&answer.body, sent) {
            Ok(remarkable) => Outcome::Items(remarkable),
            Err(error) => Outcome::BadAnswer(error.to_string()),
        },
        RequestVerdict::Retry(trouble) => Outcome::Refused(trouble, reason()),
        RequestVerdict::Halve => Outcome::Halve(reason()),
    }
}

/// The start of a body that is no error of Elasticsearch's, for people.
fn excerpt(body: &[u8]) -> String {
    match body {
        [] => "the answer has no body".to_owned(),
        _ => String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(),
    }
}

fn fault(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Busy => Fault::Busy,
        Trouble::Unavailable => Fault::Unavailable,
        Trouble::Denied => Fault::Denied,
        Trouble::Unexpected => Fault::Unexpected,
    }
}

/// Compresses in a thread of its own, so that the other requests go on meanwhile.
async fn gzip_elsewhere(lines: Bytes, level: u32) -> Bytes {
    let again = lines.clone();
    let compressed = tokio::task::spawn_blocking(move || gzip(&lines, level)).await;
    // A runtime that ends starts no thread any more.
    compressed.unwrap_or_else(|_| gzip(&again, level))
}

fn gzip(lines: &[u8], level: u32) -> Bytes {
    let room = Vec::with_capacity(lines.len() / 6 + 64);
    let mut encoder = GzEncoder::new(room, Compression::new(level));
    // Writing to memory cannot fail.
    let written = encoder.write_all(lines);
    debug_assert!(written.is_ok());
    Bytes::from(encoder.finish().unwrap_or_default())
}
