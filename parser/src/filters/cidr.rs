//! `cidr`: tells whether an address lies in a network (source: logstash-filter-cidr).

mod network;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;

use crate::config::ast::Spanned;
use crate::event::{Event, FieldRef, Template, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;
pub(crate) use network::Network;

plugin_options! {
    /// Applies the common options, as in `add_tag`, to events with an address in one of the networks.
    pub struct CidrOptions for Filter "cidr" {
        /// The addresses, mostly taken from fields, as in `%{clientip}`.
        address: Vec<Template> = [],
        /// The field that holds an address or a list of them, instead of `address`.
        address_field: Option<FieldRef<'static>>,
        /// The networks, as in `10.0.0.0/8`; several may stand in one text with commas between.
        network: Option<Vec<Spanned<Template>>>,
        /// A file with networks, instead of `network`.
        network_path: Option<PathBuf>,
        /// How often the file is read again, in seconds.
        refresh_interval: i64 = 600,
        /// What stands between the networks of the file.
        separator: String = "\n",
    }
}

/// Tells whether an address lies in a network.
pub struct Cidr {
    addresses: Addresses,
    networks: Networks,
}

enum Addresses {
    Field(FieldRef<'static>),
    Templates(Vec<Template>),
}

enum Networks {
    Fixed(Vec<Network>),
    /// Networks that hang on the event.
    FromEvent(Vec<Template>),
    File(NetworkFile),
}

impl BuildFilter for Cidr {
    type Options = CidrOptions;

    fn build(options: CidrOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let addresses = match options.address_field {
            Some(_) if !options.address.is_empty() => {
                let span = settings.span_of("address_field");
                settings.report(span, "`address` and `address_field` exclude each other");
                None
            }
            Some(field) => Some(Addresses::Field(field)),
            None => Some(Addresses::Templates(options.address)),
        };
        let networks = match options.network_path {
            Some(_)
                if options
                    .network
                    .as_ref()
                    .is_some_and(|list| !list.is_empty()) =>
            {
                let span = settings.span_of("network_path");
                settings.report(span, "`network` and `network_path` exclude each other");
                None
            }
            Some(path) => {
                let file = NetworkFile::open(path, options.separator, options.refresh_interval);
                file.map_err(|message| {
                    let span = settings.span_of("network_path");
                    settings.report(span, message);
                })
                .ok()
                .map(Networks::File)
            }
            None => Some(read_networks(options.network.unwrap_or_default(), settings)),
        };
        Some(Self {
            addresses: addresses?,
            networks: networks?,
        })
    }
}

/// Networks that do not hang on the event are read once.
fn read_networks(networks: Vec<Spanned<Template>>, settings: &mut Settings<'_>) -> Networks {
    if !networks.iter().all(|network| network.node.is_constant()) {
        return Networks::FromEvent(networks.into_iter().map(|network| network.node).collect());
    }
    let mut fixed = Vec::new();
    for network in &networks {
        for text in network.node.source().split(',').map(str::trim) {
            match Network::parse(text) {
                Some(network) => fixed.push(network),
                None => {
                    let message = format!("`{text}` is no network, and is passed over");
                    settings.warn(network.span, message);
                }
            }
        }
    }
    Networks::Fixed(fixed)
}

impl Filter for Cidr {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let matched = match &self.networks {
            Networks::Fixed(networks) => self.lies_in(networks, event),
            Networks::FromEvent(templates) => {
                let texts = templates.iter().map(|template| template.render(event));
                let networks: Vec<Network> = texts
                    .flat_map(|text| text.split(','))
                    .filter_map(|text| Network::parse(text.trim()))
                    .collect();
                self.lies_in(&networks, event)
            }
            Networks::File(file) => self.lies_in(&file.networks.load(), event),
        };
        if matched {
            Outcome::Matched
        } else {
            Outcome::Unmatched
        }
    }

    fn flush<'a>(&self, context: &mut Context<'a, '_>) {
        if let Networks::File(file) = &self.networks {
            file.refresh(context.now.seconds());
        }
    }
}

impl Cidr {
    fn lies_in(&self, networks: &[Network], event: &Event<'_>) -> bool {
        let lies_in = |address: &str| {
            Network::parse(address)
                .is_some_and(|address| networks.iter().any(|network| network.includes(&address)))
        };
        match &self.addresses {
            Addresses::Templates(templates) => templates
                .iter()
                .any(|template| lies_in(template.render(event))),
            Addresses::Field(field) => match event.get(*field) {
                Some(Value::Str(address)) => lies_in(address),
                Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).any(lies_in),
                _ => false,
            },
        }
    }
}

/// Networks from a file that is read again now and then.
struct NetworkFile {
    path: PathBuf,
    separator: String,
    refresh_interval: i64,
    networks: ArcSwap<Vec<Network>>,
    /// When the file is due again, in seconds since the epoch; `NOT_YET` until the first flush.
    due: AtomicI64,
}

const NOT_YET: i64 = i64::MIN;

impl NetworkFile {
    fn open(path: PathBuf, separator: String, refresh_interval: i64) -> Result<Self, String> {
        let file = Self {
            path,
            separator,
            refresh_interval,
            networks: ArcSwap::default(),
            due: AtomicI64::new(NOT_YET),
        };
        let networks = file.load().map_err(|error| {
            let path = file.path.display();
            format!("the networks in `{path}` cannot be read: {error}")
        })?;
        file.networks.store(networks.into());
        Ok(file)
    }

    fn load(&self) -> std::io::Result<Vec<Network>> {
        let text = std::fs::read_to_string(&self.path)?;
        let networks = text.split(&self.separator);
        Ok(networks.filter_map(Network::parse).collect())
    }

    /// Reads the file again when it is due. One that cannot be read, or is empty, leaves the networks as they are.
    fn refresh(&self, now: i64) {
        let due = self.due.load(Ordering::Relaxed);
        if now < due {
            return;
        }
        // Each worker calls; one of them goes on.
        let next = now.saturating_add(self.refresh_interval);
        let claimed = self
            .due
            .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_err() || due == NOT_YET {
            return;
        }
        if let Ok(networks) = self.load()
            && !networks.is_empty()
        {
            self.networks.store(networks.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_due() {
        let path = std::env::temp_dir().join(format!("kelp-cidr-{}", std::process::id()));
        std::fs::write(&path, "10.0.0.0/8;nonsense").unwrap();
        let file = NetworkFile::open(path.clone(), ";".to_owned(), 60).unwrap();
        let holds = |address: &str| {
            let address = Network::parse(address).unwrap();
            let networks = file.networks.load();
            networks.iter().any(|network| network.includes(&address))
        };
        assert!(holds("10.1.2.3"));
        std::fs::write(&path, "11.0.0.0/8").unwrap();
        file.refresh(1000);
        file.refresh(1059);
        assert!(holds("10.1.2.3"));
        file.refresh(1060);
        assert!(holds("11.1.2.3") && !holds("10.1.2.3"));
        std::fs::remove_file(&path).unwrap();
        file.refresh(1120);
        assert!(holds("11.1.2.3"));
        assert!(NetworkFile::open(path, "\n".to_owned(), 60).is_err());
    }
}
