//! Names and addresses of hosts, from files and from name servers, for the filter `dns`.
//!
//! It waits where it is called, in the worker that has the event, and no longer than the filter's `timeout` for each server (source:
//! Ruby's `Resolv`, which logstash-filter-dns asks).

mod exchange;
mod hosts;
mod servers;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use kelp_parser::resolver::{LookupError, Resolver, ResolverSettings, Servers};
use simple_dns::TYPE;

use self::exchange::{Answer, ask};
use self::hosts::Hosts;
use self::servers::ServerList;

/// Looks at files first, then asks servers.
struct HostResolver {
    settings: ResolverSettings,
    /// Read when first asked, so that checking a configuration reads nothing.
    files: OnceLock<Vec<Hosts>>,
    servers: OnceLock<Option<ServerList>>,
}

/// A resolver that asks as the filter wants.
pub fn open(settings: ResolverSettings) -> Box<dyn Resolver> {
    Box::new(HostResolver {
        settings,
        files: OnceLock::new(),
        servers: OnceLock::new(),
    })
}

impl Resolver for HostResolver {
    fn address_of(&self, name: &str) -> Result<Option<String>, LookupError> {
        let bad = || LookupError::BadName(name.to_owned());
        let ascii = match name.is_ascii() {
            true => name.to_owned(),
            false => idna::domain_to_ascii(name).map_err(|_| bad())?,
        };
        if let Some(known) = self
            .files()
            .iter()
            .find_map(|hosts| hosts.address_of(&ascii))
        {
            return Ok(Some(known));
        }
        let Some(servers) = self.servers() else {
            return Ok(None);
        };
        for candidate in servers.candidates(&ascii) {
            for kind in [TYPE::A, TYPE::AAAA] {
                match self.ask_all(servers, &candidate, kind)? {
                    Answer::Found(address) => return Ok(Some(address)),
                    // There may be an address of the other kind.
                    Answer::Nothing => {}
                    Answer::NoSuchName => break,
                    Answer::Refused => return Ok(None),
                }
            }
        }
        Ok(None)
    }

    fn name_of(&self, address: IpAddr) -> Result<Option<String>, LookupError> {
        if let Some(known) = self.files().iter().find_map(|hosts| hosts.name_of(address)) {
            return Ok(Some(unicode(known)));
        }
        let Some(servers) = self.servers() else {
            return Ok(None);
        };
        let found = match self.ask_all(servers, &reverse_name(address), TYPE::PTR)? {
            Answer::Found(name) => Some(unicode(name)),
            Answer::Nothing | Answer::NoSuchName | Answer::Refused => None,
        };
        Ok(found)
    }
}

impl HostResolver {
    fn files(&self) -> &[Hosts] {
        self.files.get_or_init(|| {
            let given = self.settings.hosts_files.iter().map(|path| path.as_path());
            given
                .chain([Path::new("/etc/hosts")])
                .map(Hosts::read)
                .collect()
        })
    }

    fn servers(&self) -> Option<&ServerList> {
        let list = self.servers.get_or_init(|| match &self.settings.servers {
            Servers::None => None,
            Servers::System => Some(ServerList::system(Path::new("/etc/resolv.conf"))),
            Servers::Given {
                addresses,
                search,
                dots,
            } => Some(ServerList {
                addresses: addresses.clone(),
                search: search.clone(),
                dots: *dots,
            }),
        });
        list.as_ref()
    }

    /// What the first server says that answers.
    fn ask_all(&self, servers: &ServerList, name: &str, kind: TYPE) -> Result<Answer, LookupError> {
        let timeout = self.settings.timeout.max(Duration::from_millis(1));
        let mut unreachable = None;
        let mut late = false;
        for server in &servers.addresses {
            match ask(*server, name, kind, timeout) {
                Ok(answer) => return Ok(answer),
                Err(LookupError::Timeout) => late = true,
                Err(error @ LookupError::BadName(_)) => return Err(error),
                Err(error) => unreachable = Some(error),
            }
        }
        match unreachable {
            Some(error) if !late => Err(error),
            _ => Err(LookupError::Timeout),
        }
    }
}

/// A name as people read it.
fn unicode(name: String) -> String {
    if !name.contains("xn--") {
        return name;
    }
    match idna::domain_to_unicode(&name) {
        (unicode, Ok(())) => unicode,
        (_, Err(_)) => name,
    }
}

/// The name under which servers know the names of an address.
fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = format!("{:032x}", u128::from(address));
            let digits = digits.chars().rev().flat_map(|digit| [digit, '.']);
            digits.chain("ip6.arpa".chars()).collect()
        }
    }
}
