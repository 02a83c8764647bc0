//! Names and addresses of hosts, for the filter `dns`. This crate knows no network: whoever runs a pipeline gives it something
//! that asks ([`BuildContext::asking`](crate::filter::BuildContext::asking)).

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Whom a filter asks, and how long it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverSettings {
    /// Files like `/etc/hosts` that are looked at first, in this order; `/etc/hosts` itself comes behind them.
    pub hosts_files: Vec<PathBuf>,
    /// The servers to ask then.
    pub servers: Servers,
    /// How long to wait for the answer of one server.
    pub timeout: Duration,
}

/// The servers to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// Those of `/etc/resolv.conf`.
    System,
    /// None: only the files are looked at.
    None,
    /// Those of the configuration.
    Given {
        /// Where they are.
        addresses: Vec<SocketAddr>,
        /// Domains that names are looked for in.
        search: Vec<String>,
        /// A name with so many dots is tried as it is before it is looked for in `search`.
        dots: usize,
    },
}

/// Tells the addresses of names and the names of addresses.
pub trait Resolver: Send + Sync {
    /// An address of a host, which is its name in ASCII; `None` where there is none.
    ///
    /// # Errors
    /// Where nobody could tell.
    fn address_of(&self, name: &str) -> Result<Option<String>, LookupError>;

    /// A name of a host, in ASCII; `None` where there is none.
    ///
    /// # Errors
    /// Where nobody could tell.
    fn name_of(&self, address: IpAddr) -> Result<Option<String>, LookupError>;
}

/// Makes a resolver; it asks nobody before it is asked.
pub type OpenResolver = fn(ResolverSettings) -> Box<dyn Resolver>;

/// Why nobody could tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No server answered in time.
    #[error("no server answered in time")]
    Timeout,
    /// No server can be reached.
    #[error("no server can be reached: {0}")]
    Unreachable(String),
    /// What is asked for cannot be a name.
    #[error("`{0}` cannot be a name")]
    BadName(String),
}
