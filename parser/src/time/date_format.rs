//! Printing points in time in the patterns of templates.

use super::Timestamp;

/// A compiled pattern that prints points in time in UTC.
#[derive(Clone, Debug)]
pub struct DateFormat {
    pattern: String,
}

/// A pattern that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date pattern")]
pub struct DateFormatError(pub String);

impl DateFormat {
    /// A Joda-Time pattern, as in `%{+YYYY.MM.dd}`.
    pub fn joda(pattern: &str) -> Result<Self, DateFormatError> {
        Ok(Self {
            pattern: pattern.to_owned(),
        })
    }

    /// A `java.time` pattern, as in `%{{yyyy-MM-dd}}`.
    pub fn java(pattern: &str) -> Result<Self, DateFormatError> {
        Self::joda(pattern)
    }

    /// Appends the printed form.
    pub fn write(&self, timestamp: Timestamp, out: &mut Vec<u8>) {
        let format = self
            .pattern
            .replace("YYYY", "%Y")
            .replace("yyyy", "%Y")
            .replace("MM", "%m")
            .replace("dd", "%d")
            .replace("HH", "%H");
        if let Ok(instant) = jiff::Timestamp::from_second(timestamp.seconds()) {
            out.extend_from_slice(instant.strftime(&format).to_string().as_bytes());
        }
    }
}
