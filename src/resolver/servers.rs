//! Which servers to ask, and for which names (source: Ruby's `Resolv::DNS::Config`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// The port of name servers.
const PORT: u16 = 53;
/// As many servers as the C library takes from the file.
const SERVERS_MAX: usize = 3;

/// The servers, and how names are completed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerList {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) search: Vec<String>,
    /// A name with so many dots is tried as it is first.
    pub(super) dots: usize,
}

impl ServerList {
    /// Those of a file like `/etc/resolv.conf`; the machine itself where there is none.
    pub(super) fn system(path: &Path) -> Self {
        Self::parse(&std::fs::read_to_string(path).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut list = Self {
            addresses: Vec::new(),
            search: Vec::new(),
            dots: 1,
        };
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    // A zone behind `%` names an interface, which the system finds by itself.
                    let addresses = words.filter_map(|word| word.split('%').next()?.parse().ok());
                    let addresses = addresses.map(|address: IpAddr| SocketAddr::new(address, PORT));
                    list.addresses.extend(addresses);
                }
                Some("domain" | "search") => list.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let dots = words.filter_map(|word| word.strip_prefix("ndots:")?.parse().ok());
                    list.dots = dots.fold(list.dots, |_, dots| dots);
                }
                _ => {}
            }
        }
        list.addresses.truncate(SERVERS_MAX);
        if list.addresses.is_empty() {
            list.addresses.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        list
    }

    /// The full names that a name may stand for, the likeliest first.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(name) = name.strip_suffix('.') {
            return vec![name.to_owned()];
        }
        let mut candidates = Vec::new();
        let dots = name.matches('.').count();
        if dots >= self.dots {
            candidates.push(name.to_owned());
        }
        for domain in &self.search {
            candidates.push(format!("{name}.{}", domain.trim_matches('.')));
        }
        if dots < self.dots {
            candidates.push(name.to_owned());
        }
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_system() {
        let list = ServerList::parse(
            "# none\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nsearch a.example b.example\noptions edns0 ndots:2\n",
        );
        let addresses = ["192.0.2.1:53", "[fe80::1]:53"].map(|it| it.parse().unwrap());
        assert_eq!(list.addresses, addresses);
        assert_eq!(list.candidates("x"), ["x.a.example", "x.b.example", "x"]);
        assert_eq!(list.candidates("x.y.z")[0], "x.y.z");
        assert_eq!(list.candidates("x."), ["x"]);
        let local = "127.0.0.1:53".parse().unwrap();
        assert_eq!(ServerList::parse("").addresses, [local]);
    }
}
