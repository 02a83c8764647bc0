//! One program under test, a server or the product: its folder, its log, its life and its end.
//!
//! It runs in a process group of its own (Elasticsearch is a launcher and the node), and every signal goes to the whole group.

use crate::guard::Guard;
use crate::{Error, Result};
use rustix::process::{Pid, Signal};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A start takes seconds; on a machine that is busy with builds it has taken a minute.
const START_TIMEOUT: Duration = Duration::from_secs(300);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const LOG_LINES: usize = 40;

/// A program that runs until it is stopped, at the latest when this is dropped or this process ends.
pub struct Service {
    name: &'static str,
    folder: PathBuf,
    child: Option<Child>,
    guard: Guard,
}

impl Service {
    /// Makes the folder: `folder` itself, which then stays, or one that is removed at the end (unless `KELP_KEEP` is set).
    pub fn new(name: &'static str, folder: Option<PathBuf>) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let keep = folder.is_some() || std::env::var_os("KELP_KEEP").is_some();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = || {
            std::env::temp_dir().join(format!(
                "kelp-{}-{}-{number}",
                name.to_lowercase(),
                std::process::id()
            ))
        };
        let folder = folder.unwrap_or_else(temporary);
        let folder = std::path::absolute(&folder).map_err(Error::io("find", &folder))?;
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let guard = Guard::new((!keep).then_some(folder.as_path()))?;
        Ok(Self {
            name,
            folder,
            child: None,
            guard,
        })
    }

    /// The folder for its data, with its log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id, which is also the id of its group.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Runs `command` and waits until `ready` says so, a failed start being reported with the end of the log.
    pub fn start(&mut self, command: &mut Command, mut ready: impl FnMut() -> bool) -> Result<()> {
        let log_path = self.log_path();
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .map_err(Error::io("open", &log_path))?;
        let errors = log.try_clone().map_err(Error::io("open", &log_path))?;
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io("run", Path::new(&program)))?;
        self.guard.watch(Some(child.id()))?;
        self.child = Some(child);
        let begun = Instant::now();
        while !ready() {
            if let Some(status) = self.exited() {
                self.kill()?;
                return Err(self.failed(format!("it ended with {status}")));
            }
            if begun.elapsed() > START_TIMEOUT {
                self.kill()?;
                return Err(self.failed(format!("not ready after {} s", START_TIMEOUT.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Whether it was started and has not ended since, by itself or otherwise.
    pub fn is_running(&mut self) -> bool {
        self.child.is_some() && self.exited().is_none()
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok()?
    }

    /// An error with the end of the log.
    pub(crate) fn failed(&self, reason: String) -> Error {
        Error::Start {
            server: self.name,
            reason,
            path: self.log_path(),
            log: self.log_tail(),
        }
    }

    /// SIGKILL: as a power failure would end it, but for what the operating system still holds.
    pub fn kill(&mut self) -> Result<()> {
        self.end(Signal::KILL).map(|_| ())
    }

    /// SIGTERM, and SIGKILL after half a minute. Returns how it ended, `None` if it did not run.
    pub fn stop(&mut self) -> Result<Option<ExitStatus>> {
        self.end(Signal::TERM)
    }

    fn end(&mut self, signal: Signal) -> Result<Option<ExitStatus>> {
        let Some(mut child) = self.child.take() else {
            return Ok(None);
        };
        let group = child.id();
        send(group, signal);
        send(group, Signal::CONT); // a frozen process would not see the SIGTERM
        let begun = Instant::now();
        let status = loop {
            let status = child.try_wait().map_err(Error::io("wait for", self.name))?;
            if status.is_some() && !group_runs(group) {
                break status;
            }
            if begun.elapsed() > STOP_TIMEOUT {
                send(group, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.guard.watch(None)?;
        Ok(status)
    }

    /// Freezes it (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) {
        self.pid().inspect(|&group| send(group, Signal::STOP));
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.pid().inspect(|&group| send(group, Signal::CONT));
    }

    /// Where its standard output and its standard error go.
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// The last lines of the log.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn send(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Whether any process of the group still runs. A zombie does not: its parent may never ask for it.
fn group_runs(group: u32) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        let pid = i32::try_from(group).ok().and_then(Pid::from_raw);
        return pid.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok());
    };
    processes.flatten().any(|process| {
        // "pid (name) state parent group ...", where the name may hold anything
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let mut fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace();
        let state = fields.next().unwrap_or_default();
        let in_group = fields.nth(1).and_then(|field| field.parse().ok()) == Some(group);
        in_group && !matches!(state, "Z" | "X")
    })
}
