//! `kelp ship FILE... --topic T`: follows files and writes their lines to Kafka, so that nobody needs a second agent.
//!
//! A position is saved only when everything before it is acknowledged: whatever happens, no line is lost. What was acknowledged and not
//! saved before a crash is found in the topic again by its marks, so that it is not written twice.

mod follow;
mod lines;
mod positions;
mod producer;
mod recover;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kelp_parser::regex::RegexError;
use tracing::{error, info, warn};

use crate::cli::{LogFormat, LogLevel, ShipArgs};
use crate::logging;
use crate::signals::{Signal, Signals};
use follow::{Followed, NoPattern, Reading};
use lines::Joining;
use positions::Saved;
use producer::{ShipError, Shipper};

/// How often the names of files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often positions are saved while there is something new.
const SAVE_EVERY: Duration = Duration::from_millis(250);
/// How long to rest when no file has grown.
const REST: Duration = Duration::from_millis(100);
/// How long the end waits for what is on its way.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// Why files cannot be shipped.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("--multiline: {0}")]
    Multiline(#[from] RegexError),
    #[error(
        "the positions in `{path}` cannot be read: {source}; remove the file to ship everything from the start"
    )]
    Positions {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "another kelp ship saves its positions in `{0}`: end it, or give this one a file of its own with --positions"
    )]
    Shared(PathBuf),
    #[error("cannot watch signals: {0}")]
    Signals(std::io::Error),
    #[error("--property takes NAME=VALUE, not `{0}`")]
    Property(String),
    #[error(transparent)]
    Pattern(#[from] NoPattern),
    #[error(transparent)]
    Ship(#[from] ShipError),
}

/// Runs the command.
pub fn run(args: &ShipArgs) -> ExitCode {
    logging::start(LogLevel::Info, LogFormat::Plain);
    match ship(args) {
        Ok(shipped) => {
            info!(events = shipped, "stopped");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            error!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn ship(args: &ShipArgs) -> Result<u64, Failure> {
    let signals = Signals::install().map_err(Failure::Signals)?;
    let path = args.positions.clone().unwrap_or_else(|| {
        let name = args.topic.replace('/', "_");
        PathBuf::from(format!("data/ship/{name}.json"))
    });
    let _lock = match positions::lock(&path) {
        Ok(lock) => Some(lock),
        Err(error) if error.kind() == ErrorKind::ResourceBusy => {
            return Err(Failure::Shared(path));
        }
        Err(error) => {
            warn!(path = %path.display(), %error, "the positions cannot be locked: see that no other kelp ship uses them");
            None
        }
    };
    let saved = positions::load(&path).map_err(|source| Failure::Positions {
        path: path.clone(),
        source,
    })?;
    let reading = Reading {
        joining: match &args.multiline {
            Some(beginning) => Joining::at(beginning)?,
            None => Joining::default(),
        },
        max_bytes: args.max_bytes,
        from_end: args.from_end,
    };
    let mut properties = Vec::new();
    for property in &args.property {
        let pair = property.split_once('=');
        let (name, value) = pair.ok_or_else(|| Failure::Property(property.clone()))?;
        properties.push((name.to_owned(), value.to_owned()));
    }
    let host = || gethostname::gethostname().to_string_lossy().into_owned();
    let mut headers = vec![("host", args.host.clone().unwrap_or_else(host))];
    headers.extend(args.service.clone().map(|service| ("service", service)));
    let shipper = Shipper::new(&args.kafka, &args.topic, &properties, headers)?;
    let since = saved.ends.clone();
    let mut shipping = Shipping {
        shipper,
        followed: Followed::new(&args.files, reading, saved.files.clone())?,
        is_found: false,
        saved: Saving {
            path,
            last: saved,
            at: Instant::now(),
            failing: false,
        },
        signals,
        stopping: false,
        shipped: 0,
    };
    match shipping.find(args, &properties, since.as_ref()) {
        true => shipping.run(args.once),
        false => Ok(0),
    }
}

struct Shipping {
    followed: Followed,
    /// Whether it is known, or cannot be, what is in the topic.
    is_found: bool,
    shipper: Shipper,
    signals: Signals,
    saved: Saving,
    stopping: bool,
    shipped: u64,
}

/// Saves how far files are shipped.
struct Saving {
    path: PathBuf,
    last: Saved,
    at: Instant,
    failing: bool,
}

impl Shipping {
    /// Finds out what is in the topic without the positions knowing of it. While the brokers cannot be reached there is nothing else to
    /// do but to hold on to the files, which may be rotated meanwhile. `false` if it was told to stop.
    fn find(
        &mut self,
        args: &ShipArgs,
        properties: &[(String, String)],
        since: Option<&BTreeMap<i32, i64>>,
    ) -> bool {
        let mut is_told_of = false;
        while !self.stopping {
            self.look();
            let Self {
                signals, stopping, ..
            } = self;
            let mut stopped = || is_told(signals, stopping);
            let found = recover::look(&args.kafka, &args.topic, properties, since, &mut stopped);
            match found {
                Ok(None) => {}
                Ok(Some(found)) => {
                    if !found.events.is_empty() {
                        info!(
                            events = found.events.len(),
                            "in the topic already, as the positions did not know"
                        );
                    }
                    if is_told_of {
                        info!("Kafka answers");
                    }
                    self.is_found = true;
                    self.followed.know(found.ends, found.events);
                    // From here on there may be events that they do not know of.
                    self.saved.save(&self.followed);
                    return true;
                }
                Err(error) if recover::may_pass(&error) => {
                    if !std::mem::replace(&mut is_told_of, true) {
                        warn!(%error, "Kafka cannot be asked yet what is in the topic; it is tried again");
                    }
                    self.rest(LOOK_EVERY);
                }
                Err(error) => {
                    warn!(
                        %error,
                        "the topic cannot be read; what was written just before a crash may be written again"
                    );
                    self.is_found = true;
                    return true;
                }
            }
        }
        false
    }

    fn look(&mut self) {
        self.followed.look();
        if self.followed.has_new() {
            // Its mark must be known before anything of it is in the topic.
            match self.is_found {
                true => self.saved.save(&self.followed),
                false => self.saved.save_files(&self.followed),
            }
        }
    }

    fn run(mut self, once: bool) -> Result<u64, Failure> {
        let mut looked: Option<Instant> = None;
        let ended = loop {
            if looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
                self.look();
                looked = Some(Instant::now());
            }
            match self.read(once) {
                Ok(true) => {}
                Ok(false) if once && self.followed.on_their_way() == 0 => break Ok(()),
                Ok(false) => self.rest(REST),
                Err(ShipError::Stopped) => break Ok(()),
                Err(error) => break Err(error),
            }
            if self.stopping {
                break Ok(());
            }
            self.saved.save_now_and_then(&self.followed);
        };
        self.shipper.flush(LAST_WAIT);
        let last = self.take_acknowledged();
        self.saved.save_last(&self.followed);
        let left = self.followed.on_their_way();
        if left > 0 {
            warn!(
                events = left,
                "not acknowledged; they are shipped again after the next start"
            );
        }
        ended.and(last)?;
        Ok(self.shipped)
    }

    /// Reads on, and takes what was acknowledged; whether any file had something.
    fn read(&mut self, complete: bool) -> Result<bool, ShipError> {
        let Self {
            followed,
            shipper,
            signals,
            stopping,
            ..
        } = self;
        let was_any = followed.read(complete, |path, event, origin| {
            shipper.send(path, &event, origin, &mut || is_told(signals, stopping))
        })?;
        self.take_acknowledged()?;
        Ok(was_any)
    }

    fn take_acknowledged(&mut self) -> Result<(), ShipError> {
        let (signals, stopping) = (&self.signals, &mut self.stopping);
        let acknowledged = self
            .shipper
            .acknowledged(&mut || is_told(signals, stopping))?;
        for (ticket, place) in acknowledged {
            self.followed.acknowledge(ticket, place);
            self.shipped += 1;
        }
        Ok(())
    }

    fn rest(&mut self, time: Duration) {
        self.stopping |= self.signals.wait(time) == Some(Signal::Stop);
    }
}

/// Whether it was told to stop.
fn is_told(signals: &Signals, stopping: &mut bool) -> bool {
    *stopping |= signals.wait(Duration::ZERO) == Some(Signal::Stop);
    *stopping
}

impl Saving {
    fn save_now_and_then(&mut self, followed: &Followed) {
        if self.at.elapsed() >= SAVE_EVERY {
            self.save(followed);
        }
    }

    /// Saves what is new.
    fn save(&mut self, followed: &Followed) {
        self.save_with(followed, Some(followed.ends()));
    }

    /// Saves what is new of files, while it is not known yet what is in the topic.
    fn save_files(&mut self, followed: &Followed) {
        self.save_with(followed, self.last.ends.clone());
    }

    /// Saves at the end: if nothing is left, the next start need not look for it in what others write until then.
    fn save_last(&mut self, followed: &Followed) {
        let ends = (!followed.is_settled()).then(|| followed.ends());
        self.save_with(followed, ends);
    }

    fn save_with(&mut self, followed: &Followed, ends: Option<BTreeMap<i32, i64>>) {
        self.at = Instant::now();
        let files = followed.positions();
        let saved = Saved { files, ends };
        if saved == self.last {
            return;
        }
        match positions::save(&self.path, &saved) {
            Ok(()) => {
                if std::mem::replace(&mut self.failing, false) {
                    info!(path = %self.path.display(), "positions are saved again");
                }
                self.last = saved;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(path = %self.path.display(), %error, "positions cannot be saved; it is tried again");
                }
            }
        }
    }
}
