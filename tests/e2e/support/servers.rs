//! One Kafka and one Elasticsearch for all tests of this binary.

use kelp_harness::{
    Client, Distribution, Elasticsearch, ElasticsearchOptions, Kafka, KafkaOptions,
};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The pair.
pub struct Servers {
    pub kafka: Kafka,
    pub elasticsearch: Elasticsearch,
}

impl Servers {
    pub fn client(&self) -> &Client {
        self.elasticsearch.client()
    }

    /// A prefix for topics, groups and indices that no other test uses.
    pub fn unique(&self, name: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }
}

static SERVERS: OnceLock<Result<RwLock<Servers>, String>> = OnceLock::new();

/// The server that `KELP_SERVER` names.
pub fn distribution() -> Distribution {
    let Ok(wanted) = std::env::var("KELP_SERVER") else {
        return Distribution::Elasticsearch8;
    };
    let found = Distribution::SEARCH
        .into_iter()
        .find(|known| known.name() == wanted);
    found.unwrap_or_else(|| panic!("KELP_SERVER={wanted}: there is no such server"))
}

/// Whether Elasticsearch is to have the JVM's optimising compiler: `KELP_OPTIMIZING` is set.
pub fn optimizing() -> bool {
    std::env::var_os("KELP_OPTIMIZING").is_some()
}

fn servers() -> &'static RwLock<Servers> {
    let started = SERVERS.get_or_init(|| {
        let starting = std::thread::spawn(|| Kafka::start(KafkaOptions::default()));
        let elasticsearch = Elasticsearch::start(ElasticsearchOptions {
            distribution: distribution(),
            optimizing: optimizing(),
            ..Default::default()
        });
        let kafka = starting.join().expect("starting Kafka does not panic");
        let servers = Servers {
            kafka: kafka.map_err(|error| error.to_string())?,
            elasticsearch: elasticsearch.map_err(|error| error.to_string())?,
        };
        Ok(RwLock::new(servers))
    });
    started.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// The pair, beside other tests, to be left running as it is.
pub fn shared() -> RwLockReadGuard<'static, Servers> {
    servers().read().unwrap_or_else(PoisonError::into_inner)
}

/// The pair, for this test alone, to freeze, kill and restart. Both servers run again afterwards.
pub fn alone() -> Alone {
    Alone(servers().write().unwrap_or_else(PoisonError::into_inner))
}

pub struct Alone(RwLockWriteGuard<'static, Servers>);

impl Deref for Alone {
    type Target = Servers;

    fn deref(&self) -> &Servers {
        &self.0
    }
}

impl DerefMut for Alone {
    fn deref_mut(&mut self) -> &mut Servers {
        &mut self.0
    }
}

impl Drop for Alone {
    /// A test that failed half way must not fail those after it.
    fn drop(&mut self) {
        let Servers {
            kafka,
            elasticsearch,
        } = &mut *self.0;
        kafka.resume();
        elasticsearch.resume();
        if !kafka.is_running() {
            let _ = kafka.restart();
        }
        if !elasticsearch.is_running() {
            let _ = elasticsearch.restart();
        }
    }
}
