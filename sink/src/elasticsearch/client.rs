//! One node of Elasticsearch, spoken to over HTTP.
//!
//! It is the transport of the official client, given bytes that are sent as they are. No header asks
//! for a version (`compatible-with`): Elasticsearch 8 and 9 and OpenSearch all take the same request.
//! What an answer means is decided elsewhere.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::auth::{ClientCertificate, Credentials};
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, USER_AGENT,
};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};

use super::hosts::HostUrl;

/// How to speak to the nodes.
#[derive(Clone, Default)]
pub struct ClientSettings {
    /// Who we are; credentials within a host's address go before these.
    pub credentials: Option<Login>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// For https.
    pub tls: TlsSettings,
    /// A forward proxy, as `http://user:password@proxy:3128`.
    pub proxy: Option<String>,
    /// From connecting to the end of the answer; an answer that takes longer counts as none.
    pub timeout: Duration,
}

/// Who we are.
#[derive(Clone)]
pub enum Login {
    /// User and password.
    Basic(String, String),
    /// The value that follows `ApiKey` in the header.
    ApiKey(String),
}

/// How https is checked.
#[derive(Clone, Default)]
pub struct TlsSettings {
    /// PEM certificates of authorities to trust, besides the well-known ones.
    pub authorities: Option<Vec<u8>>,
    /// PEM certificate and private key that identify us.
    pub identity: Option<Vec<u8>>,
    /// Trust any certificate (`ssl_verification_mode => none`).
    pub no_verification: bool,
}

/// Settings with which no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A header's name or value.
    #[error("`{0}` cannot be sent as an HTTP header")]
    Header(String),
    /// A certificate or key.
    #[error("the PEM file given in {option} cannot be used: {reason}")]
    Certificate {
        /// The option it was given in.
        option: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The proxy's address.
    #[error("the proxy is not an address such as http://proxy:3128 ({0})")]
    Proxy(String),
    /// Anything else.
    #[error("the HTTP client cannot be set up: {0}")]
    Build(String),
}

/// What a node answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// No answer came, or not all of it: whether the request was executed is unknown.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// One node.
pub struct Node {
    host: HostUrl,
    transport: Transport,
    headers: HeaderMap,
}

const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Node {
    /// Sets up the client; nothing is sent yet.
    pub fn new(host: HostUrl, settings: &ClientSettings) -> Result<Self, ClientError> {
        let pool = SingleNodeConnectionPool::new(host.url().clone());
        let mut builder = TransportBuilder::new(pool)
            .enable_meta_header(false)
            .timeout(settings.timeout);
        if host.is_https() {
            builder = with_tls(builder, &settings.tls)?;
        }
        builder = match &settings.proxy {
            Some(proxy) => with_proxy(builder, proxy)?,
            // Logstash does not look at the environment's proxies either.
            None => builder.disable_proxy(),
        };
        let transport = builder
            .build()
            .map_err(|error| ClientError::Build(chain(&error)))?;
        let headers = own_headers(&host, settings)?;
        Ok(Self {
            host,
            transport,
            headers,
        })
    }

    /// The node's address.
    pub fn host(&self) -> &HostUrl {
        &self.host
    }

    /// Posts NDJSON, gzipped already where `gzipped` says so.
    pub async fn post_bulk(
        &self,
        path: &str,
        body: Bytes,
        gzipped: bool,
        docs: usize,
        uncompressed_bytes: usize,
    ) -> Result<Answer, NoAnswer> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, NDJSON);
        if gzipped {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        // As Logstash sends them; some services meter by them.
        headers.insert("x-elastic-event-count", HeaderValue::from(docs));
        headers.insert(
            "x-elastic-uncompressed-request-length",
            HeaderValue::from(uncompressed_bytes),
        );
        self.send(Method::Post, path, headers, Some(body)).await
    }

    /// Any other request; a body is JSON.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, NoAnswer> {
        self.request_as(JSON, method, path, body).await
    }

    /// Any other request, with a body of any type.
    pub async fn request_as(
        &self,
        content_type: HeaderValue,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, NoAnswer> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, content_type);
        self.send(method, path, headers, body).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Answer, NoAnswer> {
        let with_query;
        let path = if self.host.query().is_empty() {
            path
        } else {
            let joint = if path.contains('?') { '&' } else { '?' };
            with_query = format!("{path}{joint}{}", self.host.query());
            &with_query
        };
        let no_answer = |error: elasticsearch::Error| NoAnswer(chain(&error));
        let response = self
            .transport
            .send(method, path, headers, None::<&()>, body, None)
            .await
            .map_err(no_answer)?;
        let status = response.status_code().as_u16();
        let body = response.bytes().await.map_err(no_answer)?;
        Ok(Answer { status, body })
    }
}

fn with_tls(
    mut builder: TransportBuilder,
    tls: &TlsSettings,
) -> Result<TransportBuilder, ClientError> {
    if let Some(identity) = &tls.identity {
        let certificate = ClientCertificate::Pem(identity.clone());
        builder = builder.auth(Credentials::Certificate(certificate));
    }
    if tls.no_verification {
        return Ok(builder.cert_validation(CertificateValidation::None));
    }
    let Some(authorities) = &tls.authorities else {
        return Ok(builder);
    };
    let unusable = |reason: String| ClientError::Certificate {
        option: "ssl_certificate_authorities",
        reason,
    };
    let certificates =
        Certificate::from_pem(authorities).map_err(|error| unusable(chain(&error)))?;
    Ok(builder.cert_validation(CertificateValidation::Full(certificates)))
}

fn with_proxy(builder: TransportBuilder, proxy: &str) -> Result<TransportBuilder, ClientError> {
    let mut url = Url::parse(proxy).map_err(|error| ClientError::Proxy(error.to_string()))?;
    let user = (!url.username().is_empty()).then(|| url.username().to_owned());
    let password = url.password().map(str::to_owned);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(builder.proxy(url, user.as_deref(), password.as_deref()))
}

/// The headers of every request. What the configuration gives goes before our own.
fn own_headers(host: &HostUrl, settings: &ClientSettings) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, JSON);
    // The answer to a bulk is short; unpacking it would cost more than its transfer.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("kelp/", env!("CARGO_PKG_VERSION"))),
    );
    let login = host
        .credentials()
        .map(|(user, password)| Login::Basic(user.to_owned(), password.to_owned()))
        .or_else(|| settings.credentials.clone());
    if let Some(login) = login {
        headers.insert(AUTHORIZATION, login.header()?);
    }
    for (name, value) in &settings.headers {
        let invalid = || ClientError::Header(name.clone());
        let header = HeaderName::try_from(name.as_str()).map_err(|_| invalid())?;
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| invalid())?;
        headers.insert(header, value);
    }
    Ok(headers)
}

impl Login {
    /// From the option `api_key`: `id:key` is encoded, what is encoded already or is a key of
    /// Elastic Cloud (`essu_`) stays as it is. `None` for anything else.
    pub fn api_key(text: &str) -> Option<Self> {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let is_id_and_key = text
            .split_once(':')
            .is_some_and(|(id, key)| !id.is_empty() && !key.is_empty() && !key.contains(':'));
        if is_id_and_key {
            return Some(Self::ApiKey(STANDARD.encode(text)));
        }
        let is_encoded = STANDARD.decode(text).is_ok_and(|key| !key.is_empty());
        (is_encoded || text.len() > 5 && text.starts_with("essu_"))
            .then(|| Self::ApiKey(text.to_owned()))
    }

    fn header(&self) -> Result<HeaderValue, ClientError> {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let text = match self {
            Login::Basic(user, password) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Login::ApiKey(key) => format!("ApiKey {key}"),
        };
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| ClientError::Header("Authorization".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// An error with everything that caused it, each part once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn api_keys_in_every_form() {
        let key = |text: &str| match Login::api_key(text) {
            Some(Login::ApiKey(key)) => Some(key),
            _ => None,
        };
        assert_eq!(key("foo:bar").as_deref(), Some("Zm9vOmJhcg=="));
        assert_eq!(key("Zm9vOmJhcg==").as_deref(), Some("Zm9vOmJhcg=="));
        assert_eq!(key("essu_abc").as_deref(), Some("essu_abc"));
        for bad in ["", "foo:", ":bar", "a:b:c", "not base64!", "essu_"] {
            assert_eq!(key(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_sent_as_a_header_is_refused() {
        let host = HostUrl::parse("localhost", None).unwrap();
        let settings = ClientSettings {
            headers: vec![("bad name".to_owned(), "x".to_owned())],
            ..ClientSettings::default()
        };
        assert!(matches!(
            Node::new(host, &settings),
            Err(ClientError::Header(name)) if name == "bad name"
        ));
    }

    #[test]
    fn a_pem_file_without_a_certificate_is_refused() {
        let host = HostUrl::parse("https://localhost", None).unwrap();
        let settings = ClientSettings {
            tls: TlsSettings {
                authorities: Some(b"nothing".to_vec()),
                ..TlsSettings::default()
            },
            ..ClientSettings::default()
        };
        let error = Node::new(host, &settings).err().unwrap();
        assert!(error.to_string().contains("ssl_certificate_authorities"));
    }

    /// TLS wants more of a key than Java writes, which only shows when the client is made.
    #[test]
    fn keys_from_stores_of_java_are_taken() {
        for store in ["identity.jks", "identity.p12", "legacy.p12"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../keystore/tests/stores")
                .join(store);
            let passwords = kelp_keystore::Passwords {
                store: Some("storepass"),
                key: (store == "identity.jks").then_some("keypass99"),
            };
            let client = kelp_keystore::client(&path, passwords).unwrap().unwrap();
            let host = HostUrl::parse("https://localhost", None).unwrap();
            let settings = ClientSettings {
                tls: TlsSettings {
                    identity: Some((client.certificates + &client.key).into_bytes()),
                    ..TlsSettings::default()
                },
                ..ClientSettings::default()
            };
            assert!(Node::new(host, &settings).is_ok(), "{store}");
        }
    }
}
