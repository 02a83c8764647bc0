//! Values of the evaluator: small ones lie in the value, others on the heap behind a handle.

use std::sync::Arc;

use num_bigint::BigInt;

use super::class::Class;
use super::hash::RubyHash;
use crate::regex::Regex;
use crate::time::Timestamp;

/// A value. Copying it copies a handle, as assigning does in Ruby.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Val {
    Nil,
    True,
    False,
    Int(i64),
    Float(f64),
    /// A class or module.
    Class(Class),
    /// An object on the [`Heap`](super::heap::Heap).
    Ref(u32),
}

impl Val {
    pub(crate) fn bool(value: bool) -> Self {
        if value { Val::True } else { Val::False }
    }

    /// Everything but `nil` and `false` is true.
    pub(crate) fn truthy(self) -> bool {
        !matches!(self, Val::Nil | Val::False)
    }

    pub(crate) fn is_nil(self) -> bool {
        self == Val::Nil
    }
}

/// An object on the heap.
#[derive(Clone, Debug)]
pub(crate) enum Obj {
    Str(Text),
    Sym(Box<str>),
    /// Beyond 64 bits.
    Big(BigInt),
    /// A decimal number that is kept as written, as Logstash's json filter makes them.
    Decimal(Box<str>),
    Array(Vec<Val>),
    Hash(RubyHash),
    Range {
        first: Val,
        last: Val,
        exclusive: bool,
    },
    Regex(Regex, &'static str),
    Match(Box<MatchData>),
    Time(RubyTime),
    /// A `Date`, in days since 1970.
    Date(i64),
    /// A `Set`: its elements are the keys.
    Set(RubyHash),
    Uri(Box<Uri>),
    /// An `IPAddr` and the length of its network's prefix.
    Ip(std::net::IpAddr, u8),
    /// What `Marshal.dump` gives: a copy.
    Dumped(Val),
    Timestamp(Timestamp),
    Event(EventRef),
    Proc(Proc),
    Exception {
        class: Class,
        message: Box<str>,
    },
    /// What calls the block `new_event_block` of the filter.
    NewEventBlock,
    /// `map_meta` of the filter `aggregate`: the task whose map is at hand.
    MapMeta,
    /// `logger`
    Logger,
    /// What `each` and the like give without a block: the elements, already collected.
    Enumerator(Vec<Val>),
}

/// An event of a run: it is gone when the run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventRef {
    pub(crate) run: u64,
    pub(crate) number: u32,
}

/// The bytes of a string: text wherever possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Utf8(String),
    /// Binary, or text that is not valid UTF-8 (`utf8` is then set).
    Bytes {
        bytes: Vec<u8>,
        utf8: bool,
    },
}

impl Text {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Text::Utf8(text) => text.as_bytes(),
            Text::Bytes { bytes, .. } => bytes,
        }
    }

    /// The text of bytes that are said to be UTF-8.
    pub(crate) fn from_utf8(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Text::Utf8(text),
            Err(error) => Text::Bytes {
                bytes: error.into_bytes(),
                utf8: true,
            },
        }
    }

    /// As the event gets it: binary bytes are taken for ISO 8859-1, as JRuby does on its way to Java;
    /// broken UTF-8 gets replacement characters.
    pub(crate) fn to_event_text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Text::Utf8(text) => text.into(),
            Text::Bytes { bytes, utf8: true } => String::from_utf8_lossy(bytes),
            Text::Bytes { bytes, utf8: false } => {
                bytes.iter().map(|&byte| char::from(byte)).collect()
            }
        }
    }
}

/// A point in time with the offset in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RubyTime {
    pub(crate) at: Timestamp,
    /// Seconds east of UTC.
    pub(crate) offset: i32,
    /// Shown as `UTC` rather than `+0000`.
    pub(crate) utc: bool,
    /// It is a `DateTime`.
    pub(crate) date_time: bool,
}

impl RubyTime {
    /// A `Time`, shown at an offset of so many seconds east of UTC.
    pub(crate) fn new(at: Timestamp, offset: i32, utc: bool) -> Self {
        Self {
            at,
            offset,
            utc,
            date_time: false,
        }
    }
}

/// The parts of a `URI`.
#[derive(Clone, Debug)]
pub(crate) struct Uri {
    pub(crate) text: String,
    pub(crate) scheme: Option<String>,
    pub(crate) userinfo: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) fragment: Option<String>,
}

/// What a regular expression found.
#[derive(Clone, Debug)]
pub(crate) struct MatchData {
    /// What was searched, which all matches of one `gsub` or the like share.
    pub(crate) text: Arc<str>,
    /// Byte spans of the whole match and of the groups.
    pub(crate) spans: Vec<Option<(usize, usize)>>,
    pub(crate) regex: Regex,
}

impl MatchData {
    /// What a group matched.
    pub(crate) fn group(&self, group: usize) -> Option<&str> {
        let (start, end) = (*self.spans.get(group)?)?;
        self.text.get(start..end)
    }

    /// The number of a named group: the last of that name that took part in the match.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        let (_, groups) = self.regex.capture_names().find(|(have, _)| *have == name)?;
        let taken = groups
            .iter()
            .rev()
            .find(|&&group| matches!(self.spans.get(group as usize), Some(Some(_))));
        taken.or(groups.last()).map(|&group| group as usize)
    }
}

/// A block that was made an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proc {
    Block {
        /// The number of its code in the program.
        block: u32,
        /// The variables around it.
        env: u32,
        /// The run in which it was made.
        run: u64,
        /// Arguments are counted and `return` leaves the block only.
        lambda: bool,
    },
    /// `&:name`
    Symbol(super::names::M),
    /// `method(:name)`
    Method(u32),
}
