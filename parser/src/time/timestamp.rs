//! A point in time, as events carry it.

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z; years 0 to 9999 can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

impl Timestamp {
    /// `nanos` must be below 1,000,000,000; more is carried into the seconds.
    pub fn new(seconds: i64, nanos: u32) -> Self {
        Self {
            seconds: seconds + i64::from(nanos / 1_000_000_000),
            nanos: nanos % 1_000_000_000,
        }
    }

    /// From milliseconds since the epoch (Kafka's record timestamps).
    pub fn from_millis(millis: i64) -> Self {
        Self {
            seconds: millis.div_euclid(1000),
            nanos: (millis.rem_euclid(1000) as u32) * 1_000_000,
        }
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// Milliseconds since the epoch, rounded down.
    pub fn millis(self) -> i64 {
        self.seconds * 1000 + i64::from(self.nanos / 1_000_000)
    }

    /// Reads an ISO 8601 instant.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self::new(
            instant.as_second(),
            instant.subsec_nanosecond() as u32,
        ))
    }

    /// Appends the instant as ISO 8601 in UTC.
    pub fn write_iso8601(self, out: &mut Vec<u8>) {
        if let Ok(instant) = jiff::Timestamp::new(self.seconds, self.nanos as i32) {
            out.extend_from_slice(format!("{instant:.3}").as_bytes());
        }
    }
}
