//! Points in time, and the date formats that Logstash users write: Joda-Time and `java.time` patterns.

mod date_format;
mod timestamp;

pub use date_format::{DateFormat, DateFormatError};
pub use timestamp::Timestamp;
