//! The `kelp` program.

use super::{Servers, Topic};
use kelp_harness::Service;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// A `kelp` with a configuration of its own. It can be killed and started again, its state being kept.
pub struct Kelp {
    service: Service,
    command: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

impl Kelp {
    /// Starts it with `config`, in which `${KAFKA}`, `${ELASTICSEARCH}`, `${TOPIC}`, `${GROUP}` and `${INDEX}` stand for this test's. Group
    /// and index are named as the topic.
    pub fn start(servers: &Servers, topic: &Topic, config: &str, arguments: &[&str]) -> Self {
        Self::start_with(servers, topic, config, arguments, &[])
    }

    /// As [`start`](Self::start), with more environment variables.
    pub fn start_with(
        servers: &Servers,
        topic: &Topic,
        config: &str,
        arguments: &[&str],
        variables: &[(&'static str, String)],
    ) -> Self {
        let files = [("pipeline.conf", config)];
        let arguments = [&["-f", "pipeline.conf"], arguments].concat();
        Self::start_files(servers, topic, &files, &arguments, variables)
    }

    /// Starts it in a folder with these files.
    pub fn start_files(
        servers: &Servers,
        topic: &Topic,
        files: &[(&str, &str)],
        arguments: &[&str],
        variables: &[(&'static str, String)],
    ) -> Self {
        let service = Service::new("kelp", None).unwrap();
        let folder = service.folder().to_owned();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        let mut command = Vec::new();
        command.extend([
            "--path.data".to_owned(),
            format!("{}/data", folder.display()),
        ]);
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut all = vec![
            ("KAFKA", servers.kafka.bootstrap()),
            ("ELASTICSEARCH", servers.elasticsearch.url()),
            ("TOPIC", topic.name.clone()),
            ("GROUP", topic.name.clone()),
            ("INDEX", topic.name.clone()),
        ];
        for (name, value) in variables {
            all.retain(|(known, _)| known != name);
            all.push((name, value.clone()));
        }
        let mut kelp = Self {
            service,
            command,
            variables: all,
        };
        kelp.run();
        kelp
    }

    /// Starts it again after [`kill`](Self::kill) or [`terminate`](Self::terminate).
    pub fn run(&mut self) {
        let mut command = Command::new(program());
        command
            .args(&self.command)
            .envs(self.variables.iter().cloned())
            .current_dir(self.service.folder());
        self.service.start(&mut command, || true).unwrap();
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        assert!(
            self.service.is_running(),
            "kelp ended by itself:\n{}",
            self.service.log_tail()
        );
        self.service.kill().unwrap();
    }

    /// SIGSTOP: it holds what it has, and its group takes it for dead.
    pub fn pause(&self) {
        self.service.pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.service.resume();
    }

    /// Changes its configuration, and has it loaded (SIGHUP).
    pub fn reconfigure(&self, config: &str) {
        fs::write(self.service.folder().join("pipeline.conf"), config).unwrap();
        let pid = self.service.pid().unwrap().to_string();
        let sent = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has logged `text` so many times.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str, times: usize) {
        super::wait_until(
            text,
            120,
            || self.log().matches(text).count(),
            |&count| count >= times,
        );
    }

    /// SIGTERM; returns how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        assert!(
            self.service.is_running(),
            "kelp ended by itself:\n{}",
            self.service.log_tail()
        );
        self.service.stop().unwrap().unwrap()
    }

    /// Panics unless it still runs.
    #[track_caller]
    pub fn assert_running(&mut self) {
        assert!(
            self.service.is_running(),
            "kelp ended by itself:\n{}",
            self.service.log_tail()
        );
    }

    /// The most memory it has had resident since it was started, MiB.
    pub fn peak_memory_mb(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.service.pid().unwrap())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// What it has used of the processors since it was started.
    pub fn cpu_seconds(&self) -> f64 {
        super::cpu_seconds(self.service.pid().unwrap())
    }

    /// The directory of its state.
    pub fn data(&self) -> PathBuf {
        self.service.folder().join("data")
    }

    /// Runs `kelp dlq` on its dead letters; returns what it says on standard output, and panics if it fails.
    #[track_caller]
    pub fn dlq(&self, arguments: &[&str]) -> String {
        let done = Command::new(program())
            .arg("dlq")
            .args(arguments)
            .arg("--path.data")
            .arg(self.data())
            .envs(self.variables.iter().cloned())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            done.status.success(),
            "{}{}",
            text(&done.stdout),
            text(&done.stderr)
        );
        text(&done.stdout)
    }

    /// What `kelp health` says of it: a colour, and what is the matter.
    pub fn health(&self) -> String {
        self.wait_for_log("api on http://", 1);
        let log = self.log();
        let (_, address) = log.rsplit_once("api on http://").unwrap();
        let (address, _) = address.split_once(": ").unwrap();
        let done = Command::new(program())
            .args(["health", "--api", address])
            .output()
            .unwrap();
        String::from_utf8(done.stdout).unwrap()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.service.log_path()).unwrap()).into_owned()
    }

    /// Its dead letters, as JSON.
    pub fn dead_letters(&self) -> Vec<serde_json::Value> {
        let mut letters = Vec::new();
        let mut folders = vec![self.data().join("dead_letter_queue")];
        while let Some(folder) = folders.pop() {
            let mut paths: Vec<PathBuf> = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .collect();
            paths.sort();
            for path in paths {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = fs::read_to_string(&path).unwrap();
                    letters.extend(
                        text.lines()
                            .filter(|line| line.starts_with('{'))
                            .map(read_letter),
                    );
                }
            }
        }
        letters
    }
}

/// A dead letter; of one that nests too deep for a `Value` the deep parts are null.
fn read_letter(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|_| {
        let parts: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(line).unwrap();
        let read = |part: &serde_json::value::RawValue| serde_json::from_str(part.get());
        let parts = parts
            .iter()
            .map(|(name, part)| (name.clone(), read(part).unwrap_or_default()));
        serde_json::Value::Object(parts.collect())
    })
}

/// A `kelp ship` to be run in a folder.
pub fn ship(folder: &Path, kafka: &str, topic: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(["ship", "--topic", topic, "--kafka", kafka])
        .args(arguments)
        .current_dir(folder);
    command
}

/// The one that was built with the tests, unless `KELP_BINARY` names another, such as a release build.
fn program() -> String {
    let built = env!("CARGO_BIN_EXE_kelp").to_owned();
    std::env::var("KELP_BINARY").unwrap_or(built)
}

impl Drop for Kelp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of kelp's log ---\n{}", self.service.log_tail());
        }
    }
}
