//! The HTTP API: Logstash's, with the same names in the same places, and `/metrics` for Prometheus.
//!
//! It serves the last snapshot that the main loop has published and touches no running part, so that
//! looking costs nothing and can never hold anything up.

mod flow;
mod health;
mod info;
mod metrics;
mod node_stats;
mod process;
mod snapshot;
mod stream;
mod threads;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tracing::{info, warn};

pub use snapshot::{NodeSnapshot, Snapshot};
pub use stream::MetricsStream;

use crate::settings::ApiAddress;
use flow::Flows;

/// The running API.
pub struct Monitor {
    flows: Flows,
    latest: Arc<Mutex<Arc<NodeSnapshot>>>,
    address: Option<SocketAddr>,
    /// Serves until it is dropped.
    _runtime: Option<Runtime>,
}

impl Monitor {
    /// Starts serving on the first free port. Without one, or without an address, nothing is served.
    pub fn start(address: Option<&ApiAddress>, first: NodeSnapshot) -> Self {
        let latest = Arc::new(Mutex::new(Arc::new(first)));
        let mut monitor = Self {
            flows: Flows::default(),
            latest: Arc::clone(&latest),
            address: None,
            _runtime: None,
        };
        let Some(wanted) = address else {
            return monitor;
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("api")
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                warn!(%error, "the api is off: its runtime cannot start");
                return monitor;
            }
        };
        match runtime.block_on(listen(wanted)) {
            Ok((listener, bound)) => {
                info!("api on http://{bound}: /_node/stats, /_health_report, /metrics");
                let login = wanted.login.as_ref().map(|(user, password)| {
                    let both = BASE64_STANDARD.encode(format!("{user}:{password}"));
                    format!("Basic {both}")
                });
                let api = Arc::new(Api {
                    bound,
                    login,
                    id: info::random_id(),
                    started: SystemTime::now(),
                });
                runtime.spawn(serve(listener, api, latest));
                monitor.address = Some(bound);
                monitor._runtime = Some(runtime);
            }
            Err(error) => warn!(
                "the api is off: it cannot listen on {}, port {} to {}: {error}; see api.http.host and api.http.port",
                wanted.host, wanted.ports.0, wanted.ports.1
            ),
        }
        monitor
    }

    /// Replaces what is served.
    pub fn publish(&mut self, mut snapshot: NodeSnapshot) {
        self.flows.observe(&mut snapshot);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// Listens on the first free port. What is wrong with the host is wrong with every port.
async fn listen(wanted: &ApiAddress) -> std::io::Result<(TcpListener, SocketAddr)> {
    let mut last = std::io::ErrorKind::AddrInUse.into();
    for port in wanted.ports.0..=wanted.ports.1 {
        match TcpListener::bind((wanted.host.as_str(), port)).await {
            Ok(listener) => {
                let bound = listener.local_addr()?;
                return Ok((listener, bound));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

async fn serve(listener: TcpListener, api: Arc<Api>, latest: Arc<Mutex<Arc<NodeSnapshot>>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: let others go first.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let (latest, api) = (Arc::clone(&latest), Arc::clone(&api));
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let snapshot = latest
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                let api = Arc::clone(&api);
                async move { Ok::<_, Infallible>(answer(request, &snapshot, &api).await) }
            });
            // A client that goes away in the middle is its own business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// What every answer needs beside the snapshot.
struct Api {
    bound: SocketAddr,
    /// The `Authorization` that is asked for.
    login: Option<String>,
    /// Made anew at each start.
    id: String,
    started: SystemTime,
}

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 64 << 10;

async fn answer(
    request: Request<Incoming>,
    node: &NodeSnapshot,
    api: &Api,
) -> Response<Full<Bytes>> {
    if let Some(login) = &api.login {
        let given = request.headers().get(AUTHORIZATION);
        if given.is_none_or(|given| !is_same(given.as_bytes(), login.as_bytes())) {
            return unauthorized();
        }
    }
    if request.method() == Method::PUT && request.uri().path().starts_with("/_node/logging") {
        return set_levels(request, node, api).await;
    }
    if request.method() != Method::GET {
        return text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET is supported\n".to_owned(),
        );
    }
    let path = request.uri().path().trim_end_matches('/');
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some(name))
    };
    if path == "/metrics" {
        return text(StatusCode::OK, metrics::render(node));
    }
    if path == "/_node/hot_threads" && has("human") {
        return text(StatusCode::OK, threads::as_text());
    }
    let (status, value) = match value_of(path, node, api) {
        Some(value) => (StatusCode::OK, value),
        None => (
            StatusCode::NOT_FOUND,
            json!({"path": path, "status": 404, "error": {"message": "Not Found"}}),
        ),
    };
    let body = match has("pretty") {
        true => format!("{value:#}\n"),
        false => format!("{value}\n"),
    };
    respond(status, "application/json", body)
}

/// `PUT /_node/logging` with `{"logger.kelp": "DEBUG"}`, and `PUT /_node/logging/reset`.
async fn set_levels(
    request: Request<Incoming>,
    node: &NodeSnapshot,
    api: &Api,
) -> Response<Full<Bytes>> {
    let done = match request.uri().path().trim_end_matches('/') {
        "/_node/logging/reset" => {
            crate::logging::reset();
            Ok(())
        }
        _ => match Limited::new(request.into_body(), MAX_BODY).collect().await {
            Ok(body) => crate::logging::set_levels(&body.to_bytes()),
            Err(error) => Err(error.to_string()),
        },
    };
    let mut answer = info::base(node, api);
    let status = match done {
        Ok(()) => {
            answer["acknowledged"] = true.into();
            StatusCode::OK
        }
        Err(error) => {
            answer["error"] = error.into();
            StatusCode::BAD_REQUEST
        }
    };
    respond(status, "application/json", format!("{answer}\n"))
}

/// What is at a path; each answer begins with what tells the process from others, as in Logstash.
fn value_of(path: &str, node: &NodeSnapshot, api: &Api) -> Option<Value> {
    let base = info::base(node, api);
    let with = |name: &str, value: Value| {
        let mut all = base.clone();
        all[name] = value;
        all
    };
    let pipeline = |pipelines: Value, id: &str| {
        let pipeline = pipelines.get(id)?.clone();
        Some(with("pipelines", json!({id: pipeline})))
    };
    let path = path
        .strip_prefix("/_stats")
        .map_or(path.to_owned(), |rest| format!("/_node/stats{rest}"));
    let path = path.as_str();
    if let Some(id) = path.strip_prefix("/_node/stats/pipelines/") {
        return pipeline(node_stats::pipelines(node, api), id);
    }
    if let Some(id) = path.strip_prefix("/_node/pipelines/") {
        return pipeline(info::pipelines(node, api), id);
    }
    if let Some(rest) = path.strip_prefix("/_node/stats") {
        return selected(&base, node_stats::all(node, api), rest);
    }
    match path {
        "" => Some(info::root(node, api)),
        "/_health_report" => Some(health::report(node, api)),
        "/_node/plugins" => Some(info::plugins(base)),
        "/_node/hot_threads" => Some(with("hot_threads", threads::as_json())),
        "/_node/logging" => Some(with("loggers", crate::logging::levels())),
        _ => selected(&base, info::node(node, api), path.strip_prefix("/_node")?),
    }
}

/// Of `all` what `path` names: everything for an empty one, else names divided by commas.
fn selected(base: &Value, all: Value, path: &str) -> Option<Value> {
    let names = match path {
        "" => None,
        path => Some(path.strip_prefix('/')?.split(',').collect::<Vec<_>>()),
    };
    let Value::Object(all) = all else { return None };
    let mut answer = base.clone();
    let mut count = 0;
    for (name, value) in all {
        if names
            .as_ref()
            .is_none_or(|names| names.contains(&name.as_str()))
        {
            answer[&name] = value;
            count += 1;
        }
    }
    (count > 0).then_some(answer)
}

/// Compares without telling by its duration how much is right.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    let differences = given
        .iter()
        .zip(wanted)
        .map(|(given, wanted)| given ^ wanted);
    given.len() == wanted.len() && differences.fold(0, |all, bits| all | bits) == 0
}

fn unauthorized() -> Response<Full<Bytes>> {
    let mut response = text(
        StatusCode::UNAUTHORIZED,
        "user and password are needed\n".to_owned(),
    );
    response.headers_mut().insert(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"logstash-api\""),
    );
    response
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    respond(status, "text/plain; version=0.0.4; charset=utf-8", body)
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
