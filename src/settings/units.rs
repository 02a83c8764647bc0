//! Numbers with units, as Logstash writes them.

use std::time::Duration;

fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

/// Longer than any process runs, in seconds, and short enough to be added to any time.
const FOREVER: f64 = u32::MAX as f64;

/// `3s`, `500ms`, `2m`, ... (source: `LogStash::Util::TimeValue`).
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let seconds = match unit {
        "nanos" => number / 1e9,
        "micros" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        "d" => number * 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds.min(FOREVER)).ok()
}

/// `1024mb`, `64`, ...; units are powers of 1024, as in Logstash.
pub(super) fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1u64,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        "p" | "pb" | "pib" => 1 << 50,
        _ => return None,
    };
    Some((number * scale as f64) as u64)
}

/// `9600`, or `9600-9700`.
pub(super) fn parse_ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let ports = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (ports.0 <= ports.1).then_some(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_times_and_ports_are_read_in_logstash_s_units() {
        assert_eq!(parse_bytes("1024mb"), Some(1 << 30));
        assert_eq!(parse_bytes("12 parsecs"), None);
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("5"), None);
        let long = parse_duration("99999999999999d").unwrap();
        assert!(std::time::Instant::now().checked_add(long).is_some());
        assert_eq!(parse_ports("9600-9700"), Some((9600, 9700)));
        assert_eq!(parse_ports("9700-9600"), None);
    }
}
