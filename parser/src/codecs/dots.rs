//! `dots`: a dot for each event, to see how fast events pass (source: logstash-codec-dots).

use crate::codec::{BuildCodec, Codec, DecodeContext};
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

    fn build(_: DotsOptions, _: &mut Settings<'_>, _: EcsCompatibility) -> Option<Self> {
        Some(Self)
    }
}

impl Codec for Dots {
    /// An event for each payload, with nothing of it.
    fn decode<'a>(&self, _payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let event = context.new_event();
        (context.emit)(event);
    }

    fn encode(&self, _event: &Event<'_>, out: &mut Vec<u8>) {
        out.push(b'.');
    }
}
