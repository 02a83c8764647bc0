//! What goes wrong when servers are fetched, started and spoken to; each message names what to do next.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a server could not be had, started or asked.
#[derive(thiserror::Error)]
pub enum Error {
    /// A program that the harness calls is not installed.
    #[error("{tool} is missing: {hint}")]
    MissingTool {
        /// The program's name.
        tool: &'static str,
        /// How to get it.
        hint: &'static str,
    },
    /// No Java of the version a server needs.
    #[error(
        "{server} needs Java {minimum} or later, found {found}: install it (Debian: apt-get install openjdk-{minimum}-jdk-headless) \
         or name it with {variable}=/path/to/jdk"
    )]
    NoJava {
        /// Who needs it.
        server: &'static str,
        /// The least major version that will do.
        minimum: u32,
        /// What was found instead.
        found: String,
        /// The environment variable that names a JDK.
        variable: &'static str,
    },
    /// Maven could not bring a distribution.
    #[error("cannot download {what} with {command}:\n{output}")]
    Download {
        /// The distribution.
        what: String,
        /// The command line, to try by hand.
        command: String,
        /// The end of what Maven said.
        output: String,
    },
    /// A file or a process operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A folder that the unprivileged server user must reach is closed to it.
    #[error("{} is closed to other users, and Elasticsearch, which refuses to run as root, runs as user {uid}: {hint}", path.display())]
    Unreachable {
        /// The folder in the way.
        path: PathBuf,
        /// The user Elasticsearch runs as.
        uid: u32,
        /// The next step.
        hint: &'static str,
    },
    /// A server did not come up.
    #[error("{server} did not start: {reason}\n--- the end of {} ---\n{log}", path.display())]
    Start {
        /// Which one.
        server: &'static str,
        /// What was seen.
        reason: String,
        /// Where its log is.
        path: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// No free port.
    #[error("no free port on 127.0.0.1 between {from} and {to}")]
    NoPort {
        /// First port tried.
        from: u16,
        /// Last port tried.
        to: u16,
    },
    /// A server did not answer a request, or not with what it should.
    #[error("{request}: {reason}")]
    Request {
        /// Method and URL.
        request: String,
        /// What happened.
        reason: String,
    },
}

/// As [`Display`](fmt::Display), so that `unwrap` in a test shows a server's log line by line.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
