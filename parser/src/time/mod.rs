//! Points in time, and the date formats that Logstash users write: Joda-Time and `java.time` patterns.
//!
//! Nothing here reads a clock or the machine's time zone: both are passed in.

mod civil;
mod date_format;
mod date_parser;
mod digits;
mod iso8601;
mod java_time;
mod joda;
mod joda_iso;
mod locale;
mod timestamp;
mod zone;

pub(crate) use civil::{Date as CivilDate, days_in_month, iso_week, weekday};
pub(crate) use date_format::names::{MONTHS, WEEKDAYS};
pub use date_format::{DateFormat, DateFormatError};
pub use date_parser::DateParser;
pub use joda::{JodaPattern, Now, PatternError};
pub use locale::{Locale, UnknownLocale};
pub use timestamp::Timestamp;
pub use zone::{UnknownZone, Zone};
