//! Elasticsearch or Kibana, spoken to in JSON.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kelp_sink::elasticsearch::{
    ClientError, ClientSettings, HeaderValue, HostError, HostUrl, Login, Method, Node, TlsSettings,
};
use serde_json::Value;

use crate::cli::SetupArgs;

/// Why setup cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An address that is none.
    #[error("{0}")]
    Host(#[from] HostError),
    /// Headers or certificates.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// A key in no known form.
    #[error("the API key is neither `id:key`, nor base64, nor a key of Elastic Cloud (essu_...)")]
    ApiKey,
    /// A file that cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("`{path}` cannot be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing answers.
    #[error("{server} at {url} did not become ready within {seconds} s: {last}")]
    NotReady {
        /// Which.
        server: &'static str,
        /// Where.
        url: String,
        /// How long it was waited for.
        seconds: u64,
        /// What was seen last.
        last: String,
    },
    /// 401 and 403.
    #[error(
        "{server} at {url} refuses the credentials ({status}): {reason}\n  A password that was set on the server stays in its data: give that one, \
         change it with the API, or start afresh (docker compose down -v deletes all data)"
    )]
    Refused {
        /// Which.
        server: &'static str,
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// No answer in the middle of it all.
    #[error("{server} does not answer {request}: {reason}")]
    NoAnswer {
        /// Which.
        server: &'static str,
        /// The request.
        request: String,
        /// Why.
        reason: String,
    },
    /// Kibana took only some of the dashboards.
    #[error("Kibana did not take {}:\n  {}", if failed.len() == 1 { "one of the objects" } else { "some of the objects" }, failed.join("\n  "))]
    Import {
        /// Each with the reason.
        failed: Vec<String>,
    },
    /// Any other status.
    #[error("{server} answers {request} with {status}: {reason}")]
    Status {
        /// Which.
        server: &'static str,
        /// The request.
        request: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        reason: String,
    },
}

/// One server.
pub struct Server {
    name: &'static str,
    url: String,
    node: Node,
}

/// An answer: its status, and its body where it is JSON.
pub type Answer = (u16, Value);

/// How long a server may say that it cannot just now.
const BUSY_FOR: Duration = Duration::from_secs(60);
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Server {
    /// Sets up the client; nothing is sent yet.
    pub fn new(
        name: &'static str,
        url: &str,
        args: &SetupArgs,
        headers: &[(&str, &str)],
    ) -> Result<Self, SetupError> {
        let login = match (&args.api_key, password(args)?) {
            (Some(key), _) => Some(Login::api_key(key).ok_or(SetupError::ApiKey)?),
            (None, Some(password)) => Some(Login::Basic(args.user.clone(), password)),
            (None, None) => None,
        };
        Self::with_login(name, url, args, headers, login)
    }

    /// The same server as seen by another user.
    pub fn with_login(
        name: &'static str,
        url: &str,
        args: &SetupArgs,
        headers: &[(&str, &str)],
        credentials: Option<Login>,
    ) -> Result<Self, SetupError> {
        let host = HostUrl::parse(url, None)?;
        let authorities = args.ca.as_deref().map(read).transpose()?;
        let settings = ClientSettings {
            credentials,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            tls: TlsSettings {
                authorities,
                ..TlsSettings::default()
            },
            timeout: Duration::from_secs(60),
            ..ClientSettings::default()
        };
        Ok(Self {
            name,
            url: host.url().to_string(),
            node: Node::new(host, &settings)?,
        })
    }

    /// Sends a request and returns the answer, whatever its status, but for 401 and 403.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, SetupError> {
        let bytes = body.map(|body| body.to_string().into());
        self.send(JSON, method, path, bytes).await
    }

    async fn send(
        &self,
        content_type: HeaderValue,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, SetupError> {
        let answer = self.node.request_as(content_type, method, path, body).await;
        let answer = answer.map_err(|error| SetupError::NoAnswer {
            server: self.name,
            request: format!("{method:?} {path}"),
            reason: error.to_string(),
        })?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if matches!(answer.status, 401 | 403) {
            return Err(SetupError::Refused {
                server: self.name,
                url: self.url.clone(),
                status: answer.status,
                reason: reason(&value),
            });
        }
        Ok((answer.status, value))
    }

    /// As [`ask`](Self::ask), again for a while when the server says that it cannot just now.
    pub async fn ask_patiently(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, SetupError> {
        let bytes = body.map(|body| body.to_string().into());
        self.send_patiently(JSON, method, path, bytes).await
    }

    /// Uploads a file as the form's only field, `file`, again for a while when the server says that it cannot just now.
    pub async fn upload(
        &self,
        path: &str,
        name: &str,
        content: &str,
    ) -> Result<Answer, SetupError> {
        const BOUNDARY: &str = "kelp-b0dbc2a5e7f14d1f";
        const TYPE: HeaderValue =
            HeaderValue::from_static("multipart/form-data; boundary=kelp-b0dbc2a5e7f14d1f");
        let body = Bytes::from(format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/ndjson\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n"
        ));
        self.send_patiently(TYPE, Method::Post, path, Some(body))
            .await
    }

    /// Right after its start Elasticsearch answers 503 until its own index of users and roles is there.
    async fn send_patiently(
        &self,
        content_type: HeaderValue,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, SetupError> {
        let begun = Instant::now();
        loop {
            let sent = self.send(content_type.clone(), method, path, body.clone());
            let answer = sent.await?;
            if !matches!(answer.0, 429 | 503) || begun.elapsed() >= BUSY_FOR {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// GET; `None` where there is no such thing.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, SetupError> {
        match self.ask(Method::Get, path, None).await? {
            (200..300, value) => Ok(Some(value)),
            (404, _) => Ok(None),
            answer => Err(self.unexpected("GET", path, &answer)),
        }
    }

    /// The error for a status that nothing else is made of.
    pub fn unexpected(&self, method: &str, path: &str, (status, value): &Answer) -> SetupError {
        SetupError::Status {
            server: self.name,
            request: format!("{method} {path}"),
            status: *status,
            reason: reason(value),
        }
    }

    /// Asks `path` until `ready` has no objection; credentials that are refused end the wait at once.
    pub async fn wait(
        &self,
        path: &str,
        patience: Duration,
        ready: impl Fn(&Answer) -> Result<(), String>,
    ) -> Result<(), SetupError> {
        let begun = Instant::now();
        loop {
            let last = match self.ask(Method::Get, path, None).await {
                Ok(answer) => match ready(&answer) {
                    Ok(()) => return Ok(()),
                    Err(objection) => objection,
                },
                Err(SetupError::NoAnswer { reason, .. }) => reason,
                Err(error) => return Err(error),
            };
            if begun.elapsed() >= patience {
                return Err(SetupError::NotReady {
                    server: self.name,
                    url: self.url.clone(),
                    seconds: patience.as_secs(),
                    last,
                });
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// What an error's body says, in a line.
pub fn reason(value: &Value) -> String {
    let said = [
        "/error/caused_by/caused_by/reason",
        "/error/caused_by/reason",
        "/error/reason",
        "/message",
    ];
    let said = said
        .iter()
        .find_map(|place| value.pointer(place).and_then(Value::as_str));
    said.map_or_else(
        || value.to_string().chars().take(300).collect(),
        str::to_owned,
    )
}

/// The password of who sets up: as given, or from a file.
pub fn password(args: &SetupArgs) -> Result<Option<String>, SetupError> {
    match (&args.password, &args.password_file) {
        (Some(password), _) => Ok(Some(password.clone())),
        (None, Some(file)) => read_secret(file).map(Some),
        (None, None) => Ok(None),
    }
}

/// A secret is the first line of its file.
pub fn read_secret(path: &Path) -> Result<String, SetupError> {
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    std::fs::read(path).map_err(|source| SetupError::Read {
        path: path.to_owned(),
        source,
    })
}
