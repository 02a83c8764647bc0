//! Delivery against the double, which fails on cue: each document is stored once (or lies in the
//! dead letters) and its hold is given back exactly once, whatever happens on the way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;

use super::*;
use crate::dead_letter::{DeadLetterSettings, DeadLetterStore};
use crate::double::{Double, DoubleSettings, Fault, Which};
use crate::testing::{TempDir, TestBatch};
use kelp_parser::record::RecordBatch;

/// A double, a delivery to it and a dead letter store.
struct Bench {
    double: Double,
    delivery: BulkDelivery,
    store: DeadLetterStore,
    dir: TempDir,
}

fn settings() -> DeliverySettings {
    DeliverySettings {
        retry_initial: Duration::from_millis(2),
        retry_max: Duration::from_millis(20),
        resurrect_delay: Duration::from_millis(20),
        jitter_seed: Some(1),
        ..DeliverySettings::default()
    }
}

fn node(url: &str, timeout: Duration) -> Node {
    let client = ClientSettings {
        timeout,
        ..ClientSettings::default()
    };
    Node::new(HostUrl::parse(url, None).unwrap(), &client).unwrap()
}

impl Bench {
    async fn new(double: DoubleSettings, settings: DeliverySettings) -> Self {
        Self::with_timeout(double, settings, Duration::from_millis(500)).await
    }

    async fn with_timeout(
        double: DoubleSettings,
        settings: DeliverySettings,
        timeout: Duration,
    ) -> Self {
        let double = Double::start(double).await.unwrap();
        let dir = TempDir::new();
        let (store, dead_letters) =
            DeadLetterStore::open(DeadLetterSettings::new(dir.path().to_owned())).unwrap();
        let nodes = vec![node(&double.url(), timeout)];
        let delivery = BulkDelivery::start(&Handle::current(), nodes, settings, dead_letters);
        Self {
            double,
            delivery,
            store,
            dir,
        }
    }

    /// Delivers everything. Gives the reasons of the dead letters and the counters.
    async fn finish(self) -> (Vec<serde_json::Value>, Arc<Stats>, Double) {
        let stats = Arc::clone(self.delivery.stats());
        assert_eq!(self.delivery.drain(Duration::from_secs(20)).await, 0);
        self.store.close(false);
        let text = std::fs::read_to_string(self.dir.path().join("000001.ndjson")).unwrap();
        let letters = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        (letters, stats, self.double)
    }
}

/// A request with one document for each record, and each record's hold.
fn request(sources: &[String]) -> (BulkRequest, Arc<TestBatch>) {
    let payloads: Vec<&[u8]> = sources.iter().map(|source| source.as_bytes()).collect();
    let batch = Arc::new(TestBatch::of(&payloads));
    let mut body = Vec::new();
    let mut docs = Vec::new();
    for (record, source) in sources.iter().enumerate() {
        docs.push(Doc {
            start: body.len() as u32,
            record: record as u32,
            has_derived_id: true,
        });
        batch.receipts().hold(record as u32);
        let action = match source.as_str() {
            "bad action" => "{\"upsert\":{}}".to_owned(),
            _ => format!("{{\"create\":{{\"_index\":\"m\",\"_id\":\"{record}\"}}}}"),
        };
        body.extend_from_slice(format!("{action}\n{source}\n").as_bytes());
    }
    let request = BulkRequest {
        body,
        docs,
        batch: batch.clone(),
    };
    (request, batch)
}

fn numbered(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{{\"n\":{number}}}"))
        .collect()
}

fn numbers(double: &Double) -> Vec<u64> {
    let mut numbers: Vec<u64> = double
        .cluster()
        .documents("m", usize::MAX)
        .iter()
        .map(|doc| doc.source["n"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

fn count(counter: &std::sync::atomic::AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A node with little memory refuses what is too large for it with 429 for ever: only that goes to the dead letters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_takes_more_memory_than_there_is_for_operations_is_given_up() {
    let double = DoubleSettings {
        max_operation_bytes: Some(400),
        ..DoubleSettings::default()
    };
    let bench = Bench::new(double, settings()).await;
    let mut sources = numbered(20);
    sources.insert(11, format!("{{\"large\":\"{}\"}}", "x".repeat(500)));
    let (request, batch) = request(&sources);
    bench.delivery.sender().send(request).await;
    let (letters, _, double) = bench.finish().await;
    assert_eq!(letters.len(), 1);
    let reason = &letters[0]["reason"];
    assert_eq!(reason["status"], 429);
    let text = reason["reason"].as_str().unwrap();
    assert!(text.contains("max_primary_bytes=400"), "{text}");
    assert_eq!(numbers(&double), (0..20).collect::<Vec<u64>>());
    assert_eq!(batch.holds(), vec![0; 21]);
}

/// Documents of an index that is blocked wait; those behind them are stored meanwhile, though only one request may be on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_are_refused_for_long_do_not_keep_others_from_being_stored() {
    let double = DoubleSettings {
        block_containing: Some("blocked".to_owned()),
        ..DoubleSettings::default()
    };
    let settings = DeliverySettings {
        in_flight_requests: 1,
        gives_way_after: Duration::from_millis(20),
        ..settings()
    };
    let bench = Bench::new(double, settings).await;
    let mut sender = Some(bench.delivery.sender());
    let mut batches = Vec::new();
    for name in ["blocked", "open", "blocked", "free"] {
        let (mut request, batch) = request(&[format!("{{\"s\":\"{name}\"}}")]);
        request.docs[0].has_derived_id = false;
        request.body = format!("{{\"index\":{{\"_index\":\"m\"}}}}\n{{\"s\":\"{name}\"}}\n").into();
        sender.as_ref().unwrap().send(request).await;
        batches.push(batch);
    }
    drop(sender.take());
    let begun = std::time::Instant::now();
    while bench.double.cluster().count("m") < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "they are kept");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bench
        .double
        .cluster()
        .configure(|settings| settings.block_containing = None);
    let (letters, stats, double) = bench.finish().await;
    assert!(letters.is_empty());
    assert_eq!(double.cluster().count("m"), 4);
    assert!(count(&stats.retried) > 0);
    assert!(batches.iter().all(|batch| batch.holds() == [0]));
}

/// Every fault once and in pairs: each of 20 documents is stored once and settled once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_survived() {
    let faults = [
        Fault::Status(429),
        Fault::Status(503),
        Fault::Status(500),
        Fault::Status(502),
        Fault::Status(504),
        Fault::Status(408),
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(406),
        Fault::Status(302),
        Fault::Items(Which::All, 429),
        Fault::Items(Which::Every(3), 429),
        Fault::Items(Which::At(vec![0, 1, 19]), 503),
        Fault::Items(Which::At(vec![5]), 403),
        Fault::Slow(Duration::from_millis(50)),
        Fault::Slow(Duration::from_millis(900)),
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::CutAnswer,
        Fault::NotJson,
        Fault::WrongLength,
    ];
    for (at, fault) in faults.iter().enumerate() {
        let second = faults[(at * 7 + 3) % faults.len()].clone();
        for script in [vec![fault.clone()], vec![fault.clone(), second]] {
            let mut settings = settings();
            settings.compression_level = at as u32 % 2;
            let bench = Bench::new(DoubleSettings::default(), settings).await;
            bench.double.cluster().script(script.clone());
            let (request, batch) = request(&numbered(20));
            bench.delivery.sender().send(request).await;
            let (letters, stats, double) = bench.finish().await;
            let what = format!("{script:?}");
            assert_eq!(numbers(&double), (0..20).collect::<Vec<_>>(), "{what}");
            assert_eq!(letters.len(), 0, "{what}");
            assert_eq!(
                count(&stats.indexed) + count(&stats.duplicates),
                20,
                "{what}"
            );
            assert_eq!(batch.holds(), vec![0; 20], "{what}");
            let seen = count(&double.cluster().seen().faults);
            assert!((1..=script.len() as u64).contains(&seen), "{what}");
            assert!(stats.held().is_none(), "{what}");
        }
    }
}

#[tokio::test]
async fn only_the_failed_items_are_sent_again() {
    let bench = Bench::new(DoubleSettings::default(), settings()).await;
    bench.double.cluster().script([
        Fault::Items(Which::At(vec![2, 5, 6, 9]), 429),
        Fault::Items(Which::At(vec![1, 2]), 503),
    ]);
    let (request, batch) = request(&numbered(10));
    bench.delivery.sender().send(request).await;
    let (_, stats, double) = bench.finish().await;
    assert_eq!(numbers(&double), (0..10).collect::<Vec<_>>());
    assert_eq!(count(&double.cluster().seen().docs), 10 + 4 + 2);
    assert_eq!(count(&stats.retried), 6);
    assert_eq!(batch.holds(), [0; 10]);
}

#[tokio::test]
async fn what_can_never_be_indexed_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let double = DoubleSettings {
        reject_containing: Some("poison".to_owned()),
        ..DoubleSettings::default()
    };
    let bench = Bench::new(double, settings()).await;
    let mut sources = numbered(10);
    sources[4] = "{\"n\":\"poison\"}".to_owned();
    sources[7] = "{\"n\":".to_owned();
    let (request, batch) = request(&sources);
    bench.delivery.sender().send(request).await;
    let (letters, stats, double) = bench.finish().await;
    assert_eq!(numbers(&double), [0, 1, 2, 3, 5, 6, 8, 9]);
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0]["origin"]["offset"], 104);
    assert_eq!(letters[0]["event"]["n"], "poison");
    assert_eq!(letters[0]["reason"]["status"], 400);
    assert_eq!(letters[1]["origin"]["offset"], 107);
    assert_eq!(count(&stats.rejected), 2);
    assert_eq!(batch.holds(), [0; 10]);
}

#[tokio::test]
async fn one_bad_action_line_is_found_by_halving() {
    let bench = Bench::new(DoubleSettings::default(), settings()).await;
    let mut sources = numbered(33);
    sources[20] = "bad action".to_owned();
    let (request, batch) = request(&sources);
    bench.delivery.sender().send(request).await;
    let (letters, stats, double) = bench.finish().await;
    assert_eq!(numbers(&double).len(), 32);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["origin"]["offset"], 120);
    assert_eq!(letters[0]["reason"]["type"], "illegal_argument_exception");
    assert!(count(&stats.failed_requests) <= 7);
    assert_eq!(batch.holds(), vec![0; 33]);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved_and_the_limit_remembered() {
    let double = DoubleSettings {
        max_body_bytes: Some(1000),
        ..DoubleSettings::default()
    };
    let bench = Bench::new(double, settings()).await;
    let sender = bench.delivery.sender();
    let stats = Arc::clone(bench.delivery.stats());
    let mut refused = Vec::new();
    let mut batches = Vec::new();
    for sources in [
        numbered(50),
        numbered(50),
        vec![format!("{{\"long\":\"{}\"}}", "x".repeat(2000))],
    ] {
        let (request, batch) = request(&sources);
        sender.send(request).await;
        while count(&stats.in_flight) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        refused.push(count(&stats.failed_requests));
        batches.push((batch, sources.len()));
    }
    drop(sender);
    assert_eq!(
        refused,
        [3, 3, 4],
        "a whole, its halves; then nothing; then the one document"
    );
    let (letters, _, double) = bench.finish().await;
    // only now is the dead letter known to lie on disk
    for (batch, records) in batches {
        assert_eq!(batch.holds(), vec![0; records]);
    }
    assert_eq!(numbers(&double).len(), 50);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["reason"]["status"], 413);
    assert_eq!(letters[0]["reason"]["type"], "content_too_long");
}

#[tokio::test]
async fn an_answer_of_a_proxy_rejects_nothing() {
    let bench = Bench::new(DoubleSettings::default(), settings()).await;
    let cluster = bench.double.cluster();
    cluster.script(vec![Fault::NotJson; 5]);
    cluster.script(vec![Fault::Status(405), Fault::Status(400)]);
    // The double's 400 says that a document cannot be parsed, so the request is halved, not given up.
    let (request, batch) = request(&numbered(4));
    bench.delivery.sender().send(request).await;
    let (letters, _, double) = bench.finish().await;
    assert_eq!(numbers(&double).len(), 4);
    assert_eq!(letters.len(), 0);
    assert_eq!(batch.holds(), [0; 4]);
}

/// A wrong path or parameter refuses every request: no document is given up for it.
#[tokio::test]
async fn nothing_is_given_up_before_anything_was_accepted() {
    let bench = Bench::new(DoubleSettings::default(), settings()).await;
    bench.double.cluster().script(vec![Fault::Status(400); 40]);
    let mut sources = numbered(5);
    sources[0] = "bad action".to_owned();
    let (request, batch) = request(&sources);
    bench.delivery.sender().send(request).await;
    let (letters, _, double) = bench.finish().await;
    assert_eq!(numbers(&double), [1, 2, 3, 4]);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["origin"]["offset"], 100);
    assert_eq!(batch.holds(), [0; 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_waited_for_and_another_host_takes_over() {
    let first = Double::start(DoubleSettings::default()).await.unwrap();
    let second = Double::start(DoubleSettings::default()).await.unwrap();
    let addr = first.addr();
    let dir = TempDir::new();
    let (store, dead_letters) =
        DeadLetterStore::open(DeadLetterSettings::new(dir.path().to_owned())).unwrap();
    let timeout = Duration::from_secs(5);
    let nodes = vec![node(&first.url(), timeout), node(&second.url(), timeout)];
    let settings = settings();
    let in_flight = settings.in_flight.clone();
    let delivery = BulkDelivery::start(&Handle::current(), nodes, settings, dead_letters);
    let sender = delivery.sender();
    let cluster = first.stop().await;
    let mut batches = Vec::new();
    for _ in 0..6 {
        let (request, batch) = request(&numbered(5));
        sender.send(request).await;
        batches.push(batch);
    }
    while count(&delivery.stats().in_flight) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(
        second.cluster().count("m"),
        5,
        "all went to the second host"
    );
    assert_eq!(delivery.nodes(), (1, 2));
    // Both are down; then the first comes back.
    second.stop().await;
    let (request, batch) = request(&numbered(5));
    let bytes = request.body.len();
    sender.send(request).await;
    batches.push(batch);
    while delivery.stats().held().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(count(&delivery.stats().in_flight), 5);
    assert!(in_flight.bytes() > bytes, "the body and a compressed copy");
    let first = Double::start_at(addr, cluster).await.unwrap();
    drop(sender);
    assert_eq!(delivery.drain(Duration::from_secs(20)).await, 0);
    assert_eq!(in_flight.bytes(), 0);
    assert_eq!(first.cluster().count("m"), 5);
    store.close(false);
    for batch in batches {
        assert_eq!(batch.holds(), [0; 5]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_on_shutdown_stays_held() {
    let bench = Bench::new(DoubleSettings::default(), settings()).await;
    bench
        .double
        .cluster()
        .script(vec![Fault::Items(Which::At(vec![1]), 503); 1]);
    bench
        .double
        .cluster()
        .script(vec![Fault::Status(403); 100_000]);
    let (request, batch) = request(&numbered(3));
    bench.delivery.sender().send(request).await;
    assert_eq!(bench.delivery.drain(Duration::from_millis(200)).await, 1);
    assert_eq!(batch.holds(), [0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_bounded() {
    let double = DoubleSettings {
        latency: Duration::from_secs(60),
        ..DoubleSettings::default()
    };
    let mut settings = settings();
    settings.in_flight_requests = 2;
    let bench = Bench::new(double, settings).await;
    let sender = bench.delivery.sender();
    let mut accepted = 0;
    while accepted < 50 {
        let (request, _) = request(&numbered(1));
        let sent = tokio::time::timeout(Duration::from_millis(100), sender.send(request)).await;
        if sent.is_err() {
            break;
        }
        accepted += 1;
    }
    assert!(accepted <= 2 + 1 + 2, "{accepted} requests were accepted");
}

/// A request that is larger than all that may be on its way takes its time; the others need not wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_go_on_beside_a_request_that_is_too_large_for_the_limit() {
    let mut settings = settings();
    settings.in_flight_bytes = 64 << 10;
    let minute = Duration::from_secs(60);
    let bench = Bench::with_timeout(DoubleSettings::default(), settings, minute).await;
    bench.double.cluster().script([Fault::Slow(minute)]);
    let sender = bench.delivery.sender();
    let (large, _held) = request(&[format!("{{\"n\":0,\"text\":\"{}\"}}", "x".repeat(5 << 20))]);
    sender.send(large).await;
    while count(&bench.double.cluster().seen().faults) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (small, _settled) = request(&numbered(1));
    sender.send(small).await;
    let stats = bench.delivery.stats();
    let others = async {
        while count(&stats.in_flight) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let others = tokio::time::timeout(Duration::from_secs(20), others).await;
    assert!(others.is_ok(), "the small request waited");
    assert_eq!(count(&stats.indexed) + count(&stats.duplicates), 1);
}

#[tokio::test]
async fn buffers_come_back() {
    let bench = Bench::new(DoubleSettings::default(), settings()).await;
    let sender = bench.delivery.sender();
    let (mut request, _batch) = request(&numbered(10));
    request.body.reserve(100_000);
    let capacity = request.body.capacity();
    sender.send(request).await;
    while count(&bench.delivery.stats().in_flight) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (body, docs) = loop {
        let (body, docs) = sender.buffers();
        if body.capacity() == capacity {
            break (body, docs);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!(body.len(), 0);
    assert!(docs.is_empty() && docs.capacity() >= 10);
}

#[tokio::test]
async fn credentials_and_headers_are_sent() {
    let double = Double::start(DoubleSettings {
        authorization: Some("ApiKey Zm9vOmJhcg==".to_owned()),
        ..DoubleSettings::default()
    })
    .await
    .unwrap();
    let host = HostUrl::parse(&double.url(), None).unwrap();
    let mut client = ClientSettings {
        credentials: Login::api_key("foo:bar"),
        timeout: Duration::from_secs(5),
        ..ClientSettings::default()
    };
    let status = async |client: &ClientSettings| {
        let node = Node::new(host.clone(), client).unwrap();
        let answer = node.post_bulk("_bulk", "{}\n".into(), false, 1, 3).await;
        answer.unwrap().status
    };
    assert_eq!(status(&client).await, 400);
    client.credentials = Some(Login::Basic("foo".to_owned(), "bar".to_owned()));
    assert_eq!(status(&client).await, 401);
    client.headers = vec![("Authorization".to_owned(), "ApiKey Zm9vOmJhcg==".to_owned())];
    assert_eq!(
        status(&client).await,
        400,
        "custom headers go before our own"
    );
}
