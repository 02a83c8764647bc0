//! The double against what real servers answered; the shapes are those of Elasticsearch 9.

use elasticsearch::http::Method;

use super::*;
use crate::elasticsearch::{Answer, ClientSettings, HostUrl, Node};

async fn node(double: &Double) -> Node {
    let settings = ClientSettings {
        timeout: Duration::from_secs(10),
        ..ClientSettings::default()
    };
    Node::new(HostUrl::parse(&double.url(), None).unwrap(), &settings).unwrap()
}

async fn bulk(node: &Node, path: &str, body: &'static str) -> Answer {
    node.post_bulk(path, body.into(), false, 0, body.len())
        .await
        .unwrap()
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn statuses(answer: &Answer) -> Vec<u64> {
    let items = json(answer)["items"].as_array().unwrap().clone();
    items
        .iter()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|body| body["status"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn all_kinds_of_actions() {
    let double = Double::start(DoubleSettings::default()).await.unwrap();
    let node = node(&double).await;
    let body = r#"{"index":{"_index":"m","_id":"1"}}
{"n":1}
{"create":{"_index":"m","_id":"2"}}
{"n":2}
{"update":{"_index":"m","_id":"1"}}
{"doc":{"n":3}}
{"update":{"_index":"m","_id":"1"}}
{"doc":{"n":3}}
{"delete":{"_index":"m","_id":"2"}}
{"delete":{"_index":"m","_id":"nosuch"}}
{"create":{"_index":"m","_id":"1"}}
{"n":1}
{"update":{"_index":"m","_id":"gone"}}
{"doc":{"n":1}}
{"update":{"_index":"m","_id":"new"}}
{"doc":{"n":1},"doc_as_upsert":true}
"#;
    let answer = bulk(&node, "_bulk", body).await;
    assert_eq!(
        statuses(&answer),
        [201, 201, 200, 200, 200, 404, 409, 404, 201]
    );
    let answer = json(&answer);
    assert_eq!(answer["errors"], true);
    assert_eq!(answer["items"][3]["update"]["result"], "noop");
    assert_eq!(
        answer["items"][5]["delete"].get("error"),
        None,
        "a delete that finds nothing is no error"
    );
    assert_eq!(
        answer["items"][6]["create"]["error"]["type"],
        "version_conflict_engine_exception"
    );
    let documents = double.cluster().documents("m", 10);
    let seen: Vec<_> = documents
        .iter()
        .map(|doc| (doc.id.as_str(), doc.version, doc.source["n"].as_u64()))
        .collect();
    assert_eq!(seen, [("1", 2, Some(3)), ("new", 1, Some(1))]);
}

#[tokio::test]
async fn one_bad_action_line_refuses_the_whole_body() {
    let double = Double::start(DoubleSettings::default()).await.unwrap();
    let node = node(&double).await;
    for body in [
        "",
        "{\"index\":{}}\n{\"n\":1}",
        "{\"index\":{}}\n{\"n\":1}\n{not json\n{\"n\":1}\n",
        "{\"upsert\":{}}\n{\"n\":1}\n",
    ] {
        let answer = bulk(&node, "m/_bulk", body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(json(&answer)["status"], 400);
    }
    let answer = bulk(&node, "_bulk", "{\"index\":{}}\n{\"n\":1}\n").await;
    assert_eq!(
        json(&answer)["error"]["reason"],
        "Validation Failed: 1: index is missing;"
    );
    assert_eq!(double.cluster().count("*"), 0);
}

#[tokio::test]
async fn documents_are_refused_one_by_one() {
    let settings = DoubleSettings {
        reject_containing: Some("poison".to_owned()),
        ..DoubleSettings::default()
    };
    let double = Double::start(settings).await.unwrap();
    let node = node(&double).await;
    let body = r#"{"index":{"_index":"BadName"}}
{"n":1}
{"index":{"_index":"m"}}
{"n":
{"index":{"_index":"m"}}
{"n":"poison"}
{"index":{"_index":"m"}}
{"n":8}
{"index":{"_index":"logs-a-b"}}
{"@timestamp":"2026-11-01T00:00:00Z"}
{"create":{"_index":"logs-a-b"}}
{"m":1}
{"create":{"_index":"logs-a-b"}}
{"@timestamp":"2026-11-01T00:00:00Z"}
"#;
    let answer = bulk(
        &node,
        "_bulk?filter_path=errors,items.*.error,items.*.status",
        body,
    )
    .await;
    assert_eq!(statuses(&answer), [400, 400, 400, 201, 400, 400, 201]);
    assert!(!String::from_utf8_lossy(&answer.body).contains("\"_index\""));
    assert_eq!(double.cluster().indices(), ["logs-a-b", "m"]);
}

#[tokio::test]
async fn searches_counts_and_templates() {
    let double = Double::start(DoubleSettings::default()).await.unwrap();
    let node = node(&double).await;
    let body =
        "{\"index\":{\"_index\":\"a-1\"}}\n{\"n\":1}\n{\"index\":{\"_index\":\"b\"}}\n{\"n\":2}\n";
    bulk(&node, "_bulk", body).await;
    let get = async |path: &str| json(&node.request(Method::Get, path, None).await.unwrap());
    assert_eq!(get("_count").await["count"], 2);
    assert_eq!(get("a-*/_count").await["count"], 1);
    let found = get("_search?size=1").await;
    assert_eq!(found["hits"]["total"]["value"], 2);
    assert_eq!(found["hits"]["hits"].as_array().unwrap().len(), 1);
    assert_eq!(found["hits"]["hits"][0]["_source"]["n"], 1);
    let template = "_index_template/logs";
    let head = node.request(Method::Head, template, None).await.unwrap();
    assert_eq!(head.status, 404);
    let put = node
        .request(
            Method::Put,
            template,
            Some("{\"index_patterns\":\"x\"}".into()),
        )
        .await
        .unwrap();
    assert_eq!(put.status, 200);
    let head = node.request(Method::Head, template, None).await.unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(
        double.cluster().template("logs").unwrap()["index_patterns"],
        "x"
    );
}

#[tokio::test]
async fn the_null_mode_answers_with_the_right_number_of_items() {
    let settings = DoubleSettings {
        null: true,
        ..DoubleSettings::default()
    };
    let double = Double::start(settings).await.unwrap();
    let host = HostUrl::parse(&double.url(), None).unwrap();
    let node = Node::new(
        host,
        &ClientSettings {
            timeout: Duration::from_secs(10),
            ..ClientSettings::default()
        },
    )
    .unwrap();
    for docs in [1, 2, 100] {
        let body = "{\"index\":{\"_index\":\"m\"}}\n{\"n\":1}\n".repeat(docs);
        let len = body.len();
        let answer = node
            .post_bulk("_bulk", body.into(), false, docs, len)
            .await
            .unwrap();
        assert_eq!(statuses(&answer), vec![201; docs]);
    }
    assert_eq!(double.cluster().count("*"), 0);
    assert_eq!(double.cluster().seen().docs.load(Ordering::Relaxed), 103);
}
