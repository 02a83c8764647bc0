//! The dashboards: readable sources in, Kibana's saved objects out, and proofs that both are right.
//!
//! * `*.yml` beside this crate say what each dashboard shows ([`source`]);
//! * [`objects`] and [`lens`] make saved objects of them; `cargo run -p kelp-dashboards` writes `kelp.ndjson`, which `kelp setup` installs;
//! * [`check`] says what is wrong with saved objects;
//! * [`question`] reads a panel back, [`ask`] makes a search of it, [`expect`] computes the answer without Elasticsearch.
//!
//! It must not know Kelp: fields come from the sources and the mappings alone.

pub mod ask;
pub mod check;
pub mod expect;
pub mod kql;
mod lens;
pub mod objects;
pub mod question;
pub mod source;

use std::path::{Path, PathBuf};

use source::Dashboard;

/// A source that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no YAML.
    #[error("`{path}` is no YAML: {source}")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_yaml_ng::Error,
    },
    /// It is no dashboard.
    #[error("`{path}` is no dashboard: {source}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// The dashboards, in the order in which they link to each other.
const SOURCES: &[&str] = &["overview", "web", "errors", "system", "pipeline"];

/// Where the sources are, and `kelp.ndjson`.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads all sources.
///
/// # Errors
/// The first source that cannot be read.
pub fn sources() -> Result<Vec<Dashboard>, SourceError> {
    let paths = SOURCES
        .iter()
        .map(|name| folder().join(format!("{name}.yml")));
    paths.map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Result<Dashboard, SourceError> {
    let path = path.to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(SourceError::Read { path, source }),
    };
    // YAML's own way to write the kind of a panel would be a tag; a map reads better.
    let yaml: serde_json::Value = match serde_yaml_ng::from_str(&text) {
        Ok(yaml) => yaml,
        Err(source) => return Err(SourceError::Yaml { path, source }),
    };
    serde_json::from_value(yaml).map_err(|source| SourceError::Shape { path, source })
}

/// What `kelp.ndjson` must be.
///
/// # Errors
/// The first source that cannot be read.
pub fn ndjson() -> Result<String, SourceError> {
    Ok(objects::ndjson(&objects::all(&sources()?)))
}
