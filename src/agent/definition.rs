//! What a pipeline is made of: its settings and texts, and whether they have changed.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use kelp_parser::config::SourceMap;

use crate::configuration::{Configuration, LoadError, copy, default_sections, read_for_run};
use crate::run::Compiled;
use crate::settings::PipelineSettings;

/// Settings and texts of a pipeline that runs.
pub(super) struct Definition {
    pub settings: PipelineSettings,
    pub sources: SourceMap,
}

/// Settings and texts as they are at one time, to see whether they have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    settings: BTreeMap<String, String>,
    texts: Result<Vec<String>, String>,
}

/// A pipeline that is wanted, checked but not started.
pub struct Candidate {
    /// What it goes by.
    pub settings: PipelineSettings,
    /// Its configuration, with what was found wrong with it.
    pub configuration: Result<Configuration, LoadError>,
    /// What it compiles to, if it does.
    pub compiled: Option<Compiled>,
}

impl Definition {
    pub fn version(&self) -> Version {
        Version {
            settings: self.settings.values().clone(),
            texts: Ok(texts(&self.sources)),
        }
    }

    /// Changes when the texts do.
    pub fn hash(&self) -> String {
        let mut hasher = DefaultHasher::new();
        texts(&self.sources).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// The same once more, whatever the files hold by now.
    pub fn candidate(&self) -> Candidate {
        Candidate::of(self.settings.clone(), Ok(copy(&self.sources)))
    }
}

impl Version {
    pub fn of(settings: &PipelineSettings) -> Self {
        let sources = read_for_run(&settings.config);
        Self {
            settings: settings.values().clone(),
            texts: sources
                .map(|sources| texts(&sources))
                .map_err(|error| error.to_string()),
        }
    }
}

impl Candidate {
    /// Reads and checks what the files hold now.
    pub fn load(settings: PipelineSettings) -> Self {
        let sources = read_for_run(&settings.config);
        for section in sources.iter().flat_map(default_sections) {
            tracing::warn!(
                pipeline = settings.id,
                "there is no `{section}`, so standard {section} was added, as in Logstash; write one if that is not meant"
            );
        }
        Self::of(settings, sources)
    }

    fn of(settings: PipelineSettings, sources: Result<SourceMap, LoadError>) -> Self {
        let mut configuration = sources.map(|sources| Configuration::of(sources, &settings.config));
        let compiled = match &mut configuration {
            Ok(configuration) => Compiled::compile(configuration, &settings),
            Err(_) => None,
        };
        Self {
            settings,
            configuration,
            compiled,
        }
    }

    /// What keeps it from running.
    pub fn hindrance(&self) -> Option<String> {
        match &self.configuration {
            Err(error) => Some(error.to_string()),
            Ok(configuration) if configuration.has_errors() => {
                Some("the configuration is broken".to_owned())
            }
            Ok(_) => None,
        }
    }

    /// Prints what is wrong with it.
    pub fn print_diagnostics(&self) {
        if let Ok(configuration) = &self.configuration {
            configuration.print_diagnostics();
        }
    }
}

fn texts(sources: &SourceMap) -> Vec<String> {
    let texts = sources.files().map(|file| sources.text(file));
    texts.map(str::to_owned).collect()
}
