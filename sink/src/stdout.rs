//! The output `stdout`: events on the standard output (source: logstash-output-stdout).
//!
//! A worker's batch is written in one piece, so that the events of several workers do not mix.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kelp_parser::codec::{Codec, build_codec};
use kelp_parser::config::Diagnostic;
use kelp_parser::config::ast::Plugin;
use kelp_parser::event::Event;
use kelp_parser::plugin_options;
use kelp_parser::record::RecordBatch;
use kelp_parser::spec::{CodecName, EcsCompatibility, PluginOptions, Settings};

use crate::counters::{Counters, Pending};
use crate::dead_letter::DeadLetters;
use crate::encoded::Encoded;
use crate::output::{
    Output, OutputCommon, OutputConfig, OutputStats, Provenance, StartContext, StartError, Writer,
};
use crate::unencodable::Unencodable;

plugin_options! {
    /// Writes events to the standard output.
    pub struct StdoutOptions for Output "stdout" {
        /// How events are printed. Default: `rubydebug`.
        pub codec: Option<CodecName>,
    }
}

/// The output, ready to start; also the running output, which has nothing to start.
pub struct Stdout {
    id: Option<String>,
    codec: Arc<dyn Codec>,
    dead_letters: Option<DeadLetters>,
    counters: Arc<Counters>,
    is_closed: Arc<AtomicBool>,
}

impl Stdout {
    /// Reads the settings; `None` after errors were reported.
    pub fn configure(
        plugin: &Plugin,
        ecs: EcsCompatibility,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Box<dyn OutputConfig>> {
        let mut settings = Settings::new(plugin, diagnostics);
        let common = OutputCommon::read(&mut settings, ecs);
        let options = StdoutOptions::read(&mut settings)?;
        let codec = options.codec.as_ref();
        let codec = build_codec(codec, "rubydebug", common.ecs, diagnostics)?;
        Some(Box::new(Self {
            id: common.id,
            codec: codec.into(),
            dead_letters: None,
            counters: Arc::default(),
            is_closed: Arc::default(),
        }))
    }
}

impl OutputConfig for Stdout {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn start(
        mut self: Box<Self>,
        context: &StartContext<'_>,
    ) -> Result<Box<dyn Output>, StartError> {
        let name = self.id.as_deref().unwrap_or("stdout");
        self.dead_letters = Some(context.dead_letters.for_output(context.pipeline, name));
        Ok(self)
    }
}

impl Output for Stdout {
    fn writer(&self) -> Box<dyn Writer> {
        Box::new(StreamWriter {
            stream: io::stdout(),
            codec: Arc::clone(&self.codec),
            unencodable: Unencodable::new(self.dead_letters.clone()),
            buffer: Encoded::default(),
            pending: Pending::default(),
            counters: Arc::clone(&self.counters),
            is_closed: Arc::clone(&self.is_closed),
        })
    }

    fn drain(self: Box<Self>, _within: Duration) -> u64 {
        self.counters.held()
    }

    fn stats(&self) -> OutputStats {
        self.counters.stats()
    }

    fn failure(&self) -> Option<&'static str> {
        let is_closed = self.is_closed.load(Ordering::Relaxed);
        is_closed.then_some("nobody reads the standard output any more")
    }
}

/// Writes batches to a stream.
struct StreamWriter<W> {
    stream: W,
    codec: Arc<dyn Codec>,
    unencodable: Unencodable,
    buffer: Encoded,
    pending: Pending,
    counters: Arc<Counters>,
    /// Set when the reader of the stream has gone.
    is_closed: Arc<AtomicBool>,
}

impl<W: Write + Send> Writer for StreamWriter<W> {
    fn write(&mut self, event: &Event<'_>, from: &Provenance<'_>) {
        let encoded = self.buffer.push(|out| self.codec.encode(event, out));
        match encoded {
            Ok(()) => self.pending.hold(from),
            Err(error) => self.unencodable.push(event, from, error),
        }
    }

    fn waiting_bytes(&self) -> usize {
        self.buffer.bytes().len() + self.unencodable.waiting_bytes()
    }

    fn flush(&mut self, batch: &Arc<dyn RecordBatch>) {
        self.unencodable.flush(batch);
        if self.pending.is_empty() {
            return;
        }
        let written = self
            .stream
            .write_all(self.buffer.bytes())
            .and_then(|()| self.stream.flush());
        self.buffer.clear();
        match written {
            Ok(()) => self.counters.written(self.pending.settle(batch.receipts())),
            Err(error) => {
                if error.kind() == io::ErrorKind::BrokenPipe {
                    self.is_closed.store(true, Ordering::Relaxed);
                }
                let events = self.pending.forget();
                tracing::error!(%error, events, "the standard output cannot be written; these events stay held");
                self.counters.given_up(events);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestBatch;
    use kelp_parser::event::Arena;
    use kelp_parser::time::Timestamp;

    /// Takes some bytes and then fails, as a closed pipe does.
    struct Pipe(Vec<u8>, usize);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() + bytes.len() > self.1 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn events_are_settled_when_they_are_written_and_held_when_they_cannot_be() {
        let counters = Arc::new(Counters::default());
        let codec = kelp_parser::codec::default_codec("json_lines", EcsCompatibility::Disabled);
        let mut writer = StreamWriter {
            stream: Pipe(Vec::new(), 150),
            codec: codec.unwrap().into(),
            unencodable: Unencodable::new(None),
            buffer: Encoded::default(),
            pending: Pending::default(),
            counters: Arc::clone(&counters),
            is_closed: Arc::default(),
        };
        let mut holds = Vec::new();
        for _ in 0..2 {
            let batch = Arc::new(TestBatch::of(&[b"a", b"b"]));
            let arena = Arena::new();
            for index in 0..2 {
                let event = Event::new(&arena, Timestamp::from_millis(0));
                let from = Provenance {
                    record: &batch.record(index),
                    index: index as u32,
                    namespace: "",
                    receipts: batch.receipts(),
                };
                writer.write(&event, &from);
            }
            let shared: Arc<dyn RecordBatch> = batch.clone();
            writer.flush(&shared);
            holds.push(batch.holds());
        }
        assert_eq!(holds, [[0, 0], [1, 1]]);
        assert_eq!(
            String::from_utf8(writer.stream.0).unwrap().lines().count(),
            2
        );
        let stats = counters.stats();
        assert_eq!(
            (stats.acknowledged, stats.in_flight, stats.is_stalled),
            (2, 2, true)
        );
    }
}
