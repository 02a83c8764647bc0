//! What the process is told from outside.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// End orderly (SIGTERM, Ctrl-C).
    Stop,
    /// Load the configuration again (SIGHUP).
    Reload,
}

/// The requests that come in. A second request to stop ends the process at once.
pub struct Signals {
    received: Receiver<Signal>,
}

impl Signals {
    /// Starts watching.
    pub fn install() -> std::io::Result<Self> {
        let mut signals = iterator::Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let (sender, received) = crossbeam_channel::unbounded();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let mut stopping = false;
                for signal in signals.forever() {
                    let request = match signal {
                        SIGHUP => Signal::Reload,
                        _ if stopping => std::process::exit(130),
                        _ => {
                            stopping = true;
                            Signal::Stop
                        }
                    };
                    if sender.send(request).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self { received })
    }

    /// The next request, waiting for it for at most `timeout`.
    pub fn wait(&self, timeout: Duration) -> Option<Signal> {
        match self.received.recv_timeout(timeout) {
            Ok(signal) => Some(signal),
            Err(RecvTimeoutError::Timeout) => None,
            // The watching thread is gone, and with it all further requests.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(timeout);
                None
            }
        }
    }
}
