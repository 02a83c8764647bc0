//! The option `nameserver`: addresses, or a hash with what else there is to say of them.

use std::net::{IpAddr, SocketAddr};

use crate::config::ast::{Literal, Spanned};
use crate::resolver::Servers;
use crate::spec::{Settings, string_of};

/// The port of name servers.
const PORT: u16 = 53;
const SEARCH_MAX: usize = 6;

/// `None` after an error was reported.
pub(super) fn read_servers(
    given: &Spanned<Literal>,
    settings: &mut Settings<'_>,
) -> Option<Servers> {
    let Literal::Hash(pairs) = &given.node else {
        let addresses = read_addresses(given, settings)?;
        return Some(Servers::Given {
            addresses,
            search: Vec::new(),
            dots: 1,
        });
    };
    let (mut addresses, mut search, mut dots) = (None, Vec::new(), 1);
    for (key, value) in pairs {
        match string_of(&key.node).as_deref() {
            Some("address") => addresses = Some(read_addresses(value, settings)?),
            Some("search") => search = texts(value, settings)?,
            Some("ndots") => {
                let number = string_of(&value.node).and_then(|text| text.parse().ok());
                match number.filter(|number| *number > 0) {
                    Some(number) => dots = number,
                    None => {
                        settings.report_type(value, "a number above 0");
                        return None;
                    }
                }
            }
            other => {
                let key_text = other.unwrap_or_default();
                settings.report_choice(key.span, key_text, &["address", "search", "ndots"]);
                return None;
            }
        }
    }
    if search.len() > SEARCH_MAX {
        let message = format!("`search` takes up to {SEARCH_MAX} domains");
        settings.report(given.span, message);
        return None;
    }
    let Some(addresses) = addresses else {
        settings.report(given.span, "`nameserver` needs an `address`");
        return None;
    };
    Some(Servers::Given {
        addresses,
        search,
        dots,
    })
}

fn texts(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Vec<String>> {
    let values = match &value.node {
        Literal::Array(values) => values.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let texts: Option<Vec<String>> = values.iter().map(|value| string_of(&value.node)).collect();
    if texts.is_none() {
        settings.report_type(value, "string or array of strings");
    }
    texts
}

fn read_addresses(
    value: &Spanned<Literal>,
    settings: &mut Settings<'_>,
) -> Option<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for text in texts(value, settings)? {
        let read = text
            .parse::<IpAddr>()
            .map(|address| SocketAddr::new(address, PORT))
            .or_else(|_| text.parse());
        match read {
            Ok(address) => addresses.push(address),
            Err(_) => {
                let message = format!("`{text}` is no address of a name server");
                settings.report(value.span, message).help = Some(
                    "write it as in `192.0.2.1`, `192.0.2.1:5353` or `2001:db8::1`".to_owned(),
                );
                return None;
            }
        }
    }
    if addresses.is_empty() {
        settings.report(value.span, "`nameserver` needs an address");
        return None;
    }
    Some(addresses)
}
