//! Finds a Java of at least a given version.

use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A Java installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jdk {
    /// The folder that holds `bin/java`.
    pub home: PathBuf,
    /// Its major version, such as 17.
    pub major: u32,
}

impl Jdk {
    /// The first of `JAVA_HOME`, `java` in `PATH` and the usual folders that is recent enough for `server`. For 21 and later,
    /// `JAVA21_HOME` goes before all of them.
    pub fn find(server: &'static str, minimum: u32) -> Result<Self> {
        let variable = if minimum > 17 {
            "JAVA21_HOME"
        } else {
            "JAVA_HOME"
        };
        let mut found = Vec::new();
        for home in candidates(variable) {
            match major(&home) {
                Some(major) if major >= minimum => return Ok(Self { home, major }),
                Some(major) => found.push(format!("{major} in {}", home.display())),
                None => {}
            }
        }
        found.sort_unstable();
        found.dedup();
        let found = if found.is_empty() {
            "none".to_owned()
        } else {
            found.join(", ")
        };
        Err(Error::NoJava {
            server,
            minimum,
            found,
            variable,
        })
    }

    /// The `java` program.
    pub fn java(&self) -> PathBuf {
        self.home.join("bin/java")
    }
}

fn candidates(variable: &str) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = [variable, "JAVA_HOME"]
        .iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from)
        .collect();
    if let Some(java) = program("java").and_then(|java| java.canonicalize().ok()) {
        homes.extend(java.ancestors().nth(2).map(Path::to_owned));
    }
    let mut folders: Vec<PathBuf> = [
        "/usr/lib/jvm",
        "/usr/lib64/jvm",
        "/usr/java",
        "/opt",
        "/opt/java",
        "/Library/Java/JavaVirtualMachines",
    ]
    .map(PathBuf::from)
    .into();
    if let Some(user) = std::env::home_dir() {
        folders.extend([user.join(".sdkman/candidates/java"), user.join(".jdks")]);
    }
    for folder in folders {
        let mut below: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        below.sort();
        homes.extend(
            below
                .into_iter()
                .flat_map(|home| [home.join("Contents/Home"), home]),
        );
    }
    homes
}

/// The major version, from the `release` file that every JDK carries.
fn major(home: &Path) -> Option<u32> {
    if !home.join("bin/java").exists() {
        return None;
    }
    parse_major(&std::fs::read_to_string(home.join("release")).ok()?)
}

fn parse_major(release: &str) -> Option<u32> {
    let version = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?
        .trim_matches('"');
    let version = version.strip_prefix("1.").unwrap_or(version);
    version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The full path of a program in `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_release_file() {
        assert_eq!(
            parse_major("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"17.0.15\"\n"),
            Some(17)
        );
        assert_eq!(parse_major("JAVA_VERSION=\"1.8.0_402\""), Some(8));
        assert_eq!(parse_major("JAVA_VERSION=\"25\""), Some(25));
        assert_eq!(parse_major("OS_NAME=\"Linux\""), None);
    }

    #[test]
    fn a_java_that_does_not_exist_is_reported_with_the_way_out() {
        let message = Jdk::find("OpenSearch", 999).unwrap_err().to_string();
        assert!(
            message.contains("OpenSearch needs Java 999") && message.contains("JAVA21_HOME="),
            "{message}"
        );
    }
}
