//! Offsets that are not there (any more): retention overtook this group, or the topic was truncated.
//!
//! librdkafka follows `auto_offset_reset` by itself and tells of it only in a log line; how much is missing
//! is known when the next message comes.

use std::collections::HashMap;

use tracing::warn;

/// What the consumer of one member has passed over.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// How often a position was not there.
    pub resets: u64,
    /// Messages that were gone before they were consumed.
    pub skipped_records: u64,
    /// Where consumption was to go on, for partitions whose next message has not come yet.
    open: HashMap<(String, i32), i64>,
}

impl Holes {
    /// librdkafka says that it has reset an offset.
    pub fn reset(&mut self, line: &str) {
        self.resets += 1;
        if let Some(Reset {
            topic,
            partition,
            from,
        }) = parse(line)
        {
            self.open.insert((topic.to_owned(), partition), from);
        }
        warn!("kafka: an offset is not there any more: {line}");
    }

    /// Whether a message is awaited that tells how large a hole is.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Messages `first` to `last` of a partition came.
    pub fn came(&mut self, topic: &str, partition: i32, (first, last): (i64, i64)) {
        let key = (topic.to_owned(), partition);
        let Some(&from) = self.open.get(&key) else {
            return;
        };
        // What was fetched before the reset lies before it.
        if last < from {
            return;
        }
        self.open.remove(&key);
        let skipped = (first - from).max(0);
        self.skipped_records += skipped as u64;
        if skipped > 0 {
            warn!(
                topic,
                partition,
                from,
                to = first,
                skipped,
                "messages were gone before they were consumed, or `auto_offset_reset` passed over them; keep them longer (retention.ms, retention.bytes) or consume faster"
            );
        }
    }

    /// The partition was taken away.
    pub fn forget(&mut self, topic: &str, partition: i32) {
        if !self.open.is_empty() {
            self.open.remove(&(topic.to_owned(), partition));
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Reset<'l> {
    topic: &'l str,
    partition: i32,
    from: i64,
}

/// Reads `TOPIC [PARTITION]: offset reset (at offset N ...` (source: `rd_kafka_offset_reset` in librdkafka).
fn parse(line: &str) -> Option<Reset<'_>> {
    let (place, rest) = line.split_once(": offset reset (at ")?;
    // Before the topic may stand the name of the client.
    let place = place.rsplit_once(": ").map_or(place, |(_, place)| place);
    let (topic, partition) = place.strip_suffix(']')?.rsplit_once(" [")?;
    let digits = rest.strip_prefix("offset ").unwrap_or(rest);
    let end = digits
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(digits.len());
    Some(Reset {
        topic,
        partition: partition.parse().ok()?,
        from: digits[..end].parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "logs.web [3]: offset reset (at offset 10 (leader epoch 0), broker 1) to cached BEGINNING offset offset 50 (leader epoch -1): fetch failed due to requested offset not available on the broker: Broker: Offset out of range";

    #[test]
    fn the_line_tells_where_consumption_was_to_go_on() {
        let expected = Reset {
            topic: "logs.web",
            partition: 3,
            from: 10,
        };
        assert_eq!(parse(LINE), Some(expected));
        let named = format!("[thrd:main]: {LINE}");
        assert_eq!(parse(&named).unwrap().topic, "logs.web");
        assert_eq!(parse("logs [0]: offset reset (at END)"), None);
        assert_eq!(parse("something else"), None);
    }

    #[test]
    fn the_size_of_a_hole_is_known_when_the_next_message_comes() {
        let mut holes = Holes::default();
        holes.reset(LINE);
        holes.came("logs.web", 3, (5, 9));
        holes.came("logs.web", 2, (50, 60));
        assert_eq!(holes.skipped_records, 0);
        holes.came("logs.web", 3, (50, 60));
        holes.came("logs.web", 3, (70, 80));
        assert_eq!((holes.resets, holes.skipped_records), (1, 40));
        assert!(holes.is_empty());
        holes.reset("an unknown line");
        assert_eq!((holes.resets, holes.is_empty()), (2, true));
    }
}
