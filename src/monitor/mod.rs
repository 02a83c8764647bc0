//! The HTTP API: Logstash's `/` and `/_node/stats`, a health report, and `/metrics` for Prometheus.
//!
//! It serves the last snapshot that the main loop has published and touches no running part, so that
//! looking costs nothing and can never hold anything up.

mod metrics;
mod node_stats;
mod snapshot;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tracing::{info, warn};

pub use snapshot::Snapshot;

use crate::settings::ApiAddress;

/// The running API.
pub struct Monitor {
    latest: Arc<Mutex<Arc<Snapshot>>>,
    address: Option<SocketAddr>,
    /// Serves until it is dropped.
    _runtime: Option<Runtime>,
}

impl Monitor {
    /// Starts serving on the first free port. Without one, or without an address, nothing is served.
    pub fn start(address: Option<&ApiAddress>, first: Snapshot) -> Self {
        let latest = Arc::new(Mutex::new(Arc::new(first)));
        let mut monitor = Self {
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
            Some((listener, bound)) => {
                info!("api on http://{bound}: /_node/stats, /_health_report, /metrics");
                runtime.spawn(serve(listener, bound, latest));
                monitor.address = Some(bound);
                monitor._runtime = Some(runtime);
            }
            None => warn!(
                "the api is off: no port from {} to {} is free on {}",
                wanted.ports.0, wanted.ports.1, wanted.host
            ),
        }
        monitor
    }

    /// Replaces what is served.
    pub fn publish(&self, snapshot: Snapshot) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

async fn listen(wanted: &ApiAddress) -> Option<(TcpListener, SocketAddr)> {
    for port in wanted.ports.0..=wanted.ports.1 {
        if let Ok(listener) = TcpListener::bind((wanted.host.as_str(), port)).await {
            let bound = listener.local_addr().ok()?;
            return Some((listener, bound));
        }
    }
    None
}

async fn serve(listener: TcpListener, bound: SocketAddr, latest: Arc<Mutex<Arc<Snapshot>>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: let others go first.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let latest = Arc::clone(&latest);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let snapshot = latest
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                async move { Ok::<_, Infallible>(answer(&request, &snapshot, bound)) }
            });
            // A client that goes away in the middle is its own business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer(
    request: &Request<Incoming>,
    snapshot: &Snapshot,
    bound: SocketAddr,
) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET is supported\n".to_owned(),
        );
    }
    let path = request.uri().path().trim_end_matches('/');
    let stats = path.strip_prefix("/_node/stats");
    match (path, stats) {
        ("", _) => json(StatusCode::OK, &node_stats::root(snapshot, bound)),
        (_, Some("")) => json(StatusCode::OK, &node_stats::all(snapshot, bound)),
        (_, Some("/pipelines")) => json(StatusCode::OK, &node_stats::pipelines(snapshot, bound)),
        (_, Some(rest)) if rest.strip_prefix("/pipelines/") == Some(&snapshot.pipeline_id) => {
            json(StatusCode::OK, &node_stats::pipelines(snapshot, bound))
        }
        ("/_health_report", _) => {
            let report = node_stats::health(snapshot);
            json(StatusCode::OK, &report)
        }
        ("/metrics", _) => text(StatusCode::OK, metrics::render(snapshot)),
        _ => {
            let error =
                serde_json::json!({"path": path, "status": 404, "error": {"message": "Not Found"}});
            json(StatusCode::NOT_FOUND, &error)
        }
    }
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut body = value.to_string();
    body.push('\n');
    respond(status, "application/json", body)
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    respond(status, "text/plain; version=0.0.4; charset=utf-8", body)
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static(content_type),
    );
    response
}
