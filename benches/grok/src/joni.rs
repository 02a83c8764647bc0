//! joni, the engine of Logstash, in a Java process that is warm before it is measured.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The process.
pub struct Joni {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Joni {
    /// Fetches joni with Maven if need be and starts it.
    pub fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let jars = here.join("target/joni");
        if !jars.exists() {
            let fetched = Command::new("mvn")
                .args(["-q", "-B", "dependency:copy-dependencies", "-f"])
                .arg(here.join("../../parser/tests/joni/pom.xml"))
                .arg(format!("-DoutputDirectory={}", jars.display()))
                .stdout(Stdio::null())
                .status()?;
            if !fetched.success() {
                return Err(format!("mvn: {fetched}").into());
            }
        }
        let mut child = Command::new("java")
            .args(["-Xss16m", "-cp", &format!("{}/*", jars.display())])
            .arg(here.join("JoniBench.java"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    /// Warms up with these.
    pub fn begin(
        &mut self,
        patterns: &[String],
        lines: &[String],
    ) -> Result<(), Box<dyn std::error::Error>> {
        for pattern in patterns {
            writeln!(self.questions, "p{}", hexadecimal(pattern))?;
        }
        for line in lines {
            writeln!(self.questions, "l{}", hexadecimal(line))?;
        }
        writeln!(self.questions, "warm")?;
        self.turn().map(|_| ())
    }

    /// Nanoseconds per line, and how many lines matched.
    pub fn turn(&mut self) -> Result<(f64, usize), Box<dyn std::error::Error>> {
        writeln!(self.questions, "turn")?;
        self.questions.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let (ns, matched) = answer.trim().split_once(' ').ok_or("joni has ended")?;
        Ok((ns.parse()?, matched.parse()?))
    }

    /// Forgets patterns and lines.
    pub fn end(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        Ok(writeln!(self.questions, "end")?)
    }
}

impl Drop for Joni {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
