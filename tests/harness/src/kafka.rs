//! One Apache Kafka broker in KRaft mode, which is its own controller.

use crate::service::Service;
use crate::{Distribution, Error, Jdk, Result, ports, probe};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How to run the broker.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// The port on 127.0.0.1; a free one when absent.
    pub port: Option<u16>,
    /// Java heap, MiB.
    pub heap_mb: u32,
    /// Partitions of a topic that is created by writing to it.
    pub partitions: u32,
    /// Where data, configuration and log go, to stay there; a temporary folder when absent.
    pub folder: Option<PathBuf>,
    /// Listeners besides that of [`Kafka::bootstrap`], as in `SASL_SSL://127.0.0.1:9094`; named as their protocol.
    pub listeners: Vec<String>,
    /// Further lines of `server.properties`.
    pub properties: Vec<(String, String)>,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            port: None,
            heap_mb: 512,
            partitions: 4,
            folder: None,
            listeners: Vec::new(),
            properties: Vec::new(),
        }
    }
}

/// A running broker. It ends, and its temporary folder goes, when this is dropped or the process ends.
pub struct Kafka {
    service: Service,
    options: KafkaOptions,
    port: u16,
    jdk: Jdk,
    home: PathBuf,
}

impl Kafka {
    /// Fetches Kafka where needed, starts a broker and returns once it answers.
    pub fn start(options: KafkaOptions) -> Result<Self> {
        let jdk = Jdk::find("Kafka", Distribution::Kafka.java())?;
        let home = Distribution::Kafka.folder()?;
        let service = Service::new("Kafka", options.folder.clone())?;
        let port = options.port.map_or_else(ports::free, Ok)?;
        let mut kafka = Self {
            service,
            options,
            port,
            jdk,
            home,
        };
        kafka.configure(ports::free()?)?;
        kafka.format()?;
        kafka.run()?;
        Ok(kafka)
    }

    /// The address for `bootstrap_servers`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The broker's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.service.pid()
    }

    /// Whether it runs: false after an end of its own, too.
    pub fn is_running(&mut self) -> bool {
        self.service.is_running()
    }

    /// Ends it with SIGKILL. What it acknowledged stays.
    pub fn kill(&mut self) -> Result<()> {
        self.service.kill()
    }

    /// Ends it in order, with SIGTERM.
    pub fn stop(&mut self) -> Result<()> {
        self.service.stop().map(|_| ())
    }

    /// Starts it again on the same port and data, ending it first where it still runs.
    pub fn restart(&mut self) -> Result<()> {
        self.service.kill()?;
        self.run()
    }

    /// Freezes it (SIGSTOP) until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.service.pause();
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.service.resume();
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        self.service.log_tail()
    }

    /// The folder with its data, `server.properties` and `server.log`.
    pub fn folder(&self) -> &Path {
        self.service.folder()
    }

    fn properties_path(&self) -> PathBuf {
        self.service.folder().join("server.properties")
    }

    fn configure(&self, controller_port: u16) -> Result<()> {
        let (port, partitions) = (self.port, self.options.partitions);
        let data = self.service.folder().join("data");
        let further: String = self
            .options
            .listeners
            .iter()
            .map(|one| format!(",{one}"))
            .collect();
        let mut properties = format!(
            "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{further}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs={}
num.partitions={partitions}
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
",
            data.display()
        );
        for (key, value) in &self.options.properties {
            let _ = writeln!(properties, "{key}={value}");
        }
        let path = self.properties_path();
        fs::write(&path, properties).map_err(Error::io("write", &path))?;
        let path = self.service.folder().join("log4j2.properties");
        fs::write(&path, LOG_CONFIG).map_err(Error::io("write", &path))
    }

    /// Writes the cluster's identity into an empty data folder, as Kafka asks for before its first start.
    fn format(&self) -> Result<()> {
        let properties = self.properties_path();
        let run = self
            .java(64)
            .arg("kafka.tools.StorageTool")
            .args([
                "format",
                "--ignore-formatted",
                "--cluster-id",
                "S2VscCBsb2NhbCBzdA",
                "--config",
            ])
            .arg(&properties)
            .output()
            .map_err(Error::io("run", self.jdk.java()))?;
        if run.status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&run.stdout).into_owned()
            + &String::from_utf8_lossy(&run.stderr);
        Err(self
            .service
            .failed(format!("its data folder could not be formatted: {output}")))
    }

    fn run(&mut self) -> Result<()> {
        let mut command = self.java(self.options.heap_mb);
        command.arg("kafka.Kafka").arg(self.properties_path());
        let port = self.port;
        self.service
            .start(&mut command, || probe::broker_serves(port))
    }

    fn java(&self, heap_mb: u32) -> Command {
        let mut command = Command::new(self.jdk.java());
        command
            .current_dir(self.service.folder())
            .arg(format!("-Xmx{heap_mb}m"))
            // a test run is too short to earn back what the optimising compiler costs
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
            .arg(format!(
                "-Dlog4j2.configurationFile={}/log4j2.properties",
                self.service.folder().display()
            ))
            .arg("-cp")
            .arg(self.home.join("lib/*"));
        command
    }
}

const LOG_CONFIG: &str = "status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
";
