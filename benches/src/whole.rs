//! The whole: the real `kelp` binary in a process of its own.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::broker::Topic;
use crate::cpu::{Cost, cpu_seconds, peak_mib};
use crate::null_sink::NullSink;

/// What is made of an access line.
pub const ACCESS_FILTERS: &str = r#"
  grok { match => { "message" => "%{COMBINEDAPACHELOG}" } }
  date { match => [ "timestamp", "dd/MMM/yyyy:HH:mm:ss Z" ] }
  mutate { convert => { "[http][response][status_code]" => "integer" "[http][response][body][bytes]" => "integer" } }
"#;

/// Which filters the pipeline has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filters {
    /// [`ACCESS_FILTERS`]
    Access,
    /// None: from Kafka straight to Elasticsearch.
    None,
}

/// Runs `kelp` over the whole topic and measures its process.
pub fn run(
    kelp: &Path,
    topic: &Topic,
    sink: &NullSink,
    filters: Filters,
    compression_level: u32,
) -> Result<Cost, Box<dyn Error>> {
    let filter = match filters {
        Filters::Access => ACCESS_FILTERS,
        Filters::None => "",
    };
    let config = format!(
        r#"input {{ kafka {{ bootstrap_servers => "{}" topics => "{}" group_id => "whole-{filters:?}-{compression_level}" auto_offset_reset => "earliest" }} }}
filter {{ {filter} }}
output {{ elasticsearch {{ hosts => "{}" index => "bench-%{{+YYYY.MM.dd}}" compression_level => {compression_level} manage_template => false }} }}"#,
        topic.bootstrap(),
        topic.name,
        sink.url
    );
    let data = std::env::temp_dir().join(format!("kelp-bench-{}", std::process::id()));
    let (docs, bulks) = sink.seen()?;
    let start = Instant::now();
    let mut child = Command::new(kelp)
        .args(["--log.level", "warn", "-e", &config, "--path.data"])
        .arg(data)
        .stdin(Stdio::null())
        .spawn()?;
    while sink.seen()?.1 == bulks && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let first_bulk_ms = start.elapsed().as_secs_f64() * 1e3;
    let arrived = sink.wait_for(docs, topic.events);
    let cost = Cost {
        cpu_seconds: cpu_seconds(&child.id().to_string()),
        wall_seconds: start.elapsed().as_secs_f64(),
        peak_mib: peak_mib(child.id()),
        first_bulk_ms: Some(first_bulk_ms),
    };
    // Interrupted rather than killed, so that it leaves the group at once.
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()?;
    child.wait()?;
    arrived?;
    Ok(cost)
}
