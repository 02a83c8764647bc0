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

/// A number given by the environment.
pub fn number_from(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |number| number.parse().expect("a number"))
}

/// Whether a difference is one that stays, as far as can be told from outside. Most are joni's own mistakes: it leaves out
/// what it finds when the same is written in another way.
fn is_to_stay(pattern: &str, text: &str, found: &str, answer: &str) -> bool {
    let has = |pieces: &[&str]| pieces.iter().any(|piece| pattern.contains(piece));
    let start = |spans: &str| spans.split('-').next()?.parse::<usize>().ok();
    let misses = answer == "none" || start(answer) > start(found);
    // Before an end of text it goes back as many bytes as the pattern has characters at most, and so not to the beginning
    // of a longer character: https://github.com/k-takata/Onigmo/issues/16, mended there only.
    let ends = format!("{0}-{0}", text.len());
    let before_end = found.starts_with(&ends) && has(&["\\z", "\\Z"]) && !text.is_ascii();
    // What a match can begin with lacks the Kelvin sign, though it knows that it is a k.
    let kelvin = pattern.contains("(?i") && text.contains('\u{212a}');
    // /(?:\.+|[ab]?\A){2}k/ finds nothing in ".k", but /(?:\.+|[a]?\A){2}k/ does, as does the first written twice. And an
    // empty iteration of a counted repeat ends it before its number, if there is code enough for it not to be written
    // out: /b(?:c|(?=a)|a){2}-/ matches "ba-", but with a long alternative more, which is not there, it does not.
    let counted = has(&["){2}", "){1,2}", "){,2}"]);
    // With back references, we do not follow it in what an empty iteration means, for the sake of hostile lines.
    let whole = |spans: &str| spans.split(' ').next().map(str::to_owned);
    let with_references = has(&["\\1", "\\2", "\\3"]) && (misses || whole(answer) == whole(found));
    misses && (before_end || kelvin) || counted || with_references
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
    let (mut wrong, mut compared, mut refused, mut known) = (Vec::new(), 0, 0, 0);
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
        if found == answer || both_refuse {
            continue;
        }
        if is_to_stay(pattern, text, &found, &answer) {
            known += 1;
            eprintln!("to stay: /{pattern}/ on {text:?}: {found}, joni: {answer}");
        } else {
            wrong.push(format!("/{pattern}/ on {text:?}: {found}, joni: {answer}"));
        }
    }
    eprintln!(
        "{compared} compared, {refused} not comparable, {known} differ as is known, {} otherwise",
        wrong.len()
    );
    assert!(known * 10_000 <= compared, "{known} differ as is known");
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
