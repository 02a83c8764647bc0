//! `URI`, `CGI` and `IPAddr`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use num_bigint::BigInt;

use crate::ruby::class::Class;
use crate::ruby::interp::{Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Text, Uri, Val};

/// Percent-encoding of forms: a space becomes `+`.
fn escape(text: &[u8], safe: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || safe.contains(&byte) => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .filter(|hex| bytes[at] == b'%' && hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    out
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn unescape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.get(1..rest.find(';').unwrap_or(0)).unwrap_or("");
        let decoded = match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => entity.strip_prefix('#').and_then(|number| {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)
            }),
        };
        match decoded {
            Some(c) => {
                out.push(c);
                rest = &rest[entity.len() + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

impl Uri {
    fn parse(text: &str) -> Option<Self> {
        if text
            .bytes()
            .any(|byte| byte <= b' ' || byte >= 0x7F || b"<>\"{}|\\^`".contains(&byte))
        {
            return None;
        }
        let (rest, fragment) = split_off(text, '#');
        let (rest, query) = split_off(rest, '?');
        let scheme_end = rest.find(':').filter(|end| {
            let scheme = &rest[..*end];
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        });
        let (scheme, rest) = match scheme_end {
            Some(end) => (Some(rest[..end].to_ascii_lowercase()), &rest[end + 1..]),
            None => (None, rest),
        };
        let mut uri = Uri {
            text: text.to_owned(),
            scheme,
            userinfo: None,
            host: None,
            port: None,
            path: rest.to_owned(),
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        };
        if let Some(authority) = rest.strip_prefix("//") {
            let end = authority.find('/').unwrap_or(authority.len());
            let (mut place, path) = authority.split_at(end);
            uri.path = path.to_owned();
            if let Some((userinfo, rest)) = place.rsplit_once('@') {
                uri.userinfo = Some(userinfo.to_owned());
                place = rest;
            }
            let port_at = place.rfind(':').filter(|at| !place[*at..].contains(']'));
            let (host, port) = match port_at {
                Some(at) => (&place[..at], Some(&place[at + 1..])),
                None => (place, None),
            };
            uri.port = match port {
                Some(port) if !port.is_empty() => Some(port.parse().ok()?),
                _ => None,
            };
            uri.host = Some(host.to_owned());
        }
        uri.port = uri.port.or(match uri.scheme.as_deref() {
            Some("http" | "ws") => Some(80),
            Some("https" | "wss") => Some(443),
            Some("ftp") => Some(21),
            Some("ldap") => Some(389),
            _ => None,
        });
        Some(uri)
    }
}

fn split_off(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

impl Run<'_, '_> {
    /// Functions of `URI` and `CGI`.
    pub(super) fn web_function(
        &mut self,
        class: Class,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let first = arguments.first().copied().unwrap_or(Val::Nil);
        if let (Class::Uri, M::EncodeWwwForm) = (class, method) {
            return self.encode_form(first).map(Some);
        }
        let text = self.text_of(first)?;
        self.steps(1 + text.len() / 64)?;
        Ok(Some(match (class, method) {
            (Class::Cgi, M::Escape) => self.new_string(escape(text.as_bytes(), b"-._*~")),
            (Class::Uri, M::EncodeWwwFormComponent | M::Escape) => {
                self.new_string(escape(text.as_bytes(), b"-._*"))
            }
            (Class::Cgi | Class::Uri, M::Unescape | M::DecodeWwwFormComponent) => {
                let decoded = Text::from_utf8(unescape(&text));
                self.heap().add(Obj::Str(decoded))
            }
            (Class::Cgi, M::EscapeHTML) => self.new_string(escape_html(&text)),
            (Class::Cgi, M::UnescapeHTML) => self.new_string(unescape_html(&text)),
            (Class::Cgi, M::Parse) => self.query_parameters(&text)?,
            (Class::Uri, M::DecodeWwwForm) => {
                let mut pairs = Vec::new();
                for (name, value) in form_pairs(&text) {
                    self.step()?;
                    let pair = vec![self.new_string(name), self.new_string(value)];
                    pairs.push(self.new_array(pair));
                }
                self.new_array(pairs)
            }
            (Class::Uri, M::Parse | M::KUri) => match Uri::parse(&text) {
                Some(uri) => self.heap().add(Obj::Uri(Box::new(uri))),
                None => {
                    let message = format!("bad URI(is not URI?): {text:?}");
                    return self.raise(Class::InvalidUriError, message);
                }
            },
            _ => return Ok(None),
        }))
    }

    fn query_parameters(&mut self, text: &str) -> Eval {
        let hash = self.heap().add(Obj::Hash(Default::default()));
        for (name, value) in form_pairs(text) {
            self.step()?;
            let (name, value) = (self.new_string(name), self.new_string(value));
            let list = self
                .memory
                .heap
                .hash(hash)
                .and_then(|pairs| self.memory.heap.lookup(pairs, name));
            match list {
                Some(Val::Ref(list)) => {
                    if let Some(Obj::Array(values)) = self.heap().get_mut(list) {
                        values.push(value);
                    }
                }
                _ => {
                    let list = self.new_array(vec![value]);
                    self.heap().set_key(hash, name, list);
                }
            }
        }
        Ok(hash)
    }

    fn encode_form(&mut self, pairs: Val) -> Eval {
        let mut out = String::new();
        for pair in self.elements(pairs)? {
            let pair = self.elements(pair)?;
            let (name, value) = (pair.first().copied(), pair.get(1).copied());
            let name = self.text_of(name.unwrap_or(Val::Nil))?;
            let value = self.text_of(value.unwrap_or(Val::Nil))?;
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(&escape(name.as_bytes(), b"-._*"));
            out.push('=');
            out.push_str(&escape(value.as_bytes(), b"-._*"));
        }
        Ok(self.new_string(out))
    }

    pub(super) fn uri_method(&mut self, uri: &Uri, method: M) -> Option<Val> {
        let text = match method {
            M::Scheme => uri.scheme.clone(),
            M::Host => uri.host.clone(),
            M::Path => Some(uri.path.clone()),
            M::Query => uri.query.clone(),
            M::Fragment => uri.fragment.clone(),
            M::Userinfo => uri.userinfo.clone(),
            M::User => uri
                .userinfo
                .as_deref()
                .and_then(|info| info.split(':').next())
                .map(str::to_owned),
            M::Password => uri
                .userinfo
                .as_deref()
                .and_then(|info| info.split_once(':'))
                .map(|(_, password)| password.to_owned()),
            M::Port => return Some(uri.port.map_or(Val::Nil, |port| Val::Int(port.into()))),
            M::ToS => Some(uri.text.clone()),
            _ => return None,
        };
        Some(text.map_or(Val::Nil, |text| self.new_string(text)))
    }

    /// `IPAddr.new`
    pub(super) fn new_ip(&mut self, value: Val) -> Eval {
        if let Some(Obj::Ip(..)) = self.memory.heap.object(value) {
            return Ok(value);
        }
        let text = self.text_of(value)?;
        match parse_ip(&text) {
            Some((address, prefix)) => Ok(self.heap().add(Obj::Ip(address, prefix))),
            None => {
                let message = format!("invalid address: {text}");
                self.raise(Class::InvalidAddressError, message)
            }
        }
    }

    pub(super) fn ip_method(
        &mut self,
        (address, prefix): (IpAddr, u8),
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let width = width(address);
        Ok(Some(match (method, arguments) {
            (M::IncludeP | M::CaseEq | M::MemberP, [other]) => {
                let other = match self.new_ip(*other) {
                    Ok(other) => other,
                    Err(_) if method == M::CaseEq => return Ok(Some(Val::False)),
                    Err(flow) => return Err(flow),
                };
                let Some(&Obj::Ip(other, _)) = self.memory.heap.object(other) else {
                    return Ok(Some(Val::False));
                };
                Val::bool(
                    other.is_ipv4() == address.is_ipv4()
                        && masked(bits(other), prefix, width) == bits(address),
                )
            }
            (M::Ipv4P, []) => Val::bool(address.is_ipv4()),
            (M::Ipv6P, []) => Val::bool(address.is_ipv6()),
            (M::LoopbackP, []) => Val::bool(address.is_loopback()),
            (M::PrivateP, []) => Val::bool(match address {
                IpAddr::V4(v4) => v4.is_private(),
                IpAddr::V6(v6) => v6.segments()[0] & 0xFE00 == 0xFC00,
            }),
            (M::LinkLocalP, []) => Val::bool(match address {
                IpAddr::V4(v4) => v4.is_link_local(),
                IpAddr::V6(v6) => v6.segments()[0] & 0xFFC0 == 0xFE80,
            }),
            (M::Prefix, []) => Val::Int(prefix.into()),
            (M::ToS | M::ToString, []) => self.new_string(address.to_string()),
            (M::ToI, []) => match i64::try_from(bits(address)) {
                Ok(number) => Val::Int(number),
                Err(_) => self.heap().add(Obj::Big(BigInt::from(bits(address)))),
            },
            (M::Succ, []) => {
                let next = address_of(bits(address).wrapping_add(1), address.is_ipv4());
                self.heap().add(Obj::Ip(next, width))
            }
            (M::Mask, [mask]) => {
                let mask = self.text_of(*mask)?;
                let Some((network, prefix)) = parse_ip(&format!("{address}/{mask}")) else {
                    return self.raise(Class::InvalidAddressError, "invalid mask");
                };
                self.heap().add(Obj::Ip(network, prefix))
            }
            (M::ToRange, []) => {
                let last = bits(address) | !masked(u128::MAX, prefix, width);
                let last = if width == 32 {
                    last & u128::from(u32::MAX)
                } else {
                    last
                };
                let first = self.heap().add(Obj::Ip(address, width));
                let last = self
                    .heap()
                    .add(Obj::Ip(address_of(last, address.is_ipv4()), width));
                self.heap().add(Obj::Range {
                    first,
                    last,
                    exclusive: false,
                })
            }
            _ => return Ok(None),
        }))
    }
}

fn form_pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |part: &str| String::from_utf8_lossy(&unescape(part)).into_owned();
    text.split(['&', ';'])
        .filter(|pair| !pair.is_empty())
        .map(move |pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address as a number.
pub(crate) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn address_of(bits: u128, v4: bool) -> IpAddr {
    if v4 {
        Ipv4Addr::from_bits(bits as u32).into()
    } else {
        Ipv6Addr::from_bits(bits).into()
    }
}

fn masked(bits: u128, prefix: u8, width: u8) -> u128 {
    match (width - prefix.min(width)).into() {
        0 => bits,
        shift @ 1..128 => bits >> shift << shift,
        _ => 0,
    }
}

/// An address or a network, whose address then is its first.
fn parse_ip(text: &str) -> Option<(IpAddr, u8)> {
    let text = text.trim_matches(['[', ']']);
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let address: IpAddr = address.split('%').next()?.parse().ok()?;
    let width = width(address);
    let prefix = match mask {
        None => width,
        Some(mask) => match mask.parse::<u8>() {
            Ok(prefix) if prefix <= width => prefix,
            Ok(_) => return None,
            Err(_) => {
                let mask: IpAddr = mask.parse().ok()?;
                (bits(mask) << (128 - u32::from(width)))
                    .leading_ones()
                    .min(width.into()) as u8
            }
        },
    };
    let network = masked(bits(address), prefix, width);
    Some((address_of(network, address.is_ipv4()), prefix))
}
