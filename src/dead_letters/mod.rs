//! Where the process's dead letters go, a directory for each pipeline or a topic, and how they come back.

mod batch;
mod input;
mod source;
mod topic;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kelp_sink::dead_letter::{DeadLetterSettings, DeadLetterStore, DeadLetters, StoragePolicy};

pub use batch::OwnedRecord;
pub use input::{DeadLetterInputOptions, decode, since};
pub use source::{Choice, LetterSource, Reading, What};
pub use topic::TopicSettings;

/// The settings about dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterPlace {
    /// The directory in which each pipeline has one of its own (`path.dead_letter_queue`).
    pub path: PathBuf,
    /// The most that one pipeline's may take (`dead_letter_queue.max_bytes`).
    pub max_bytes: u64,
    /// What happens when that is reached (`dead_letter_queue.storage_policy`).
    pub storage_policy: StoragePolicy,
    /// How old they may become (`dead_letter_queue.retain.age`).
    pub retain_age: Option<Duration>,
    /// A topic instead of the directory (`kelp.dead_letters.topic`).
    pub topic: Option<TopicSettings>,
}

/// Dead letters that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory.
    #[error(
        "cannot open the dead letters in `{path}`: {source}; give another place with --path.data or path.dead_letter_queue"
    )]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The topic.
    #[error(
        "cannot write dead letters to the topic `{topic}`: {source}; check the settings kelp.dead_letters.*"
    )]
    Topic {
        /// Its name.
        topic: String,
        /// Why.
        source: io::Error,
    },
}

impl DeadLetterPlace {
    /// 1 GiB for each pipeline in `dead_letter_queue` below the directory of all data.
    pub fn below(data_dir: &Path) -> Self {
        let defaults = DeadLetterSettings::new(data_dir.join("dead_letter_queue"));
        Self {
            path: defaults.path,
            max_bytes: defaults.max_bytes,
            storage_policy: defaults.storage_policy,
            retain_age: defaults.retain_age,
            topic: None,
        }
    }

    /// Where a pipeline's are, for people to see.
    pub fn place_of(&self, pipeline_id: &str) -> String {
        match &self.topic {
            Some(topic) => format!("topic {}", topic.name),
            None => self.path.join(pipeline_id).display().to_string(),
        }
    }

    /// Opens a pipeline's dead letters for writing.
    pub fn open(&self, pipeline_id: &str) -> Result<(DeadLetterStore, DeadLetters), OpenError> {
        match &self.topic {
            Some(topic) => {
                let opened = topic.producer().and_then(DeadLetterStore::start);
                opened.map_err(|source| OpenError::Topic {
                    topic: topic.name.clone(),
                    source,
                })
            }
            None => {
                let path = self.path.join(pipeline_id);
                let opened = DeadLetterStore::open(DeadLetterSettings {
                    path: path.clone(),
                    max_bytes: self.max_bytes,
                    storage_policy: self.storage_policy,
                    retain_age: self.retain_age,
                });
                opened.map_err(|source| OpenError::Directory { path, source })
            }
        }
    }
}
