//! An Elasticsearch that stores nothing, in a process of its own so that its cost is not counted.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use kelp_sink::double::{Double, DoubleSettings};

/// Serves until standard input closes; each line there is answered with the documents and bulks seen so far.
pub fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let double = runtime.block_on(Double::start(DoubleSettings {
        null: true,
        ..DoubleSettings::default()
    }))?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", double.url())?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let seen = double.cluster().seen();
        let (docs, bulks) = (
            seen.docs.load(Ordering::Relaxed),
            seen.bulks.load(Ordering::Relaxed),
        );
        writeln!(out, "{docs} {bulks}")?;
        out.flush()?;
    }
    Ok(())
}

/// The running process.
pub struct NullSink {
    child: Child,
    answers: std::cell::RefCell<BufReader<std::process::ChildStdout>>,
    /// Its address.
    pub url: String,
}

impl NullSink {
    /// Starts it.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("null-sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut url = String::new();
        answers.read_line(&mut url)?;
        Ok(Self {
            child,
            answers: answers.into(),
            url: url.trim().to_owned(),
        })
    }

    /// Documents and bulk requests seen so far.
    pub fn seen(&self) -> Result<(u64, u64), Box<dyn Error>> {
        let mut stdin = self.child.stdin.as_ref().ok_or("no standard input")?;
        stdin.write_all(b"\n")?;
        let mut line = String::new();
        self.answers.borrow_mut().read_line(&mut line)?;
        let (docs, bulks) = line
            .trim()
            .split_once(' ')
            .ok_or("the null sink has ended")?;
        Ok((docs.parse()?, bulks.parse()?))
    }

    /// Waits until `docs` more than `before` have arrived.
    pub fn wait_for(&self, before: u64, docs: u64) -> Result<(), Box<dyn Error>> {
        let mut last = (before, std::time::Instant::now());
        loop {
            let (seen, _) = self.seen()?;
            if seen >= before + docs {
                return Ok(());
            }
            if seen > last.0 {
                last = (seen, std::time::Instant::now());
            }
            if last.1.elapsed() > Duration::from_secs(30) {
                return Err(format!("only {} of {docs} documents arrived", seen - before).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for NullSink {
    fn drop(&mut self) {
        // Closing its standard input ends it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
