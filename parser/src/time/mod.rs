//! Points in time, and the date formats that Logstash users write: Joda-Time and `java.time` patterns.

mod timestamp;

pub use timestamp::Timestamp;
