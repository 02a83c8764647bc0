//! Document ids made of where a message lies in Kafka.
//!
//! A message that is delivered again gives the same id, so that writing it again with `create` changes
//! nothing. An id is made of, in this order:
//!
//! | letters | what | why there |
//! |---|---|---|
//! | 8 | the record's timestamp in milliseconds | ids rise in order of arrival; a topic that was made anew starts with other ids |
//! | 5 | a hash of topic and namespace | tells topics apart; does not depend on the cluster, which may move |
//! | 1 or more | the partition | |
//! | 2 or more | the offset | |
//! | none, 2 or more | the event's lineage, where it is not the message's own event | `split`, `clone`, a codec that makes several |
//!
//! Numbers are written with the 52 letters in an order that is the same in ASCII and in base64, at a length
//! that the first letter tells. Elasticsearch decodes an id that looks like base64 and stores the bytes; so
//! the text, filled up to a multiple of four letters, rises as do the 15 or 18 bytes that Lucene keeps. The
//! newest id is then greater than all those of older segments, which Lucene sees without looking into them.

use kelp_parser::event::{Lineage, same};
use kelp_parser::record::Origin;

use crate::output::Provenance;

const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE: u64 = LETTERS.len() as u64;
const TIMESTAMP_LETTERS: usize = 8;
const SCOPE_LETTERS: usize = 5;
/// Numbers below are one letter; the letters from here on tell how many follow.
const LONG_FROM: u64 = 40;

/// Makes ids for one worker.
#[derive(Debug, Default)]
pub(super) struct IdMaker {
    /// What the head of the last id was made of: many records in a row have it in common.
    topic: String,
    namespace: String,
    timestamp: i64,
    /// The last id.
    id: Vec<u8>,
}

impl IdMaker {
    /// The id of an event made of a Kafka record; `None` for others.
    pub(super) fn make(&mut self, from: &Provenance<'_>, lineage: Lineage) -> Option<&str> {
        let Origin::Kafka {
            topic,
            partition,
            offset,
        } = from.record.origin
        else {
            return None;
        };
        let timestamp = from.record.timestamp.map_or(0, |time| time.millis());
        let same_scope = same(&self.topic, topic) && same(&self.namespace, from.namespace);
        if !same_scope || self.timestamp != timestamp || self.id.is_empty() {
            topic.clone_into(&mut self.topic);
            from.namespace.clone_into(&mut self.namespace);
            self.timestamp = timestamp;
            self.id.clear();
            let millis = timestamp.try_into().unwrap_or(0);
            push_fixed(&mut self.id, millis, TIMESTAMP_LETTERS);
            let scope = scope(topic, from.namespace);
            push_fixed(&mut self.id, scope, SCOPE_LETTERS);
        }
        let id = &mut self.id;
        id.truncate(TIMESTAMP_LETTERS + SCOPE_LETTERS);
        push(id, partition.try_into().unwrap_or(0));
        push(id, offset.try_into().unwrap_or(0));
        if lineage != Lineage::default() {
            push(id, lineage.number());
        }
        while !id.len().is_multiple_of(4) {
            id.push(LETTERS[0]);
        }
        std::str::from_utf8(id).ok()
    }
}

/// Exactly `letters` letters; what does not fit becomes the greatest number that does.
fn push_fixed(out: &mut Vec<u8>, number: u64, letters: usize) {
    let mut number = number.min(BASE.pow(letters as u32) - 1);
    let start = out.len();
    out.resize(start + letters, LETTERS[0]);
    for letter in out[start..].iter_mut().rev() {
        *letter = LETTERS[(number % BASE) as usize];
        number /= BASE;
    }
}

/// As many letters as needed; greater numbers come later in the order of the text.
fn push(out: &mut Vec<u8>, number: u64) {
    if number < LONG_FROM {
        return out.push(LETTERS[number as usize]);
    }
    let mut letters = 1;
    while letters < 12 && number >= BASE.pow(letters) {
        letters += 1;
    }
    out.push(LETTERS[(LONG_FROM - 1) as usize + letters as usize]);
    let start = out.len();
    let mut rest = number;
    for _ in 0..letters {
        out.push(LETTERS[(rest % BASE) as usize]);
        rest /= BASE;
    }
    out[start..].reverse();
}

/// A hash that stays the same for ever: ids made by one version must be found by the next (FNV-1a, then
/// the finalizer of MurmurHash3, whose bits are all of use).
fn scope(topic: &str, namespace: &str) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in topic.bytes().chain([0]).chain(namespace.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    (hash ^ (hash >> 33)) % BASE.pow(SCOPE_LETTERS as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use kelp_parser::receipt::Receipts;
    use kelp_parser::record::Record;
    use kelp_parser::time::Timestamp;

    #[derive(Clone, Copy)]
    struct Place {
        topic: &'static str,
        namespace: &'static str,
        partition: i32,
        offset: i64,
        millis: Option<i64>,
        lineage: Lineage,
    }

    fn place() -> Place {
        Place {
            topic: "access",
            namespace: "",
            partition: 3,
            offset: 1_234_567,
            millis: Some(1_764_068_400_000),
            lineage: Lineage::default(),
        }
    }

    fn id(maker: &mut IdMaker, place: Place) -> String {
        let record = Record {
            payload: None,
            key: None,
            timestamp: place.millis.map(Timestamp::from_millis),
            origin: Origin::Kafka {
                topic: place.topic,
                partition: place.partition,
                offset: place.offset,
            },
            headers: &(),
        };
        let from = Provenance {
            record: &record,
            index: 0,
            namespace: place.namespace,
            receipts: &Receipts::new(1),
        };
        maker.make(&from, place.lineage).unwrap().to_owned()
    }

    /// A change of these would duplicate what is redelivered while Kelp is upgraded.
    #[test]
    fn ids_stay_the_same_for_ever() {
        let maker = &mut IdMaker::default();
        assert_eq!(id(maker, place()), "BlLpPDnkwCmUaDrIodjA");
        let child = Place {
            lineage: Lineage::default().child(0, 1),
            namespace: "paris",
            ..place()
        };
        assert_eq!(id(maker, child), "BlLpPDnkYWOCVDrIodjpCZAA");
    }

    #[test]
    fn each_coordinate_makes_another_id() {
        let maker = &mut IdMaker::default();
        let mut seen = HashSet::new();
        for topic in ["access", "error", "a", ""] {
            for namespace in ["", "paris"] {
                for partition in [0, 39, 40, 51, 52, 2_000, i32::MAX] {
                    for offset in [0, 39, 40, 51, 52, 2_703, 2_704, 1 << 40, i64::MAX] {
                        for millis in [None, Some(1), Some(1_764_068_400_000)] {
                            for lineage in [
                                Lineage::default(),
                                Lineage::decoded(1),
                                Lineage::default().child(0, 0),
                                Lineage::default().child(0, 0).child(1, 0),
                            ] {
                                let place = Place {
                                    topic,
                                    namespace,
                                    partition,
                                    offset,
                                    millis,
                                    lineage,
                                };
                                assert!(seen.insert(id(maker, place)));
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn ids_rise_with_time_and_offset_as_text_and_as_elasticsearch_stores_them() {
        let maker = &mut IdMaker::default();
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut last, mut last_bytes) = (String::new(), Vec::new());
        let mut at = Place {
            offset: 0,
            ..place()
        };
        for _ in 0..20_000 {
            let step = 1 << rng.u32(1..30);
            at.offset += rng.i64(1..=step);
            at.millis = at.millis.map(|millis| millis + rng.i64(0..3));
            let id = id(maker, at);
            let bytes = URL_SAFE_NO_PAD.decode(&id).unwrap();
            assert!(id > last && bytes > last_bytes, "{last} {id}");
            assert!(id.len() <= 28, "{id}");
            (last, last_bytes) = (id, bytes);
        }
    }

    #[test]
    fn a_usual_id_is_as_short_as_those_elasticsearch_makes() {
        assert_eq!(id(&mut IdMaker::default(), place()).len(), 20);
    }
}
