//! One Elasticsearch node, or OpenSearch in its stead.
//!
//! Elasticsearch refuses to run as root; started by root, it runs as `nobody`.

use crate::service::Service;
use crate::{Client, Distribution, Error, Jdk, Result, ports};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The user of a node with security, who may do everything.
pub const USER: &str = "kelp";
/// That user's password.
pub const PASSWORD: &str = "kelp-secret";
/// `kelp` with the password above, as `elasticsearch-users useradd` writes it (bcrypt).
const USERS: &str = "kelp:$2a$10$j5K4ab9Nz5O.UDNRhcTm9uODZLMlreVd8tYLaqAJMlw0V8fXTt7Ee\n";
const BASIC_AUTHORIZATION: &str = "Basic a2VscDprZWxwLXNlY3JldA==";
/// The user and group called `nobody` nearly everywhere.
const NOBODY: u32 = 65_534;

/// How to run the node.
#[derive(Clone, Debug)]
pub struct ElasticsearchOptions {
    /// Which server, and thereby which version.
    pub distribution: Distribution,
    /// The HTTP port on 127.0.0.1; a free one when absent.
    pub port: Option<u16>,
    /// Java heap, MiB.
    pub heap_mb: u32,
    /// Whether to ask for [`USER`] and [`PASSWORD`]; OpenSearch, as had here, cannot.
    pub security: bool,
    /// Whether the JVM has its optimising compiler (C2), as outside of tests: what is to be measured takes it, or loops over bytes cost
    /// Elasticsearch several times what they do. A short test would not earn back what that compiler costs.
    pub optimizing: bool,
    /// Where data, configuration and log go, to stay there; a temporary folder when absent.
    pub folder: Option<PathBuf>,
    /// Further lines of `elasticsearch.yml`.
    pub settings: Vec<(String, String)>,
}

impl Default for ElasticsearchOptions {
    fn default() -> Self {
        Self {
            distribution: Distribution::Elasticsearch8,
            port: None,
            heap_mb: 512,
            security: false,
            optimizing: false,
            folder: None,
            settings: Vec::new(),
        }
    }
}

/// A running node. It ends, and its temporary folder goes, when this is dropped or the process ends.
pub struct Elasticsearch {
    service: Service,
    options: ElasticsearchOptions,
    port: u16,
    jdk: Jdk,
    home: PathBuf,
    client: Client,
}

impl Elasticsearch {
    /// Fetches the distribution where needed, starts a node and returns once its cluster is ready.
    pub fn start(options: ElasticsearchOptions) -> Result<Self> {
        let distribution = options.distribution;
        let jdk = Jdk::find(distribution.name(), distribution.java())?;
        let home = distribution.folder()?;
        let service = Service::new("Elasticsearch", options.folder.clone())?;
        let port = options.port.map_or_else(ports::free, Ok)?;
        let authorization = options.security.then(|| BASIC_AUTHORIZATION.to_owned());
        let client = Client::new(format!("http://127.0.0.1:{port}"), authorization);
        let mut node = Self {
            service,
            options,
            port,
            jdk,
            home,
            client,
        };
        node.configure(ports::free()?)?;
        if rustix::process::geteuid().is_root() {
            node.hand_over()?;
        }
        node.run()?;
        Ok(node)
    }

    /// The address for `hosts`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client that may do everything.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Which server this is.
    pub fn distribution(&self) -> Distribution {
        self.options.distribution
    }

    /// The process id of the node, or of its launcher where it has one, while it runs.
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

    /// Freezes it (SIGSTOP) until [`resume`](Self::resume): connections stay open and nothing answers.
    pub fn pause(&self) {
        self.service.pause();
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.service.resume();
    }

    /// Takes [`USER`] away (every request is then a 401) or brings it back; returns once the node has noticed, after at most some seconds.
    pub fn set_user(&self, known: bool) -> Result<()> {
        self.write_users(known)?;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let (status, _) = self.client.request("GET", "_cluster/health", "", "")?;
            if (status != 401) == known {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(self
            .service
            .failed("it did not read its users file again".to_owned()))
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        self.service.log_tail()
    }

    /// The folder with its data, configuration and `server.log`.
    pub fn folder(&self) -> &Path {
        self.service.folder()
    }

    fn is_opensearch(&self) -> bool {
        self.options.distribution == Distribution::OpenSearch3
    }

    fn configure(&self, transport_port: u16) -> Result<()> {
        let folder = self.service.folder();
        let config = folder.join("config");
        for path in [&config, &folder.join("data"), &folder.join("tmp")] {
            fs::create_dir_all(path).map_err(Error::io("create", path))?;
        }
        let mut settings = format!(
            "cluster.name: kelp
node.name: kelp
discovery.type: single-node
http.host: 127.0.0.1
http.port: {}
transport.host: 127.0.0.1
transport.port: {transport_port}
path.data: {folder}/data
path.logs: {folder}
cluster.routing.allocation.disk.threshold_enabled: false
# the serial collector lets garbage pile up, which this would count as memory in use
indices.breaker.total.use_real_memory: false
",
            self.port,
            folder = folder.display()
        );
        if !self.is_opensearch() {
            let _ = writeln!(
                settings,
                "xpack.security.enabled: {}",
                self.options.security
            );
        }
        for (key, value) in &self.options.settings {
            let _ = writeln!(settings, "{key}: {value}");
        }
        let name = if self.is_opensearch() {
            "opensearch.yml"
        } else {
            "elasticsearch.yml"
        };
        write(&config.join(name), &settings)?;
        write(
            &config.join("jvm.options"),
            &(self.jvm_options().join("\n") + "\n"),
        )?;
        write(&config.join("log4j2.properties"), LOG_CONFIG)?;
        write(&config.join("roles.yml"), "")?;
        write(&config.join("role_mapping.yml"), "")?;
        write(&config.join("users_roles"), &format!("superuser:{USER}\n"))?;
        self.write_users(true)
    }

    fn write_users(&self, known: bool) -> Result<()> {
        write(
            &self.service.folder().join("config/users"),
            if known { USERS } else { "" },
        )
    }

    fn jvm_options(&self) -> Vec<String> {
        let heap_mb = self.options.heap_mb;
        let mut options = vec![
            format!("-Xms{heap_mb}m"),
            format!("-Xmx{heap_mb}m"),
            "-XX:+UseSerialGC".to_owned(),
            "-XX:+ExitOnOutOfMemoryError".to_owned(),
            format!("-Djava.io.tmpdir={}/tmp", self.service.folder().display()),
        ];
        if !self.options.optimizing {
            options.push("-XX:TieredStopAtLevel=1".to_owned());
        }
        if self.jdk.major >= 20 {
            options.push("--add-modules=jdk.incubator.vector".to_owned());
        }
        options
    }

    fn run(&mut self) -> Result<()> {
        let mut command = if self.is_opensearch() {
            self.opensearch()
        } else {
            self.elasticsearch()
        };
        command.current_dir(&self.home);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let client = self.client.clone();
        self.service.start(&mut command, || {
            client
                .get("_cluster/health")
                .is_ok_and(|health| health["status"] != "red")
        })
    }

    /// What `bin/elasticsearch` runs: a small launcher, which starts the node (SonarQube's copy has no such script).
    fn elasticsearch(&self) -> Command {
        let mut command = Command::new(self.jdk.java());
        let (home, config) = (&self.home, self.service.folder().join("config"));
        command
            .env("ES_HOME", home)
            .env("ES_PATH_CONF", &config)
            .env("ES_TMPDIR", self.service.folder().join("tmp"))
            .env("ES_JAVA_HOME", &self.jdk.home)
            .env("JAVA_HOME", &self.jdk.home)
            .env("ES_DISTRIBUTION_TYPE", "zip")
            .env("JAVA", self.jdk.java())
            .env("JAVA_TYPE", "ES_JAVA_HOME")
            .env_remove("ES_JAVA_OPTS")
            .env_remove("JAVA_TOOL_OPTIONS")
            .args([
                "-Xms4m",
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
            ])
            .arg(format!("-Des.path.home={}", home.display()))
            .arg(format!("-Des.path.conf={}", config.display()))
            .args([
                "-Des.distribution.type=zip",
                "-Des.java.type=ES_JAVA_HOME",
                "-cp",
            ]);
        let launcher = home.join("lib/tools/server-launcher");
        if launcher.is_dir() {
            command
                .arg(launcher.join("*"))
                .arg("org.elasticsearch.server.launcher.ServerLauncher");
        } else {
            command
                .arg(format!(
                    "{home}/lib/*:{home}/lib/cli-launcher/*",
                    home = home.display()
                ))
                .args(["-Dcli.name=server", "-Dcli.libs=lib/tools/server-cli"])
                .arg(format!(
                    "-Dcli.script={}",
                    home.join("bin/elasticsearch").display()
                ))
                .arg("org.elasticsearch.launcher.CliToolLauncher");
        }
        command
    }

    /// What `bin/opensearch` runs in the end: the node itself.
    fn opensearch(&self) -> Command {
        let mut command = Command::new(self.jdk.java());
        command
            .env_remove("JAVA_TOOL_OPTIONS")
            .args(self.jvm_options())
            .args([
                "-Djava.awt.headless=true",
                "-Dfile.encoding=UTF-8",
                "-Djna.nosys=true",
                "-XX:-OmitStackTraceInFastThrow",
            ])
            .args([
                "-Dio.netty.noUnsafe=true",
                "-Dio.netty.recycler.maxCapacityPerThread=0",
                "-Dlog4j.shutdownHookEnabled=false",
            ])
            .args([
                "-Dlog4j2.disable.jmx=true",
                "-Djava.locale.providers=SPI,COMPAT",
            ])
            .args([
                "-javaagent:agent/opensearch-agent.jar",
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
            ])
            .arg(format!("-Dopensearch.path.home={}", self.home.display()))
            .arg(format!(
                "-Dopensearch.path.conf={}/config",
                self.service.folder().display()
            ))
            .args([
                "-Dopensearch.distribution.type=zip",
                "-Dopensearch.bundled_jdk=false",
                "-cp",
            ])
            .arg(self.home.join("lib/*"))
            .arg("org.opensearch.bootstrap.OpenSearch");
        command
    }

    /// Gives the folder to the user the node runs as, and checks that this user can reach what it needs.
    fn hand_over(&self) -> Result<()> {
        give(self.service.folder())?;
        let cache = "set KELP_CACHE to a folder that every user can enter, such as /var/cache/kelp";
        let data = "set TMPDIR to a folder that every user can enter, such as /tmp";
        let jdk = "set JAVA_HOME to a JDK that every user can read, such as one below /usr/lib/jvm";
        for (path, hint) in [
            (&self.home.join("lib"), cache),
            (&self.jdk.home.join("bin"), jdk),
            (&self.service.folder().to_owned(), data),
        ] {
            let path = path.canonicalize().map_err(Error::io("find", path))?;
            for folder in path.ancestors() {
                let about = fs::metadata(folder).map_err(Error::io("look at", folder))?;
                if about.mode() & 0o001 == 0 && about.uid() != NOBODY {
                    return Err(Error::Unreachable {
                        path: folder.to_owned(),
                        uid: NOBODY,
                        hint,
                    });
                }
            }
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(Error::io("write", path))
}

fn give(path: &Path) -> Result<()> {
    chown(path, Some(NOBODY), Some(NOBODY)).map_err(Error::io("give away", path))?;
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
            give(&entry.map_err(Error::io("list", path))?.path())?;
        }
    }
    Ok(())
}

const LOG_CONFIG: &str = "status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n%throwable
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
";
