//! A `kelp` that reads lines from a test and writes files, without any server.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Generous: the machine may be busy.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A `kelp` that reads lines from this test and writes messages to a file.
pub struct Kelp {
    pub child: Child,
    folder: PathBuf,
}

impl Kelp {
    pub fn start(name: &str, config: &str, arguments: &[&str]) -> Self {
        let arguments = [&["-f", "pipeline.conf"], arguments].concat();
        Self::start_with(name, &[("pipeline.conf", config)], &arguments)
    }

    pub fn start_with(name: &str, files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("kelp-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        let log = fs::File::create(folder.join("log")).unwrap();
        let settings = "api.enabled: false\n";
        fs::write(folder.join("logstash.yml"), settings).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_kelp"))
            .args(["--path.data", "data", "--path.settings", "."])
            .args(["-w", "2"])
            .args(arguments)
            .env("FOLDER", &folder)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let kelp = Self { child, folder };
        kelp.wait_for_log("pipeline started", 1);
        kelp
    }

    pub fn write_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    pub fn write_config(&self, config: &str) {
        self.write("pipeline.conf", config);
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
    }

    pub fn hang_up(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(sent.success());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    #[track_caller]
    pub fn wait_for_log(&self, text: &str, times: usize) {
        wait_until(
            text,
            || self.log().matches(text).count() >= times,
            || self.log(),
        );
    }

    /// What it has written to `out`.
    pub fn lines(&self) -> Vec<String> {
        self.lines_of("out")
    }

    /// What it has written to a file.
    pub fn lines_of(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    pub fn wait_for_lines(&self, expected: &[&str]) {
        wait_until(
            "lines",
            || self.lines().len() >= expected.len(),
            || format!("{:?}\n{}", self.lines(), self.log()),
        );
        assert_eq!(self.lines(), expected);
    }

    /// Closes its standard input and waits for its end.
    pub fn end(&mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", self.log());
    }

    /// Closes its standard input and waits for its end.
    pub fn finish(mut self, expected: &[&str]) {
        self.end();
        assert_eq!(self.lines(), expected, "{}", self.log());
    }
}

impl Drop for Kelp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[track_caller]
fn wait_until(what: &str, done: impl Fn() -> bool, state: impl Fn() -> String) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < TIMEOUT,
            "waited for {what}; at last:\n{}",
            state()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
