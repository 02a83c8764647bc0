//! Which files the patterns name, and what is in the way of looking at them: told once, and again when it is over and comes back.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use glob::{Pattern, PatternError};
use tracing::warn;

/// A pattern that names nothing, ever.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{pattern}` is no pattern: {source}; a name with such characters has them in brackets, as in `[[]`"
)]
pub struct NoPattern {
    pattern: String,
    source: PatternError,
}

/// Names of files, and patterns of them.
pub struct Names {
    patterns: Vec<String>,
    complaints: BTreeSet<PathBuf>,
    new_complaints: BTreeSet<PathBuf>,
}

impl Names {
    /// # Errors
    /// One is neither a name of what is there nor a pattern.
    pub fn new(patterns: &[String]) -> Result<Self, NoPattern> {
        for pattern in patterns {
            if let Err(source) = Pattern::new(pattern)
                && !Path::new(pattern).exists()
            {
                return Err(NoPattern {
                    pattern: pattern.clone(),
                    source,
                });
            }
        }
        Ok(Self {
            patterns: patterns.to_vec(),
            complaints: BTreeSet::new(),
            new_complaints: BTreeSet::new(),
        })
    }

    /// The files that are there now, each once. It begins a round of complaints.
    pub fn paths(&mut self) -> BTreeSet<PathBuf> {
        self.complaints = std::mem::take(&mut self.new_complaints);
        let mut paths = BTreeSet::new();
        let mut unreadable = Vec::new();
        for pattern in &self.patterns {
            // A name may hold what looks like a pattern.
            if Path::new(pattern).exists() {
                paths.insert(PathBuf::from(pattern));
                continue;
            }
            for found in glob::glob(pattern).into_iter().flatten() {
                match found {
                    Ok(path) if is_packed(&path) => {}
                    Ok(path) => {
                        paths.insert(path);
                    }
                    Err(error) => unreadable.push(error),
                }
            }
        }
        for error in unreadable {
            let path = error.path().to_owned();
            self.complain(
                &path,
                "it cannot be looked into",
                &std::io::Error::from(error),
            );
        }
        paths
    }

    /// Says what is in the way, unless the round before had it, too.
    pub fn complain(&mut self, path: &Path, what: &str, error: &dyn Display) {
        let is_new = self.new_complaints.insert(path.to_owned());
        if is_new && !self.complaints.contains(path) {
            warn!(path = %path.display(), %error, "{what}; it is tried again");
        }
    }
}

/// A rotated file that was compressed, which a pattern such as `app.log*` names too.
fn is_packed(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    end.is_some_and(|end| ["gz", "bz2", "xz", "zst", "zip"].contains(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern_is_refused_unless_a_file_is_called_so() {
        let error = Names::new(&["/var/log/[a.log".to_owned()]).err().unwrap();
        let told = error.to_string();
        assert!(
            told.starts_with("`/var/log/[a.log` is no pattern: "),
            "{told}"
        );
        let folder = std::env::temp_dir().join(format!("kelp-names-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let odd = folder.join("[a.log");
        std::fs::write(&odd, "").unwrap();
        let mut names = Names::new(&[odd.to_string_lossy().into_owned()]).unwrap();
        assert_eq!(names.paths(), [odd].into());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
