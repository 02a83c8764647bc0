//! The order in which Logstash walks the pairs of a hash option: it keeps them in a `java.util.HashMap`, so they come by the slots
//! of their keys there, and what one pair does may be seen by the next (`add_field`, `mapping` of `dissect`, `match` of `grok`).

/// Puts pairs that were written in some order into that of a `HashMap` to which they were added one by one.
pub(super) fn sort_by_slot<T>(pairs: &mut [T], key: impl Fn(&T) -> &str) {
    let last = slots(pairs.len()) - 1;
    // Stable, as pairs of one slot keep the order in which they came.
    pairs.sort_by_key(|pair| spread(hash_code(key(pair))) & last);
}

/// How many slots a map of so many pairs has: 16, and twice as many whenever more than three quarters would be taken.
fn slots(pairs: usize) -> u32 {
    let mut slots = 16;
    while pairs as u64 > u64::from(slots) / 4 * 3 {
        slots *= 2;
    }
    slots
}

/// Java's `String.hashCode`.
fn hash_code(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    })
}

fn spread(hash: u32) -> u32 {
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(keys: &[&str]) -> Vec<String> {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        sort_by_slot(&mut keys, |key| key);
        keys
    }

    #[test]
    fn pairs_come_as_in_a_java_map() {
        assert_eq!(sorted(&["message", "b"]), ["b", "message"]);
        assert_eq!(
            sorted(&["zz", "message", "b", "a1", ""]),
            ["zz", "a1", "", "b", "message"]
        );
        assert_eq!(hash_code("é日😀"), 33_781_887);
    }

    #[test]
    fn a_map_grows() {
        assert_eq!(
            [slots(0), slots(12), slots(13), slots(25)],
            [16, 16, 32, 64]
        );
    }
}
