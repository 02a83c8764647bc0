//! A small client for what tests ask of Elasticsearch.

use crate::{Error, Result};
use serde_json::Value;
use std::time::{Duration, Instant};
use ureq::http::Method;

/// How long to go on asking a busy node.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Talks JSON to one Elasticsearch node.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    authorization: Option<String>,
}

impl Client {
    /// For the node at `url` (no slash at its end); `authorization` is the value of that header.
    pub fn new(url: String, authorization: Option<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .max_idle_connections(0) // the node is stopped and started under us
            .build();
        Self {
            agent: config.new_agent(),
            url,
            authorization,
        }
    }

    /// Sends a request and returns status and body, whatever the status. A body that is not JSON comes back as a string.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Result<(u16, Value)> {
        let request = format!("{method} {}/{}", self.url, path.trim_start_matches('/'));
        let failed = |reason: String| Error::Request {
            request: request.clone(),
            reason,
        };
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let mut builder = ureq::http::Request::builder().method(method).uri(format!(
            "{}/{}",
            self.url,
            path.trim_start_matches('/')
        ));
        if let Some(authorization) = &self.authorization {
            builder = builder.header("authorization", authorization);
        }
        let mut response = if body.is_empty() {
            self.agent.run(
                builder
                    .body(())
                    .map_err(|error| failed(error.to_string()))?,
            )
        } else {
            let builder = builder.header("content-type", content_type);
            self.agent.run(
                builder
                    .body(body.to_owned())
                    .map_err(|error| failed(error.to_string()))?,
            )
        }
        .map_err(|error| failed(error.to_string()))?;
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .with_config()
            .limit(256 << 20)
            .read_to_string()
            .map_err(|error| failed(error.to_string()))?;
        Ok((
            status,
            serde_json::from_str(&body).unwrap_or(Value::String(body)),
        ))
    }

    /// GET; an error unless the status is 2xx.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.ok("GET", path, "")
    }

    /// POST of JSON; an error unless the status is 2xx.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ok("POST", path, &body.to_string())
    }

    /// PUT of JSON; an error unless the status is 2xx.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.ok("PUT", path, &body.to_string())
    }

    /// DELETE; an error unless the status is 2xx.
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.ok("DELETE", path, "")
    }

    /// `_bulk` of NDJSON; an error unless the status is 2xx (items may have failed).
    pub fn bulk(&self, body: &str) -> Result<Value> {
        self.checked("POST", "_bulk", "application/x-ndjson", body)
    }

    /// Makes what was indexed visible to searches.
    pub fn refresh(&self, index: &str) -> Result<()> {
        self.ok(
            "POST",
            &format!("{index}/_refresh?ignore_unavailable=true"),
            "",
        )
        .map(|_| ())
    }

    /// The number of documents in `index` (a name, a list or a wildcard), after a refresh; 0 when there is no such index.
    pub fn count(&self, index: &str) -> Result<u64> {
        self.refresh(index)?;
        let answer = self.get(&format!("{index}/_count?ignore_unavailable=true"))?;
        Ok(answer["count"].as_u64().unwrap_or(0))
    }

    /// A search, with exact totals. Refresh first where it matters.
    pub fn search(&self, index: &str, query: &Value) -> Result<Value> {
        self.post(
            &format!("{index}/_search?ignore_unavailable=true&track_total_hits=true"),
            query,
        )
    }

    /// The names of the indices that match, sorted.
    pub fn indices(&self, pattern: &str) -> Result<Vec<String>> {
        let answer = self.get(&format!("{pattern}/_settings?ignore_unavailable=true"))?;
        let mut names: Vec<String> = answer
            .as_object()
            .into_iter()
            .flat_map(|object| object.keys().cloned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn ok(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        self.checked(method, path, "application/json", body)
    }

    /// Asks again for a while where the node says it is busy, or the shards of a new index are not there yet.
    fn checked(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let (status, answer) = self.request(method, path, content_type, body)?;
            match status {
                200..300 => return Ok(answer),
                429 | 503 if begun.elapsed() < BUSY_TIMEOUT => {
                    std::thread::sleep(Duration::from_millis(200));
                }
                _ => {
                    let request = format!("{method} {}/{}", self.url, path.trim_start_matches('/'));
                    let reason = format!("status {status}: {answer}");
                    return Err(Error::Request { request, reason });
                }
            }
        }
    }
}
