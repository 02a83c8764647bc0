//! Reloading, on lines from standard input: what is read before and after runs through the configuration of its time, once.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // each test file uses a part of it
mod process;

use process::Kelp;

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
    // As it is for a moment while it is written anew.
    kelp.write("pipelines.yml", "");
    kelp.wait_for_log("the pipelines go on as they were", 2);
    kelp.write("pipelines.yml", &list(&[("main", "pipeline.conf")]));
    kelp.wait_for_log("pipeline removed pipeline=\"second\"", 1);
    assert_eq!(
        kelp.log().matches(": reloaded pipeline=").count(),
        1,
        "{}",
        kelp.log()
    );
    let place =
        "- pipeline.id: main\n  path.config: pipeline.conf\n  dead_letter_queue.max_bytes: 2mb\n";
    kelp.write("pipelines.yml", place);
    kelp.wait_for_log("restart to change them pipeline=\"main\"", 1);
    kelp.write_line("3");
    kelp.finish(&["old 1", "new 2", "new 3"]);
}

/// One that cannot start keeps no other from running, and is seen in the exit code.
#[test]
fn a_broken_pipeline_of_a_list_keeps_no_other_from_running() {
    let list = "\
- pipeline.id: main
  path.config: pipeline.conf
- pipeline.id: broken
  config.string: 'filter {'
- pipeline.id: unreadable
  config.string: 'input { kafka { security_protocol => SSL ssl_truststore_type => PEM ssl_truststore_location => \"/no/such/file\" } } output { null { } }'
";
    let files = [("pipelines.yml", list), ("pipeline.conf", &config("old"))];
    let mut kelp = Kelp::start_with("one-broken", &files, &[]);
    kelp.wait_for_log(
        "not started: the configuration is broken pipeline=\"broken\"",
        1,
    );
    kelp.wait_for_log("not started: input `kafka` cannot start", 1);
    kelp.write_line("1");
    kelp.wait_for_lines(&["old 1"]);
    assert!(!kelp.log().contains("as before"), "{}", kelp.log());
    drop(kelp.child.stdin.take());
    assert_eq!(kelp.child.wait().unwrap().code(), Some(1));
}
