//! Reloading, on lines from standard input: what is read before and after runs through the configuration of its time, once.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Generous: the machine may be busy.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A `kelp` that reads lines from this test and writes messages to a file.
struct Kelp {
    child: Child,
    folder: PathBuf,
}

impl Kelp {
    fn start(name: &str, config: &str, arguments: &[&str]) -> Self {
        let arguments = [&["-f", "pipeline.conf"], arguments].concat();
        Self::start_with(name, &[("pipeline.conf", config)], &arguments)
    }

    fn start_with(name: &str, files: &[(&str, &str)], arguments: &[&str]) -> Self {
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

    fn write_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    fn write_config(&self, config: &str) {
        self.write("pipeline.conf", config);
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
    }

    fn hang_up(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(sent.success());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    #[track_caller]
    fn wait_for_log(&self, text: &str, times: usize) {
        wait_until(
            text,
            || self.log().matches(text).count() >= times,
            || self.log(),
        );
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("out")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn wait_for_lines(&self, expected: &[&str]) {
        wait_until(
            "lines",
            || self.lines().len() >= expected.len(),
            || format!("{:?}\n{}", self.lines(), self.log()),
        );
        assert_eq!(self.lines(), expected);
    }

    /// Closes its standard input and waits for its end.
    fn finish(mut self, expected: &[&str]) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", self.log());
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

fn config(version: &str) -> String {
    format!(
        r#"input {{ stdin {{ }} }}
           filter {{ mutate {{ replace => {{ "message" => "{version} %{{message}}" }} }} }}
           output {{ file {{ path => "${{FOLDER}}/out" codec => line {{ format => "%{{message}}" }} }} }}"#
    )
}

#[test]
fn a_reload_takes_effect_and_the_input_goes_on() {
    let mut kelp = Kelp::start("reload", &config("old"), &[]);
    kelp.write_line("1");
    kelp.wait_for_lines(&["old 1"]);
    kelp.write_config(&config("new"));
    kelp.hang_up();
    kelp.wait_for_log(": reloaded pipeline=", 1);
    kelp.write_line("2");
    kelp.wait_for_lines(&["old 1", "new 2"]);
    kelp.finish(&["old 1", "new 2"]);
}

#[test]
fn a_changed_file_is_noticed() {
    let mut kelp = Kelp::start("notice", &config("old"), &["-r"]);
    kelp.write_config(&config("new"));
    kelp.wait_for_log(": reloaded pipeline=", 1);
    kelp.write_line("1");
    kelp.finish(&["new 1"]);
}

#[test]
fn what_is_broken_or_cannot_start_changes_nothing_and_says_why() {
    let mut kelp = Kelp::start("broken", &config("old"), &[]);
    let broken = [
        (
            config("new").replace("replace", "replaec"),
            "did you mean `replace`?",
        ),
        (String::new(), "the configuration has no input"),
        (
            config("new").replace("stdin {", "generator { count => 1 } stdin {"),
            "standard input cannot be opened again",
        ),
        (
            config("new").replace(
                "output {",
                "output { elasticsearch { ssl_certificate_authorities => \"/no/such/file\" }",
            ),
            "/no/such/file",
        ),
    ];
    for (attempt, (config, why)) in broken.iter().enumerate() {
        kelp.write_config(config);
        kelp.hang_up();
        kelp.wait_for_log("the pipeline goes on as it was", attempt + 1);
        kelp.wait_for_log(why, 1);
    }
    kelp.write_line("1");
    kelp.wait_for_lines(&["old 1"]);
    kelp.write_config(&config("new"));
    kelp.hang_up();
    kelp.wait_for_log(": reloaded pipeline=", 1);
    kelp.write_line("2");
    kelp.finish(&["old 1", "new 2"]);
}

/// An output that cannot deliver must not keep a better one out.
#[test]
fn an_output_that_cannot_deliver_is_replaced_after_the_timeout() {
    let unreachable = "output { elasticsearch { hosts => \"127.0.0.1:9\" index => \"i\" }";
    let stuck = config("old").replace("output {", unreachable);
    let mut kelp = Kelp::start("stuck", &stuck, &["--shutdown-timeout", "1"]);
    kelp.write_line("1");
    kelp.wait_for_lines(&["old 1"]);
    kelp.write_config(&config("new"));
    kelp.hang_up();
    kelp.wait_for_log(": reloaded pipeline=", 1);
    assert!(kelp.log().contains("goes on trying"), "{}", kelp.log());
    kelp.write_line("2");
    kelp.wait_for_lines(&["old 1", "new 2"]);
}

/// Pipelines of a list are reloaded, added and removed each by itself.
#[test]
fn pipelines_of_a_list_come_change_and_go_by_themselves() {
    let list = |entries: &[(&str, &str)]| {
        let entry =
            |(id, config): &(&str, &str)| format!("- pipeline.id: {id}\n  path.config: {config}\n");
        entries.iter().map(entry).collect::<String>()
    };
    let endless = |name: &str| {
        format!(
            "input {{ generator {{ count => 1 message => '{name}' }} generator {{ message => '{name}' }} }}
             filter {{ if [event][sequence] != 0 {{ drop {{ }} }} }}
             output {{ file {{ path => '${{FOLDER}}/{name}' }} }}"
        )
    };
    let (steady, second) = (endless("steady"), endless("second"));
    let both = list(&[("main", "pipeline.conf"), ("steady", "steady.conf")]);
    let files = [
        ("pipelines.yml", both.as_str()),
        ("pipeline.conf", &config("old")),
        ("steady.conf", &steady),
        ("second.conf", &second),
    ];
    let mut kelp = Kelp::start_with("list", &files, &["-r", "--config.reload.interval", "100ms"]);
    kelp.wait_for_log("pipeline started", 2);
    kelp.write_line("1");
    kelp.wait_for_lines(&["old 1"]);

    kelp.write_config(&config("new"));
    kelp.wait_for_log(": reloaded pipeline=\"main\"", 1);
    kelp.write_line("2");
    kelp.wait_for_lines(&["old 1", "new 2"]);

    let other = list(&[("main", "pipeline.conf"), ("second", "second.conf")]);
    kelp.write("pipelines.yml", &other);
    kelp.wait_for_log("pipeline removed pipeline=\"steady\"", 1);
    kelp.wait_for_log("pipeline started pipeline=\"second\"", 1);

    kelp.write("pipelines.yml", "- pipeline.id: [");
    kelp.wait_for_log("the pipelines go on as they were", 1);
    kelp.write("pipelines.yml", &list(&[("main", "pipeline.conf")]));
    kelp.wait_for_log("pipeline removed pipeline=\"second\"", 1);
    assert_eq!(
        kelp.log().matches(": reloaded pipeline=").count(),
        1,
        "{}",
        kelp.log()
    );
    kelp.write_line("3");
    kelp.finish(&["old 1", "new 2", "new 3"]);
}

/// One that cannot start keeps no other from running, and is seen in the exit code.
#[test]
fn a_broken_pipeline_of_a_list_keeps_no_other_from_running() {
    let list = "- pipeline.id: main\n  path.config: pipeline.conf\n- pipeline.id: broken\n  config.string: 'filter {'\n";
    let files = [("pipelines.yml", list), ("pipeline.conf", &config("old"))];
    let mut kelp = Kelp::start_with("one-broken", &files, &[]);
    kelp.wait_for_log(
        "not started: the configuration is broken pipeline=\"broken\"",
        1,
    );
    kelp.write_line("1");
    kelp.wait_for_lines(&["old 1"]);
    drop(kelp.child.stdin.take());
    assert_eq!(kelp.child.wait().unwrap().code(), Some(1));
}
