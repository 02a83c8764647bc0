//! Addresses and networks as Ruby's `IPAddr` reads them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All addresses from the first to the last; a single address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl Network {
    /// `10.1.2.3`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fe80::1`, `[fe80::]/64`, with or without a zone as in `%eth0`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let address = match address.strip_prefix('[') {
            Some(address) => address
                .strip_suffix(']')
                .filter(|address| address.contains(':'))?,
            None => address,
        };
        let address = match address.split_once('%') {
            Some((address, zone)) if address.contains(':') && !zone.is_empty() => address,
            _ => address,
        };
        let address: IpAddr = address.parse().ok()?;
        let (is_v6, bits, width) = bits(address);
        let mask = match mask {
            None => u128::MAX,
            Some(mask) => mask_of(mask, is_v6, width)?,
        };
        let all = u128::MAX >> (128 - width);
        Some(Self {
            is_v6,
            first: bits & mask,
            last: (bits | !mask) & all,
        })
    }

    /// Whether all of the other one lies in this one.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6 && self.first <= other.first && other.last <= self.last
    }

    /// The network of so many bits that this one's first address lies in; `None` for more bits than it has.
    pub(crate) fn masked(&self, length: u32) -> Option<Self> {
        let width: u32 = if self.is_v6 { 128 } else { 32 };
        let zeros = width.checked_sub(length)?;
        let mask = u128::MAX.checked_shl(zeros).unwrap_or(0);
        let all = u128::MAX >> (128 - width);
        Some(Self {
            first: self.first & mask,
            last: (self.first | !mask) & all,
            ..*self
        })
    }
}

/// The first address.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_v6 {
            Ipv6Addr::from(self.first).fmt(f)
        } else {
            Ipv4Addr::from(self.first as u32).fmt(f)
        }
    }
}

fn bits(address: IpAddr) -> (bool, u128, u32) {
    match address {
        IpAddr::V4(address) => (false, u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (true, u128::from(address), 128),
    }
}

/// The mask of a prefix length, or one that is written as an address.
fn mask_of(mask: &str, is_v6: bool, width: u32) -> Option<u128> {
    let all = u128::MAX >> (128 - width);
    if mask.bytes().all(|byte| byte.is_ascii_digit()) {
        let length: u32 = mask.parse().ok().filter(|length| *length <= width)?;
        return Some(all.checked_shl(width - length).unwrap_or(0) & all);
    }
    let (mask_is_v6, mask, _) = bits(mask.parse().ok()?);
    // The ones of a mask must not be interrupted.
    let zeros = !mask & all;
    (mask_is_v6 == is_v6 && zeros & (zeros.wrapping_add(1)) == 0).then_some(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_include_addresses() {
        for (network, address, included) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("10.0.0.0/255.0.0.0", "10.9.9.9", true),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "fe80::1", true),
            ("::ffff:0:0/96", "10.0.0.1", false),
            ("fe80::/64", "fe80:0:0:0:0:0:0:1", true),
            ("[fe80::]/64", "[fe80::1%eth0]", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.0/8", "10.0.0.0/7", false),
            ("10.0.0.0/8", "10.0.0.0/9", true),
        ] {
            let parse = |text| Network::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                parse(network).includes(&parse(address)),
                included,
                "{network} {address}"
            );
        }
    }

    #[test]
    fn what_is_no_network() {
        for text in [
            "",
            "x",
            "10",
            "10.0.0",
            "010.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/255.0.255.0",
            "::1/129",
            "10.0.0.0/ffff::",
            " 10.0.0.1",
            "%{ip}",
            "[10.0.0.1]",
            "[::1",
            "10.0.0.1%eth0",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
