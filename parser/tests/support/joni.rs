//! Asks joni itself, the engine of Logstash, in a Java process.

use super::cases;
use kelp_parser::regex::{Options, Regex, Scratch};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where joni's jars are, fetched if need be; or why there are none.
fn jars() -> Result<PathBuf, String> {
    let jars = Path::new(env!("CARGO_TARGET_TMPDIR")).join("joni");
    if jars.join("joni-2.2.6.jar").exists() {
        return Ok(jars);
    }
    let fetched = Command::new("mvn")
        .args([
            "-q",
            "-B",
            "dependency:copy-dependencies",
            "-f",
            "tests/joni/pom.xml",
        ])
        .arg(format!("-DoutputDirectory={}", jars.display()))
        .stdout(Stdio::null())
        .status();
    match fetched {
        Ok(status) if status.success() => Ok(jars),
        Ok(status) => Err(format!("mvn: {status}")),
        Err(error) => Err(format!("mvn: {error}")),
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// joni's answer to each question.
fn ask(questions: &[(Options, String, String)]) -> Result<Vec<String>, String> {
    let jars = jars()?;
    let mut java = Command::new("java")
        .args([
            "-Xss4m",
            "-cp",
            &format!("{}/*", jars.display()),
            "tests/joni/Joni.java",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("java: {error}"))?;
    let mut input = String::new();
    for (options, pattern, text) in questions {
        let flag = |set, letter| if set { letter } else { "" };
        input += flag(options.multiline, "m");
        input += flag(options.ignore_case, "i");
        input += flag(options.extended, "x");
        input += &format!("\t{}\t{}\n", hexadecimal(pattern), hexadecimal(text));
    }
    let mut pipe = java.stdin.take().ok_or("java: no standard input")?;
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = java
        .wait_with_output()
        .map_err(|error| format!("java: {error}"))?;
    writer
        .join()
        .map_err(|_| "the writer panicked")?
        .map_err(|error| format!("java: {error}"))?;
    let answers = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    match answers.len() == questions.len() {
        true => Ok(answers),
        false => Err(format!(
            "java: {} answers to {} questions",
            answers.len(),
            questions.len()
        )),
    }
}

/// Compares all questions; says what differs. How many could be compared, none where joni is not to be had.
pub fn compare(questions: &[(Options, String, String)]) -> usize {
    let answers = match ask(questions) {
        Ok(answers) => answers,
        Err(reason) => {
            eprintln!("skipped: the reference engine is not to be had here ({reason})");
            return 0;
        }
    };
    let mut scratch = Scratch::default();
    let (mut wrong, mut compared, mut refused) = (Vec::new(), 0, 0);
    let mut compiled: Option<(&str, Options, Result<Regex, _>)> = None;
    for ((options, pattern, text), answer) in questions.iter().zip(answers) {
        if answer.starts_with("failure") {
            refused += 1;
            continue;
        }
        if compiled
            .as_ref()
            .is_none_or(|(had, with, _)| had != pattern || with != options)
        {
            compiled = Some((pattern, *options, Regex::new(pattern, *options)));
        }
        let Some((_, _, regex)) = &compiled else {
            continue;
        };
        let found = match regex {
            Ok(regex) => cases::outcome(regex, text, &mut scratch),
            // What we refuse and joni accepts is no difference if we say that we do not support it.
            Err(error) if error.message.contains("not supported") => {
                refused += 1;
                continue;
            }
            Err(error) => format!("error {error}"),
        };
        compared += 1;
        let both_refuse = found.starts_with("error") && answer.starts_with("error");
        if found != answer && !both_refuse {
            wrong.push(format!("/{pattern}/ on {text:?}: {found}, joni: {answer}"));
        }
    }
    eprintln!(
        "{compared} compared, {refused} not comparable, {} differ",
        wrong.len()
    );
    assert!(
        compared * 10 >= questions.len() * 9,
        "{refused} of {} questions could not be compared",
        questions.len()
    );
    wrong.sort_by_key(String::len);
    assert!(
        wrong.is_empty(),
        "{} differ, among them\n{}",
        wrong.len(),
        wrong[..wrong.len().min(25)].join("\n")
    );
    compared
}
