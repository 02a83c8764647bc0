//! `./stack`: real Kafka and real Elasticsearch on this machine, without Docker, until Ctrl-C.

use kelp_harness::{Distribution, Elasticsearch, ElasticsearchOptions, Error, Kafka, KafkaOptions};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const USAGE: &str = "usage: ./stack [--kafka-port N] [--elasticsearch-port N] [--data FOLDER] [--server NAME]

Starts Apache Kafka and Elasticsearch on 127.0.0.1 and ends both on Ctrl-C.

  --kafka-port N          default 9092
  --elasticsearch-port N  default 9200
  --data FOLDER           keep the data there (otherwise it is thrown away at the end)
  --server NAME           elasticsearch-8.19.21 (default), elasticsearch-9.4.3 or opensearch-3.8.0 (both need Java 21)
";

struct Options {
    kafka_port: u16,
    elasticsearch_port: u16,
    data: Option<PathBuf>,
    distribution: Distribution,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// `None` when help is asked for.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        kafka_port: 9092,
        elasticsearch_port: 9200,
        data: None,
        distribution: Distribution::Elasticsearch8,
    };
    while let Some(name) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))
        };
        let port = |value: String| {
            value
                .parse()
                .map_err(|_| format!("`{value}` is not a port"))
        };
        match name.as_str() {
            "-h" | "--help" => return Ok(None),
            "--kafka-port" => options.kafka_port = port(value()?)?,
            "--elasticsearch-port" => options.elasticsearch_port = port(value()?)?,
            "--data" => options.data = Some(value()?.into()),
            "--server" => {
                let wanted = value()?;
                let found = Distribution::SEARCH
                    .into_iter()
                    .find(|known| known.name() == wanted);
                options.distribution =
                    found.ok_or_else(|| format!("there is no server `{wanted}`"))?;
            }
            _ => return Err(format!("there is no option `{name}`")),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options) -> Result<(), Error> {
    let ready = Arc::new(AtomicBool::new(false));
    let wait = signals(ready.clone())?;
    for (name, port) in [
        ("--kafka-port", options.kafka_port),
        ("--elasticsearch-port", options.elasticsearch_port),
    ] {
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
            let reason =
                format!("another program listens there: end it, or choose another with {name}");
            return Err(Error::Request {
                request: format!("port {port}"),
                reason,
            });
        }
    }
    println!(
        "starting Kafka and Elasticsearch (the first time they are downloaded: about 150 MB) ..."
    );
    let begun = Instant::now();
    let folder = |name: &str| options.data.as_ref().map(|data| data.join(name));
    let kafka_options = KafkaOptions {
        port: Some(options.kafka_port),
        folder: folder("kafka"),
        ..Default::default()
    };
    let elasticsearch_options = ElasticsearchOptions {
        distribution: options.distribution,
        port: Some(options.elasticsearch_port),
        folder: folder(options.distribution.name()),
        ..Default::default()
    };
    let starting = std::thread::spawn(move || Kafka::start(kafka_options));
    let elasticsearch = Elasticsearch::start(elasticsearch_options);
    let kafka = starting.join().expect("starting Kafka does not panic");
    let (mut elasticsearch, mut kafka) = (elasticsearch?, kafka?);

    ready.store(true, Ordering::Release);
    println!(
        "ready after {:.1} s\n\n{}",
        begun.elapsed().as_secs_f32(),
        guide(&kafka, &elasticsearch)
    );
    while wait.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        if !kafka.is_running() {
            eprintln!("Kafka has ended by itself:\n{}", kafka.log_tail());
            break;
        }
        if !elasticsearch.is_running() {
            eprintln!(
                "Elasticsearch has ended by itself:\n{}",
                elasticsearch.log_tail()
            );
            break;
        }
    }
    println!("\nending both ...");
    kafka.stop()?;
    elasticsearch.stop()
}

/// Says when Ctrl-C was pressed. Before all is ready that ends this process at once, and the servers with it.
fn signals(ready: Arc<AtomicBool>) -> Result<Receiver<()>, Error> {
    let (ended, wait) = channel();
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|source| Error::Io {
        action: "watch for",
        path: "Ctrl-C".into(),
        source,
    })?;
    std::thread::spawn(move || {
        signals.forever().next();
        if !ready.load(Ordering::Acquire) {
            std::process::exit(130);
        }
        ended.send(())
    });
    Ok(wait)
}

fn guide(kafka: &Kafka, elasticsearch: &Elasticsearch) -> String {
    let (bootstrap, url) = (kafka.bootstrap(), elasticsearch.url());
    format!(
        r#"  Kafka          {bootstrap}   (log: {kafka_folder}/server.log)
  Elasticsearch  {url}   (log: {elasticsearch_folder}/server.log)

Run a pipeline, in another terminal:

  cargo run --release -- -e '
    input {{ kafka {{ bootstrap_servers => "{bootstrap}" topics => ["access"] }} }}
    filter {{ grok {{ match => {{ "message" => "%{{COMBINEDAPACHELOG}}" }} }} }}
    output {{ elasticsearch {{ hosts => ["{url}"] index => "access" }} }}'

Write lines to it (kcat, or any other producer; a topic is created when it is first written to):

  kcat -P -b {bootstrap} -t access access.log

See what arrived:

  curl '{url}/access/_count?pretty'
  curl '{url}/access/_search?pretty&size=1'

Ctrl-C ends both."#,
        kafka_folder = kafka.folder().display(),
        elasticsearch_folder = elasticsearch.folder().display(),
    )
}
