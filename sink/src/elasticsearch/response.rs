//! Reads the answer to a bulk request.
//!
//! The answer to a request in which all went well, which is nearly every one, is compared with what
//! Elasticsearch is known to write and never parsed. Anything else goes through a typed parser that
//! keeps only the items that are not plain successes. An answer that is cut, is not JSON or does not
//! have one item per document says nothing that can be relied on, and is an error as a whole.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::reason::Reason;

/// The parts of the answer that we ask Elasticsearch for.
pub const FILTER_PATH: &str = "filter_path=errors,items.*.error,items.*.status";

/// What was to be done with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Store it, replacing what has its id.
    Index,
    /// Store it unless there is one with its id.
    Create,
    /// Change the one that has its id.
    Update,
    /// Remove the one that has its id.
    Delete,
}

impl Action {
    /// Its name in a bulk body.
    pub fn name(self) -> &'static str {
        match self {
            Action::Index => "index",
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }

    /// The action of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Index, Self::Create, Self::Update, Self::Delete]
            .into_iter()
            .find(|action| action.name() == name)
    }
}

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What was to be done.
    pub action: Action,
    /// Its own HTTP status.
    pub status: u16,
    /// The error, where there is one; a delete that found nothing has none.
    pub error: Option<ItemError>,
}

/// The error of an item or of a whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// Its type, as in `document_parsing_exception`.
    pub kind: String,
    /// What Elasticsearch says about it, and about its innermost cause.
    pub text: String,
}

impl Item {
    /// Why the document was refused.
    pub fn reason(&self) -> Reason {
        let (kind, text) = match &self.error {
            Some(error) => (error.kind.clone(), error.text.clone()),
            None => (
                "no_error_given".to_owned(),
                format!("the {} was refused without a reason", self.action.name()),
            ),
        };
        Reason {
            status: Some(self.status),
            kind,
            text,
        }
    }
}

/// An answer that says nothing that can be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// Cut short, an HTML page, or JSON of another shape.
    #[error("the answer to the bulk request is not what Elasticsearch sends ({0})")]
    Malformed(String),
    /// One item per document is expected.
    #[error("{sent} documents were sent but the answer has {received} items")]
    WrongLength {
        /// Documents in the request.
        sent: usize,
        /// Items in the answer.
        received: usize,
    },
}

/// Reads the answer to a bulk of `sent` documents: the items that are not plain successes, each with
/// the position of its document in the request.
pub fn read_bulk(body: &[u8], sent: usize) -> Result<Vec<(u32, Item)>, ResponseError> {
    if is_all_good(body, sent) {
        return Ok(Vec::new());
    }
    let parsed: BulkBody = serde_json::from_slice(body)
        .map_err(|error| ResponseError::Malformed(error.to_string()))?;
    if parsed.items.count != sent {
        return Err(ResponseError::WrongLength {
            sent,
            received: parsed.items.count,
        });
    }
    Ok(parsed.items.remarkable)
}

/// Whether the body is, byte for byte, an answer in which all of `sent` items are successes.
fn is_all_good(body: &[u8], sent: usize) -> bool {
    let Some(mut rest) = body.strip_prefix(br#"{"errors":false,"items":["#) else {
        return false;
    };
    for at in 0..sent {
        if at > 0 {
            let Some(after) = rest.strip_prefix(b",") else {
                return false;
            };
            rest = after;
        }
        let Some(after) = skip_good_item(rest) else {
            return false;
        };
        rest = after;
    }
    rest.trim_ascii_end() == b"]}"
}

fn skip_good_item(rest: &[u8]) -> Option<&[u8]> {
    const STATUS: &[u8] = br#"":{"status":2"#;
    let rest = rest.strip_prefix(br#"{""#)?;
    let rest = match rest.first()? {
        b'i' => rest.strip_prefix(b"index")?,
        b'c' => rest.strip_prefix(b"create")?,
        b'u' => rest.strip_prefix(b"update")?,
        _ => rest.strip_prefix(b"delete")?,
    };
    match rest.strip_prefix(STATUS)? {
        [b'0'..=b'9', b'0'..=b'9', b'}', b'}', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[derive(Deserialize)]
struct BulkBody {
    items: Items,
}

/// The items of an answer: how many, and those that are not plain successes.
struct Items {
    count: usize,
    remarkable: Vec<(u32, Item)>,
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;
        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items, A::Error> {
                let mut items = Items {
                    count: 0,
                    remarkable: Vec::new(),
                };
                while let Some(item) = seq.next_element_seed(ItemSeed)? {
                    if item.error.is_some() || !(200..300).contains(&item.status) {
                        items.remarkable.push((items.count as u32, item));
                    }
                    items.count += 1;
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

/// `{"create": {"status": 201, ...}}`
struct ItemSeed;

impl<'de> DeserializeSeed<'de> for ItemSeed {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
        struct ItemVisitor;
        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item with the name of its action")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let Some((action, body)) = map.next_entry::<Action, ItemBody>()? else {
                    return Err(serde::de::Error::custom("an item is empty"));
                };
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Item {
                    action,
                    status: body.status,
                    error: body.error.map(ErrorBody::summary),
                })
            }
        }
        deserializer.deserialize_map(ItemVisitor)
    }
}

#[derive(Deserialize)]
struct ItemBody {
    status: u16,
    #[serde(default)]
    error: Option<ErrorBody>,
}

/// An error: an object, or in some answers a bare text.
#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    Text(String),
    Object {
        #[serde(rename = "type", default)]
        kind: Option<String>,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        caused_by: Option<Box<ErrorBody>>,
    },
}

/// The type given to an error that is a bare text.
pub(super) const UNTYPED: &str = "untyped";

/// Longest reason that is kept: some carry a whole stack of executors.
const REASON_MAX_BYTES: usize = 2000;

impl ErrorBody {
    fn summary(self) -> ItemError {
        let (kind, mut text) = match &self {
            ErrorBody::Text(text) => (UNTYPED.to_owned(), text.clone()),
            ErrorBody::Object { kind, reason, .. } => (
                kind.clone().unwrap_or_else(|| UNTYPED.to_owned()),
                reason.clone().unwrap_or_default(),
            ),
        };
        if let Some(cause) = self.innermost_reason()
            && !text.contains(cause)
        {
            text.push_str("; caused by: ");
            text.push_str(cause);
        }
        if text.len() > REASON_MAX_BYTES {
            let cut = (0..=REASON_MAX_BYTES)
                .rev()
                .find(|at| text.is_char_boundary(*at));
            text.truncate(cut.unwrap_or(0));
            text.push_str("...");
        }
        ItemError { kind, text }
    }

    fn innermost_reason(&self) -> Option<&str> {
        match self {
            ErrorBody::Text(text) => Some(text),
            ErrorBody::Object {
                reason, caused_by, ..
            } => caused_by
                .as_ref()
                .and_then(|cause| cause.innermost_reason())
                .or(reason.as_deref()),
        }
    }
}

/// The error of a whole request, if the body is one that Elasticsearch wrote; a proxy's page is not.
pub fn read_request_error(body: &[u8]) -> Option<ItemError> {
    #[derive(Deserialize)]
    struct RequestError {
        error: ErrorBody,
    }
    let parsed: RequestError = serde_json::from_slice(body).ok()?;
    Some(parsed.error.summary())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_good(items: usize) -> String {
        let item = r#"{"create":{"status":201}}"#;
        format!(
            r#"{{"errors":false,"items":[{}]}}"#,
            vec![item; items].join(",")
        )
    }

    #[test]
    fn an_answer_in_which_all_went_well_has_nothing_remarkable() {
        for items in [1, 2, 3000] {
            assert!(is_all_good(all_good(items).as_bytes(), items));
            assert_eq!(read_bulk(all_good(items).as_bytes(), items), Ok(vec![]));
        }
        let mixed = r#"{"errors":false,"items":[{"index":{"status":200}},{"update":{"status":200}},{"delete":{"status":200}}]}"#;
        assert!(is_all_good(mixed.as_bytes(), 3));
    }

    #[test]
    fn the_number_of_items_must_be_that_of_the_documents() {
        for (sent, received) in [(2, 3), (3, 2), (1, 0)] {
            assert_eq!(
                read_bulk(all_good(received).as_bytes(), sent),
                Err(ResponseError::WrongLength { sent, received })
            );
        }
    }

    #[test]
    fn every_cut_of_an_answer_is_an_error() {
        let whole = r#"{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue"}}}]}"#;
        assert_eq!(read_bulk(whole.as_bytes(), 2).unwrap().len(), 1);
        for end in 0..whole.len() {
            assert!(read_bulk(&whole.as_bytes()[..end], 2).is_err(), "{end}");
        }
        let good = all_good(2);
        for end in 0..good.len() {
            assert!(read_bulk(&good.as_bytes()[..end], 2).is_err(), "{end}");
        }
    }

    #[test]
    fn other_things_than_an_answer_are_errors() {
        for body in [
            "",
            "<html>",
            "null",
            "[]",
            "{}",
            r#"{"errors":false}"#,
            r#"{"items":[{}]}"#,
            r#"{"items":[{"index":{}}]}"#,
        ] {
            assert!(read_bulk(body.as_bytes(), 1).is_err(), "{body}");
        }
    }

    #[test]
    fn an_unfiltered_answer_is_read_too() {
        let body = r#"{"took":203,"errors":true,"items":[
            {"index":{"_index":"m","_id":"1","_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}},
            {"create":{"_index":"m","_id":"1","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[1]: version conflict","index_uuid":"u","shard":"0","index":"m"}}},
            {"delete":{"_index":"m","_id":"x","_version":1,"result":"not_found","status":404}},
            {"index":{"_index":"m","_id":null,"status":400,"error":{"type":"document_parsing_exception","reason":"[1:7] failed to parse field [n]","caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"abc\""}}}}
        ]}"#;
        let remarkable = read_bulk(body.as_bytes(), 4).unwrap();
        let seen: Vec<_> = remarkable
            .iter()
            .map(|(at, item)| (*at, item.action, item.status, item.error.is_some()))
            .collect();
        assert_eq!(
            seen,
            [
                (1, Action::Create, 409, true),
                (2, Action::Delete, 404, false),
                (3, Action::Index, 400, true)
            ]
        );
        assert_eq!(
            remarkable[2].1.reason().to_string(),
            "400 document_parsing_exception: [1:7] failed to parse field [n]; caused by: For input string: \"abc\""
        );
    }

    #[test]
    fn a_request_error_is_told_from_a_proxys_page() {
        let body = r#"{"error":{"root_cause":[{"type":"parse_exception","reason":"request body is required"}],"type":"parse_exception","reason":"request body is required"},"status":400}"#;
        assert_eq!(
            read_request_error(body.as_bytes()).unwrap(),
            ItemError {
                kind: "parse_exception".to_owned(),
                text: "request body is required".to_owned()
            }
        );
        let text = r#"{"error":"Content-Type header [text/plain] is not supported","status":406}"#;
        assert!(
            read_request_error(text.as_bytes())
                .unwrap()
                .text
                .contains("text/plain")
        );
        for body in ["", "<html>400 Bad Request</html>", "{}", "\"error\""] {
            assert_eq!(read_request_error(body.as_bytes()), None);
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let reason = "é".repeat(REASON_MAX_BYTES);
        let body = format!(r#"{{"error":{{"type":"t","reason":"{reason}"}}}}"#);
        let text = read_request_error(body.as_bytes()).unwrap().text;
        assert!(text.len() <= REASON_MAX_BYTES + 3 && text.ends_with("é..."));
    }
}
