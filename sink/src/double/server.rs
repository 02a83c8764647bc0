//! The double's HTTP side: connections, paths, authorisation and scripted faults.

use std::convert::Infallible;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::fault::{Fault, error, request_error};
use super::{Cluster, DoubleSettings, Stored, bulk, lock};

type Answer = Response<BoxBody<Bytes, io::Error>>;

/// Serves until dropped, which closes every connection.
pub(super) async fn serve(listener: TcpListener, cluster: Arc<Cluster>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, say: the next accept would fail at once, too.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let cluster = Arc::clone(&cluster);
        let service = service_fn(move |request| handle(Arc::clone(&cluster), request));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Answers one request; an error closes the connection.
async fn handle(cluster: Arc<Cluster>, request: Request<Incoming>) -> io::Result<Answer> {
    let settings = lock(&cluster.settings).clone();
    if let Some(expected) = &settings.authorization {
        let given = request.headers().get(AUTHORIZATION);
        if given.is_none_or(|given| given != expected.as_str()) {
            return Ok(refuse(401));
        }
    }
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_matches('/').to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if path == "_bulk" || path.ends_with("/_bulk") {
        let index = path.strip_suffix("/_bulk");
        return handle_bulk(&cluster, &settings, &head.headers, &body, index, &query).await;
    }
    Ok(handle_other(&cluster, &head.method, &path, &query, &body))
}

async fn handle_bulk(
    cluster: &Cluster,
    settings: &DoubleSettings,
    headers: &HeaderMap,
    body: &Bytes,
    index: Option<&str>,
    query: &str,
) -> io::Result<Answer> {
    cluster.seen.bulks.fetch_add(1, Ordering::Relaxed);
    let bytes = body.len() as u64;
    cluster.seen.bytes.fetch_add(bytes, Ordering::Relaxed);
    let fault = cluster.next_fault();
    if !settings.latency.is_zero() {
        tokio::time::sleep(settings.latency).await;
    }
    if settings.null && matches!(fault, Fault::None) {
        return null_bulk(cluster, headers, body);
    }
    let body = unpack(headers, body)?;
    let docs = bulk::count_documents(&body) as u64;
    cluster.seen.docs.fetch_add(docs, Ordering::Relaxed);
    if settings.max_body_bytes.is_some_and(|max| body.len() > max) {
        return Ok(respond(413, Bytes::new()));
    }
    match fault {
        Fault::Status(status) => return Ok(refuse(status)),
        Fault::CutBefore => return Err(io::ErrorKind::ConnectionReset.into()),
        Fault::NotJson => {
            return Ok(respond(200, "<html><body>Bad gateway</body></html>".into()));
        }
        _ => {}
    }
    let failing = match &fault {
        Fault::Items(which, status) => Some((which, *status)),
        _ => None,
    };
    let filtered = query.contains("filter_path=");
    let mut items = match bulk::execute(cluster, settings, &body, index, failing, filtered) {
        Ok(items) => items,
        Err((status, error)) => return Ok(respond(status, error.to_string().into())),
    };
    match fault {
        Fault::CutAfter => return Err(io::ErrorKind::ConnectionReset.into()),
        Fault::Slow(wait) => tokio::time::sleep(wait).await,
        Fault::WrongLength => drop(items.pop()),
        _ => {}
    }
    let answer = Bytes::from(bulk::answer(&items, filtered));
    match fault {
        Fault::CutAnswer => Ok(cut_in_the_middle(answer)),
        _ => Ok(respond(200, answer)),
    }
}

/// Answers without looking at more than is needed to give the right number of items.
fn null_bulk(cluster: &Cluster, headers: &HeaderMap, body: &Bytes) -> io::Result<Answer> {
    let announced = headers
        .get("x-elastic-event-count")
        .and_then(|count| count.to_str().ok()?.parse().ok());
    let docs = match announced {
        Some(docs) => docs,
        None => bulk::count_documents(&unpack(headers, body)?),
    };
    cluster.seen.docs.fetch_add(docs as u64, Ordering::Relaxed);
    Ok(respond(200, bulk::null_answer(docs).into()))
}

fn unpack(headers: &HeaderMap, body: &Bytes) -> io::Result<Bytes> {
    if headers
        .get(CONTENT_ENCODING)
        .is_none_or(|encoding| encoding != "gzip")
    {
        return Ok(body.clone());
    }
    let mut unpacked = Vec::with_capacity(body.len() * 6);
    flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut unpacked)?;
    Ok(unpacked.into())
}

fn handle_other(
    cluster: &Cluster,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Answer {
    let parts: Vec<&str> = path.split('/').collect();
    let method = if method == Method::HEAD {
        Method::GET
    } else {
        method.clone()
    };
    let json = match (method.as_str(), &parts[..]) {
        ("GET", [""]) => json!({
            "name": "double", "cluster_name": "kelp-double",
            "version": {"number": "9.0.0", "build_flavor": "default"},
            "tagline": "A stand-in for Elasticsearch inside kelp"
        }),
        ("GET", ["_cluster", "health"]) => json!({"status": "green", "timed_out": false}),
        ("GET" | "POST", ["_count"]) => json!({"count": cluster.count("*")}),
        ("GET" | "POST", [index, "_count"]) => json!({"count": cluster.count(index)}),
        ("GET" | "POST", ["_search"]) => search(cluster, "*", query, body),
        ("GET" | "POST", [index, "_search"]) => search(cluster, index, query, body),
        ("GET" | "POST", ["_refresh"] | [_, "_refresh"]) => {
            json!({"_shards": {"total": 1, "successful": 1, "failed": 0}})
        }
        ("PUT", ["_index_template" | "_template", name]) => {
            let Ok(template) = serde_json::from_slice(body) else {
                return refuse(400);
            };
            lock(&cluster.store).put_template(name, template);
            json!({"acknowledged": true})
        }
        ("GET", ["_index_template" | "_template", name]) => match cluster.template(name) {
            Some(template) => {
                json!({"index_templates": [{"name": name, "index_template": template}]})
            }
            None => return refuse(404),
        },
        ("GET", ["_cat", "indices"]) => json!(
            cluster
                .indices()
                .iter()
                .map(
                    |index| json!({"index": index, "docs.count": cluster.count(index).to_string()})
                )
                .collect::<Vec<_>>()
        ),
        ("DELETE", [index]) if !index.is_empty() => {
            lock(&cluster.store).delete_indices(index);
            json!({"acknowledged": true})
        }
        _ => return refuse(404),
    };
    respond(200, json.to_string().into())
}

/// All documents of an index, whatever the query says, up to `size`.
fn search(cluster: &Cluster, index: &str, query: &str, body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let size = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("size=")?.parse().ok())
        .or(body["size"].as_u64())
        .unwrap_or(10);
    let hit = |doc: Stored| {
        json!({"_index": doc.index, "_id": doc.id, "_version": doc.version, "_score": 1.0,
            "_routing": doc.routing, "_source": doc.source})
    };
    let hits = cluster.documents(index, size as usize).into_iter().map(hit);
    json!({
        "took": 1, "timed_out": false,
        "hits": {
            "total": {"value": cluster.count(index), "relation": "eq"},
            "hits": hits.collect::<Vec<_>>()
        }
    })
}

fn refuse(status: u16) -> Answer {
    respond(
        status,
        request_error(status, error(status)).to_string().into(),
    )
}

fn respond(status: u16, body: Bytes) -> Answer {
    let length = body.len();
    let full = Full::new(body).map_err(|never: Infallible| match never {});
    build(status, length, full.boxed())
}

/// Announces the whole answer, sends half of it and closes the connection.
fn cut_in_the_middle(body: Bytes) -> Answer {
    let half = body.slice(..body.len() / 2);
    let frames = [
        Ok(Frame::data(half)),
        Err(io::Error::from(io::ErrorKind::ConnectionReset)),
    ];
    let stream = StreamBody::new(futures_util::stream::iter(frames));
    build(200, body.len(), BodyExt::boxed(stream))
}

fn build(status: u16, length: usize, body: BoxBody<Bytes, io::Error>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(
        "x-elastic-product",
        HeaderValue::from_static("Elasticsearch"),
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length.into());
    answer
}
