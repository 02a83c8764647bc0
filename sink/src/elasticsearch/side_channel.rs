//! A few documents now and then, beside the events: what Kelp says about itself. Nothing waits for them.

use bytes::Bytes;
use serde_json::Value;

use super::client::Node;

/// A way to the server of an output.
pub struct SideChannel {
    nodes: Vec<Node>,
    next: usize,
}

impl SideChannel {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        Self { nodes, next: 0 }
    }

    /// Posts the body of a bulk request, once, to one of the nodes in turn. A document that is there already (409) is as good
    /// as stored.
    ///
    /// # Errors
    /// What went wrong, for people; how much of it was stored is unknown.
    pub async fn post(&mut self, body: Bytes, documents: usize) -> Result<(), String> {
        self.next = (self.next + 1) % self.nodes.len().max(1);
        let Some(node) = self.nodes.get(self.next) else {
            return Err("there is no host".to_owned());
        };
        let path =
            "_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,error";
        let bytes = body.len();
        let answer = node
            .post_bulk(path, body, false, documents, bytes)
            .await
            .map_err(|error| error.to_string())?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status != 200 {
            let reason = said["error"]["reason"].as_str().unwrap_or("no reason");
            return Err(format!("status {}: {reason}", answer.status));
        }
        let Some(items) = said["items"].as_array() else {
            return Err("the answer is none of Elasticsearch's".to_owned());
        };
        let items = items.iter();
        let mut failed = items.filter_map(|item| {
            let result = item.as_object()?.values().next()?;
            let status = result["status"].as_u64()?;
            (status >= 300 && status != 409).then_some((status, result))
        });
        match failed.next() {
            None => Ok(()),
            Some((status, result)) => {
                let reason = result["error"]["reason"].as_str().unwrap_or("no reason");
                Err(format!("status {status}: {reason}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::double::{Double, DoubleSettings, Fault, Which};
    use crate::elasticsearch::{ClientSettings, HostUrl};
    use std::time::Duration;

    #[tokio::test]
    async fn what_may_be_stored_already_is_sent_again_and_stored_once() {
        let double = Double::start(DoubleSettings::default()).await.unwrap();
        let client = ClientSettings {
            timeout: Duration::from_secs(20),
            ..ClientSettings::default()
        };
        let host = HostUrl::parse(&double.url(), None).unwrap();
        let mut channel = SideChannel::new(vec![Node::new(host, &client).unwrap()]);
        let body = Bytes::from_static(
            b"{\"create\":{\"_index\":\"metrics-kelp.output-x\",\"_id\":\"1\"}}\n{\"@timestamp\":\"2026-11-25T00:00:00Z\"}\n",
        );
        for fault in [
            Fault::CutAfter,
            Fault::Status(503),
            Fault::Items(Which::All, 429),
            Fault::NotJson,
        ] {
            double.cluster().script([fault.clone()]);
            let posted = channel.post(body.clone(), 1).await;
            // A page of a proxy has no items, so nothing in it failed: it must not count as stored.
            assert!(posted.is_err(), "{fault:?}");
        }
        channel.post(body.clone(), 1).await.unwrap();
        assert_eq!(double.cluster().count("metrics-kelp.output-x"), 1);
    }
}
