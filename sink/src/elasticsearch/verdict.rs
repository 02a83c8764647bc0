//! The one table that says what follows from a status, of an item and of a whole request.
//!
//! A fault of the cluster, of the network or of our rights is never a document's fault: it is
//! retried for ever and nothing is given up. Only what Elasticsearch says about a document itself
//! can send it to the dead letters.

use super::response::{Action, Item, ItemError, UNTYPED};

/// What follows for one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is stored (or removed, for a delete).
    Indexed,
    /// It was stored before: a repeated `create` with an id of our own making.
    Duplicate,
    /// Another version of it is stored. Settled and counted, as Logstash does.
    Conflict,
    /// Its error is one that the configuration says to drop (`drop_error_types`).
    Dropped,
    /// Send it again.
    Retry(Trouble),
    /// Send it again with fewer others; if it was alone, it can never be stored.
    TooLarge,
    /// It can never be stored: to the dead letters.
    Reject,
}

/// What follows for a whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestVerdict {
    /// Read its items.
    Read,
    /// Send all of it again.
    Retry(Trouble),
    /// Halve it until what is refused stands alone; a single document is rejected.
    Halve,
}

/// Why something is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The cluster has too much to do (429).
    Busy,
    /// The cluster or a shard is not there (5xx).
    Unavailable,
    /// We may not (401, 403): somebody has to change a password, a role or a block.
    Denied,
    /// An answer that Elasticsearch does not give to a bulk request: something else listens there.
    Unexpected,
}

/// What the configuration adds to the table.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Statuses of items that go to the dead letters, too (`dlq_custom_codes`).
    pub reject_statuses: Vec<u16>,
    /// Types of errors that are dropped (`drop_error_types`).
    pub drop_error_types: Vec<String>,
}

impl Rules {
    /// What follows for one document. With `has_derived_id` a conflict on a `create` means that the very
    /// same document is stored already.
    pub fn item(&self, item: &Item, has_derived_id: bool) -> Verdict {
        if let Some(error) = &item.error
            && self.drop_error_types.contains(&error.kind)
        {
            return Verdict::Dropped;
        }
        match (item.status, item.action) {
            (200..=299, _) => Verdict::Indexed,
            // A delete that found nothing has no error: what was to be gone is gone.
            (404, Action::Delete) if item.error.is_none() => Verdict::Indexed,
            (409, Action::Create) if has_derived_id => Verdict::Duplicate,
            (409, _) => Verdict::Conflict,
            (status, _) if self.reject_statuses.contains(&status) => Verdict::Reject,
            (429, _) if item.error.as_ref().is_some_and(is_too_large) => Verdict::TooLarge,
            (408 | 429, _) => Verdict::Retry(Trouble::Busy),
            (401 | 403, _) => Verdict::Retry(Trouble::Denied),
            (400..=499, _) => Verdict::Reject,
            (500..=599, _) => Verdict::Retry(Trouble::Unavailable),
            (0..=199 | 300..=399 | 600.., _) => Verdict::Retry(Trouble::Unexpected),
        }
    }

    /// What follows for a whole request; `error` is the error in its body, where Elasticsearch wrote it.
    pub fn request(status: u16, error: Option<&ItemError>) -> RequestVerdict {
        match status {
            200..=299 => RequestVerdict::Read,
            400 if error.is_some_and(is_about_the_body) => RequestVerdict::Halve,
            413 => RequestVerdict::Halve,
            429 if error.is_some_and(is_too_large) => RequestVerdict::Halve,
            408 | 429 => RequestVerdict::Retry(Trouble::Busy),
            401 | 403 => RequestVerdict::Retry(Trouble::Denied),
            500..=599 => RequestVerdict::Retry(Trouble::Unavailable),
            // 404 and 405 come from a wrong path or another server, 406 and 415 from one that does
            // not take NDJSON, 400 without Elasticsearch's error from a proxy.
            0..=199 | 300..=499 | 600.. => RequestVerdict::Retry(Trouble::Unexpected),
        }
    }
}

/// Whether a 429 says that an operation takes more memory than Elasticsearch has for all operations together (a tenth of its heap, unless
/// `indexing_pressure.memory.limit` says otherwise): that does not pass, however little else there is to do.
///
/// As in `rejected execution of primary operation [..., primary_operation_bytes=83887120, max_primary_bytes=51897958]`; older versions
/// write `max_coordinating_and_primary_bytes`.
fn is_too_large(error: &ItemError) -> bool {
    let number = |from: &str, until: &str| {
        let (_, rest) = error.text.split_once(from)?;
        let (_, rest) = rest.split_once(until)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..digits].parse::<u64>().ok()
    };
    error.kind.ends_with("rejected_execution_exception")
        && match (
            number("[", "_operation_bytes="),
            number(", max_", "_bytes="),
        ) {
            (Some(operation), Some(max)) => operation > max,
            _ => false,
        }
}

/// Whether a 400 of a whole request is about what is in its body, not about its address: a path
/// that Elasticsearch does not know is refused with a bare text.
fn is_about_the_body(error: &ItemError) -> bool {
    error.kind != UNTYPED && !error.text.contains("unrecognized parameter")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(action: Action, status: u16, kind: Option<&str>) -> Item {
        Item {
            action,
            status,
            error: kind.map(|kind| ItemError {
                kind: kind.to_owned(),
                text: String::new(),
            }),
        }
    }

    #[test]
    fn items_by_status_and_action() {
        use Action::*;
        use Verdict::*;
        let rules = Rules::default();
        let table = [
            (Index, 200, None, Indexed),
            (Index, 201, None, Indexed),
            (Create, 201, None, Indexed),
            (Update, 200, None, Indexed),
            (Delete, 200, None, Indexed),
            (Delete, 404, None, Indexed),
            (Delete, 404, Some("index_not_found_exception"), Reject),
            (Update, 404, Some("document_missing_exception"), Reject),
            (Index, 404, Some("index_not_found_exception"), Reject),
            (Index, 400, Some("document_parsing_exception"), Reject),
            (Index, 400, Some("mapper_parsing_exception"), Reject),
            (Index, 400, Some("index_closed_exception"), Reject),
            (Index, 400, Some("invalid_index_name_exception"), Reject),
            (Index, 400, Some("illegal_argument_exception"), Reject),
            (
                Create,
                409,
                Some("version_conflict_engine_exception"),
                Conflict,
            ),
            (
                Index,
                409,
                Some("version_conflict_engine_exception"),
                Conflict,
            ),
            (
                Update,
                409,
                Some("version_conflict_engine_exception"),
                Conflict,
            ),
            (
                Index,
                401,
                Some("security_exception"),
                Retry(Trouble::Denied),
            ),
            (
                Index,
                403,
                Some("cluster_block_exception"),
                Retry(Trouble::Denied),
            ),
            (
                Create,
                403,
                Some("security_exception"),
                Retry(Trouble::Denied),
            ),
            (Index, 408, None, Retry(Trouble::Busy)),
            (
                Index,
                429,
                Some("es_rejected_execution_exception"),
                Retry(Trouble::Busy),
            ),
            (
                Index,
                429,
                Some("cluster_block_exception"),
                Retry(Trouble::Busy),
            ),
            (Index, 413, None, Reject),
            (Index, 422, None, Reject),
            (Index, 500, None, Retry(Trouble::Unavailable)),
            (
                Index,
                503,
                Some("unavailable_shards_exception"),
                Retry(Trouble::Unavailable),
            ),
            (Index, 302, None, Retry(Trouble::Unexpected)),
            (Index, 0, None, Retry(Trouble::Unexpected)),
        ];
        for (action, status, kind, expected) in table {
            let item = item(action, status, kind);
            assert_eq!(rules.item(&item, false), expected, "{item:?}");
        }
    }

    #[test]
    fn a_conflict_is_a_duplicate_only_on_a_create_with_a_derived_id() {
        let rules = Rules::default();
        let conflict = Some("version_conflict_engine_exception");
        assert_eq!(
            rules.item(&item(Action::Create, 409, conflict), true),
            Verdict::Duplicate
        );
        assert_eq!(
            rules.item(&item(Action::Update, 409, conflict), true),
            Verdict::Conflict
        );
    }

    #[test]
    fn the_configuration_adds_statuses_to_reject_and_errors_to_drop() {
        let rules = Rules {
            reject_statuses: vec![403, 429],
            drop_error_types: vec!["index_closed_exception".to_owned()],
        };
        assert_eq!(
            rules.item(&item(Action::Index, 403, None), false),
            Verdict::Reject
        );
        let busy = item(Action::Index, 429, None);
        assert_eq!(rules.item(&busy, false), Verdict::Reject);
        assert_eq!(
            rules.item(
                &item(Action::Index, 400, Some("index_closed_exception")),
                false
            ),
            Verdict::Dropped
        );
        assert_eq!(
            rules.item(&item(Action::Index, 201, None), false),
            Verdict::Indexed
        );
    }

    #[test]
    fn what_is_larger_than_all_memory_for_operations_is_not_waited_for() {
        let texts = [
            (
                "rejected execution of primary operation [coordinating_and_primary_bytes=20972012, replica_bytes=0, all_bytes=20972012, primary_operation_bytes=83887120, max_primary_bytes=51897958]",
                true,
            ),
            (
                "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, coordinating_operation_bytes=12161, max_coordinating_and_primary_bytes=10240]",
                true,
            ),
            (
                "rejected execution of coordinating operation [coordinating_and_primary_bytes=8127, replica_bytes=0, all_bytes=8127, coordinating_operation_bytes=9288, max_coordinating_bytes=10240]",
                false,
            ),
            (
                "rejected execution of TimedRunnable{...} on EsThreadPoolExecutor[name = write]",
                false,
            ),
            ("", false),
        ];
        for (text, is_too_large) in texts {
            let error = ItemError {
                kind: "es_rejected_execution_exception".to_owned(),
                text: text.to_owned(),
            };
            let request = Rules::request(429, Some(&error));
            let mut item = item(Action::Create, 429, None);
            item.error = Some(error);
            let one = Rules::default().item(&item, true);
            let expected = match is_too_large {
                true => (RequestVerdict::Halve, Verdict::TooLarge),
                false => (
                    RequestVerdict::Retry(Trouble::Busy),
                    Verdict::Retry(Trouble::Busy),
                ),
            };
            assert_eq!((request, one), expected, "{text}");
        }
    }

    #[test]
    fn whole_requests_by_status() {
        use RequestVerdict::*;
        let about = |text: &str| ItemError {
            kind: "illegal_argument_exception".to_owned(),
            text: text.to_owned(),
        };
        let malformed = about("Malformed action/metadata line [1]");
        let address = about("request [/_bulk] contains unrecognized parameter: [x]");
        let path = ItemError {
            kind: UNTYPED.to_owned(),
            text: "no handler found for uri [/x/y/_bulk] and method [POST]".to_owned(),
        };
        let table = [
            (200, None, Read),
            (400, Some(&path), Retry(Trouble::Unexpected)),
            (400, Some(&malformed), Halve),
            (400, Some(&address), Retry(Trouble::Unexpected)),
            (400, None, Retry(Trouble::Unexpected)),
            (413, None, Halve),
            (401, None, Retry(Trouble::Denied)),
            (403, Some(&malformed), Retry(Trouble::Denied)),
            (404, None, Retry(Trouble::Unexpected)),
            (405, None, Retry(Trouble::Unexpected)),
            (406, Some(&malformed), Retry(Trouble::Unexpected)),
            (408, None, Retry(Trouble::Busy)),
            (429, Some(&malformed), Retry(Trouble::Busy)),
            (301, None, Retry(Trouble::Unexpected)),
            (500, None, Retry(Trouble::Unavailable)),
            (502, None, Retry(Trouble::Unavailable)),
            (503, None, Retry(Trouble::Unavailable)),
            (504, None, Retry(Trouble::Unavailable)),
        ];
        for (status, error, expected) in table {
            assert_eq!(
                Rules::request(status, error),
                expected,
                "{status} {error:?}"
            );
        }
    }

    #[test]
    fn no_status_gives_a_document_up_but_the_4xx_about_documents() {
        for status in 0..=u16::MAX {
            let verdict = Rules::default().item(&item(Action::Index, status, None), false);
            let given_up = matches!(verdict, Verdict::Reject | Verdict::Conflict);
            let may_be = (400..500).contains(&status) && ![401, 403, 408, 429].contains(&status);
            assert_eq!(given_up, may_be, "{status}");
        }
    }
}
