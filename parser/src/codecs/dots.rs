//! `dots`: a dot for each event, to see how fast events pass (source: logstash-codec-dots).

use crate::codec::{BuildCodec, Codec, DecodeContext, Direction, EncodeError};
use crate::event::Event;
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};

plugin_options! {
    /// Writes a dot for each event; it reads nothing.
    pub struct DotsOptions for Codec "dots" {
    }
}

/// A dot for each event.
pub struct Dots;

impl BuildCodec for Dots {
    type Options = DotsOptions;

    const DIRECTION: Direction = Direction::Encode;

    fn build(_: DotsOptions, _: &mut Settings<'_>, _: EcsCompatibility) -> Option<Self> {
        Some(Self)
    }
}

impl Codec for Dots {
    /// Not reached: the codec is refused on inputs.
    fn decode<'a>(&self, _payload: &'a [u8], _context: &mut DecodeContext<'a, '_>) {}

    fn encode(&self, _event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(b'.');
        Ok(())
    }
}
