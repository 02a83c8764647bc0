//! What our delivery relies on in Elasticsearch's answers: checked on the double, and on the server
//! at `KELP_ELASTICSEARCH_URL` where that is set (`./stack` starts one).

use std::time::Duration;

use elasticsearch::http::Method;
use kelp_sink::double::{Double, DoubleSettings};
use kelp_sink::elasticsearch::{Answer, ClientSettings, FILTER_PATH, HostUrl, Node};
use serde_json::Value;

/// A bulk body and the shape of the answer: the request's status, then each item's action, status and error type.
const BULKS: &[(&str, &str)] = &[
    (
        r#"{"index":{"_index":"kelp-m","_id":"1"}}
{"n":1}
{"create":{"_index":"kelp-m","_id":"2"}}
{"n":2}
{"update":{"_index":"kelp-m","_id":"1"}}
{"doc":{"n":3}}
{"update":{"_index":"kelp-m","_id":"1"}}
{"doc":{"n":3}}
{"delete":{"_index":"kelp-m","_id":"2"}}
{"delete":{"_index":"kelp-m","_id":"nosuch"}}
"#,
        "200: index 201, create 201, update 200, update 200, delete 200, delete 404",
    ),
    (
        r#"{"create":{"_index":"kelp-m","_id":"1"}}
{"n":1}
{"update":{"_index":"kelp-m","_id":"gone"}}
{"doc":{"n":1}}
{"update":{"_index":"kelp-m","_id":"new"}}
{"doc":{"n":1},"doc_as_upsert":true}
{"update":{"_index":"kelp-m","_id":"new2"}}
{"doc":{"n":1},"upsert":{"n":5}}
{"index":{"_index":"kelp-m","_id":"1","version":"1","version_type":"external"}}
{"n":1}
{"index":{"_index":"kelp-m","_id":"1","routing":"r"}}
{"n":4}
"#,
        "200: create 409 version_conflict_engine_exception, update 404 document_missing_exception, update 201, update 201, index 409 version_conflict_engine_exception, index *",
    ),
    (
        "{\"index\":{\"_index\":\"BadName\"}}\n{\"n\":1}\n{\"index\":{\"_index\":\"kelp-m\"}}\n{\"n\":\n{\"index\":{\"_index\":\"kelp-m\"}}\n{\"n\":8}\n",
        "200: index 400 invalid_index_name_exception, index 400 *, index 201",
    ),
    (
        "{\"create\":{\"_index\":\"logs-kelp-test\"}}\n{\"@timestamp\":\"2026-11-01T00:00:00Z\"}\n{\"index\":{\"_index\":\"logs-kelp-test\"}}\n{\"@timestamp\":\"2026-11-01T00:00:00Z\"}\n{\"create\":{\"_index\":\"logs-kelp-test\"}}\n{\"m\":1}\n",
        "200: create 201, index 400 illegal_argument_exception, create 400 *",
    ),
    (
        "{\"index\":{\"_index\":\"kelp-m\"}}\n{\"n\":1}\n{not json\n{\"n\":1}\n",
        "400: *",
    ),
    (
        "{\"upsert\":{\"_index\":\"kelp-m\"}}\n{\"n\":1}\n",
        "400: illegal_argument_exception",
    ),
    (
        "{\"index\":{\"_index\":\"kelp-m\"}}\n{\"n\":1}",
        "400: illegal_argument_exception",
    ),
    (
        "{\"index\":{}}\n{\"n\":1}\n",
        "400: action_request_validation_exception",
    ),
    ("", "400: parse_exception"),
];

#[tokio::test]
async fn answers_to_bulk_requests() {
    let double = Double::start(DoubleSettings::default()).await.unwrap();
    let template = r#"{"index_patterns":["logs-kelp-*"],"data_stream":{},"priority":500}"#;
    let mut hosts = vec![double.url()];
    match std::env::var("KELP_ELASTICSEARCH_URL") {
        Ok(url) => hosts.push(url),
        Err(_) => eprintln!("KELP_ELASTICSEARCH_URL is not set: only the double is checked"),
    }
    for host in hosts {
        let settings = ClientSettings {
            timeout: Duration::from_secs(30),
            ..ClientSettings::default()
        };
        let node = Node::new(HostUrl::parse(&host, None).unwrap(), &settings).unwrap();
        let request = async |method, path: &str, body: Option<&'static str>| {
            let body = body.map(Into::into);
            node.request(method, path, body).await.unwrap().status
        };
        request(Method::Delete, "kelp-m", None).await;
        let path = "_index_template/kelp-test";
        assert_eq!(request(Method::Put, path, Some(template)).await, 200);
        assert_eq!(request(Method::Head, path, None).await, 200);
        assert_eq!(
            request(Method::Head, "_index_template/kelp-no", None).await,
            404
        );
        for (body, expected) in BULKS {
            let path = format!("_bulk?{FILTER_PATH}");
            let answer = node
                .post_bulk(&path, (*body).into(), false, 1, body.len())
                .await
                .unwrap();
            let shape = shape(&answer);
            assert!(
                is_like(&shape, expected),
                "{host}: {body}\n{shape}\n{expected}"
            );
        }
    }
}

fn shape(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = |error: &Value| error["type"].as_str().unwrap_or_default().to_owned();
    let Some(items) = body["items"].as_array() else {
        return format!("{}: {}", answer.status, kind(&body["error"]));
    };
    let named = items
        .iter()
        .filter_map(|item| item.as_object()?.iter().next());
    let items = named.map(|(action, body)| {
        let shape = format!("{action} {} {}", body["status"], kind(&body["error"]));
        shape.trim_end().to_owned()
    });
    format!(
        "{}: {}",
        answer.status,
        items.collect::<Vec<_>>().join(", ")
    )
}

/// `*` stands for the rest of a part.
fn is_like(shape: &str, expected: &str) -> bool {
    let parts: Vec<&str> = shape.split(", ").collect();
    let expected: Vec<&str> = expected.split(", ").collect();
    parts.len() == expected.len()
        && parts
            .iter()
            .zip(expected)
            .all(|(part, expected)| match expected.strip_suffix('*') {
                Some(start) => part.starts_with(start.trim_end()),
                None => *part == expected,
            })
}
