//! Files like `/etc/hosts` (source: Ruby's `Resolv::Hosts`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

/// What a file says, its first lines first.
#[derive(Default)]
pub(super) struct Hosts {
    addresses: HashMap<String, String>,
    names: HashMap<IpAddr, String>,
}

impl Hosts {
    /// A file that cannot be read is an empty one, and is told of.
    pub(super) fn read(path: &Path) -> Self {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)),
            Err(error) => {
                tracing::warn!(path = %path.display(), "dns: the file of hosts cannot be read: {error}");
                Self::default()
            }
        }
    }

    fn parse(text: &str) -> Self {
        let mut hosts = Self::default();
        for line in text.lines() {
            let line = line.split_once('#').map_or(line, |(line, _)| line);
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
                continue;
            };
            for name in words {
                let name = name.to_owned();
                hosts.names.entry(address).or_insert_with(|| name.clone());
                hosts
                    .addresses
                    .entry(name)
                    .or_insert_with(|| address.to_string());
            }
        }
        hosts
    }

    pub(super) fn address_of(&self, name: &str) -> Option<String> {
        self.addresses.get(name).cloned()
    }

    pub(super) fn name_of(&self, address: IpAddr) -> Option<String> {
        self.names.get(&address).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        let hosts = Hosts::parse(
            "# comment\n127.0.0.1 localhost a # b\n192.0.2.1\ta\n::1 six\nnonsense x\n\n192.0.2.7",
        );
        let found = |name| hosts.address_of(name);
        assert_eq!(found("a").as_deref(), Some("127.0.0.1"));
        assert_eq!(found("six").as_deref(), Some("::1"));
        assert_eq!(found("b").or(found("x")), None);
        let name = hosts.name_of("127.0.0.1".parse().unwrap());
        assert_eq!(name.as_deref(), Some("localhost"));
        assert_eq!(hosts.name_of("192.0.2.7".parse().unwrap()), None);
    }
}
