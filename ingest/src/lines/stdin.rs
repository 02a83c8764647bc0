//! The `stdin` input.

use std::io::Read;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use kelp_parser::plugin_options;

use super::batch::Numbering;
use super::split::{Lines, Splitter};
use super::{Feed, LineInput, PATIENCE};
use crate::source::{Batch, InputError, Limits};

plugin_options! {
    /// Reads lines from standard input until its end.
    pub struct StdinInputOptions for Input "stdin" {
    }
}

impl LineInput {
    /// Reads `input` (standard input, but for tests) line by line; `delimiter` is that of the line codec.
    pub fn stdin(
        input: impl Read + Send + 'static,
        delimiter: &str,
        limits: Limits,
        to: (usize, Sender<Batch>),
    ) -> Result<Self, InputError> {
        let delimiter = delimiter.to_owned();
        let job = move |feed: Feed| {
            // A read of standard input cannot be interrupted, so it has a thread that nobody waits for.
            let (sender, blocks) = bounded(2);
            let reading = thread::Builder::new().name("stdin-read".to_owned());
            reading
                .spawn(move || read(input, &sender))
                .map_err(InputError::Thread)?;
            feed_lines(&feed, &blocks, &delimiter)
        };
        Self::start("stdin", limits, to, vec![job])
    }
}

fn read(mut input: impl Read, blocks: &Sender<std::io::Result<Vec<u8>>>) {
    loop {
        let mut block = vec![0; 64 << 10];
        let read = input.read(&mut block).map(|len| {
            block.truncate(len);
            block
        });
        let is_end = read.as_ref().is_ok_and(Vec::is_empty);
        if is_end
            || read
                .as_ref()
                .is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted)
        {
            if is_end {
                return;
            }
            continue;
        }
        let is_over = read.is_err();
        if blocks.send(read).is_err() || is_over {
            return;
        }
    }
}

fn feed_lines(
    feed: &Feed,
    blocks: &Receiver<std::io::Result<Vec<u8>>>,
    delimiter: &str,
) -> Result<(), InputError> {
    let mut splitter = Splitter::new(
        delimiter,
        feed.limits.batch_records,
        feed.limits.batch_bytes,
    );
    let source: Arc<str> = "stdin".into();
    let mut first = 0;
    let mut send = |lines: Lines| {
        let numbering = Numbering {
            source: source.clone(),
            first,
            stride: 1,
        };
        first += lines.spans.len() as u64;
        feed.send(lines.share(), numbering)
    };
    loop {
        match blocks.recv_timeout(PATIENCE.min(feed.limits.batch_delay)) {
            Ok(Ok(block)) => {
                let mut goes_on = true;
                splitter.push(&block, &mut |full| goes_on = goes_on && send(full));
                if !goes_on {
                    return Ok(());
                }
            }
            Ok(Err(source)) => {
                return Err(InputError::File {
                    path: "standard input".to_owned(),
                    source,
                });
            }
            Err(RecvTimeoutError::Timeout) => {
                let goes_on = splitter.take().is_none_or(&mut send);
                if !goes_on || feed.is_stopped() {
                    return Ok(());
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                splitter.finish().map(send);
                return Ok(());
            }
        }
    }
}
