//! The addresses of Elasticsearch nodes, in every form that Logstash's `hosts` and `cloud_id` take.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use elasticsearch::http::Url;

/// The port of an address that names none, whatever its scheme.
const DEFAULT_PORT: u16 = 9200;

/// The address of one node: scheme, host, port and path, and the credentials it may carry.
#[derive(Clone, PartialEq, Eq)]
pub struct HostUrl {
    url: Url,
    credentials: Option<(String, String)>,
    query: String,
}

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not a URL.
    #[error("`{host}` is not the address of a host: write it as https://name:9200 ({reason})")]
    Invalid {
        /// As written, without credentials.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another scheme than http and https.
    #[error("`{host}` has the scheme {scheme}: only http and https can be used")]
    Scheme {
        /// As written, without credentials.
        host: String,
        /// Its scheme.
        scheme: String,
    },
    /// `ssl_enabled` and the scheme contradict each other.
    #[error("`{host}` contradicts `ssl_enabled => {ssl_enabled}`: change one of them")]
    SslMismatch {
        /// As written, without credentials.
        host: String,
        /// As configured.
        ssl_enabled: bool,
    },
    /// A `cloud_id` that is not one.
    #[error(
        "`{0}` is not a cloud_id: copy it from the page of your deployment, as in name:ZXUtd..."
    )]
    CloudId(String),
}

impl HostUrl {
    /// Reads one of `hosts`: `localhost`, `localhost:9200`, `//localhost`, `[::1]:9200`,
    /// `http://user:password@localhost:9200/path`. The port is 9200 where none is given, the scheme
    /// http unless `ssl_enabled` says otherwise
    /// (source: `http_client.rb` of logstash-output-elasticsearch).
    pub fn parse(text: &str, ssl_enabled: Option<bool>) -> Result<Self, HostError> {
        let text = text.trim();
        let default_scheme = match ssl_enabled {
            Some(true) => "https",
            _ => "http",
        };
        let absolute = if text.contains("://") {
            text.to_owned()
        } else {
            format!("{default_scheme}://{}", text.trim_start_matches("//"))
        };
        let shown = without_credentials(&absolute);
        let mut url = Url::parse(&absolute).map_err(|error| HostError::Invalid {
            host: shown.clone(),
            reason: error.to_string(),
        })?;
        match (url.scheme(), ssl_enabled) {
            ("http", Some(true)) | ("https", Some(false)) => {
                return Err(HostError::SslMismatch {
                    host: shown,
                    ssl_enabled: url.scheme() == "http",
                });
            }
            ("http" | "https", _) => {}
            (scheme, _) => {
                return Err(HostError::Scheme {
                    host: shown,
                    scheme: scheme.to_owned(),
                });
            }
        }
        let no_host = || HostError::Invalid {
            host: shown.clone(),
            reason: "it has no host name".to_owned(),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(no_host());
        }
        // `Url` forgets a port that is its scheme's own; here https://h is h:9200, https://h:443 is not.
        if !names_port(&absolute) {
            url.set_port(Some(DEFAULT_PORT)).map_err(|()| no_host())?;
        }
        let credentials = match (url.username(), url.password()) {
            ("", _) | (_, None) => None,
            (user, Some(password)) => Some((decode_percent(user), decode_percent(password))),
        };
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let query = url.query().unwrap_or_default().to_owned();
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self {
            url,
            credentials,
            query,
        })
    }

    /// Reads an Elastic Cloud id: `name:base64(host$elasticsearch-id$kibana-id)`
    /// (source: `org.logstash.util.CloudSettingId`).
    pub fn from_cloud_id(cloud_id: &str) -> Result<Self, HostError> {
        let invalid = || HostError::CloudId(cloud_id.to_owned());
        let encoded = cloud_id.rsplit(':').next().unwrap_or(cloud_id);
        let decoded = STANDARD
            .decode(encoded)
            .or_else(|_| STANDARD_NO_PAD.decode(encoded))
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(invalid)?;
        let mut segments = decoded.split('$');
        let (Some(host), Some(id)) = (segments.next(), segments.next()) else {
            return Err(invalid());
        };
        let split_port = |text: &str| match text.split_once(':') {
            Some((name, port)) => (name.to_owned(), Some(port.to_owned())),
            None => (text.to_owned(), None),
        };
        let (host, cloud_port) = split_port(host);
        let (id, own_port) = split_port(id);
        if host.is_empty() || id.is_empty() || id == "undefined" {
            return Err(invalid());
        }
        let port = own_port.or(cloud_port).unwrap_or_else(|| "443".to_owned());
        Self::parse(&format!("https://{id}.{host}:{port}"), None).map_err(|_| invalid())
    }

    /// Puts the node's API under `path`, unless the address has a path of its own.
    pub fn with_path(mut self, path: &str) -> Self {
        if self.url.path() == "/" {
            self.url.set_path(&format!("/{}", path.trim_matches('/')));
        }
        self
    }

    /// Scheme, host, port and path, without credentials and query.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// User and password, where the address carries both.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials
            .as_ref()
            .map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// The query that goes with every request, without `?`; empty for most.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Whether requests are encrypted.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

/// The address without its credentials: fit for logs.
impl fmt::Display for HostUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

impl fmt::Debug for HostUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostUrl({self})")
    }
}

fn authority(absolute: &str) -> &str {
    let after = absolute
        .split_once("://")
        .map_or(absolute, |(_, rest)| rest);
    after.split(['/', '?', '#']).next().unwrap_or(after)
}

fn names_port(absolute: &str) -> bool {
    let authority = authority(absolute);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let after_bracket = host.rsplit(']').next().unwrap_or(host);
    after_bracket
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty())
}

fn without_credentials(absolute: &str) -> String {
    let authority = authority(absolute);
    match authority.rsplit_once('@') {
        Some((credentials, _)) => absolute.replacen(&format!("{credentials}@"), "", 1),
        None => absolute.to_owned(),
    }
}

fn decode_percent(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        let hex = |digit: u8| (digit as char).to_digit(16);
        if byte == b'%'
            && let [high, low, rest @ ..] = bytes
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push((high * 16 + low) as u8);
            bytes = rest;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_host() {
        for (text, ssl_enabled, expected) in [
            ("localhost", None, "http://localhost:9200/"),
            ("localhost:9201", None, "http://localhost:9201/"),
            ("//127.0.0.1", None, "http://127.0.0.1:9200/"),
            ("127.0.0.1", Some(true), "https://127.0.0.1:9200/"),
            ("https://es", None, "https://es:9200/"),
            ("https://es:443", None, "https://es/"),
            ("http://es:80/x", None, "http://es/x"),
            ("http://es/logs/", None, "http://es:9200/logs/"),
            ("http://u:p@es:9200/path", None, "http://es:9200/path"),
            ("[::1]", None, "http://[::1]:9200/"),
            ("[::1]:9201", None, "http://[::1]:9201/"),
            (
                " es.example.com ",
                Some(false),
                "http://es.example.com:9200/",
            ),
        ] {
            let host = HostUrl::parse(text, ssl_enabled).unwrap();
            assert_eq!(host.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn credentials_are_taken_out_of_the_address_and_decoded() {
        let host = HostUrl::parse("https://al%40ice:pa%3Ass%23@es:9200?a=b", None).unwrap();
        assert_eq!(host.credentials(), Some(("al@ice", "pa:ss#")));
        assert_eq!(host.query(), "a=b");
        assert_eq!(format!("{host:?}"), "HostUrl(https://es:9200/)");
    }

    #[test]
    fn bad_hosts_are_refused_without_showing_a_password() {
        for (text, ssl_enabled) in [
            ("ftp://u:secret@es", None),
            ("http://u:secret@es:port", None),
            ("http://u:secret@es", Some(true)),
            ("https://u:secret@es", Some(false)),
            ("http://", None),
            ("", None),
        ] {
            let error = HostUrl::parse(text, ssl_enabled).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn cloud_ids() {
        let id = |decoded: &str| format!("my-deployment:{}", STANDARD.encode(decoded));
        for (decoded, expected) in [
            (
                "us-east-1.aws.found.io$abc$def",
                "https://abc.us-east-1.aws.found.io/",
            ),
            ("found.io:9243$abc$def", "https://abc.found.io:9243/"),
            ("found.io:9243$abc:9244$def", "https://abc.found.io:9244/"),
        ] {
            let host = HostUrl::from_cloud_id(&id(decoded)).unwrap();
            assert_eq!(host.to_string(), expected);
        }
        for bad in [
            "",
            "x",
            "x:###",
            &id("onlyhost"),
            &id("$abc$"),
            &id("h$undefined$"),
        ] {
            assert!(HostUrl::from_cloud_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_is_set_where_the_address_has_none() {
        let host = |text: &str| HostUrl::parse(text, None).unwrap().with_path("/es/");
        assert_eq!(host("h").to_string(), "http://h:9200/es");
        assert_eq!(host("http://h/own").to_string(), "http://h:9200/own");
    }
}
