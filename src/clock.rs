//! The time of day, which `kelp-parser` never reads itself.

use std::time::SystemTime;

use kelp_parser::time::Timestamp;

/// The time of day.
pub fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

/// A time as ISO 8601.
pub fn iso8601(time: SystemTime) -> String {
    let mut text = Vec::new();
    timestamp(time).write_iso8601(&mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// A time as the filters have it; times before 1970 are 1970.
pub fn timestamp(time: SystemTime) -> Timestamp {
    let since_epoch = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::new(since_epoch.as_secs() as i64, since_epoch.subsec_nanos())
}
