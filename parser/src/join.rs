//! Joining records to events, for codecs whose events are made of several. The codec says where an event ends; whoever runs
//! the input keeps what is held, stream by stream.

use std::borrow::Cow;
use std::time::Duration;

use crate::codec::InvalidUtf8;
use crate::regex::Scratch;

/// How the lines of a stream, say a file or a partition, are joined to events.
pub trait Join: Send + Sync {
    /// The text of a record. Its lines are what is joined.
    fn text<'t>(&self, payload: &'t [u8], invalid_utf8: InvalidUtf8) -> Cow<'t, str>;

    /// Where an event ends: before this line, or behind it.
    fn place(&self, line: &str, held: Held, scratch: &mut Scratch) -> Place;

    /// After how long without a further line what is held counts as complete.
    fn flush_after(&self) -> Option<Duration>;
}

/// The lines of an event that has not ended yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub lines: usize,
    /// Their bytes, without line ends.
    pub bytes: usize,
}

/// Where an event ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// What was held ends before this line.
    pub ends_before: bool,
    /// This line is the last of its event.
    pub ends_behind: bool,
}
